package data

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// watch begins a stream of class Dog; arg is without database and collection.
func (f *fixture) watch(caller *auth.Caller, arg string) *Watch {
	f.t.Helper()
	w, err := f.Watch(f.t.Context(), "app", caller, service1, append(bson.D{{Key: "database", Value: synced1}, {Key: "collection", Value: "Dog"}}, doc(f.t, arg)...))
	require.NoError(f.t, err)
	f.t.Cleanup(w.Close)
	return w
}

// changes reads all there is, without the tokens of the events.
func (f *fixture) changes(w *Watch, caller *auth.Caller) (out []string) {
	f.t.Helper()
	for more := true; more; {
		var events []bson.D
		var err error
		events, more, err = w.Read(f.t.Context(), caller)
		require.NoError(f.t, err)
		for _, e := range events {
			require.Equal(f.t, "_id", e[0].Key)
			out = append(out, text(f.t, e[1:]))
		}
	}
	return out
}

// same makes the form that changes has of relaxed extended JSON.
func (f *fixture) same(events ...string) (out []string) {
	f.t.Helper()
	for _, e := range events {
		out = append(out, text(f.t, doc(f.t, e)))
	}
	return out
}

// Each change is an event with what MongoDB's has, from the version on at which the stream began.
func TestWatch(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	system := auth.SystemCaller()
	write := func(method, arg string) {
		t.Helper()
		_, err := f.do(synced1, "Dog", method, arg)
		require.NoError(t, err)
	}
	l := func(n int) string { return fmt.Sprintf(`{"$numberLong":"%d"}`, n) }
	write("insertOne", `{"document":{"_id":`+l(0)+`,"name":"before"}}`)
	all := f.watch(system, `{}`)
	one := f.watch(system, `{"ids":[2]}`)
	some := f.watch(system, `{"filter":{"operationType":"update","fullDocument.age":{"$gt":3}}}`)
	require.Empty(t, f.changes(all, system))
	write("insertMany", `{"documents":[{"_id":`+l(1)+`,"name":"Rex","age":`+l(3)+`,"weight":1.5},{"_id":`+l(2)+`,"name":"Fido"}]}`)
	write("updateOne", `{"query":{"_id":1},"update":{"$inc":{"age":`+l(1)+`},"$unset":{"weight":1},"$push":{"toys":"ball"}}}`)
	write("updateOne", `{"query":{"_id":1},"update":{"$set":{"age":`+l(4)+`}}}`) // changes nothing
	write("deleteOne", `{"query":{"_id":2}}`)
	f.must(`{"insertedId":"ann"}`, synced1, "Person", "insertOne", `{"document":{"_id":"ann"}}`) // another class
	const rest = `,"toys":%s,"friends":[],"tags":[],"scores":[],"nums":[],"anys":[],"map":{},"tagmap":{},"anymap":{}`
	ns := `"ns":{"db":"` + synced1 + `","coll":"Dog"}`
	is := f.same(
		`{"operationType":"insert","fullDocument":{"_id":`+l(1)+`,"name":"Rex","age":`+l(3)+`,"weight":1.5`+fmt.Sprintf(rest, "[]")+`},`+ns+`,"documentKey":{"_id":`+l(1)+`}}`,
		`{"operationType":"insert","fullDocument":{"_id":`+l(2)+`,"name":"Fido","age":`+l(0)+fmt.Sprintf(rest, "[]")+`},`+ns+`,"documentKey":{"_id":`+l(2)+`}}`,
		`{"operationType":"update","fullDocument":{"_id":`+l(1)+`,"name":"Rex","age":`+l(4)+fmt.Sprintf(rest, `["ball"]`)+`},`+ns+`,"documentKey":{"_id":`+l(1)+`},"updateDescription":{"updatedFields":{"age":`+l(4)+`,"toys":["ball"]},"removedFields":["weight"]}}`,
		`{"operationType":"delete",`+ns+`,"documentKey":{"_id":`+l(2)+`}}`,
	)
	require.Equal(t, is, f.changes(all, system))
	require.Equal(t, []string{is[1], is[3]}, f.changes(one, system))
	require.Equal(t, []string{is[2]}, f.changes(some, system))
	require.Empty(t, f.changes(all, system), "each once")

	// What is removed and made anew at once is replaced.
	o, end, err := f.start(t.Context(), "app", system, Collection{service1, synced1, "Dog"}, false)
	require.NoError(t, err)
	defer end()
	require.NoError(t, o.on.leaving(t.Context(), o.meter, []any{int64(1)}))
	require.NoError(t, o.on.write(t.Context(), func(w writer) error {
		d, err := w.get(int64(1))
		require.NoError(t, err)
		require.NoError(t, w.remove(d))
		_, _, err = w.insert(doc(t, `{"_id":`+l(1)+`,"name":"Max"}`))
		return err
	}))
	events := f.changes(all, system)
	require.Len(t, events, 1)
	require.Contains(t, events[0], `"operationType":"replace"`)
	require.Contains(t, events[0], `"name":"Max"`)
}

// A commit wakes the streams of its app, and no stream has more than one reason to wake.
func TestWatchWakes(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	w := f.watch(auth.SystemCaller(), `{}`)
	entry := func() (out []*history.Entry) {
		require.NoError(t, f.engine.Entries(t.Context(), f.engine.Version()-1, f.engine.Version(), func(e *history.Entry) (bool, error) {
			out = append(out, e)
			return true, nil
		}))
		return out
	}()
	f.Committed("other", f.engine, entry)
	require.Empty(t, w.Wake)
	f.Committed("app", f.engine, entry)
	f.Committed("app", f.engine, entry)
	require.Len(t, w.Wake, 1)
}

// The reader sees what its role lets it see: what comes into its sight is inserted for it, what leaves it is deleted, and what it doesn't see of a
// document changes nothing.
func TestWatchRules(t *testing.T) {
	f := open(t, func(c *Config) { c.Permissions = nameless{} })
	f.classes(dog()...)
	user := &auth.Caller{UserID: "u"}
	w := f.watch(user, `{}`)
	do := func(method, arg string) {
		t.Helper()
		_, err := f.do(synced1, "Dog", method, arg)
		require.NoError(t, err)
	}
	kinds := func() (out []string) {
		t.Helper()
		for more := true; more; {
			var events []bson.D
			var err error
			events, more, err = w.Read(t.Context(), user)
			require.NoError(t, err)
			for _, e := range events {
				kind, _ := mql.Get(e, "operationType")
				out = append(out, kind.(string))
				require.NotContains(t, text(t, e), "age")
			}
		}
		return out
	}
	do("insertOne", `{"document":{"_id":{"$numberLong":"1"},"name":"hidden"}}`)
	require.Empty(t, kinds())
	do("updateOne", `{"query":{},"update":{"$set":{"name":"seen"}}}`)
	require.Equal(t, []string{"insert"}, kinds())
	do("updateOne", `{"query":{},"update":{"$inc":{"age":{"$numberLong":"1"}}}}`)
	require.Empty(t, kinds(), "the field can't be read")
	do("updateOne", `{"query":{},"update":{"$set":{"good":true}}}`)
	require.Equal(t, []string{"update"}, kinds())
	do("updateOne", `{"query":{},"update":{"$set":{"name":"hidden"}}}`)
	require.Equal(t, []string{"delete"}, kinds())
	do("deleteMany", `{"query":{}}`)
	require.Empty(t, kinds(), "it was not to be seen")
}

// nameless hides documents named hidden, and ages.
type nameless struct {
	half
	AllowAll
}

func (n nameless) Access(context.Context, string, *auth.Caller, Collection) (Access, error) {
	return func(bson.D, bson.D) Role { return n }, nil
}

func (nameless) Readable(d bson.D) (bson.D, bool) {
	name, _ := mql.Get(d, "name")
	return slices.DeleteFunc(slices.Clone(d), func(e bson.E) bool { return e.Key == "age" }), name != "hidden"
}

// Streams read while programs write: each change once, in the order of the history.
func TestWatchConcurrent(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	const writers, each = 4, 50
	var all sync.WaitGroup
	errs := make(chan error, writers*each)
	w := f.watch(auth.SystemCaller(), `{}`)
	for i := range writers {
		all.Go(func() {
			for k := range each {
				_, err := f.do(synced1, "Dog", "insertOne", fmt.Sprintf(`{"document":{"_id":{"$numberLong":"%d"}}}`, i*1000+k))
				errs <- err
			}
		})
	}
	seen, last := map[string]bool{}, ""
	for len(seen) < writers*each {
		events, _, err := w.Read(t.Context(), auth.SystemCaller())
		require.NoError(t, err)
		for _, e := range events {
			token, key := text(t, e[0].Value), text(t, e[len(e)-1].Value)
			require.Greater(t, token, last, "in order")
			require.False(t, seen[key], "once")
			last, seen[key] = token, true
		}
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

// A reader that is so far behind that the history is gone is told, and what can't be watched is refused.
func TestWatchEnds(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	user := &auth.Caller{UserID: "u", System: true}
	slow := f.watch(user, `{}`)
	for i := range 5 {
		f.must(fmt.Sprintf(`{"insertedId":{"$numberLong":"%d"}}`, i), synced1, "Dog", "insertOne", fmt.Sprintf(`{"document":{"_id":{"$numberLong":"%d"}}}`, i))
	}
	_, err := f.engine.Trim(t.Context(), history.Retention{})
	require.NoError(t, err)
	require.Greater(t, f.engine.Floor(), slow.at, "there is no client that needs the history")
	_, _, err = slow.Read(t.Context(), user)
	require.ErrorIs(t, err, errBehind)

	refused := func(code, part, database, collection, arg string) {
		t.Helper()
		_, err := f.Watch(t.Context(), "app", user, service1, append(bson.D{{Key: "database", Value: database}, {Key: "collection", Value: collection}}, doc(t, arg)...))
		var e *apierror.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, code, e.Code)
		require.Contains(t, e.Text, part)
	}
	refused("InvalidParameter", "'elsewhere' is another", "elsewhere", "Dog", `{}`)
	refused("InvalidParameter", "'None' is none", synced1, "None", `{}`)
	refused("InvalidParameter", "'Tag' is none", synced1, "Tag", `{}`)
	refused("InvalidParameter", "'useCompactEvents'", synced1, "Dog", `{"useCompactEvents":true}`)
	refused("InvalidParameter", "'ids'", synced1, "Dog", `{"ids":1}`)
	refused("MongoDBError", "$foo", synced1, "Dog", `{"filter":{"a":{"$foo":1}}}`)
	for range maxUserWatches - 1 {
		f.watch(user, `{}`)
	}
	refused("", "too many streams", synced1, "Dog", `{}`)
	f.watch(&auth.Caller{UserID: "other"}, `{}`)
	slow.Close()
	f.watch(user, `{}`)
}
