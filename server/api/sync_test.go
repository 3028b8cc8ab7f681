package api

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	"realmsync/server/sync"
)

// lateSync is the sync endpoint of a fixture: it needs its users, and is set once they are there.
type lateSync struct{ made atomic.Pointer[sync.Server] }

// openSync is a fixture with the real sync endpoint behind the HTTP API.
func openSync(t *testing.T) *fixture {
	t.Helper()
	late := &lateSync{}
	f := open(t, late.plan)
	late.attach(f)
	return f
}

func (late *lateSync) plan(s *setup) {
	s.auth.OnRevoke = func(r auth.Revocation) { late.made.Load().Revoke(r) }
	s.api.Sync = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late.made.Load().ServeHTTP(w, r) })
}

func (late *lateSync) attach(f *fixture) {
	f.t.Helper()
	dir := f.t.TempDir()
	endpoint, err := sync.New(sync.Config{
		Auth: f.auth, Dev: true, Registry: f.registry, Logger: slog.New(slog.NewJSONHandler(f.log, nil)), Now: f.clock.Now,
		Store: func(ctx context.Context, app string) (store.Store, error) {
			return sqlite.Open(ctx, filepath.Join(dir, app, "sync.db"))
		},
	})
	require.NoError(f.t, err)
	late.made.Store(endpoint)
	f.t.Cleanup(func() { require.NoError(f.t, endpoint.Close()) })
}

// upgrade is the handshake of the original (app-services 8.1): origin form, the token in the query, as it is.
func (f *fixture) upgrade(app, token string) answer {
	f.t.Helper()
	path := prefix + "app/" + app + "/realm-sync"
	target := path
	if token != "" {
		target += "?baas_at=" + token
	}
	text := "GET " + target + " HTTP/1.1\r\nHost: " + f.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: 08qw++nbZPQt3p3J/EN30Q==\r\nSec-WebSocket-Protocol: " + strings.Join(wire.OfferedSubprotocols(), ", ") +
		"\r\nUser-Agent: RealmSync/14.11.0 (Linux Linux 6 x86_64) RealmCpp/2.2.0 test-abcde\r\n\r\n"
	a := f.raw(http.MethodGet, text)
	f.check(request{path: path}, a)
	return a
}

// WebSocket upgrade without or with an expired baas_at gives 401; a deleted user gives 403; the subprotocol echoed is one that was
// offered.
func TestChecklist20Upgrade(t *testing.T) {
	f := openSync(t)
	user, gone, off := f.named("a@b.c"), f.named("gone@b.c"), f.named("off@b.c")
	var stranger login
	f.call(http.MethodPost, prefix+"app/other/auth/providers/anon-user/login", "", `{}`).into(200, &stranger)
	require.NoError(t, f.auth.DeleteUser(t.Context(), f.app, gone.UserID))
	require.NoError(t, f.auth.SetUserDisabled(t.Context(), f.app, off.UserID, true))
	for name, c := range map[string]struct {
		token  string
		status int
	}{
		"none": {"", 401}, "no token": {"x", 401}, "refresh token": {user.RefreshToken, 401}, "forged": {user.AccessToken[:len(user.AccessToken)-4] + "AAAA", 401},
		"disabled": {off.AccessToken, 401}, "deleted": {gone.AccessToken, 403}, "of another app": {stranger.AccessToken, 403},
	} {
		require.Equal(t, c.status, f.upgrade(testApp, c.token).status, name)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := "ws" + strings.TrimPrefix(f.base, "http") + appPath + "realm-sync?baas_at=" + user.AccessToken
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols()}) //nolint:bodyclose // a 101 has none
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	require.Contains(t, wire.OfferedSubprotocols(), ws.Subprotocol())
	require.Regexp(t, hexID, response.Header.Get("X-Appservices-Request-Id"))

	// Who is deleted is sent away, and knows why.
	f.call(http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").is(204, "")
	_, _, err = ws.Read(ctx)
	require.Equal(t, websocket.StatusCode(4002), websocket.CloseStatus(err), "%v", err)

	fresh := f.anonymous()
	f.clock.Move(auth.DefaultAccessLife + time.Minute)
	require.Equal(t, 401, f.upgrade(testApp, fresh.AccessToken).status, "expired")
	require.Equal(t, 200, f.call(http.MethodGet, "/metrics", "", "").status)
}

// An unknown app is told on the sync route too, and a request that is no upgrade gets an answer.
func TestSyncRoute(t *testing.T) {
	f := openSync(t)
	user := f.anonymous()
	// The words of the sync protocol, which are no JSON.
	a := f.raw(http.MethodGet, request{method: http.MethodGet, path: appPath + "realm-sync?baas_at=" + user.AccessToken}.text(f))
	require.Equal(t, 400, a.status, a.body)
	require.Equal(t, 401, f.upgrade("never-seen", "").status, "in development mode no app is unknown")
	require.Equal(t, 404, f.upgrade("-", "").status)
	apps, err := f.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
}

// Without an endpoint clients are told to come back.
func TestNoSync(t *testing.T) {
	f := open(t, nil)
	f.upgrade(testApp, f.anonymous().AccessToken).refused(503, "this server does not sync", "InternalServerError")
}
