package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// followAsOther follows the trail of a file like another process.
func followAsOther(t *testing.T, path string) (stop func()) {
	t.Helper()
	n := openNote(path)
	require.NotNil(t, n)
	n.follow(true)
	return n.close
}

func trailOf(t *testing.T, c *Conn, after, upTo uint64) map[uint64]*Changes {
	t.Helper()
	require.NoError(t, c.BeginRead())
	defer func() { require.NoError(t, c.EndRead()) }()
	trail, err := c.Trail(after, upTo)
	require.NoError(t, err)
	return trail
}

func TestTrailIsLeftForFollowers(t *testing.T) {
	for name, key := range map[string]*Key{"plain": nil, "encrypted": keyOf(1)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.realm")
			c, err := Open(path, Options{Key: key})
			require.NoError(t, err)
			defer c.Close()
			cl := addClass(t, c, itemClass)
			add := func(version uint64, id int64) {
				write(t, c, func() {
					_, err := c.InsertValues(cl, []value.Value{value.Int(id)})
					require.NoError(t, err)
					require.NoError(t, c.SetVersion(version))
				})
			}
			add(1, 10)
			require.Empty(t, trailOf(t, c, 0, 1), "nobody follows")
			stop := followAsOther(t, path)
			add(2, 11)
			add(3, 12)
			write(t, c, func() { require.NoError(t, c.SetVersion(4)) })
			write(t, c, func() { require.NoError(t, c.Exec("CREATE TABLE mine(x)")) }) // no version
			require.NoError(t, c.BeginWrite())
			require.NoError(t, c.SetVersion(5))
			require.NoError(t, c.Rollback())
			trail := trailOf(t, c, 0, 100)
			require.Len(t, trail, 3)
			require.Equal(t, []Span{{11, 1}}, trail[2].Of(cl.ID).Created)
			require.Equal(t, []Span{{12, 1}}, trail[3].Of(cl.ID).Created)
			require.True(t, trail[4].Empty())
			require.Len(t, trailOf(t, c, 2, 3), 1)

			stop()
			add(5, 13)
			require.Empty(t, trailOf(t, c, 0, 5), "the last one has gone")
			stop = followAsOther(t, path)
			add(6, 14)
			add(8, 15)
			require.Len(t, trailOf(t, c, 0, 8), 1, "behind a gap it begins anew")
			stop()
			if key != nil {
				require.NoError(t, c.Close())
				c, err = Open(path, Options{Key: key})
				require.NoError(t, err)
				require.Len(t, trailOf(t, c, 0, 8), 1, "it is in the file")
			}
		})
	}
}

func TestTrailIsBounded(t *testing.T) {
	c := openTemp(t)
	require.NoError(t, c.control("PRAGMA synchronous=OFF"))
	stop := followAsOther(t, c.Path())
	defer stop()
	const last = MaxTrail * 3 / 2
	for v := uint64(1); v <= last; v++ {
		write(t, c, func() { require.NoError(t, c.SetVersion(v)) })
	}
	trail := trailOf(t, c, 0, last)
	require.LessOrEqual(t, len(trail), MaxTrail*9/8)
	require.GreaterOrEqual(t, len(trail), MaxTrail)
	for v := uint64(last); v > last-MaxTrail; v-- {
		require.Contains(t, trail, v)
	}
}

// Bytes are bounded, too, and changes that are too many end the trail.
func TestTrailOfBigChanges(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	stop := followAsOther(t, c.Path())
	defer stop()
	const rows = 40_000
	write(t, c, func() {
		for id := range int64(rows) {
			_, err := c.InsertValues(cl, []value.Value{value.Int(2 * id)})
			require.NoError(t, err)
		}
		require.NoError(t, c.SetVersion(1))
	})
	const last = 16
	for v := uint64(2); v <= last; v++ {
		write(t, c, func() {
			for id := range int64(rows) {
				c.touchedModified(cl, 2*id, 1<<62)
			}
			require.NoError(t, c.SetVersion(v))
		})
	}
	require.NoError(t, c.BeginRead())
	bytes, err := c.controlInt("SELECT sum(length(changes)) FROM store_trail")
	require.NoError(t, err)
	require.LessOrEqual(t, bytes, int64(maxTrailBytes*9/8))
	require.GreaterOrEqual(t, bytes, int64(maxTrailBytes/2))
	require.NoError(t, c.EndRead())
	require.Contains(t, trailOf(t, c, 0, last), uint64(last))
	write(t, c, func() {
		for id := range int64(maxLeft + 1) {
			c.touchedDeleted(cl, id)
			c.counts.add(cl.ID, 1) // the row stays
		}
		require.NoError(t, c.SetVersion(last+1))
	})
	require.Empty(t, trailOf(t, c, 0, last+1))
}

// A file of before there was a trail gets one, and a transaction that was to make the table and failed leaves none.
func TestTrailOfOldFiles(t *testing.T) {
	c := openTemp(t)
	write(t, c, func() { require.NoError(t, c.Exec("DROP TABLE store_trail")) })
	other := openAt(t, c.Path())
	require.Empty(t, trailOf(t, other, 0, 1))
	stop := followAsOther(t, c.Path())
	defer stop()
	require.NoError(t, c.BeginRead())
	require.NoError(t, c.loadCatalog())
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.SetVersion(1))
	require.NoError(t, c.settle())
	require.NoError(t, c.leaveTrail(func() *Changes { return &Changes{} }))
	require.NoError(t, c.Rollback())
	require.Empty(t, trailOf(t, other, 0, 1))
	for v := uint64(1); v < 3; v++ {
		write(t, c, func() { require.NoError(t, c.SetVersion(v)) })
		require.Len(t, trailOf(t, other, 0, v), int(v))
	}
	write(t, c, func() { require.NoError(t, c.Exec("UPDATE store_trail SET changes=x'07'")) })
	require.NoError(t, other.BeginRead())
	_, err := other.Trail(0, 2)
	require.ErrorIs(t, err, ErrFormat)
	require.NoError(t, other.EndRead())
}

// A process follows from the first listener to the last, as long as it has the file open.
func TestFollowTrail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	first := FollowTrail(path)
	c, err := Open(path, Options{})
	require.NoError(t, err)
	look := func() bool {
		n := openNote(path)
		defer n.close()
		return n.followed()
	}
	require.True(t, look(), "it was followed before it was open")
	require.False(t, c.lock.note.followed(), "that is this process itself")
	second := FollowTrail(path)
	first()
	first()
	require.True(t, look())
	second()
	require.False(t, look())
	again := FollowTrail(path)
	require.True(t, look())
	other, err := os.Open(path + "-note")
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, c.Close())
	held, err := lockedByOther(other, lockTrail)
	require.NoError(t, err)
	require.False(t, held, "it has closed the file")
	c, err = Open(path, Options{})
	require.NoError(t, err)
	require.True(t, look())
	again()
	require.NoError(t, c.Close())
}
