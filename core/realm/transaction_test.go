package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

func TestTransactionStates(t *testing.T) {
	clean(t)
	r := openDogs(t)
	require.ErrorIs(t, r.Commit(), ErrNoTransaction)
	require.ErrorIs(t, r.Cancel(), ErrNoTransaction)
	_, _, err := tryCreate(t, r, "Dog", values{"_id": i64(1)}, false)
	require.ErrorIs(t, err, ErrNotInTransaction)
	require.NoError(t, r.BeginWrite())
	require.True(t, r.InWrite())
	require.ErrorIs(t, r.BeginWrite(), ErrInTransaction)
	moved, err := r.Refresh()
	require.NoError(t, err)
	require.False(t, moved)
	_, err = r.Freeze()
	require.ErrorIs(t, err, ErrInTransaction)
	require.NoError(t, r.Commit())
	require.False(t, r.InWrite())

	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1), "age": i64(1)}) })
	require.ErrorIs(t, trySet(t, rex, "age", i64(2)), ErrNotInTransaction)
	require.ErrorIs(t, DeleteObject(rex), ErrNotInTransaction)
	require.ErrorIs(t, all(t, r, "Dog").DeleteAll(), ErrNotInTransaction)
}

func TestEmbeddedObjectsAreNotCreatedAlone(t *testing.T) {
	clean(t)
	s := dogs.With(schemaEmbedded)
	r := open(t, Config{Path: tempPath(t), Schema: s})
	require.NoError(t, r.BeginWrite())
	_, _, err := tryCreate(t, r, "Tag", values{"text": str("x")}, false)
	require.ErrorIs(t, err, store.ErrType)
	require.EqualError(t, err, "Explicit creation of embedded object not allowed in: class_Tag")
	require.NoError(t, r.Cancel())
}

func TestCancelUndoesEverything(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1), "name": str("Rex"), "age": i64(3)}) })
	version := r.Version()
	rs := query(t, r, "Dog", "age == 3")
	require.Equal(t, 1, count(t, rs))
	require.NoError(t, r.BeginWrite())
	set1(t, rex, "age", i64(4))
	add(t, r, "Dog", values{"_id": i64(2), "age": i64(3)})
	require.Equal(t, []int64{2}, ints(t, rs, "_id"))
	require.NoError(t, DeleteObject(rex))
	require.NoError(t, r.Cancel())
	require.Equal(t, version, r.Version())
	require.Equal(t, i64(3), get(t, rex, "age"))
	require.Equal(t, []int64{1}, ints(t, rs, "_id"))
	require.Nil(t, find(t, r, "Dog", i64(2)))
}

func TestEmptyTransactionMakesNoVersion(t *testing.T) {
	clean(t)
	r := openDogs(t)
	stamp := *(*uint64)(r.Stamp())
	version := r.Version()
	for range 3 {
		write(t, r, func() {})
	}
	require.Equal(t, version, r.Version())
	require.Equal(t, stamp, *(*uint64)(r.Stamp()), "what was read stays")
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1)}) })
	require.Equal(t, version+1, r.Version())
}

func TestOwnRowStaysCurrent(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var a, b Object
	write(t, r, func() {
		a = create(t, r, "Dog", values{"_id": i64(1), "name": str("a")})
		require.NoError(t, LoadObject(a))
		b = find(t, r, "Dog", i64(1))
		require.NoError(t, LoadObject(b))
		set1(t, a, "name", str("longer than it was"))
		require.True(t, fields(a).isCurrent())
		require.False(t, fields(b).isCurrent(), "another handle has to look again")
		require.Equal(t, str("longer than it was"), get(t, b, "name"))
		// However often a string is set, memory stays bounded: now and then the row is loaded anew.
		big := string(make([]byte, 10000))
		stale := 0
		for range 200 {
			set1(t, a, "name", str(big))
			if !fields(a).isCurrent() {
				stale++
				require.NoError(t, LoadObject(a))
			}
			require.Equal(t, str(big), get(t, a, "name"))
		}
		require.Positive(t, stale)
		require.Less(t, stale, 20)
	})
	require.Equal(t, i64(1), get(t, a, "_id"))
	clone, err := CloneObject(a)
	require.NoError(t, err)
	defer ReleaseObject(clone)
	require.True(t, fields(clone).isCurrent())
}

func TestRefreshOfUnchangedRealmKeepsRows(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1)}) })
	require.NoError(t, LoadObject(rex))
	moved, err := r.Refresh()
	require.NoError(t, err)
	require.False(t, moved)
	require.True(t, fields(rex).isCurrent())
}

func TestFailedUpsertChangesNothing(t *testing.T) {
	clean(t)
	r := openPets(t)
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1), "name": str("Rex")}) })
	before := r.Version()
	require.NoError(t, r.BeginWrite())
	_, _, err := tryCreate(t, r, "Dog", values{"_id": i64(1), "name": str("Max"), "friend": linkTo{1, 77}}, true)
	require.ErrorIs(t, err, store.ErrNoObject)
	require.NoError(t, r.Commit())
	require.Empty(t, recorded(t, r, before))
	require.Equal(t, before, r.Version())
	require.Equal(t, str("Rex"), get(t, find(t, r, "Dog", i64(1)), "name"))
}

func TestInvalidate(t *testing.T) {
	clean(t)
	path := tempPath(t)
	on := &threads{}
	a := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	var rex Object
	write(t, a, func() { rex = create(t, a, "Dog", values{"_id": i64(1), "age": i64(1)}) })
	require.NoError(t, LoadObject(rex))
	require.NoError(t, a.Invalidate())
	require.False(t, fields(rex).isCurrent())
	require.False(t, Valid(rex))
	on.switchTo(2)
	b := open(t, Config{Path: path, ThreadID: on.id})
	write(t, b, func() { set1(t, find(t, b, "Dog", i64(1)), "age", i64(2)) })
	on.switchTo(1)
	require.Equal(t, i64(2), get(t, rex, "age"), "the next use moves to the newest version")
	require.True(t, Valid(rex))
	require.NoError(t, a.BeginWrite())
	set1(t, rex, "age", i64(5))
	require.NoError(t, a.Invalidate(), "ends a write transaction")
	require.False(t, a.InWrite())
	require.Equal(t, i64(2), get(t, rex, "age"))
}
