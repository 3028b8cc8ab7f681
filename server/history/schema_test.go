package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

func TestSchemaFollowsTheClients(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(3)))
	d.sync()
	other := f.device().sync()

	// Both add the same; each adds something of its own.
	d.write(addTable("U"), addColumn("T", "x", value.KindInt, false), set(1, "x", value.Int(1)))
	r := other.write(addTable("U"), addColumn("T", "x", value.KindInt, false), addColumn("T", "y", value.KindString, true), set(1, "n", value.Int(4)))
	e := f.entry(r.Own[0].Version)
	require.Len(t, e.Changeset.Instructions, 2, "what both have added is in the history once")
	class := f.Catalog().Class("T")
	require.Equal(t, []string{"_id", "n", "zone", "m", "x", "y"}, names(class))
	row := f.row(1)
	require.EqualValues(t, 1, field(row, "x").Int())
	require.True(t, field(row, "y").IsNull())
	require.EqualValues(t, 4, field(row, "n").Int())

	f.restart()
	require.Equal(t, []string{"_id", "n", "zone", "m", "x", "y"}, names(f.Catalog().Class("T")))
	require.Equal(t, class.ids, f.Catalog().Class("T").ids)
	require.NotNil(t, f.Catalog().Class("U"))

	d.sync()
	d.stream = &Stream{}
	_, err := d.upload(d.entry(addColumn("T", "y", value.KindInt, false)))
	requireCode(t, InvalidSchemaChange, err)
	// A class that is asymmetric on one side only is a matter of the client's file (spec/sync-semantics.md section 8).
	d.stream = &Stream{}
	d.version--
	table := addTable("T")
	table.Schema.TableKind = schema.Asymmetric
	_, err = d.upload(d.entry(table))
	requireCode(t, BadChangeset, err)
}

func names(c *Class) (out []string) {
	for _, p := range c.Properties {
		out = append(out, p.Name)
	}
	return out
}

// A property that is removed and added again is a new one: what documents hold of the old one is not its value.
func TestErasedPropertyDoesNotComeBack(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(3)), set(1, "zone", value.String("a")))
	d.write(eraseColumn("T", "n"))
	require.Equal(t, []string{"_id", "zone", "m"}, names(f.Catalog().Class("T")))
	d.write(addColumn("T", "n", value.KindInt, false))
	require.Zero(t, f.n(1))
	require.Equal(t, "a", field(f.row(1), "zone").Str())
	f.restart()
	require.Zero(t, f.n(1))

	// The same within one changeset, and within one upload.
	d.write(set(1, "n", value.Int(4)), eraseColumn("T", "n"), addColumn("T", "n", value.KindInt, false))
	require.Zero(t, f.n(1))
	_, err := d.upload(d.entry(set(1, "n", value.Int(5))), d.entry(eraseColumn("T", "n")), d.entry(addColumn("T", "n", value.KindInt, true)))
	require.NoError(t, err)
	require.True(t, field(f.row(1), "n").IsNull())
}

func TestErasedClassDoesNotComeBack(t *testing.T) {
	f, d := withT(t, nil)
	other := f.device().sync()
	d.write(create(1), set(1, "n", value.Int(3)))
	d.sync()
	old := f.ref(1)
	d.write(append([]changeset.Instruction{eraseTable("T")}, schemaT()...)...)
	require.Nil(t, f.row(1))
	require.NotEqual(t, old.Class, f.ref(1).Class)

	// Who did not know of it writes to the class of before: the erasure discards that.
	r := other.write(create(1), set(1, "n", value.Int(9)), addTable("U"))
	require.Empty(t, r.Resets)
	require.Nil(t, f.row(1))
	require.NotNil(t, f.Catalog().Class("U"))

	d.write(eraseTable("T"))
	require.Nil(t, f.Catalog().Class("T"))
	f.restart()
	require.Nil(t, f.Catalog().Class("T"))
	d.write(schemaT()...)
	require.Greater(t, f.ref(1).Class, old.Class+1, "numbers of classes are not used again")
	require.Nil(t, f.row(1))
}

// What happened to objects of a class that is erased is told by the erasure: an instruction behind it would have no class.
func TestObjectsGoWithTheirClass(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), create(2), addTable("U"))
	r := d.write(erase(1), set(2, "n", value.Int(1)), create(3), eraseTable("T"), changeset.Instruction{Op: changeset.CreateObject, Table: "U", Key: key(1)})
	for range 2 {
		e := f.entry(r.Own[0].Version)
		require.Len(t, e.Images, 1)
		require.Equal(t, "U", e.Images[0].ClassName)
		f.cfg.RecentBytes = 1
		f.restart()
		require.Empty(t, f.entry(r.Own[0].Version-1).Images)
	}
	d.sync().write(schemaT()...)
	require.Nil(t, f.row(2))
	d.write(create(2))
	require.NotNil(t, f.row(2))
}

// An upload that erases meets everything that it did not know of, also what shares no object with it.
func TestErasureMeetsEverything(t *testing.T) {
	for _, memory := range []int{0, 1} {
		f, d := withT(t, func(c *Config) { c.RecentBytes = memory })
		other := f.device().sync()
		d.write(create(1), set(1, "n", value.Int(3)))
		d.write(create(2), set(2, "n", value.Int(3)))
		other.write(eraseTable("T"))
		require.Nil(t, f.Catalog().Class("T"))
		// d's next writes are based on what it knew; the erasure discards them.
		d.write(set(1, "n", value.Int(4)), addTable("U"))
		require.NotNil(t, f.Catalog().Class("U"))
	}
}

func TestFixedSchema(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1))
	f.cfg.FixedSchema = true
	f.restart()
	d.sync()
	r := d.write(append(schemaT(), set(1, "n", value.Int(1)))...)
	require.Len(t, r.Own, 1, "what is there may be declared again")
	for _, ins := range [][]changeset.Instruction{{addTable("U")}, {addColumn("T", "x", value.KindInt, false)}, {eraseColumn("T", "n")}, {eraseTable("T")}} {
		d.stream = &Stream{}
		version := f.Version()
		_, err := d.upload(d.entry(append([]changeset.Instruction{create(7)}, ins...)...))
		requireCode(t, InvalidSchemaChange, err)
		d.version--
		require.Equal(t, version, f.Version())
		require.Equal(t, []string{"_id", "n", "zone", "m"}, names(f.Catalog().Class("T")))
	}
	d.stream = &Stream{}
	d.write(create(2))
	require.EqualValues(t, 1, f.n(1))
}

// What an upload may do with the schema is its session's matter.
func TestSchemaRules(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1))
	refused := func(rule SchemaRule, text string, ins ...changeset.Instruction) {
		t.Helper()
		d.stream = &Stream{}
		u := d.message(d.entry(append(ins, create(7))...))
		u.Schema = rule
		version := f.Version()
		o := f.wait(f.submit(u))
		requireCode(t, InvalidSchemaChange, o.err)
		require.ErrorContains(t, o.err, text)
		require.Equal(t, version, f.Version())
		d.version--
		d.stream = &Stream{}
	}
	taken := func(rule SchemaRule, ins ...changeset.Instruction) {
		t.Helper()
		u := d.message(d.entry(ins...))
		u.Schema = rule
		require.NoError(t, f.wait(f.submit(u)).err)
	}
	refused(FixedSchema, `adds the class "U"; this is accepted in development mode only`, addTable("U"))
	refused(FixedSchema, `adds the property "T.x"`, addColumn("T", "x", value.KindInt, false))
	refused(FixedSchema, "removes a class or a property", eraseColumn("T", "n"))
	taken(FixedSchema, append(schemaT(), create(2))...)
	taken(AdditiveSchema, addTable("U"), addColumn("T", "x", value.KindInt, false))
	refused(AdditiveSchema, "removes a class or a property", eraseTable("U"))
	refused(AdditiveSchema, "removes a class or a property", eraseColumn("T", "x"))
	taken(FixedSchema, addColumn("T", "x", value.KindInt, false), create(3))
	taken(AnySchema, eraseTable("U"))
	require.Nil(t, f.Catalog().Class("U"))
}

// The administrator's schema comes as a version of the server's, also where clients may not change it.
func TestDeclare(t *testing.T) {
	f, d := withT(t, nil)
	f.cfg.FixedSchema = true
	f.restart()
	have := f.Catalog().Schema
	version, err := f.Declare(t.Context(), have)
	require.NoError(t, err)
	require.Zero(t, version, "it is there")
	more := *have.Class("T")
	more.Properties = append(more.Properties[:len(more.Properties):len(more.Properties)], schema.Property{Name: "x", Type: value.KindString, Nullable: true})
	version, err = f.Declare(t.Context(), have.With(more).With(schema.Class{Name: "E", Kind: schema.Embedded, Properties: []schema.Property{{Name: "i", Type: value.KindInt}}}))
	require.NoError(t, err)
	require.Equal(t, f.Version(), version)
	require.EqualValues(t, Server, f.entry(version).Origin)
	require.NotNil(t, f.Catalog().Class("E"))
	require.NotNil(t, f.Catalog().Schema.Class("T").Property("x"))
	d.write(addColumn("T", "x", value.KindString, true), create(5), set(5, "x", value.String("new")))

	wrong := more
	wrong.Properties = []schema.Property{more.Properties[0], {Name: "x", Type: value.KindInt}}
	_, err = f.Declare(t.Context(), schema.New(wrong, schema.Class{Name: "Z", PrimaryKey: "_id", Properties: more.Properties[:1]}))
	requireCode(t, InvalidSchemaChange, err)
	require.ErrorContains(t, err, "'T.x' has been changed from 'string?' to 'int'")
	require.Nil(t, f.Catalog().Class("Z"), "all or nothing")
}

// A class keeps its meaning in the store, whatever it is made of.
func TestClassRecords(t *testing.T) {
	catalog, err := loadCatalog(nil, newest)
	require.NoError(t, err)
	class := newClass(catalog.nextID, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindUUID, Nullable: true}}}, 3)
	class = class.withProperty(schema.Property{Name: "l", Type: value.KindLink, Nullable: true, LinkTarget: "C", Collection: schema.Dictionary}, 3)
	class = class.withProperty(schema.Property{Name: "gone", Type: value.KindInt}, 4)
	class = class.withoutProperty("gone", 6)
	class = class.withProperty(schema.Property{Name: "m", Type: value.KindMixed, Nullable: true, Collection: schema.Set}, 7)
	catalog = catalog.with(class)
	asymmetric := newClass(catalog.nextID, schema.Class{Name: "A", Kind: schema.Asymmetric}, 5)
	catalog = catalog.with(asymmetric)
	var records []store.Class
	for _, c := range []*Class{class, asymmetric} {
		r, err := c.record(0)
		require.NoError(t, err)
		records = append(records, r)
	}
	dropped, err := (&Class{Class: schema.Class{Name: "D"}, ID: 7, born: 4}).record(6)
	require.NoError(t, err)
	records = append(records, dropped)
	got, err := loadCatalog(records, newest)
	require.NoError(t, err)
	require.Equal(t, class, got.Class("C"))
	require.Equal(t, asymmetric, got.ClassByID(2))
	require.Nil(t, got.Class("D"))
	require.EqualValues(t, 8, got.nextID)
	require.Equal(t, catalog.Schema, got.Schema)

	for at, want := range map[uint64][]string{3: {"_id", "l"}, 4: {"_id", "l", "gone"}, 5: {"_id", "l", "gone"}, 6: {"_id", "l"}, 7: {"_id", "l", "m"}} {
		old, err := loadCatalog(records, at)
		require.NoError(t, err)
		require.Equal(t, want, names(old.Class("C")), "version %d", at)
		require.Equal(t, at >= 5, old.Class("A") != nil)
		require.Equal(t, at >= 4 && at < 6, old.Class("D") != nil)
	}

	_, err = loadCatalog([]store.Class{{ID: 1, Name: "C", Definition: []byte("{")}}, newest)
	require.ErrorContains(t, err, "damaged")
}
