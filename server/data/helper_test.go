package data

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/ejson"
	"realmsync/server/history"
	"realmsync/server/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	service1 = "mongodb-atlas"
	synced1  = "test_data"
)

// configs is the configuration of all apps.
type configs struct{ *appconfig.Config }

func (c configs) Current(context.Context, string) (*appconfig.Config, error) { return c.Config, nil }

// fixture is a Data with one app.
type fixture struct {
	*Data
	t      testing.TB
	engine *history.Engine
	config *appconfig.Config
	dir    string
}

func open(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), config: appconfig.Default("app")}
	f.config.Services[0].Name, f.config.Services[0].FlexibleSync.DatabaseName = service1, synced1
	f.config.Sync.DevelopmentMode = false
	store, err := sqlite.Open(t.Context(), filepath.Join(f.dir, "sync.db"))
	require.NoError(t, err)
	f.engine, err = history.Open(t.Context(), history.Config{App: "app", Store: store})
	require.NoError(t, err)
	t.Cleanup(func() {
		f.replay()
		var problems []string
		require.NoError(t, history.Verify(context.Background(), store, func(problem string) { problems = append(problems, problem) }))
		require.Empty(t, problems, "what programs write leaves the store as consistent as what devices write")
		require.NoError(t, f.engine.Close())
	})
	cfg := Config{
		Apps: configs{f.config}, Path: func(app string) string { return filepath.Join(f.dir, app, "documents.db") }, Now: func() time.Time { return time.UnixMilli(1700000000000) },
		Engine: func(context.Context, string) (*history.Engine, func(), error) { return f.engine, func() {}, nil },
	}
	if change != nil {
		change(&cfg)
	}
	f.Data, err = Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Data.Close()) })
	return f
}

// replay applies all of the history to an empty state, as a device does that sees everything.
func (f *fixture) replay() *memstate.State {
	f.t.Helper()
	state := memstate.New(schema.New())
	require.NoError(f.t, f.engine.Entries(context.Background(), 0, f.engine.Version(), func(e *history.Entry) (bool, error) {
		c, err := changeset.Decode(e.Bytes)
		require.NoError(f.t, err)
		require.NoError(f.t, state.Apply(c), "version %d", e.Version)
		return true, nil
	}))
	return state
}

// instructions returns those of the newest version.
func (f *fixture) instructions() []changeset.Instruction {
	f.t.Helper()
	var out []changeset.Instruction
	v := f.engine.Version()
	require.NoError(f.t, f.engine.Entries(f.t.Context(), v-1, v, func(e *history.Entry) (bool, error) {
		out = e.Changeset.Instructions
		return true, nil
	}))
	return out
}

// classes makes classes.
func (f *fixture) classes(classes ...schema.Class) {
	f.t.Helper()
	changes, err := schema.Diff(f.engine.Catalog().Schema, schema.New(classes...))
	require.NoError(f.t, err)
	_, err = f.engine.Write(f.t.Context(), func(*history.Writing) (*changeset.Changeset, error) {
		return &changeset.Changeset{Instructions: changeset.SchemaInstructions(changes)}, nil
	})
	require.NoError(f.t, err)
}

// dog is a class with one property of most kinds.
func dog() []schema.Class {
	property := func(name string, kind value.Kind, nullable bool, c schema.Collection, target string) schema.Property {
		return schema.Property{Name: name, Type: kind, Nullable: nullable, Collection: c, LinkTarget: target}
	}
	return []schema.Class{
		{Name: "Tag", Kind: schema.Embedded, Properties: []schema.Property{
			property("text", value.KindString, false, schema.Single, ""), property("n", value.KindInt, true, schema.Single, ""),
			property("inner", value.KindLink, true, schema.Single, "Tag"), property("more", value.KindLink, false, schema.List, "Tag"),
		}},
		{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{property("_id", value.KindString, false, schema.Single, "")}},
		{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{
			property("_id", value.KindInt, false, schema.Single, ""),
			property("name", value.KindString, false, schema.Single, ""), property("age", value.KindInt, false, schema.Single, ""),
			property("weight", value.KindDouble, true, schema.Single, ""), property("height", value.KindFloat, true, schema.Single, ""),
			property("price", value.KindDecimal, true, schema.Single, ""), property("good", value.KindBool, true, schema.Single, ""),
			property("born", value.KindTimestamp, true, schema.Single, ""), property("picture", value.KindBinary, true, schema.Single, ""),
			property("chip", value.KindUUID, true, schema.Single, ""), property("ref", value.KindObjectID, true, schema.Single, ""),
			property("owner", value.KindLink, true, schema.Single, "Person"), property("tag", value.KindLink, true, schema.Single, "Tag"),
			property("any", value.KindMixed, true, schema.Single, ""),
			property("toys", value.KindString, false, schema.List, ""), property("friends", value.KindLink, false, schema.List, "Person"),
			property("tags", value.KindLink, false, schema.List, "Tag"), property("scores", value.KindInt, true, schema.List, ""),
			property("nums", value.KindInt, true, schema.Set, ""), property("anys", value.KindMixed, true, schema.List, ""),
			property("map", value.KindString, true, schema.Dictionary, ""), property("tagmap", value.KindLink, true, schema.Dictionary, "Tag"),
			property("anymap", value.KindMixed, true, schema.Dictionary, ""),
		}},
	}
}

func doc(t testing.TB, text string) bson.D {
	t.Helper()
	d, err := ejson.ParseDocument([]byte(text))
	require.NoError(t, err, text)
	return d
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := ejson.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// do performs an operation as the server itself; arg is without database and collection.
func (f *fixture) do(database, collection, method, arg string) (any, error) {
	f.t.Helper()
	return f.as(auth.SystemCaller(), database, collection, method, arg)
}

func (f *fixture) as(caller *auth.Caller, database, collection, method, arg string) (any, error) {
	f.t.Helper()
	d := append(bson.D{{Key: "database", Value: database}, {Key: "collection", Value: collection}}, doc(f.t, arg)...)
	return f.Call(f.t.Context(), "app", caller, service1, method, d)
}

// must performs an operation whose result is the text. Results are compared as canonical extended JSON.
func (f *fixture) must(want, database, collection, method, arg string) {
	f.t.Helper()
	got, err := f.do(database, collection, method, arg)
	require.NoError(f.t, err, "%s %s", method, arg)
	expected, err := ejson.Parse([]byte(want))
	require.NoError(f.t, err)
	require.Equal(f.t, text(f.t, expected), text(f.t, got), "%s %s", method, arg)
}

// refused performs an operation that is refused with a code and a text.
func (f *fixture) refused(code, part, database, collection, method, arg string) {
	f.t.Helper()
	_, err := f.do(database, collection, method, arg)
	var e *apierror.Error
	require.ErrorAs(f.t, err, &e, "%s %s", method, arg)
	require.Equal(f.t, code, e.Code, e.Text)
	require.Contains(f.t, e.Text, part)
}
