package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// retyped is class T with other types.
func retyped(properties ...schema.Property) *schema.Schema {
	return schema.New(
		schema.Class{Name: "T", PrimaryKey: "_id", Properties: append([]schema.Property{{Name: "_id", Type: value.KindInt}}, properties...)},
		schema.Class{Name: "E", Kind: schema.Embedded, Properties: []schema.Property{{Name: "x", Type: value.KindDouble}}},
	)
}

// show is what a property reads as, in the newest state.
func (f *fixture) show(k int64, name string) string {
	f.t.Helper()
	row := f.row(k)
	require.NotNil(f.t, row)
	i := row.Class.property(name)
	require.GreaterOrEqual(f.t, i, 0)
	state, err := row.AppendState(nil, f.Catalog(), "T")
	require.NoError(f.t, err)
	var b strings.Builder
	for _, in := range state {
		if in.Field == name {
			fmt.Fprintln(&b, in.Op, in.Value)
		}
	}
	return b.String()
}

// Types change once the server knows no client file, and objects keep what fits; whether they were changed since, and whether the server was started
// again, makes no difference.
func TestDeclareChangesTypes(t *testing.T) {
	f, d := withT(t, nil)
	d.write(
		addColumn("T", "s", value.KindString, true), addColumn("T", "d", value.KindDouble, true),
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "l", Collection: schema.List, Schema: &changeset.SchemaFields{Type: value.KindInt}},
		changeset.Instruction{Op: changeset.AddTable, Table: "E", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		addColumn("E", "x", value.KindInt, false),
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "e", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "E"}},
	)
	d.sync()
	for k := range int64(2) {
		d.write(create(k), set(k, "n", value.Int(7)), set(k, "zone", value.String("a")), set(k, "s", value.String("text")), set(k, "d", value.Double(1.5)), set(k, "m", value.String("mixed")),
			changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(k), Field: "l", Path: []changeset.Step{{IsPos: true}}, Value: value.Int(5)},
			changeset.Instruction{Op: changeset.Update, Table: "T", Key: key(k), Field: "e", Value: value.Marker(value.KindObject)},
			changeset.Instruction{Op: changeset.Update, Table: "T", Key: key(k), Field: "e", Path: []changeset.Step{{Key: "x"}}, Value: value.Int(3)})
	}
	d.write(create(2)) // it has nothing
	next := retyped(
		schema.Property{Name: "n", Type: value.KindInt, Nullable: true},    // as it is
		schema.Property{Name: "zone", Type: value.KindInt, Nullable: true}, // doesn't fit
		schema.Property{Name: "s", Type: value.KindString},                 // where there is one
		schema.Property{Name: "d", Type: value.KindDecimal},                // the same number
		schema.Property{Name: "m", Type: value.KindString, Nullable: true},
		schema.Property{Name: "l", Type: value.KindInt, Nullable: true, Collection: schema.List},
		schema.Property{Name: "e", Type: value.KindLink, Nullable: true, LinkTarget: "E"},
	)
	before := f.Version()
	_, err := f.Declare(t.Context(), next)
	requireCode(t, InvalidSchemaChange, err)
	require.NoError(t, f.ForgetAll(t.Context()))
	require.Equal(t, before, f.Version())

	version, err := f.Declare(t.Context(), next)
	require.NoError(t, err)
	require.Equal(t, before+1, version)
	again, err := f.Declare(t.Context(), next)
	require.NoError(t, err)
	require.Zero(t, again, "it is so now")
	check := func(k int64) {
		t.Helper()
		row := f.row(k)
		require.Equal(t, value.Int(7), field(row, "n"))
		require.Equal(t, value.Null(), field(row, "zone"))
		require.Equal(t, value.String("text"), field(row, "s"))
		require.Equal(t, "1.5", field(row, "d").Decimal().String())
		require.Equal(t, value.String("mixed"), field(row, "m"))
		require.Contains(t, f.show(k, "l"), "5")
		require.Contains(t, f.show(k, "e"), "3")
		empty := f.row(2)
		require.Equal(t, value.Int(0), field(empty, "n"), "it was 0, not null")
		require.Equal(t, value.String(""), field(empty, "s"))
		require.Equal(t, value.KindDecimal, field(empty, "d").Kind())
		require.Empty(t, f.show(2, "l"))
	}
	check(0)
	// Objects are changed, and made, by the new types; a program sets one to what a new object has.
	write := func(ins ...changeset.Instruction) {
		t.Helper()
		_, err := f.Write(t.Context(), func(*Writing) (*changeset.Changeset, error) { return &changeset.Changeset{Instructions: ins}, nil })
		require.NoError(t, err)
	}
	write(set(1, "zone", value.Int(1)), set(1, "zone", value.Null()))
	write(set(0, "n", value.Null()), set(0, "s", value.String("")), create(3), set(3, "n", value.Int(1)))
	for range 2 {
		check(1)
		require.Equal(t, value.Null(), field(f.row(0), "n"), "it is not what it was before")
		require.Equal(t, value.String(""), field(f.row(0), "s"))
		require.Equal(t, value.Null(), field(f.row(3), "m"))
		require.Empty(t, f.problems())
		f.restart()
	}
	// Another change, back: what there was at first is found through both, where nothing was written.
	for _, n := range []schema.Property{{Name: "n", Type: value.KindString, Nullable: true}, {Name: "n", Type: value.KindDouble}} {
		_, err = f.Declare(t.Context(), retyped(n))
		require.NoError(t, err)
		require.Equal(t, n.Type, f.Catalog().Class("T").Properties[f.Catalog().Class("T").property("n")].Type)
	}
	require.Equal(t, value.Double(0), field(f.row(1), "n"), "a text was in between")
	require.Equal(t, value.String("text"), field(f.row(1), "s"), "it was not in the schema, and stays")

	// A device of now has it so, and then nothing changes any more.
	fresh := f.device().sync()
	fresh.write(set(1, "n", value.Double(2.5)))
	require.Equal(t, value.Double(2.5), field(f.row(1), "n"))
	_, err = f.Declare(t.Context(), retyped(schema.Property{Name: "n", Type: value.KindInt}))
	requireCode(t, InvalidSchemaChange, err)
	require.Empty(t, f.problems())
}

// Keys and kinds of classes don't change: objects are known by their keys.
func TestDeclareKeepsKeys(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1))
	require.NoError(t, f.ForgetAll(t.Context()))
	for _, class := range []schema.Class{
		{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindString}}},
		{Name: "T", Kind: schema.Embedded, Properties: []schema.Property{{Name: "n", Type: value.KindInt}}},
	} {
		_, err := f.Declare(t.Context(), schema.New(class))
		requireCode(t, InvalidSchemaChange, err)
	}
	require.NotNil(t, f.row(1))
}

// What fits which type.
func TestRefit(t *testing.T) {
	link := func(class string) value.Value { return value.FromLink(class, key(1)) }
	for _, c := range []struct {
		from value.Value
		to   schema.Property
		want value.Value
	}{
		{value.Int(7), schema.Property{Type: value.KindDouble}, value.Double(7)},
		{value.Int(7), schema.Property{Type: value.KindString}, value.String("")},
		{value.Int(7), schema.Property{Type: value.KindString, Nullable: true}, value.Null()},
		{value.Int(7), schema.Property{Type: value.KindMixed, Nullable: true}, value.Int(7)},
		{value.Int(1), schema.Property{Type: value.KindBool}, value.Bool(false)},
		{value.Double(7), schema.Property{Type: value.KindInt}, value.Int(7)},
		{value.Double(7.5), schema.Property{Type: value.KindInt, Nullable: true}, value.Null()},
		{value.Double(1e300), schema.Property{Type: value.KindInt}, value.Int(0)},
		{value.Float(0.5), schema.Property{Type: value.KindDouble}, value.Double(0.5)},
		{value.Double(0.1), schema.Property{Type: value.KindFloat}, value.Float(0.1)},
		{value.Null(), schema.Property{Type: value.KindInt}, value.Int(0)},
		{value.Null(), schema.Property{Type: value.KindInt, Nullable: true}, value.Null()},
		{link("A"), schema.Property{Type: value.KindLink, Nullable: true, LinkTarget: "A"}, link("A")},
		{link("A"), schema.Property{Type: value.KindLink, Nullable: true, LinkTarget: "B"}, value.Null()},
		{link("A"), schema.Property{Type: value.KindMixed, Nullable: true}, link("A")},
		{value.String("a"), schema.Property{Type: value.KindString, Collection: schema.List}, value.Null()},
	} {
		got := refit(element{value: c.from}, &schema.Property{Type: value.KindMixed}, &c.to)
		require.Nil(t, got.inner)
		require.True(t, got.value.Identical(c.want), "%v as %s is %v", c.from, c.to.TypeString(), got.value)
	}
}

// A device of now brings its classes as all do; it doesn't meet the ones that were before. One that still brings those is refused, for good.
func TestDevicesAfterTypesChanged(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(1)))
	require.NoError(t, f.ForgetAll(t.Context()))
	version, err := f.Declare(t.Context(), retyped(schema.Property{Name: "n", Type: value.KindString, Nullable: true}))
	require.NoError(t, err)
	require.Equal(t, version-1, f.Floor())
	for range 2 {
		fresh := f.device()
		fresh.write(addTable("T"), addColumn("T", "n", value.KindString, true))
		fresh.sync()
		fresh.write(set(1, "n", value.String("x")))
		require.Equal(t, value.String("x"), field(f.row(1), "n"))
		old := f.device()
		_, err = old.upload(old.entry(schemaT()...))
		requireCode(t, InvalidSchemaChange, err)
		// What is added afterwards is met as ever.
		fresh.sync()
		other := f.device()
		fresh.write(addColumn("T", "more", value.KindInt, false))
		other.write(addColumn("T", "more", value.KindInt, false))
		require.Empty(t, f.problems())
		f.trim(Retention{Sweep: true})
		f.restart()
	}
}
