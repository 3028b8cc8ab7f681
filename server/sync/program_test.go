package sync

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/ejson"
	"realmsync/server/history"
)

// defaults is the configuration of every app.
type defaults struct{}

func (defaults) Current(_ context.Context, app string) (*appconfig.Config, error) {
	return appconfig.Default(app), nil
}

// program returns what functions and the data API use.
func (f *fixture) program() *data.Data {
	f.t.Helper()
	d, err := data.Open(data.Config{
		Apps: defaults{}, Path: func(app string) string { return filepath.Join(f.dir, app, "documents.db") },
		Engine: func(ctx context.Context, app string) (*history.Engine, func(), error) {
			return f.Engine(ctx, app, app == "strict")
		},
	})
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, d.Close()) })
	return d
}

// call performs an operation on dogs.
func call(t testing.TB, d *data.Data, app, method, arg string) any {
	t.Helper()
	a, err := ejson.ParseDocument([]byte(arg))
	require.NoError(t, err)
	out, err := d.Call(t.Context(), app, auth.SystemCaller(), appconfig.DefaultService, method,
		append(bson.D{{Key: "database", Value: appconfig.DefaultDatabase}, {Key: "collection", Value: "Dog"}}, a...))
	require.NoError(t, err, arg)
	return out
}

// What a program on the server writes reaches the devices that subscribe to it, and is merged with what they write meanwhile.
func TestProgramReachesDevice(t *testing.T) {
	f := open(t, nil)
	p := f.program()
	a, b := f.device("ann").subscribed(allDogs), f.device("bob").subscribed(oldDogs)
	a.write(create(1, "Rex", 1)...)
	a.upload()
	require.Equal(t, bson.D{{Key: "insertedId", Value: int64(2)}}, call(t, p, "app", "insertOne", `{"document":{"_id":2,"name":"Fido","age":2.0}}`))
	a.sync()
	b.sync()
	require.Equal(t, value.String("Fido"), get(t, a, 2, "name"))
	require.Equal(t, value.Int(2), get(t, a, 2, "age"))
	require.False(t, has(t, b, 2), "it isn't old enough")

	// Both add to the same number, and write different properties, before either knows of the other.
	a.write(changeset.Instruction{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(2), Field: "age", Add: 10})
	call(t, p, "app", "updateOne", `{"query":{"_id":2},"update":{"$inc":{"age":5},"$set":{"name":"Hasso"}}}`)
	a.upload()
	a.sync()
	b.sync()
	for _, d := range []*device{a, b} {
		require.Equal(t, value.Int(17), get(t, d, 2, "age"))
		require.Equal(t, value.String("Hasso"), get(t, d, 2, "name"))
	}
	require.Equal(t, bson.A{bson.D{{Key: "_id", Value: int64(2)}, {Key: "age", Value: int64(17)}}}, call(t, p, "app", "find", `{"query":{"age":{"$gt":3}},"project":{"age":1}}`))

	// A program takes it out of one view; then it is gone.
	call(t, p, "app", "updateOne", `{"query":{"_id":2},"update":{"$set":{"age":1}}}`)
	a.sync()
	b.sync()
	require.True(t, has(t, a, 2))
	require.False(t, has(t, b, 2))
	require.Equal(t, bson.D{{Key: "deletedCount", Value: int32(2)}}, call(t, p, "app", "deleteMany", `{"query":{}}`))
	a.sync()
	require.Empty(t, a.dogs())
}

// What a program writes is held back as long as the configuration wants, and nothing else is.
func TestProgramIsHeld(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	f := open(t, func(c *Config) {
		c.Hold = func(context.Context) {
			held <- struct{}{}
			<-release
		}
	})
	p := f.program()
	d := f.device("ann").subscribed(allDogs)
	d.write(create(1, "Rex", 1)...)
	d.upload()
	call(t, p, "app", "insertOne", `{"document":{"_id":2,"name":"Fido","age":2}}`)
	<-held
	a, done := f.look("app")
	require.Less(t, a.fan.Version(), a.engine.Version(), "it is stored, and not distributed")
	done()
	close(release)
	d.sync()
	require.True(t, has(t, d, 2))
}

// In development mode a program's document gives devices a property that they didn't know of.
func TestProgramAddsProperty(t *testing.T) {
	f := open(t, nil)
	p := f.program()
	a := f.device("ann").subscribed(allDogs)
	call(t, p, "app", "insertOne", `{"document":{"_id":1,"name":"Rex","colour":"brown"}}`)
	a.sync()
	require.Equal(t, value.String("brown"), get(t, a, 1, "colour"))
}

func get(t testing.TB, d *device, id int64, property string) value.Value {
	t.Helper()
	v, err := d.state.Get("Dog", value.IntKey(id), property)
	require.NoError(t, err)
	return v
}

func has(t testing.TB, d *device, id int64) bool {
	t.Helper()
	ok, err := d.state.Exists("Dog", value.IntKey(id))
	require.NoError(t, err)
	return ok
}

// Devices and a program write the same objects at random. In the end all have the same.
func TestProgramConverges(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			f := open(t, nil)
			p := f.program()
			app := []string{"app", "strict"}[seed%2]
			var all []*walker
			for i := range 3 {
				w := &walker{device: f.device(fmt.Sprint("user-", i)), r: r, choice: 1, newest: 1}
				w.clock += uint64(i)
				w.app, w.schema, w.refusal = app, wholeSchema(t), w.forget
				if app == "strict" {
					w.rules = merge.Strict
				}
				w.subscribed(allDogs)
				all = append(all, w)
			}
			for range 150 {
				if r.IntN(3) > 0 {
					all[r.IntN(len(all))].act()
					continue
				}
				id := r.IntN(6)
				switch r.IntN(6) {
				case 0:
					call(t, p, app, "updateOne", fmt.Sprintf(`{"query":{"_id":%d},"update":{"$setOnInsert":{"name":"new"},"$inc":{"age":1}},"upsert":true}`, id))
				case 1:
					call(t, p, app, "deleteOne", fmt.Sprintf(`{"query":{"_id":%d}}`, id))
				case 2:
					call(t, p, app, "updateMany", fmt.Sprintf(`{"query":{"age":{"$gt":%d}},"update":{"$inc":{"age":-1},"$set":{"name":"program %d"}}}`, id, r.IntN(100)))
				default:
					// Something that it has of one object, to another one: lists, sets, dictionaries, embedded objects, mixed values.
					if from, ok := call(t, p, app, "findOne", fmt.Sprintf(`{"query":{"_id":%d}}`, r.IntN(6))).(bson.D); ok {
						field := from[r.IntN(len(from))]
						if field.Key == "_id" {
							continue
						}
						_, err := p.Call(t.Context(), app, auth.SystemCaller(), appconfig.DefaultService, "updateOne", bson.D{
							{Key: "database", Value: appconfig.DefaultDatabase}, {Key: "collection", Value: "Dog"}, {Key: "query", Value: bson.D{{Key: "_id", Value: int64(id)}}},
							{Key: "update", Value: bson.D{{Key: "$set", Value: bson.D{field}}}},
						})
						require.NoError(t, err, "%v", field)
					}
				}
			}
			for range 3 {
				for _, w := range all {
					w.settle()
				}
			}
			for i, w := range all {
				require.Equal(t, f.whole(app, bodies[w.choice].has, true), string(w.state.JSON()), "device %d, %s", i, w.body)
			}
		})
	}
}

// What devices write to an asymmetric class is in a collection, for programs; also what was committed just before a crash.
func TestAsymmetricObjectsAreKept(t *testing.T) {
	var p *data.Data
	var lost atomic.Bool
	f := open(t, func(c *Config) {
		c.Opened = func(ctx context.Context, app string, engine *history.Engine) error { return p.Opened(ctx, app, engine) }
		c.Committed = func(app string, engine *history.Engine, entries []*history.Entry) {
			if !lost.Load() {
				time.Sleep(20 * time.Millisecond) // nobody is told before
				p.Committed(app, engine, entries)
			}
		}
	})
	p = f.program()
	a := f.device("ann").subscribed(allDogs)
	a.write(changeset.Instruction{Op: changeset.AddTable, Table: "Event", Schema: &changeset.SchemaFields{TableKind: schema.Asymmetric, KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Event", Field: "text", Schema: &changeset.SchemaFields{Type: value.KindString}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Event", Field: "list", Collection: schema.List, Schema: &changeset.SchemaFields{Type: value.KindInt}})
	event := func(id int64) {
		t.Helper()
		a.write(changeset.Instruction{Op: changeset.CreateObject, Table: "Event", Key: value.IntKey(id)},
			changeset.Instruction{Op: changeset.Update, Table: "Event", Key: value.IntKey(id), Field: "text", Value: value.String("x")},
			changeset.Instruction{Op: changeset.ArrayInsert, Table: "Event", Key: value.IntKey(id), Field: "list", Path: []changeset.Step{{IsPos: true}}, Value: value.Int(id)})
		a.upload()
	}
	events := func() bson.A {
		t.Helper()
		out, err := p.Call(t.Context(), "app", auth.SystemCaller(), appconfig.DefaultService, "find", bson.D{{Key: "database", Value: appconfig.DefaultDatabase}, {Key: "collection", Value: "Event"}})
		require.NoError(t, err)
		return out.(bson.A)
	}
	want := func(id int64) bson.D {
		return bson.D{{Key: "_id", Value: id}, {Key: "text", Value: "x"}, {Key: "list", Value: bson.A{id}}}
	}
	event(1)
	require.Equal(t, bson.A{want(1)}, events(), "there when the upload is acknowledged")
	event(2)
	require.Equal(t, bson.A{want(1), want(2)}, events())
	lost.Store(true)
	event(3)
	a.drop()
	f.restart()
	lost.Store(false)
	a.connect()
	event(4)
	require.Equal(t, bson.A{want(1), want(2), want(3), want(4)}, events())
	require.Equal(t, []value.Key(nil), a.state.Keys("Event"), "devices keep none")
}

// Asymmetric objects that could not be stored where programs find them are stored later, and until then the history that has them is kept.
func TestAsymmetricObjectsWithoutRoom(t *testing.T) {
	var p *data.Data
	f := open(t, func(c *Config) {
		c.Opened = func(ctx context.Context, app string, engine *history.Engine) error { return p.Opened(ctx, app, engine) }
		c.Trimming = func(ctx context.Context, app string, engine *history.Engine) error {
			return p.CatchUp(ctx, app, engine)
		}
		c.Committed = func(app string, engine *history.Engine, entries []*history.Entry) { p.Committed(app, engine, entries) }
	})
	p = f.program()
	a := f.device("ann").subscribed(allDogs)
	a.write(changeset.Instruction{Op: changeset.AddTable, Table: "Event", Schema: &changeset.SchemaFields{TableKind: schema.Asymmetric, KeyField: "_id", KeyType: value.KindInt}})
	event := func(id int64) {
		t.Helper()
		a.write(changeset.Instruction{Op: changeset.CreateObject, Table: "Event", Key: value.IntKey(id)})
		a.upload()
		a.acknowledged()
	}
	events := func() (out bson.A) {
		t.Helper()
		found, err := p.Call(t.Context(), "app", auth.SystemCaller(), appconfig.DefaultService, "find", bson.D{{Key: "database", Value: appconfig.DefaultDatabase}, {Key: "collection", Value: "Event"}})
		require.NoError(t, err)
		for _, d := range found.(bson.A) {
			out = append(out, d.(bson.D)[0].Value)
		}
		return out
	}
	event(1)
	db, err := sql.Open("sqlite3", filepath.Join(f.dir, "app", "documents.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), "CREATE TRIGGER stuck BEFORE INSERT ON documents BEGIN SELECT RAISE(ABORT, 'no room'); END")
	require.NoError(t, err)
	event(2)
	event(3)
	at, done := f.look("app")
	defer done()
	newest := at.engine.Version()
	trim := func() uint64 {
		t.Helper()
		for range 2 { // what the first finds out counts in the second
			a.sync()
			f.trim(t.Context(), at, false)
		}
		return at.engine.Floor()
	}
	require.Less(t, trim(), newest-1)
	require.Equal(t, bson.A{int64(1)}, events())
	_, err = db.ExecContext(t.Context(), "DROP TRIGGER stuck")
	require.NoError(t, err)
	require.GreaterOrEqual(t, trim(), newest-1)
	require.Equal(t, bson.A{int64(1), int64(2), int64(3)}, events())
}

// What programs wrote before a device brought the class becomes its objects, if it fits; what doesn't fit stays where it is.
func TestClassTakesDocumentsIn(t *testing.T) {
	var p *data.Data
	f := open(t, func(c *Config) {
		c.Committed = func(app string, engine *history.Engine, entries []*history.Entry) { p.Committed(app, engine, entries) }
	})
	p = f.program()
	call(t, p, "app", "insertMany", `{"documents":[{"_id":1,"name":"Rex","age":5},{"_id":"no integer","name":"x"},{"_id":{"$numberLong":"2"},"name":"Bo","age":7.0}]}`)
	require.Equal(t, int64(3), call(t, p, "app", "count", `{}`))
	a := f.device("ann").subscribed(oldDogs)
	require.Eventually(t, func() bool { return has(t, a.sync(), 1) && has(t, a, 2) }, patience, waitStep)
	require.Equal(t, value.String("Bo"), get(t, a, 2, "name"))
	require.Equal(t, int64(2), call(t, p, "app", "count", `{}`))
}
