package jwks

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// maxPEM bounds the text of a key, in bytes: one of 8192 bits with a certificate around it has a few thousand.
const maxPEM = 64 << 10

// ParsePEM reads the public key of RS256 or ES256 that is configured as text: PEM, of a key or of its certificate, whose lines may be written
// with "\n". A private key is none. The error is for whoever configures it, and has nothing of the text.
func ParsePEM(alg, text string) (crypto.PublicKey, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("it has %d bytes, more than a public key has", len(text))
	}
	raw := []byte(strings.ReplaceAll(text, `\n`, "\n"))
	switch alg {
	case RS256:
		k, err := jwt.ParseRSAPublicKeyFromPEM(raw)
		if err != nil {
			return nil, errors.New("it is no RSA public key in PEM")
		}
		return k, CheckRSA(k)
	case ES256:
		k, err := jwt.ParseECPublicKeyFromPEM(raw)
		if err != nil || k.Curve != elliptic.P256() {
			return nil, errors.New("it is no EC public key of the curve P-256 in PEM")
		}
		return k, nil
	}
	return nil, errors.New("there are no public keys of that algorithm")
}
