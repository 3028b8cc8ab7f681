package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// timestamps returns what would be uploaded with the local changesets after the schema.
func (d *device) timestamps() (all []uint64) {
	d.t.Helper()
	entries, _ := d.nextUpload(wire.UploadCursor{ClientVersion: 2}, d.version())
	for _, e := range entries {
		all = append(all, e.OriginTimestamp)
	}
	return all
}

// Time never goes back from one commit to the next, whatever the clock does, and whatever has been trimmed (merge.md 14, X4).
func TestClockGoesBack(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.now = 5000
	d.write(create(1))
	d.now = 3000
	d.write(create(2))
	d.now = 6000
	last := d.write(create(3))
	require.Equal(t, []uint64{5000, 5000, 6000}, d.timestamps())

	d.integrate(steady(progress(3, last, last, 0)))
	require.Zero(t, d.rows("sync_history"))
	d.now = 4000
	d.write(create(4))
	require.Equal(t, []uint64{6000}, d.timestamps())
	d.now = 6001
	d.write(create(5))
	require.Equal(t, []uint64{6000, 6001}, d.timestamps())
}

// Before 2015 there are no timestamps: changes are refused, and nothing is kept of them. Commits without changes have none.
func TestClockBeforeEpoch(t *testing.T) {
	d := newDevice(t, ownIdent)
	before := time.UnixMilli(Epoch - 1)
	state := d.everything()
	require.NoError(t, d.conn.BeginWrite())
	_, err := AppendLocal(d.conn, encode(t, create(1)), before)
	require.ErrorIs(t, err, ErrClockBeforeEpoch)
	require.NoError(t, d.conn.Rollback())
	d.requireUnchanged(state)

	require.NoError(t, d.conn.BeginWrite())
	version, err := AppendLocal(d.conn, nil, before)
	require.NoError(t, err)
	require.NoError(t, d.conn.Commit())
	require.Equal(t, version, d.version())

	d.now = 0 // the first moment that there is
	d.write(create(1))
	require.Equal(t, []uint64{1000}, d.timestamps())
}

// A local commit holds the server version that was integrated when it was made.
func TestLocalBase(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.integrate(steady(progress(5, 0, 0, 0), entry(t, 3, 0, 1, create(1))))
	d.write(set(1, "i", value.Int(1)))
	entries, _ := d.nextUpload(wire.UploadCursor{ClientVersion: 2}, d.version())
	require.Len(t, entries, 1)
	require.EqualValues(t, 5, entries[0].ServerVersion)
}

// Commits without changes are versions, but hold nothing.
func TestEmptyCommit(t *testing.T) {
	d := newDevice(t, ownIdent)
	was, rows := d.version(), d.rows("sync_history")
	require.Equal(t, was+1, d.write())
	require.Equal(t, was+1, d.version())
	require.Equal(t, rows, d.rows("sync_history"))
	newest, err := d.file.NewestChangeset()
	require.NoError(t, err)
	require.EqualValues(t, 2, newest)
}

// Making the sync tables twice changes nothing; those of a newer version are refused.
func TestPrepare(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.subscribe("T", "TRUEPREDICATE")
	before := d.everything()
	require.NoError(t, d.conn.BeginWrite())
	require.NoError(t, Prepare(d.conn))
	require.NoError(t, d.conn.Commit())
	d.requireUnchanged(before)

	require.NoError(t, d.conn.BeginWrite())
	require.NoError(t, d.conn.Exec(`UPDATE sync_file SET format=2`))
	require.ErrorContains(t, Prepare(d.conn), "has format 2")
	require.NoError(t, d.conn.Commit())
	_, err := OpenFile(d.path, FileOptions{})
	require.ErrorContains(t, err, "has format 2")
	require.NoError(t, d.conn.BeginRead())
	prepared, err := IsPrepared(d.conn)
	require.NoError(t, err)
	require.True(t, prepared)
	require.NoError(t, d.conn.EndRead())
}

// A realm that was never synced gets its sync tables when it is opened for syncing; it keeps its data.
func TestOpenFilePrepares(t *testing.T) {
	path := t.TempDir() + "/new.realm"
	f, err := OpenFile(path, FileOptions{})
	require.NoError(t, err)
	defer f.Close()
	status, err := f.Status()
	require.NoError(t, err)
	require.Zero(t, status.Version)
	require.Zero(t, status.Ident)
	require.Equal(t, "{}", string(status.Active))
	v, err := f.NewestChangeset()
	require.NoError(t, err)
	require.Zero(t, v)
	entries, next, err := f.NextUpload(wire.UploadCursor{}, 0)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.Zero(t, next)
	require.NoError(t, f.SetIdent(7, -3))
	status, err = f.Status()
	require.NoError(t, err)
	require.EqualValues(t, 7, status.Ident)
	require.EqualValues(t, -3, status.Salt)
	require.EqualValues(t, 2, status.Version, "the ident is a commit")

	_, err = OpenFile(t.TempDir()+"/no/such/folder", FileOptions{})
	require.ErrorIs(t, err, store.ErrAccess)
}
