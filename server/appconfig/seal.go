package appconfig

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Sizes of what is sealed: sealed text is the key's id, a nonce, and the ciphertext of AES-256-GCM.
const (
	keySize   = 32
	keyIDSize = 6
	nonceSize = 12
	maxKeys   = 16
)

// sealer encrypts what is stored: configurations hold secrets, addresses with passwords in them, and sources (app-services 13.11).
// It does not change after it was read.
type sealer struct {
	newest [keyIDSize]byte
	byID   map[[keyIDSize]byte]cipher.AEAD
}

// openSealer reads the keys, and makes one on first use. The file has one key of 64 hexadecimal digits per line, newest first: the
// first encrypts, all decrypt. create is false when there is something that a new key could not read.
func openSealer(path string, create bool) (*sealer, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && create:
		var key [keySize]byte
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
		if err := writeKey(path, []byte(hex.EncodeToString(key[:])+"\n")); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("making the key of configurations: %w", err)
		}
		return openSealer(path, false)
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s is missing, and configurations were encrypted with a key in it; restore it", path)
	case err != nil:
		return nil, fmt.Errorf("reading the key of configurations: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("the key of configurations must be readable by its owner only: %w", err)
		}
	}
	return parseSealer(path, text)
}

func parseSealer(path string, text []byte) (*sealer, error) {
	s := &sealer{byID: map[[keyIDSize]byte]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("%s, line %d: a key is %d hexadecimal digits; restore the file", path, n, 2*keySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(key)
		id := [keyIDSize]byte(sum[:keyIDSize])
		if len(s.byID) == 0 {
			s.newest = id
		}
		if s.byID[id] = aead; len(s.byID) > maxKeys {
			return nil, fmt.Errorf("%s has more than %d keys", path, maxKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(s.byID) == 0 {
		return nil, fmt.Errorf("%s has no key; restore it", path)
	}
	return s, nil
}

// seal encrypts; context must be given again to open what it returns.
func (s *sealer) seal(text []byte, context string) []byte {
	out := make([]byte, keyIDSize+nonceSize, keyIDSize+nonceSize+len(text)+16)
	copy(out, s.newest[:])
	_, _ = rand.Read(out[keyIDSize:]) // never fails (crypto/rand)
	return s.byID[s.newest].Seal(out, out[keyIDSize:], text, []byte(context))
}

func (s *sealer) open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < keyIDSize+nonceSize {
		return nil, errors.New("what is stored is damaged")
	}
	id, rest := [keyIDSize]byte(sealed[:keyIDSize]), sealed[keyIDSize:]
	aead, ok := s.byID[id]
	if !ok {
		return nil, errors.New("it was encrypted with a key that the key file does not have")
	}
	text, err := aead.Open(nil, rest[:nonceSize], rest[nonceSize:], []byte(context))
	if err != nil {
		return nil, errors.New("what is stored is damaged, or was moved from another app")
	}
	return text, nil
}

// writeKey makes a file, whole or not at all, that only its owner can read. It does not replace one.
func writeKey(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
