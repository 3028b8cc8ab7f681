package original

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// The credentials of Google, Apple and Facebook, each with an issuer of its own that takes their place.
func TestForeignLogins(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	idToken := func(subject string) string {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "https://issuer.example", "aud": "client-1", "sub": subject, "exp": time.Now().Add(time.Hour).Unix(), "name": "Foo " + subject})
		token.Header["kid"] = "k"
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return text
	}
	encode := base64.RawURLEncoding.EncodeToString
	pages := map[string]any{
		"/keys":              object{"keys": []object{{"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}}},
		"/token":             object{"id_token": idToken("by-code")},
		"/graph/debug_token": object{"data": object{"app_id": "client-1", "user_id": "7", "is_valid": true}},
		"/graph/me":          object{"id": "7", "name": "Foo Face", "birthday": "01/01/2000"},
	}
	issuer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := json.Marshal(pages[r.URL.Path])
		require.NoError(t, err)
		_, _ = w.Write(body)
	}))
	t.Cleanup(issuer.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}), 0o600))
	t.Setenv("SSL_CERT_FILE", roots)

	a := newApp(t, startAppServer(t))
	a.secret("clientSecret", "the client's secret")
	for _, kind := range []string{"oauth2-google", "oauth2-apple", "oauth2-facebook"} {
		a.provide(kind, `"config":{"clientId":"client-1","issuer":"https://issuer.example","jwkURI":"`+issuer.URL+`/keys","tokenURI":"`+issuer.URL+`/token","graphURI":"`+issuer.URL+`/graph"},"secret_config":{"clientSecret":"clientSecret"}`)
	}
	p := a.device(t.TempDir())
	ids := map[string]bool{}
	for _, login := range []struct{ provider, token, kind, identity, profile string }{
		{"google", idToken("g"), "oauth2-google", "g", `{"name":"Foo g"}`},
		{"google_code", "a code", "oauth2-google", "by-code", `{"name":"Foo by-code"}`},
		{"apple", idToken("a"), "oauth2-apple", "a", `{"name":"Foo a"}`},
		{"facebook", "their token", "oauth2-facebook", "7", `{"birthday":"01/01/2000","name":"Foo Face"}`},
	} {
		p.do(object{"do": "login", "provider": login.provider, "token": login.token})
		u := describe(p)
		require.Len(t, u.Identities, 1, login.provider)
		require.Equal(t, []string{login.kind, login.identity, login.profile}, []string{u.Identities[0].Provider, u.Identities[0].ID, u.Profile})
		ids[u.ID] = true
	}
	require.Len(t, ids, 4)
	require.Equal(t, 401, p.appError(object{"do": "login", "provider": "google", "token": idToken("g") + "x"}).Status)
}
