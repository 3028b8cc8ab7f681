package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const tooMany = "too many attempts, try again later"

// An address has 100 attempts at once and ten a second; the answer is never one that would log a user out (app-services 13.5).
func TestAttemptsOfAnAddress(t *testing.T) {
	good := strings.Repeat("0a", 64)
	for name, c := range map[string]struct {
		path, token, body string
		status            int
	}{
		"login":        {path: appPath + "auth/providers/custom-token/login", body: `{"token":"x"}`, status: 404},
		"link":         {path: userpassPath + "login?link=true", body: `{"username":"a@b.c"}`, status: 401, token: "user"},
		"register":     {path: userpassPath + "register", body: `{}`, status: 400},
		"confirm":      {path: userpassPath + "confirm", body: `{"token":"` + good + `","tokenId":"636aba021728b6c1c03db83f"}`, status: 400},
		"confirm/send": {path: userpassPath + "confirm/send", body: `{"email":"#@b.c"}`, status: 202},
		"confirm/call": {path: userpassPath + "confirm/call", body: `{"email":"#@b.c"}`, status: 404},
		"reset":        {path: userpassPath + "reset", body: `{"token":"` + good + `","tokenId":"636aba021728b6c1c03db83f","password":"password"}`, status: 400},
		"reset/send":   {path: userpassPath + "reset/send", body: `{"email":"a@b.c"}`, status: 400},
		"reset/call":   {path: userpassPath + "reset/call", body: `{"email":"a@b.c","password":"password"}`, status: 404},
		"refresh":      {path: sessionPath, token: "forged", status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, production)
			user := f.anonymous()
			token := c.token
			if token == "user" {
				token = user.AccessToken
			}
			asked := 0
			ask := func() *httptest.ResponseRecorder {
				asked++ // each about another e-mail, where they are counted too
				return f.direct(http.MethodPost, c.path, token, strings.ReplaceAll(c.body, "#", strconv.Itoa(asked)))
			}
			// These come from an address of their own, that of httptest.
			for range 100 {
				require.Equal(t, c.status, ask().Code)
			}
			w := ask()
			require.Equal(t, 429, w.Code)
			require.Equal(t, "10", w.Header().Get("Retry-After"))
			require.NotContains(t, w.Body.String(), "error_code")
			require.Contains(t, w.Body.String(), tooMany)
			f.call(http.MethodPost, c.path, token, c.body).into(c.status, &struct{}{}) // another address
			// What needs no guess is not held up.
			require.Equal(t, 201, f.direct(http.MethodPost, sessionPath, user.RefreshToken, "").Code)
			require.Equal(t, 200, f.direct(http.MethodGet, profilePath, user.AccessToken, "").Code)
			require.Equal(t, 200, f.direct(http.MethodGet, appPath+"location", "", "").Code)
			f.clock.Move(100 * time.Millisecond)
			require.Equal(t, c.status, ask().Code)
			require.Equal(t, 429, ask().Code)
		})
	}
}

// An account has ten attempts at once, from wherever; then not even the right password helps until some time has passed.
func TestAttemptsOnAnAccount(t *testing.T) {
	f := open(t, production)
	f.register("a@b.c")
	f.register("b@b.c")
	wrong := userpassMembers("a@b.c", f.secret("wrong-password"))
	for range 10 {
		f.tryLogin("local-userpass", wrong).refusedFor(401, "invalid username/password", "InvalidPassword")
	}
	f.tryLogin("local-userpass", wrong).refusedFor(429, tooMany, "")
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(429, tooMany, "")
	f.login("local-userpass", userpassMembers("b@b.c", password))
	f.clock.Move(6 * time.Second)
	f.login("local-userpass", userpassMembers("a@b.c", password))
	for range 10 {
		f.tryLogin("local-userpass", wrong).refusedFor(401, "invalid username/password", "InvalidPassword")
	}
}

// Attempts are counted per machine, or per network where a machine has as many addresses as it likes.
func TestRemote(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1", "[::ffff:192.0.2.1]:1234": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:2::7]:99": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "[::1]:5": "::1", "@": "@", "": "",
	} {
		require.Equal(t, want, (&call{r: &http.Request{RemoteAddr: addr}}).remote(), addr)
	}
	f := open(t, production)
	for i := range 101 {
		r := httptest.NewRequest(http.MethodPost, loginPath, strings.NewReader("{}"))
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i)
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		if i < 100 {
			require.Equal(t, 200, w.Code)
		} else {
			require.Equal(t, 429, w.Code)
		}
	}
}

// Behind a proxy that is trusted, clients are those that it names; nobody else can name one.
func TestTrustedProxies(t *testing.T) {
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}}
	for _, c := range []struct {
		from string
		hops []string
		want string
	}{
		{"192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1:5"},
		{"10.1.2.3:5", []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"[::ffff:10.1.2.3]:5", []string{"198.51.100.7:1234"}, "198.51.100.7:0"},
		{"[fd00::1]:5", []string{"[2001:db8::7]:99"}, "[2001:db8::7]:0"},
		{"127.0.0.1:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"127.0.0.1:5", []string{"1.1.1.1, 198.51.100.7, 10.9.9.9"}, "198.51.100.7:0"},
		{"127.0.0.1:5", []string{"1.1.1.1", "198.51.100.7", "10.9.9.9"}, "198.51.100.7:0"},
		{"127.0.0.1:5", []string{"10.2.2.2, 10.9.9.9"}, "10.2.2.2:0"},
		{"127.0.0.1:5", []string{"198.51.100.7, unknown"}, "127.0.0.1:5"},
		{"127.0.0.1:5", []string{"198.51.100.7, unknown, 10.9.9.9"}, "10.9.9.9:0"},
		{"127.0.0.1:5", []string{""}, "127.0.0.1:5"},
		{"127.0.0.1:5", nil, "127.0.0.1:5"},
		{"@", []string{"198.51.100.7"}, "@"},
	} {
		r := &http.Request{RemoteAddr: c.from, URL: &url.URL{}, Header: http.Header{"X-Forwarded-For": c.hops}}
		s.forwarded(r)
		require.Equal(t, c.want, r.RemoteAddr, "%v", c)
		if at, err := netip.ParseAddrPort(c.want); err == nil {
			require.Equal(t, at.Addr().Unmap().String(), requestOf(r)[0].Value, "functions and rules see the client")
		}
		r.RemoteAddr = c.from
		(&Server{}).forwarded(r)
		require.Equal(t, c.from, r.RemoteAddr)
	}

	// One client has used up its attempts, others come through the same proxy.
	f := open(t, production)
	f.api.proxies = s.proxies
	login := func(client string) int {
		r := httptest.NewRequest(http.MethodPost, loginPath, strings.NewReader("{}"))
		r.RemoteAddr = "127.0.0.1:5"
		r.Header.Set("X-Forwarded-For", client)
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		return w.Code
	}
	for i := range 100 {
		require.Equal(t, 200, login(strconv.Itoa(i)+".1.1.1, 192.0.2.1"))
	}
	require.Equal(t, 429, login("2.2.2.2, 192.0.2.1"))
	require.Equal(t, 200, login("192.0.2.2"))
}

// In development mode nothing is counted.
func TestDevelopmentCountsNothing(t *testing.T) {
	f := open(t, nil)
	for range 150 {
		require.Equal(t, 401, f.direct(http.MethodPost, sessionPath, "x", "").Code)
		require.Equal(t, 400, f.direct(http.MethodPost, userpassPath+"confirm", "", "{}").Code)
	}
}
