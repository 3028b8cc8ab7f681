package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

const (
	nonceSize = 24
	tagSize   = 16
	// Overhead is by how much sealed data is longer: the tag and the nonce, which follow the ciphertext.
	Overhead = tagSize + nonceSize
)

// ErrForged: the data isn't what was sealed at this place under this key.
var ErrForged = errors.New("the data does not authenticate")

// Place says what is sealed and where it belongs; data that is moved to another place doesn't open there.
type Place struct {
	Kind  uint8 // page, frame, ... : the kinds are the VFS's
	Index uint64
	Bound uint64 // what else the data is bound to
	Page  uint32
}

const placeSize = 1 + 8 + 8 + 4

func (p Place) encode() (b [placeSize]byte) {
	b[0] = p.Kind
	binary.BigEndian.PutUint64(b[1:], p.Index)
	binary.BigEndian.PutUint64(b[9:], p.Bound)
	binary.BigEndian.PutUint32(b[17:], p.Page)
	return b
}

// Sealer seals and opens the pages of one file, for one connection: one goroutine at a time uses it.
type Sealer struct {
	block cipher.Block // AES-256 under the file's key: derives the keys that seal
	k1    [16]byte     // CMAC's first subkey

	prefix  [prefixSize]byte // first half of the nonces of what is sealed
	sealed  int              // with that prefix
	sealing cipher.AEAD
	opening map[[prefixSize]byte]cipher.AEAD // keys that were derived to open; bounded by openingSize
}

const (
	prefixSize  = 12
	prefixUses  = 1 << 16 // seals with one prefix
	openingSize = 64
)

func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s := &Sealer{block: block, opening: map[[prefixSize]byte]cipher.AEAD{}}
	block.Encrypt(s.k1[:], s.k1[:])
	msb := byte(0)
	for i := len(s.k1) - 1; i >= 0; i-- {
		msb, s.k1[i] = s.k1[i]>>7, s.k1[i]<<1|msb
	}
	s.k1[15] ^= msb * 0x87
	return s, nil
}

// derive returns AES-256-GCM under the key that XAES-256-GCM derives from the nonce's first half (a NIST SP 800-108 KDF with CMAC).
func (s *Sealer) derive(prefix [prefixSize]byte) (cipher.AEAD, error) {
	var key [32]byte
	defer clear(key[:])
	for i := range 2 {
		m := key[16*i : 16*i+16]
		m[1], m[2] = byte(i+1), 'X'
		copy(m[4:], prefix[:])
		for j := range m {
			m[j] ^= s.k1[j]
		}
		s.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealer returns what seals now, under s.prefix.
func (s *Sealer) sealer() (cipher.AEAD, error) {
	if s.sealed%prefixUses == 0 {
		rand.Read(s.prefix[:]) // never fails
		g, err := s.derive(s.prefix)
		if err != nil {
			return nil, err
		}
		s.sealing = g
	}
	s.sealed++
	return s.sealing, nil
}

// opener returns what opens data that was sealed under a prefix.
func (s *Sealer) opener(prefix [prefixSize]byte) (cipher.AEAD, error) {
	if s.sealing != nil && prefix == s.prefix {
		return s.sealing, nil
	}
	if g := s.opening[prefix]; g != nil {
		return g, nil
	}
	g, err := s.derive(prefix)
	if err == nil {
		if len(s.opening) >= openingSize {
			clear(s.opening)
		}
		s.opening[prefix] = g
	}
	return g, err
}

// Seal writes plain, sealed, to out, which is Overhead bytes longer and doesn't overlap it.
func (s *Sealer) Seal(out, plain []byte, at Place) error {
	g, err := s.sealer()
	if err != nil {
		return err
	}
	nonce := out[len(plain)+tagSize:]
	copy(nonce, s.prefix[:])
	rand.Read(nonce[prefixSize:]) // never fails
	place := at.encode()
	g.Seal(out[:0], nonce[prefixSize:], plain, place[:])
	return nil
}

// Open opens sealed data in place; what follows the plaintext is zeroed. Without success all of it is.
func (s *Sealer) Open(sealed []byte, at Place) error {
	n := len(sealed) - Overhead
	nonce := sealed[n+tagSize:]
	g, err := s.opener([prefixSize]byte(nonce))
	if err == nil {
		place := at.encode()
		if _, e := g.Open(sealed[:0], nonce[prefixSize:], sealed[:n+tagSize], place[:]); e != nil {
			err = ErrForged
		}
	}
	if err != nil {
		n = 0
	}
	clear(sealed[n:])
	return err
}
