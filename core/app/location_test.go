package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var bg = context.Background()

// Checklist 32: one location request before the first call, none later, one again in a new App.
func TestLocationOncePerApp(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	require.Empty(t, f.calls(""), "New contacts nobody")
	route, verified := a.SyncRoute()
	require.Equal(t, "ws"+f.URL[4:]+"/api/client/v2.0/app/test-abcde/realm-sync", route)
	require.False(t, verified)

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { a.RegisterEmail(bg, fmt.Sprint(i, "@b.c"), "secret1") })
	}
	wg.Wait()
	require.Len(t, f.calls("/location"), 1)
	require.Len(t, f.calls("/register"), 8)
	require.Equal(t, "GET /api/client/v2.0/app/test-abcde/location", f.log[0])
	require.Empty(t, f.headers[0].Get("Content-Type"))
	require.Empty(t, f.headers[0].Get("Accept"))
	require.Equal(t, "application/json;charset=utf-8", f.headers[1].Get("Content-Type"))
	require.Equal(t, "application/json", f.headers[1].Get("Accept"))
	_, verified = a.SyncRoute()
	require.True(t, verified)

	f.open(dir).RegisterEmail(bg, "x@b.c", "secret1")
	require.Len(t, f.calls("/location"), 2)
}

func TestLocationFailureIsNotCached(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	f.on("GET /location", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	err := a.RegisterEmail(bg, "a@b.c", "secret1")
	require.True(t, IsCode(err, CodeHTTPError))
	require.Contains(t, err.Error(), "register a user: find the app's location")
	require.Len(t, f.calls(""), 1)
	delete(f.special, "GET /location")
	require.NoError(t, a.RegisterEmail(bg, "a@b.c", "secret1"))
}

func TestLocationAnswers(t *testing.T) {
	const id = testApp
	sync := "/api/client/v2.0/app/" + id + "/realm-sync"
	for _, c := range []struct {
		body, http, sync string
		code             Code
	}{
		{`{"hostname":"https://a.b/","ws_hostname":"wss://ws.a.b"}`, "https://a.b", "wss://ws.a.b" + sync, 0},
		{`{"hostname":"","ws_hostname":""}`, "http://asked:1", "ws://asked:1" + sync, 0},
		{`{"hostname":"https://h","ws_hostname":""}`, "https://h", "wss://h" + sync, 0},
		{`{"hostname":"https://h","ws_hostname":"wss://w","sync_route":"realms://r/x"}`, "https://h", "realms://r/x", 0},
		{`{"ws_hostname":"ws://h"}`, "", "", CodeMissingJSONKey},
		{`{"hostname":"http://h"}`, "", "", CodeMissingJSONKey},
		{`{"hostname":null,"ws_hostname":"ws://h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":1,"ws_hostname":"ws://h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"nonsense","ws_hostname":"ws://h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"http://h?x","ws_hostname":"ws://h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"http://h","ws_hostname":"http://h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"http://h","ws_hostname":"ws://u:p@h"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"http://h","ws_hostname":"ws://h?a=b"}`, "", "", CodeMalformedJSON},
		{`{"hostname":"http://h","ws_hostname":"ws://h","sync_route":"ws://h/#x"}`, "", "", CodeMalformedJSON},
		{`[]`, "", "", CodeMalformedJSON},
		{`null`, "", "", CodeMalformedJSON},
		{`<html>`, "", "", CodeMalformedJSON},
		{``, "", "", CodeMalformedJSON},
	} {
		r, err := parseLocation([]byte(c.body), "http://asked:1", id)
		if c.code != 0 {
			require.True(t, IsCode(err, c.code), "%s: %v", c.body, err)
			continue
		}
		require.NoError(t, err, c.body)
		require.Equal(t, routes{c.http, c.sync, true}, r, c.body)
	}
}

// Checklist 33: the 21st redirect in a row is one too many, the 20th isn't; the base URL stays.
func TestLocationRedirects(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	var asked atomic.Int32
	limit := int32(20)
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/api/client/v2.0/app/test-abcde/location", r.URL.Path)
		target := "http://" + r.Host + "/"
		if asked.Add(1) >= limit {
			target = f.URL
		}
		w.Header().Set("Location", target)
		w.WriteHeader(301)
	}))
	defer loop.Close()
	require.NoError(t, a.UpdateBaseURL(bg, loop.URL+"/"))
	require.EqualValues(t, 20, asked.Load())
	require.Equal(t, loop.URL, a.BaseURL())
	require.NoError(t, a.RegisterEmail(bg, "a@b.c", "secret1"), "calls go to the host that the location names")

	asked.Store(0)
	limit = 1000
	err := a.RefreshLocation(bg)
	require.True(t, IsCode(err, CodeClientTooManyRedirects))
	require.Equal(t, CategoryClient, asError(t, err).Category())
	require.EqualValues(t, 21, asked.Load())
	require.NoError(t, a.RegisterEmail(bg, "b@b.c", "secret1"), "the old routes stay in force")
}

func TestRedirectOfACall(t *testing.T) {
	for _, status := range []int{301, 308} {
		old, moved := newFake(t), newFake(t)
		a := old.open(t.TempDir())
		old.on("POST /register", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", moved.URL)
			w.WriteHeader(status)
		})
		require.NoError(t, a.RegisterEmail(bg, "a@b.c", "secret1"))
		require.Equal(t, []string{"GET /api/client/v2.0/app/test-abcde/location", "POST /api/client/v2.0/app/test-abcde/auth/providers/local-userpass/register"}, moved.calls(""))
		require.JSONEq(t, `{"email":"a@b.c","password":"secret1"}`, moved.lastBody("/register"))
		require.Equal(t, old.URL, a.BaseURL())
		route, verified := a.SyncRoute()
		require.True(t, verified)
		require.True(t, strings.HasPrefix(route, "ws"+moved.URL[4:]))
		require.NoError(t, a.RegisterEmail(bg, "b@b.c", "secret1"))
		require.Len(t, old.calls(""), 2, "the new place is remembered")
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	f := newFake(t)
	for _, target := range []string{"", "/relative", "no url", "ftp://x", "http://"} {
		a := f.open(t.TempDir())
		f.on("POST /register", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target)
			w.WriteHeader(308)
		})
		err := a.RegisterEmail(bg, "a@b.c", "secret1")
		require.True(t, IsCode(err, CodeClientRedirectError), "%q: %v", target, err)
		require.Equal(t, "Redirect response missing location header", asError(t, err).Message)
	}
	// A server that redirects the repeated call again, for ever.
	a := f.open(t.TempDir())
	f.on("POST /register", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", f.URL)
		w.WriteHeader(301)
	})
	f.forget()
	require.True(t, IsCode(a.RegisterEmail(bg, "a@b.c", "secret1"), CodeClientTooManyRedirects))
	require.Len(t, f.calls("/register"), 21)
	for _, status := range []int{302, 303, 307} {
		f.on("POST /register", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", f.URL)
			w.WriteHeader(status)
		})
		err := a.RegisterEmail(bg, "a@b.c", "secret1")
		require.Equal(t, fmt.Sprintf("http error code considered fatal. Redirection: %d", status), asError(t, err).Message)
		require.True(t, IsCode(err, CodeHTTPError))
	}
}

func TestUpdateBaseURL(t *testing.T) {
	f, other := newFake(t), newFake(t)
	a := f.open(t.TempDir())
	require.NoError(t, a.UpdateBaseURL(bg, f.URL+"//"))
	require.Empty(t, f.calls(""), "the same URL: nothing to do")
	require.NoError(t, a.RegisterEmail(bg, "a@b.c", "secret1"))

	require.ErrorIs(t, a.UpdateBaseURL(bg, "not a url"), ErrConfig)
	closed := httptest.NewServer(nil)
	closed.Close()
	err := a.UpdateBaseURL(bg, closed.URL)
	require.ErrorIs(t, err, ErrNetwork)
	require.True(t, asError(t, err).IsNetwork())
	require.Equal(t, f.URL, a.BaseURL())
	require.NoError(t, a.RegisterEmail(bg, "b@b.c", "secret1"))

	require.NoError(t, a.UpdateBaseURL(bg, other.URL))
	require.Equal(t, other.URL, a.BaseURL())
	require.NoError(t, a.RegisterEmail(bg, "a@b.c", "secret1"))
	require.Len(t, other.calls("/location"), 1)
	require.Len(t, other.calls("/register"), 1)
	route, verified := a.SyncRoute()
	require.True(t, verified)
	require.True(t, strings.HasPrefix(route, "ws"+other.URL[4:]))
}

func TestDefaultBaseURL(t *testing.T) {
	a, err := New(Config{AppID: "NA", Dir: t.TempDir()})
	require.NoError(t, err)
	defer a.Close()
	require.Equal(t, "https://services.cloud.mongodb.com", a.BaseURL())
	route, verified := a.SyncRoute()
	require.Equal(t, "wss://ws.services.cloud.mongodb.com/api/client/v2.0/app/NA/realm-sync", route)
	require.False(t, verified)
	a.ConfirmSyncRoute("wss://elsewhere")
	_, verified = a.SyncRoute()
	require.False(t, verified)
	a.ConfirmSyncRoute(route)
	_, verified = a.SyncRoute()
	require.True(t, verified)
}

func TestWebSocketHost(t *testing.T) {
	for in, want := range map[string]string{
		"http://localhost:9090":                            "ws://localhost:9090",
		"https://x.y":                                      "wss://x.y",
		"https://realm.mongodb.com":                        "wss://ws.realm.mongodb.com",
		"https://eu.realm.mongodb.com":                     "wss://ws.eu.realm.mongodb.com",
		"https://services.cloud.mongodb.com":               "wss://ws.services.cloud.mongodb.com",
		"https://us-east-1.aws.services.cloud.mongodb.com": "wss://us-east-1.aws.ws.services.cloud.mongodb.com",
		"http:/":  "http:/",
		"ftp://x": "ftp://x",
	} {
		require.Equal(t, want, webSocketHost(in))
	}
	require.Equal(t, "ws://h/r?baas_at=t", AppendToken("ws://h/r", "t"))
	require.Equal(t, "ws://h/r?a=b&baas_at=t", AppendToken("ws://h/r?a=b", "t"))
}
