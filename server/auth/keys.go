package auth

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keySize is the size of a signing key, in bytes: HS256 gains nothing from more.
const keySize = 32

// maxKeys bounds the keys of a file: one that signs, and those of the overlap after rotations.
const maxKeys = 16

// keyring holds the keys that sign and verify tokens. It does not change after it was read.
type keyring struct {
	newest string            // the id of the key that signs
	byID   map[string][]byte // all keys that verify, by the kid of the token's header
}

// openKeyring reads the keys, and makes one on first use. The file has one key of 64 hexadecimal digits per line, newest
// first: the first signs, all verify. To rotate, put a new line on top; drop the old one when its refresh tokens have
// expired.
func openKeyring(path string) (*keyring, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		var key [keySize]byte
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
		text = []byte(hex.EncodeToString(key[:]) + "\n")
		if err := writeSecret(path, text); errors.Is(err, os.ErrExist) {
			return openKeyring(path) // another process was first
		} else if err != nil {
			return nil, fmt.Errorf("auth: making the token keys: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("auth: reading the token keys: %w", err)
	default:
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("auth: the token keys must be readable by their owner only: %w", err)
		}
	}
	return parseKeyring(path, text)
}

func parseKeyring(path string, text []byte) (*keyring, error) {
	k := &keyring{byID: map[string][]byte{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("auth: %s, line %d: a token key is %d hexadecimal digits; restore the file, or delete it, which ends all sessions", path, n, 2*keySize)
		}
		sum := sha256.Sum256(key)
		id := hex.EncodeToString(sum[:6])
		if k.newest == "" {
			k.newest = id
		}
		if k.byID[id] = key; len(k.byID) > maxKeys {
			return nil, fmt.Errorf("auth: %s has more than %d keys; drop the oldest", path, maxKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("auth: %s: %w", path, err)
	}
	if k.newest == "" {
		return nil, fmt.Errorf("auth: %s has no key; restore the file, or delete it, which ends all sessions", path)
	}
	return k, nil
}

// writeSecret makes a file, whole or not at all, that only its owner can read. It does not replace one.
func writeSecret(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(text); err != nil {
		_ = f.Close()
		return err
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
