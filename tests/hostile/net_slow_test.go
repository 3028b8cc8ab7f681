package hostile

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// gauge reads one of the server's metrics.
func (s *server) gauge(name string) float64 {
	s.t.Helper()
	families, err := s.gauges.Gather()
	require.NoError(s.t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.FailNow(s.t, "there is no metric "+name)
	return 0
}

// onlyHonest waits until the server has the honest clients' connections and sessions, and no other.
func (s *server) onlyHonest() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.gauge("realm_sync_connections") == 2 && s.gauge("realm_sync_sessions") == 2 }, patience, 10*time.Millisecond,
		"connections or sessions stay")
}

// narrow is a client whose kernel takes little on its behalf.
var narrow = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); e != nil {
		return e
	}
	return err
}}).DialContext}}

// dialNarrow is dial with narrow.
func (s *server) dialNarrow(app, token string) *peer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+s.addr+clientAPI+"app/"+app+"/realm-sync?baas_at="+token,
		&websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols(), HTTPClient: narrow})
	require.NoError(s.t, err)
	ws.SetReadLimit(256 << 20)
	s.t.Cleanup(func() { _ = ws.CloseNow() })
	return &peer{ws: ws, next: 1, keys: map[int64]bool{}}
}

// litter uploads so many objects of so many bytes that can't be packed.
func (p *peer) litter(t *testing.T, objects int, size int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range objects {
		text := make([]byte, size)
		for k := range text {
			text[k] = byte(32 + random.IntN(95))
		}
		d := dog(int64(-1 - i))
		d[1] = changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(int64(-1 - i)), Field: "name", Value: value.String(string(text))}
		require.NoError(t, p.upload(d...))
	}
}

// Clients that subscribe and never read hold neither memory nor anybody: their messages are not made before the one before was taken, and after
// WriteTimeout they are cut off, with all of their sessions.
func TestSlowReaders(t *testing.T) {
	const readers, sessions = 5, 12
	s := open(t, true, func(c settings) { c.sync.WriteTimeout, *c.send = 3*time.Second, 64<<10 })
	h := s.honest()
	writer := s.subscribed(shop)
	writer.litter(t, 12, 256<<10) // 3 MiB, what each of the sessions is to get
	require.NoError(t, writer.ws.CloseNow())
	frugal(t, 96, func() {
		for range readers {
			p := s.dialNarrow(shop, s.anonymous(shop).Access)
			// The first session is honest up to here, so that idents are known; then nothing is read any more.
			for sid := uint64(1); sid <= sessions; sid++ {
				require.NoError(t, p.raw(bindText(sid, 1)))
				require.NoError(t, p.wait(func(m wire.ServerMessage) bool {
					i, ok := m.(*wire.ServerIdent)
					if ok {
						p.ident, p.salt = i.FileIdent, i.Salt
					}
					return ok
				}))
				require.NoError(t, p.send(&wire.Ident{Session: sid, FileIdent: p.ident, Salt: p.salt, Query: []byte(`{}`)}))
				require.NoError(t, p.wait(last))
			}
			for sid := uint64(1); sid <= sessions; sid++ {
				_ = p.send(&wire.Query{Session: sid, Version: 1, Body: []byte(`{"Dog":"(TRUEPREDICATE)"}`)}) // it may be cut off by now
			}
		}
		s.onlyHonest()
	})
	h.stop()
}

// A client that binds and unbinds without reading the answers does not pile sessions up.
func TestUnbindsWithoutReading(t *testing.T) {
	s := open(t, true, func(c settings) { c.sync.WriteTimeout, *c.send = 1500*time.Millisecond, 4096 })
	h := s.honest()
	p := s.dialNarrow(shop, s.anonymous(shop).Access)
	frugal(t, 64, func() {
		most := 0.0
		for i := uint64(1); ; i++ {
			if p.raw(bindText(i, 0)) != nil || p.raw(fmt.Sprintf("unbind %d\n", i)) != nil {
				break // cut off
			}
			if i%500 == 0 {
				most = max(most, s.gauge("realm_sync_sessions"))
			}
		}
		require.LessOrEqual(t, most, 600.0)
	})
	s.onlyHonest()
	h.stop()
}

// Messages that are begun by the dozen and never ended: together they hold no more than the server allows, and those who hold most are ended for it.
func TestBegunMessages(t *testing.T) {
	s := open(t, true, func(c settings) { c.sync.MaxInbound = 8 << 20 })
	h := s.honest()
	begun := frame{op: opBinary, payload: strings.Repeat("x", 1<<20)}.bytes()
	frugal(t, 48, func() {
		var conns []*wireConn
		for range 40 {
			c := s.upgraded(shop)
			c.put(begun)
			conns = append(conns, c)
		}
		require.Eventually(t, func() bool { return s.gauge("realm_sync_connections") <= 2+8 }, patience, 10*time.Millisecond, "those beyond the limit are ended")
		require.LessOrEqual(t, s.gauge("realm_sync_inbound_bytes"), float64(8<<20))
		for _, c := range conns {
			require.NoError(t, c.Close())
		}
		s.onlyHonest()
	})
	h.stop()
	require.Eventually(t, func() bool { return s.gauge("realm_sync_inbound_bytes") == 0 && s.gauge("realm_sync_spool_bytes") == 0 }, patience, 10*time.Millisecond)
}

// Peers that have vanished without a word, before a message or in the middle of one, are given up after IdleTimeout or MessageTimeout; then their files
// are free. WebSocket pings are no use for that: clients don't answer them (wire-protocol 1.6), and they are no sign of life of a client.
func TestHalfOpen(t *testing.T) {
	s := open(t, true, func(c settings) {
		c.sync.IdleTimeout, c.sync.MessageTimeout = 3*time.Second, 3*time.Second // the honest ones are never as slow
	})
	h := s.honest()
	var silent []*wireConn
	for i := range 20 {
		c := s.upgraded(shop)
		if i%4 != 0 {
			c.bound()
		}
		switch i % 4 {
		case 2:
			c.put(frame{op: opBinary, payload: "mark"}.bytes())
		case 3:
			c.put("\x82")
		}
		silent = append(silent, c)
	}
	for _, c := range silent {
		require.Zero(t, c.closeCode(), "cut off")
	}
	s.onlyHonest()
	h.stop()
}

// Close ends in time however many clients hang, and wherever: in a header, a body, an upgrade, a message, or not reading.
func TestCloseWhileClientsHang(t *testing.T) {
	s := open(t, true)
	writer := s.subscribed(shop)
	writer.litter(t, 16, 256<<10)
	login := clientAPI + "app/" + shop + "/auth/providers/anon-user/login"
	var hanging []*wireConn
	for range 5 {
		header, body, begun, bound := s.tcp(), s.tcp(), s.upgraded(shop), s.upgraded(shop)
		header.put("GET /healthz HTTP/1.1\r\n")
		body.put(s.head("POST", login, "Content-Length: 1000") + "{")
		begun.put(frame{op: opBinary, payload: strings.Repeat("x", 100_000)}.bytes())
		bound.bound()
		bound.put(message(`query 1 1 25` + "\n" + `{"Dog":"(TRUEPREDICATE)"}`))
		hanging = append(hanging, header, body, begun, bound, s.tcp())
	}
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.front.Shutdown(ctx)
		_ = s.front.Close()
		ended <- s.sync.Close()
	}()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "the server does not close")
	}
	for _, c := range hanging {
		_, _ = io.Copy(io.Discard, c.in) // until it has ended
		require.NoError(t, c.Close())
	}
}
