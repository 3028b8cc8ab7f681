package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// requireSets compares the states of the versions 0, 1, ...
func (d *device) requireSets(states ...SetState) {
	d.t.Helper()
	got := make([]SetState, len(states))
	for v := range states {
		state, _, err := d.file.SetState(int64(v))
		require.NoError(d.t, err)
		got[v] = state
	}
	require.Equal(d.t, states, got)
}

func (d *device) requireActive(version int64, body string) {
	d.t.Helper()
	s, err := d.file.Status()
	require.NoError(d.t, err)
	require.Equal(d.t, version, s.ActiveSet)
	require.Equal(d.t, body, string(s.Active))
}

// applyBootstrap sends a bootstrap in one message.
func (d *device) applyBootstrap(query int64, p wire.Progress, entries ...wire.DownloadEntry) {
	d.t.Helper()
	if len(entries) == 0 {
		entries = append(entries, entry(d.t, p.Download.ServerVersion, p.Download.ClientVersion, 1))
	}
	require.NoError(d.t, d.file.AddBootstrap(bootstrap(query, wire.LastInBatch, p, entries...)))
	applied, err := d.file.ApplyBootstrap()
	require.NoError(d.t, err)
	require.True(d.t, applied)
}

// The life of subscription sets (sync-semantics.md 2.1, 2.2), with a crash after every step.
func TestSetLife(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.requireSets(Pending)
	d.requireActive(0, `{}`)
	d.applyBootstrap(0, progress(1, 0, 0, 0))
	d.requireSets(Complete)

	// Pending, bootstrapping, awaiting its mark, complete.
	require.EqualValues(t, 1, d.subscribe("T", "i == 1"))
	d.crash()
	d.requireSets(Complete, Pending)
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.MoreToCome, progress(2, 0, 0, 0), entry(t, 2, 0, 1, create(1)))))
	d.requireSets(Complete, Bootstrapping)
	require.NoError(t, d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(2, 0, 0, 0))))
	d.crash()
	d.requireSets(Complete, Bootstrapping)
	d.requireActive(0, `{}`)
	applied, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.True(t, applied)
	d.crash()
	d.requireSets(Complete, AwaitingMark)
	d.requireActive(1, `{"T":"(i == 1)"}`)
	require.NoError(t, d.file.Marked(0))
	d.requireSets(Complete, AwaitingMark)
	require.NoError(t, d.file.Marked(1))
	d.crash()
	d.requireSets(Superseded, Complete)

	// Refused by the server: the active one stays, later ones go on.
	require.EqualValues(t, 2, d.subscribe("T", "bad"))
	require.EqualValues(t, 3, d.subscribe("T", "i == 3"))
	failed, err := d.file.FailSet(2, "Invalid query: bad")
	require.NoError(t, err)
	require.True(t, failed)
	d.crash()
	d.requireSets(Superseded, Complete, Failed, Pending)
	d.requireActive(1, `{"T":"(i == 1)"}`)
	_, text, err := d.file.SetState(2)
	require.NoError(t, err)
	require.Equal(t, "Invalid query: bad", text)
	q, ok, err := d.file.NextQuery(1)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 3, q.Version)

	// The server may skip sets: one that is complete supersedes all before it.
	require.EqualValues(t, 4, d.subscribe("T", "i == 4"))
	d.applyBootstrap(4, progress(3, 0, 0, 0))
	d.requireSets(Superseded, Complete, Failed, Pending, AwaitingMark)
	d.requireActive(4, `{"T":"(i == 4)"}`)
	require.NoError(t, d.file.Marked(9))
	d.requireSets(Superseded, Superseded, Superseded, Superseded, Complete)
	_, ok, err = d.file.NextQuery(4)
	require.NoError(t, err)
	require.False(t, ok)
	require.EqualValues(t, 1, d.rows("sync_set"))
	require.EqualValues(t, 1, d.rows("sync_subscription"))

	_, _, err = d.file.SetState(5)
	require.ErrorIs(t, err, session.ErrNoSuchSet)
	_, _, err = d.file.SetState(-1)
	require.ErrorIs(t, err, ErrNoSuchSet)
}

// Sets that the server has yet to answer, in their order, whatever is complete or failed between them.
func TestNextQuery(t *testing.T) {
	d := newDevice(t, ownIdent)
	for i := range 5 {
		d.subscribe("T", fmt.Sprint("i == ", i))
	}
	d.applyBootstrap(2, progress(1, 0, 0, 0))
	_, err := d.file.FailSet(4, "no")
	require.NoError(t, err)
	var versions []int64
	for above := int64(-1); ; {
		q, ok, err := d.file.NextQuery(above)
		require.NoError(t, err)
		if !ok {
			break
		}
		above = q.Version
		versions = append(versions, above)
	}
	require.Equal(t, []int64{0, 1, 3, 5}, versions)
}

// What FailSet leaves alone, and what it drops.
func TestFailSet(t *testing.T) {
	d := newDevice(t, ownIdent)
	fail := func(version int64) bool {
		failed, err := d.file.FailSet(version, "no")
		require.NoError(t, err)
		return failed
	}
	d.subscribe("T", "i == 1")
	d.applyBootstrap(1, progress(1, 0, 0, 0))
	require.NoError(t, d.file.Marked(1))
	require.False(t, fail(1), "complete")
	require.False(t, fail(0), "superseded")
	require.False(t, fail(7), "never committed")
	require.False(t, fail(-1))

	d.subscribe("T", "i == 2")
	require.NoError(t, d.file.AddBootstrap(bootstrap(2, wire.MoreToCome, progress(1, 0, 0, 0), entry(t, 1, 0, 1, create(2)))))
	require.NotZero(t, d.rows("sync_bootstrap"))
	require.True(t, fail(2))
	require.Zero(t, d.rows("sync_bootstrap"))
	require.False(t, fail(2), "once")
	d.requireSets(Superseded, Complete, Failed)

	d.subscribe("T", "i == 3")
	d.applyBootstrap(3, progress(1, 0, 0, 0))
	require.True(t, fail(3), "awaiting its mark")
	d.requireSets(Superseded, Complete, Failed, Failed)
	d.requireActive(1, `{"T":"(i == 1)"}`)
}

// Set operations on copies (sync-semantics.md 2.3).
func TestSetPut(t *testing.T) {
	s := &Set{}
	id := func(n byte) value.ObjectID { return value.ObjectID{n} }
	s.Put(Subscription{HasName: true, Name: "a", Class: "T", Query: "i == 1"}, 10, id(1))
	s.Put(Subscription{Class: "T", Query: "i == 1"}, 10, id(2))
	s.Put(Subscription{HasName: true, Class: "T", Query: "i == 3"}, 10, id(3))
	s.Put(Subscription{HasName: true, Name: "a", Class: "U", Query: "x"}, 20, id(4))
	s.Put(Subscription{Class: "T", Query: "i == 1"}, 30, id(5))
	require.Equal(t, []Subscription{
		{ID: id(1), Created: 10, Updated: 20, HasName: true, Name: "a", Class: "U", Query: "x"},
		{ID: id(2), Created: 10, Updated: 30, Class: "T", Query: "i == 1"},
		{ID: id(3), Created: 10, Updated: 10, HasName: true, Class: "T", Query: "i == 3"},
	}, s.Subscriptions)
	require.True(t, s.Covers("U"))
	require.False(t, s.Covers("V"))
	require.Equal(t, 2, s.Find(""))
	require.ErrorIs(t, s.Remove("b"), ErrNoSuchSubscription)
	require.NoError(t, s.Remove("a"))
	require.Equal(t, id(3), s.Subscriptions[0].ID, "the last one takes its place")
	require.Equal(t, `{"T":"(i == 1) OR (i == 3)"}`, string(s.Body()))
}

// Sets are stored and found as they were committed; a class is covered by the latest set, whatever its state.
func TestStoredSets(t *testing.T) {
	d := newDevice(t, ownIdent)
	covered := func(class string) bool {
		require.NoError(t, d.conn.BeginRead())
		defer func() { require.NoError(t, d.conn.EndRead()) }()
		ok, err := Covered(d.conn, class)
		require.NoError(t, err)
		return ok
	}
	require.False(t, covered("T"))
	d.subscribe("T", "i == 1", "U", "x == 1")
	require.True(t, covered("T"))
	_, err := d.file.FailSet(1, "no")
	require.NoError(t, err)
	require.True(t, covered("U"))
	d.subscribe("U", "x == 1")
	require.False(t, covered("T"))

	require.NoError(t, d.conn.BeginRead())
	defer func() { require.NoError(t, d.conn.EndRead()) }()
	latest, err := LatestSet(d.conn)
	require.NoError(t, err)
	require.EqualValues(t, 2, latest.Version)
	active, err := ActiveSet(d.conn)
	require.NoError(t, err)
	require.Zero(t, active.Version)
	first, err := FindSet(d.conn, 1)
	require.NoError(t, err)
	require.Equal(t, []Subscription{
		{Created: 1, Updated: 1, Class: "T", Query: "i == 1"},
		{ID: value.ObjectID{2}, Created: 1, Updated: 1, Class: "U", Query: "x == 1"},
	}, first.Subscriptions)
}
