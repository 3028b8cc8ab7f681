package sync

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// What others do: objects enter a view, change in it, leave it and end (spec/sync-semantics.md section 4.2).
func TestViewOfOthersWrites(t *testing.T) {
	f := open(t, nil)
	writer := f.device("anna").subscribed(allDogs)
	reader := f.device("berta").subscribed(oldDogs)
	step := func(want []string, ins ...changeset.Instruction) {
		t.Helper()
		writer.write(ins...)
		writer.upload()
		require.Equal(t, want, reader.sync().dogs())
	}
	step([]string{}, create(1, "Rex", 2)...)                         // born outside
	step([]string{"2 Fido 5"}, create(2, "Fido", 5)...)              // born inside
	step([]string{"1 Rex 4", "2 Fido 5"}, grow(1, 4)...)             // enters, with its whole state
	step([]string{"1 Max 4", "2 Fido 5"}, rename(1, "Max")...)       // changes
	step([]string{"1 Max 4"}, grow(2, 1)...)                         // leaves
	step([]string{"1 Max 4"}, rename(2, "Gone")...)                  // changes outside
	step([]string{}, erase(1)...)                                    // ends
	step([]string{}, erase(2)...)                                    // ends outside
	step([]string{}, append(create(3, "Mayfly", 9), erase(3)...)...) // comes and goes
	step([]string{"4 Add 5"}, append(create(4, "Add", 4), changeset.Instruction{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(4), Field: "age", Add: 1})...)
}

// One's own write that moves an object out of one's view is stored, and the object vanishes without an error (section 4.2).
func TestOwnWriteLeavesView(t *testing.T) {
	f := open(t, nil)
	everything := f.device("anna").subscribed(allDogs)
	d := f.device("berta").subscribed(oldDogs)
	d.write(create(1, "Rex", 5)...)
	d.upload()
	d.write(grow(1, 1)...)
	d.uploadOnly()
	for d.has(1) {
		d.step()
	}
	require.Empty(t, d.errors)
	require.Equal(t, []string{"1 Rex 1"}, everything.sync().dogs())
	// It comes back when it fits again.
	everything.write(grow(1, 7)...)
	everything.upload()
	require.Equal(t, []string{"1 Rex 7"}, d.sync().dogs())
}

// Own writes are not echoed: only the cursors advance.
func TestOwnWritesAreNotEchoed(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	before := d.downloaded
	for i := range int64(20) {
		d.write(create(i, "Dog", i)...)
		d.upload()
	}
	require.Equal(t, before, d.downloaded)
	require.Equal(t, f.version("app"), d.progress.Download.ServerVersion)
	require.Equal(t, d.progress.Download.ClientVersion, d.progress.Upload.ClientVersion)
}

// A change of the subscription sends what came and takes what went; narrowing to nothing as well.
func TestChangeOfSubscription(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	for i := range int64(6) {
		d.write(create(i, "Dog", i)...)
	}
	d.upload()
	e := f.device("berta").subscribed(oldDogs)
	require.Equal(t, []string{"4 Dog 4", "5 Dog 5"}, e.dogs())
	m := e.subscribe(2, `{"Dog":"(age < 2)"}`)
	require.Equal(t, wire.LastInBatch, m.BatchState)
	require.Equal(t, []string{"0 Dog 0", "1 Dog 1"}, e.dogs())
	e.subscribe(3, `{"Dog":"(age < 2) OR (age > 4)"}`)
	require.Equal(t, []string{"0 Dog 0", "1 Dog 1", "5 Dog 5"}, e.dogs())
	m = e.subscribe(4, noDogs)
	require.Empty(t, e.dogs())
	require.NotEmpty(t, m.Entries)
	m = e.subscribe(5, noDogs)
	require.Len(t, m.Entries, 1, "also where nothing changes, a bootstrap has a changeset")
	require.Empty(t, m.Entries[0].Changeset)
	m = e.subscribe(6, allDogs)
	require.Len(t, e.dogs(), 6)
	e.sync()
	require.NotZero(t, m.Progress.Download.ServerVersion)
}

// A bootstrap that is larger than a message comes in several, one that is larger than the memory for it as well.
func TestLargeBootstrap(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	random := rand.New(rand.NewPCG(1, 2))
	const dogs, length = 600, 10_000 // 6 MB, more than spoolMemory
	for i := range int64(dogs) {
		name := make([]byte, length)
		for k := range name {
			name[k] = byte(33 + random.IntN(90))
		}
		d.write(create(i, string(name), i)...)
		if i%100 == 99 {
			d.upload()
		}
	}
	e := f.device("berta").fresh()
	e.send(&wire.Query{Session: e.sid, Version: 1, Body: []byte(allDogs)})
	e.send(&wire.Mark{Session: e.sid, Request: 1})
	messages, estimate := 0, 0.0
	for {
		m, ok := e.next().(*wire.Download)
		require.True(t, ok)
		messages++
		require.Greater(t, m.Estimate, estimate)
		estimate = m.Estimate
		size := 0
		for i := range m.Entries {
			size += len(m.Entries[i].Changeset)
		}
		require.Less(t, size, 2*f.Server.cfg.messageBytes)
		e.download(m)
		if m.BatchState == wire.LastInBatch {
			break
		}
		require.Empty(t, e.dogs(), "nothing is visible before the end")
	}
	require.Equal(t, &wire.Mark{Session: 1, Request: 1}, e.next())
	require.Greater(t, messages, 3)
	require.Equal(t, 1.0, estimate)
	require.Equal(t, d.dogs(), e.dogs())
}

// Objects that many queries can be looked up for reach those, and only those, that they concern.
func TestManyQueries(t *testing.T) {
	f := open(t, nil)
	writer := f.device("anna").subscribed(allDogs)
	var readers []*device
	for i := range 20 {
		readers = append(readers, f.device(fmt.Sprint("reader-", i)).subscribed(fmt.Sprintf(`{"Dog":"(age == %d) OR (name == \"dog %d\")"}`, i, i)))
	}
	for i := range int64(20) {
		writer.write(create(i, fmt.Sprintf("dog %d", (i+1)%20), i)...)
	}
	writer.upload()
	for i, r := range readers {
		r.sync()
		require.Len(t, r.dogs(), 2, "%d: %v", i, r.dogs())
		for _, dog := range r.dogs() {
			require.True(t, strings.Contains(dog, fmt.Sprint("dog ", i)) || strings.HasSuffix(dog, fmt.Sprint(" ", i)), dog)
		}
	}
}

// A schema that comes later reaches everybody, whatever they are subscribed to.
func TestSchemaReachesEverybody(t *testing.T) {
	f := open(t, nil)
	idle := f.device("idle").fresh()
	d := f.device("anna").subscribed(allDogs)
	d.write(changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "good", Schema: &changeset.SchemaFields{Type: value.KindBool}})
	d.upload()
	idle.sync()
	require.NotNil(t, idle.state.Schema().Class("Dog").Property("good"))
	late := f.device("late").fresh()
	require.NotNil(t, late.state.Schema().Class("Dog").Property("good"))
}

// Compensating writes: outside of one's view nothing can be written (spec/sync-semantics.md section 5).
func TestCompensatingWrite(t *testing.T) {
	f := open(t, nil)
	everything := f.device("anna").subscribed(allDogs)
	everything.write(create(1, "Rex", 2)...)
	everything.upload()
	d := f.device("berta").subscribed(oldDogs)
	d.write(append(create(2, "Pup", 1), create(3, "Old", 9)...)...)
	d.uploadOnly()
	d.acknowledged()
	d.sync()
	require.Equal(t, []string{"3 Old 9"}, d.dogs(), "the other object of the changeset stays")
	require.Len(t, d.errors, 1)
	e := d.errors[0]
	require.Equal(t, wire.Warning, e.Action)
	require.True(t, e.TryAgain)
	require.Equal(t, []wire.RejectedUpdate{{Table: "Dog", PrimaryKey: []byte{1, 2}, Reason: `write to 2 in table "Dog" not allowed; object is outside of the current query view`}}, e.Rejected.Updates)
	require.Equal(t, d.sent, e.Rejected.ClientVersion)
	require.Equal(t, d.progress.Download.ServerVersion, e.Rejected.ServerVersion)
	require.Equal(t, []string{"1 Rex 2", "3 Old 9"}, everything.sync().dogs())
	// Creating what exists outside of the view does not change it.
	d.write(create(1, "Mine", 7)...)
	d.uploadOnly()
	d.acknowledged()
	d.sync()
	require.Len(t, d.errors, 2)
	require.Equal(t, []string{"3 Old 9"}, d.dogs())
	require.Equal(t, []string{"1 Rex 2", "3 Old 9"}, everything.sync().dogs())
}

// If the connection is lost before the client has integrated it, a compensating write is told again, error and changeset; once
// it is acknowledged, it isn't (section 5.2).
func TestCompensatingWriteIsRepeated(t *testing.T) {
	f := open(t, nil)
	d := f.device("berta").subscribed(oldDogs)
	d.write(create(2, "Pup", 1)...)
	d.uploadOnly()
	e := expect[*wire.JSONError](d.link) // not taken in, nor is what follows
	expect[*wire.Download](d.link)
	d.drop()
	d.connect()
	again := expect[*wire.JSONError](d.link)
	require.Equal(t, e.Rejected, again.Rejected)
	m := expect[*wire.Download](d.link)
	require.Equal(t, wire.SteadyState, m.BatchState)
	require.Equal(t, e.Rejected.ServerVersion, m.Entries[0].ServerVersion)
	d.drop()
	// The server forgets nothing either.
	f.restart()
	d.connect()
	d.sync()
	require.Len(t, d.errors, 1)
	require.Empty(t, d.dogs())
	d.uploadOnly() // acknowledges
	d.sync()
	d.drop()
	d.connect().sync()
	require.Len(t, d.errors, 1)
	// A QUERY that follows on its heels must not swallow it.
	d.write(create(3, "Pup", 1)...)
	d.send(d.message())
	d.sent = d.version
	d.subscribe(2, allDogs)
	d.sync()
	require.Len(t, d.errors, 2)
	require.Empty(t, d.dogs())
}

// What a client writes right after QUERY is judged by the new subscriptions, what it wrote before by the old ones.
func TestUploadsAroundQuery(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(oldDogs)
	d.write(create(1, "before", 1)...)
	d.send(d.message())
	d.sent = d.version
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(allDogs)})
	d.write(create(2, "after", 1)...)
	d.send(d.message())
	d.sent = d.version
	d.bootstrap()
	d.acknowledged()
	d.sync()
	require.Equal(t, []string{"2 after 1"}, d.dogs())
	require.Len(t, d.errors, 1)
}

// A link to an object outside of the view is sent as it is; when the object comes into the view the link leads to it
// (spec/sync-semantics.md section 4.3).
func TestLinkOutOfView(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.write(
		changeset.Instruction{Op: changeset.AddTable, Table: "Person", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "owner", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "Person"}},
	)
	d.upload()
	d.subscribe(2, `{"Dog":"(TRUEPREDICATE)","Person":"(TRUEPREDICATE)"}`)
	d.write(append([]changeset.Instruction{{Op: changeset.CreateObject, Table: "Person", Key: value.StringKey("ann")}}, append(create(1, "Rex", 4),
		changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(1), Field: "owner", Value: value.FromLink("Person", value.StringKey("ann"))})...)...)
	d.upload()
	e := f.device("berta").subscribed(allDogs)
	owner := func() (value.Value, bool) {
		v, err := e.state.Get("Dog", value.IntKey(1), "owner")
		require.NoError(t, err)
		there, err := e.state.Exists("Person", value.StringKey("ann"))
		require.NoError(t, err)
		return v, there
	}
	link, there := owner()
	require.Equal(t, value.Link{Class: "Person", Key: value.StringKey("ann")}, link.Link())
	require.False(t, there)
	e.subscribe(2, `{"Dog":"(TRUEPREDICATE)","Person":"(TRUEPREDICATE)"}`)
	_, there = owner()
	require.True(t, there)
}
