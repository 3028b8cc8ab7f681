package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePEM(t *testing.T) {
	public := func(kind string, key any) string {
		der, err := x509.MarshalPKIXPublicKey(key)
		require.NoError(t, err)
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	good := public("PUBLIC KEY", rsaKey().Public())
	for _, c := range []struct{ name, alg, text, why string }{
		{"RSA", RS256, good, ""},
		{"RSA in one line", RS256, strings.ReplaceAll(good, "\n", `\n`), ""},
		{"EC", ES256, public("PUBLIC KEY", p256.Public()), ""},
		{"text", RS256, "My_very_confidential_secretttttt", "no RSA public key"},
		{"nothing", ES256, "", "no EC public key"},
		{"the other kind", RS256, public("PUBLIC KEY", p256.Public()), "no RSA public key"},
		{"the other kind", ES256, good, "no EC public key"},
		{"another curve", ES256, public("PUBLIC KEY", p384.Public()), "P-256"},
		{"too short", RS256, public("PUBLIC KEY", small.Public()), "1024 bits"},
		{"a private key", RS256, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})), "no RSA public key"},
		{"cut", RS256, good[:len(good)/2], "no RSA public key"},
		{"endless", RS256, good + strings.Repeat(" ", 1<<20), "more than a public key has"},
		{"no such algorithm", "none", good, "no public keys of that algorithm"},
	} {
		key, err := ParsePEM(c.alg, c.text)
		if c.why == "" {
			require.NoError(t, err, c.name)
			require.NotNil(t, key, c.name)
			continue
		}
		require.ErrorContains(t, err, c.why, c.name)
		require.NotContains(t, err.Error(), "confidential", c.name)
	}
}
