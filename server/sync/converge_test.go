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
	"realmsync/server/appconfig"
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

// refusedBody is a subscription set that the server refuses.
const refusedBody = `{"Dog":"(nothing == 1)"}`

// walker is a device that does random things, by the rules that original clients keep.
type walker struct {
	*device
	r      *rand.Rand
	choice int // of bodies, that it has or is to have

	wants    []wanted // subscription sets that are not complete, ascending
	newest   int64    // subscription set
	reported uint64   // server version that it has said to have integrated
	rebound  bool     // the server asked it to come again
	crowded  bool     // its transactions are large ones at times
}

// wanted is a subscription set that is not complete.
type wanted struct {
	version  int64
	choice   int    // of bodies; -1: refusedBody
	snapshot uint64 // local version before which everything is uploaded before QUERY
	asked    bool   // QUERY was sent in this session
}

func (q *wanted) body() string {
	if q.choice < 0 {
		return refusedBody
	}
	return bodies[q.choice].body
}

// want makes a subscription set.
func (w *walker) want() {
	q := wanted{version: w.newest + 1, choice: w.r.IntN(len(bodies)+1) - 1, snapshot: w.version}
	w.newest = q.version
	if q.choice >= 0 {
		w.choice = q.choice
	}
	w.wants = append(w.wants, q)
}

// begin is what is so when a session begins.
func (w *walker) begin() {
	w.reported = 0
	for i := range w.wants {
		w.wants[i].asked = false
	}
}

// comeAgain is what a client does when its permissions have changed.
func (w *walker) comeAgain() {
	w.send(&wire.Unbind{Session: w.sid})
	w.rebound = true
	w.begin()
	w.bind(w.sid)
}

// pause ends the session, whatever is on its way, and begins another one on the same connection.
func (w *walker) pause() {
	w.send(&wire.Unbind{Session: w.sid})
	delete(w.devices, w.sid)
	w.begin()
	w.held = nil
	w.bind(w.sid + 1)
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

// flush uploads what may be uploaded, and sends QUERYs in their places.
func (w *walker) flush() {
	for i := range w.wants {
		if q := &w.wants[i]; !q.asked {
			w.push(q.snapshot)
			w.send(&wire.Query{Session: w.sid, Version: q.version, Body: []byte(q.body())})
			q.asked = true
		}
	}
	w.push(w.version)
	if at := w.progress.Download.ServerVersion; at > w.reported && w.r.IntN(2) == 0 {
		m := w.message()
		w.send(m)
		w.sent, w.reported = m.Progress.ClientVersion, at
	}
}

// push uploads local versions, in pieces.
func (w *walker) push(limit uint64) {
	for {
		m := w.message()
		n := 0
		for n < len(m.Entries) && m.Entries[n].ClientVersion <= limit {
			n++
		}
		if n == 0 {
			return
		}
		m.Entries = m.Entries[:1+w.r.IntN(n)]
		last := m.Entries[len(m.Entries)-1]
		m.Progress = wire.UploadCursor{ClientVersion: last.ClientVersion, ServerVersion: last.ServerVersion}
		w.send(m)
		w.sent = last.ClientVersion
		w.reported = max(w.reported, last.ServerVersion)
	}
}

func (w *walker) take() wire.ServerMessage {
	m := w.step()
	if d, ok := m.(*wire.Download); ok && d.BatchState == wire.LastInBatch {
		for i := range w.wants {
			if q := w.wants[i]; q.version == d.QueryVersion {
				w.body, w.wants = q.body(), w.wants[i+1:]
				break
			}
		}
	}
	return m
}

// forget is what a client does when a subscription set was refused.
func (w *walker) forget(m *wire.QueryError) {
	i := slices.IndexFunc(w.wants, func(q wanted) bool { return q.version == m.QueryVersion })
	require.True(w.t, i >= 0 && w.wants[i].choice < 0, string(m.Text))
	w.wants = slices.Delete(w.wants, i, i+1)
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

// sip takes in some of what the server has now. In the middle of a bootstrap it likes to lose the connection.
func (w *walker) sip() {
	w.flush()
	w.req++
	w.send(&wire.Mark{Session: w.sid, Request: w.req})
	w.rebound = false
	messages, luck := 6, 2
	if w.crowded && w.r.IntN(2) == 0 {
		messages, luck = 100, 40 // of what objects have, and then of what is changed in them
	}
	for range 1 + w.r.IntN(messages) {
		m := w.take()
		if mark, ok := m.(*wire.Mark); w.rebound || ok && mark.Request == w.req {
			return
		}
		if len(w.held) > 0 && w.r.IntN(luck) == 0 {
			w.reconnect()
			return
		}
	}
}

func (w *walker) reconnect() {
	w.drop()
	w.begin()
	w.connect()
}

// act does one random thing.
func (w *walker) act() {
	r := w.r
	id := r.Int64N(6)
	switch n := r.IntN(40); {
	case n < 4:
		if !w.has(id) {
			w.write(create(id, fmt.Sprint("by ", w.user, " ", w.version), r.Int64N(10))...)
		}
	case n < 8:
		if w.has(id) {
			w.write(grow(id, r.Int64N(10))...)
		}
	case n < 10:
		if w.has(id) {
			w.write(rename(id, fmt.Sprint("by ", w.user, " ", w.version))...)
		}
	case n == 10:
		if w.has(id) {
			w.write(changeset.Instruction{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(id), Field: "age", Add: 1})
		}
	case n == 11:
		if w.has(id) {
			w.write(erase(id)...)
		}
	case n < 22:
		w.scribble()
	case n < 25:
		w.flush()
	case n < 27:
		w.settle()
	case n < 32:
		w.sip()
	case n < 36:
		if len(w.wants) < 3 {
			w.want()
		}
	case n == 36:
		w.flush()
		w.pause()
	case n == 37:
		w.reconnect()
	default:
		w.flush()
		w.reconnect() // with everything on its way
	}
}

// scribble is a transaction that does something inside of objects.
func (w *walker) scribble() {
	free := w.rules == merge.Strict
	writer := statetest.Writer{Rand: w.r, State: w.state, Keys: 6, Name: w.user, Items: free, Moves: free, Again: free, Strict: free, Wide: true}
	var all []changeset.Instruction
	count := 1 + w.r.IntN(4)
	if w.crowded && w.r.IntN(4) == 0 {
		count += 10
		for id := range int64(6) {
			if !w.has(id) && w.r.IntN(2) == 0 {
				all = append(all, create(id, fmt.Sprint("by ", w.user, " ", w.version), w.r.Int64N(10))...)
			} else if w.has(id) && w.r.IntN(2) == 0 {
				all = append(all, grow(id, w.r.Int64N(10))...)
			}
		}
		require.NoError(w.t, w.state.Apply(&changeset.Changeset{Instructions: all}))
	}
	for range count {
		ins := writer.Operation()
		require.NoError(w.t, w.state.Apply(&changeset.Changeset{Instructions: ins}))
		all = append(all, ins...)
	}
	w.record(all)
}

// Devices write, subscribe, lose their connections; the server restarts. In the end each has exactly what the server has and it is
// subscribed to; what it wrote last, alone, is there.
func TestConverge(t *testing.T) {
	rounds := seeds()
	if testing.Short() {
		rounds = 8
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 160, merge.Compatible, false) })
	}
}

// The same with roles, which change while everybody is at work: filters for reading and writing, rights, properties that aren't shown.
func TestConvergeRules(t *testing.T) {
	rounds := max(1, seeds()/2)
	if testing.Short() {
		rounds = 4
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 160, merge.Compatible, true) })
	}
}

// The same by the strict rules, and free to do what the original merges wrongly.
func TestConvergeStrict(t *testing.T) {
	rounds := seeds()
	if testing.Short() {
		rounds = 4
	}
	for seed := firstSeed(); seed < firstSeed()+uint64(rounds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { converge(t, seed, 160, merge.Strict, false) })
	}
}

// converge is one random walk; ruled: the app has roles, and they change.
func converge(t *testing.T, seed uint64, steps int, rules merge.Rules, ruled bool) {
	r := rand.New(rand.NewPCG(seed, 99))
	var f *fixture
	var g *governed
	role := walks[0]
	// So that bootstraps come in several messages, and, in two of three walks, versions of some size, which there are more of, come in batches.
	large := []int{0, 100, 400}[seed%3]
	small := func(c *Config) {
		c.messageBytes, c.LargeVersion, c.LargeChangeset = 200, large, large
		if large > 0 {
			c.messageBytes = 60
		}
	}
	if ruled {
		g = openGoverned(t, role.roles, small)
		g.configure(func(c *appconfig.Config) { c.Sync.DevelopmentMode, c.Schemas = true, nil })
		f = g.fixture
	} else {
		f = open(t, small)
	}
	app := "app"
	if rules == merge.Strict {
		app = "strict"
	}
	var all []*walker
	for i := range 3 {
		w := &walker{device: f.device(fmt.Sprint("user-", i)), r: r, choice: 1, newest: 1}
		w.clock += uint64(i) // no two changes at the same time
		w.schema, w.app, w.rules = wholeSchema(t), app, rules
		w.crowded = large > 0
		w.again, w.refusal, w.keeps = w.comeAgain, w.forget, r.IntN(2) == 0
		w.subscribed(allDogs)
		all = append(all, w)
	}
	for range steps {
		if r.IntN(60) == 0 {
			for _, w := range all {
				w.drop()
				w.begin()
			}
			f.restart()
			for _, w := range all {
				w.connect()
			}
			continue
		}
		if ruled && r.IntN(12) == 0 {
			role = walks[r.IntN(len(walks))]
			g.roles(role.roles)
			continue
		}
		if r.IntN(40) == 0 {
			f.trimNow(app, r.IntN(2) == 0)
			continue
		}
		all[r.IntN(len(all))].act()
	}
	for range 3 { // what one uploads last, the others must be told; what is taken back, too
		for _, w := range all {
			w.settle()
		}
	}
	server := f.dogs(app)
	for i, w := range all {
		require.Empty(t, w.wants)
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
			class.Properties = append(class.Properties, statetest.Values()...)
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

// trimNow is a round of maintenance.
func (f *fixture) trimNow(app string, sweep bool) {
	f.t.Helper()
	a, done := f.look(app)
	defer done()
	f.trim(f.t.Context(), a, sweep)
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
