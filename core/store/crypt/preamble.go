package crypt

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// PageSize is the size of the pages of encrypted files.
	PageSize = 4096
	// PreambleSize is what comes before the first page.
	PreambleSize = PageSize

	// formatVersion is the version of the encryption's format.
	//
	//	1: the first
	formatVersion = 1

	magic     = "RLMS\x00AES"
	saltSize  = 32
	checkSize = 32
)

// Layout of the preamble: magic, version, page size (u32, big endian), salt, check, zeros.
const (
	atVersion = len(magic)
	atPage    = atVersion + 4
	atSalt    = atPage + 4
	atCheck   = atSalt + saltSize
	atRest    = atCheck + checkSize
)

var (
	// ErrWrongKey: the preamble was made with another key, or its salt or check are damaged, which can't be told apart.
	ErrWrongKey = errors.New("the encryption key is not the one of the file")
	// ErrDamaged: the preamble is not one that this library writes.
	ErrDamaged = errors.New("the head of the encrypted file is damaged")
)

// NewerError is returned for a file of a newer format.
type NewerError struct{ Version uint32 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("it is encrypted in format %d, and this library reads up to %d: update the library", e.Version, formatVersion)
}

// IsEncrypted tells from its first bytes whether a file is an encrypted one.
func IsEncrypted(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }

// NewPreamble makes the preamble of a new file, PreambleSize bytes, with a random salt.
func NewPreamble(key *Key) ([]byte, *Sealer, error) {
	p := make([]byte, PreambleSize)
	copy(p, magic)
	binary.BigEndian.PutUint32(p[atVersion:], formatVersion)
	binary.BigEndian.PutUint32(p[atPage:], PageSize)
	rand.Read(p[atSalt:atCheck]) // never fails
	s, check, err := derive(key, p)
	copy(p[atCheck:], check)
	return p, s, err
}

// Open checks the key and returns what opens and seals the file's pages. Errors: ErrWrongKey, ErrDamaged, *NewerError.
func Open(key *Key, preamble []byte) (*Sealer, error) {
	if len(preamble) != PreambleSize || !IsEncrypted(preamble) {
		return nil, ErrDamaged
	}
	if v := binary.BigEndian.Uint32(preamble[atVersion:]); v > formatVersion {
		return nil, &NewerError{v}
	} else if v == 0 {
		return nil, ErrDamaged
	}
	s, check, err := derive(key, preamble)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(check, preamble[atCheck:atRest]) != 1 {
		return nil, ErrWrongKey
	}
	if binary.BigEndian.Uint32(preamble[atPage:]) != PageSize || !allZero(preamble[atRest:]) {
		return nil, ErrDamaged
	}
	return s, nil
}

// derive makes a file's own keys: those of two files differ even when the application's is the same.
func derive(key *Key, preamble []byte) (*Sealer, []byte, error) {
	secret, err := hkdf.Extract(sha256.New, key.bytes[:], preamble[atSalt:atCheck])
	if err != nil {
		return nil, nil, err
	}
	defer clear(secret)
	seal, err := hkdf.Expand(sha256.New, secret, "realm_sync file: pages", 32)
	if err != nil {
		return nil, nil, err
	}
	defer clear(seal)
	check, err := hkdf.Expand(sha256.New, secret, "realm_sync file: key check", checkSize)
	if err != nil {
		return nil, nil, err
	}
	s, err := newSealer(seal)
	return s, check, err
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
