package sync

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/history"
)

// bodies are what the devices of TestConverge subscribe to, and what that means.
var bodies = []struct {
	body string
	has  func(age int64) bool
}{
	{noDogs, func(int64) bool { return false }},
	{allDogs, func(int64) bool { return true }},
	{`{"Dog":"(age > 4)"}`, func(age int64) bool { return age > 4 }},
	{`{"Dog":"(age < 6)"}`, func(age int64) bool { return age < 6 }},
	{`{"Dog":"(age == 3) OR (age == 7)"}`, func(age int64) bool { return age == 3 || age == 7 }},
	{`{"Dog":"(age IN {2, 3, 5, 7})"}`, func(age int64) bool { return age == 2 || age == 3 || age == 5 || age == 7 }},
}

// walker is a device that does random things, by the rules that original clients keep.
type walker struct {
	*device
	choice int // of bodies, that it has or is to have

	// A subscription set that is not complete.
	waiting  bool
	version  int64
	snapshot uint64 // local version before which everything is uploaded before QUERY
	asked    bool   // QUERY was sent on this connection

	rebound bool // the server asked it to come again
}

// comeAgain is what a client does when its permissions have changed.
func (w *walker) comeAgain() {
	w.send(&wire.Unbind{Session: w.sid})
	w.asked, w.rebound = false, true
	w.bind(w.sid)
}

// walks are the roles that TestConvergeRules changes between, and what they mean.
var walks = []struct {
	roles string
	sees  func(age int64) bool
	names bool // are shown
}{
	{`[{"name":"all","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`, func(int64) bool { return true }, true},
	{`[{"name":"above","document_filters":{"read":{"age":{"$gt":2}},"write":{"age":{"$gt":4}}},"read":true,"write":true,"insert":true,"delete":true}]`, func(age int64) bool { return age > 2 }, true},
	{`[{"name":"below","document_filters":{"read":{"age":{"$in":[7,8]}},"write":{"age":{"$lt":5}}},"read":true,"write":true,"insert":true,"delete":false}]`, func(age int64) bool { return age < 5 || age == 7 || age == 8 }, true},
	{`[{"name":"reader","document_filters":{"read":true,"write":false},"read":true,"write":true}]`, func(int64) bool { return true }, true},
	{`[{"name":"nameless","document_filters":{"read":true,"write":{"age":{"$ne":6}}},"fields":{"name":{"read":false}},"additional_fields":{"read":true,"write":true},"delete":true}]`, func(int64) bool { return true }, false},
	{`[]`, func(int64) bool { return false }, true},
}

// flush uploads what may be uploaded, and sends QUERY in its place.
func (w *walker) flush() {
	if w.waiting && !w.asked {
		m := w.message()
		cut := len(m.Entries)
		for i := range m.Entries {
			if m.Entries[i].ClientVersion > w.snapshot {
				cut = i
				break
			}
		}
		m.Entries = m.Entries[:cut]
		if cut > 0 {
			last := m.Entries[cut-1]
			m.Progress = wire.UploadCursor{ClientVersion: last.ClientVersion, ServerVersion: last.ServerVersion}
			w.send(m)
			w.sent = last.ClientVersion
		}
		w.send(&wire.Query{Session: w.sid, Version: w.version, Body: []byte(bodies[w.choice].body)})
		w.asked = true
	}
	if m := w.message(); len(m.Entries) > 0 {
		w.send(m)
		w.sent = m.Progress.ClientVersion
	}
}

func (w *walker) take() wire.ServerMessage {
	m := w.step()
	if d, ok := m.(*wire.Download); ok && d.BatchState == wire.LastInBatch && w.waiting && d.QueryVersion == w.version {
		w.waiting, w.body = false, bodies[w.choice].body
	}
	return m
}

// settle takes everything in that the server has now.
func (w *walker) settle() {
	for w.rebound = true; w.rebound; {
		w.rebound = false
		w.trySettle()
	}
}

// trySettle is settle, until the server asks the walker to come again.
func (w *walker) trySettle() {
	w.flush()
	last := uint64(0) // MARK says nothing of uploads
	for _, c := range w.local {
		last = max(last, c.version)
	}
	for w.progress.Upload.ClientVersion < last {
		if w.take(); w.rebound {
			return
		}
	}
	w.req++
	w.send(&wire.Mark{Session: w.sid, Request: w.req})
	for {
		m := w.take()
		if mark, ok := m.(*wire.Mark); w.rebound || ok && mark.Request == w.req {
			return
		}
	}
}

func (w *walker) reconnect() {
	w.drop()
	w.asked = false
	w.connect()
}

// act does one random thing.
func (w *walker) act(r *rand.Rand) {
	id := r.Int64N(6)
	switch n := r.IntN(28); {
	case n >= 20:
		free := w.rules == merge.Strict
		writer := statetest.Writer{Rand: r, State: w.state, Keys: 6, Name: w.user, Items: free, Moves: free, Again: free, Strict: free}
		w.write(writer.Operation()...)
	case n < 4:
		if !w.has(id) {
			w.write(create(id, fmt.Sprint("by ", w.user, " ", w.device.version), r.Int64N(10))...)
		}
	case n < 8:
		if w.has(id) {
			w.write(grow(id, r.Int64N(10))...)
		}
	case n < 10:
		if w.has(id) {
			w.write(rename(id, fmt.Sprint("by ", w.user, " ", w.device.version))...)
		}
	case n == 10:
		if w.has(id) {
			w.write(changeset.Instruction{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(id), Field: "age", Add: 1})
		}
	case n == 11:
		if w.has(id) {
			w.write(erase(id)...)
		}
	case n < 15:
		w.flush()
	case n < 17:
		w.settle()
	case n == 17:
		w.reconnect()
	case n == 18:
		if !w.waiting {
			w.waiting, w.asked, w.choice = true, false, r.IntN(len(bodies))
			w.version++
			w.snapshot = w.device.version
		}
	default:
		w.flush()
		w.reconnect() // with everything on its way
	}
}

// Devices write, subscribe, lose their connections; the server restarts. In the end each has exactly what the server has and it is
// subscribed to; what it wrote last, alone, is there.
func TestConverge(t *testing.T) {
	rounds := seeds()
	if testing.Short() {
		rounds = 8
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 120, merge.Compatible, nil) })
	}
}

// The same with roles, which change while everybody is at work: filters for reading and writing, rights, properties that aren't shown.
func TestConvergeRules(t *testing.T) {
	rounds := max(1, seeds()/2)
	if testing.Short() {
		rounds = 4
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 120, merge.Compatible, openGoverned(t, walks[0].roles)) })
	}
}

// The same by the strict rules, and free to do what the original merges wrongly.
func TestConvergeStrict(t *testing.T) {
	rounds := seeds()
	if testing.Short() {
		rounds = 4
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 120, merge.Strict, nil) })
	}
}

// converge is one random walk; governed is the server if it has rules.
func converge(t *testing.T, seed uint64, steps int, rules merge.Rules, governed *governed) {
	r := rand.New(rand.NewPCG(seed, 99))
	var f *fixture
	role := walks[0]
	if governed != nil {
		f = governed.fixture
	} else {
		f = open(t, nil)
	}
	app := "app"
	if rules == merge.Strict {
		app = "strict"
	}
	var all []*walker
	for i := range 3 {
		w := &walker{device: f.device(fmt.Sprint("user-", i)), choice: 1, version: 1}
		w.clock += uint64(i) // no two changes at the same time
		w.schema, w.app, w.rules = wholeSchema(t), app, rules
		w.again = w.comeAgain
		w.subscribed(allDogs)
		all = append(all, w)
	}
	for range steps {
		if r.IntN(60) == 0 {
			for _, w := range all {
				w.drop()
				w.asked = false
			}
			f.restart()
			for _, w := range all {
				w.connect()
			}
			continue
		}
		if governed != nil && r.IntN(12) == 0 {
			role = walks[r.IntN(len(walks))]
			governed.roles(role.roles)
			continue
		}
		all[r.IntN(len(all))].act(r)
	}
	for range 3 { // what one uploads last, the others must be told; what is taken back, too
		for _, w := range all {
			w.settle()
		}
	}
	server := f.dogs(app)
	for i, w := range all {
		require.False(t, w.waiting)
		want := []string{}
		for _, dog := range server {
			if bodies[w.choice].has(dog.age) && role.sees(dog.age) {
				if !role.names {
					dog.text = dog.nameless
				}
				want = append(want, dog.text)
			}
		}
		has := func(age int64) bool { return bodies[w.choice].has(age) && role.sees(age) }
		require.Equal(t, want, w.dogs(), "seed %d, device %d, %s", seed, i, w.body)
		require.Equal(t, f.whole(app, has, role.names), string(w.state.JSON()), "seed %d, device %d, %s", seed, i, w.body)
	}
	// Another round trip: nothing is left to be told.
	for _, w := range all {
		count := w.downloaded
		w.reconnect()
		w.settle()
		require.Equal(t, count, w.downloaded, "seed %d", seed)
	}
}

// wholeSchema is that of dogs which have, besides, everything that an object can have.
func wholeSchema(t testing.TB) []changeset.Instruction {
	t.Helper()
	var classes []schema.Class
	for _, c := range statetest.World().Schema().Classes() {
		class := *c
		class.Properties = slices.Clone(c.Properties)
		if class.Name == "T" {
			class.Name = "Dog"
			class.Properties = append(class.Properties, property{Name: "name", Type: value.KindString}, property{Name: "age", Type: value.KindInt})
		}
		for i := range class.Properties {
			if p := &class.Properties[i]; p.LinkTarget == "T" {
				p.LinkTarget = "Dog"
			}
		}
		classes = append(classes, class)
	}
	changes, err := schema.Diff(schema.New(), schema.New(classes...))
	require.NoError(t, err)
	return changeset.SchemaInstructions(changes)
}

// whole is what there is of dogs whose age is among those, with everything that is in them.
func (f *fixture) whole(app string, has func(age int64) bool, names bool) string {
	f.t.Helper()
	a, done := f.look(app)
	defer done()
	snapshot, err := a.engine.Snapshot(f.t.Context())
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, snapshot.Close()) }()
	class := snapshot.Catalog.Class("Dog")
	out := memstate.New(snapshot.Catalog.Schema)
	require.NoError(f.t, snapshot.Rows(class, func(row *history.Row) (bool, error) {
		if age := slices.IndexFunc(row.Class.Properties, func(p property) bool { return p.Name == "age" }); !has(row.Value(age).Int()) {
			return true, nil
		}
		ins, err := row.AppendState(nil, snapshot.Catalog, "Dog")
		require.NoError(f.t, err)
		if !names {
			ins = slices.DeleteFunc(ins, func(in changeset.Instruction) bool { return in.Field == "name" })
		}
		return true, out.Apply(&changeset.Changeset{Instructions: ins})
	}))
	return string(out.JSON())
}

type dog struct {
	text, nameless string
	age            int64
}

// dogs lists what the server has.
func (f *fixture) dogs(app string) (out []dog) {
	f.t.Helper()
	a, done := f.look(app)
	defer done()
	snapshot, err := a.engine.Snapshot(f.t.Context())
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, snapshot.Close()) }()
	class := snapshot.Catalog.Class("Dog")
	at := func(row *history.Row, name string) value.Value {
		return row.Value(slices.IndexFunc(row.Class.Properties, func(p property) bool { return p.Name == name }))
	}
	require.NoError(f.t, snapshot.Rows(class, func(row *history.Row) (bool, error) {
		age := at(row, "age").Int()
		out = append(out, dog{fmt.Sprintf("%d %s %d", row.Key.Int(), at(row, "name").Str(), age), fmt.Sprintf("%d  %d", row.Key.Int(), age), age})
		return true, nil
	}))
	return out
}

// seeds is how many random walks there are: SYNC_TEST_SEEDS, or few.
func seeds() int {
	if n, err := strconv.Atoi(os.Getenv("SYNC_TEST_SEEDS")); err == nil {
		return n
	}
	return 30
}

func firstSeed() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("SYNC_TEST_FIRST_SEED"), 10, 64)
	return n
}
