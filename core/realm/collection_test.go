package realm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func collection(kind schema.Collection, name string, of value.Kind) schema.Property {
	return schema.Property{Name: name, Type: of, Collection: kind, Nullable: of == value.KindMixed}
}

func links(kind schema.Collection, name, target string) schema.Property {
	return schema.Property{Name: name, Type: value.KindLink, Collection: kind, LinkTarget: target, Nullable: kind == schema.Dictionary}
}

// owners is a schema with every kind of collection.
var owners = schema.New(
	class("Owner", "_id", prop("_id", value.KindInt), prop("name", value.KindString),
		collection(schema.List, "ints", value.KindInt), collection(schema.Set, "words", value.KindString),
		collection(schema.Dictionary, "counts", value.KindInt), collection(schema.List, "mixeds", value.KindMixed),
		collection(schema.Dictionary, "entries", value.KindMixed), collection(schema.Set, "mixedset", value.KindMixed),
		links(schema.List, "pets", "Pet"), links(schema.Set, "petset", "Pet"), links(schema.Dictionary, "petmap", "Pet"),
		link("pet", "Pet"), link("home", "Place"), links(schema.List, "places", "Place"), links(schema.Dictionary, "placemap", "Place"),
		schema.Property{Name: "any", Type: value.KindMixed, Nullable: true}),
	class("Pet", "_id", prop("_id", value.KindInt), prop("age", value.KindInt), link("friend", "Pet")),
	schema.Class{Name: "Place", Kind: schema.Embedded, Properties: []schema.Property{
		prop("street", value.KindString), collection(schema.List, "numbers", value.KindInt), link("inner", "Room"), link("pet", "Pet"),
	}},
	schema.Class{Name: "Room", Kind: schema.Embedded, Properties: []schema.Property{prop("no", value.KindInt)}},
)

func openOwners(t testing.TB) (*Realm, Object) {
	t.Helper()
	r := open(t, Config{Path: tempPath(t), Schema: owners})
	var o Object
	write(t, r, func() { o = create(t, r, "Owner", values{"_id": i64(1)}) })
	return r, o
}

// listOf opens a collection, which is released with the test.
func listOf(t testing.TB, o Object, property string) *Collection {
	t.Helper()
	c := tryListOf(t, o, property)
	require.NotNil(t, c)
	return c
}

func tryListOf(t testing.TB, o Object, property string) *Collection {
	t.Helper()
	c, err := OpenCollection(o, propertyNamed(t, o, property))
	require.NoError(t, err)
	if c != nil {
		t.Cleanup(c.Release)
	}
	return c
}

func propertyNamed(t testing.TB, o Object, property string) int {
	t.Helper()
	r, err := InstanceOf(o)
	require.NoError(t, err)
	defer r.Release()
	cl, err := r.ClassByID(fields(o).class)
	require.NoError(t, err)
	i := cl.Property(property)
	require.GreaterOrEqual(t, i, 0, property)
	return i
}

// withCell calls f with the cell of a value.
type cellRef = *store.Cell

func withCell(t testing.TB, v any, f func(c cellRef)) {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	f((*store.Cell)(b.cells([]any{v})))
}

func push(t testing.TB, c *Collection, list ...any) {
	t.Helper()
	for _, v := range list {
		n, err := c.Len()
		require.NoError(t, err)
		withCell(t, v, func(cell *store.Cell) { require.NoError(t, c.Insert(n, unsafeCell(cell))) })
	}
}

func addTo(t testing.TB, c *Collection, v any) bool {
	t.Helper()
	added := false
	withCell(t, v, func(cell *store.Cell) {
		i, is, err := c.Add(unsafeCell(cell))
		require.NoError(t, err)
		at, found, err := c.IndexOf(unsafeCell(cell))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, at, i)
		added = is
	})
	return added
}

func put(t testing.TB, c *Collection, key string, v any) {
	t.Helper()
	withCell(t, v, func(cell *store.Cell) { require.NoError(t, c.Put(key, unsafeCell(cell))) })
}

// contents is all elements as text: values, links as ->row, collections as their kind; of dictionaries with keys.
func contents(t testing.TB, c *Collection) []string {
	t.Helper()
	out := []string{}
	for {
		b, err := c.Load(len(out), 256)
		require.NoError(t, err)
		for i := range b.Len() {
			row := b.Row(i)
			text := ""
			if row[0].Kind() == value.KindLink {
				_, to := row[0].Link()
				text = fmt.Sprintf("->%d", to)
			} else {
				text = row[0].Value().String()
			}
			if len(row) > 1 {
				text = string(row[1].Bytes()) + ":" + text
			}
			out = append(out, text)
		}
		n := b.Len()
		b.Release()
		if n == 0 {
			have, err := c.Len()
			require.NoError(t, err)
			require.Len(t, out, have)
			return out
		}
	}
}

func TestList(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	c := listOf(t, o, "ints")
	require.Equal(t, schema.List, c.Kind())
	require.Equal(t, Element{Type: value.KindInt}, c.Element())
	require.Empty(t, contents(t, c))
	write(t, r, func() {
		push(t, c, i64(1), i64(2), i64(4))
		withCell(t, i64(3), func(v *store.Cell) { require.NoError(t, c.Insert(2, unsafeCell(v))) })
		require.Equal(t, []string{"1", "2", "3", "4"}, contents(t, c))
		require.NoError(t, c.Move(0, 2))
		require.Equal(t, []string{"2", "3", "1", "4"}, contents(t, c))
		require.NoError(t, c.Erase(1))
		withCell(t, i64(9), func(v *store.Cell) { require.NoError(t, c.Set(2, unsafeCell(v))) })
	})
	require.Equal(t, []string{"2", "1", "9"}, contents(t, c))
	withCell(t, i64(9), func(v *store.Cell) {
		i, found, err := c.IndexOf(unsafeCell(v))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 2, i)
		require.ErrorIs(t, c.Insert(0, unsafeCell(v)), ErrNotInTransaction)
		require.ErrorIs(t, c.Clear(), ErrNotInTransaction)
	})
	require.NoError(t, r.BeginWrite())
	require.NoError(t, c.Clear())
	require.Empty(t, contents(t, c))
	require.NoError(t, r.Cancel())
	require.Len(t, contents(t, c), 3)
	b := newBlock(t)
	defer b.free()
	write(t, r, func() {
		cells := b.cells([]any{i64(5), i64(6), i64(7), i64(8)})
		require.NoError(t, c.Assign(cells, 4))
		require.Equal(t, []string{"5", "6", "7", "8"}, contents(t, c))
		require.NoError(t, c.Assign(cells, 1))
		require.Equal(t, []string{"5"}, contents(t, c))
		require.NoError(t, c.Clear())
		require.Empty(t, contents(t, c))
	})
}

func TestListRefusals(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	c, set := listOf(t, o, "ints"), listOf(t, o, "words")
	write(t, r, func() {
		push(t, c, i64(1))
		withCell(t, str("x"), func(v *store.Cell) {
			require.ErrorIs(t, c.Insert(0, unsafeCell(v)), store.ErrType)
			require.ErrorIs(t, set.Insert(0, unsafeCell(v)), store.ErrType)
			_, _, err := c.Add(unsafeCell(v))
			require.ErrorIs(t, err, store.ErrType)
			require.ErrorIs(t, c.Put("k", unsafeCell(v)), store.ErrType)
		})
		withCell(t, value.Null(), func(v *store.Cell) { require.ErrorIs(t, c.Insert(0, unsafeCell(v)), store.ErrNotNullable) })
		withCell(t, i64(1), func(v *store.Cell) {
			for _, i := range []int{-1, 2, 99} {
				require.ErrorIs(t, c.Insert(i, unsafeCell(v)), store.ErrRange)
				require.ErrorIs(t, c.Move(0, i), store.ErrRange)
			}
			for _, i := range []int{-1, 1, 99} {
				require.ErrorIs(t, c.Set(i, unsafeCell(v)), store.ErrRange)
				require.ErrorIs(t, c.Erase(i), store.ErrRange)
				require.ErrorIs(t, set.Erase(i), store.ErrRange)
			}
		})
		_, err := c.InsertNew(0, value.KindObject)
		require.ErrorIs(t, err, store.ErrType)
		_, err = c.InsertNew(0, value.KindList)
		require.ErrorIs(t, err, store.ErrType)
		_, _, err = tryCreate(t, r, "Owner", values{"_id": i64(7), "ints": i64(1)}, false)
		require.ErrorIs(t, err, store.ErrType)
		require.ErrorIs(t, trySet(t, o, "ints", i64(1)), store.ErrType)
		_, err = OpenCollection(o, propertyNamed(t, o, "name"))
		require.ErrorIs(t, err, store.ErrType)
	})
	require.Equal(t, []string{"1"}, contents(t, c))
	other, err := c.Clone()
	require.NoError(t, err)
	other.Release()
	other.Release()
	_, err = other.Len()
	require.ErrorIs(t, err, ErrInvalidHandle)
	require.False(t, other.Valid())
	write(t, r, func() { require.NoError(t, DeleteObject(o)) })
	require.False(t, c.Valid())
	_, err = c.Len()
	require.ErrorIs(t, err, store.ErrNoObject)
	require.NoError(t, r.BeginWrite())
	withCell(t, i64(1), func(v *store.Cell) { require.ErrorIs(t, c.Insert(0, unsafeCell(v)), store.ErrNoObject) })
	require.NoError(t, r.Cancel())
}

func TestSetAndDictionary(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	set, mixed, counts := listOf(t, o, "words"), listOf(t, o, "mixedset"), listOf(t, o, "counts")
	write(t, r, func() {
		require.True(t, addTo(t, set, str("b")))
		require.True(t, addTo(t, set, str("a")))
		require.False(t, addTo(t, set, str("b")))
		require.True(t, addTo(t, mixed, i64(1)))
		withCell(t, value.Double(1), func(v *store.Cell) {
			_, added, err := mixed.Add(unsafeCell(v))
			require.NoError(t, err)
			require.False(t, added)
		})
		put(t, counts, "z", i64(1))
		put(t, counts, "", i64(2))
		put(t, counts, "z", i64(3))
		for _, key := range []string{"a.b", "$a", "\xff"} {
			withCell(t, i64(1), func(v *store.Cell) { require.ErrorIs(t, counts.Put(key, unsafeCell(v)), store.ErrType) })
		}
	})
	require.Equal(t, []string{":2", "z:3"}, contents(t, counts))
	require.Len(t, contents(t, set), 2)
	b, found, err := counts.Get("z")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, i64(3), b.Row(0)[0].Value())
	b.Release()
	_, found, err = counts.Get("none")
	require.NoError(t, err)
	require.False(t, found)
	i, found, err := counts.IndexOfKey("z")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, 1, i)
	write(t, r, func() {
		was, err := counts.RemoveKey("z")
		require.NoError(t, err)
		require.True(t, was)
		was, err = counts.RemoveKey("z")
		require.NoError(t, err)
		require.False(t, was)
		require.NoError(t, counts.Erase(0))
		require.Empty(t, contents(t, counts))
		require.NoError(t, set.Erase(0))
		withCell(t, str("b"), func(v *store.Cell) {
			was, err := set.Remove(unsafeCell(v))
			require.NoError(t, err)
			require.True(t, was)
		})
		require.Empty(t, contents(t, set))
	})
}

// An embedded object is an object like others, and goes with its place.
func TestEmbedded(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	places, placemap := listOf(t, o, "places"), listOf(t, o, "placemap")
	keep := func(n New, err error) Object {
		t.Helper()
		require.NoError(t, err)
		require.NotNil(t, n.Object)
		t.Cleanup(func() { ReleaseObject(n.Object) })
		return n.Object
	}
	home := propertyNamed(t, o, "home")
	var first, second, room, inList, inMap Object
	write(t, r, func() {
		first = keep(SetNew(o, home, value.KindObject))
		set1(t, first, "street", str("a"))
		room = keep(SetNew(first, propertyNamed(t, first, "inner"), value.KindObject))
		set1(t, room, "no", i64(3))
		push(t, listOf(t, first, "numbers"), i64(1), i64(2))
		inList = keep(places.InsertNew(0, value.KindObject))
		inMap = keep(placemap.PutNew("k", value.KindObject))
		set1(t, inMap, "street", str("m"))
		require.ErrorIs(t, trySet(t, o, "home", inList), store.ErrType)
		withCell(t, inList, func(v *store.Cell) { require.ErrorIs(t, places.Insert(0, unsafeCell(v)), store.ErrType) })
	})
	require.Equal(t, fields(first).key, fields(embeddedIn(t, o, home)).key)
	require.Equal(t, str("m"), get(t, objectsIn(t, placemap, 0, 1)[0], "street"))
	write(t, r, func() { second = keep(SetNew(o, home, value.KindObject)) })
	require.False(t, Valid(first))
	require.False(t, Valid(room))
	require.Equal(t, str(""), get(t, second, "street"))
	write(t, r, func() {
		require.NoError(t, DeleteObject(inList))
		require.NoError(t, DeleteObject(inMap))
		set1(t, o, "home", value.Null())
	})
	require.Empty(t, contents(t, places))
	require.Equal(t, []string{"k:null"}, contents(t, placemap))
	require.False(t, Valid(second))
	write(t, r, func() {
		inList = keep(places.InsertNew(0, value.KindObject))
		require.NoError(t, DeleteObject(o))
	})
	require.False(t, Valid(inList))
	require.ErrorIs(t, LoadObject(inList), store.ErrNoObject)
}

func TestNestedCollections(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	anyOf := propertyNamed(t, o, "any")
	require.Nil(t, tryListOf(t, o, "any"))
	var list, inner, entries *Collection
	keep := func(n New, err error) *Collection {
		t.Helper()
		require.NoError(t, err)
		require.NotNil(t, n.Collection)
		t.Cleanup(n.Collection.Release)
		return n.Collection
	}
	write(t, r, func() {
		list = keep(SetNew(o, anyOf, value.KindList))
		push(t, list, i64(1), str("two"))
		inner = keep(list.InsertNew(1, value.KindDictionary))
		put(t, inner, "k", i64(5))
		deep := keep(inner.PutNew("l", value.KindList))
		push(t, deep, i64(6))
		require.Equal(t, value.KindList, value.Kind(int8(cellOf(t, o, "any").Type)))
	})
	require.Equal(t, []string{"6"}, contents(t, mustChild(t, mustChild(t, listOf(t, o, "any"), 1), 1)))
	write(t, r, func() {
		require.NoError(t, list.Move(1, 0)) // it is still the same
		require.Equal(t, "k:5", contents(t, inner)[0])
		again := keep(SetNew(o, anyOf, value.KindList))
		require.Equal(t, contents(t, list), contents(t, again))
		entries = keep(SetNew(o, anyOf, value.KindDictionary))
	})
	require.False(t, list.Valid())
	require.False(t, inner.Valid())
	_, err := inner.Len()
	require.ErrorIs(t, err, store.ErrNoObject)
	require.True(t, entries.Valid())
	write(t, r, func() { set1(t, o, "any", i64(1)) })
	require.False(t, entries.Valid())
	require.Nil(t, tryListOf(t, o, "any"))
}

// Collections nest 100 levels deep and no deeper.
func TestMaxNesting(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	write(t, r, func() {
		made, err := SetNew(o, propertyNamed(t, o, "any"), value.KindList)
		for range 99 {
			require.NoError(t, err)
			t.Cleanup(made.Collection.Release)
			if made.Collection.Kind() == schema.List {
				made, err = made.Collection.InsertNew(0, value.KindDictionary)
			} else {
				made, err = made.Collection.PutNew("k", value.KindList)
			}
		}
		require.NoError(t, err)
		defer made.Collection.Release()
		_, err = made.Collection.PutNew("k", value.KindList)
		require.ErrorIs(t, err, store.ErrRange)
		require.Empty(t, contents(t, made.Collection))
	})
}

func mustChild(t testing.TB, c *Collection, i int) *Collection {
	t.Helper()
	child, err := c.Child(i)
	require.NoError(t, err)
	require.NotNil(t, child)
	t.Cleanup(child.Release)
	return child
}

// Collections of links: objects, queries and orders over them, the way back, and what deleting an object does to them.
func TestLinkedObjects(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	list, set, dictionary := listOf(t, o, "pets"), listOf(t, o, "petset"), listOf(t, o, "petmap")
	var pets []Object
	write(t, r, func() {
		for i := range int64(4) {
			pets = append(pets, create(t, r, "Pet", values{"_id": i64(i), "age": i64(10 - i)}))
		}
		push(t, list, pets[3], pets[1], pets[2], pets[1])
		addTo(t, set, pets[1])
		addTo(t, set, pets[0])
		put(t, dictionary, "a", pets[1])
		put(t, dictionary, "b", value.Null())
		put(t, dictionary, "c", pets[2])
		set1(t, o, "pet", pets[1])
	})
	out := objectsIn(t, dictionary, 0, 3)
	require.Equal(t, i64(1), get(t, out[0], "_id"))
	require.Nil(t, out[1])
	require.Equal(t, i64(2), get(t, out[2], "_id"))
	results := func(c *Collection, text string) *Results {
		rs, err := c.Results(text, nil, 0)
		require.NoError(t, err)
		t.Cleanup(rs.Release)
		return rs
	}
	plain, young := results(list, ""), results(list, "age < 9")
	require.Equal(t, []int64{3, 1, 2, 1}, ints(t, plain, "_id"))
	require.Equal(t, []int64{3, 2}, ints(t, young, "_id"))
	require.Equal(t, []int64{0, 1}, ints(t, results(set, ""), "_id"))
	require.Equal(t, []int64{1, 2}, ints(t, results(dictionary, ""), "_id"))
	require.Equal(t, []int64{1, 1}, ints(t, results(list, "age > 0 SORT(_id ASC) LIMIT(2)"), "_id"))
	sorted, err := young.Sort([]Sort{{"_id", true}})
	require.NoError(t, err)
	t.Cleanup(sorted.Release)
	require.Equal(t, []int64{2, 3}, ints(t, sorted, "_id"))
	_, err = listOf(t, o, "ints").Results("", nil, 0)
	require.ErrorIs(t, err, store.ErrType)

	back := map[string]*Results{}
	owner := classOf(t, r, "Owner")
	for _, name := range []string{"pet", "pets", "petset", "petmap"} {
		rs, err := Backlinks(pets[1], owner.ID, owner.Property(name))
		require.NoError(t, err)
		t.Cleanup(rs.Release)
		back[name] = rs
	}
	counts := func() []int {
		return []int{count(t, back["pet"]), count(t, back["pets"]), count(t, back["petset"]), count(t, back["petmap"])}
	}
	require.Equal(t, []int{1, 2, 1, 1}, counts())
	require.Equal(t, []int64{1, 1}, ints(t, back["pets"], "_id"))
	_, err = Backlinks(pets[1], owner.ID, owner.Property("home"))
	require.ErrorIs(t, err, store.ErrType)
	write(t, r, func() { require.NoError(t, list.Erase(1)) })
	require.Equal(t, []int{1, 1, 1, 1}, counts())

	write(t, r, func() { require.NoError(t, DeleteObject(pets[1])) })
	require.Equal(t, []int64{3, 2}, ints(t, plain, "_id"))
	require.Equal(t, []string{"->0"}, contents(t, set))
	require.Equal(t, []string{"a:null", "b:null", "c:->2"}, contents(t, dictionary))
	require.Equal(t, []int{0, 0, 0, 0}, counts())
	write(t, r, func() { require.NoError(t, plain.DeleteAll()) })
	require.Empty(t, contents(t, list))
}

// A frozen collection stays as it was; the live one moves on, and they lead to each other.
func TestFrozenCollections(t *testing.T) {
	clean(t)
	r, o := openOwners(t)
	c := listOf(t, o, "ints")
	write(t, r, func() { push(t, c, i64(1)) })
	frozen, err := r.Freeze()
	require.NoError(t, err)
	defer frozen.Release()
	was, err := c.Resolve(frozen)
	require.NoError(t, err)
	defer was.Release()
	write(t, r, func() { push(t, c, i64(2)) })
	require.Equal(t, []string{"1"}, contents(t, was))
	require.Equal(t, []string{"1", "2"}, contents(t, c))
	onThread(func() {
		n, err := was.Len()
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
	live, err := was.Resolve(r)
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, contents(t, live))
	live.Release()
	require.NoError(t, r.BeginWrite())
	require.NoError(t, r.Cancel())
	_, err = ObserveCollection(was, func(CollectionChanges) {})
	require.ErrorIs(t, err, ErrFrozenObserve)
	write(t, r, func() { require.NoError(t, DeleteObject(o)) })
	gone, err := was.Resolve(r)
	require.NoError(t, err)
	require.Nil(t, gone)
	require.Equal(t, []string{"1"}, contents(t, was))
}

// A collection keeps its instance open.
func TestCollectionKeepsTheInstance(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r, err := Open(Config{Path: path, Schema: owners})
	require.NoError(t, err)
	var c *Collection
	write(t, r, func() {
		o, _, err := tryCreate(t, r, "Owner", values{"_id": i64(1)}, false)
		require.NoError(t, err)
		c, err = OpenCollection(o, propertyNamed(t, o, "ints"))
		require.NoError(t, err)
		ReleaseObject(o)
	})
	r.Release()
	require.True(t, c.Valid())
	o, property, err := c.Owner()
	require.NoError(t, err)
	require.Equal(t, propertyNamed(t, o, "ints"), property)
	ReleaseObject(o)
	require.NoError(t, c.Realm().Close())
	_, err = c.Len()
	require.ErrorIs(t, err, ErrClosed)
	require.False(t, c.Valid())
	c.Release()
}
