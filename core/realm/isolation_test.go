package realm

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSnapshotIsolation(t *testing.T) {
	clean(t)
	path := tempPath(t)
	on := &threads{}
	a := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	write(t, a, func() { add(t, a, "Dog", values{"_id": i64(1), "age": i64(1)}) })
	on.switchTo(2)
	b := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	require.False(t, IsSame(a, b))
	rex := find(t, b, "Dog", i64(1))
	rs := all(t, b, "Dog")
	require.Equal(t, []int64{1}, ints(t, rs, "age"))
	on.switchTo(1)
	write(t, a, func() {
		set1(t, find(t, a, "Dog", i64(1)), "age", i64(2))
		add(t, a, "Dog", values{"_id": i64(2), "age": i64(7)})
	})
	on.switchTo(2)
	require.Equal(t, i64(1), get(t, rex, "age"), "the snapshot stays")
	require.Equal(t, []int64{1}, ints(t, rs, "age"))
	moved, err := b.Refresh()
	require.NoError(t, err)
	require.True(t, moved)
	require.Equal(t, a.Version(), b.Version())
	require.Equal(t, i64(2), get(t, rex, "age"))
	require.Equal(t, []int64{2, 7}, ints(t, rs, "age"))
	moved, err = b.Refresh()
	require.NoError(t, err)
	require.False(t, moved)

	on.switchTo(1)
	write(t, a, func() { set1(t, find(t, a, "Dog", i64(2)), "age", i64(8)) })
	on.switchTo(2)
	require.NoError(t, b.BeginWrite(), "a write transaction moves to the newest version")
	require.Equal(t, []int64{2, 8}, ints(t, rs, "age"))
	require.NoError(t, b.Cancel())
}

// An instance that was opened and not used sees what was written until its first use, as with the original.
func TestSnapshotIsOfTheFirstUse(t *testing.T) {
	clean(t)
	path := tempPath(t)
	on := &threads{}
	a := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	on.switchTo(2)
	b := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	on.switchTo(1)
	write(t, a, func() { add(t, a, "Dog", values{"_id": i64(1), "age": i64(1)}) })
	on.switchTo(2)
	rs := all(t, b, "Dog")
	require.Equal(t, []int64{1}, ints(t, rs, "age"))
	on.switchTo(1)
	write(t, a, func() { add(t, a, "Dog", values{"_id": i64(2), "age": i64(2)}) })
	on.switchTo(2)
	require.Equal(t, []int64{1}, ints(t, rs, "age"), "now there is a snapshot")
}

func TestSameThreadSharesTheInstance(t *testing.T) {
	clean(t)
	path := tempPath(t)
	a := open(t, Config{Path: path, Schema: dogs})
	b := open(t, Config{Path: path, Schema: dogs})
	require.True(t, IsSame(a, b))
	require.NoError(t, a.BeginWrite())
	require.True(t, b.InWrite())
	require.NoError(t, b.Cancel())
	onThread(func() {
		c, err := Open(Config{Path: path, Schema: dogs})
		require.NoError(t, err)
		require.False(t, IsSame(a, c))
		c.Release()
	})
	for text, config := range map[string]Config{
		"Realm at path '" + path + "' already opened on current thread with different schema.": {Path: path, Schema: v1},
		"Realm at path '" + path + "' already opened with different schema version.":           {Path: path, Schema: dogs, SchemaVersion: 3},
		"Realm at path '" + path + "' already opened with a different schema mode.":            {Path: path, Schema: dogs, SchemaMode: Manual},
		"Realm at path '" + path + "' already opened with different sync configurations.":      {Path: path, Schema: dogs, Synced: true},
	} {
		_, err := Open(config)
		require.EqualError(t, err, text)
		require.ErrorIs(t, err, ErrMismatchedConfig)
	}
	onThread(func() {
		_, err := Open(Config{Path: path, Schema: dogs, Synced: true})
		require.ErrorIs(t, err, ErrMismatchedConfig, "on every thread")
	})
}

func TestOneUserPerFile(t *testing.T) {
	clean(t)
	path := tempPath(t)
	open(t, Config{Path: path, Schema: pets, Synced: true, UserID: "ann"})
	onThread(func() {
		_, err := Open(Config{Path: path, Schema: pets, Synced: true, UserID: "bob"})
		require.EqualError(t, err, "Realm at path '"+path+"' already opened with different sync user.")
	})
}

// Several threads add to one counter and make objects; nothing may get lost, and no snapshot may show half a transaction.
func TestConcurrentWriters(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r := open(t, Config{Path: path, Schema: dogs})
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(0)}) })
	const writers, rounds = 4, 25
	var group sync.WaitGroup
	for w := range int64(writers) {
		group.Go(func() {
			onThread(func() {
				own, err := Open(Config{Path: path, Schema: dogs})
				require.NoError(t, err)
				defer own.Release()
				counter := find(t, own, "Dog", i64(0))
				for i := range int64(rounds) {
					write(t, own, func() {
						require.NoError(t, AddInt(counter, 2, 1))
						add(t, own, "Dog", values{"_id": i64(1 + w*rounds + i)})
					})
				}
			})
		})
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		onThread(func() {
			own, err := Open(Config{Path: path, Schema: dogs})
			require.NoError(t, err)
			defer own.Release()
			counter, rs := find(t, own, "Dog", i64(0)), all(t, own, "Dog")
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := own.Refresh()
				require.NoError(t, err)
				require.Equal(t, int64(count(t, rs))-1, cellOf(t, counter, "age").Int(), "both or none")
			}
		})
	})
	group.Wait()
	close(stop)
	reader.Wait()
	_, err := r.Refresh()
	require.NoError(t, err)
	require.Equal(t, i64(writers*rounds), get(t, find(t, r, "Dog", i64(0)), "age"))
	require.Equal(t, writers*rounds+1, count(t, all(t, r, "Dog")))
}

func TestResolve(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r := open(t, Config{Path: path, Schema: dogs})
	var rex Object
	onThread(func() {
		own := open(t, Config{Path: path, Schema: dogs})
		write(t, own, func() { rex = create(t, own, "Dog", values{"_id": i64(1), "age": i64(4)}) })
		rs := query(t, own, "Dog", "age == $0 SORT(_id DESC)", i64(4))
		require.NotNil(t, rs)
	})
	here, err := ResolveObject(rex, r)
	require.NoError(t, err)
	require.NotNil(t, here, "the target moves to where the object is")
	require.Equal(t, i64(4), get(t, here, "age"))
	write(t, r, func() { require.NoError(t, DeleteObject(here)) })
	ReleaseObject(here)
	gone, err := ResolveObject(rex, r)
	require.NoError(t, err)
	require.Nil(t, gone)
	elsewhere := open(t, Config{Path: tempPath(t), Schema: dogs})
	_, err = ResolveObject(rex, elsewhere)
	require.ErrorIs(t, err, ErrMismatchedConfig)
}

func TestWrongThread(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1)}) })
	rs := all(t, r, "Dog")
	require.NoError(t, r.BeginWrite())
	onThread(func() {
		require.ErrorIs(t, r.BeginWrite(), ErrWrongThread)
		require.ErrorIs(t, r.Commit(), ErrWrongThread)
		require.ErrorIs(t, r.Cancel(), ErrWrongThread)
		require.ErrorIs(t, r.Invalidate(), ErrWrongThread)
		require.ErrorIs(t, r.Close(), ErrWrongThread)
		_, err := r.Refresh()
		require.ErrorIs(t, err, ErrWrongThread)
		_, err = r.Freeze()
		require.ErrorIs(t, err, ErrWrongThread)
		_, err = r.Thaw()
		require.ErrorIs(t, err, ErrWrongThread)
		require.ErrorIs(t, trySet(t, rex, "age", i64(1)), ErrWrongThread)
		require.ErrorIs(t, AddInt(rex, 2, 1), ErrWrongThread)
		require.ErrorIs(t, DeleteObject(rex), ErrWrongThread)
		require.ErrorIs(t, rs.DeleteAll(), ErrWrongThread)
		_, _, err = tryCreate(t, r, "Dog", values{"_id": i64(2)}, false)
		require.ErrorIs(t, err, ErrWrongThread)
		_, err = ObserveObject(rex, func(ObjectChanges) {})
		require.ErrorIs(t, err, ErrWrongThread)
		_, err = ObserveResults(rs, func(CollectionChanges) {})
		require.ErrorIs(t, err, ErrWrongThread)
	})
	require.NoError(t, r.Cancel())
	onThread(func() { require.ErrorIs(t, Process(r.ID()), ErrWrongThread) })
}

func TestClosed(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1)}) })
	rs := all(t, r, "Dog")
	token, err := ObserveObject(rex, func(ObjectChanges) { t.Error("called after closing") })
	require.NoError(t, err)
	dog := classOf(t, r, "Dog").ID
	require.NoError(t, LoadObject(rex))
	require.NoError(t, r.BeginWrite())
	require.NoError(t, r.Close(), "also in a write transaction")
	require.NoError(t, r.Close())
	require.True(t, r.IsClosed())
	require.False(t, fields(rex).isCurrent(), "readers notice")
	require.False(t, Valid(rex))
	require.EqualError(t, LoadObject(rex), "Cannot access realm that has been closed.")
	require.ErrorIs(t, r.BeginWrite(), ErrClosed)
	require.ErrorIs(t, r.Commit(), ErrClosed)
	_, err = r.Refresh()
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.Freeze()
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.Thaw()
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.All(dog)
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.Query(dog, "age == 1", nil, 0)
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.Get(dog, 1)
	require.ErrorIs(t, err, ErrClosed)
	_, err = rs.Count()
	require.ErrorIs(t, err, ErrClosed)
	_, err = rs.Snapshot()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, AddInt(rex, 2, 1), ErrClosed)
	_, err = InstanceOf(rex)
	require.ErrorIs(t, err, ErrClosed)
	_, err = ObserveObject(rex, func(ObjectChanges) {})
	require.ErrorIs(t, err, ErrClosed)
	_, err = r.LatestSet()
	require.Error(t, err)
	require.Nil(t, r.Schema())
	require.Zero(t, r.Version())
	require.NoError(t, Process(r.ID()))
	token.Release()
	// The thread may open the file again.
	again := open(t, Config{Path: r.Path()})
	require.False(t, IsSame(r, again))
}

func TestReleasedHandles(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() {
		o, _, err := tryCreate(t, r, "Dog", values{"_id": i64(1)}, false)
		require.NoError(t, err)
		rex = o
	})
	before := LiveObjects()
	ReleaseObject(rex)
	ReleaseObject(rex)
	ReleaseObject(nil)
	require.Equal(t, before-1, LiveObjects())
	for _, o := range []Object{nil, rex} {
		require.ErrorIs(t, LoadObject(o), ErrInvalidHandle)
		require.ErrorIs(t, DeleteObject(o), ErrInvalidHandle)
		require.ErrorIs(t, AddInt(o, 0, 1), ErrInvalidHandle)
		require.False(t, Valid(o))
		_, err := CloneObject(o)
		require.ErrorIs(t, err, ErrInvalidHandle)
		_, err = InstanceOf(o)
		require.ErrorIs(t, err, ErrInvalidHandle)
		_, err = ResolveObject(o, r)
		require.ErrorIs(t, err, ErrInvalidHandle)
		_, err = ObserveObject(o, func(ObjectChanges) {})
		require.ErrorIs(t, err, ErrInvalidHandle)
		_, _, err = all(t, r, "Dog").IndexOf(o)
		require.ErrorIs(t, err, ErrInvalidHandle)
	}
}

// The last reference may be an object, and may go on any thread.
func TestLastObjectClosesTheInstance(t *testing.T) {
	clean(t)
	r, err := Open(Config{Path: tempPath(t), Schema: dogs})
	require.NoError(t, err)
	var a, b Object
	write(t, r, func() {
		a, _, err = tryCreate(t, r, "Dog", values{"_id": i64(1)}, false)
		require.NoError(t, err)
	})
	r.Release()
	require.False(t, r.IsClosed())
	b, err = CloneObject(a)
	require.NoError(t, err)
	require.Equal(t, i64(1), get(t, a, "_id"), "an object can be read without a handle of its realm")
	ReleaseObject(a)
	require.False(t, r.IsClosed())
	onThread(func() { ReleaseObject(b) })
	require.True(t, r.IsClosed())
}

func TestMutableSetOnTheSameThread(t *testing.T) {
	clean(t)
	r := openPets(t)
	set, err := r.LatestSet()
	require.NoError(t, err)
	m, err := r.NewSet(set)
	require.NoError(t, err)
	require.ErrorIs(t, r.BeginWrite(), ErrInTransaction, "it would wait for itself")
	_, err = r.NewSet(set)
	require.ErrorIs(t, err, ErrInTransaction)
	require.NoError(t, m.Cancel())
	require.NoError(t, r.BeginWrite())
	_, err = r.NewSet(set)
	require.ErrorIs(t, err, ErrInTransaction)
	require.NoError(t, r.Cancel())
	local := openDogs(t)
	_, err = local.LatestSet()
	require.ErrorIs(t, err, ErrNotSynced)
}
