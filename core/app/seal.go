package app

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
)

// sealMagic begins an encrypted user file. Version history: 1, the first: magic, 16 bytes that tell the key, 12 bytes nonce,
// AES-256-GCM over the plain file with everything before as additional data.
const sealMagic = "realmsync sealed 1\n"

// errOtherKey: the file is encrypted with another key, or not at all.
var errOtherKey = errors.New("another key")

// sealer encrypts the user file.
type sealer struct {
	aead cipher.AEAD
	tell []byte // derived from the key: distinguishes a wrong key from a damaged file
}

func newSealer(key []byte) (*sealer, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "realmsync users file 1", 32+16)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead, derived[32:]}, nil
}

func (s *sealer) close(plain []byte) ([]byte, error) {
	head := append([]byte(sealMagic), s.tell...)
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	out := append(head, nonce...)
	return s.aead.Seal(out, nonce, plain, out), nil
}

func (s *sealer) open(sealed []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte(sealMagic))
	if !ok {
		return nil, fmt.Errorf("%w: it is not an encrypted user file", ErrCorruptFile)
	}
	n := len(s.tell) + s.aead.NonceSize()
	if len(rest) < n {
		return nil, fmt.Errorf("%w: it is cut off", ErrCorruptFile)
	}
	if subtle.ConstantTimeCompare(rest[:len(s.tell)], s.tell) != 1 {
		return nil, errOtherKey
	}
	plain, err := s.aead.Open(nil, rest[len(s.tell):n], rest[n:], sealed[:len(sealMagic)+n])
	if err != nil {
		return nil, fmt.Errorf("%w: the encrypted contents are damaged", ErrCorruptFile)
	}
	return plain, nil
}
