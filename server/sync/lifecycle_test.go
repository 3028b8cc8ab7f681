package sync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// Reconnecting at every point of a session's life: nothing is sent twice, nothing is missed, nothing is lost.
func TestReconnectAtEveryPoint(t *testing.T) {
	f := open(t, nil)
	writer := f.device("writer").subscribed(allDogs)
	next := int64(0)
	others := func() {
		next++
		writer.write(create(1000+next, "other", next)...)
		writer.upload()
	}
	for _, restart := range []bool{false, true} {
		d := f.device("anna").fresh()
		again := func() {
			d.drop()
			if restart {
				writer.drop()
				f.restart()
				writer.connect()
			}
			others()
			d.connect()
		}
		again() // after the schema
		d.sync()
		d.send(&wire.Query{Session: d.sid, Version: 1, Body: []byte(allDogs)})
		again() // QUERY sent, nothing received
		d.subscribe(1, allDogs)
		again() // bootstrapped
		d.sync()
		require.Equal(t, writer.dogs(), d.dogs())
		count := d.downloaded
		again()
		d.sync()
		require.Equal(t, count+1, d.downloaded, "only what is new")
		next++
		d.write(create(2000+next, "mine", 1)...)
		d.uploadOnly()
		again() // uploaded, not acknowledged
		d.uploadOnly()
		d.acknowledged()
		again() // acknowledged
		d.sync()
		writer.sync()
		require.Equal(t, writer.dogs(), d.dogs())
		d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(oldDogs)})
		expect[*wire.Download](d.link) // the bootstrap is sent, and lost
		again()
		d.sync()
		require.Equal(t, writer.dogs(), d.dogs(), "the old subscription is in force")
		d.subscribe(2, oldDogs)
		for _, dog := range d.dogs() {
			require.NotRegexp(t, " [0-3]$", dog)
		}
		d.drop()
	}
}

// Every IDENT is answered by a DOWNLOAD, also when nothing is new (spec/wire-protocol.md, conformance item 9).
func TestGreeting(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.write(create(1, "Rex", 1)...)
	d.upload()
	d.sync()
	for range 3 {
		d.drop()
		d.connect()
		m := expect[*wire.Download](d.link)
		require.Equal(t, wire.SteadyState, m.BatchState)
		require.Empty(t, m.Entries)
		require.Equal(t, d.progress, m.Progress)
	}
}

// A bootstrap that breaks off leaves a part of it at the client. What left the view since then must not survive it.
func TestBrokenOffBootstrap(t *testing.T) {
	f := open(t, nil)
	writer := f.device("writer").subscribed(allDogs)
	long := strings.Repeat("x", 400_000)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range int64(10) {
		b := []byte(long)
		for k := range b {
			b[k] = byte(33 + random.IntN(90))
		}
		writer.write(create(i, string(b), 9)...)
	}
	writer.upload()
	d := f.device("anna").fresh()
	d.send(&wire.Query{Session: d.sid, Version: 1, Body: []byte(oldDogs)})
	part := expect[*wire.Download](d.link)
	require.Equal(t, wire.MoreToCome, part.BatchState)
	d.drop()
	writer.write(append(erase(0), grow(1, 1)...)...)
	writer.upload()
	d.connect()
	d.held = []*wire.Download{part} // as an original client does
	d.t = t
	m := d.subscribeHeld(1, oldDogs, part)
	require.Equal(t, wire.LastInBatch, m.BatchState)
	require.False(t, d.has(0))
	require.False(t, d.has(1))
	require.True(t, d.has(2))
	require.Len(t, d.dogs(), 8)
}

// subscribeHeld is subscribe for a client that has kept a part of an earlier attempt.
func (d *device) subscribeHeld(version int64, body string, part *wire.Download) *wire.Download {
	d.t.Helper()
	d.send(&wire.Query{Session: d.sid, Version: version, Body: []byte(body)})
	for {
		m := d.next().(*wire.Download)
		if m.BatchState == wire.SteadyState {
			d.held = nil
			d.download(m)
			d.held = []*wire.Download{part}
			continue
		}
		d.download(m)
		if m.BatchState == wire.LastInBatch {
			d.body = body
			return m
		}
	}
}

// The body in IDENT is what counts: if it isn't what the client was sent, it is bootstrapped anew, without a change of state.
func TestServerInitiatedBootstrap(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	for i := range int64(8) {
		d.write(create(i, "Dog", i)...)
	}
	d.upload()
	d.drop()
	d.body = oldDogs
	d.connect()
	m := d.bootstrap()
	require.Equal(t, int64(1), m.QueryVersion)
	require.Len(t, d.dogs(), 4)
	d.drop()
	// Lost on the way: again.
	d.body = allDogs
	d.connect()
	expect[*wire.Download](d.link)
	d.drop()
	d.connect()
	d.bootstrap()
	require.Len(t, d.dogs(), 8)
	d.sync()
	d.drop()
	// A client that is too old for it must reset itself.
	d.body = oldDogs
	d.link = f.dialApp("app", "anna", []string{"com.mongodb.realm-query-sync#13"})
	d.bind(1)
	d.refused(228, wire.ClientReset, "what this client may see")
}

// A client of whose view the server knows nothing: it may have anything, and is set right.
func TestUnknownView(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	for i := range int64(8) {
		d.write(create(i, "Dog", i)...)
	}
	d.upload()
	d.uploadOnly()
	writer := f.device("writer").subscribed(allDogs)
	d.drop()
	writer.write(erase(7)...)
	writer.upload()
	// By now the first query version is forgotten.
	d.connect().sync()
	d.subscribe(2, `{"Dog":"(age != 5)"}`)
	d.drop()
	d.query, d.body = 0, oldDogs
	d.checks = newClient()
	d.connect()
	m := d.bootstrap()
	require.Equal(t, int64(0), m.QueryVersion)
	require.Equal(t, []string{"4 Dog 4", "5 Dog 5", "6 Dog 6"}, d.dogs())
}

// Two sessions on one connection don't disturb each other; ending one leaves the other.
func TestTwoSessionsOnOneConnection(t *testing.T) {
	f := open(t, nil)
	first := f.device("anna").subscribed(allDogs)
	second := f.device("anna")
	second.link = first.link
	second.bind(2)
	second.bootstrap()
	second.subscribe(1, allDogs)
	first.write(create(1, "Rex", 4)...)
	first.upload()
	for !second.has(1) {
		second.step()
	}
	first.send(&wire.Unbind{Session: 1})
	require.Equal(t, &wire.Unbound{Session: 1}, first.next())
	second.write(create(2, "Fido", 4)...)
	second.upload()
	second.sync()
	// The file of the first is free, on the same connection and under another number.
	first.bind(3)
	first.sync()
	require.Equal(t, []string{"1 Rex 4", "2 Fido 4"}, first.dogs())
	require.Equal(t, first.dogs(), second.dogs())
}

// Two devices of different apps see nothing of each other.
func TestAppsAreApart(t *testing.T) {
	f := open(t, nil)
	a, b := f.device("anna"), f.device("anna")
	b.app = "other"
	a.subscribed(allDogs)
	b.subscribed(allDogs)
	a.write(create(1, "Rex", 4)...)
	a.upload()
	require.Empty(t, b.sync().dogs())
}

// The same file on another connection: the older one is presumed dead.
func TestFileMovesToNewConnection(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.write(create(1, "Rex", 4)...)
	d.upload()
	old := d.link
	d.connect()
	require.NotEqual(t, 1009, int(old.closed()))
	d.sync()
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
}

// Nobody ends another user's connection by naming his file.
func TestFileOfAnotherUser(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	thief := f.dial("berta")
	thief.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	thief.send(&wire.Ident{Session: 1, FileIdent: d.ident, Salt: d.salt, Download: d.progress.Download, Latest: d.progress.Latest, Query: []byte(noDogs)})
	require.Equal(t, wire.CodeUserMismatch, expect[*wire.JSONError](thief).Code)
	d.write(create(1, "Rex", 4)...)
	d.upload()
	thief.send(&wire.Unbind{Session: 1})
	thief.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	thief.send(&wire.Ident{Session: 1, FileIdent: d.ident, Salt: d.salt + 1, Query: []byte(noDogs)})
	require.Equal(t, wire.CodeDivergingHistories, expect[*wire.JSONError](thief).Code)
	d.sync()
}

// MARK is answered after the bootstrap and the history before it; of several the newest counts.
func TestMarkOrder(t *testing.T) {
	f := open(t, nil)
	writer := f.device("writer").subscribed(allDogs)
	d := f.device("anna").fresh()
	d.send(&wire.TestCommand{Session: d.sid, Request: 1, Body: []byte(`{"command":"PAUSE_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link)
	writer.write(create(1, "Rex", 4)...)
	writer.upload()
	d.send(&wire.Query{Session: d.sid, Version: 1, Body: []byte(allDogs)})
	d.send(&wire.Mark{Session: d.sid, Request: 1})
	d.send(&wire.Mark{Session: d.sid, Request: 5})
	d.send(&wire.TestCommand{Session: d.sid, Request: 2, Body: []byte(`{"command":"RESUME_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link)
	d.bootstrap()
	require.Equal(t, &wire.Mark{Session: 1, Request: 5}, d.step())
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
	d.silent()
}

// A session that was unbound before its IDENT had its turn passes over what is behind it, and its connection goes on.
func TestUnboundBeforeIdent(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	f.mu.Lock()
	var c *conn
	for one := range f.conns {
		c = one
	}
	f.mu.Unlock()
	s := &session{conn: c, app: c.app, sid: 9, phase: waitIdent, leaving: true}
	for _, m := range []wire.ClientMessage{&wire.Ident{Session: 9, FileIdent: 7, Salt: 1}, &wire.Mark{Session: 9, Request: 1}, &wire.Query{Session: 9, Version: 1, Body: []byte(allDogs)}} {
		require.NoError(t, s.message(m))
	}
	d.write(create(1, "Rex", 1)...)
	d.upload()
	d.sync()
}

// UNBIND at any moment is answered, at most once, and nothing follows.
func TestUnbindRaces(t *testing.T) {
	f := open(t, nil)
	writer := f.device("writer").subscribed(allDogs)
	for i := range int64(40) {
		writer.write(create(i, "Dog", i)...)
	}
	writer.upload()
	l := f.dial("anna")
	for i := range uint64(60) {
		sid := i + 1
		l.send(&wire.Bind{Session: sid, Data: wire.BindData{}.Append(nil), NeedIdent: true})
		ident := wire.ServerMessage(nil)
		if i%6 > 0 {
			for ident == nil {
				if m, ok := l.next().(*wire.ServerIdent); ok && m.Session == sid {
					ident = m
					l.send(&wire.Ident{Session: sid, FileIdent: m.FileIdent, Salt: m.Salt, Query: []byte(noDogs)})
				}
			}
			if i%6 > 1 {
				l.send(&wire.Mark{Session: sid, Request: 1})
				l.send(&wire.Query{Session: sid, Version: 1, Body: []byte(allDogs)})
			}
			if i%6 > 2 {
				l.send(&wire.Mark{Session: sid, Request: 2})
			}
			if i%6 > 3 {
				l.send(&wire.Query{Session: sid, Version: 2, Body: []byte(`{"Dog":"(nonsense)"}`)})
			}
		}
		l.send(&wire.Unbind{Session: sid})
		for {
			if m, ok := l.next().(*wire.Unbound); ok {
				require.Equal(t, sid, m.Session)
				break
			}
		}
	}
	l.silent()
}

// What was uploaded is integrated even if the client is gone at once.
func TestUploadOfClientThatIsGone(t *testing.T) {
	f := open(t, nil)
	reader := f.device("berta").subscribed(allDogs)
	d := f.device("anna").subscribed(allDogs)
	for i := range int64(50) {
		d.write(create(i, "Dog", i)...)
	}
	d.uploadOnly()
	for d.progress.Upload.ClientVersion < d.version-49 {
		d.step() // something of it has arrived
	}
	d.drop()
	for len(reader.dogs()) < 50 {
		reader.step()
	}
}

// A client that floods its session is slowed down and loses nothing.
func TestFlood(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	const messages = 3000
	for i := range uint64(messages) {
		switch i % 3 {
		case 0:
			d.write(create(int64(i), "Dog", int64(i))...)
			d.uploadOnly()
		case 1:
			d.send(&wire.Upload{Session: d.sid, Progress: wire.UploadCursor{ClientVersion: d.version, ServerVersion: d.progress.Download.ServerVersion}, LockedServerVersion: d.progress.Download.ServerVersion})
		default:
			d.req++
			d.send(&wire.Mark{Session: d.sid, Request: d.req})
		}
	}
	d.acknowledged()
	d.sync()
	require.Len(t, f.dogs("app"), messages/3)
}

// A session that stays behind by more than what is kept in memory catches up from the store.
func TestLaggingSession(t *testing.T) {
	f := open(t, nil)
	writer := f.device("writer").subscribed(allDogs)
	d := f.device("anna").subscribed(`{"Dog":"(age > 4000)"}`)
	d.send(&wire.TestCommand{Session: d.sid, Request: 1, Body: []byte(`{"command":"PAUSE_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link)
	const versions = 9000
	for i := range int64(versions) {
		writer.write(create(i, "Dog", i)...)
	}
	writer.upload()
	d.send(&wire.TestCommand{Session: d.sid, Request: 2, Body: []byte(`{"command":"RESUME_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link)
	d.sync()
	require.Len(t, d.dogs(), versions-4001)
	require.Equal(t, versions-4001, d.downloaded-2, "each once; two bootstraps before")
	// The same after a reconnect, from far back.
	e := f.device("berta").subscribed(`{"Dog":"(age > 8990)"}`)
	e.drop()
	for i := range int64(5000) {
		writer.write(grow(i, i+1)...)
	}
	writer.upload()
	e.connect().sync()
	require.Len(t, e.dogs(), 9)
	// A client that nothing concerns is told the cursor nevertheless.
	idle := f.device("carla").fresh()
	for i := range int64(2 * silentVersions * 2) {
		writer.write(grow(0, i)...)
	}
	writer.upload()
	before := idle.progress.Download.ServerVersion
	idle.step()
	require.Greater(t, idle.progress.Download.ServerVersion, before+1000)
}

// A client that doesn't read holds up nobody, and is cut off in the end.
func TestSlowClient(t *testing.T) {
	f := open(t, func(c *Config) { c.WriteTimeout = time.Second })
	writer := f.device("writer").subscribed(allDogs)
	big := make([]byte, 1_000_000) // the same each time: compression doesn't look as far back
	random := rand.New(rand.NewPCG(5, 6))
	for k := range big {
		big[k] = byte(33 + random.IntN(90))
	}
	for i := range int64(30) {
		writer.write(create(i, string(big), 9)...)
		writer.upload()
	}
	slow := f.device("slow").fresh()
	slow.stall()
	slow.send(&wire.Query{Session: 1, Version: 1, Body: []byte(allDogs)})
	fast := f.device("fast").subscribed(`{"Dog":"(age < 5)"}`)
	writer.write(create(100, "small", 1)...)
	writer.upload()
	require.Equal(t, []string{"100 small 1"}, fast.sync().dogs())
	require.Eventually(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.conns) == 2 }, patience, waitStep)
	slow.flow()
	slow.closed()
}

// When the server drains, clients are sent away with a code that they survive, and nobody new comes in.
func TestDrain(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.write(create(1, "Rex", 4)...)
	d.uploadOnly()
	d.acknowledged()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, f.Drain(ctx))
	require.Equal(t, int(wire.CloseInternalError), int(d.closed()))
	_, response, err := f.tryDial("app", "anna", wire.OfferedSubprotocols())
	require.Error(t, err)
	require.Equal(t, 503, response.StatusCode)
	f.restart()
	d.connect().sync()
	require.Equal(t, []string{"1 Rex 4"}, d.dogs())
}

// Access that ends: the token's time, a session that is revoked, a user that is deleted (spec/wire-protocol.md section 1.7).
func TestEndOfAccess(t *testing.T) {
	f := open(t, nil)
	for reason, code := range map[auth.Reason]int{auth.SessionsRevoked: 4001, auth.UserDisabled: 4001, auth.UserDeleted: 4002} {
		d := f.device("anna").fresh()
		other := f.device("berta").fresh()
		f.Revoke(auth.Revocation{AppID: "app", UserID: "anna", Reason: reason})
		require.Equal(t, code, int(d.closed()))
		other.sync()
	}
	f.stop()
	f.cfg.Auth = doorman{expires: time.Now().Add(50 * time.Millisecond)}
	f.start()
	l := f.dial("anna")
	require.Equal(t, 4001, int(l.closed()))
}

// turncoat is a doorman whose guests are revoked right behind the door: after the first look at their token, before they are counted in.
type turncoat struct {
	doorman
	revoke func(auth.Revocation)
	reason auth.Reason
	later  error
	looks  atomic.Int32
}

func (d *turncoat) Authenticate(ctx context.Context, app, token string) (auth.Identity, error) {
	who, err := d.doorman.Authenticate(ctx, app, token)
	if d.looks.Add(1) > 1 {
		return auth.Identity{}, d.later
	}
	d.revoke(auth.Revocation{AppID: app, UserID: token, Reason: d.reason})
	return who, err
}

func TestAccessThatEndsDuringTheUpgrade(t *testing.T) {
	f := open(t, nil)
	for code, d := range map[int]*turncoat{
		4001: {reason: auth.UserDisabled, later: auth.ErrInvalidSession},
		4002: {reason: auth.UserDeleted, later: auth.ErrForbidden},
	} {
		f.stop()
		d.revoke = func(r auth.Revocation) { f.Revoke(r) }
		f.cfg.Auth = d
		f.start()
		l := f.dial("anna")
		require.Equal(t, code, int(l.closed()))
	}
}

// A connection that says nothing for too long is dropped.
func TestIdleConnection(t *testing.T) {
	f := open(t, func(c *Config) { c.IdleTimeout = 30 * time.Millisecond })
	f.dial("anna").closed()
}

// An app that nobody uses is closed, and opened again when somebody comes.
func TestIdleApp(t *testing.T) {
	f := open(t, func(c *Config) { c.AppIdle = time.Millisecond })
	apps := func() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.apps) }
	d := f.device("anna").subscribed(allDogs)
	for i := range int64(20) {
		d.write(create(i, "Dog", i)...)
		d.upload()
		d.drop()
		if i%2 == 0 {
			require.Eventually(t, func() bool { return apps() == 0 }, patience, waitStep)
		}
		d.connect().sync()
		require.Equal(t, 1, apps())
	}
	require.Len(t, d.dogs(), 20)
}

// Metrics count what goes on.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	f := open(t, func(c *Config) { c.Registry = registry })
	d := f.device("anna").subscribed(allDogs)
	d.write(create(1, "Rex", 4)...)
	d.upload()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	require.Equal(t, 1.0, values["realm_sync_connections"])
	require.Equal(t, 1.0, values["realm_sync_sessions"])
	require.Equal(t, 2.0, values["realm_sync_changesets_total"])
	require.Equal(t, 2.0, values["realm_sync_bootstrap_seconds"])
	require.Equal(t, 2.0, values["realm_sync_messages_received_total upload"])
	require.Positive(t, values["realm_sync_received_bytes_total"])
	_, err = New(f.cfg)
	require.Error(t, err, "the names are taken")
	f.cfg.Registry = nil
}

// What a configuration must have.
func TestConfig(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "required")
	require.NotEmpty(t, fmt.Sprint(err))
}

// A client that pauses and goes on all day leaves nothing behind on its connection.
func TestUnboundSessionsAreForgotten(t *testing.T) {
	f := open(t, nil)
	l := f.dial("anna")
	for sid := uint64(1); sid <= 30; sid++ {
		l.send(&wire.Bind{Session: sid, Data: wire.BindData{}.Append(nil), NeedIdent: true})
		expect[*wire.ServerIdent](l)
		l.send(&wire.Unbind{Session: sid})
		require.Equal(t, &wire.Unbound{Session: sid}, l.next())
	}
	f.mu.Lock()
	var c *conn
	for one := range f.conns {
		c = one
	}
	f.mu.Unlock()
	require.NoError(t, l.ws.CloseNow())
	<-c.ctx.Done() // its reader has ended
	require.LessOrEqual(t, len(c.leaving), 15, "those whose goroutines ended after their last message was sent")
}
