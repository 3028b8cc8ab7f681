package api

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	f := open(t, production)
	for _, path := range []string{"/healthz", "/readyz"} {
		a := f.call(http.MethodGet, path, "", "")
		a.is(200, `{"status":"ok"}`)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Equal(t, "application/json;charset=utf-8", a.header.Get("Content-Type"))
		a = f.call(http.MethodHead, path, "", "")
		a.is(200, "")
		require.Equal(t, "15", a.header.Get("Content-Length"))
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			a := f.call(method, path, "", "")
			a.refused(405, "this path takes GET, HEAD", "")
			require.Equal(t, "GET, HEAD", a.header.Get("Allow"))
		}
	}
}

// A draining server tells who asks whether it is ready that it is not; it lives, and serves who is here.
func TestDraining(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	f.api.Drain()
	f.api.Drain()
	f.call(http.MethodGet, "/readyz", "", "").is(503, `{"status":"draining"}`)
	require.Equal(t, 503, f.call(http.MethodHead, "/readyz", "", "").status)
	f.call(http.MethodGet, "/healthz", "", "").is(200, `{"status":"ok"}`)
	f.profile(user.AccessToken)
	f.anonymous()
	require.Equal(t, 200, f.call(http.MethodGet, "/metrics", "", "").status)
}

// What can't be read makes a server not ready; a restart would not help, so it is healthy.
func TestDatabaseIsGone(t *testing.T) {
	var broken error
	f := open(t, func(s *setup) { s.api.Stores = func(context.Context) error { return broken } })
	f.call(http.MethodGet, "/readyz", "", "").is(200, `{"status":"ok"}`)
	broken = errors.New("app x: disk I/O error")
	f.call(http.MethodGet, "/readyz", "", "").is(503, `{"status":"the data of an app cannot be read"}`)
	require.Contains(t, f.log.String(), "disk I/O error")
	require.NoError(t, f.auth.Close())
	f.call(http.MethodGet, "/readyz", "", "").is(503, `{"status":"the database cannot be read"}`)
	f.call(http.MethodGet, "/healthz", "", "").is(200, `{"status":"ok"}`)
	require.Contains(t, f.log.String(), "the server is not ready")
	f.api.Drain()
	f.call(http.MethodGet, "/readyz", "", "").is(503, `{"status":"draining"}`)
}
