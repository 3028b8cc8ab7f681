package original

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Several users of one client: switching, logging out, removing, deleting, and what of it is there after a restart.
func TestUsersOfAClient(t *testing.T) {
	a := newApp(t, startAppServer(t))
	dir := t.TempDir()
	p := a.device(dir)
	register := func(email string) string {
		p.do(object{"do": "register", "email": email, "password": "password"})
		return into[string](p, object{"do": "login", "provider": "email", "email": email, "password": "password"})
	}
	current := func() string { return into[string](p, object{"do": "user"}) }
	states := func() map[string]int {
		out := map[string]int{}
		for _, u := range into[[]user](p, object{"do": "users"}) {
			out[u.ID] = u.State
		}
		return out
	}
	one, two, three := register("1@b.c"), register("2@b.c"), register("3@b.c")
	anonymous := into[string](p, object{"do": "login"})
	require.Equal(t, map[string]int{one: 1, two: 1, three: 1, anonymous: 1}, states())
	p.do(object{"do": "switch", "user": one})
	require.Equal(t, one, current())
	p.exchanges()
	p.do(object{"do": "logout", "user": two})
	require.Equal(t, []string{"DELETE /auth/session 204"}, short(a, p.exchanges()))
	p.do(object{"do": "logout", "user": two})
	require.Empty(t, p.exchanges())
	require.Equal(t, one, current())
	p.do(object{"do": "remove", "user": three})
	require.Equal(t, []string{"DELETE /auth/session 204"}, short(a, p.exchanges()))
	p.do(object{"do": "logout", "user": anonymous})
	require.Equal(t, map[string]int{one: 1, two: 0}, states())

	p.kill()
	p = a.device(dir)
	require.Equal(t, map[string]int{one: 1, two: 0}, states())
	require.Equal(t, one, current())
	require.Equal(t, two, into[string](p, object{"do": "login", "provider": "email", "email": "2@b.c", "password": "password"}))
	require.Equal(t, three, into[string](p, object{"do": "login", "provider": "email", "email": "3@b.c", "password": "password"}))
	p.exchanges()
	p.do(object{"do": "delete_user", "user": three})
	require.Equal(t, []string{"DELETE /auth/delete 204"}, short(a, p.exchanges()))
	p.appError(object{"do": "login", "provider": "email", "email": "3@b.c", "password": "password"}).is(t, 401, "InvalidPassword", "invalid username/password")
	require.Equal(t, map[string]int{one: 1, two: 1}, states())
	p.do(object{"do": "register", "email": "3@b.c", "password": "password"})
	require.NotEqual(t, three, into[string](p, object{"do": "login", "provider": "email", "email": "3@b.c", "password": "password"}))
}

// Linking adds identities, in their order, and the user is the same by each.
func TestLinking(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.secret("customTokenKey", jwtKey)
	a.provide("custom-token", `"config":{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false},"secret_config":{"signingKeys":["customTokenKey"]},"metadata_fields":[{"required":false,"name":"name","field_name":"name"}]`)
	p := a.device(t.TempDir())
	id := into[string](p, object{"do": "login"})
	p.do(object{"do": "register", "email": "a@b.c", "password": "password"})
	p.exchanges()
	p.do(object{"do": "link", "provider": "email", "email": "a@b.c", "password": "password"})
	require.Equal(t, []string{"POST /auth/providers/local-userpass/login?link=true 200", "GET /auth/profile 200"}, short(a, p.exchanges()))
	u := describe(p)
	require.Equal(t, id, u.ID)
	require.False(t, u.Anonymous)
	p.do(object{"do": "link", "provider": "jwt", "token": a.jwt(`"sub":"me","name":"Me"`)})
	u = describe(p)
	providers := []string{}
	for _, i := range u.Identities {
		providers = append(providers, i.Provider)
	}
	require.Equal(t, []string{"anon-user", "local-userpass", "custom-token"}, providers)
	require.Equal(t, `{"email":"a@b.c","name":"Me"}`, u.Profile)
	require.Equal(t, id, into[string](p, object{"do": "login", "provider": "jwt", "token": a.jwt(`"sub":"me"`)}))
	require.Equal(t, id, into[string](p, object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"}))

	other := into[string](p, object{"do": "login", "reuse": false})
	require.NotEqual(t, id, other)
	r := p.appError(object{"do": "link", "provider": "email", "email": "a@b.c", "password": "password"})
	require.Equal(t, []string{"service"}, r.Kinds, "%+v", r)
	require.NotEqual(t, 401, r.Status, "the identity is somebody else's, and the session is good")
	require.Equal(t, 1, describe(p).State)
	r = p.appError(object{"do": "link", "provider": "email", "email": "a@b.c", "password": "wrong password"})
	require.Equal(t, "InvalidPassword", r.Code)
	require.Equal(t, 1, describe(p).State)
	require.Equal(t, "ClientUserAlreadyNamed", p.appError(object{"do": "link"}).Code)
}

// A token that is not good any more is replaced, a session that has ended ends at the client.
func TestTokens(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.function("id", `exports = () => context.user.id;`)
	dir := t.TempDir()
	p := a.device(dir)
	p.do(object{"do": "register", "email": "a@b.c", "password": "password"})
	login := func() user {
		p.do(object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"})
		p.exchanges()
		return describe(p)
	}
	u := login()
	call := object{"do": "call", "function": "id", "arguments": "[]"}
	bad := u.Access[:strings.LastIndexByte(u.Access, '.')+1] + "AAAA"

	p.do(object{"do": "set_tokens", "access": bad})
	require.Equal(t, u.ID, into[string](p, call))
	require.Equal(t, []string{"POST /functions/call 401", "POST /auth/session 201", "POST /functions/call 200"}, short(a, p.exchanges()))
	require.NotEqual(t, bad, describe(p).Access)

	// Of the other type.
	p.do(object{"do": "set_tokens", "access": u.Refresh})
	require.Equal(t, u.ID, into[string](p, call))
	require.Equal(t, []string{"POST /functions/call 401", "POST /auth/session 201", "POST /functions/call 200"}, short(a, p.exchanges()))
	p.do(object{"do": "set_tokens", "access": bad, "refresh": u.Access})
	p.appError(call).is(t, 401, "InvalidSession", "invalid session")
	require.Equal(t, []string{"POST /functions/call 401", "POST /auth/session 401"}, short(a, p.exchanges()))
	require.Equal(t, 1, describe(p).State)
	p.appError(object{"do": "custom_data"}).is(t, 401, "InvalidSession", "invalid session")
	p.appError(object{"do": "key_list"}).is(t, 401, "InvalidSession", "invalid session")
	require.Equal(t, 0, describe(p).State, "a refused refresh token logs out")

	// Revoked by an administrator: access tokens stay good, refreshes are refused.
	u = login()
	a.call("PUT", "/users/"+u.ID+"/logout", "")
	require.Equal(t, u.ID, into[string](p, call))
	p.appError(object{"do": "custom_data"}).is(t, 401, "InvalidSession", "invalid session")

	// Disabled.
	u = login()
	a.call("PUT", "/users/"+u.ID+"/disable", "")
	p.appError(object{"do": "custom_data"}).is(t, 401, "InvalidSession", "invalid session")
	p.appError(call).is(t, 401, "InvalidSession", "invalid session")
	r := p.appError(object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"})
	require.Equal(t, []any{"UserDisabled", 401}, []any{r.Code, r.Status})
	a.call("PUT", "/users/"+u.ID+"/enable", "")

	// Deleted by another client.
	u = login()
	other := a.device(t.TempDir())
	other.do(object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"})
	other.do(object{"do": "delete_user"})
	p.appError(call).is(t, 401, "InvalidSession", "invalid session")
	p.appError(object{"do": "delete_user"}).is(t, 401, "InvalidSession", "invalid session")
	p.appError(object{"do": "custom_data"}).is(t, 401, "InvalidSession", "invalid session")
	p.appError(object{"do": "logout"}).is(t, 401, "InvalidSession", "invalid session")
	require.Equal(t, 0, describe(p).State)
}

// A server that is killed and started again knows its users, sessions and tokens; while it is away the client says so and stays logged in.
func TestServerIsKilled(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	openDogs(p)
	p.do(object{"do": "watch", "stream": "s", "database": "synced", "collection": "Dog"})
	count := collection{p, "plain", "Dog"}.command("count", nil)
	a.srv.kill()
	require.Equal(t, []string{"custom"}, p.appError(count).Kinds)
	require.Equal(t, []string{"custom"}, p.appError(object{"do": "custom_data"}).Kinds)
	_, err := p.try(object{"do": "watched", "stream": "s"})
	require.ErrorContains(t, err, "the stream has ended")
	require.Equal(t, 1, describe(p).State)
	a.srv.start()
	p.exchanges()
	p.do(count)
	p.do(object{"do": "custom_data"})
	require.Equal(t, []string{"POST /functions/call 200", "POST /auth/session 201"}, short(a, p.exchanges()))
}

// Access tokens that expire are replaced before a session of sync begins, and when a request is refused.
func TestAccessTokenExpires(t *testing.T) {
	srv := startAppServer(t, "--access-token-life", "1s")
	a := newApp(t, srv)
	a.function("id", `exports = () => context.user.id;`)
	p := a.device(t.TempDir())
	id := into[string](p, object{"do": "login"})
	before := describe(p).Access
	require.Eventually(t, func() bool {
		return into[string](p, object{"do": "call", "function": "id", "arguments": "[]"}) == id && describe(p).Access != before
	}, patient, patient/60)
	openDogs(p)
	p.do(object{"do": "upload", "realm": "dogs"})
	require.Empty(t, p.said())
}

// startProxy starts something between clients and the server. asked counts the requests.
func startProxy(t *testing.T, srv *server) (base string, asked *atomic.Int32) {
	t.Helper()
	target, err := url.Parse(srv.url())
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	asked = &atomic.Int32{}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(between.Close)
	return between.URL, asked
}

// The addresses of the client: the configured one, and the one of the location. (This client leaves redirects to its SDK's HTTP stack.)
func TestLocation(t *testing.T) {
	srv := startAppServer(t)
	a := newApp(t, srv)
	urls := func(p *peer) map[string]string { return into[map[string]string](p, object{"do": "urls"}) }
	ws := "ws" + strings.TrimPrefix(srv.url(), "http")

	// A slash at the end of the configured one.
	p := startPeer(t, srv.url()+"/", a.client, t.TempDir())
	p.do(object{"do": "login"})
	require.Equal(t, map[string]string{"base": srv.url(), "host": srv.url(), "ws": ws}, urls(p))
	openDogs(p)

	// Through something else: the location leads to the server itself.
	base, asked := startProxy(t, srv)
	p = startPeer(t, base, a.client, t.TempDir())
	p.do(object{"do": "login"})
	require.Equal(t, map[string]string{"base": base, "host": srv.url(), "ws": ws}, urls(p))
	require.EqualValues(t, 1, asked.Load())

	// Another address of the same server, and one where nothing is.
	p = a.device(t.TempDir())
	p.do(object{"do": "login"})
	p.do(object{"do": "update_base_url", "url": base})
	require.Equal(t, map[string]string{"base": base, "host": srv.url(), "ws": ws}, urls(p))
	r := p.appError(object{"do": "update_base_url", "url": "http://127.0.0.1:1"})
	require.Equal(t, []string{"custom"}, r.Kinds)
	require.Equal(t, base, urls(p)["base"])
	p.do(object{"do": "custom_data"})

	// Apps that aren't there.
	for _, id := range []string{"NA", "no such", "ü/?#%"} {
		r := startPeer(t, srv.url(), id, t.TempDir()).appError(object{"do": "login"})
		require.Contains(t, []int{400, 404}, r.Status, "%q: %+v", id, r)
	}
	startPeer(t, srv.url(), "NA", t.TempDir()).appError(object{"do": "login"}).is(t, 404, "AppUnknownError", "cannot find app using Client App ID 'NA'")
}

// E-mail accounts: confirmed and reset by functions.
func TestEmailByFunctions(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.call("POST", "/functions", `{"name":"confirmFunc","private":true,"source":"exports = async ({token, tokenId, username}) => { await context.services.get('mongodb-atlas').db('plain').collection('Tokens').insertOne({username, token, tokenId}); return {status: username.split('@')[0]}; }"}`)
	a.call("POST", "/functions", `{"name":"resetFunc","private":true,"source":"exports = async ({token, tokenId, username, password, currentPasswordValid}, ...args) => { await context.services.get('mongodb-atlas').db('plain').collection('Resets').insertOne({token, tokenId, args, currentPasswordValid}); return {status: args[0]}; }"}`)
	a.provide("local-userpass", `"config":{"autoConfirm":false,"runConfirmationFunction":true,"confirmationFunctionName":"confirmFunc","runResetFunction":true,"resetFunctionName":"resetFunc"}`)
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	type token struct{ Token, TokenID string }
	last := func(collection_ string) (out token) {
		t.Helper()
		var text string
		require.NoError(t, json.Unmarshal(p.do(collection{p, "plain", collection_}.command("find_one", object{"sort": `{"_id":{"$numberInt":"-1"}}`})), &text))
		require.NoError(t, json.Unmarshal([]byte(text), &out))
		p.do(collection{p, "plain", collection_}.command("delete_many", object{}))
		return out
	}
	login := func(email, password string) object {
		return object{"do": "login", "provider": "email", "email": email, "password": password}
	}

	p.do(object{"do": "register", "email": "success@b.c", "password": "password"})
	last("Tokens")
	p.appError(object{"do": "register", "email": "fail@b.c", "password": "password"}).is(t, 400, "BadRequest", `failed to confirm user "fail@b.c"`)
	p.do(object{"do": "register", "email": "pending@b.c", "password": "password"})
	r := p.appError(login("pending@b.c", "password"))
	require.Equal(t, []any{"AuthError", "confirmation required", 401}, []any{r.Code, r.Reason, r.Status})
	last("Tokens")
	p.do(object{"do": "confirm_call", "email": "pending@b.c"})
	mail := last("Tokens")
	p.appError(object{"do": "confirm", "token": "x", "token_id": "y"}).is(t, 400, "BadRequest", "invalid token data")
	p.do(object{"do": "confirm", "token": mail.Token, "token_id": mail.TokenID})
	p.appError(object{"do": "confirm", "token": mail.Token, "token_id": mail.TokenID}).is(t, 400, "UserpassTokenInvalid", "userpass token is expired or invalid")
	p.do(login("pending@b.c", "password"))
	p.appError(object{"do": "confirm_call", "email": "pending@b.c"}).is(t, 400, "UserAlreadyConfirmed", "already confirmed")
	p.appError(object{"do": "confirm_send", "email": "pending@b.c"}).is(t, 400, "UserAlreadyConfirmed", "already confirmed")
	p.appError(object{"do": "confirm_call", "email": "nobody@b.c"}).is(t, 404, "UserNotFound", "user not found")

	reset := func(email, password, arguments string) object {
		return object{"do": "reset_call", "email": email, "password": password, "arguments": arguments}
	}
	p.do(reset("success@b.c", "another one", `["success",{"$numberLong":"1"}]`))
	p.appError(login("success@b.c", "password")).is(t, 401, "InvalidPassword", "invalid username/password")
	p.do(login("success@b.c", "another one"))
	p.appError(reset("success@b.c", "a third one", `["fail"]`)).is(t, 400, "BadRequest", `failed to reset password for user "success@b.c"`)
	p.appError(reset("nobody@b.c", "a third one", `["success"]`)).is(t, 404, "UserNotFound", "user not found")
	last("Resets")
	p.do(reset("success@b.c", "a third one", `["pending"]`))
	mail = last("Resets")
	p.do(login("success@b.c", "another one"))
	p.appError(object{"do": "reset", "password": "a third one", "token": "x", "token_id": "y"}).is(t, 400, "BadRequest", "invalid token data")
	p.do(object{"do": "reset", "password": "a third one", "token": mail.Token, "token_id": mail.TokenID})
	p.do(login("success@b.c", "a third one"))
	p.appError(object{"do": "reset", "password": "a fourth one", "token": mail.Token, "token_id": mail.TokenID}).is(t, 400, "UserpassTokenInvalid", "userpass token is expired or invalid")
	for password, text := range map[string]string{"short": "password must be between 6 and 128 characters", strings.Repeat("x", 129): "password must be between 6 and 128 characters"} {
		p.appError(object{"do": "register", "email": "new@b.c", "password": password}).is(t, 400, "BadRequest", text)
	}
}

// What the client says of its device is what administrators see of the session.
func TestDeviceIsSeen(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	u := describe(p)
	var sessions []struct {
		UserID   string `json:"user_id"`
		DeviceID string `json:"device_id"`
		Device   map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(a.call("GET", "/users/"+u.ID+"/sessions", "")), &sessions))
	require.Len(t, sessions, 1)
	require.Equal(t, u.Device, sessions[0].DeviceID)
	for name, want := range map[string]string{"appId": a.client, "platformVersion": "1", "sdkVersion": "2", "sdk": "peer", "deviceName": "a phone", "deviceVersion": "4", "frameworkName": "a frame", "frameworkVersion": "5",
		"bundleId": "peer.bundle", "cpuArch": "x86_64", "coreVersion": "14.13.5", "platform": "Android"} {
		require.Equal(t, want, sessions[0].Device[name], name)
	}
}

// Two apps in one process, also of one server and with one e-mail address.
func TestTwoApps(t *testing.T) {
	srv := startAppServer(t)
	one, two := newApp(t, srv), newApp(t, srv)
	dir := t.TempDir()
	p := one.device(dir)
	p.do(object{"do": "app", "name": "two", "url": srv.url(), "id": two.client, "directory": dir})
	ids := map[string]string{}
	for app, in := range map[string]string{"": "one", "two": "two"} {
		p.do(object{"do": "register", "app": app, "email": "a@b.c", "password": "password " + in})
		ids[app] = into[string](p, object{"do": "login", "app": app, "provider": "email", "email": "a@b.c", "password": "password " + in})
		(collection{p, "plain", "Where"}).p.do(object{"do": "collection", "app": app, "database": "plain", "collection": "Where", "method": "insert_one", "document": `{"_id":"` + in + `"}`})
	}
	require.NotEqual(t, ids[""], ids["two"])
	p.appError(object{"do": "login", "app": "two", "provider": "email", "email": "a@b.c", "password": "password one"}).is(t, 401, "InvalidPassword", "invalid username/password")
	for app, in := range map[string]string{"": "one", "two": "two"} {
		require.Equal(t, `[{"_id":"`+in+`"}]`, into[string](p, object{"do": "collection", "app": app, "database": "plain", "collection": "Where", "method": "find"}))
	}
	// The token of one app is none of the other.
	p.do(object{"do": "set_tokens", "app": "two", "access": describe(p).Access})
	r := p.appError(object{"do": "collection", "app": "two", "database": "plain", "collection": "Where", "method": "find"})
	require.Equal(t, 403, r.Status, "%+v", r)

	p.do(object{"do": "logout"})
	require.Equal(t, ids["two"], into[string](p, object{"do": "user", "app": "two"}))
	p.kill()
	p = one.device(dir)
	require.Equal(t, "null", string(p.do(object{"do": "user"})))
	p.do(object{"do": "app", "name": "two", "url": srv.url(), "id": two.client, "directory": dir})
	require.Equal(t, ids["two"], into[string](p, object{"do": "user", "app": "two"}))
}
