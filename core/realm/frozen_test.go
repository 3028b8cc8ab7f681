package realm

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func freeze(t *testing.T, r *Realm) *Realm {
	t.Helper()
	f, err := r.Freeze()
	require.NoError(t, err)
	t.Cleanup(f.Release)
	return f
}

func TestFrozenStaysAsItIs(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() {
		ann := create(t, r, "Person", values{"_id": str("ann")})
		rex = create(t, r, "Dog", values{"_id": i64(1), "age": i64(1), "owner": ann})
	})
	f := freeze(t, r)
	require.True(t, f.Frozen())
	require.False(t, r.Frozen())
	require.Equal(t, r.Version(), f.Version())
	require.True(t, IsSame(f, freeze(t, r)), "one version, one frozen instance")
	require.True(t, IsSame(f, freeze(t, f)))
	old, err := ResolveObject(rex, f)
	require.NoError(t, err)
	defer ReleaseObject(old)
	live := query(t, r, "Dog", "age < 5")
	frozen, err := live.Resolve(f)
	require.NoError(t, err)
	defer frozen.Release()

	write(t, r, func() {
		set1(t, rex, "age", i64(2))
		add(t, r, "Dog", values{"_id": i64(2), "age": i64(3)})
	})
	require.False(t, IsSame(f, freeze(t, r)))
	require.Equal(t, []int64{2, 3}, ints(t, live, "age"))
	require.Equal(t, []int64{1}, ints(t, frozen, "age"), "also the query stays")
	require.Equal(t, 1, count(t, frozen))
	require.Equal(t, i64(1), get(t, old, "age"))

	require.ErrorIs(t, f.BeginWrite(), ErrFrozenWrite)
	moved, err := f.Refresh()
	require.NoError(t, err)
	require.False(t, moved)
	require.NoError(t, f.Invalidate())
	require.NoError(t, r.BeginWrite())
	require.EqualError(t, trySet(t, old, "age", i64(9)), "Trying to modify database while in read transaction")
	require.NoError(t, r.Cancel())
	_, err = ObserveObject(old, func(ObjectChanges) {})
	require.ErrorIs(t, err, ErrFrozenObserve)
	_, err = ObserveResults(frozen, func(CollectionChanges) {})
	require.ErrorIs(t, err, ErrFrozenObserve)
}

func TestFrozenOnManyThreads(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 300)
	f := freeze(t, r)
	rs := all(t, f, "Dog")
	sevens := query(t, f, "Dog", "age == 7")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			onThread(func() {
				for range 5 {
					require.Equal(t, 30, count(t, sevens))
					require.Len(t, ints(t, rs, "age"), 300)
				}
			})
		})
	}
	for i := range int64(20) { // while the live one moves on
		write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1000 + i)}) })
	}
	group.Wait()
	require.Equal(t, 320, count(t, all(t, r, "Dog")))
}

func TestThaw(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 3)
	f := freeze(t, r)
	fill2 := func() { write(t, r, func() { add(t, r, "Dog", values{"_id": i64(50)}) }) }
	fill2()
	same, err := f.Thaw()
	require.NoError(t, err)
	require.True(t, IsSame(r, same))
	same.Release()
	self, err := r.Thaw()
	require.NoError(t, err)
	require.True(t, IsSame(r, self))
	self.Release()
	rs := all(t, f, "Dog")
	onThread(func() {
		other, err := f.Thaw()
		require.NoError(t, err)
		defer other.Release()
		require.False(t, IsSame(r, other))
		require.False(t, other.Frozen())
		live, err := rs.Resolve(other)
		require.NoError(t, err)
		defer live.Release()
		require.Equal(t, 4, count(t, live), "at the newest version")
		write(t, other, func() { add(t, other, "Dog", values{"_id": i64(60)}) })
	})
	require.Equal(t, 3, count(t, rs))
}

// The connection is handed on: either may go first.
func TestFrozenOutlivesLive(t *testing.T) {
	clean(t)
	for _, liveFirst := range []bool{true, false} {
		path := tempPath(t)
		r, err := Open(Config{Path: path, Schema: dogs})
		require.NoError(t, err)
		fill(t, r, 5)
		f, err := r.Freeze()
		require.NoError(t, err)
		if liveFirst {
			r.Release()
			require.Equal(t, 5, count(t, all(t, f, "Dog")))
		} else {
			require.NoError(t, f.Close(), "on any thread")
			write(t, r, func() { add(t, r, "Dog", values{"_id": i64(9)}) })
			require.Equal(t, 6, count(t, all(t, r, "Dog")))
			r.Release()
		}
		t.Cleanup(f.Release)
	}
}
