package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// documented is what docs/server-users.md has in its boxes.
type documented struct {
	providers []string          // of JSON, in their order
	secrets   map[string]string // of the box that has no providers
	functions map[string]string // sources by names
}

func documentedUsers(t *testing.T) documented {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "server-users.md"))
	require.NoError(t, err)
	d := documented{functions: map[string]string{}}
	for _, box := range regexp.MustCompile("(?ms)^```(json|js)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if box[1] == "js" {
			name := regexp.MustCompile(`^// functions/(\w+)\.js\n`).FindStringSubmatch(box[2])
			require.NotNil(t, name, "%s", box[2])
			d.functions[name[1]] = box[2]
			continue
		}
		var secrets map[string]string
		if json.Unmarshal([]byte(box[2]), &secrets) == nil {
			d.secrets = secrets
		} else {
			d.providers = append(d.providers, box[2])
		}
	}
	return d
}

// house is an issuer of tokens for the documented examples, at the address that stands for https://id.example.com there.
type house struct {
	rsa  *rsa.PrivateKey
	ec   *ecdsa.PrivateKey
	url  string
	code string // that it exchanges
}

func startHouse(t *testing.T) *house {
	t.Helper()
	h := &house{code: "a code"}
	var err error
	h.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	h.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	mux := http.NewServeMux()
	b64 := base64.RawURLEncoding.EncodeToString
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"k","use":"sig","n":%q,"e":%q}]}`, b64(h.rsa.N.Bytes()), b64(big.NewInt(int64(h.rsa.E)).Bytes()))
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") != h.code || r.FormValue("client_secret") != "from the issuer" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintf(w, `{"id_token":%q}`, h.token(t, jwt.SigningMethodRS256, h.rsa, "", "realm"))
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	t.Setenv("SSL_CERT_FILE", roots)
	return h
}

func (h *house) token(t *testing.T, method jwt.SigningMethod, key crypto.PrivateKey, sub, audience string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims{"sub": "sub-" + sub, "aud": audience, "exp": time.Now().Add(time.Hour).Unix(), "iss": h.url, "user_data": map[string]any{"name": "Anna"}, "email": "anna@example.com", "email_verified": true})
	token.Header["kid"] = "k"
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

// What docs/server-users.md shows of each provider works: it is configured as it stands there, and users log in.
func TestDocumentedProviders(t *testing.T) {
	d := documentedUsers(t)
	h := startHouse(t)
	der, err := x509.MarshalPKIXPublicKey(&h.ec.PublicKey)
	require.NoError(t, err)
	require.Contains(t, d.secrets, "issuerKey")
	d.secrets["issuerKey"] = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	secrets, err := json.Marshal(d.secrets)
	require.NoError(t, err)
	type function struct {
		Name    string `json:"name"`
		Private bool   `json:"private"`
	}
	var functions []function
	for _, name := range slices.Sorted(maps.Keys(d.functions)) {
		functions = append(functions, function{name, true})
	}
	list, err := json.Marshal(functions)
	require.NoError(t, err)
	var args []string
	for i, box := range d.providers {
		dir := t.TempDir()
		put(t, dir, "realm_config.json", fmt.Sprintf(`{"app_id":"app-%d"}`, i))
		put(t, dir, "secrets.json", string(secrets))
		put(t, dir, "functions/config.json", string(list))
		for name, source := range d.functions {
			put(t, dir, "functions/"+name+".js", source)
		}
		if strings.Contains(box, `"api-key"`) { // for a user who may have keys
			box = strings.TrimSuffix(strings.TrimSpace(box), "}") + "," + strings.TrimPrefix(d.providers[1], "{")
		}
		put(t, dir, "auth/providers.json", strings.ReplaceAll(box, "https://id.example.com", h.url))
		args = append(args, "--app", dir)
	}
	p := serve(t, t.TempDir(), append(args, "--known-apps")...)

	// Each example is of the kind that stands here, and is used in this way.
	type app struct {
		at    string
		post  func(path, body string, want int) map[string]any
		login func(provider, body string, want int) map[string]any
	}
	uses := []struct {
		kind string
		use  func(app)
	}{
		{"anon-user", func(a app) { a.login("anon-user", `{}`, 200) }},
		{"autoConfirm", func(a app) {
			a.post("local-userpass/register", `{"email":"anna","password":"secret"}`, 201)
			a.post("local-userpass/register", `{"email":"Anna","password":"secret"}`, 201)
			a.post("local-userpass/register", `{"email":"anna","password":"secret"}`, 409)
			a.login("local-userpass", `{"username":"anna","password":"secret"}`, 200)
		}},
		{"emailConfirmationUrl", func(a app) {
			link := func(page string) string {
				var link []string // the log takes a moment to come through
				require.Eventually(t, func() bool {
					link = regexp.MustCompile(`link="?https://app.example.com/` + page + `\?token=(\w+)&tokenId=(\w+)"?\n`).FindStringSubmatch(p.stderr.String())
					return link != nil
				}, patience, 5*time.Millisecond, "%s", p.stderr)
				return fmt.Sprintf(`"token":%q,"tokenId":%q`, link[1], link[2])
			}
			a.post("local-userpass/register", `{"email":"anna@example.com","password":"secret"}`, 201)
			a.login("local-userpass", `{"username":"anna@example.com","password":"secret"}`, 401)
			a.post("local-userpass/confirm", "{"+link("confirm")+"}", 200)
			a.login("local-userpass", `{"username":"anna@example.com","password":"secret"}`, 200)
			a.post("local-userpass/reset/send", `{"email":"anna@example.com"}`, 202)
			a.post("local-userpass/reset", `{"password":"another",`+link("reset")+"}", 204)
			a.login("local-userpass", `{"username":"anna@example.com","password":"another"}`, 200)
		}},
		{"runConfirmationFunction", func(a app) {
			a.post("local-userpass/register", `{"email":"anna@example.net","password":"secret"}`, 400)
			a.post("local-userpass/register", `{"email":"anna@example.com","password":"secret"}`, 201)
			a.post("local-userpass/reset/call", `{"email":"anna@example.com","password":"another","arguments":["no"]}`, 400)
			a.post("local-userpass/reset/call", `{"email":"anna@example.com","password":"another","arguments":["let me"]}`, 204)
			a.post("local-userpass/reset/call", `{"email":"anna@example.com","password":"another","arguments":[]}`, 204)
			a.login("local-userpass", `{"username":"anna@example.com","password":"another"}`, 200)
		}},
		{"api-key", func(a app) {
			a.post("local-userpass/register", `{"email":"anna","password":"secret"}`, 201)
			s := &suite{process: p, token: a.login("local-userpass", `{"username":"anna","password":"secret"}`, 200)["refresh_token"].(string)}
			key := s.call("POST", "/api/client/v2.0/auth/api_keys", `{"name":"k"}`, 201)
			begun := a.login("api-key", fmt.Sprintf(`{"key":%q}`, key["key"]), 200)
			s.call("PUT", "/api/client/v2.0/auth/api_keys/"+key["_id"].(string)+"/disable", "", 204)
			a.login("api-key", fmt.Sprintf(`{"key":%q}`, key["key"]), 401)
			(&suite{process: p, token: begun["refresh_token"].(string)}).call("POST", "/api/client/v2.0/auth/session", "", 401)
		}},
		{"sharedKey", func(a app) {
			answer := a.login("custom-token", fmt.Sprintf(`{"token":%q}`, h.token(t, jwt.SigningMethodHS256, []byte(d.secrets["sharedKey"]), "one", a.at)), 200)
			profile := (&suite{process: p, token: answer["access_token"].(string)}).call("GET", "/api/client/v2.0/auth/profile", "", 200)
			require.Equal(t, map[string]any{"name": "Anna", "email": "anna@example.com"}, profile["data"])
		}},
		{"issuerKey", func(a app) {
			a.login("custom-token", fmt.Sprintf(`{"token":%q}`, h.token(t, jwt.SigningMethodES256, h.ec, "one", "other")), 200)
			a.login("custom-token", fmt.Sprintf(`{"token":%q}`, h.token(t, jwt.SigningMethodES256, h.ec, "one", a.at)), 401)
		}},
		{"useJWKURI", func(a app) {
			a.login("custom-token", fmt.Sprintf(`{"token":%q}`, h.token(t, jwt.SigningMethodRS256, h.rsa, "one", "app")), 200)
		}},
		{"custom-function", func(a app) {
			a.login("custom-function", `{"ticket":"of the house"}`, 200)
			require.Contains(t, a.login("custom-function", `{"ticket":"another"}`, 401)["error"], "there is no such ticket")
		}},
		{"domain_restrictions", func(a app) {
			for _, kind := range []string{"oauth2-google", "oauth2-apple", "oauth2-facebook"} {
				require.Contains(t, a.login(kind, `{"id_token":"x"}`, 401)["error"], "not three parts")
			}
		}},
		{"tokenURI", func(a app) {
			a.login("oauth2-google", fmt.Sprintf(`{"id_token":%q}`, h.token(t, jwt.SigningMethodRS256, h.rsa, "one", "realm")), 200)
			a.login("oauth2-google", fmt.Sprintf(`{"id_token":%q}`, h.token(t, jwt.SigningMethodRS256, h.rsa, "one", "another")), 401)
			a.login("oauth2-google", `{"authCode":"a code"}`, 200)
			a.login("oauth2-google", `{"authCode":"another"}`, 401)
		}},
	}
	require.Len(t, d.providers, len(uses), "each example of the document has its use here, in the same order")
	for i, u := range uses {
		require.Contains(t, d.providers[i], u.kind)
		a := app{at: fmt.Sprintf("app-%d", i)}
		a.post = func(path, body string, want int) map[string]any {
			return (&suite{process: p}).call("POST", "/api/client/v2.0/app/"+a.at+"/auth/providers/"+path, body, want)
		}
		a.login = func(provider, body string, want int) map[string]any { return a.post(provider+"/login", body, want) }
		u.use(a)
	}
	p.stop()
}
