package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

func TestAnonymousLogin(t *testing.T) {
	f := open(t, nil)
	a := f.tryLogin("anon-user", "")
	var l login
	a.into(200, &l)
	a.is(200, `{"access_token":"`+l.AccessToken+`","refresh_token":"`+l.RefreshToken+`","user_id":"`+l.UserID+`","device_id":"`+l.DeviceID+`"}`)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Regexp(t, hexID, l.UserID)
	require.Regexp(t, hexID, l.DeviceID)
	require.NotEqual(t, "000000000000000000000000", l.DeviceID)
	require.NotEqual(t, l.UserID, f.anonymous().UserID, "reuse is the client's: the server makes a new user each time")
}

// Nothing about the device is required, and nothing wrong about it is an error (app-services 4.1).
func TestDevice(t *testing.T) {
	f := open(t, nil)
	const path = appPath + "auth/providers/anon-user/login"
	const known = "636aba021728b6c1c03db83f"
	for body, want := range map[string]string{
		`{}`:                                    "",
		`{"provider":"anon-user"}`:              "",
		`{"options":null}`:                      "",
		`{"options":[]}`:                        "",
		`{"options":{"device":"x"}}`:            "",
		`{"options":{"device":{"deviceId":5}}}`: "",
		`{"options":{"device":{"deviceId":"000000000000000000000000"}}}`: "",
		`{"options":{"device":{"deviceId":"x"}}}`:                        "",
		`{"options":{"device":{"deviceId":"` + known + `"}}}`:            known,
	} {
		var l login
		f.call(http.MethodPost, path, "", body).into(200, &l)
		require.Regexp(t, hexID, l.DeviceID, body)
		require.NotEqual(t, "000000000000000000000000", l.DeviceID, body)
		if want != "" {
			require.Equal(t, want, l.DeviceID)
		}
	}
}

// The same credentials are the same user, by whichever provider; sessions are new.
func TestLoginsWithTheSameCredentials(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	owner := f.named("a@b.c")
	key := f.createKey(owner.RefreshToken, "k")
	for provider, members := range map[string]string{
		"local-userpass": userpassMembers("a@b.c", password),
		"api-key":        `"key":"` + key.Key + `"`,
		"custom-token":   `"token":"` + f.subject("somebody") + `"`,
	} {
		one, two := f.login(provider, members), f.login(provider, members)
		require.Equal(t, one.UserID, two.UserID, provider)
		require.NotEqual(t, one.RefreshToken, two.RefreshToken, provider)
		require.NotEqual(t, one.AccessToken, two.AccessToken, provider)
		if provider != "custom-token" {
			require.Equal(t, owner.UserID, one.UserID, provider)
		}
	}
}

func TestLoginRefusals(t *testing.T) {
	f := open(t, nil)
	f.secret("wrong-password")
	f.register("a@b.c")
	disabled := f.named("disabled@b.c")
	require.NoError(t, f.auth.SetUserDisabled(t.Context(), f.app, disabled.UserID, true))
	deleted := f.named("deleted@b.c")
	f.call(http.MethodDelete, prefix+"auth/delete", deleted.AccessToken, "").is(204, "")
	jwt := func(header, claims, key string) string { return `"token":"` + f.customJWT(header, claims, key) + `"` }
	hour := f.claims(testApp, "x", time.Hour)

	for name, c := range map[string]struct {
		provider, members string
		status            int
		text, code        string
	}{
		"wrong password":               {"local-userpass", userpassMembers("a@b.c", "wrong-password"), 401, "invalid username/password", "InvalidPassword"},
		"unknown e-mail":               {"local-userpass", userpassMembers("who@b.c", password), 401, "invalid username/password", "InvalidPassword"},
		"deleted":                      {"local-userpass", userpassMembers("deleted@b.c", password), 401, "invalid username/password", "InvalidPassword"},
		"no members":                   {"local-userpass", "", 401, "invalid username/password", "InvalidPassword"},
		"empty password":               {"local-userpass", userpassMembers("a@b.c", ""), 401, "invalid username/password", "InvalidPassword"},
		"disabled":                     {"local-userpass", userpassMembers("disabled@b.c", password), 401, "user disabled", "UserDisabled"},
		"disabled, wrong password":     {"local-userpass", userpassMembers("disabled@b.c", "wrong-password"), 401, "invalid username/password", "InvalidPassword"},
		"password is a number":         {"local-userpass", `"username":"a@b.c","password":5`, 400, "'password' must be a string", "BadRequest"},
		"password is null":             {"local-userpass", `"username":"a@b.c","password":null`, 400, "'password' must be a string", "BadRequest"},
		"user name is an object":       {"local-userpass", `"username":{"$ne":""},"password":"x"`, 400, "'username' must be a string", "BadRequest"},
		"API keys are off":             {"api-key", `"key":"x"`, 404, "authentication provider not found: 'api-key'", "AuthProviderNotFound"},
		"no such provider":             {"nobody", "", 404, "authentication provider not found: 'nobody'", "AuthProviderNotFound"},
		"google":                       {"oauth2-google", `"authCode":"x"`, 404, "authentication provider not found: 'oauth2-google'", "AuthProviderNotFound"},
		"apple":                        {"oauth2-apple", `"id_token":"x"`, 404, "authentication provider not found: 'oauth2-apple'", "AuthProviderNotFound"},
		"facebook":                     {"oauth2-facebook", `"accessToken":"x"`, 404, "authentication provider not found: 'oauth2-facebook'", "AuthProviderNotFound"},
		"custom function":              {"custom-function", `"realmCustomAuthFuncUserId":"x"`, 404, "authentication provider not found: 'custom-function'", "AuthProviderNotFound"},
		"custom function, any members": {"custom-function", `"username":{"$numberInt":"4"},"token":[],"key":null,"password":5`, 404, "authentication provider not found: 'custom-function'", "AuthProviderNotFound"},
		"JWT: none at all":             {"custom-token", "", 401, "invalid custom auth token: it is not three parts with dots between them", "AuthError"},
		"JWT: wrong signature":         {"custom-token", jwt(hs256, hour, "another_very_confidential_secret"), 401, "invalid custom auth token: its signature is not right for the configured key", "AuthError"},
		"JWT: wrong audience":          {"custom-token", jwt(hs256, f.claims("other", "x", time.Hour), jwtSecret), 401, "invalid custom auth token: token has invalid audience", "AuthError"},
		"JWT: expired":                 {"custom-token", jwt(hs256, f.claims(testApp, "x", -time.Hour), jwtSecret), 401, "invalid custom auth token: token is expired", "AuthError"},
		"JWT: algorithm none":          {"custom-token", jwt(`{"alg":"none"}`, hour, jwtSecret), 401, "invalid custom auth token: its algorithm must be HS256, without extensions", "AuthError"},
		"JWT: algorithm RS256":         {"custom-token", jwt(`{"alg":"RS256"}`, hour, jwtSecret), 401, "invalid custom auth token: its algorithm must be HS256, without extensions", "AuthError"},
		"JWT: no subject":              {"custom-token", jwt(hs256, f.claims(testApp, "", time.Hour), jwtSecret), 401, "invalid custom auth token: its sub must be a text of 1 to 1024 bytes", "AuthError"},
	} {
		t.Log(name)
		f.tryLogin(c.provider, c.members).refusedFor(c.status, c.text, c.code)
	}
}

func TestDisabledProvider(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	ctx := t.Context()
	require.NoError(t, f.auth.SetProviderDisabled(ctx, f.app, "anon-user", true))
	require.NoError(t, f.auth.SetProviderDisabled(ctx, f.app, "local-userpass", true))
	f.tryLogin("anon-user", "").refusedFor(404, "authentication provider not found: 'anon-user'", "AuthProviderNotFound")
	const text, code = "authentication provider not found: 'local-userpass'", "AuthProviderNotFound"
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(404, text, code)
	for path, body := range map[string]string{
		"register": `{"email":"x@b.c","password":"password"}`, "confirm": `{"token":"x","tokenId":"y"}`, "confirm/send": `{"email":"a@b.c"}`,
		"confirm/call": `{"email":"a@b.c"}`, "reset": `{"password":"password","token":"x","tokenId":"y"}`, "reset/send": `{"email":"a@b.c"}`,
		"reset/call": `{"email":"a@b.c","password":"password","arguments":[]}`,
	} {
		f.call(http.MethodPost, userpassPath+path, "", body).refusedFor(404, text, code)
	}
}

func TestLinking(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	f.register("a@b.c")
	f.register("b@b.c")
	email := userpassMembers("a@b.c", password)

	a := f.link(user.AccessToken, "local-userpass", email)
	var fresh login
	a.into(200, &fresh)
	a.is(200, `{"access_token":"`+fresh.AccessToken+`"}`)
	f.link(fresh.AccessToken, "custom-token", `"token":"`+f.subject("me")+`"`).into(200, &fresh)
	f.link(fresh.AccessToken, "local-userpass", email).into(200, &fresh) // it is there already

	p := f.profile(fresh.AccessToken)
	require.Equal(t, user.UserID, p.UserID)
	require.Len(t, p.Identities, 3)
	require.Equal(t, user.UserID, f.login("local-userpass", email).UserID)
	require.Equal(t, user.UserID, f.login("custom-token", `"token":"`+f.subject("me")+`"`).UserID)

	other := f.login("local-userpass", userpassMembers("b@b.c", password))
	f.link(other.AccessToken, "local-userpass", email).refusedFor(409, "a user already exists with the specified provider", "AuthError")
	f.link(other.AccessToken, "anon-user", `"x":1`).refusedFor(400, "credentials of provider 'anon-user' cannot be linked", "BadRequest")
	f.link(other.AccessToken, "api-key", `"key":"x"`).refusedFor(400, "credentials of provider 'api-key' cannot be linked", "BadRequest")
	f.link(other.AccessToken, "local-userpass", userpassMembers("a@b.c", f.secret("wrong-password"))).refusedFor(401, "invalid username/password", "InvalidPassword")
	f.link(other.RefreshToken, "local-userpass", email).refusedFor(401, "invalid session", "InvalidSession")
	f.link("", "local-userpass", email).refusedFor(401, "invalid session", "InvalidSession")
	// A token of another app.
	var stranger login
	f.call(http.MethodPost, prefix+"app/other/auth/providers/anon-user/login", "", `{}`).into(200, &stranger)
	f.link(stranger.AccessToken, "local-userpass", email).refusedFor(403, "the user does not belong to this app", "UserAppDomainMismatch")
	// The session was closed: its access token is still good, and is not prolonged.
	f.call(http.MethodDelete, prefix+"auth/session", other.RefreshToken, "").is(204, "")
	f.link(other.AccessToken, "custom-token", `"token":"`+f.subject("new")+`"`).refusedFor(401, "invalid session", "InvalidSession")
}

// What waits for its turn to have a password hashed doesn't hold a text of a megabyte meanwhile.
func TestDeviceTextsAreShort(t *testing.T) {
	long, err := json.Marshal(strings.Repeat("x", MaxBody/2))
	require.NoError(t, err)
	d := readDevice(object{"deviceName": long, "sdk": json.RawMessage(`"Realm Cpp"`)})
	require.Less(t, len(d.DeviceName), 2*auth.MaxDeviceText)
	require.Equal(t, "Realm Cpp", d.SDK)
}
