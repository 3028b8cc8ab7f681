package original

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outages requires that the application was told of nothing but that the server can't be reached, and that the client complains of nothing else.
func (p *peer) outages() {
	p.t.Helper()
	p.mu.Lock()
	for _, e := range p.events {
		require.Contains(p.t, []string{"SyncConnectFailed", "ConnectionClosed"}, e.Code, e.Text)
		require.False(p.t, e.Fatal)
	}
	p.mu.Unlock()
	require.Empty(p.t, p.complaints(`resumption delay interval|Reading failed|Writing failed|Failed to connect|Connection closed|Closing the websocket`))
}

// drain ends the server as SIGTERM does.
func (s *server) drain() {
	s.t.Helper()
	p := s.program
	s.program = nil
	require.NoError(s.t, p.Stop())
}

// Devices write while the server is killed, or sent away, and started again: nothing is lost or there twice, and applications are told nothing.
func TestServerGoesAndComes(t *testing.T) {
	for name, stop := range map[string]func(*server){"killed": (*server).kill, "drained": (*server).drain} {
		t.Run(name, func(t *testing.T) {
			srv := startServer(t)
			var devices []*peer
			for range 2 {
				p := newPeer(t, srv, "outages")
				p.open(nil)
				p.subscribe("Item")
				devices = append(devices, p)
			}
			for i := range 60 {
				for j, p := range devices {
					p.item(100*(j+1)+i, i)
					p.write(object{"op": "CreateObject", "table": "Item", "object": key(i / 10)}, object{"op": "AddInteger", "table": "Item", "object": key(i / 10), "field": "n", "add": "1"})
				}
				if i%20 == 10 {
					stop(srv)
				}
				if i%20 == 15 {
					srv.start()
				}
			}
			for range 2 {
				for _, p := range devices {
					p.sync()
				}
			}
			require.Equal(t, devices[0].items(), devices[1].items())
			require.Equal(t, 126, devices[0].count("Item"))
			for i := range 6 {
				require.Equal(t, "1", string(devices[0].do(object{"do": "query", "realm": "r", "class": "Item", "query": fmt.Sprintf("_id == %d AND n == 20", i)})))
			}
			for _, p := range devices {
				p.outages()
			}
		})
	}
}

// Access tokens that expire while a device is connected are refreshed by it.
func TestAccessTokensExpire(t *testing.T) {
	srv := startServer(t, "--dev", "--access-token-life", "2s")
	p := newPeer(t, srv, "expiry")
	p.open(nil)
	p.subscribe("Item")
	for i := range 12 {
		p.item(i, i)
		p.sync()
		time.Sleep(500 * time.Millisecond) // what is tested is that time goes by
	}
	require.Equal(t, 12, p.count("Item"))
	require.Empty(t, p.said())
}

// Who may not come any more is logged out and told why; what it has not uploaded is uploaded when it may again.
func TestUsersAreSentAway(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "away")
	for name, c := range map[string]struct{ away, back func(user string) }{
		"sessions revoked": {func(user string) { o.call("PUT", "/users/"+user+"/logout", "", 204) }, func(string) {}},
		"disabled":         {func(user string) { o.call("PUT", "/users/"+user+"/disable", "", 204) }, func(user string) { o.call("PUT", "/users/"+user+"/enable", "", 204) }},
		"deleted":          {func(user string) { o.call("DELETE", "/users/"+user, "", 204) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "files")
			p := startPeer(t, srv.url(), "away", dir)
			email := fmt.Sprintf("%d@example.com", len(name))
			p.do(object{"do": "register", "email": email, "password": "password"})
			login := object{"do": "login", "provider": "email", "email": email, "password": "password"}
			user := decoded[string](t, string(p.do(login)))
			p.open(nil)
			p.subscribe("Item:n < 100")
			p.item(1000*len(name), 1)
			p.sync()
			c.away(user)
			e := p.await(func(e event) bool { return e.Event == "error" })
			t.Log(e.Code, e.Text, e.Fatal, e.Action)
			require.Equal(t, "AuthError", e.Code)
			require.True(t, e.Fatal)
			require.False(t, e.ClientReset)
			p.item(1000*len(name)+1, 2)
			p.r("close")
			if c.back == nil {
				p.refused(login)
				return
			}
			c.back(user)
			require.Equal(t, user, decoded[string](t, string(p.do(login))))
			p.open(nil)
			p.sync()
			require.Equal(t, fmt.Sprintf("%d:1 %d:2", 1000*len(name), 1000*len(name)+1), p.items())
			p.write(erase(1000*len(name)), erase(1000*len(name)+1))
			p.sync()
			require.Empty(t, p.said())
		})
	}
}

// Two users of one program: each has their own realms, and one who logs out takes nothing from the other.
func TestTwoUsers(t *testing.T) {
	srv := startServer(t)
	p := newPeer(t, srv, "two")
	first := decoded[string](t, string(p.do(object{"do": "user"})))
	p.open(nil)
	p.do(object{"do": "open", "realm": "r2", "schema": itemSchema}) // on the same connection
	p.subscribe("Item")
	p.do(object{"do": "subscribe", "realm": "r2", "subscriptions": subscriptions("Item:n > 5")})
	require.NotEqual(t, first, decoded[string](t, string(p.do(object{"do": "login", "reuse": false}))))
	p.do(object{"do": "open", "realm": "other", "schema": itemSchema})
	p.do(object{"do": "subscribe", "realm": "other", "subscriptions": subscriptions("Item")})
	for i := range 10 {
		p.item(i, i)
	}
	p.sync()
	has := func(realm string, n int) {
		t.Helper()
		p.do(object{"do": "download", "realm": realm})
		require.Equal(t, fmt.Sprint(n), string(p.do(object{"do": "count", "realm": realm, "class": "Item"})))
	}
	has("r2", 4)
	has("other", 10)
	p.do(object{"do": "logout"})
	p.item(10, 10)
	p.sync()
	has("r2", 5)
	require.Equal(t, "10", string(p.do(object{"do": "count", "realm": "other", "class": "Item"})))
	p.do(object{"do": "close", "realm": "r2"})
	p.item(11, 11)
	p.sync()
	p.do(object{"do": "user", "id": first})
	p.do(object{"do": "open", "realm": "r2", "schema": itemSchema})
	has("r2", 6)
}

// Sessions that are paused, closed by force, closed with changes that are not uploaded yet, and opened again.
func TestSessionsPauseAndClose(t *testing.T) {
	srv := startServer(t)
	p := newPeer(t, srv, "closing")
	p.open(object{"dying": true})
	p.subscribe("Item")
	other := newPeer(t, srv, "closing")
	other.open(nil)
	other.subscribe("Item")
	for i := range 20 {
		switch i % 4 {
		case 0:
			p.r("pause")
			p.item(i, i)
			p.r("resume")
		case 1:
			p.item(i, i)
			p.r("close") // the session goes on until it is uploaded
			p.open(object{"dying": true})
		case 2:
			p.r("force_close")
			p.item(i, i)
			p.r("resume")
		case 3:
			p.item(i, i)
			p.r("pause")
			p.r("close") // a paused session doesn't
			p.open(object{"dying": true})
			p.do(object{"do": "reconnect"})
		}
	}
	p.sync()
	other.r("download")
	require.Equal(t, 20, other.count("Item"))
	p.item(20, 20)
	p.r("close")
	other.itemsBecome(p20())
	other.quiet()
	p.quiet()
}

func p20() string {
	var out []string
	for i := range 21 {
		out = append(out, fmt.Sprintf("%d:%d", i, i))
	}
	return sorted(out)
}
