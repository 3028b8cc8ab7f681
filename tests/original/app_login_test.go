package original

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startAppServer starts a server whose apps are made by its admin API.
func startAppServer(t *testing.T, args ...string) *server {
	t.Helper()
	return startServer(t, append([]string{"--dev", "--known-apps"}, args...)...)
}

// device starts a client of the app, with its files in dir of the test.
func (a *admin) device(dir string) *peer {
	a.t.Helper()
	return startPeer(a.t, a.srv.url(), a.client, dir)
}

// jwt is a custom JWT of the app's issuer. claims are JSON, without what all have.
func (a *admin) jwt(claims string) string {
	body := fmt.Sprintf(`{"aud":"%s","exp":%d,%s}`, a.client, time.Now().Add(time.Hour).Unix(), claims)
	encode := base64.RawStdEncoding.EncodeToString // as the upstream suites do
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(body))
	mac := hmac.New(sha256.New, []byte(jwtKey))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func describe(p *peer) user { p.t.Helper(); return into[user](p, object{"do": "describe"}) }

// Each way to log in, with what the client then says of the user.
func TestLogins(t *testing.T) {
	srv := startAppServer(t)
	a := newApp(t, srv)
	a.secret("customTokenKey", jwtKey)
	a.provide("custom-token", `"config":{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false},"secret_config":{"signingKeys":["customTokenKey"]},
		"metadata_fields":[{"required":true,"name":"user_data.name","field_name":"name"},{"required":false,"name":"my_metadata.age","field_name":"min_age"},{"required":false,"name":"a\\.b.c"}]`)
	id := a.function("logIn", `exports = (payload) => { if (!payload.who) throw new Error('who is it?'); return payload.who; }`)
	a.provide("custom-function", `"config":{"authFunctionName":"logIn","authFunctionId":"`+id+`"}`)
	dir := t.TempDir()
	p := a.device(dir)

	object24 := regexp.MustCompile(`^[0-9a-f]{24}$`)
	// is compares the user that is logged in.
	is := func(anonymous bool, provider, identity, profile string) user {
		t.Helper()
		u := describe(p)
		require.Equal(t, 1, u.State)
		require.Regexp(t, object24, u.ID)
		require.Regexp(t, object24, u.Device)
		require.True(t, u.HasDevice)
		require.Equal(t, anonymous, u.Anonymous)
		require.Len(t, u.Identities, 1)
		require.Equal(t, provider, u.Identities[0].Provider)
		if identity != "" {
			require.Equal(t, identity, u.Identities[0].ID)
		}
		require.Equal(t, profile, u.Profile)
		require.Equal(t, u.ID, into[string](p, object{"do": "user"}))
		return u
	}

	// Anonymous: reuse asks nothing, and without reuse there is another user.
	p.do(object{"do": "login"})
	first := is(true, "anon-user", "", "{}")
	require.Equal(t, []string{"GET /location 200", "POST /auth/providers/anon-user/login 200", "GET /auth/profile 200"}, short(a, p.exchanges()))
	p.do(object{"do": "login"})
	require.Equal(t, first.ID, describe(p).ID)
	require.Empty(t, p.exchanges())
	p.do(object{"do": "login", "reuse": false})
	require.NotEqual(t, first.ID, is(true, "anon-user", "", "{}").ID)
	require.Equal(t, []string{"POST /auth/providers/anon-user/login 200", "GET /auth/profile 200"}, short(a, p.exchanges()))

	// E-mail, with signs that mean something in addresses and in JSON.
	for _, email := range []string{"a@b.c", `"ä b"+%2f/?#&='\@b.c`} {
		password := "pass \"word\" \\ ü %41"
		p.do(object{"do": "register", "email": email, "password": password})
		p.do(object{"do": "login", "provider": "email", "email": email, "password": password})
		quoted, err := json.Marshal(email)
		require.NoError(t, err)
		quoted = []byte(strings.ReplaceAll(string(quoted), `\u0026`, "&"))
		one := is(false, "local-userpass", "", `{"email":`+string(quoted)+`}`)
		p.do(object{"do": "logout"})
		p.do(object{"do": "login", "provider": "email", "email": email, "password": password})
		require.Equal(t, one.ID, describe(p).ID)
	}
	p.appError(object{"do": "login", "provider": "email", "email": "a@b.c", "password": "another"}).is(t, 401, "InvalidPassword", "invalid username/password")
	p.appError(object{"do": "login", "provider": "email", "email": "nobody@b.c", "password": "another"}).is(t, 401, "InvalidPassword", "invalid username/password")
	p.appError(object{"do": "register", "email": "a@b.c", "password": "another"}).is(t, 409, "AccountNameInUse", "name already in use")

	// Custom JWT: the profile is what the metadata fields say.
	token := a.jwt(`"sub":"me","user_data":{"name":"Foo"},"my_metadata":{"age":"7"},"a.b":{"c":"d"}`)
	p.do(object{"do": "login", "provider": "jwt", "token": token})
	one := is(false, "custom-token", "me", `{"c":"d","min_age":"7","name":"Foo"}`)
	p.do(object{"do": "login", "provider": "jwt", "token": a.jwt(`"sub":"me","user_data":{"name":"Bar"}`)})
	require.Equal(t, one.ID, is(false, "custom-token", "me", `{"name":"Bar"}`).ID)
	r := p.appError(object{"do": "login", "provider": "jwt", "token": a.jwt(`"sub":"other"`)})
	require.Equal(t, "AuthError", r.Code)
	require.Equal(t, 401, r.Status)
	p.appError(object{"do": "login", "provider": "jwt", "token": strings.Replace(token, ".", ".x", 1)})

	// Function, with text and with a document.
	p.do(object{"do": "login", "provider": "function", "payload": `{"who":"anna","options":{"mine":1}}`})
	anna := is(false, "custom-function", "anna", `{}`)
	p.do(object{"do": "login", "provider": "function_bson", "payload": `{"who":"anna","n":{"$numberLong":"5"},"when":{"$date":{"$numberLong":"5"}}}`})
	require.Equal(t, anna.ID, describe(p).ID)
	r = p.appError(object{"do": "login", "provider": "function", "payload": `{}`})
	r.is(t, 401, "AuthError", "who is it?")

	// API key.
	a.provide("api-key", "")
	key := into[struct{ ID, Key string }](p, object{"do": "key_create", "name": "k"})
	p.do(object{"do": "login", "provider": "api_key", "key": key.Key})
	require.Equal(t, anna.ID, describe(p).ID)
	p.appError(object{"do": "login", "provider": "api_key", "key": "nonsense"})

	// What the app doesn't have.
	for provider, path := range map[string]string{"google": "oauth2-google", "google_code": "oauth2-google", "apple": "oauth2-apple", "facebook": "oauth2-facebook"} {
		r := p.appError(object{"do": "login", "provider": provider, "token": "t"})
		require.Equal(t, []any{404, "AuthProviderNotFound"}, []any{r.Status, r.Code}, path)
		require.Contains(t, r.Reason, path)
	}

	// All are there after a restart, logged in as they were, and the last one is the current one.
	users := into[[]user](p, object{"do": "users"})
	p.kill()
	p = a.device(dir)
	require.ElementsMatch(t, users, into[[]user](p, object{"do": "users"}))
	require.Equal(t, anna.ID, into[string](p, object{"do": "user"}))
}

// short is what requests were for: method, path without what all have in common, and status.
func short(a *admin, exchanges []exchange) []string {
	out := []string{}
	for _, e := range exchanges {
		path := strings.TrimPrefix(e.URL, a.srv.url()+"/api/client/v2.0")
		out = append(out, fmt.Sprintf("%s %s %d", e.Method, strings.TrimPrefix(path, "/app/"+a.client), e.Status))
	}
	return out
}

// Providers that are off log nobody in; who is logged in stays so.
func TestProvidersThatAreOff(t *testing.T) {
	a := newApp(t, startAppServer(t))
	dir := t.TempDir()
	p := a.device(dir)
	id := into[string](p, object{"do": "login"})
	type provider struct {
		ID string `json:"_id"`
	}
	for _, one := range decoded[[]provider](t, a.call("GET", "/auth_providers", "")) {
		a.call("PUT", "/auth_providers/"+one.ID+"/disable", "")
	}
	p.appError(object{"do": "login", "reuse": false}).is(t, 404, "AuthProviderNotFound", "authentication provider not found: 'anon-user'")
	for _, command := range []object{
		{"do": "register", "email": "a@b.c", "password": "password"}, {"do": "confirm", "token": "a", "token_id": "b"}, {"do": "reset_send", "email": "a@b.c"},
		{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"},
	} {
		p.appError(command).is(t, 404, "AuthProviderNotFound", "authentication provider not found: 'local-userpass'")
	}
	p.do(object{"do": "custom_data"})
	p.kill()
	p = a.device(dir)
	require.Equal(t, id, into[string](p, object{"do": "login"}), "an anonymous user is taken up again, also after a restart")
	require.Empty(t, p.exchanges())
	p.do(object{"do": "custom_data"})
}
