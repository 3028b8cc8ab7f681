package auth

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keySize is the size of a signing key's seed, and of the HS256 keys of earlier versions, in bytes.
const keySize = 32

// maxKeys bounds the keys of a file: one that signs, and those of the overlap after rotations.
const maxKeys = 16

// keyFile is the file of the signing keys in the data directory.
const keyFile = "token-keys"

// keyring holds the keys that sign and verify tokens. It does not change after it was read.
//
// Its file has one key per line, newest first: the first signs, all verify. A line is "ed25519 ", the 64 hexadecimal digits of a
// seed (RFC 8032), and, in files of newer versions, when it was made, in seconds since 1970. Lines without the word are HS256 keys of versions before
// key pairs; they verify only.
type keyring struct {
	newest string                       // the id of the key that signs
	sign   ed25519.PrivateKey           // that key
	pairs  map[string]ed25519.PublicKey // all keys that verify, by the kid of the token's header
	shared map[string][]byte            // keys of HS256 that verify, likewise
	order  []string                     // ids of pairs, newest first
	lines  []keyLine                    // of the file
}

// keyLine is one line of the file.
type keyLine struct {
	text string
	id   string
	made time.Time // 1970 if that isn't known
}

// openKeyring reads the keys, and makes one on first use, or when there are only keys of earlier versions.
func openKeyring(path string, now time.Time) (*keyring, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		text = []byte(newKeyLine(now))
		if err := writeSecret(path, text, os.Link); errors.Is(err, os.ErrExist) {
			return openKeyring(path, now) // another process was first
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
	k, err := parseKeyring(path, text)
	if err == nil && k.sign == nil {
		return rotate(path, now, func(k *keyring) bool { return k.sign == nil })
	}
	return k, err
}

// RotateKeys puts a new signing key into the file of a data directory. Old ones still verify; MaintainKeys drops them when the tokens that they signed
// have ended. A Service that runs takes it up by ReloadKeys.
func RotateKeys(dir string) error {
	_, err := rotate(filepath.Join(dir, keyFile), time.Now(), func(*keyring) bool { return true })
	return err
}

// rotate puts a new key on top if that is due, and drops the oldest when there are too many.
func rotate(path string, now time.Time, due func(*keyring) bool) (*keyring, error) {
	err := changeKeys(path, func(old *keyring) ([]keyLine, error) {
		if !due(old) {
			return old.lines, nil
		}
		made, err := parseKeyring(path, []byte(newKeyLine(now)))
		if err != nil {
			return nil, err
		}
		lines := append(made.lines, old.lines...)
		return lines[:min(len(lines), maxKeys)], nil
	})
	if err != nil {
		return nil, err
	}
	return openKeyring(path, now)
}

// changeKeys replaces the lines of the file by those that change returns. No other process or Service changes it in between.
func changeKeys(path string, change func(*keyring) ([]keyLine, error)) error {
	f, err := lockKeys(path)
	if err != nil {
		return fmt.Errorf("auth: locking the token keys: %w", err)
	}
	defer f.Close() // and the lock with it
	text, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("auth: reading the token keys: %w", err)
	}
	k, err := parseKeyring(path, text)
	if err != nil {
		return err
	}
	lines, err := change(k)
	if err != nil {
		return err
	}
	if slices.Equal(lines, k.lines) {
		return nil
	}
	if err := writeKeys(path, lines); err != nil {
		return fmt.Errorf("auth: changing the token keys: %w", err)
	}
	return nil
}

// lockKeys opens the file and waits for its lock, which is the kernel's and ends when the file is closed, or with the process. Who has waited may
// have that of a file that was replaced meanwhile.
func lockKeys(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		}
		if err != nil {
			return nil, errors.Join(&os.PathError{Op: "flock", Path: path, Err: err}, f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(mine, now) {
			return f, nil
		}
		_ = f.Close()
	}
}

// writeKeys replaces the file.
func writeKeys(path string, lines []keyLine) error {
	var out strings.Builder
	for _, line := range lines {
		out.WriteString(line.text + "\n")
	}
	return writeSecret(path, []byte(out.String()), os.Rename)
}

const keyWord = "ed25519 "

func newKeyLine(now time.Time) string {
	var seed [keySize]byte
	_, _ = rand.Read(seed[:]) // never fails (crypto/rand)
	return keyWord + hex.EncodeToString(seed[:]) + " " + strconv.FormatInt(now.Unix(), 10) + "\n"
}

// keyOf returns the id of the key that signed a token of ours.
func keyOf(token string) string {
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	var h struct {
		ID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(text, &h) != nil {
		return ""
	}
	return h.ID
}

func parseKeyring(path string, text []byte) (*keyring, error) {
	k := &keyring{pairs: map[string]ed25519.PublicKey{}, shared: map[string][]byte{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		digits, pair := strings.CutPrefix(line, keyWord)
		digits, when, timed := strings.Cut(strings.TrimSpace(digits), " ")
		key, err := hex.DecodeString(digits)
		var made int64
		if timed && err == nil {
			made, err = strconv.ParseInt(strings.TrimSpace(when), 10, 64)
		}
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("auth: %s, line %d: a token key is \"ed25519 \", %d hexadecimal digits and perhaps a time; restore the file, or delete it, which ends all sessions", path, n, 2*keySize)
		}
		id := keyID(key)
		if pair {
			id = k.add(ed25519.NewKeyFromSeed(key))
		} else {
			k.shared[id] = key
		}
		k.lines = append(k.lines, keyLine{line, id, time.Unix(made, 0)})
		if len(k.pairs)+len(k.shared) > maxKeys {
			return nil, fmt.Errorf("auth: %s has more than %d keys; drop the oldest", path, maxKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("auth: %s: %w", path, err)
	}
	if len(k.pairs)+len(k.shared) == 0 {
		return nil, fmt.Errorf("auth: %s has no key; restore the file, or delete it, which ends all sessions", path)
	}
	return k, nil
}

func (k *keyring) add(key ed25519.PrivateKey) (id string) {
	public, _ := key.Public().(ed25519.PublicKey)
	id = keyID(public)
	if k.sign == nil {
		k.sign, k.newest = key, id
	}
	if k.pairs[id] == nil {
		k.order = append(k.order, id)
	}
	k.pairs[id] = public
	return id
}

func keyID(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:6])
}

func (s *Service) keyPath() string { return filepath.Join(s.cfg.Dir, keyFile) }

// ReloadKeys reads the file of the signing keys again. On an error those in use stay.
func (s *Service) ReloadKeys() error {
	keys, err := openKeyring(s.keyPath(), s.now())
	if err != nil {
		return err
	}
	if old := s.tokens.keys.Swap(keys); old.newest != keys.newest {
		s.log.Info("tokens are signed with another key", "kid", keys.newest)
	}
	return nil
}

// PublicKey is one key that verifies our tokens, as RFC 8037 writes it.
type PublicKey struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

// PublicKeys returns the keys that verify access and refresh tokens, the one that signs first (app-services 13.3).
func (s *Service) PublicKeys() []PublicKey {
	k := s.tokens.keys.Load()
	out := make([]PublicKey, 0, len(k.order))
	for _, id := range k.order {
		out = append(out, PublicKey{"OKP", "Ed25519", "sig", jwt.SigningMethodEdDSA.Alg(), id, base64.RawURLEncoding.EncodeToString(k.pairs[id])})
	}
	return out
}

// writeSecret makes a file, whole or not at all, that only its owner can read. place is os.Link, which replaces no file, or os.Rename.
func writeSecret(path string, text []byte, place func(string, string) error) error {
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
	if err := place(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
