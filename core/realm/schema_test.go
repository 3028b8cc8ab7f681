package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

var v1 = schema.New(class("V1", "_id", prop("_id", value.KindInt), prop("a", value.KindInt)))

// openOnce opens and releases a realm and returns the error and the schema that the file has then.
func openOnce(t *testing.T, config Config) (*schema.Schema, error) {
	t.Helper()
	r, err := Open(config)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return r.Schema(), nil
}

func with(s *schema.Schema, name string, more ...schema.Property) *schema.Schema {
	c := *s.Class(name)
	c.Properties = append(append([]schema.Property(nil), c.Properties...), more...)
	return s.With(c)
}

// changed is v1 with another property beside the key.
func changed(p schema.Property) *schema.Schema {
	return schema.New(class("V1", "_id", prop("_id", value.KindInt), p))
}

const migration = "Migration is required due to the following errors:\n- "

func refused(mode string) string {
	return "The following changes cannot be made in " + mode + " schema mode:\n- "
}

func TestSchemaModes(t *testing.T) {
	clean(t)
	other := v1.With(class("Other", "_id", prop("_id", value.KindInt)))
	wider := with(v1, "V1", prop("b", value.KindString))
	narrower := schema.New(class("V1", "_id", prop("_id", value.KindInt)))
	text := changed(prop("a", value.KindString))
	maybe := changed(optional("a", value.KindInt))
	rekeyed := schema.New(class("V1", "a", prop("_id", value.KindInt), prop("a", value.KindInt)))
	for name, c := range map[string]struct {
		mode    SchemaMode
		version uint64
		schema  *schema.Schema
		want    string // of the error; "" when it opens
		classes int
	}{
		"automatic, same":                 {Automatic, 1, v1, "", 1},
		"automatic, new class":            {Automatic, 1, other, "", 2},
		"automatic, new property":         {Automatic, 1, wider, migration + "Property 'V1.b' has been added.", 0},
		"automatic, new property, higher": {Automatic, 2, wider, "", 1},
		"automatic, removed":              {Automatic, 1, narrower, migration + "Property 'V1.a' has been removed.", 0},
		"automatic, removed, higher":      {Automatic, 2, narrower, "", 1},
		"automatic, lower":                {Automatic, 0, v1, "Provided schema version 0 is less than last set version 1.", 0},
		"automatic, other type":           {Automatic, 2, text, migration + "Property 'V1.a' has been changed from 'int' to 'string'.", 0},
		"automatic, nullable":             {Automatic, 1, maybe, migration + "Property 'V1.a' has been changed from 'int' to 'int?'.", 0},
		"automatic, other key":            {Automatic, 2, rekeyed, migration + "Primary Key for class 'V1' has been changed from '_id' (int) to 'a' (int).", 0},
		"automatic, class left out":       {Automatic, 1, schema.New(class("Other", "_id", prop("_id", value.KindInt))), "", 2},
		"additive, new property":          {AdditiveDiscovered, 0, wider, "", 1},
		"additive, property left out":     {AdditiveDiscovered, 0, narrower, "", 1},
		"additive, other type":            {AdditiveDiscovered, 9, text, refused("additive-only") + "Property 'V1.a' has been changed from 'int' to 'string'.", 0},
		"explicit, new class":             {AdditiveExplicit, 0, other, "", 2},
		"immutable, same":                 {Immutable, 0, v1, "", 1},
		"immutable, property left out":    {Immutable, 0, narrower, "", 1},
		"immutable, new class":            {Immutable, 0, other, refused("immutable") + "Class 'Other' has been added.", 0},
		"immutable, new property":         {Immutable, 7, wider, refused("immutable") + "Property 'V1.b' has been added.", 0},
		"read-only, same":                 {ReadOnlyMode, 0, v1, "", 1},
		"read-only, other type":           {ReadOnlyMode, 0, text, refused("read-only") + "Property 'V1.a' has been changed from 'int' to 'string'.", 0},
		"manual, same":                    {Manual, 1, v1, "", 1},
		"manual, new class":               {Manual, 2, other, refused("manual") + "Class 'Other' has been added.", 0},
		"soft reset, same":                {SoftResetFile, 1, v1, "", 1},
		"soft reset, new class":           {SoftResetFile, 1, other, "", 2},
		"soft reset, other type":          {SoftResetFile, 1, text, "", 1},
		"hard reset, other version":       {HardResetFile, 2, v1, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			path := tempPath(t)
			r, err := Open(Config{Path: path, Schema: v1, SchemaVersion: 1})
			require.NoError(t, err)
			write(t, r, func() { add(t, r, "V1", values{"_id": i64(1), "a": i64(7)}) })
			r.Release()
			got, err := openOnce(t, Config{Path: path, Schema: c.schema, SchemaVersion: c.version, SchemaMode: c.mode})
			if c.want != "" {
				require.ErrorIs(t, err, ErrSchemaMismatch)
				require.EqualError(t, err, c.want)
				got, err = openOnce(t, Config{Path: path})
				require.NoError(t, err)
				require.True(t, sameSchema(v1, got), "a refused schema must not change the file")
				return
			}
			require.NoError(t, err)
			require.Len(t, got.Classes(), c.classes)
			for _, declared := range c.schema.Classes() {
				for i := range declared.Properties {
					require.NotNil(t, got.Class(declared.Name).Property(declared.Properties[i].Name))
				}
			}
			r = open(t, Config{Path: path})
			kept := c.mode != SoftResetFile && c.mode != HardResetFile || name == "soft reset, same" || name == "soft reset, new class"
			if kept {
				require.Equal(t, 1, count(t, all(t, r, "V1")))
			} else {
				require.Equal(t, 0, count(t, all(t, r, "V1")))
			}
		})
	}
}

func TestAddedPropertiesHaveDefaults(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r, err := Open(Config{Path: path, Schema: v1})
	require.NoError(t, err)
	write(t, r, func() { add(t, r, "V1", values{"_id": i64(1), "a": i64(7)}) })
	r.Release()
	r = open(t, Config{Path: path, SchemaVersion: 1, Schema: with(v1, "V1", prop("s", value.KindString), optional("n", value.KindInt), prop("d", value.KindDecimal),
		prop("t", value.KindTimestamp), link("l", "V1"), optional("m", value.KindMixed))})
	o := find(t, r, "V1", i64(1))
	require.Equal(t, i64(7), get(t, o, "a"))
	require.Equal(t, str(""), get(t, o, "s"))
	require.Equal(t, value.Null(), get(t, o, "n"))
	require.Equal(t, value.FromTimestamp(value.Timestamp{}), get(t, o, "t"))
	require.Equal(t, value.Null(), get(t, o, "l"))
	zero, err := value.ParseDecimal("0")
	require.NoError(t, err)
	require.Equal(t, value.FromDecimal(zero), get(t, o, "d"))
}

func TestInvalidSchemaIsRefused(t *testing.T) {
	clean(t)
	path := tempPath(t)
	_, err := openOnce(t, Config{Path: path, Schema: schema.New(class("A", "_id", prop("_id", value.KindBool)))})
	require.ErrorIs(t, err, schema.ErrInvalid)
	_, err = openOnce(t, Config{Path: path, Schema: schema.New(class("A", "", prop("x", value.KindInt))), Synced: true})
	require.ErrorIs(t, err, schema.ErrInvalid, "a synced class needs _id")
}

func TestSchemaChangeReachesOtherInstances(t *testing.T) {
	clean(t)
	path := tempPath(t)
	on := &threads{}
	a := open(t, Config{Path: path, Schema: v1, ThreadID: on.id})
	rs := all(t, a, "V1")
	require.Equal(t, 0, count(t, rs))
	on.switchTo(2)
	b := open(t, Config{Path: path, Schema: with(v1, "V1", prop("b", value.KindInt)), SchemaVersion: 1, ThreadID: on.id})
	write(t, b, func() { add(t, b, "V1", values{"_id": i64(1), "b": i64(5)}) })
	on.switchTo(1)
	require.Nil(t, a.Schema().Class("V1").Property("b"), "the snapshot has the old schema")
	moved, err := a.Refresh()
	require.NoError(t, err)
	require.True(t, moved)
	require.NotNil(t, a.Schema().Class("V1").Property("b"))
	require.Equal(t, []int64{5}, ints(t, rs, "b"))
}

func TestSyncedSchemaIsRecorded(t *testing.T) {
	clean(t)
	path := tempPath(t)
	s := schema.New(
		class("Zoo", "_id", prop("_id", value.KindInt), link("star", "Animal")),
		class("Animal", "_id", optional("_id", value.KindString), prop("name", value.KindString), schema.Property{Name: "tags", Type: value.KindString, Collection: schema.List}),
		schema.Class{Name: "Lost", Kind: schema.Embedded, Properties: []schema.Property{prop("x", value.KindInt)}},
		schema.Class{Name: "Log", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{prop("_id", value.KindInt), prop("line", value.KindString)}},
	)
	on := &threads{}
	r := open(t, Config{Path: path, Schema: s, Synced: true, UserID: "u", ThreadID: on.id})
	require.Nil(t, r.Schema().Class("Lost"), "an embedded class that nothing reaches is left out")
	require.Equal(t, []string{
		"AddTable Animal", "AddTable Log", "AddTable Zoo", "AddColumn Animal.name", "AddColumn Animal.tags", "AddColumn Log.line", "AddColumn Zoo.star",
	}, recorded(t, r, 0))
	require.Equal(t, uint64(2), r.Version())

	_, err := openOnce(t, Config{Path: tempPath(t), Schema: s, Synced: true, SchemaMode: AdditiveExplicit})
	require.ErrorIs(t, err, schema.ErrInvalid)

	// Nothing new, nothing recorded.
	on.switchTo(2)
	again := open(t, Config{Path: path, Schema: s, Synced: true, UserID: "u", ThreadID: on.id})
	require.Len(t, again.Schema().Classes(), 3)
	require.Equal(t, uint64(2), again.Version())
}

func TestSyncedFileWithoutSchemaIsPrepared(t *testing.T) {
	clean(t)
	r := open(t, Config{Path: tempPath(t), Synced: true})
	set, err := r.LatestSet()
	require.NoError(t, err)
	require.Zero(t, set.Version)
	require.Empty(t, recorded(t, r, 0))
}

// changesets returns the changesets that the local history holds above a version.
func changesets(t *testing.T, r *Realm, above uint64) (out []*changeset.Changeset) {
	t.Helper()
	conn, err := store.Open(r.Path(), store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginRead())
	require.NoError(t, conn.Query("SELECT changeset FROM sync_history WHERE version>? ORDER BY version", []any{above}, func(row *store.Row) error {
		c, err := changeset.Decode(row.Blob(0))
		require.NoError(t, err)
		out = append(out, c)
		return nil
	}))
	return out
}

// recorded returns the instructions of the local history above a version as text.
func recorded(t *testing.T, r *Realm, above uint64) (out []string) {
	t.Helper()
	for _, c := range changesets(t, r, above) {
		for i := range c.Instructions {
			out = append(out, c.Instructions[i].Address())
		}
	}
	return out
}
