package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/core/wire"
)

func (d *device) nextUpload(cursor wire.UploadCursor, end uint64) ([]wire.UploadEntry, wire.UploadCursor) {
	d.t.Helper()
	entries, next, err := d.file.NextUpload(cursor, end)
	require.NoError(d.t, err)
	return entries, next
}

// The schema is the first thing that is uploaded; entries carry version, base, time and the bytes that were recorded.
func TestUpload(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.now = 2345
	version := d.write(create(1))
	entries, next := d.nextUpload(wire.UploadCursor{}, version)
	require.Equal(t, []wire.UploadEntry{
		{ClientVersion: 2, OriginTimestamp: 1000, Changeset: encode(t, schemaT...)},
		{ClientVersion: version, OriginTimestamp: 2345, Changeset: encode(t, create(1))},
	}, entries)
	require.Equal(t, wire.UploadCursor{ClientVersion: version}, next)
	entries, again := d.nextUpload(next, version)
	require.Empty(t, entries)
	require.Equal(t, next, again)
}

// A message takes changesets until it has 128 KiB; one that is bigger than 16 MiB goes alone; none is read in vain.
func TestUploadLimits(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	blob := func(n int) uint64 { return d.write(set(1, "s", value.String(strings.Repeat("x", n)))) }
	for range 5 {
		blob(50_000)
	}
	blob(12 << 20)
	blob(6 << 20)
	last := blob(1)
	var sizes [][]int
	cursor := wire.UploadCursor{}
	for {
		entries, next := d.nextUpload(cursor, last)
		if len(entries) == 0 {
			break
		}
		require.Equal(t, entries[len(entries)-1].ClientVersion, next.ClientVersion)
		var message []int
		for _, e := range entries {
			message = append(message, len(e.Changeset)>>10)
		}
		sizes = append(sizes, message)
		cursor = next
	}
	require.Equal(t, [][]int{{0, 0, 48, 48, 48}, {48, 48, 12288}, {6144}, {0}}, sizes)
}

// Up to a pending set's snapshot and no further: the cursor reaches it, so that the set can be announced.
func TestUploadUpToSnapshot(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	d.subscribe("T", "TRUEPREDICATE")
	after := d.write(create(2))
	q, ok, err := d.file.NextQuery(0)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 1, q.Version)
	require.Equal(t, after-2, q.Snapshot)
	require.Equal(t, `{"T":"(TRUEPREDICATE)"}`, string(q.Body))

	entries, cursor := d.nextUpload(wire.UploadCursor{}, q.Snapshot)
	require.Len(t, entries, 2)
	require.Equal(t, q.Snapshot, cursor.ClientVersion)
	entries, cursor = d.nextUpload(cursor, d.version())
	require.Len(t, entries, 1)
	require.Equal(t, after, cursor.ClientVersion)
}

// What has been integrated is reported with the newest version, also when there is nothing to upload, and for every version always the
// same, whatever is trimmed (merge.md 10.2: mutually consistent cursors).
func TestReports(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(1)))) // version 4
	reported := map[uint64]wire.UploadCursor{}
	check := func() {
		t.Helper()
		for end := uint64(1); end <= d.version(); end++ {
			_, next := d.nextUpload(wire.UploadCursor{}, end)
			for next.ClientVersion < end { // several messages
				_, next = d.nextUpload(next, end)
			}
			if was, ok := reported[next.ClientVersion]; ok {
				require.Equal(t, was, next)
			}
			reported[next.ClientVersion] = next
			for _, other := range reported {
				require.True(t, next.ConsistentWith(other), "%v, %v", next, other)
			}
		}
	}
	check()
	require.EqualValues(t, 3, reported[4].ServerVersion)
	d.write(create(2)) // 5
	check()
	d.integrate(steady(progress(7, 0, 0, 0), entry(t, 6, 0, 1, create(3)))) // 6
	d.subscribe("T", "TRUEPREDICATE")                                       // 7
	check()
	require.EqualValues(t, 7, reported[7].ServerVersion)
	d.integrate(steady(progress(8, 5, 6, 3))) // trims everything, then 8
	check()
	require.Zero(t, d.rows("sync_history"))
	require.EqualValues(t, 8, reported[8].ServerVersion)
	_, next := d.nextUpload(d.progress().Upload, 8)
	require.Equal(t, wire.UploadCursor{ClientVersion: 8, ServerVersion: 8}, next)
	d.write(create(9))
	d.integrate(steady(progress(9, 5, 8, 8))) // 10
	check()
}
