package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func locationBody(http, ws string) string {
	return `{"deployment_model":"GLOBAL","location":"US-VA","hostname":"` + http + `","ws_hostname":"` + ws + `"}`
}

func TestLocation(t *testing.T) {
	f := open(t, nil)
	a := f.call(http.MethodGet, appPath+"location", "", "")
	a.is(200, locationBody(f.base, "ws://"+f.addr))
	require.Equal(t, "application/json", a.header.Get("Content-Type"))

	// Neither Host nor what proxies add is an address to send clients to: anybody can write them.
	f.do(request{method: http.MethodGet, path: appPath + "location", host: "evil.example.com:1", header: []string{
		"Forwarded: host=evil.example.com;proto=https", "X-Forwarded-Host: evil.example.com", "X-Forwarded-Proto: https", "X-Forwarded-Port: 1",
	}}).is(200, locationBody(f.base, "ws://"+f.addr))
}

func TestLocationOfTheConfiguredBase(t *testing.T) {
	for _, c := range []struct{ configured, http, ws string }{
		{"https://sync.example.com", "https://sync.example.com", "wss://sync.example.com"},
		{"https://sync.example.com///", "https://sync.example.com", "wss://sync.example.com"},
		{"http://localhost:9090", "http://localhost:9090", "ws://localhost:9090"},
		{"http://[::1]:9090/", "http://[::1]:9090", "ws://[::1]:9090"},
	} {
		f := open(t, func(s *setup) { s.api.BaseURL = c.configured })
		f.call(http.MethodGet, appPath+"location", "", "").is(200, locationBody(c.http, c.ws))
		f.call(http.MethodGet, prefix+"app/-/location", "", "").refused(404, "cannot find app using Client App ID '-'", "")
		f.tryLogin("oauth2-google", `"id_token":"x"`).refusedFor(404, "authentication provider not found: 'oauth2-google'", "AuthProviderNotFound")
	}
}

func TestLocationOverIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no loopback address of IPv6: ", err)
	}
	require.NoError(t, l.Close())
	f := open(t, func(s *setup) { s.listen = "[::1]:0" })
	_, port, err := net.SplitHostPort(f.addr)
	require.NoError(t, err)
	f.call(http.MethodGet, appPath+"location", "", "").is(200, locationBody("http://localhost:"+port, "ws://localhost:"+port))
}

func TestLocalBase(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:9090":          "http://127.0.0.1:9090",
		"[::ffff:10.0.0.7]:80":    "http://10.0.0.7:80",
		"[::1]:9090":              "http://localhost:9090",
		"[fe80::1%eth0]:9090":     "http://[fe80::1]:9090",
		"[2001:db8::5]:443":       "http://[2001:db8::5]:443",
		"192.168.178.20:12345":    "http://192.168.178.20:12345",
		"[::ffff:127.0.0.1]:9090": "http://127.0.0.1:9090",
	} {
		require.Equal(t, want, localBase(netip.MustParseAddrPort(at)), at)
	}
	require.Empty(t, webSocketBase(""))
}

// A server behind a Unix socket doesn't know its address: empty hosts mean that the client stays where it is.
func TestLocationWithoutAnAddress(t *testing.T) {
	f := open(t, nil)
	for _, addr := range []net.Addr{nil, &net.UnixAddr{Name: "/run/x", Net: "unix"}} {
		ctx := t.Context()
		if addr != nil {
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, addr)
		}
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, appPath+"location", nil).WithContext(ctx))
		require.Equal(t, locationBody("", ""), w.Body.String())
		w = httptest.NewRecorder()
		f.api.ServeHTTP(w, httptest.NewRequest(http.MethodPost, appPath+"functions/call", nil).WithContext(ctx))
		require.Equal(t, 401, w.Code)
		require.JSONEq(t, `{"error":"invalid session","error_code":"InvalidSession"}`, w.Body.String(), "there is no link to nowhere")
	}
}

func TestConfigIsChecked(t *testing.T) {
	f := open(t, nil)
	for _, base := range []string{
		"sync.example.com", "ftp://x", "http://", "http://x/path", "https://user:pw@x", "http://x?q", "http://x?", "http://x#f", "://", "http://[::1", "/", "ws://x",
	} {
		_, err := New(Config{Auth: f.auth, BaseURL: base})
		require.ErrorContains(t, err, "base URL", base)
	}
	_, err := New(Config{})
	require.ErrorContains(t, err, "auth")

	registry := prometheus.NewRegistry()
	_, err = New(Config{Auth: f.auth, Registry: registry})
	require.NoError(t, err)
	_, err = New(Config{Auth: f.auth, Registry: registry})
	require.Error(t, err, "two servers in one registry")
}

func TestUnknownApp(t *testing.T) {
	f := open(t, production)
	const text = "cannot find app using Client App ID 'NA'"
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, "location", ""},
		{http.MethodPost, "auth/providers/anon-user/login", `{"provider":"anon-user",` + device + `}`},
		{http.MethodPost, "auth/providers/local-userpass/register", `{"email":"a@b.c","password":"password"}`},
		{http.MethodPost, "auth/providers/local-userpass/confirm", `{"token":"x","tokenId":"y"}`},
		{http.MethodPost, "auth/providers/local-userpass/reset/send", `{"email":"a@b.c"}`},
		{http.MethodPost, "functions/call", `{"arguments":[],"name":"x"}`},
		{http.MethodPut, "push/providers/gcm/registration", `{"registrationToken":"hello"}`},
	} {
		f.call(c.method, prefix+"app/NA/"+c.path, "", c.body).refused(404, text, "")
	}
	apps, err := f.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
}

// In development mode first contact creates an app, if its id can be one. The sync endpoint creates none.
func TestAppsOnFirstContact(t *testing.T) {
	f := open(t, nil)
	f.call(http.MethodGet, prefix+"app/other-fghij/location", "", "").is(200, locationBody(f.base, "ws://"+f.addr))
	f.call(http.MethodGet, prefix+"app/.hidden/location", "", "").refused(404, "cannot find app using Client App ID '.hidden'", "")
	f.call(http.MethodGet, prefix+"app/%2E%2E/location", "", "").refused(404, "cannot find app using Client App ID '..'", "")
	f.call(http.MethodGet, prefix+"app/third/realm-sync", "", "").refused(503, "this server does not sync", "InternalServerError")
	apps, err := f.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 2)
}
