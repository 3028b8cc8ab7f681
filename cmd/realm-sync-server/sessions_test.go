package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// Sessions are listed and ended on the command line, while the server runs; a stock client is told at its next refresh (app-services 5.3, 6.3).
func TestSessions(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data)
	login := func() (user string, refresh *suite) {
		user0 := (&suite{process: p}).call("POST", "/api/client/v2.0/app/todo/auth/providers/anon-user/login", `{"provider":"anon-user","options":{"device":{"sdk":"Realm Cpp","platform":"Linux"}}}`, 200)
		return user0["user_id"].(string), &suite{process: p, token: user0["refresh_token"].(string)}
	}
	refreshes := func(s *suite, want int) { s.call("POST", "/api/client/v2.0/auth/session", "", want) }
	anna, a := login()
	berta, b := login()
	_, c := login()
	cli := func(args ...string) string {
		t.Helper()
		cmd, log := command(append([]string{"session"}, args...)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		require.NoError(t, cmd.Run(), log)
		return out.String()
	}
	require.Equal(t, 3, strings.Count(cli("list", "--data", data, "todo"), "Realm Cpp Linux\n"))
	line := cli("list", "--data", data, "--user", anna, "todo")
	require.Equal(t, 1, strings.Count(line, "\n"))
	require.Equal(t, anna, strings.Fields(line)[1])
	cli("revoke", "--data", data, "--session", strings.Fields(line)[0], "todo")
	refreshes(a, 401)
	refreshes(b, 201)
	cli("revoke", "--data", data, "--user", berta, "todo")
	refreshes(b, 401)
	refreshes(c, 201)
	require.Equal(t, "1 sessions ended\n", cli("revoke", "--data", data, "--all", "todo"))
	refreshes(c, 401)
	for text, args := range map[string][]string{
		"which sessions": {"revoke", "--data", data, "todo"}, "user not found": {"revoke", "--data", data, "--user", "nobody", "todo"},
		"session not found": {"revoke", "--data", data, "--session", "none", "todo"}, "cannot find app": {"list", "--data", data, "nothing"},
		"not the data directory": {"list", "--data", t.TempDir(), "todo"},
	} {
		cmd, log := command(append([]string{"session"}, args...)...)
		require.Error(t, cmd.Run())
		require.Contains(t, log.String(), text)
	}
	p.stop()
}

// What another process revokes reaches a running server: the connections of the user are closed with the code that makes a stock client refresh its
// token (app-services 8.4), and are refused when they come back; those of others go on.
func TestRevokeElsewhere(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data)
	login := func() (user, access string) {
		l := (&suite{process: p}).call("POST", "/api/client/v2.0/app/todo/auth/providers/anon-user/login", `{}`, 200)
		return l["user_id"].(string), l["access_token"].(string)
	}
	anna, a := login()
	_, b := login()
	wa, wb := p.dialAs("todo", a), p.dialAs("todo", b)
	bind(t, wa)
	bind(t, wb)
	closed := func(ws *websocket.Conn, token string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, _, err := ws.Read(ctx)
		require.Equal(t, websocket.StatusCode(wire.CloseUnauthorized), websocket.CloseStatus(err), "%v", err)
		_, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.base, "http")+wire.RoutePrefix+"todo"+wire.RouteSuffix+"?baas_at="+token,
			&websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols()})
		require.Error(t, err)
		require.Equal(t, 401, response.StatusCode)
	}
	_, log, err := ran(t, "session", "revoke", "--data", data, "--user", anna, "todo")
	require.NoError(t, err, log)
	closed(wa, a)
	send(t, wb, &wire.Ping{})
	receive[*wire.Pong](t, wb)
	_, log, err = ran(t, "session", "revoke", "--data", data, "--all", "todo")
	require.NoError(t, err, log)
	closed(wb, b)
	p.stop()
}
