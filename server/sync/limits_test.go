package sync

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// begins sends the beginning of a message of so many bytes, and stops. The server may cut it off before it has all of them.
func begins(t *testing.T, l *link, size int) {
	t.Helper()
	w, err := l.ws.Writer(context.Background(), websocket.MessageBinary)
	require.NoError(t, err)
	_, _ = w.Write([]byte(strings.Repeat("x", size)))
}

// A message that is not sent in time ends its connection, though silence alone would not yet.
func TestMessageThatNeverEnds(t *testing.T) {
	f := open(t, func(c *Config) { c.MessageTimeout = time.Second })
	other := f.device("ben").subscribed(allDogs)
	l := f.dial("ann")
	begins(t, l, 64<<10)
	require.EqualValues(t, -1, l.closed())
	other.sync()
}

// When clients have sent more than the server may hold, the connection that holds most is ended, and the others go on.
func TestInboundOfAll(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxInbound = 1 << 20 })
	small := f.dial("ann")
	begins(t, small, 256<<10)
	other := f.device("ben").subscribed(allDogs)
	big := f.dial("eve")
	begins(t, big, 1<<20)
	big.closed()
	for i := range int64(3) {
		other.write(create(i, "Rex", i)...)
		other.upload()
	}
	select {
	case <-small.gone:
		require.FailNow(t, "it held less")
	default:
	}
}

// What one connection has sent is read only as far as the server may hold it.
func TestInboundOfOne(t *testing.T) {
	f := open(t, nil)
	c := newConn(f.Server, &app{id: "app"}, nil, auth.Identity{UserID: "ann"}, wire.Version, "", 1)
	f.inbound.take(c, connInbound)
	waiting := make(chan error, 1)
	go func() { waiting <- c.patient() }()
	select {
	case <-waiting:
		require.FailNow(t, "it is read on")
	case <-time.After(10 * time.Millisecond): // long enough to see the mistake most of the time; never too short
	}
	f.inbound.give(c, connInbound)
	require.NoError(t, <-waiting)
	f.inbound.take(c, connInbound)
	c.kill()
	require.Error(t, c.patient())
	f.inbound.give(c, connInbound)
}

// Bootstraps that don't fit where they wait are put off, with an error after which the client comes again.
func TestSpoolIsFull(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxSpoolMemory, c.MaxSpoolDisk = 1, 400 })
	d := f.device("ann").subscribed(allDogs)
	for i := range int64(50) {
		d.write(create(i, "Rex", i)...)
	}
	d.upload()
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(oldDogs)})
	d.step()
	other := f.device("ben")
	other.connect()
	other.bootstrap()
	other.send(&wire.Query{Session: other.sid, Version: 1, Body: []byte(allDogs)})
	m := expect[*wire.JSONError](other.link)
	require.Equal(t, wire.CodeOtherSessionError, m.Code)
	require.NotNil(t, m.Backoff)
	d.sync()
}

// The parts of a spool: what fits is in memory, then in a file, and everything is given back.
func TestSpoolRoom(t *testing.T) {
	room := &spools{memoryLeft: 10, diskLeft: 30}
	a, b := newSpool(t.TempDir(), room), newSpool(t.TempDir(), room)
	require.NoError(t, a.add(make([]byte, 8)))
	require.Nil(t, a.file)
	require.NoError(t, b.add(make([]byte, 8)))
	require.NotNil(t, b.file, "the first has the memory")
	require.NoError(t, a.add(make([]byte, 12)))
	require.NotNil(t, a.file)
	require.Equal(t, [2]int64{10, 2}, [2]int64{room.memoryLeft, room.diskLeft})
	require.ErrorIs(t, b.add(make([]byte, 3)), errSpoolFull)
	b.close()
	require.NoError(t, a.finish())
	c, err := a.next()
	require.NoError(t, err)
	require.Len(t, c, 8)
	a.close()
	a.close()
	require.Equal(t, [2]int64{10, 30}, [2]int64{room.memoryLeft, room.diskLeft})
}

// A client that asks for one subscription set after the other and never says that it has one is sent away, and welcome when it says so.
func TestBootstrapsWithoutProgress(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxBootstraps = 5 })
	d := f.device("ann").subscribed(allDogs)
	for v := int64(2); ; v++ {
		require.Less(t, v, int64(10))
		d.send(&wire.Query{Session: d.sid, Version: v, Body: []byte(allDogs)})
		if m, ok := d.next().(*wire.JSONError); ok {
			require.Equal(t, wire.CodeOtherSessionError, m.Code)
			require.NotNil(t, m.Backoff)
			break
		}
	}
}

// One that breaks off each bootstrap and asks for another one is reset in the end: all of them would have to be settled at once.
func TestBootstrapsThatAreBrokenOff(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxBootstraps = 5 })
	d := f.device("ann").subscribed(allDogs)
	for v := int64(2); ; v++ {
		require.Less(t, v, int64(10))
		d.send(&wire.Query{Session: d.sid, Version: v, Body: fmt.Appendf(nil, `{"Dog":"(age > %d)"}`, v)})
		for {
			m := d.next()
			if refused, ok := m.(*wire.JSONError); ok {
				require.Equal(t, wire.CodeBadClientFileIdent, refused.Code)
				require.Equal(t, wire.ClientReset, refused.Action)
				require.Contains(t, refused.Message, "6 subscription sets")
				return
			}
			if begun, ok := m.(*wire.Download); ok && begun.QueryVersion == v {
				break
			}
		}
		d.drop()
		d.connect()
	}
}

// A connection has few bootstraps at a time, however many sessions it has; all arrive.
func TestBootstrapsOfAConnection(t *testing.T) {
	f := open(t, nil)
	writer := f.device("ann").subscribed(allDogs)
	writer.write(create(1, "Rex", 1)...)
	writer.upload()
	l := f.dial("ben")
	var devices []*device
	for sid := uint64(1); sid <= 3*connBoots; sid++ {
		d := f.device("ben")
		d.link = l
		d.bind(sid).bootstrap()
		devices = append(devices, d)
	}
	for _, d := range devices {
		d.send(&wire.Query{Session: d.sid, Version: 1, Body: []byte(allDogs)})
	}
	for _, d := range devices {
		d.sync()
		require.True(t, d.has(1))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		require.Empty(t, c.boots)
		require.Equal(t, connBoots, cap(c.boots))
	}
}
