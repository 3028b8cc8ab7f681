package changeset_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// The tests of this file are the second half of spec/changeset.md section 10, as far as this version applies instructions.

func nullable(p schema.Property) schema.Property { p.Nullable = true; return p }

func property(name string, kind value.Kind) schema.Property {
	return schema.Property{Name: name, Type: kind}
}

func linkTo(name, target string) schema.Property {
	return schema.Property{Name: name, Type: value.KindLink, LinkTarget: target, Nullable: true}
}

// world is a schema with a bit of everything.
func world() *memstate.State {
	list := property("list", value.KindInt)
	list.Collection = schema.List
	return memstate.New(schema.New(
		schema.Class{Name: "P", PrimaryKey: "_id", Properties: []schema.Property{property("_id", value.KindInt), property("i", value.KindInt), nullable(property("io", value.KindInt)),
			property("d", value.KindDouble), property("s", value.KindString), nullable(property("m", value.KindMixed)), linkTo("p", "P"), linkTo("q", "Q"), linkTo("e", "E"), list}},
		schema.Class{Name: "Q", PrimaryKey: "_id", Properties: []schema.Property{nullable(property("_id", value.KindString))}},
		schema.Class{Name: "E", Kind: schema.Embedded, Properties: []schema.Property{property("x", value.KindInt)}},
		schema.Class{Name: "A", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{property("_id", value.KindInt), property("i", value.KindInt)}},
		schema.Class{Name: "G", Properties: []schema.Property{property("i", value.KindInt)}},
	))
}

func apply(st *memstate.State, ins ...changeset.Instruction) error {
	return st.Apply(&changeset.Changeset{Instructions: ins})
}

func create(class string, key value.Key) changeset.Instruction {
	return changeset.Instruction{Op: changeset.CreateObject, Table: class, Key: key}
}

func erase(class string, key value.Key) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: class, Key: key}
}

func set(class string, key value.Key, field string, v value.Value) changeset.Instruction {
	return changeset.Instruction{Op: changeset.Update, Table: class, Key: key, Field: field, Value: v}
}

func add(class string, key value.Key, field string, n int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddInteger, Table: class, Key: key, Field: field, Add: n}
}

var one = value.IntKey(1)

func get(t testing.TB, st *memstate.State, field string) value.Value {
	t.Helper()
	v, err := st.Get("P", one, field)
	require.NoError(t, err)
	return v
}

// refused applies instructions of which the last is bad, and checks the reason and that nothing has happened.
func refused(t testing.TB, st *memstate.State, want changeset.Reason, ins ...changeset.Instruction) {
	t.Helper()
	before := string(st.JSON())
	err := apply(st, ins...)
	var bad *changeset.BadChangesetError
	require.True(t, errors.As(err, &bad), "%v: %v", ins, err)
	require.Equal(t, want, bad.Reason, "%v", err)
	require.Equal(t, len(ins)-1, bad.Index)
	require.Contains(t, err.Error(), ins[len(ins)-1].Address())
	require.Equal(t, before, string(st.JSON()))
}

// 15, 16, 35: the schema.
func TestApplySchema(t *testing.T) {
	st := world()
	before := string(st.JSON())
	changes, err := schema.Diff(nil, st.Schema())
	require.NoError(t, err)
	ins := changeset.SchemaInstructions(changes)
	encoded, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
	require.NoError(t, err)
	require.Equal(t, ins, decode(t, encoded, "schema"))
	require.NoError(t, apply(st, ins...), "what exists is left alone")
	require.Equal(t, before, string(st.JSON()))
	fresh := &memstate.State{}
	require.NoError(t, apply(fresh, ins...))
	require.Equal(t, before, string(fresh.JSON()))

	pk := func(name string, kind value.Kind, null bool) changeset.SchemaFields {
		return changeset.SchemaFields{KeyField: name, KeyType: kind, KeyNull: null}
	}
	asymmetric := pk("_id", value.KindInt, false)
	asymmetric.TableKind = schema.Asymmetric
	embedded := changeset.SchemaFields{TableKind: schema.Embedded}
	for _, f := range []changeset.SchemaFields{pk("_id", value.KindInt, true), pk("id", value.KindInt, false), pk("_id", value.KindString, false), asymmetric, embedded} {
		refused(t, st, changeset.ReasonSchema, table("P", f))
	}
	refused(t, st, changeset.ReasonSchema, table("E", pk("_id", value.KindInt, false)))
	refused(t, st, changeset.ReasonSchema, table("G", pk("_id", value.KindInt, false)))
	refused(t, st, changeset.ReasonSchema, table("G", embedded))
	refused(t, st, changeset.ReasonSchema, table(strings.Repeat("n", 58), embedded))
	refused(t, st, changeset.ReasonSchema, table("", embedded))
	refused(t, st, changeset.ReasonSchema, table("New", pk("", value.KindInt, false)))
	refused(t, st, changeset.ReasonPrimaryKeyType, table("New", pk("_id", value.KindBool, false)))
	for _, class := range []string{"P", "E", "A", "G"} {
		require.NoError(t, apply(st, table(class, changeset.SchemaFields{KeyType: value.KindGlobalKey})), "nothing is compared")
	}
	require.Equal(t, before, string(st.JSON()))

	// Columns.
	type fields = changeset.SchemaFields
	require.NoError(t, apply(st, column("P", "i", schema.Single, fields{Type: value.KindInt, Nullable: true})), "nullability isn't compared")
	require.Equal(t, before, string(st.JSON()))
	refused(t, st, changeset.ReasonSchema, column("P", "i", schema.Single, fields{Type: value.KindDouble}))
	refused(t, st, changeset.ReasonSchema, column("P", "i", schema.List, fields{Type: value.KindInt}))
	refused(t, st, changeset.ReasonSchema, column("P", "p", schema.Single, fields{Type: value.KindLink, LinkTarget: "Q"}))
	refused(t, st, changeset.ReasonNoTable, column("Z", "i", schema.Single, fields{Type: value.KindInt}))
	refused(t, st, changeset.ReasonNoTable, column("P", "n", schema.Single, fields{Type: value.KindLink, LinkTarget: "Z"}))
	refused(t, st, changeset.ReasonSchema, column("P", "n", schema.Single, fields{Type: value.KindLink}))
	refused(t, st, changeset.ReasonSchema, column("P", "n", schema.Single, fields{Type: value.KindLink, LinkTarget: "A"}))
	refused(t, st, changeset.ReasonSchema, column("P", "n", schema.Set, fields{Type: value.KindLink, LinkTarget: "E"}))
	refused(t, st, changeset.ReasonSchema, column("P", "n", schema.Dictionary, fields{Type: value.KindInt, KeyType: value.KindInt}))
	refused(t, st, changeset.ReasonSchema, column("P", strings.Repeat("n", 64), schema.Single, fields{Type: value.KindInt}))
	refused(t, st, changeset.ReasonSchema, column("P", "", schema.Single, fields{Type: value.KindInt}))
	refused(t, st, changeset.ReasonColumnType, column("P", "n", schema.Single, fields{Type: value.KindObject}))
	require.NoError(t, apply(st, column("P", "single", schema.Single, fields{Type: value.KindLink, LinkTarget: "E"}),
		column("P", "dict", schema.Dictionary, fields{Type: value.KindLink, LinkTarget: "Q", KeyType: value.KindString}),
		column("P", "links", schema.List, fields{Type: value.KindLink, LinkTarget: "Q", Nullable: true}),
		column("P", "mixed", schema.Set, fields{Type: value.KindMixed})))
	class := st.Schema().Class("P")
	for name, want := range map[string]bool{"single": true, "dict": true, "links": false, "mixed": true} {
		require.Equal(t, want, class.Property(name).Nullable, name)
	}

	// Removals.
	refused(t, st, changeset.ReasonNoTable, changeset.Instruction{Op: changeset.EraseTable, Table: "Z"})
	refused(t, st, changeset.ReasonSchema, changeset.Instruction{Op: changeset.EraseTable, Table: "Q"})
	refused(t, st, changeset.ReasonNoField, changeset.Instruction{Op: changeset.EraseColumn, Table: "P", Field: "z"})
	refused(t, st, changeset.ReasonPrimaryKey, changeset.Instruction{Op: changeset.EraseColumn, Table: "P", Field: "_id"})
	require.NoError(t, apply(st, create("P", one), changeset.Instruction{Op: changeset.EraseTable, Table: "P"}), "self-references don't block")
	require.Nil(t, st.Schema().Class("P"))
	require.NoError(t, apply(st, changeset.Instruction{Op: changeset.EraseTable, Table: "Q"}), "nothing links to it any more")
	refused(t, st, changeset.ReasonNoTable, create("P", one))
}

// A property added to existing objects has its default; the values of a removed one are gone.
func TestApplyColumnValues(t *testing.T) {
	st := world()
	n := column("P", "n", schema.Single, changeset.SchemaFields{Type: value.KindInt})
	drop := changeset.Instruction{Op: changeset.EraseColumn, Table: "P", Field: "n"}
	require.NoError(t, apply(st, create("P", one), n, add("P", one, "n", 5)))
	require.Equal(t, value.Int(5), get(t, st, "n"))
	refused(t, st, changeset.ReasonNoField, drop, set("P", one, "n", value.Int(1)))
	require.Equal(t, value.Int(5), get(t, st, "n"), "the rollback brings the values back")
	require.NoError(t, apply(st, drop, n))
	require.Equal(t, value.Int(0), get(t, st, "n"))
}

// 15, 17, 18: objects.
func TestApplyObjects(t *testing.T) {
	st := world()
	require.NoError(t, apply(st, create("P", one), set("P", one, "i", value.Int(7)), create("P", one)))
	require.Equal(t, value.Int(7), get(t, st, "i"), "creating again keeps the values")
	require.Equal(t, value.String(""), get(t, st, "s"))
	require.True(t, get(t, st, "io").IsNull())
	before := string(st.JSON())
	require.NoError(t, apply(st, erase("P", value.IntKey(99))), "erasing an unknown key is a no-op")
	require.Equal(t, before, string(st.JSON()))
	for _, key := range []value.Key{value.StringKey("x"), value.NullKey(), value.GlobalKey(1, 2), value.UUIDKey(value.UUID{})} {
		refused(t, st, changeset.ReasonBadKey, create("P", key))
		refused(t, st, changeset.ReasonBadKey, erase("P", key))
		refused(t, st, changeset.ReasonBadKey, set("P", key, "i", value.Int(1)))
	}
	for _, key := range []value.Key{one, value.NullKey(), value.GlobalKey(1, 2)} {
		refused(t, st, changeset.ReasonBadKey, create("E", key))
		refused(t, st, changeset.ReasonBadKey, set("E", key, "x", value.Int(1)))
	}
	refused(t, st, changeset.ReasonBadKey, create("G", one))
	require.NoError(t, apply(st, create("G", value.GlobalKey(7, 0)), create("Q", value.NullKey()), create("Q", value.StringKey(""))))
	require.Equal(t, []value.Key{value.NullKey(), value.StringKey("")}, st.Keys("Q"))
	require.NoError(t, apply(st, create("A", one), set("A", one, "i", value.Int(1))))
	require.Empty(t, st.Keys("A"), "objects of asymmetric classes don't stay")

	refused(t, st, changeset.ReasonNoTable, create("Z", one))
	refused(t, st, changeset.ReasonNoTable, erase("Z", one))
	refused(t, st, changeset.ReasonNoTable, set("Z", one, "i", value.Int(1)))
	refused(t, st, changeset.ReasonNoObject, set("P", value.IntKey(2), "i", value.Int(1)))
	refused(t, st, changeset.ReasonNoObject, erase("P", one), add("P", one, "i", 1))
	refused(t, st, changeset.ReasonNoField, set("P", one, "z", value.Int(1)))
	require.NoError(t, apply(st, erase("P", one), create("P", one)))
	require.Equal(t, value.Int(0), get(t, st, "i"), "a new object with new values")
}

// 19, 20, 25, 31: values.
func TestApplyValues(t *testing.T) {
	st := world()
	require.NoError(t, apply(st, create("P", one)))
	refused(t, st, changeset.ReasonType, set("P", one, "d", value.Int(1)))
	refused(t, st, changeset.ReasonType, set("P", one, "i", value.Double(1)))
	refused(t, st, changeset.ReasonType, set("P", one, "s", value.Binary(nil)))
	refused(t, st, changeset.ReasonType, set("P", one, "p", value.Int(1)))
	refused(t, st, changeset.ReasonNull, set("P", one, "i", value.Null()))
	refused(t, st, changeset.ReasonBadPath, set("P", one, "list", value.Int(1)))
	refused(t, st, changeset.ReasonBadPath, add("P", one, "list", 1))
	refused(t, st, changeset.ReasonPrimaryKey, set("P", one, "_id", value.Int(2)))
	refused(t, st, changeset.ReasonPrimaryKey, add("P", one, "_id", 1))
	for _, marker := range []value.Kind{value.KindErased, value.KindSet} {
		refused(t, st, changeset.ReasonType, set("P", one, "m", value.Marker(marker)))
	}
	for _, v := range []value.Value{value.Null(), value.Int(1), value.Bool(true), value.String("x"), value.Binary(nil), value.Float(1), value.Double(2), value.FromDecimal(value.DecimalNaN()),
		value.FromTimestamp(value.Timestamp{Seconds: 1}), value.FromObjectID(value.ObjectID{1}), value.FromUUID(value.UUID{1}), value.FromLink("Q", value.NullKey())} {
		require.NoError(t, apply(st, set("P", one, "m", v)))
		require.True(t, v.Identical(get(t, st, "m")), "%v", v)
	}
	require.NoError(t, apply(st, set("P", one, "io", value.Int(4)), set("P", one, "io", value.Null()), set("P", one, "e", value.Null())))
	require.True(t, get(t, st, "io").IsNull())

	require.NoError(t, apply(st, add("P", one, "io", 3), set("P", one, "m", value.Null()), add("P", one, "m", 3)), "null stays null")
	require.True(t, get(t, st, "io").IsNull())
	require.True(t, get(t, st, "m").IsNull())
	require.NoError(t, apply(st, set("P", one, "i", value.Int(math.MaxInt64)), add("P", one, "i", 1), set("P", one, "m", value.Int(5)), add("P", one, "m", -7)))
	require.Equal(t, value.Int(math.MinInt64), get(t, st, "i"), "wraps around")
	require.Equal(t, value.Int(-2), get(t, st, "m"))
	refused(t, st, changeset.ReasonType, add("P", one, "s", 1))
	refused(t, st, changeset.ReasonType, add("P", one, "d", 1))
	refused(t, st, changeset.ReasonType, set("P", one, "m", value.String("x")), add("P", one, "m", 1))
}

// 26, 27: links.
func TestApplyLinks(t *testing.T) {
	st := world()
	two := value.IntKey(2)
	require.NoError(t, apply(st, create("P", one), set("P", one, "p", value.FromLink("P", two)), set("P", one, "m", value.FromLink("P", two))))
	require.Contains(t, string(st.JSON()), `"p":{"link":["P",{"int":"2"}],"dangling":true}`)
	require.NoError(t, apply(st, create("P", two)))
	require.NotContains(t, string(st.JSON()), "dangling")
	require.NoError(t, apply(st, erase("P", two)))
	require.Contains(t, string(st.JSON()), `"m":{"link":["P",{"int":"2"}],"dangling":true}`)
	require.Equal(t, two, get(t, st, "p").Link().Key)

	refused(t, st, changeset.ReasonTarget, set("P", one, "m", value.FromLink("Z", two)))
	refused(t, st, changeset.ReasonTarget, set("P", one, "m", value.FromLink("A", two)))
	refused(t, st, changeset.ReasonTarget, set("P", one, "m", value.FromLink("E", two)))
	refused(t, st, changeset.ReasonTarget, set("P", one, "e", value.FromLink("E", two)))
	refused(t, st, changeset.ReasonTarget, set("P", one, "p", value.FromLink("Q", value.NullKey())))
	refused(t, st, changeset.ReasonBadKey, set("P", one, "p", value.FromLink("P", value.StringKey("2"))))
	refused(t, st, changeset.ReasonBadKey, set("P", one, "m", value.FromLink("Q", two)))
	refused(t, st, changeset.ReasonType, set("P", one, "i", value.FromLink("P", two)))
}

// plain is a State that isn't Nested.
type plain struct{ changeset.State }

// 33, and: what the state can't hold is refused before anything acts.
func TestUnsupportedLeavesTheStateAlone(t *testing.T) {
	st := world()
	path := func(op changeset.Op) changeset.Instruction {
		return at(changeset.Instruction{Op: op, Table: "P", Key: one, Field: "list"}, 0)
	}
	for _, in := range []changeset.Instruction{path(changeset.Update), path(changeset.AddInteger), path(changeset.ArrayInsert), path(changeset.ArrayMove), path(changeset.ArrayErase),
		{Op: changeset.Clear, Table: "P", Key: one, Field: "list"}, {Op: changeset.SetInsert, Table: "P", Key: one, Field: "list"}, {Op: changeset.SetErase, Table: "P", Key: one, Field: "list"},
		set("P", one, "e", value.Marker(value.KindObject)), set("P", one, "m", value.Marker(value.KindList)), set("P", one, "m", value.Marker(value.KindDictionary))} {
		before := string(st.JSON())
		st.Begin()
		err := changeset.Apply(plain{st}, &changeset.Changeset{Instructions: []changeset.Instruction{create("P", one), in}})
		require.Equal(t, before, string(st.JSON()), "without a rollback")
		st.Rollback()
		require.ErrorIs(t, err, changeset.ErrUnsupported)
		require.NotErrorIs(t, err, changeset.ErrBadChangeset)
		var unsupported *changeset.UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		require.Equal(t, 1, unsupported.Index)
		require.Contains(t, err.Error(), in.Address())
	}
}

// faulty is a State whose storage fails after some calls.
type faulty struct {
	*memstate.State
	left int
}

var errDisk = errors.New("disk is full")

func (f *faulty) fail() error {
	if f.left--; f.left < 0 {
		return errDisk
	}
	return nil
}

func (f *faulty) Exists(class string, key value.Key) (bool, error) {
	if err := f.fail(); err != nil {
		return false, err
	}
	return f.State.Exists(class, key)
}

func (f *faulty) Create(class string, key value.Key) error {
	return errors.Join(f.fail(), f.State.Create(class, key))
}

func (f *faulty) Get(class string, key value.Key, p string) (value.Value, error) {
	if err := f.fail(); err != nil {
		return value.Null(), err
	}
	return f.State.Get(class, key, p)
}

func (f *faulty) Set(class string, key value.Key, p string, v value.Value) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.State.Set(class, key, p, v)
}

func TestErrorsOfTheStatePassThrough(t *testing.T) {
	c := &changeset.Changeset{Instructions: []changeset.Instruction{create("P", one), set("P", one, "i", value.Int(1)), add("P", one, "i", 1), erase("P", value.IntKey(2))}}
	calls := 0
	for ; ; calls++ {
		st := &faulty{world(), calls}
		err := changeset.Apply(st, c)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, errDisk)
		require.NotErrorIs(t, err, changeset.ErrBadChangeset)
	}
	require.Equal(t, 6, calls, "one look at each object, however many instructions: exists, create, set, get, set, exists")
}
