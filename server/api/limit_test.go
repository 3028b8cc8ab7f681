package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
		"[2001:db8:1:2::7]:99": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "[::1]:5": "::/64", "@": "@", "": "",
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

// In development mode nothing is counted.
func TestDevelopmentCountsNothing(t *testing.T) {
	f := open(t, nil)
	for range 150 {
		require.Equal(t, 401, f.direct(http.MethodPost, sessionPath, "x", "").Code)
		require.Equal(t, 400, f.direct(http.MethodPost, userpassPath+"confirm", "", "{}").Code)
	}
}
