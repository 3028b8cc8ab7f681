package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

func (d *device) integrate(m *wire.Download) {
	d.t.Helper()
	require.NoError(d.t, d.file.Integrate(m))
}

func (d *device) version() uint64 {
	d.t.Helper()
	v, err := d.file.Version()
	require.NoError(d.t, err)
	return v
}

func (d *device) progress() wire.Progress {
	d.t.Helper()
	s, err := d.file.Status()
	require.NoError(d.t, err)
	return s.Progress
}

// get reads a property of an object of class T.
func (d *device) get(k int64, field string) value.Value {
	d.t.Helper()
	v, err := d.state().Get("T", key(k), field)
	require.NoError(d.t, err)
	return v
}

// A change of another client arrives beside a local one; the file is at a new version with the new progress.
func TestIntegrate(t *testing.T) {
	d := newDevice(t, ownIdent)
	require.EqualValues(t, 4, d.write(create(1), set(1, "s", value.String("mine")))) // after the schema and the ident
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 5000, create(2), set(2, "i", value.Int(7)))))
	require.Equal(t, value.Int(7), d.get(2, "i"))
	require.Equal(t, value.String("mine"), d.get(1, "s"))
	require.Equal(t, progress(3, 0, 0, 0), d.progress())
	require.EqualValues(t, 5, d.version())
	require.EqualValues(t, 6, d.write(add(2, 1)))
	entries, _, err := d.file.NextUpload(wire.UploadCursor{}, 6)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	for i, integrated := range []uint64{0, 0, 3} { // when they were made
		require.Equal(t, integrated, entries[i].ServerVersion)
	}
}

// Conflicts are decided by time, then by file (merge.md 3); what loses locally is remembered in the reciprocal, once merged never
// again.
func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name         string
		local        changeset.Instruction
		timestamp    uint64
		remote       changeset.Instruction
		want         int64
		uploadedStay bool // the reciprocal still holds the local change
	}{
		{"older remote update", set(1, "i", value.Int(10)), 999, set(1, "i", value.Int(20)), 10, true},
		{"newer remote update", set(1, "i", value.Int(10)), 1001, set(1, "i", value.Int(20)), 20, false},
		{"equal times, the greater file wins", set(1, "i", value.Int(10)), 1000, set(1, "i", value.Int(20)), 20, false},
		{"increments add up", add(1, 10), 999, add(1, 20), 30, true},
		{"increment after update", add(1, 10), 999, set(1, "i", value.Int(20)), 30, true},
		{"increment before update", add(1, 10), 1001, set(1, "i", value.Int(20)), 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t, ownIdent)
			d.write(create(1))
			local := d.write(c.local)
			d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, c.timestamp, create(1), c.remote)))
			require.Equal(t, value.Int(c.want), d.get(1, "i"))
			require.Equal(t, c.uploadedStay, !d.reciprocal(local).Empty())
			// The next one has the same base: it is merged with the reciprocal, also if that is empty.
			d.integrate(steady(progress(4, 0, 0, 0), entry(t, 4, 0, 1, set(1, "i", value.Int(1000)))))
			want := int64(1000)
			switch {
			case c.uploadedStay && c.local.Op == changeset.AddInteger:
				want += 10 // folded into the update
			case c.uploadedStay:
				want = c.want
			}
			require.Equal(t, value.Int(want), d.get(1, "i"))
			// What is uploaded is what was recorded.
			entries, _, err := d.file.NextUpload(wire.UploadCursor{}, d.version())
			require.NoError(t, err)
			require.Equal(t, encode(t, c.local), entries[2].Changeset)
		})
	}
}

// Example G47 and the batch with two bases (G60, without lists): runs with different bases chain through what the reciprocals have
// become.
func TestBatchWithTwoBases(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1), set(1, "i", value.Int(0)))
	d.now = 1005
	first := d.write(set(1, "i", value.Int(1)))
	d.now = 1030
	second := d.write(add(1, 10))
	uploaded := progress(5, first, second, 0)
	d.integrate(steady(uploaded,
		entry(t, 4, first-1, 1020, set(1, "i", value.Int(9))),  // discards the first, receives the second
		entry(t, 5, first, 1025, set(1, "i", value.Int(100))))) // is concurrent with the second only
	require.Equal(t, value.Int(110), d.get(1, "i"))
}

// What the server has integrated is trimmed when no merge can need it any more; what it acknowledged is not waited for.
func TestAcknowledgement(t *testing.T) {
	d := newDevice(t, ownIdent)
	first := d.write(create(1))
	second := d.write(create(2))
	newest := func() uint64 {
		v, err := d.file.NewestChangeset()
		require.NoError(t, err)
		return v
	}
	require.Equal(t, second, newest())
	d.integrate(steady(progress(2, 0, first, 0)))
	require.Equal(t, second, newest())
	require.EqualValues(t, 3, d.rows("sync_history"), "acknowledged, but changesets with an older base may come")
	d.integrate(steady(progress(2, 0, second, 0)))
	require.Zero(t, newest())
	d.integrate(steady(progress(3, first, second, 0)))
	require.EqualValues(t, 1, d.rows("sync_history"))
	d.integrate(steady(progress(4, second, second, 0)))
	require.Zero(t, d.rows("sync_history"))
	require.EqualValues(t, 1, d.rows("sync_integration"), "the last one is kept for the report")

	third := d.write(create(3))
	require.Equal(t, third, newest())
	d.crash()
	require.Equal(t, third, newest())
	entries, next, err := d.file.NextUpload(d.progress().Upload, third)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, wire.UploadCursor{ClientVersion: third, ServerVersion: 4}, next)
}

// Progress alone is stored; it makes a version only if the download cursor moved, because then there is something to report. A message
// that says nothing new changes nothing.
func TestProgressOnly(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	was := d.version()
	p := progress(3, was, was, 2)
	d.integrate(steady(p))
	require.Equal(t, p, d.progress())
	require.Equal(t, was+1, d.version())
	p.Upload.ClientVersion = was + 1
	d.integrate(steady(p))
	require.Equal(t, p, d.progress())
	require.Equal(t, was+1, d.version())
	p.Latest.Version = 9
	d.integrate(steady(p))
	require.Equal(t, p, d.progress())

	before, moved := d.everything(), 0
	cancel := d.file.Notify(func() { moved++ })
	defer cancel()
	d.integrate(steady(p))
	d.requireUnchanged(before)
	require.Zero(t, moved)

	p.Upload.ServerVersion = 0 // unknown never overwrites
	d.integrate(steady(p))
	require.EqualValues(t, 2, d.progress().Upload.ServerVersion)
}

// Empty changesets count for the cursors.
func TestEmptyChangeset(t *testing.T) {
	d := newDevice(t, ownIdent)
	e := entry(t, 3, 0, 1)
	require.Empty(t, e.Changeset)
	d.integrate(steady(progress(3, 0, 0, 0), e))
	require.Equal(t, progress(3, 0, 0, 0), d.progress())
}

// A class and a property that come from the server: instances that are open notice, and so does the local history, which may hold the
// same ones.
func TestSchemaFromServer(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1,
		table("T"), column("T", "i", changeset.SchemaFields{Type: value.KindInt}),
		column("T", "extra", changeset.SchemaFields{Type: value.KindString, Nullable: true}),
		table("New"), column("New", "to", changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "T"}))))
	require.NoError(t, d.conn.BeginRead())
	require.NotNil(t, d.conn.Schema().Class("T").Property("extra"))
	require.NotNil(t, d.conn.Schema().Class("New").Property("to"))
	require.NoError(t, d.conn.EndRead())
	d.write(create(1), set(1, "extra", value.String("x")))
	require.Equal(t, value.String("x"), d.get(1, "extra"))
}

// An integration is announced as a version with its row changes, to the File's own listeners too; what stores no version is not.
func TestAnnounced(t *testing.T) {
	d := newDevice(t, ownIdent)
	var versions []uint64
	var changes []*store.Changes
	cancel := Listen(d.file.Path(), func(c Commit) {
		versions = append(versions, c.Version)
		ch, err := c.Changes()
		require.NoError(t, err)
		changes = append(changes, ch)
	})
	defer cancel()
	notified := 0
	stop := d.file.Notify(func() { notified++ })
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(1))))
	require.Equal(t, []uint64{d.version()}, versions)
	require.Equal(t, d.conn.Class("T").ID, changes[0].Classes[0].Class)
	require.Equal(t, 1, notified)
	d.write(create(2))
	require.Equal(t, 2, notified)
	_, err := d.file.FailSet(0, "no")
	require.NoError(t, err)
	require.Equal(t, 2, notified)
	stop()
	stop()
	d.write(create(3))
	require.Equal(t, 2, notified)
}
