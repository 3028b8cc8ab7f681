package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
)

// customToken configures the login by JWTs of an app's own.
func (s *server) customToken(app, config string, secrets ...string) error {
	s.t.Helper()
	_, err := s.configs.Update(s.t.Context(), app, func(c *appconfig.Config) error {
		names := []string{}
		for i, secret := range secrets {
			name := fmt.Sprint("key", i)
			names = append(names, name)
			if have := c.Secret(name); have != nil {
				have.Value = secret
			} else {
				c.Secrets = append(c.Secrets, appconfig.Secret{ID: appconfig.FixedID(app, name), Name: name, Value: secret})
			}
		}
		text, err := json.Marshal(map[string]any{"signingKeys": names})
		if err != nil {
			return err
		}
		p := appconfig.Provider{ID: appconfig.FixedID(app, "custom"), Name: "custom-token", Type: "custom-token", Config: json.RawMessage(config), SecretConfig: text}
		if have := c.Provider("custom-token"); have != nil {
			*have = p
		} else {
			c.Providers = append(c.Providers, p)
		}
		return nil
	})
	return err
}

func (s *server) customLogin(app, token string) answer {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"token": token})
	require.NoError(s.t, err)
	return s.ask("POST", clientAPI+"app/"+app+"/auth/providers/custom-token/login", "", string(body))
}

func claims(change map[string]any) jwt.MapClaims {
	out := jwt.MapClaims{"aud": shop, "sub": "anna", "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range change {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

func signed(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	for k, v := range header {
		token.Header[k] = v
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

// JWTs that somebody else's system is said to have made: forged, foreign, out of date, for others, or built to confuse.
func TestCustomTokens(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	const mine, theirs = "My_very_confidential_secretttttt", "Another_confidential_secrettttttt"
	require.NoError(t, s.customToken(shop, `{"signingAlgorithm":"HS256"}`, mine))
	require.NoError(t, s.customToken(other, `{"signingAlgorithm":"HS256"}`, theirs))
	hs := func(key string, header map[string]any, c jwt.MapClaims) string {
		return signed(t, jwt.SigningMethodHS256, []byte(key), header, c)
	}
	raw := func(claims string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		sum, err := jwt.SigningMethodHS256.Sign(text, []byte(mine))
		require.NoError(t, err)
		return text + "." + base64.RawURLEncoding.EncodeToString(sum)
	}
	good := hs(mine, nil, claims(nil))
	var l login
	s.customLogin(shop, good).into(200, &l)
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"none":                     signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(nil)),
		"none, with a signature":   b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2],
		"nOnE":                     b64([]byte(`{"alg":"nOnE"}`)) + "." + parts[1] + ".",
		"no algorithm":             b64([]byte(`{}`)) + "." + parts[1] + "." + parts[2],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"other app's key":          hs(theirs, nil, claims(nil)),
		"HS384":                    signed(t, jwt.SigningMethodHS384, []byte(mine), nil, claims(nil)),
		"expired":                  hs(mine, nil, claims(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()})),
		"no end":                   hs(mine, nil, claims(map[string]any{"exp": nil})),
		"an end that is text":      hs(mine, nil, claims(map[string]any{"exp": "2999-01-01"})),
		"not yet":                  hs(mine, nil, claims(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})),
		"for another app":          hs(mine, nil, claims(map[string]any{"aud": other})),
		"for nobody":               hs(mine, nil, claims(map[string]any{"aud": nil})),
		"for a number":             hs(mine, nil, claims(map[string]any{"aud": 7})),
		"of nobody":                hs(mine, nil, claims(map[string]any{"sub": ""})),
		"of a number":              hs(mine, nil, claims(map[string]any{"sub": 7})),
		"of an endless name":       hs(mine, nil, claims(map[string]any{"sub": strings.Repeat("x", 2000)})),
		"critical extension":       hs(mine, map[string]any{"crit": []string{"exp"}}, claims(nil)),
		"a key by its path":        hs("", map[string]any{"kid": "../../../../dev/null"}, claims(nil)),
		"a key by SQL":             hs("x", map[string]any{"kid": "x' UNION SELECT 'x' --"}, claims(nil)),
		"a key in the header":      hs("\x00\x00\x00", map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, claims(nil)),
		"a key by its address":     hs("x", map[string]any{"jku": "https://evil.example/keys", "x5u": "https://evil.example/cert"}, claims(nil)),
		"claims that are an array": raw(`[]`),
		"claims that are null":     raw(`null`),
		"claims that are deep":     raw(deep(`{"a":`, "1", "}", 7_000)),
		"a token of ours":          l.Access,
		"two of them":              good + "." + good,
		"deep":                     b64([]byte(deep(`{"a":`, "1", "}", 7_000))) + "." + parts[1] + "." + parts[2],
		"long":                     good + strings.Repeat("A", 60<<10),
		"nothing":                  "",
		"text":                     "' OR 1=1 --",
	} {
		a := s.customLogin(shop, token)
		a.what = name
		a.refused(401, "AuthError")
		require.NotContains(t, string(a.body), mine)
	}
	// A kid that leads elsewhere leads nowhere: the key is the configuration's to say.
	s.customLogin(shop, hs(mine, map[string]any{"kid": "../../../etc/passwd"}, claims(map[string]any{"sub": "../../x"}))).into(200, &l)
	s.customLogin(other, good).refused(401, "AuthError")

	// Keys that are none are refused when they are stored, by whichever way, and leave the app as it was.
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(ec.Public())
	require.NoError(t, err)
	ecPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, alg := range []string{"RS256", "ES256"} {
		for _, secret := range []string{"no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", strings.ReplaceAll(ecPEM, "PUBLIC", "PRIVATE")[:80]} {
			var v *appconfig.ValidationError
			require.ErrorAs(t, s.customToken(shop, `{"signingAlgorithm":"`+alg+`"}`, secret), &v, alg)
		}
	}
	s.customLogin(shop, good).into(200, &l)
	require.NoError(t, s.customToken(shop, `{"signingAlgorithm":"ES256"}`, ecPEM))
	s.customLogin(shop, signed(t, jwt.SigningMethodES256, ec, nil, claims(nil))).into(200, &l)
	s.customLogin(shop, hs(ecPEM, nil, claims(nil))).refused(401, "AuthError")
	s.customLogin(shop, good).refused(401, "AuthError")
	for _, app := range s.apps() {
		var secrets []struct {
			ID   string `json:"_id"`
			Name string
		}
		s.ask("GET", adminAPI+"groups/"+s.group+"/apps/"+app+"/secrets", s.admin, "").into(200, &secrets)
		for _, secret := range secrets {
			a := s.ask("PUT", adminAPI+"groups/"+s.group+"/apps/"+app+"/secrets/"+secret.ID, s.admin, `{"name":"`+secret.Name+`","value":"no PEM"}`)
			a.refused(400, "BadRequest") // it is too short for HS256, or no PEM
		}
	}
	h.stop()
}

// apps are the internal ids of the apps.
func (s *server) apps() (ids []string) {
	s.t.Helper()
	var list []struct {
		ID string `json:"_id"`
	}
	s.ask("GET", adminAPI+"groups/"+s.group+"/apps", s.admin, "").into(200, &list)
	for _, app := range list {
		ids = append(ids, app.ID)
	}
	return ids
}

// An issuer's key set that is huge, endless, slow to say nothing, somewhere else, or no key set: logins with it are refused, in bounded memory, and it is
// not asked again for each token.
func TestKeySets(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	one := func(id string) string {
		return fmt.Sprintf(`{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}`, id, b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes()))
	}
	var asked atomic.Int64
	issuer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		write := func(text string) { _, _ = w.Write([]byte(text)) }
		switch r.URL.Path {
		case "/good":
			write(`{"keys":[` + one("a") + `]}`)
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
					return
				}
			}
		case "/huge":
			write(`{"keys":[` + strings.Repeat(one("a")+",", 100_000) + one("a") + `]}`)
		case "/many":
			write(`{"keys":[` + strings.Repeat(one("b")+",", 900) + one("a") + `]}`)
		case "/deep":
			write(deep(`{"keys":[`, "", `]}`, 20_000))
		case "/zip":
			w.Header().Set("Content-Encoding", "gzip")
			write("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
		case "/elsewhere":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "https://"+r.Host+"/good", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/symmetric":
			write(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`)
		case "/weak":
			write(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`)
		case "/text":
			write(`no keys`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer issuer.Close()
	roots := x509.NewCertPool()
	roots.AddCert(issuer.Certificate())
	s := openTrusting(t, true, roots)
	h := s.honest()
	token := func(kid string) string {
		return signed(t, jwt.SigningMethodRS256, key, map[string]any{"kid": kid}, claims(nil))
	}
	var l login
	require.NoError(t, s.customToken(shop, `{"useJWKURI":true,"signingAlgorithm":"RS256","jwkURI":"`+issuer.URL+`/good"}`))
	s.customLogin(shop, token("a")).into(200, &l)
	// Names that aren't in the set are not asked about one by one.
	before := asked.Load()
	for i := range 50 {
		s.customLogin(shop, token(fmt.Sprint("../../", i))).refused(401, "AuthError")
	}
	require.LessOrEqual(t, asked.Load()-before, int64(1))
	frugal(t, 64, func() {
		for _, path := range []string{"endless", "huge", "many", "deep", "zip", "elsewhere", "here", "circle", "symmetric", "weak", "text", "error"} {
			require.NoError(t, s.customToken(shop, `{"useJWKURI":true,"signingAlgorithm":"RS256","jwkURI":"`+issuer.URL+`/`+path+`"}`))
			before := asked.Load()
			for range 3 {
				a := s.customLogin(shop, token("a"))
				a.refused(401, "AuthError")
				require.NotContains(t, string(a.body), issuer.URL, path)
			}
			require.LessOrEqual(t, asked.Load()-before, int64(5), path)
		}
	})
	for _, address := range []string{"http://127.0.0.1/keys", "file:///etc/passwd", "https://user:pass@e.com/", "//e.com", "gopher://e.com", ""} {
		var v *appconfig.ValidationError
		require.ErrorAs(t, s.customToken(shop, `{"useJWKURI":true,"signingAlgorithm":"RS256","jwkURI":"`+address+`"}`), &v, address)
	}
	h.stop()
}
