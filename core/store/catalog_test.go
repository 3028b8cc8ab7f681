package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

func TestAddedPropertiesHaveTheirDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	cl := addClass(t, c, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}})
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(1)})
		require.NoError(t, err)
	})
	write(t, c, func() {
		for _, kind := range append(scalars, value.KindMixed) {
			for _, nullable := range []bool{false, true} {
				if kind == value.KindMixed && !nullable {
					continue
				}
				p := schema.Property{Name: kind.String(), Type: kind, Nullable: nullable, Indexed: kind == value.KindDecimal || kind == value.KindString}
				if nullable {
					p.Name += "?"
				}
				require.NoError(t, c.AddProperty("C", p))
			}
		}
		require.NoError(t, c.AddProperty("C", schema.Property{Name: "link", Type: value.KindLink, Nullable: true, LinkTarget: "C"}))
		require.NoError(t, c.AddProperty("C", schema.Property{Name: "list", Type: value.KindInt, Collection: schema.List}))
		require.ErrorIs(t, c.AddProperty("C", schema.Property{Name: "link", Type: value.KindInt}), ErrSchema)
		require.ErrorIs(t, c.AddProperty("No", schema.Property{Name: "x", Type: value.KindInt}), ErrSchema)
	})
	for _, conn := range []*Conn{c, openAt(t, path)} {
		require.NoError(t, conn.BeginRead())
		now := conn.Class("C")
		got, err := conn.Values(cl, 1) // an outdated class stands for the current one
		require.NoError(t, err)
		require.Len(t, got, len(now.Def.Properties))
		for i := range now.Def.Properties[1:] {
			p := &now.Def.Properties[1+i]
			require.Equal(t, defaultValue(p), got[1+i], p.Name)
		}
		require.NoError(t, conn.EndRead())
	}
}

func TestRolledBackSchema(t *testing.T) {
	c := openTemp(t)
	addClass(t, c, itemClass)
	before := c.Schema()
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.AddClass(schema.Class{Name: "New", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}))
	require.NoError(t, c.AddProperty("Item", schema.Property{Name: "more", Type: value.KindInt}))
	require.NoError(t, c.RemoveProperty("Item", "score"))
	_, err := c.InsertValues(c.Class("New"), []value.Value{value.Int(1)})
	require.NoError(t, err)
	_, err = c.InsertValues(c.Class("Item"), []value.Value{value.Int(1)})
	require.NoError(t, err)
	require.NoError(t, c.Rollback())
	require.Nil(t, c.Class("New"))
	require.Equal(t, before.Class("Item"), c.Schema().Class("Item"))
	write(t, c, func() {
		_, err := c.InsertValues(c.Class("Item"), []value.Value{value.Int(1), value.String("a"), value.Int(2), value.Double(3), value.Bool(true)})
		require.NoError(t, err)
	})
	require.NoError(t, c.BeginRead())
	require.Nil(t, c.Class("New"))
	v, err := c.Value(c.Class("Item"), 1, 3)
	require.NoError(t, err)
	require.Equal(t, value.Double(3), v)
}

func TestFailedExtend(t *testing.T) {
	c := openTemp(t)
	addClass(t, c, itemClass)
	require.NoError(t, c.BeginWrite())
	err := c.Extend([]schema.Change{
		{Kind: schema.AddProperty, Class: schema.Class{Name: "Item"}, Property: schema.Property{Name: "ok", Type: value.KindInt}},
		{Kind: schema.AddProperty, Class: schema.Class{Name: "Item"}, Property: schema.Property{Name: "to", Type: value.KindLink, Nullable: true, LinkTarget: "No"}},
	})
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "'Item.to' links to class 'No'")
	require.NoError(t, c.Rollback())
	require.Nil(t, c.Class("Item").Def.Property("ok"))
}

func TestClassIDsAreStable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	key := schema.Property{Name: "_id", Type: value.KindInt}
	a := addClass(t, c, schema.Class{Name: "A", PrimaryKey: "_id", Properties: []schema.Property{key}}).ID
	b := addClass(t, c, schema.Class{Name: "B", PrimaryKey: "_id", Properties: []schema.Property{key}}).ID
	other := openAt(t, path)
	require.NoError(t, other.BeginRead())
	seen := other.Class("A")
	write(t, c, func() {
		_, err := c.InsertValues(c.Class("A"), []value.Value{value.Int(1)})
		require.NoError(t, err)
	})
	write(t, c, func() { require.NoError(t, c.RemoveClass("A")) })
	require.ErrorIs(t, c.BeginWrite(), nil)
	require.ErrorIs(t, c.RemoveClass("A"), ErrSchema)
	_, err := c.InsertValues(seen, []value.Value{value.Int(1)})
	require.ErrorIs(t, err, ErrSchema)
	require.NoError(t, c.Rollback())
	require.NotNil(t, other.Class("A"), "the old snapshot has it")
	require.NoError(t, other.EndRead())
	require.NoError(t, other.BeginRead())
	require.Nil(t, other.Class("A"))
	require.NoError(t, other.EndRead())
	require.Equal(t, a, addClass(t, c, schema.Class{Name: "A", PrimaryKey: "_id", Properties: []schema.Property{key, {Name: "x", Type: value.KindString}}}).ID)
	require.Greater(t, addClass(t, c, schema.Class{Name: "Z", PrimaryKey: "_id", Properties: []schema.Property{key}}).ID, b)
	require.NoError(t, other.BeginRead())
	plan, err := other.All(other.Class("A"))
	require.NoError(t, err)
	n, err := plan.Count()
	require.NoError(t, err)
	require.Zero(t, n, "it starts empty")
}

func TestRemovingWhatIsLinked(t *testing.T) {
	c := openTemp(t)
	key := schema.Property{Name: "_id", Type: value.KindInt}
	addClass(t, c, schema.Class{Name: "A", PrimaryKey: "_id", Properties: []schema.Property{key}})
	addClass(t, c, schema.Class{Name: "B", PrimaryKey: "_id", Properties: []schema.Property{key, {Name: "a", Type: value.KindLink, Nullable: true, LinkTarget: "A"}, {Name: "mix", Type: value.KindMixed, Nullable: true}}})
	write(t, c, func() {
		_, err := c.InsertValues(c.Class("A"), []value.Value{value.Int(1)})
		require.NoError(t, err)
		to := value.FromLink("A", value.IntKey(1))
		_, err = c.InsertValues(c.Class("B"), []value.Value{value.Int(1), to, to})
		require.NoError(t, err)
		require.ErrorIs(t, c.RemoveClass("A"), ErrSchema)
		require.ErrorIs(t, c.RemoveProperty("B", "_id"), ErrSchema)
		require.ErrorIs(t, c.RemoveProperty("B", "no"), ErrSchema)
		require.NoError(t, c.RemoveProperty("B", "a"))
		require.NoError(t, c.RemoveClass("A"))
		v, err := c.Value(c.Class("B"), 1, 1)
		require.NoError(t, err)
		require.Equal(t, to, v, "a mixed link dangles")
	})
	addClass(t, c, schema.Class{Name: "A", PrimaryKey: "_id", Properties: []schema.Property{key}})
	write(t, c, func() {
		_, err := c.InsertValues(c.Class("A"), []value.Value{value.Int(1)})
		require.NoError(t, err)
		refs, err := c.Incoming(c.Class("A"), 1)
		require.NoError(t, err)
		require.Len(t, refs, 1, "and is live again with its target")
	})
}

func TestIndexesComeAndGo(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	indexes := func() (n int64) {
		require.NoError(t, c.BeginRead())
		defer c.EndRead()
		n, err := c.controlInt("SELECT count(*) FROM sqlite_schema WHERE type='index' AND name LIKE 'idx_%'")
		require.NoError(t, err)
		return n
	}
	require.Zero(t, indexes())
	write(t, c, func() {
		require.NoError(t, c.SetIndexes("Item", "name", true, true))
		require.NoError(t, c.SetIndexes("Item", "score", true, false))
	})
	require.Equal(t, int64(2), indexes())
	require.True(t, c.Class("Item").Def.Property("name").FullText)
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(1), value.String("x"), value.Int(5), value.Double(1), value.Bool(false)})
		require.NoError(t, err)
		require.NoError(t, c.SetIndexes("Item", "name", false, false))
		require.NoError(t, c.SetIndexes("Item", "score", true, false), "nothing to do")
		require.NoError(t, c.RemoveProperty("Item", "score"))
		require.ErrorIs(t, c.SetIndexes("Item", "score", true, false), ErrSchema)
	})
	require.Zero(t, indexes())
	require.NoError(t, c.BeginRead())
	got, err := c.Values(c.Class("Item"), 1)
	require.NoError(t, err)
	require.Equal(t, []value.Value{value.Int(1), value.String("x"), value.Int(5), value.Bool(false)}, got)
}

func TestOddNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	names := []string{"select", "SELECT", "a b", "a.b", "ä", "\"quoted\"", "x'); DROP TABLE store_meta; --", "id", "gk", "rowid", "0", "_"}
	def := schema.Class{Name: "order by", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}
	row := []value.Value{value.Int(1)}
	for i, name := range names {
		def.Properties = append(def.Properties, schema.Property{Name: name, Type: value.KindInt, Indexed: i%2 == 0})
		row = append(row, value.Int(int64(i)))
	}
	cl := addClass(t, c, def)
	def.Name = "ORDER BY"
	addClass(t, c, def)
	write(t, c, func() {
		_, err := c.InsertValues(cl, row)
		require.NoError(t, err)
	})
	require.NoError(t, c.Close())
	c = openAt(t, path)
	require.NoError(t, c.BeginRead())
	got, err := c.Values(c.Class("order by"), 1)
	require.NoError(t, err)
	require.Equal(t, row, got)
	_, err = c.Values(c.Class("ORDER BY"), 1)
	require.ErrorIs(t, err, ErrNoObject)
}
