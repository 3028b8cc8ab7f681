package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// events notes what observers were told, for reading from another goroutine.
type events struct {
	mu   sync.Mutex
	list []UserEvent
}

func watch(u *User) *events {
	e := &events{}
	u.Observe(func(c UserChange) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, c.Event)
	})
	return e
}

func (e *events) take() []UserEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

func TestRefreshAccessToken(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, Anonymous())
	seen := watch(u)
	f.custom[u.ID()] = `{ "n" : {"$numberInt":"3"}, "name":"x" }`
	before, refresh := u.AccessToken(), u.RefreshToken()
	f.forget()
	require.NoError(t, u.RefreshCustomData(bg))
	require.Equal(t, []string{"POST /api/client/v2.0/auth/session R"}, f.calls(""))
	require.Empty(t, f.lastBody("/auth/session"))
	require.NotEqual(t, before, u.AccessToken())
	require.Equal(t, refresh, u.RefreshToken(), "never rotated")
	require.Equal(t, `{"n":{"$numberInt":"3"},"name":"x"}`, string(u.CustomData()))
	require.Equal(t, []UserEvent{UserTokenUpdated}, seen.take())

	for _, c := range []struct {
		body string
		code Code
	}{{`{}`, CodeMissingJSONKey}, {`{"access_token":1}`, CodeMalformedJSON}, {`{"access_token":"x"}`, CodeBadToken}, {`nope`, CodeMalformedJSON}} {
		f.on("POST /auth/session", func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "%s", c.body) })
		now := u.AccessToken()
		err := u.RefreshAccessToken(bg)
		require.True(t, IsCode(err, c.code), "%s: %v", c.body, err)
		require.False(t, EndsSession(err))
		require.Equal(t, now, u.AccessToken())
	}
	f.on("POST /auth/session", func(w http.ResponseWriter, r *http.Request) { invalidSession(w) })
	err := u.RefreshAccessToken(bg)
	require.True(t, IsCode(err, CodeInvalidSession))
	require.True(t, EndsSession(err))
	require.Equal(t, LoggedIn, u.State(), "the session decides what to do, not the refresh")
	require.Empty(t, seen.take())
}

// Calls at the same time share one request; everybody gets its result, a failure too.
func TestRefreshIsSingleFlight(t *testing.T) {
	for _, status := range []int{200, 503} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			requests := 0
			login := jwt(`{"exp":4102444800,"iat":1}`, "one")
			a, err := New(Config{AppID: testApp, BaseURL: "http://h", Dir: t.TempDir(), Transport: stub(func(ctx context.Context, r *Request) (*Response, error) {
				switch {
				case strings.HasSuffix(r.URL, "/location"):
					return &Response{Status: 200, Body: []byte(`{"hostname":"","ws_hostname":""}`)}, nil
				case strings.HasSuffix(r.URL, "/login"):
					return &Response{Status: 200, Body: fmt.Appendf(nil, `{"access_token":%q,"refresh_token":%q,"user_id":"u","device_id":"d"}`, login, login)}, nil
				case strings.HasSuffix(r.URL, "/profile"):
					return &Response{Status: 200, Body: []byte(`{"identities":[],"data":{}}`)}, nil
				}
				requests++
				<-release
				return &Response{Status: status, Body: fmt.Appendf(nil, `{"access_token":%q}`, jwt(`{"exp":4102444800,"iat":2}`, "two"))}, nil
			})})
			require.NoError(t, err)
			defer a.Close()
			u, err := a.LogIn(bg, Anonymous())
			require.NoError(t, err)

			errs := make(chan error, 20)
			for range 20 {
				go func() { errs <- u.RefreshAccessToken(bg) }()
			}
			synctest.Wait() // one in the transport, the others wait for it
			require.Equal(t, 1, requests)
			ctx, cancel := context.WithCancel(bg)
			cancel()
			err = u.RefreshAccessToken(ctx)
			require.ErrorIs(t, err, context.Canceled, "one that gives up doesn't disturb the others")
			require.ErrorIs(t, err, ErrNetwork)
			close(release)
			for range 20 {
				err := <-errs
				if status == 200 {
					require.NoError(t, err)
				} else {
					require.True(t, IsCode(err, CodeHTTPError), "%v", err)
				}
			}
			require.Equal(t, 1, requests)
		})
	}
}

// A leader that goes away leaves the others to try for themselves.
func TestFlightOfALeaderThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fl flight
		ctx, leave := context.WithCancel(bg)
		led, followed := make(chan error, 1), make(chan error, 5)
		go func() {
			led <- fl.do(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		synctest.Wait()
		ran := 0
		for range 5 {
			go func() {
				followed <- fl.do(bg, func(context.Context) error { ran++; return nil })
			}()
		}
		synctest.Wait()
		require.Zero(t, ran)
		leave()
		require.ErrorIs(t, <-led, context.Canceled)
		for range 5 {
			require.NoError(t, <-followed)
		}
		require.NotZero(t, ran)

		// Panics go to who caused them and don't block the next.
		require.Panics(t, func() { fl.do(bg, func(context.Context) error { panic("x") }) })
		require.NoError(t, fl.do(bg, func(context.Context) error { return nil }))
	})
}

// Checklist 35.
func TestUnauthorizedCalls(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, Anonymous())
	fn, session := "POST /api/client/v2.0/app/test-abcde/functions/call A", "POST /api/client/v2.0/auth/session R"

	f.expireAccess()
	f.forget()
	out, err := u.CallFunction(bg, "sum", []byte(`[1, {"$numberInt":"2"}]`))
	require.NoError(t, err)
	require.Equal(t, []string{fn, session, fn}, f.calls(""))
	require.JSONEq(t, `{"error":"not one","got":{"arguments":[1,{"$numberInt":"2"}],"name":"sum"}}`, string(out))
	require.Equal(t, `{"arguments":[1, {"$numberInt":"2"}],"name":"sum"}`, f.lastBody("/call"))
	_, err = u.CallServiceFunction(bg, "BackingDB", "find", []byte(`[]`))
	require.NoError(t, err)
	require.Equal(t, `{"arguments":[],"name":"find","service":"BackingDB"}`, f.lastBody("/call"))

	// Refused twice: the second answer is delivered.
	f.on("POST /functions/call", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 401, `{"error":"no","error_code":"AuthError"}`)
	})
	f.forget()
	_, err = u.CallFunction(bg, "sum", []byte(`[]`))
	require.True(t, IsCode(err, CodeAuthError))
	require.Equal(t, []string{fn, session, fn}, f.calls(""))
	require.Equal(t, LoggedIn, u.State())

	// No new token to be had: the original answer is delivered.
	f.on("POST /auth/session", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	f.forget()
	_, err = u.CallFunction(bg, "sum", []byte(`[]`))
	require.True(t, IsCode(err, CodeAuthError))
	require.Equal(t, []string{fn, session}, f.calls(""))
	require.Equal(t, LoggedIn, u.State())

	for _, bad := range []string{``, `{}`, `null`, `[`, `[] []`} {
		_, err = u.CallFunction(bg, "f", []byte(bad))
		require.True(t, IsCode(err, CodeBadBSONParse), bad)
	}
	f.on("POST /functions/call", func(w http.ResponseWriter, r *http.Request) {})
	_, err = u.CallFunction(bg, "f", []byte(`[]`))
	require.True(t, IsCode(err, CodeBadBSONParse), "an empty answer is no value")
}

// A refused refresh token ends the login.
func TestAPIKeys(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	const key = `{"_id":"5e5e6f0abe4ae2a2c2c2d329","key":"secret","name":"nm","disabled":false}`
	f.on("POST /auth/api_keys", func(w http.ResponseWriter, r *http.Request) { answer(w, 201, key) })
	f.on("GET /auth/api_keys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, `[{"_id":"i","name":"nm","disabled":true}]`)
	})
	f.on("GET /auth/api_keys/a%2Fb", nil)
	f.on("GET /auth/api_keys/a/b", func(w http.ResponseWriter, r *http.Request) { answer(w, 200, `{"_id":"i","name":"nm"}`) })
	f.on("DELETE /auth/api_keys/i", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	f.on("PUT /enable", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	f.on("PUT /disable", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 404, `{"error":"API key not found","error_code":"APIKeyNotFound"}`)
	})
	f.forget()
	k, err := u.CreateAPIKey(bg, "nm")
	require.NoError(t, err)
	require.Equal(t, APIKeyInfo{"5e5e6f0abe4ae2a2c2c2d329", "nm", false, "secret"}, k)
	require.Equal(t, `{"name":"nm"}`, f.lastBody("/api_keys"))
	list, err := u.APIKeys(bg)
	require.NoError(t, err)
	require.Equal(t, []APIKeyInfo{{"i", "nm", true, ""}}, list)
	_, err = u.APIKey(bg, "a/b")
	require.True(t, IsCode(err, CodeMissingJSONKey))
	require.NoError(t, u.DeleteAPIKey(bg, "i"))
	require.NoError(t, u.EnableAPIKey(bg, "i"))
	require.True(t, IsCode(u.DisableAPIKey(bg, "i"), CodeAPIKeyNotFound))
	require.Equal(t, []string{
		"POST /api/client/v2.0/auth/api_keys R", "GET /api/client/v2.0/auth/api_keys R", "GET /api/client/v2.0/auth/api_keys/a%2Fb R",
		"DELETE /api/client/v2.0/auth/api_keys/i R", "PUT /api/client/v2.0/auth/api_keys/i/enable R", "PUT /api/client/v2.0/auth/api_keys/i/disable R",
	}, f.calls(""))
	require.Equal(t, LoggedIn, u.State())

	f.on("GET /auth/api_keys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 401, `{"error":"must authenticate first","error_code":"MissingAuthReq"}`)
	})
	f.forget()
	_, err = u.APIKeys(bg)
	require.True(t, IsCode(err, CodeMissingAuthReq))
	require.Equal(t, LoggedOut, u.State())
	require.Equal(t, []string{"GET /api/client/v2.0/auth/api_keys R", "DELETE /api/client/v2.0/auth/session R"}, f.calls(""))
}

// Checklist 37.
func TestLogOutIsLocalFirst(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	creds := f.mustRegister(a, "a@b.c")
	u := f.mustLogIn(a, creds)
	anon := f.mustLogIn(a, Anonymous())
	seen, seenAnon := watch(u), watch(anon)

	during := make(chan State, 2)
	f.on("DELETE /auth/session", func(w http.ResponseWriter, r *http.Request) {
		during <- u.State()
		w.WriteHeader(500)
	})
	err := u.LogOut(bg)
	require.True(t, IsCode(err, CodeHTTPError), "reported")
	require.Equal(t, LoggedOut, <-during)
	require.Equal(t, LoggedOut, u.State(), "not restored")
	require.Empty(t, u.AccessToken())
	require.Empty(t, u.RefreshToken())
	require.Nil(t, u.CustomData())
	require.False(t, u.AccessTokenExpired(time.Now().Add(1000*time.Hour)))
	require.Equal(t, []UserEvent{UserLoggedOut}, seen.take())
	require.Same(t, anon, a.CurrentUser())
	require.Equal(t, "a@b.c", u.Profile().Text("email"), "who it was stays")

	f.forget()
	require.NoError(t, u.LogOut(bg))
	require.Empty(t, f.calls(""), "logged out already")
	_, err = u.CallFunction(bg, "f", []byte("[]"))
	require.True(t, IsCode(err, CodeClientUserNotLoggedIn))
	require.True(t, IsCode(u.RefreshAccessToken(bg), CodeClientUserNotLoggedIn))
	require.True(t, IsCode(a.SwitchUser(u), CodeClientUserNotLoggedIn))
	require.Error(t, anon.LogOut(bg))
	<-during
	require.Equal(t, Removed, anon.State())
	require.Equal(t, []UserEvent{UserRemoved}, seenAnon.take())
	require.Nil(t, a.CurrentUser())
	require.Equal(t, []*User{u}, a.Users())
	require.True(t, IsCode(a.SwitchUser(anon), CodeClientUserNotFound))
	require.True(t, IsCode(a.SwitchUser(nil), CodeClientUserNotFound))
	require.NoError(t, anon.LogOut(bg))
	require.NoError(t, anon.Remove(bg))

	require.Same(t, u, f.mustLogIn(a, creds), "the same user comes back")
	require.Contains(t, seen.take(), UserLoggedIn)
}

func TestForceLogOutTellsNobody(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	anon := f.mustLogIn(a, Anonymous())
	f.forget()
	require.NoError(t, u.ForceLogOut())
	require.NoError(t, anon.ForceLogOut())
	require.Equal(t, LoggedOut, u.State())
	require.Equal(t, Removed, anon.State())
	require.Empty(t, f.calls(""))
}

func TestSwitchUser(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	one, two := f.mustLogIn(a, NewAnonymous()), f.mustLogIn(a, NewAnonymous())
	told := 0
	stop := a.Observe(func() { told++ })
	require.Same(t, two, a.CurrentUser())
	require.NoError(t, a.SwitchUser(one))
	require.Same(t, one, a.CurrentUser())
	require.Equal(t, 1, told)
	require.NoError(t, a.SwitchUser(one))
	require.Equal(t, 1, told, "nothing changed")
	stop()
	require.NoError(t, a.SwitchUser(two))
	require.Equal(t, 1, told)
	require.True(t, IsCode(f.open(t.TempDir()).SwitchUser(one), CodeClientUserNotFound), "a user of another App")
	require.Equal(t, two.ID(), f.open(dir).CurrentUser().ID())
}

// A refresh that ends after the logout brings no token back.
func TestRefreshRacesLogOut(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	seen := watch(u)
	f.on("POST /auth/session", func(w http.ResponseWriter, r *http.Request) {
		if err := u.LogOut(bg); err != nil {
			t.Error(err)
		}
		answer(w, 200, `{"access_token":%q}`, jwt(`{"exp":4102444800,"iat":2}`, "late"))
	})
	err := u.RefreshAccessToken(bg)
	require.True(t, IsCode(err, CodeClientUserNotLoggedIn))
	require.Empty(t, u.AccessToken())
	require.Equal(t, LoggedOut, u.State())
	require.Equal(t, []UserEvent{UserLoggedOut}, seen.take())
}

func TestManyCallsWithAnExpiredToken(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, Anonymous())
	for range 5 {
		f.expireAccess()
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if _, err := u.CallFunction(bg, fmt.Sprint("f", i), []byte(`[]`)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	require.Len(t, f.calls("POST /api/client/v2.0/auth/session R"), 5, "one refresh per expiry")
}

func TestAccessTokenExpired(t *testing.T) {
	f := newFake(t)
	f.lifetime = time.Hour
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, Anonymous())
	exp := u.AccessTokenExpiry()
	require.False(t, u.AccessTokenExpired(exp))
	require.False(t, u.AccessTokenExpired(exp.Add(5*time.Second)), "exp < now - 5 s, not before")
	require.True(t, u.AccessTokenExpired(exp.Add(6*time.Second)))
	require.NoError(t, u.LogOut(bg))
	require.True(t, u.AccessTokenExpiry().IsZero())
}

func TestObserversMayCallBack(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	creds := f.mustRegister(a, "a@b.c")
	u := f.mustLogIn(a, creds)
	var order []string
	var stopSecond func()
	u.Observe(func(c UserChange) {
		order = append(order, "first "+c.Event.String())
		if c.Event == UserTokenUpdated {
			stopSecond()
			require.NoError(t, u.ForceLogOut())
			order = append(order, "end of first")
		}
	})
	stopSecond = u.Observe(func(c UserChange) { order = append(order, "second "+c.Event.String()) })
	require.NoError(t, u.RefreshAccessToken(bg))
	require.Equal(t, []string{"first token updated", "end of first", "first logged out"}, order)

	// One that panics doesn't silence the others for ever.
	stop := u.Observe(func(UserChange) { panic("observer") })
	order = nil
	require.Panics(t, func() { a.LogIn(bg, creds) })
	stop()
	require.NoError(t, u.RefreshProfile(bg))
	require.NoError(t, u.LogOut(bg))
	require.Contains(t, order, "first logged out")
}

func TestClose(t *testing.T) {
	f := newFake(t)
	cfg := Config{AppID: testApp, BaseURL: f.URL, Dir: t.TempDir()}
	a, err := New(cfg)
	require.NoError(t, err)
	u := f.mustLogIn(a, Anonymous())
	arrived, release := make(chan struct{}), make(chan struct{})
	f.on("POST /functions/call", func(w http.ResponseWriter, r *http.Request) { close(arrived); <-release })
	result := make(chan error, 1)
	go func() {
		_, err := u.CallFunction(bg, "f", []byte("[]"))
		result <- err
	}()
	<-arrived
	a.Retain().Close()
	require.NoError(t, u.RefreshProfile(bg), "another owner is left")
	a.Close()
	err = <-result
	close(release)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, err, ErrNetwork)
	require.False(t, EndsSession(err))
	require.ErrorIs(t, u.RefreshProfile(bg), ErrClosed)
	require.ErrorIs(t, u.LogOut(bg), ErrClosed)
	require.Equal(t, LoggedIn, u.State())
	require.Same(t, u, a.CurrentUser())
}

func TestTimeout(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir(), func(c *Config) { c.DefaultTimeout = 1 })
	err := a.RegisterEmail(bg, "a@b.c", "secret1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, ErrNetwork)
	require.Contains(t, err.Error(), "no answer within 1ns")
}

func TestShared(t *testing.T) {
	f := newFake(t)
	defer ClearShared()
	cfg := Config{AppID: testApp, BaseURL: f.URL + "/", Dir: t.TempDir()}
	require.Nil(t, FindShared(testApp, ""))
	a, err := Shared(cfg)
	require.NoError(t, err)
	b, err := Shared(Config{AppID: testApp, BaseURL: f.URL})
	require.NoError(t, err)
	require.Same(t, a, b)
	other, err := Shared(Config{AppID: testApp, BaseURL: "http://elsewhere", Dir: t.TempDir()})
	require.NoError(t, err)
	require.NotSame(t, a, other)
	c := FindShared(testApp, f.URL)
	require.Same(t, a, c)
	d := FindShared(testApp, "")
	require.Same(t, a, d)
	require.Nil(t, FindShared("x", ""))
	require.Nil(t, FindShared(testApp, "no url"))
	for _, x := range []*App{b, c, d, other} {
		x.Close()
	}
	ClearShared()
	require.Nil(t, FindShared(testApp, ""))
	f.mustLogIn(a, Anonymous()) // still in use
	a.Close()
	_, err = a.LogIn(bg, NewAnonymous())
	require.ErrorIs(t, err, ErrClosed)
	_, err = Shared(Config{AppID: "x", BaseURL: "no url"})
	require.ErrorIs(t, err, ErrConfig)
	_, err = Shared(Config{BaseURL: f.URL})
	require.ErrorIs(t, err, ErrConfig)
}
