package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// world has links in every kind of place, and embedded objects in every kind of place.
func linkWorld(t testing.TB, c *Conn) (holder, target *Class) {
	t.Helper()
	link := func(name string, collection schema.Collection, to string) schema.Property {
		return schema.Property{Name: name, Type: value.KindLink, Collection: collection, LinkTarget: to, Nullable: collection == schema.Single || collection == schema.Dictionary}
	}
	mixed := func(name string, collection schema.Collection) schema.Property {
		return schema.Property{Name: name, Type: value.KindMixed, Collection: collection, Nullable: true}
	}
	write(t, c, func() {
		require.NoError(t, c.AddClass(schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindString}}}))
		require.NoError(t, c.AddClass(schema.Class{Name: "E", Kind: schema.Embedded, Properties: []schema.Property{{Name: "x", Type: value.KindInt}, link("to", schema.Single, "T"),
			{Name: "l", Type: value.KindInt, Collection: schema.List}}}))
		require.NoError(t, c.AddClass(schema.Class{Name: "H", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt},
			link("single", schema.Single, "T"), link("list", schema.List, "T"), link("set", schema.Set, "T"), link("dict", schema.Dictionary, "T"),
			mixed("m", schema.Single), mixed("ml", schema.List), mixed("ms", schema.Set), mixed("md", schema.Dictionary),
			link("e", schema.Single, "E"), link("el", schema.List, "E"), link("ed", schema.Dictionary, "E")}}))
		_, err := c.InsertValues(c.Class("H"), []value.Value{value.Int(1)})
		require.NoError(t, err)
		_, err = c.InsertValues(c.Class("T"), []value.Value{value.String("a")})
		require.NoError(t, err)
	})
	return c.Class("H"), c.Class("T")
}

func property(t testing.TB, c *Conn, cl *Class, row int64, name string) *Collection {
	t.Helper()
	l, err := c.Collection(cl, row, cl.Property(name))
	require.NoError(t, err)
	require.NotNil(t, l, name)
	return l
}

// Links are found wherever they are, with the way to them; they dangle when their target goes and come back with it.
func TestReferencesEverywhere(t *testing.T) {
	c := openTemp(t)
	h, target := linkWorld(t, c)
	a := LinkCell(target.ID, 1)
	number := IntCell(5)
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.SetCell(h, 1, h.Property("single"), &a))
	list := property(t, c, h, 1, "list")
	require.NoError(t, list.Insert(0, &a))
	require.NoError(t, list.Insert(1, &a))
	_, err := property(t, c, h, 1, "set").Add(&a)
	require.NoError(t, err)
	require.NoError(t, property(t, c, h, 1, "dict").Put("k", &a))
	ml := property(t, c, h, 1, "ml")
	require.NoError(t, ml.Insert(0, &number))
	inList, err := ml.InsertNew(1, value.KindDictionary)
	require.NoError(t, err)
	require.NoError(t, ml.Insert(2, &a))
	inner, err := inList.Collection.PutNew("in", value.KindList)
	require.NoError(t, err)
	require.NoError(t, inner.Collection.Insert(0, &number))
	require.NoError(t, inner.Collection.Insert(1, &a))
	_, err = property(t, c, h, 1, "ms").Add(&a)
	require.NoError(t, err)
	require.NoError(t, property(t, c, h, 1, "md").Put("", &a))
	m, err := c.SetNew(h, 1, h.Property("m"), value.KindList)
	require.NoError(t, err)
	require.NoError(t, m.Collection.Insert(0, &a))
	e, err := property(t, c, h, 1, "el").InsertNew(0, value.KindObject)
	require.NoError(t, err)
	require.NoError(t, c.SetCell(e.Class, e.Row, 1, &a))

	index := func(i int) Step { return Step{Index: i} }
	key := func(k string) Step { return Step{Key: k, IsKey: true} }
	want := []Reference{
		{Class: e.Class, Row: e.Row, Property: 1},
		{Class: h, Row: 1, Property: h.Property("single")},
		{Class: h, Row: 1, Property: h.Property("list"), Path: []Step{index(0)}},
		{Class: h, Row: 1, Property: h.Property("list"), Path: []Step{index(1)}},
		{Class: h, Row: 1, Property: h.Property("set")},
		{Class: h, Row: 1, Property: h.Property("dict"), Path: []Step{key("k")}},
		{Class: h, Row: 1, Property: h.Property("m"), Path: []Step{index(0)}},
		{Class: h, Row: 1, Property: h.Property("ml"), Path: []Step{index(1), key("in"), index(1)}},
		{Class: h, Row: 1, Property: h.Property("ml"), Path: []Step{index(2)}},
		{Class: h, Row: 1, Property: h.Property("ms")},
		{Class: h, Row: 1, Property: h.Property("md"), Path: []Step{key("")}},
	}
	same := func(got []Reference) {
		t.Helper()
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i].Class.ID, got[i].Class.ID)
			require.Equal(t, want[i].Row, got[i].Row)
			require.Equal(t, want[i].Property, got[i].Property, "%d", i)
			require.Equal(t, want[i].Path, got[i].Path, "%d", i)
		}
	}
	refs, err := c.Incoming(target, 1)
	require.NoError(t, err)
	same(refs)
	rows, err := c.IncomingFrom(target, 1, h, h.Property("list"))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 1}, rows)
	rows, err = c.IncomingFrom(target, 1, h, h.Property("single"))
	require.NoError(t, err)
	require.Equal(t, []int64{1}, rows)
	path, err := c.PathOf(inner.Collection)
	require.NoError(t, err)
	require.Equal(t, []Step{index(1), key("in")}, path)
	path, err = c.PathOf(m.Collection)
	require.NoError(t, err)
	require.Empty(t, path)
	owner, ok, err := c.Owner(e.Class, e.Row)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []Step{index(0)}, owner.Path)
	require.Equal(t, h.Property("el"), owner.Property)

	_, err = c.TakeChanges()
	require.NoError(t, err)
	require.NoError(t, c.Delete(target, 1))
	changes, err := c.TakeChanges()
	require.NoError(t, err)
	mod := changes.Of(h.ID).Modified
	require.Len(t, mod, 1)
	for _, name := range []string{"single", "list", "set", "dict", "m", "ml", "ms", "md"} {
		require.True(t, mod[0].Has(h.Property(name)), name)
	}
	require.False(t, mod[0].Has(h.Property("el")))
	require.Len(t, changes.Of(e.Class.ID).Modified, 1)
	n, err := list.Len()
	require.NoError(t, err)
	require.Equal(t, 2, n, "dangling links keep their places")
	b, err := list.Load(0, 2)
	require.NoError(t, err)
	require.Equal(t, uint8(FlagDangling), b.Row(1)[0].Flags)
	b.Release()
	sound(t, c)

	_, err = c.InsertValues(target, []value.Value{value.String("a")})
	require.NoError(t, err)
	revived := append([]Reference{}, c.Revived()...)
	sortReferences(revived)
	same(revived)
	again := LinkCell(target.ID, 2)
	has, err := property(t, c, h, 1, "set").Has(&again)
	require.NoError(t, err)
	require.True(t, has)
	require.Zero(t, tombstones(t, c))

	require.NoError(t, c.Delete(h, 1))
	refs, err = c.Incoming(target, 2)
	require.NoError(t, err)
	require.Empty(t, refs)
	sound(t, c)
	_, err = inner.Collection.Len()
	require.ErrorIs(t, err, ErrNoObject)
	n, err = list.Len()
	require.NoError(t, err)
	require.Zero(t, n)
	require.ErrorIs(t, list.Insert(0, &again), ErrNoObject)
}

// Embedded objects live as long as their place holds them.
func TestEmbeddedObjectsGoWithTheirPlace(t *testing.T) {
	c := openTemp(t)
	h, _ := linkWorld(t, c)
	require.NoError(t, c.BeginWrite())
	alive := func(want int64) {
		t.Helper()
		e, err := c.current(c.Class("E"))
		require.NoError(t, err)
		n, err := c.controlInt("SELECT count(*) FROM " + e.name)
		require.NoError(t, err)
		require.Equal(t, want, n)
		sound(t, c)
	}
	null := Cell{}
	single, el, ed := h.Property("e"), property(t, c, h, 1, "el"), property(t, c, h, 1, "ed")
	first, err := c.SetNew(h, 1, single, value.KindObject)
	require.NoError(t, err)
	seven := IntCell(7)
	require.NoError(t, property(t, c, first.Class, first.Row, "l").Insert(0, &seven))
	alive(1)
	second, err := c.SetNew(h, 1, single, value.KindObject)
	require.NoError(t, err)
	require.NotEqual(t, first.Row, second.Row)
	alive(1)
	child, err := c.ChildOf(h, 1, single)
	require.NoError(t, err)
	require.Equal(t, second.Row, child.Row)
	require.NoError(t, c.SetCell(h, 1, single, &null))
	alive(0)
	for i := range 4 {
		_, err = el.InsertNew(i, value.KindObject)
		require.NoError(t, err)
		_, err = ed.PutNew(string(rune('a'+i)), value.KindObject)
		require.NoError(t, err)
	}
	alive(8)
	_, err = ed.PutNew("a", value.KindObject)
	require.NoError(t, err)
	_, err = el.SetNew(0, value.KindObject)
	require.NoError(t, err)
	alive(8)
	require.NoError(t, ed.Put("b", &null))
	removed, err := ed.RemoveKey("b")
	require.NoError(t, err)
	require.True(t, removed)
	require.NoError(t, el.Erase(1))
	alive(6)
	child, err = el.Child(1)
	require.NoError(t, err)
	require.NoError(t, c.Delete(child.Class, child.Row), "deleted itself, it is no element any more")
	n, err := el.Len()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	child, err = ed.ChildKey("c")
	require.NoError(t, err)
	require.NoError(t, c.Delete(child.Class, child.Row))
	n, err = ed.Len()
	require.NoError(t, err)
	require.Equal(t, 3, n, "its key stays with null")
	alive(4)
	require.NoError(t, ed.Clear())
	alive(2)
	third, err := c.SetNew(h, 1, single, value.KindObject)
	require.NoError(t, err)
	require.NoError(t, c.Delete(third.Class, third.Row))
	child, err = c.ChildOf(h, 1, single)
	require.NoError(t, err)
	require.True(t, child.IsZero())
	require.NoError(t, c.Delete(h, 1))
	alive(0)
}

// What isn't allowed is refused and changes nothing.
func TestRefusedElements(t *testing.T) {
	c := openTemp(t)
	h, target := linkWorld(t, c)
	require.NoError(t, c.BeginWrite())
	null, number, link, gone := Cell{}, IntCell(1), LinkCell(target.ID, 1), LinkCell(target.ID, 77)
	absent, collection := Cell{Type: CellAbsent}, Cell{Type: CellList}
	list, set, dict := property(t, c, h, 1, "list"), property(t, c, h, 1, "set"), property(t, c, h, 1, "dict")
	el, ml := property(t, c, h, 1, "el"), property(t, c, h, 1, "ml")
	require.NoError(t, list.Insert(0, &link))
	_, err := el.InsertNew(0, value.KindObject)
	require.NoError(t, err)
	before, err := c.TakeChanges()
	require.NoError(t, err)
	require.False(t, before.Empty())
	other := func(_ any, err error) error { return err }
	embedded := LinkCell(c.Class("E").ID, 1)
	for name, x := range map[string]struct {
		err  error
		kind error
	}{
		"null link in a list":         {list.Insert(0, &null), ErrNotNullable},
		"null link in a set":          {other(set.Add(&null)), ErrNotNullable},
		"other type":                  {list.Insert(0, &number), ErrType},
		"other type in a set":         {other(set.Add(&number)), ErrType},
		"other type in a dictionary":  {dict.Put("x", &number), ErrType},
		"link to a deleted object":    {list.Insert(0, &gone), ErrNoObject},
		"absent":                      {list.Insert(0, &absent), ErrType},
		"collection as a value":       {ml.Insert(0, &collection), ErrType},
		"collection in a property":    {c.SetCell(h, 1, h.Property("m"), &collection), ErrType},
		"embedded object as a link":   {el.Insert(0, &embedded), ErrType},
		"embedded object twice":       {c.SetCell(h, 1, h.Property("e"), &embedded), ErrType},
		"behind the end":              {list.Insert(2, &link), ErrRange},
		"in front":                    {list.Insert(-1, &link), ErrRange},
		"set behind the end":          {list.Set(1, &link), ErrRange},
		"erase behind the end":        {list.Erase(1), ErrRange},
		"move behind the end":         {list.Move(0, 1), ErrRange},
		"list as a set":               {other(list.Add(&link)), ErrType},
		"set as a list":               {set.Insert(0, &link), ErrType},
		"set as a dictionary":         {set.Put("x", &link), ErrType},
		"dictionary as a list":        {dict.Erase(0), ErrType},
		"embedded where links are":    {other(list.InsertNew(0, value.KindObject)), ErrType},
		"list where links are":        {other(list.InsertNew(0, value.KindList)), ErrType},
		"embedded in mixed":           {other(ml.InsertNew(0, value.KindObject)), ErrType},
		"set in mixed":                {other(ml.InsertNew(0, value.KindSet)), ErrType},
		"collection of a single":      {other(c.Collection(h, 1, h.Property("single"))), ErrType},
		"list in a link":              {other(c.SetNew(h, 1, h.Property("single"), value.KindList)), ErrType},
		"embedded in nothing":         {other(c.SetNew(h, 99, h.Property("e"), value.KindObject)), ErrNoObject},
		"load behind the end":         {other(list.Load(2, 1)), ErrRange},
		"a property that is a column": {c.SetCell(h, 1, h.Property("list"), &link), ErrType},
	} {
		require.ErrorIs(t, x.err, x.kind, name)
	}
	changes, err := c.TakeChanges()
	require.NoError(t, err)
	require.True(t, changes.Empty(), "%+v", changes)
	sound(t, c)
	require.NoError(t, c.Commit())
	_, err = list.Len()
	require.ErrorIs(t, err, ErrTransaction)
	require.NoError(t, c.BeginRead())
	require.ErrorIs(t, list.Insert(0, &link), ErrTransaction)
	require.NoError(t, c.EndRead())
}

// What happens to a collection is told as a modification of its property; what is committed elsewhere is seen in the next snapshot.
func TestChangesOfCollections(t *testing.T) {
	c := openTemp(t)
	h, _ := linkWorld(t, c)
	other := openAt(t, c.Path())
	require.NoError(t, other.BeginRead())
	seen := property(t, other, other.Class("H"), 1, "ml")
	n, err := seen.Len()
	require.NoError(t, err)
	require.Zero(t, n)
	number := IntCell(3)
	var ml *Collection
	write(t, c, func() {
		ml = property(t, c, h, 1, "ml")
		require.NoError(t, ml.Insert(0, &number))
		child, err := ml.InsertNew(1, value.KindDictionary)
		require.NoError(t, err)
		_, err = c.TakeChanges()
		require.NoError(t, err)
		require.NoError(t, child.Collection.Put("k", &number))
		changes, err := c.TakeChanges()
		require.NoError(t, err)
		require.Equal(t, []ClassChanges{{Class: h.ID, Modified: []Modification{{Row: 1, Columns: columnBit(h.Property("ml"))}}}}, changes.Classes)
		_, err = c.SetNew(h, 1, h.Property("e"), value.KindObject)
		require.NoError(t, err)
		changes, err = c.TakeChanges()
		require.NoError(t, err)
		require.Equal(t, []Span{{1, 1}}, changes.Of(c.Class("E").ID).Created)
		require.NoError(t, ml.Erase(0))
	})
	n, err = seen.Len()
	require.NoError(t, err)
	require.Zero(t, n, "the snapshot is what it was")
	require.NoError(t, other.EndRead())
	require.NoError(t, other.BeginRead())
	n, err = seen.Len()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, c.BeginWrite())
	require.NoError(t, ml.Clear())
	require.NoError(t, c.Rollback())
	require.NoError(t, c.BeginRead())
	n, err = ml.Len()
	require.NoError(t, err)
	require.Equal(t, 1, n, "rolled back")
}

// A file that was made before there were collections has classes with such properties, but no tables for them.
func TestFilesWithoutCollections(t *testing.T) {
	c := openTemp(t)
	h, target := linkWorld(t, c)
	link := LinkCell(target.ID, 1)
	write(t, c, func() {
		forgetCollections(t, c)
		for _, e := range h.elems {
			if e != nil {
				require.NoError(t, c.dropElements(e))
			}
		}
	})
	path := c.Path()
	require.NoError(t, c.Close())
	c = openAt(t, path)
	other := openAt(t, path)
	h, target = c.Class("H"), c.Class("T")
	require.NoError(t, c.BeginRead())
	for _, name := range []string{"list", "set", "dict", "ml"} {
		l := property(t, c, h, 1, name)
		n, err := l.Len()
		require.NoError(t, err)
		require.Zero(t, n)
		b, err := l.Load(0, 10)
		require.NoError(t, err)
		b.Release()
		require.NoError(t, func() error { _, _, err := l.IndexOf(&link); return err }())
	}
	refs, err := c.Incoming(target, 1)
	require.NoError(t, err)
	require.Empty(t, refs)
	require.NoError(t, c.EndRead())
	write(t, c, func() {
		require.NoError(t, c.Delete(h, 1))
		_, err := c.InsertValues(h, []value.Value{value.Int(1)})
		require.NoError(t, err)
		require.NoError(t, property(t, c, h, 1, "list").Insert(0, &link))
	})
	write(t, other, func() {
		l := property(t, other, other.Class("H"), 1, "list")
		n, err := l.Len()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NoError(t, l.Insert(0, &link))
		require.NoError(t, l.Insert(1, &link), "in the middle")
		_, err = other.SetNew(other.Class("H"), 1, h.Property("m"), value.KindList)
		require.NoError(t, err)
		sound(t, other)
	})
	write(t, c, func() {
		n, err := property(t, c, c.Class("H"), 1, "list").Len()
		require.NoError(t, err)
		require.Equal(t, 3, n)
		child, err := c.ChildOf(c.Class("H"), 1, h.Property("m"))
		require.NoError(t, err)
		require.Equal(t, value.KindList, child.Collection.Kind())
		sound(t, c)
	})
}
