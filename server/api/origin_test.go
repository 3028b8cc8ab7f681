package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/appconfig"
)

const (
	pageOrigin  = "https://app.example.com"
	otherOrigin = "https://evil.example"
)

// allow sets the list of the test app.
func (f *fixture) allow(origins ...string) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) { c.Security.AllowedOrigins = origins })
}

// from makes a call as a browser does for a page of an origin.
func (f *fixture) from(origin, method, path, token, body string, header ...string) answer {
	f.t.Helper()
	return f.do(request{method: method, path: path, token: token, body: body, header: append(header, "Origin: "+origin)})
}

// readable requires that the page may read an answer, and returns it.
func (a answer) readable(origin string) answer {
	a.f.t.Helper()
	require.Equal(a.f.t, []string{origin}, a.header.Values("Access-Control-Allow-Origin"), a.body)
	require.Equal(a.f.t, []string{"Origin"}, a.header.Values("Vary"))
	require.Empty(a.f.t, a.header.Values("Access-Control-Allow-Credentials"), "there are no cookies")
	return a
}

// blocked requires that nothing was done for the page.
func (a answer) blocked() {
	a.f.t.Helper()
	a.refusedFor(403, errOrigin.Text, "DomainNotAllowed")
	require.Equal(a.f.t, []string{"Origin"}, a.header.Values("Vary"))
	a.silent()
}

// silent requires that an answer says nothing to pages.
func (a answer) silent() {
	a.f.t.Helper()
	for name := range a.header {
		require.False(a.f.t, strings.HasPrefix(name, "Access-Control-"), name)
	}
}

// A page on an origin of the list logs in, refreshes, reads its profile and logs out, and reads refusals; on another one it does nothing of that.
func TestOrigin(t *testing.T) {
	f := open(t, nil)
	f.allow("https://other.example", pageOrigin+"/")
	f.from(pageOrigin, http.MethodGet, appPath+"location", "", "").readable(pageOrigin).is(200, locationBody(f.base, "ws://"+f.addr))
	f.from(pageOrigin, http.MethodPost, userpassPath+"register", "", `{"email":"a@b.c","password":"`+f.secret(password)+`"}`).readable(pageOrigin).is(201, "{}")
	var user login
	f.from(pageOrigin, http.MethodPost, appPath+"auth/providers/local-userpass/login", "", `{"username":"a@b.c","password":"`+password+`"}`).readable(pageOrigin).into(200, &user)
	f.from(pageOrigin, http.MethodGet, prefix+"auth/profile", user.AccessToken, "").readable(pageOrigin).into(200, &profile{})
	f.from(pageOrigin, http.MethodPost, prefix+"auth/session", user.RefreshToken, "").readable(pageOrigin).into(201, &login{})
	f.from(pageOrigin, http.MethodPost, prefix+"auth/session", "x", "").readable(pageOrigin).refused(401, "invalid session", "InvalidSession")
	f.from(pageOrigin, http.MethodPost, userpassPath+"confirm", "", `{"token":"x","tokenId":"y"}`).readable(pageOrigin).refusedFor(400, "invalid token data", "BadRequest")
	f.from(pageOrigin, http.MethodPatch, appPath+"location", "", "").readable(pageOrigin)

	for _, origin := range []string{otherOrigin, "http://app.example.com", pageOrigin + ":8443", "null"} {
		f.from(origin, http.MethodGet, appPath+"location", "", "").blocked()
		f.from(origin, http.MethodPost, appPath+"auth/providers/anon-user/login", "", `{}`).blocked()
		f.from(origin, http.MethodGet, prefix+"auth/profile", user.AccessToken, "").blocked()
		f.from(origin, http.MethodPost, prefix+"auth/session", user.RefreshToken, "").blocked()
		f.from(origin, http.MethodDelete, prefix+"auth/session", user.RefreshToken, "").blocked()
		f.from(origin, http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").blocked()
	}
	f.call(http.MethodPost, prefix+"auth/session", user.RefreshToken, "").into(201, &login{})
	f.from(pageOrigin, http.MethodDelete, prefix+"auth/session", user.RefreshToken, "").readable(pageOrigin).is(204, "")

	// Without a list all may.
	f.allow()
	for _, origin := range []string{otherOrigin, "http://localhost:3000", "null"} {
		f.from(origin, http.MethodPost, appPath+"auth/providers/anon-user/login", "", `{}`).readable(origin).into(200, &login{})
	}
}

// No route is left out: with a list each is closed to pages of other origins, and open to those who name none.
func TestOriginEveryRoute(t *testing.T) {
	d := openDocuments(t)
	d.allow(pageOrigin)
	fill := strings.NewReplacer(":app", testApp, ":provider", "anon-user", ":service", "gcm", ":key", "636aba021728b6c1c03db83f", ":collection", "Dog", ":id", "1")
	try := func(method, path string) {
		t.Helper()
		d.from(otherOrigin, method, path, d.token, "").blocked()
		require.NotEqual(t, 403, d.from(pageOrigin, method, path, "", "").readable(pageOrigin).status, "%s %s", method, path)
		a := d.call(method, path, "", "")
		a.silent()
		require.NotEqual(t, 403, a.status, "%s %s", method, path)
		require.Empty(t, a.header.Values("Vary"))
	}
	for _, r := range routes {
		try(r.method, prefix+fill.Replace(r.pattern))
	}
	for _, r := range dataRoutes {
		try(r.method, dataPrefix+fill.Replace(r.pattern))
	}
	d.from(otherOrigin, http.MethodGet, dataPrefix+"%61pp/"+strings.Replace(testApp, "-", "%2D", 1)+"/collections", d.token, "").blocked()
	d.from(otherOrigin, http.MethodGet, strings.Replace(appPath, "/app/", "/%61pp/", 1)+"location", "", "").blocked()
}

// A preflight is answered without a token; it makes no app, and asks for nothing that isn't answered.
func TestOriginPreflight(t *testing.T) {
	d := openDocuments(t)
	d.allow(pageOrigin)
	ask := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type,x-own"}
	preflight := func(origin, path string) answer {
		t.Helper()
		return d.from(origin, http.MethodOptions, path, "", "", ask...)
	}
	for _, path := range []string{
		appPath + "location", appPath + "auth/providers/anon-user/login", appPath + "functions/call", dataPath + "/Dog/documents", prefix + "auth/session", prefix + "auth/profile",
		prefix + "app/other/location",
	} {
		a := preflight(pageOrigin, path).readable(pageOrigin)
		a.is(204, "")
		require.Equal(t, "GET, POST, PUT, PATCH, DELETE", a.header.Get("Access-Control-Allow-Methods"))
		require.Equal(t, "Authorization, Content-Type, apiKey, *", a.header.Get("Access-Control-Allow-Headers"))
		require.Equal(t, "7200", a.header.Get("Access-Control-Max-Age"))
		if strings.Contains(path, testApp) {
			preflight(otherOrigin, path).blocked()
		}
	}
	apps, err := d.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)

	// OPTIONS that isn't one is a method like others.
	d.from(pageOrigin, http.MethodOptions, appPath+"location", "", "").readable(pageOrigin).refused(405, "this path takes GET", "")
	d.do(request{method: http.MethodOptions, path: appPath + "location", header: ask}).silent()

	// A page may know that an app isn't there.
	d.from(pageOrigin, http.MethodGet, prefix+"app/%20/location", "", "").readable(pageOrigin).refused(404, "cannot find app using Client App ID ' '", "")
}

// Streams: the head of one has what a page needs, and none begins for others. The token is in the query.
func TestOriginWatch(t *testing.T) {
	d := openDocuments(t)
	d.allow(pageOrigin)
	call := base64.StdEncoding.EncodeToString([]byte(`{"arguments":[{"database":"app","collection":"Dog"}],"name":"watch","service":"mongodb-atlas"}`))
	path := appPath + "functions/call"
	query := "?baas_request=" + url.QueryEscape(call) + "&baas_at=" + d.token
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+path+query, nil)
	require.NoError(t, err)
	r.Header.Set("Origin", pageOrigin)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(t, pageOrigin, response.Header.Get("Access-Control-Allow-Origin"))
	d.do(request{method: http.MethodGet, path: path, target: path + query, header: []string{"Origin: " + otherOrigin}}).blocked()
}

// WebSockets: browsers ask for no permission before they open one, so that the upgrade itself is refused.
func TestOriginUpgrade(t *testing.T) {
	f := openSync(t)
	f.allow(pageOrigin)
	user := f.anonymous()
	dial := func(origin string) (int, http.Header) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		ws, response, err := websocket.Dial(ctx, "ws://"+f.addr+appPath+"realm-sync?baas_at="+user.AccessToken, &websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols(), HTTPHeader: header}) //nolint:bodyclose // a 101 has none
		if err == nil {
			_ = ws.CloseNow()
		}
		require.NotNil(t, response, "%v", err)
		return response.StatusCode, response.Header
	}
	status, header := dial("")
	require.Equal(t, 101, status)
	require.Empty(t, header.Get("Access-Control-Allow-Origin"))
	status, _ = dial(pageOrigin)
	require.Equal(t, 101, status)
	status, header = dial(otherOrigin)
	require.Equal(t, 403, status)
	require.Empty(t, header.Get("Access-Control-Allow-Origin"))
	f.allow()
	status, _ = dial(otherOrigin)
	require.Equal(t, 101, status)
}

// Pages have no business with administration and with what operators look at, whatever an app allows.
func TestOriginElsewhere(t *testing.T) {
	admin := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	f := open(t, func(s *setup) { s.api.Admin = admin })
	for _, path := range []string{"/api/admin/v3.0/auth/profile", "/api/private/v1.0/version", "/healthz", "/readyz", "/metrics", "/.well-known/jwks.json", "/"} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
			r.Header.Set("Origin", pageOrigin)
			r.Header.Set("Access-Control-Request-Method", "GET")
			f.api.ServeHTTP(w, r)
			require.NotContains(t, w.Header().Values("Vary"), "Origin", path)
			for name := range w.Header() {
				require.False(t, strings.HasPrefix(name, "Access-Control-"), "%s %s", path, name)
			}
		}
	}
}
