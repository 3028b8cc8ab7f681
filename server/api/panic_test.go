package api

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a handler does, its client gets a whole answer or an error of the connection, never half an answer that looks whole.
func TestPanics(t *testing.T) {
	var now atomic.Pointer[http.HandlerFunc]
	serve := func(h http.HandlerFunc) { now.Store(&h) }
	f := open(t, func(s *setup) {
		s.api.Sync = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*now.Load())(w, r) })
	})
	get := request{method: http.MethodGet, path: appPath + "realm-sync"}

	for _, value := range []any{"out of order", errors.New("out of order"), 5} {
		serve(func(http.ResponseWriter, *http.Request) { panic(value) })
		a := f.do(get)
		a.refused(500, "internal server error; the server's log has more under request "+a.id, "InternalServerError")
		require.Contains(t, f.log.String(), `"msg":"a handler panicked","request":"`+a.id)
	}
	require.NotContains(t, f.do(get).body, "panic_test.go", "clients see no stack")
	require.Contains(t, f.log.String(), "panic_test.go", "operators do")
	// Headers that were meant for another answer.
	serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "5")
		panic("late")
	})
	a := f.do(get)
	a.refused(500, "internal server error; the server's log has more under request "+a.id, "InternalServerError")

	for name, broken := range map[string]http.HandlerFunc{
		"after the header": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("x") },
		"in the body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			panic("x")
		},
		"in a chunk": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 5000))
			panic("x")
		},
		"on purpose": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hijacked": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				defer conn.Close()
			}
			panic("x")
		},
	} {
		serve(broken)
		_, err := f.attempt(get)
		require.Error(t, err, name)
	}
	f.call(http.MethodGet, appPath+"location", "", "").into(200, &struct{}{})
}

// attempt is do for a server that may break off.
func (f *fixture) attempt(q request) (answer, error) {
	f.t.Helper()
	conn := f.send(q.text(f))
	defer conn.Close()
	return readAnswer(bufio.NewReader(conn), q.method)
}

// A database that fails is the server's fault and not the client's: 500 or 503, which log nobody out.
func TestDatabaseFails(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	require.NoError(t, f.auth.Close())
	for _, q := range []request{
		{method: http.MethodPost, path: userpassPath + "login", body: `{` + userpassMembers("a@b.c", password) + `}`},
		{method: http.MethodPost, path: userpassPath + "register", body: `{"email":"b@b.c","password":"` + password + `"}`},
		{method: http.MethodPost, path: userpassPath + "confirm/call", body: `{"email":"b@b.c"}`},
		{method: http.MethodPost, path: loginPath, body: `{}`},
		{method: http.MethodGet, path: profilePath, token: user.AccessToken},
		{method: http.MethodPost, path: sessionPath, token: user.RefreshToken},
		{method: http.MethodDelete, path: sessionPath, token: user.RefreshToken},
		{method: http.MethodDelete, path: prefix + "auth/delete", token: user.AccessToken},
		{method: http.MethodGet, path: keysPath, token: user.RefreshToken},
		{method: http.MethodGet, path: prefix + "app/other/location"},
	} {
		a := f.do(q)
		text := "internal server error; the server's log has more under request " + a.id
		require.Equal(t, 500, a.status, q.path)
		require.Contains(t, a.body, errorBody(text, "InternalServerError", "")[:len(text)+20])
		require.Contains(t, f.log.String(), `"msg":"request failed","request":"`+a.id)
	}
	require.Equal(t, 503, f.call(http.MethodGet, "/readyz", "", "").status)
}

// Who has gone away needs no answer; what is written down is not that the server failed.
func TestClientIsGone(t *testing.T) {
	f := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, httptest.NewRequest(http.MethodPost, loginPath, strings.NewReader("{}")).WithContext(ctx))
	require.Equal(t, 503, w.Code)
	require.Contains(t, w.Body.String(), `{"error":"the request was cancelled","error_code":"InternalServerError"`)
	require.Empty(t, f.lines("request failed"))
	require.Len(t, f.lines("request"), 1)
}

// Handlers behind the recorder reach net/http's own writer.
func TestRecorder(t *testing.T) {
	f := open(t, func(s *setup) {
		s.api.Sync = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			_, err := w.Write([]byte(`{}`))
			if err := errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
				panic(err)
			}
		})
	})
	w, line := f.last(http.MethodGet, appPath+"realm-sync", "", "")
	require.True(t, w.Flushed)
	require.InDelta(t, http.StatusAccepted, line["status"], 0)
	require.InDelta(t, 2, line["bytes"], 0)
}
