package sync

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// thin is a client that costs next to nothing: a socket, without buffers, checks or a goroutine. What is sent to it waits in the kernel until it is asked for. With
// thousands of them in the process of the server the memory that is measured is the server's.
type thin struct {
	t    testing.TB
	conn net.Conn
}

// thinBuffer is for what one client receives at a time; they are used by one goroutine.
var thinBuffer [1 << 20]byte

// thin connects a new file of a user with a subscription, and takes its bootstrap in.
func (f *fixture) thin(user, body string) *thin {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.http.Listener.Addr().String())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = conn.Close() })
	c := &thin{f.t, conn}
	_, path, _ := strings.Cut(strings.TrimPrefix(f.url("app", user), "ws://"), "/")
	_, err = fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", path, strings.Join(wire.OfferedSubprotocols(), ", "))
	require.NoError(f.t, err)
	n := 0
	for !bytes.HasSuffix(thinBuffer[:n], []byte("\r\n\r\n")) { // nothing follows before BIND is sent
		more, err := conn.Read(thinBuffer[n:])
		require.NoError(f.t, err)
		n += more
	}
	require.True(f.t, bytes.HasPrefix(thinBuffer[:n], []byte("HTTP/1.1 101 ")), "%s", thinBuffer[:n])
	c.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	ident, ok := c.receive().(*wire.ServerIdent)
	require.True(f.t, ok)
	c.send(&wire.Ident{Session: 1, FileIdent: ident.FileIdent, Salt: ident.Salt, Query: []byte("{}")})
	c.download(0)
	c.send(&wire.Query{Session: 1, Version: 1, Body: []byte(body)})
	c.download(1)
	return c
}

// send sends a message in one frame, masked with zeros.
func (c *thin) send(m wire.ClientMessage) {
	c.t.Helper()
	data, err := m.Append(nil)
	require.NoError(c.t, err)
	require.Less(c.t, len(data), 1<<16)
	frame := append([]byte{0x82, 0x80 | 126}, byte(len(data)>>8), byte(len(data)), 0, 0, 0, 0)
	_, err = c.conn.Write(append(frame, data...))
	require.NoError(c.t, err)
}

// receive reads a message.
func (c *thin) receive() wire.ServerMessage {
	c.t.Helper()
	read := func(n int) []byte {
		_, err := io.ReadFull(c.conn, thinBuffer[:n])
		require.NoError(c.t, err)
		return thinBuffer[:n]
	}
	head := read(2)
	require.Equal(c.t, byte(0x82), head[0], "one binary frame")
	size := int(head[1])
	switch size {
	case 126:
		size = int(binary.BigEndian.Uint16(read(2)))
	case 127:
		size = int(binary.BigEndian.Uint64(read(8)))
	}
	m, err := wire.ParseServerMessage(bytes.Clone(read(size)), wire.Limits{})
	require.NoError(c.t, err)
	return m
}

// download reads until the last DOWNLOAD of the bootstrap of a query version.
func (c *thin) download(version int64) {
	c.t.Helper()
	for {
		m, ok := c.receive().(*wire.Download)
		require.True(c.t, ok)
		if m.QueryVersion == version && m.BatchState != wire.MoreToCome {
			return
		}
	}
}

// crowd is sessions with distinct subscriptions: told of them match the same objects.
type crowd struct {
	*fixture

	writer  *device
	members []*thin
	written int64
}

const told = 20

func gather(t testing.TB) *crowd {
	f := open(t, nil)
	return &crowd{fixture: f, writer: f.device("writer").subscribed(`{"Dog":"(TRUEPREDICATE)"}`)}
}

// grow adds sessions until there are n.
func (c *crowd) grow(n int) {
	c.t.Helper()
	for i := len(c.members); i < n; i++ {
		// Each has a text of its own; those of a group match the same objects.
		c.members = append(c.members, c.thin(fmt.Sprint("user", i), fmt.Sprintf(`{"Dog":"(age == %d AND _id > %d)"}`, 1000+i/told, -1-i)))
	}
	c.writer.sync()
}

// tell makes one write that concerns one group, and returns when the last of it has its DOWNLOAD.
func (c *crowd) tell() {
	c.t.Helper()
	c.written++
	group := int(c.written) % (len(c.members) / told)
	c.writer.write(create(c.written, "Rex", int64(1000+group))...)
	c.writer.uploadOnly()
	for _, m := range c.members[group*told : (group+1)*told] {
		for told := false; !told; { // now and then there is one without, that only has the new cursors
			d, ok := m.receive().(*wire.Download)
			require.True(c.t, ok)
			told = len(d.Entries) == 1
		}
	}
	c.writer.acknowledged()
}

// held is the live memory of this process: objects and stacks.
func held() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools kept for one more collection
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// allocations is how many objects, and bytes of them, one write takes from its upload until everybody of its group has it: the least of some, because others allocate
// meanwhile.
func (c *crowd) allocations(times int) (objects, bytes uint64) {
	var before, after runtime.MemStats
	for i := range times {
		runtime.ReadMemStats(&before)
		c.tell()
		runtime.ReadMemStats(&after)
		n, b := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
		if i == 0 {
			objects, bytes = n, b
		}
		objects, bytes = min(objects, n), min(bytes, b)
	}
	return objects, bytes
}

// What a write costs depends on how many sessions it concerns, and not on how many there are; a session costs some kilobytes, and not more when there are many.
// BenchmarkSessions says the same of time.
func TestFanOutCost(t *testing.T) {
	const sessions = 5 * told
	c := gather(t)
	c.grow(told)
	before := held()
	c.grow(sessions)
	some := (held() - before) / (sessions - told)
	few, fewBytes := c.allocations(10)
	before = held()
	c.grow(2 * sessions)
	more := (held() - before) / sessions
	many, manyBytes := c.allocations(10)
	t.Logf("%d sessions: %.1f kB each, a write takes %d objects, %d kB; %d more: %.1f kB each, %d objects, %d kB", sessions, some/1024, few, fewBytes>>10, sessions, more/1024, many, manyBytes>>10)
	require.Less(t, many, few+few/5)
	require.Less(t, manyBytes, fewBytes+fewBytes/5+(64<<10))
	require.Less(t, more, float64(sessionBytes))
}

// sessionBytes is the most that a session with one query may take in the server, with its connection, in bytes. It takes 22 KiB, and 31 with the race detector.
const sessionBytes = 36 << 10

// What a client sends right behind its request for the upgrade, before it has the answer, is not lost, however much it is.
func TestFramesBehindTheRequest(t *testing.T) {
	f := open(t, nil)
	for _, bytes := range []int{0, 3000} {
		conn, err := net.Dial("tcp", f.http.Listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		c := &thin{t, conn}
		_, path, _ := strings.Cut(strings.TrimPrefix(f.url("app", "anna"), "ws://"), "/")
		frame := func(m wire.ClientMessage) string {
			data, err := m.Append(nil)
			require.NoError(t, err)
			return string([]byte{0x82, 0x80 | 126, byte(len(data) >> 8), byte(len(data)), 0, 0, 0, 0}) + string(data)
		}
		_, err = io.WriteString(conn, "GET /"+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "+strings.Join(wire.OfferedSubprotocols(), ", ")+"\r\n\r\n"+
			strings.Repeat(frame(&wire.Ping{Timestamp: 1}), 1+bytes/40)+frame(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true}))
		require.NoError(t, err)
		var head []byte
		for !strings.HasSuffix(string(head), "\r\n\r\n") {
			_, err := io.ReadFull(conn, thinBuffer[:1])
			require.NoError(t, err)
			head = append(head, thinBuffer[0])
		}
		require.True(t, strings.HasPrefix(string(head), "HTTP/1.1 101 "), "%s", head)
		for range 1 + bytes/40 {
			require.IsType(t, &wire.Pong{}, c.receive())
		}
		require.IsType(t, &wire.ServerIdent{}, c.receive())
	}
}

// falseBottom is a doorman who is revoked at the first look, and falls over at the second.
type falseBottom struct {
	doorman

	revoke func(auth.Revocation)
	looks  *atomic.Int64
}

func (d falseBottom) Authenticate(ctx context.Context, app, token string) (auth.Identity, error) {
	switch d.looks.Add(1) {
	case 1:
		d.revoke(auth.Revocation{AppID: app, UserID: token, Reason: auth.SessionsRevoked})
	case 2:
		panic("a defect")
	}
	return d.doorman.Authenticate(ctx, app, token)
}

// A defect that a connection brings to light ends that connection, and not the server.
func TestConnectionSurvived(t *testing.T) {
	f := open(t, nil)
	f.stop()
	f.cfg.Auth = falseBottom{revoke: func(r auth.Revocation) { f.Revoke(r) }, looks: &atomic.Int64{}}
	f.start()
	l := f.dial("anna")
	<-l.gone
	require.Error(t, l.end)
	f.device("anna").subscribed(allDogs).sync()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, f.Drain(ctx), "nothing is held")
}
