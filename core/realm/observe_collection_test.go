package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/value"
)

// told collects what an observer of a collection is told.
type told struct{ all []CollectionChanges }

func observeCollection(t testing.TB, c *Collection) *told {
	t.Helper()
	w := &told{}
	token, err := ObserveCollection(c, func(ch CollectionChanges) { w.all = append(w.all, ch) })
	require.NoError(t, err)
	t.Cleanup(token.Release)
	return w
}

// next returns what was told since the last time: one call at most; nil if there was none.
func (w *told) next(t testing.TB, r *Realm) *CollectionChanges {
	t.Helper()
	_, err := r.Refresh()
	require.NoError(t, err)
	require.LessOrEqual(t, len(w.all), 1)
	if len(w.all) == 0 {
		return nil
	}
	out := w.all[0]
	w.all = nil
	return &out
}

func TestObserveList(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	c := listOf(t, o, "ints")
	write(t, r, func() { push(t, c, i64(10), i64(20), i64(30)) })
	w := observeCollection(t, c)
	require.Equal(t, &CollectionChanges{Initial: true}, w.next(t, r))
	require.Nil(t, w.next(t, r))
	step := func(change func()) *CollectionChanges {
		t.Helper()
		write(t, r, change)
		return w.next(t, r)
	}
	require.Equal(t, &CollectionChanges{Insertions: []int{3, 4}}, step(func() { push(t, c, i64(40), i64(40)) }))
	require.Equal(t, &CollectionChanges{Deletions: []int{0}}, step(func() { require.NoError(t, c.Erase(0)) }))
	require.Equal(t, &CollectionChanges{Modifications: []int{1}, ModificationsAfter: []int{1}}, step(func() {
		withCell(t, i64(31), func(v cellRef) { require.NoError(t, c.Set(1, unsafeCell(v))) })
	}))
	require.Equal(t, &CollectionChanges{Deletions: []int{0}, Insertions: []int{1}, Moves: []Move{{0, 1}}},
		step(func() { require.NoError(t, c.Move(0, 1)) }))
	require.Nil(t, step(func() { set1(t, o, "name", str("x")) }))
	require.Nil(t, step(func() {}))
	require.Equal(t, &CollectionChanges{Deletions: []int{0, 1, 2, 3}}, step(func() { require.NoError(t, c.Clear()) }))
	push2 := step(func() { push(t, c, i64(1)) })
	require.Equal(t, []int{0}, push2.Insertions)
	require.Equal(t, &CollectionChanges{Deletions: []int{0}, RootDeleted: true}, step(func() { require.NoError(t, DeleteObject(o)) }))
	require.Nil(t, step(func() { create(t, r, "Pet", values{"_id": i64(9)}) }))
}

// A change of an object in a collection is one of the collection, and a new list in an object is one of the object.
func TestObserveObjectsInCollections(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	var pets []Object
	list, set, dictionary, places := listOf(t, o, "pets"), listOf(t, o, "petset"), listOf(t, o, "petmap"), listOf(t, o, "places")
	var place Object
	write(t, r, func() {
		for i := range int64(3) {
			pets = append(pets, create(t, r, "Pet", values{"_id": i64(i)}))
			push(t, list, pets[i])
			addTo(t, set, pets[i])
			put(t, dictionary, string(rune('a'+i)), pets[i])
		}
		made, err := places.InsertNew(0, value.KindObject)
		require.NoError(t, err)
		place = made.Object
	})
	t.Cleanup(func() { ReleaseObject(place) })
	all := []*told{observeCollection(t, list), observeCollection(t, set), observeCollection(t, dictionary), observeCollection(t, places)}
	var objects []ObjectChanges
	token, err := ObserveObject(o, func(ch ObjectChanges) { objects = append(objects, ObjectChanges{ch.Deleted, ch.Properties, nil}) })
	require.NoError(t, err)
	t.Cleanup(token.Release)
	next := func() (out []*CollectionChanges) {
		for _, w := range all {
			out = append(out, w.next(t, r))
		}
		return out
	}
	next()
	write(t, r, func() { set1(t, pets[1], "age", i64(5)) })
	modified := CollectionChanges{Modifications: []int{1}, ModificationsAfter: []int{1}}
	withKeys := modified
	withKeys.Keys = &KeyChanges{Modifications: []string{"b"}}
	require.Equal(t, []*CollectionChanges{&modified, &modified, &withKeys, nil}, next())
	require.Empty(t, objects)
	write(t, r, func() { require.NoError(t, DeleteObject(pets[1])) })
	gone := CollectionChanges{Deletions: []int{1}}
	require.Equal(t, []*CollectionChanges{&gone, &gone, &withKeys, nil}, next())
	require.Equal(t, []ObjectChanges{{Properties: []int{
		propertyNamed(t, o, "pets"), propertyNamed(t, o, "petset"), propertyNamed(t, o, "petmap"),
	}}}, objects)
	objects = nil
	write(t, r, func() { set1(t, place, "street", str("x")) })
	first := CollectionChanges{Modifications: []int{0}, ModificationsAfter: []int{0}}
	require.Equal(t, []*CollectionChanges{nil, nil, nil, &first}, next())
	write(t, r, func() { push(t, listOf(t, place, "numbers"), i64(1)) })
	require.Equal(t, []*CollectionChanges{nil, nil, nil, &first}, next())
	require.Empty(t, objects)
	write(t, r, func() {
		_, err := dictionary.RemoveKey("a")
		require.NoError(t, err)
		put(t, dictionary, "x", value.Null())
	})
	require.Equal(t, &CollectionChanges{
		Deletions: []int{0}, Insertions: []int{2},
		Keys: &KeyChanges{Deletions: []string{"a"}, Insertions: []string{"x"}},
	}, next()[2])
	write(t, r, func() { require.NoError(t, DeleteObject(o)) })
	require.True(t, next()[2].RootDeleted)
}

func TestObserveResultsOfCollections(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	list := listOf(t, o, "pets")
	var pet Object
	write(t, r, func() {
		pet = create(t, r, "Pet", values{"_id": i64(1), "age": i64(5)})
		push(t, list, pet)
	})
	old, err := list.Results("age > 3", nil, 0)
	require.NoError(t, err)
	t.Cleanup(old.Release)
	owner := classOf(t, r, "Owner")
	back, err := Backlinks(pet, owner.ID, owner.Property("pets"))
	require.NoError(t, err)
	t.Cleanup(back.Release)
	var w, b told
	for rs, to := range map[*Results]*told{old: &w, back: &b} {
		token, err := ObserveResults(rs, func(ch CollectionChanges) { to.all = append(to.all, ch) })
		require.NoError(t, err)
		t.Cleanup(token.Release)
	}
	w.next(t, r)
	b.next(t, r)
	write(t, r, func() { set1(t, pet, "age", i64(6)) })
	require.Equal(t, &CollectionChanges{Modifications: []int{0}, ModificationsAfter: []int{0}}, w.next(t, r))
	require.Equal(t, &CollectionChanges{Modifications: []int{0}, ModificationsAfter: []int{0}}, b.next(t, r), "the pet is part of its owner's content")
	write(t, r, func() { set1(t, pet, "age", i64(1)) })
	require.Equal(t, &CollectionChanges{Deletions: []int{0}}, w.next(t, r))
	b.next(t, r)
	write(t, r, func() { require.NoError(t, list.Clear()) })
	require.Nil(t, w.next(t, r))
	require.Equal(t, &CollectionChanges{Deletions: []int{0}}, b.next(t, r))
}

// Links to objects that were deleted elsewhere are not seen, and count nevertheless in what is recorded.
func TestHiddenElements(t *testing.T) {
	clean(t)
	r := open(t, Config{Path: tempPath(t), Schema: owners, Synced: true, UserID: "u"})
	subscribeAll(t, r, "Owner", "Pet")
	var pets []Object
	var o Object
	write(t, r, func() {
		o = create(t, r, "Owner", values{"_id": i64(1)})
		for i := range int64(5) {
			pets = append(pets, create(t, r, "Pet", values{"_id": i64(i)}))
		}
		push(t, listOf(t, o, "pets"), pets[0], pets[1], pets[2], pets[1])
		addTo(t, listOf(t, o, "petset"), pets[1])
		addTo(t, listOf(t, o, "petset"), pets[2])
	})
	list, set := listOf(t, o, "pets"), listOf(t, o, "petset")
	w := observeCollection(t, list)
	w.next(t, r)
	integrate(t, r, changeset.Instruction{Op: changeset.EraseObject, Table: "Pet", Key: value.IntKey(1)})
	require.Equal(t, []int{1, 3}, w.next(t, r).Deletions)
	require.Equal(t, []string{"->0", "->2"}, contents(t, list))
	require.Equal(t, []string{"->2"}, contents(t, set))
	withCell(t, pets[2], func(v cellRef) {
		for _, c := range []*Collection{list, set} {
			i, found, err := c.IndexOf(unsafeCell(v))
			require.NoError(t, err)
			require.True(t, found)
			if c == list {
				require.Equal(t, 1, i)
			} else {
				require.Equal(t, 0, i)
			}
		}
	})
	before := r.Version()
	write(t, r, func() {
		push(t, list, pets[3])
		withCell(t, pets[4], func(v cellRef) { require.NoError(t, list.Set(1, unsafeCell(v))) })
		require.NoError(t, list.Move(2, 0))
		require.NoError(t, list.Erase(1))
		require.Equal(t, []string{"->3", "->4"}, contents(t, list))
	})
	type short struct {
		op       changeset.Op
		at, dest uint32
		prior    uint32
	}
	var have []short
	for _, in := range changesets(t, r, before)[0].Instructions {
		have = append(have, short{in.Op, in.Path[0].Pos, in.Dest, in.PriorSize})
	}
	require.Equal(t, []short{
		{changeset.ArrayInsert, 4, 0, 4}, {changeset.Update, 2, 0, 5}, {changeset.ArrayMove, 4, 0, 5}, {changeset.ArrayErase, 1, 0, 5},
	}, have)
	write(t, r, func() {
		o, _, err := tryCreate(t, r, "Pet", values{"_id": i64(1)}, false)
		require.NoError(t, err)
		ReleaseObject(o)
	})
	require.Equal(t, []string{"->3", "->1", "->4", "->1"}, contents(t, list))
	require.Equal(t, []string{"->1", "->2"}, contents(t, set))
}

// subscribeAll makes a subscription set that has all objects of the classes.
func subscribeAll(t testing.TB, r *Realm, classes ...string) {
	t.Helper()
	set, err := r.LatestSet()
	require.NoError(t, err)
	m, err := r.NewSet(set)
	require.NoError(t, err)
	for i, c := range classes {
		require.NoError(t, m.Add(history.Subscription{Class: c, Query: "TRUEPREDICATE"}, value.ObjectID{byte(i)}))
	}
	_, err = m.Commit()
	require.NoError(t, err)
}
