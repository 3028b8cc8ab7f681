package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	f := open(t, production)
	a := f.call(http.MethodGet, "/healthz", "", "")
	a.is(200, `{"status":"ok"}`)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "application/json;charset=utf-8", a.header.Get("Content-Type"))
	a = f.call(http.MethodHead, "/healthz", "", "")
	a.is(200, "")
	require.Equal(t, "15", a.header.Get("Content-Length"))
	for _, path := range []string{"/healthz", "/metrics"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			a := f.call(method, path, "", "")
			a.refused(405, "this path takes GET, HEAD", "")
			require.Equal(t, "GET, HEAD", a.header.Get("Allow"))
		}
	}
}

// Draining tells who asks for the health, and serves who is here.
func TestDraining(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	f.api.Drain()
	f.api.Drain()
	f.call(http.MethodGet, "/healthz", "", "").is(503, `{"status":"draining"}`)
	require.Equal(t, 503, f.call(http.MethodHead, "/healthz", "", "").status)
	f.profile(user.AccessToken)
	f.anonymous()
	require.Equal(t, 200, f.call(http.MethodGet, "/metrics", "", "").status)
}

func TestDatabaseIsGone(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.Close())
	f.call(http.MethodGet, "/healthz", "", "").is(503, `{"status":"the database cannot be read"}`)
	require.Contains(t, f.log.String(), "health check failed")
	f.api.Drain()
	f.call(http.MethodGet, "/healthz", "", "").is(503, `{"status":"draining"}`)
}
