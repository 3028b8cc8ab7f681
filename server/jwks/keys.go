package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Bounds on what a set may have: it is somebody else's.
const (
	maxKeys    = 64
	minRSABits = 2048
	maxRSABits = 8192
)

// The algorithms that keys are used with (RFC 7518 section 3.1).
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// Key is a public key that verifies signatures of one algorithm.
type Key struct {
	ID     string // kid; may be empty
	Alg    string // RS256 or ES256
	Public crypto.PublicKey
}

type jsonKey struct {
	KeyType string   `json:"kty"`
	ID      string   `json:"kid"`
	Use     string   `json:"use"`
	Ops     []string `json:"key_ops"`
	Alg     string   `json:"alg"`
	Curve   string   `json:"crv"`
	N       string   `json:"n"`
	E       string   `json:"e"`
	X       string   `json:"x"`
	Y       string   `json:"y"`
}

// Parse reads a key set. Keys of other types, for other algorithms or for encryption are left out, as RFC 7517 section 5 says; a
// set without one that can be used is an error.
func Parse(text []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has %d keys, at most %d are accepted", len(set.Keys), maxKeys)
	}
	var out []Key
	var why error
	for _, raw := range set.Keys {
		var j jsonKey
		if json.Unmarshal(raw, &j) != nil {
			continue
		}
		k, err := j.key()
		if err != nil {
			why = err
			continue
		}
		out = append(out, k)
	}
	if len(out) == 0 {
		if why == nil {
			why = errors.New("it has none")
		}
		return nil, fmt.Errorf("the key set has no key that can be used: %w", why)
	}
	return out, nil
}

func (j *jsonKey) key() (Key, error) {
	if j.Use != "" && j.Use != "sig" || len(j.Ops) > 0 && !slices.Contains(j.Ops, "verify") {
		return Key{}, errors.New("a key is not for signatures")
	}
	k := Key{ID: j.ID}
	var err error
	switch {
	case j.KeyType == "RSA":
		k.Alg = RS256
		k.Public, err = j.rsa()
	case j.KeyType == "EC" && j.Curve == "P-256":
		k.Alg = ES256
		k.Public, err = j.ec()
	default:
		return k, errors.New("a key is neither of RSA nor of the curve P-256")
	}
	if err == nil && j.Alg != "" && j.Alg != k.Alg {
		err = fmt.Errorf("a key is for another algorithm than %s", k.Alg)
	}
	return k, err
}

func (j *jsonKey) rsa() (*rsa.PublicKey, error) {
	n, err1 := number(j.N, maxRSABits/8)
	e, err2 := number(j.E, 4)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	k := &rsa.PublicKey{N: n, E: int(e.Int64())}
	return k, CheckRSA(k)
}

// CheckRSA refuses keys that are too short, or whose use costs too much.
func CheckRSA(k *rsa.PublicKey) error {
	if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("an RSA key has %d bits, it must have %d to %d", bits, minRSABits, maxRSABits)
	}
	if k.E < 3 || k.E%2 == 0 || k.E > 1<<31-1 {
		return errors.New("an RSA key has an exponent that is not right")
	}
	return nil
}

func (j *jsonKey) ec() (*ecdsa.PublicKey, error) {
	x, err1 := number(j.X, 32)
	y, err2 := number(j.Y, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	point := make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	// It refuses what is not on the curve.
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("an EC key is not a point of its curve")
	}
	return k, nil
}

// number reads a big-endian number of at most a number of bytes.
func number(s string, most int) (*big.Int, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(most)+4 {
		return nil, errors.New("a number of a key is too large")
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(b) == 0 {
		return nil, errors.New("a number of a key is not base64url")
	}
	n := new(big.Int).SetBytes(b)
	if n.BitLen() > most*8 {
		return nil, errors.New("a number of a key is too large")
	}
	return n, nil
}
