package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEmailLogin(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	require.Nil(t, a.CurrentUser())
	creds := f.mustRegister(a, "a@b.c")

	err := a.RegisterEmail(bg, "a@b.c", "other")
	e := asError(t, err)
	require.Equal(t, CodeAccountNameInUse, e.Code)
	require.Equal(t, "name already in use", e.Message)
	require.Equal(t, f.URL+"/logs", e.LogsURL)
	require.Equal(t, 409, e.Status)

	u, err := a.LogIn(bg, EmailPassword("a@b.c", "wrong"))
	require.Nil(t, u)
	require.True(t, IsCode(err, CodeInvalidPassword))
	require.Nil(t, a.CurrentUser())
	require.Empty(t, f.calls("/auth/session"), "a refused login is not a stale token")

	u = f.mustLogIn(a, creds)
	require.Equal(t, LoggedIn, u.State())
	require.Same(t, u, a.CurrentUser())
	require.Equal(t, "636aba021728b6c1c03db83f", u.DeviceID())
	require.Equal(t, []Identity{{"local-userpass:a@b.c", "local-userpass"}}, u.Identities())
	require.JSONEq(t, `{"email":"a@b.c","name":"Foo"}`, string(u.Profile().JSON()))
	require.Equal(t, "a@b.c", u.Profile().Text("email"))
	require.Empty(t, u.Profile().Text("gender"))
	require.NotEmpty(t, u.AccessToken())
	require.NotEmpty(t, u.RefreshToken())
	require.False(t, u.IsAnonymous())
	require.Nil(t, u.CustomData())
	require.Same(t, u, f.mustLogIn(a, creds), "the same user again")
	require.Len(t, a.Users(), 1)
}

// Checklist 44: bytes as the original's.
func TestLoginBodies(t *testing.T) {
	device := DeviceInfo{Platform: "Linux", CPUArch: "x86_64"}.withDefaults()
	const options = `"options":{"device":{"appId":"test-abcde","platform":"Linux","platformVersion":"?","sdk":"Realm Cpp","sdkVersion":"2.2.0","cpuArch":"x86_64","deviceName":"","deviceVersion":"","frameworkName":"Realm Cpp","frameworkVersion":"","coreVersion":"14.11.0","bundleId":""}}}`
	for _, c := range []struct {
		creds Credentials
		want  string
	}{
		{EmailPassword("a@b.c", "pw"), `{"provider":"local-userpass","username":"a@b.c","password":"pw",`},
		{Anonymous(), `{"provider":"anon-user",`},
		{NewAnonymous(), `{"provider":"anon-user",`},
		{APIKey("k"), `{"provider":"api-key","key":"k",`},
		{CustomJWT("t"), `{"provider":"custom-token","token":"t",`},
		{Apple("t"), `{"provider":"oauth2-apple","id_token":"t",`},
		{Facebook("t"), `{"provider":"oauth2-facebook","accessToken":"t",`},
		{GoogleAuthCode("t"), `{"provider":"oauth2-google","authCode":"t",`},
		{GoogleIDToken("t"), `{"provider":"oauth2-google","id_token":"t",`},
		{Function([]byte(` { "n" : 4, "s": "<x>" } `)), `{"n":{"$numberLong":"4"},"s":"<x>",`},
		{Function([]byte(`{}`)), `{`},
	} {
		got, err := c.creds.body(testApp, device)
		require.NoError(t, err)
		require.Equal(t, c.want+options, string(got))
	}
	got, err := Function([]byte(`{"options":1,"a":null,"options":2}`)).body(testApp, device)
	require.NoError(t, err)
	require.Equal(t, `{`+options[:len(options)-1]+`,"a":null}`, string(got), "the caller's options are overwritten")

	for _, bad := range []string{``, `[]`, `1`, `{`, `{}x`, `{"d":{"$date":"2020-01-01T00:00:00Z"}}`} {
		_, err := Function([]byte(bad)).body(testApp, device)
		require.True(t, IsCode(err, CodeBadBSONParse), bad)
	}
	require.Equal(t, platform(runtime.GOOS), DeviceInfo{}.withDefaults().Platform)
	for _, text := range []string{fmt.Sprint(EmailPassword("a", "hush")), fmt.Sprintf("%+v %#v %s", APIKey("hush"), APIKey("hush"), CustomJWT("hush"))} {
		require.NotContains(t, text, "hush")
		require.Contains(t, text, "credentials(")
	}
}

// Checklist 36.
func TestAnonymousReuse(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	anon := f.mustLogIn(a, Anonymous())
	require.True(t, anon.IsAnonymous())
	email := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	require.Same(t, email, a.CurrentUser())

	f.forget()
	require.Same(t, anon, f.mustLogIn(a, Anonymous()))
	require.Empty(t, f.calls(""), "reuse makes no request")
	require.Same(t, anon, a.CurrentUser())

	second := f.mustLogIn(a, NewAnonymous())
	require.NotSame(t, anon, second)
	require.Equal(t, []*User{anon, email, second}, a.Users())

	again := f.open(dir)
	f.forget()
	require.Equal(t, anon.ID(), f.mustLogIn(again, Anonymous()).ID())
	require.Empty(t, f.calls(""))
}

// Checklist 38.
func TestProfileFailureKeepsTheLogin(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	for body, code := range map[string]Code{
		`{"data":{}}`:                                      CodeMissingJSONKey,
		`{"identities":[]}`:                                CodeMissingJSONKey,
		`{"identities":{},"data":{}}`:                      CodeMalformedJSON,
		`{"identities":[1],"data":{}}`:                     CodeMalformedJSON,
		`{"identities":[{"id":"x"}],"data":{}}`:            CodeMissingJSONKey,
		`{"identities":[{"provider_type":"x"}],"data":{}}`: CodeMissingJSONKey,
		`{"identities":[],"data":null}`:                    CodeMalformedJSON,
		`{"identities":null,"data":{}}`:                    CodeMalformedJSON,
		`{"error":"maintenance"}`:                          CodeAppUnknownError,
	} {
		f.on("GET /auth/profile", func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "%s", body) })
		u, err := a.LogIn(bg, Anonymous())
		require.True(t, IsCode(err, code), "%s: %v", body, err)
		require.NotNil(t, u)
		require.Equal(t, LoggedIn, u.State())
		require.Same(t, u, a.CurrentUser())
		require.True(t, u.IsAnonymous(), "the login says so before the profile does")
		require.NoError(t, u.LogOut(bg))
		require.Equal(t, Removed, u.State())
	}
}

func TestLoginAnswersThatAreNone(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	good := jwt(`{"exp":1,"iat":1}`, "x")
	for _, c := range []struct {
		body string
		code Code
	}{
		{`{"access_token":"` + good + `","refresh_token":"` + good + `","device_id":"d"}`, CodeMissingJSONKey},
		{`{"access_token":"` + good + `","refresh_token":"` + good + `","user_id":"u"}`, CodeMissingJSONKey},
		{`{"access_token":"` + good + `","refresh_token":null,"user_id":"u","device_id":"d"}`, CodeMalformedJSON},
		{`{"access_token":"` + good + `","refresh_token":"` + good + `","user_id":{"$oid":"x"},"device_id":"d"}`, CodeMalformedJSON},
		{`{"access_token":"` + good + `","refresh_token":"` + good + `","user_id":"","device_id":"d"}`, CodeMalformedJSON},
		{`{"access_token":"a.b","refresh_token":"` + good + `","user_id":"u","device_id":"d"}`, CodeBadToken},
		{`{"access_token":"` + good + `","refresh_token":"x","user_id":"u","device_id":"d"}`, CodeBadToken},
		{`[]`, CodeMalformedJSON},
	} {
		f.on("POST /login", func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "%s", c.body) })
		u, err := a.LogIn(bg, Anonymous())
		require.True(t, IsCode(err, c.code), "%s: %v", c.body, err)
		require.Nil(t, u)
		require.Empty(t, a.Users())
		if c.code == CodeBadToken {
			require.Equal(t, "Could not log in user: received malformed JWT", asError(t, err).Message)
		}
	}
	_, err := a.LogIn(bg, Credentials{})
	require.Error(t, err)
	f.on("POST /login", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, `{"access_token":%q,"refresh_token":%q,"user_id":"../../etc/x","device_id":"000000000000000000000000"}`, good, good)
	})
	u, _ := a.LogIn(bg, Anonymous())
	require.False(t, u.HasDeviceID(), "zeros are no device id")
	path, err := u.RealmPath()
	require.NoError(t, err)
	require.Contains(t, path, "/test-abcde/..%2F..%2Fetc%2Fx/flx_sync_default.realm")
}

func TestLinkCredentials(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, Anonymous())
	creds := f.mustRegister(a, "a@b.c")
	require.True(t, IsCode(u.LinkCredentials(bg, Anonymous()), CodeClientUserAlreadyNamed))
	before := u.AccessToken()
	f.forget()
	require.NoError(t, u.LinkCredentials(bg, creds))
	require.Equal(t, "POST /api/client/v2.0/app/test-abcde/auth/providers/local-userpass/login?link=true A", f.calls("/login")[0])
	require.NotEqual(t, before, u.AccessToken())
	require.Len(t, u.Identities(), 2)
	require.False(t, u.IsAnonymous())
	require.Same(t, u, f.mustLogIn(a, creds))

	f.expireAccess()
	f.forget()
	require.True(t, IsCode(u.LinkCredentials(bg, CustomJWT("x")), CodeInvalidSession))
	require.Empty(t, f.calls("/auth/session"), "a 401 here is not retried")

	require.NoError(t, u.LogOut(bg))
	require.Equal(t, LoggedOut, u.State())
	require.True(t, IsCode(u.LinkCredentials(bg, creds), CodeClientUserNotLoggedIn))
	require.NoError(t, u.Remove(bg))
	require.True(t, IsCode(u.LinkCredentials(bg, creds), CodeClientUserNotFound))
}

func TestLogsAndErrorsHaveNoSecrets(t *testing.T) {
	f := newFake(t)
	var logs bytes.Buffer
	var mu sync.Mutex
	a := f.open(t.TempDir(), func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&lockedWriter{&mu, &logs}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	access, refresh := u.AccessToken(), u.RefreshToken()
	f.on("POST /functions/call", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	_, err := u.CallFunction(bg, "f", []byte("[]"))
	require.ErrorIs(t, err, ErrNetwork)
	f.expireAccess()
	require.NoError(t, u.RefreshProfile(bg))
	require.NoError(t, u.LogOut(bg))
	text := logs.String() + err.Error()
	require.Contains(t, text, "op=\"log in\"")
	for _, secret := range []string{access, refresh, "secret1", "Bearer"} {
		require.NotContains(t, text, secret)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}
