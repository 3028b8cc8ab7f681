package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// Queries through other classes: what they look at there is observed, too, and nothing else is.
func TestObserversFollowOtherClasses(t *testing.T) {
	clean(t)
	r, ann := openOwners(t)
	var a, b, bob Object
	write(t, r, func() {
		a = create(t, r, "Pet", values{"_id": i64(1), "age": i64(1)})
		b = create(t, r, "Pet", values{"_id": i64(2), "age": i64(2)})
		bob = create(t, r, "Owner", values{"_id": i64(2), "name": str("Bob")})
		push(t, listOf(t, ann, "pets"), a)
	})
	texts := []string{
		"@links.Owner.pets.@count == 1", "@links.@count > 1", "ANY @links.Owner.pets.name == 'Bob'",
		"SUBQUERY(@links.Owner.pets, $o, $o.name == 'Bob').@count > 0", "ANY @links.Owner.pet.@links.@count > 0",
	}
	seen := map[string]*[]CollectionChanges{}
	for _, text := range texts {
		seen[text] = observeResults(t, query(t, r, "Pet", text))
	}
	refresh(t, r)
	for _, text := range texts {
		require.Equal(t, []CollectionChanges{{Initial: true}}, take(seen[text]))
	}
	step := func(what string, change func(), want map[string]CollectionChanges) {
		t.Helper()
		write(t, r, change)
		refresh(t, r)
		for _, text := range texts {
			told := take(seen[text])
			if c, ok := want[text]; ok {
				require.Equal(t, []CollectionChanges{c}, told, "%s: %s", what, text)
			} else {
				require.Empty(t, told, "%s: %s", what, text)
			}
		}
	}
	in, out := CollectionChanges{Insertions: []int{0}}, CollectionChanges{Deletions: []int{0}}
	step("a name that no query looks for", func() { set1(t, ann, "name", str("Ann")) }, nil)
	step("another link to the same", func() { push(t, listOf(t, bob, "pets"), a) }, map[string]CollectionChanges{
		texts[0]: out, texts[1]: in, texts[2]: in, texts[3]: in,
	})
	step("another name", func() { set1(t, bob, "name", str("Bert")) }, map[string]CollectionChanges{texts[2]: out, texts[3]: out})
	step("a link goes", func() { require.NoError(t, listOf(t, ann, "pets").Clear()) }, map[string]CollectionChanges{texts[0]: in, texts[1]: out})
	step("the other owner goes", func() { require.NoError(t, DeleteObject(bob)) }, map[string]CollectionChanges{texts[0]: out})
	step("a new owner that has a pet from the beginning", func() {
		add(t, r, "Owner", values{"_id": i64(3), "pet": b})
	}, nil)
	step("something links to that owner", func() {
		owner := find(t, r, "Owner", i64(3))
		add(t, r, "Owner", values{"_id": i64(4), "any": owner})
	}, map[string]CollectionChanges{texts[4]: in})
	step("the link inside of a list inside of mixed instead", func() {
		owner := find(t, r, "Owner", i64(3))
		made, err := SetNew(find(t, r, "Owner", i64(4)), propertyNamed(t, owner, "any"), value.KindList)
		require.NoError(t, err)
		defer made.release()
		push(t, made.Collection, owner)
	}, nil)
	step("that is deleted", func() { require.NoError(t, DeleteObject(find(t, r, "Owner", i64(4)))) }, map[string]CollectionChanges{texts[4]: out})
}

// Conditions on collections, embedded objects and mixed values of an object's own.
func TestObserversFollowWhatAnObjectHolds(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	var pet Object
	write(t, r, func() { pet = create(t, r, "Pet", values{"_id": i64(1)}) })
	list := func(name string) *Collection { return listOf(t, o, name) }
	entry := func(key string) *Collection {
		inner, err := list("entries").ChildKey(key)
		require.NoError(t, err)
		t.Cleanup(inner.Release)
		return inner
	}
	for _, c := range []struct {
		query     string
		enter     func()
		leave     func()
		elsewhere func() // modifies the object, and leaves it in the results
	}{
		{"ANY ints == 7", func() { push(t, list("ints"), i64(7)) }, func() { require.NoError(t, list("ints").Clear()) }, func() { addTo(t, list("words"), str("w")) }},
		{"ints.@sum > 5", func() { push(t, list("ints"), i64(3), i64(4)) }, func() { require.NoError(t, list("ints").Erase(0)) }, func() { put(t, list("counts"), "x", i64(1)) }},
		{"counts['a'] == 1", func() { put(t, list("counts"), "a", i64(1)) }, func() { put(t, list("counts"), "a", i64(2)) }, func() { set1(t, o, "name", str("n")) }},
		{"ANY pets.age > 4", func() { push(t, list("pets"), pet); set1(t, pet, "age", i64(5)) }, func() { set1(t, pet, "age", i64(1)) }, func() { set1(t, pet, "age", i64(6)) }},
		{"home.street == 's'", func() {
			made, err := SetNew(o, propertyNamed(t, o, "home"), value.KindObject)
			require.NoError(t, err)
			defer made.release()
			set1(t, made.Object, "street", str("s"))
		}, func() { set1(t, o, "home", value.Null()) }, func() { set1(t, pet, "age", i64(7)) }},
		{"entries['k']['a'] == 1", func() {
			made, err := list("entries").PutNew("k", value.KindDictionary)
			require.NoError(t, err)
			defer made.release()
			put(t, made.Collection, "a", i64(1))
		}, func() { put(t, entry("k"), "a", i64(2)) }, func() { put(t, entry("k"), "b", i64(2)) }},
		{"entries['k'].age > 3", func() { put(t, list("entries"), "k", pet); set1(t, pet, "age", i64(9)) }, func() { set1(t, pet, "age", i64(0)) }, func() { set1(t, pet, "age", i64(8)) }},
		{"places.@count > 0 SORT(name ASC) LIMIT(1)", func() {
			made, err := list("places").InsertNew(0, value.KindObject)
			require.NoError(t, err)
			made.release()
		}, func() { require.NoError(t, list("places").Clear()) }, func() { set1(t, o, "name", str("m")) }},
	} {
		seen := observeResults(t, query(t, r, "Owner", c.query))
		refresh(t, r)
		take(seen)
		for _, step := range []struct {
			change func()
			want   CollectionChanges
		}{
			{c.enter, CollectionChanges{Insertions: []int{0}}},
			{c.elsewhere, CollectionChanges{Modifications: []int{0}, ModificationsAfter: []int{0}}},
			{c.leave, CollectionChanges{Deletions: []int{0}}},
		} {
			write(t, r, step.change)
			refresh(t, r)
			require.Equal(t, []CollectionChanges{step.want}, take(seen), c.query)
		}
	}
}

// What is linked to belongs to the content over three links, whatever kind they are.
func TestContentEndsAfterThreeLinks(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	var chain [4]Object
	write(t, r, func() {
		for i := range chain {
			chain[i] = create(t, r, "Pet", values{"_id": i64(int64(i))})
			if i > 0 {
				set1(t, chain[i-1], "friend", chain[i])
			}
		}
		set1(t, chain[3], "friend", chain[0])
		put(t, listOf(t, o, "petmap"), "a", chain[0])
	})
	owner, pets := observeResults(t, all(t, r, "Owner")), observeResults(t, all(t, r, "Pet"))
	pet := observeObject(t, chain[0])
	refresh(t, r)
	take(owner)
	take(pets)
	modified := func(at ...int) []CollectionChanges {
		return []CollectionChanges{{Modifications: at, ModificationsAfter: at}}
	}
	for i, o := range chain {
		write(t, r, func() { set1(t, o, "age", i64(5)) })
		refresh(t, r)
		require.Equal(t, modified(0, 1, 2, 3), take(pets))
		if i < 3 {
			require.Equal(t, modified(0), take(owner))
		}
		require.Empty(t, *owner, "a fourth link")
		if i == 0 {
			take(pet)
		}
		require.Empty(t, *pet, "observers of objects don't look through links")
	}
	write(t, r, func() { set1(t, chain[0], "friend", value.Null()) })
	refresh(t, r)
	require.Equal(t, modified(0), take(owner))
	require.Equal(t, modified(0, 1, 2, 3), take(pets))
	write(t, r, func() { set1(t, chain[1], "age", i64(6)) })
	refresh(t, r)
	require.Empty(t, *owner, "the link is gone")
	require.Equal(t, modified(1), take(pets), "nobody else links to it any more")
}
