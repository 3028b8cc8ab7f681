package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// Collections inside of mixed are observed like others; to what they are in, a change inside is one of the element.
func TestObserveNestedCollections(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	outer, entries := listOf(t, o, "mixeds"), listOf(t, o, "entries")
	var inner, dictionary *Collection
	write(t, r, func() {
		push(t, outer, i64(1))
		made, err := outer.InsertNew(1, value.KindList)
		require.NoError(t, err)
		inner = made.Collection
		push(t, inner, i64(10), i64(20))
		made, err = inner.InsertNew(2, value.KindDictionary)
		require.NoError(t, err)
		dictionary = made.Collection
		made, err = entries.PutNew("k", value.KindList)
		require.NoError(t, err)
		push(t, made.Collection, str("x"))
		made.release()
	})
	t.Cleanup(inner.Release)
	t.Cleanup(dictionary.Release)
	watched := []*told{observeCollection(t, outer), observeCollection(t, inner), observeCollection(t, dictionary), observeCollection(t, entries)}
	step := func(change func()) (out []*CollectionChanges) {
		t.Helper()
		write(t, r, change)
		for _, w := range watched {
			out = append(out, w.next(t, r))
		}
		return out
	}
	step(func() {})
	modified := func(i int) *CollectionChanges {
		return &CollectionChanges{Modifications: []int{i}, ModificationsAfter: []int{i}}
	}
	require.Equal(t, []*CollectionChanges{
		modified(1), modified(2), {Insertions: []int{0}, Keys: &KeyChanges{Insertions: []string{"a"}}}, nil,
	}, step(func() { put(t, dictionary, "a", i64(1)) }))
	require.Equal(t, []*CollectionChanges{modified(1), {Deletions: []int{0}, Insertions: []int{1}, Moves: []Move{{0, 1}}}, nil, nil},
		step(func() { require.NoError(t, inner.Move(0, 1)) }))
	withKeys := modified(0)
	withKeys.Keys = &KeyChanges{Modifications: []string{"k"}}
	require.Equal(t, []*CollectionChanges{nil, nil, nil, withKeys}, step(func() {
		list, err := entries.ChildKey("k")
		require.NoError(t, err)
		defer list.Release()
		push(t, list, str("y"))
	}))
	require.Equal(t, []*CollectionChanges{modified(0), nil, nil, nil}, step(func() {
		withCell(t, i64(2), func(v cellRef) { require.NoError(t, outer.Set(0, unsafeCell(v))) })
	}))
	// Replaced: what was inside is gone.
	got := step(func() { withCell(t, i64(3), func(v cellRef) { require.NoError(t, outer.Set(1, unsafeCell(v))) }) })
	require.Equal(t, []*CollectionChanges{
		modified(1), {Deletions: []int{0, 1, 2}, RootDeleted: true},
		{Deletions: []int{0}, RootDeleted: true, Keys: &KeyChanges{Deletions: []string{"a"}}}, nil,
	}, got)
	require.Equal(t, []*CollectionChanges{
		{Deletions: []int{0, 1}, RootDeleted: true}, nil, nil, {Deletions: []int{0}, RootDeleted: true, Keys: &KeyChanges{Deletions: []string{"k"}}},
	}, step(func() { require.NoError(t, DeleteObject(o)) }))
	require.Equal(t, make([]*CollectionChanges, 4), step(func() { create(t, r, "Owner", values{"_id": i64(1)}) }), "another object with that key")
}

// The end of an owner ends what is inside: embedded objects, their collections, results of them.
func TestObserversOfWhatIsOwnedEndWithIt(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	var place, pet Object
	write(t, r, func() {
		made, err := listOf(t, o, "places").InsertNew(0, value.KindObject)
		require.NoError(t, err)
		place = made.Object
		pet = create(t, r, "Pet", values{"_id": i64(1)})
		push(t, listOf(t, o, "pets"), pet)
		push(t, listOf(t, place, "numbers"), i64(1))
	})
	t.Cleanup(func() { ReleaseObject(place) })
	places, err := listOf(t, o, "places").Results("", nil, 0)
	require.NoError(t, err)
	t.Cleanup(places.Release)
	pets, err := listOf(t, o, "pets").Results("age >= 0 SORT(age ASC)", nil, 0)
	require.NoError(t, err)
	t.Cleanup(pets.Release)
	object, numbers := observeObject(t, place), observeCollection(t, listOf(t, place, "numbers"))
	ofPlaces, ofPets, ofPet := observeResults(t, places), observeResults(t, pets), observeObject(t, pet)
	refresh(t, r)
	take(ofPlaces)
	take(ofPets)
	numbers.all = nil
	write(t, r, func() { push(t, listOf(t, place, "numbers"), i64(2)) })
	refresh(t, r)
	require.Len(t, *object, 1)
	require.Equal(t, []int{propertyNamed(t, place, "numbers")}, take(object)[0].properties)
	require.Equal(t, []CollectionChanges{{Modifications: []int{0}, ModificationsAfter: []int{0}}}, take(ofPlaces))
	require.Equal(t, &CollectionChanges{Insertions: []int{1}}, numbers.next(t, r))
	write(t, r, func() { require.NoError(t, DeleteObject(o)) })
	refresh(t, r)
	require.Equal(t, []seenObject{{deleted: true}}, take(object))
	require.Equal(t, &CollectionChanges{Deletions: []int{0, 1}, RootDeleted: true}, numbers.next(t, r))
	require.Equal(t, []CollectionChanges{{Deletions: []int{0}}}, take(ofPlaces))
	require.Equal(t, []CollectionChanges{{Deletions: []int{0}}}, take(ofPets))
	require.Empty(t, *ofPet, "it only was linked to")
	write(t, r, func() { set1(t, pet, "age", i64(1)) })
	refresh(t, r)
	require.Empty(t, *ofPets)
	require.Len(t, *ofPet, 1)
}

// An observer that writes, and gives up itself and another one that is due after it.
func TestCallbacksThatWriteAndRelease(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	list := listOf(t, o, "ints")
	var order []string
	var own, next *Token
	write(t, r, func() { set1(t, o, "name", str("x")) })
	own, err := ObserveCollection(list, func(c CollectionChanges) {
		order = append(order, "list")
		if c.Initial {
			return
		}
		next.Release()
		own.Release()
		write(t, r, func() { push(t, list, i64(2)) }) // nobody is told during a call
		order = append(order, "written")
	})
	require.NoError(t, err)
	next, err = ObserveObject(o, func(ObjectChanges) { order = append(order, "object") })
	require.NoError(t, err)
	last := observeCollection(t, list)
	refresh(t, r)
	last.all = nil
	write(t, r, func() { push(t, list, i64(1)) })
	require.Equal(t, &CollectionChanges{Insertions: []int{0}}, last.next(t, r), "as of before the write in the other call")
	require.Equal(t, []string{"list", "list", "written"}, order)
	require.Equal(t, &CollectionChanges{Insertions: []int{1}}, last.next(t, r), "and that now")
	require.Nil(t, last.next(t, r))
}
