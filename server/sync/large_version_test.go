package sync

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// kennel is a server on which versions are large soon, with a writer that has ten dogs, of which only the first is old, and a reader of old dogs.
func kennel(t *testing.T) (f *fixture, writer, reader *device) {
	t.Helper()
	f = open(t, func(c *Config) { c.LargeVersion, c.LargeChangeset = 2000, 2000 })
	writer = f.device("anna").subscribed(allDogs)
	var young []changeset.Instruction
	for i := range int64(100) {
		young = append(young, create(i, fmt.Sprint("young ", i), 1)...)
	}
	writer.write(append(young, grow(0, 7)...)...)
	writer.upload()
	reader = f.device("berta").subscribed(oldDogs)
	require.Equal(t, []string{"0 young 0 7"}, reader.dogs())
	return f, writer, reader
}

// age makes all dogs older in one transaction: 99 enter the reader's view, and the one that is there changes. More are made.
func (d *device) age() {
	d.t.Helper()
	all := []changeset.Instruction{{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(0), Field: "age", Add: 1}}
	for i := range int64(99) {
		all = append(all, grow(i+1, 8)...)
		all = append(all, create(i+100, fmt.Sprint("new ", i), 9)...)
	}
	d.write(all...)
	d.upload()
}

// inBatches takes a large version in, and returns how many messages it had.
func (d *device) inBatches() (n int) {
	d.t.Helper()
	before := d.dogs()
	for {
		m, ok := d.step().(*wire.Download)
		if !ok || n == 0 && len(m.Entries) == 0 {
			continue
		}
		require.NotEqual(d.t, wire.SteadyState, m.BatchState)
		require.Equal(d.t, d.query, m.QueryVersion, "that of what the client has")
		if n++; m.BatchState == wire.LastInBatch {
			return n
		}
		require.Equal(d.t, before, d.dogs(), "nothing is visible before the end")
	}
}

// A transaction with which much enters a view is told in batches, and merged with what the client has written itself.
func TestLargeVersion(t *testing.T) {
	f, writer, reader := kennel(t)
	reader.write(changeset.Instruction{Op: changeset.AddInteger, Table: "Dog", Key: value.IntKey(0), Field: "age", Add: 10}) // without knowledge of it
	reader.write(rename(0, "mine")...)
	writer.age()
	before := reader.progress
	require.Greater(t, reader.inBatches(), 3)
	require.Len(t, reader.dogs(), 199)
	require.Equal(t, before.Upload, reader.progress.Upload, "nothing was uploaded")
	reader.upload()
	writer.sync()
	require.Equal(t, f.dogs("app")[0].text, "0 mine 18")
	require.Equal(t, writer.dogs(), reader.sync().dogs())
	writer.write(grow(5, 1)...)
	writer.upload()
	require.Len(t, reader.sync().dogs(), 198, "it goes on in steady state")
	reader.reconnect()
	require.Len(t, reader.sync().dogs(), 198)
}

func (d *device) reconnect() {
	d.drop()
	d.connect()
}

// What objects have that stay in the view is in the last message, so that a client which keeps batches over a lost connection has nothing twice. Nothing is lost, and a change
// of the subscriptions that came meanwhile has its turn.
func TestLargeVersionBrokenOff(t *testing.T) {
	_, writer, reader := kennel(t)
	reader.keeps = true
	for range 3 {
		if len(reader.held) == 0 {
			writer.age()
		}
		for len(reader.held) < 2 {
			reader.step()
		}
		reader.reconnect()
	}
	require.Equal(t, []string{"0 young 0 7"}, reader.dogs())
	reader.send(&wire.Query{Session: reader.sid, Version: 2, Body: []byte(allDogs)})
	require.Greater(t, reader.inBatches(), 3, "first what belongs to the subscriptions before")
	require.Contains(t, reader.dogs(), "0 young 0 8", "one year, once")
	require.Equal(t, int64(2), reader.bootstrap().QueryVersion)
	require.Equal(t, writer.sync().dogs(), reader.sync().dogs())
}

// A client that was away when it happened is told in the same way, from the history.
func TestLargeVersionLater(t *testing.T) {
	f, writer, reader := kennel(t)
	reader.drop()
	writer.age()
	writer.drop()
	f.restart()
	reader.connect()
	writer.connect()
	require.Greater(t, reader.inBatches(), 3)
	require.Equal(t, writer.sync().dogs(), reader.sync().dogs())
}

// Clients whose protocol has no bootstraps that the server starts are told in one message, as ever.
func TestLargeVersionForOldClients(t *testing.T) {
	f, writer, reader := kennel(t)
	reader.drop()
	reader.link = f.dialApp("app", "berta", []string{wire.Subprotocol(wire.VersionServerBootstrap - 1)})
	reader.bind(1)
	writer.age()
	for len(reader.dogs()) == 1 {
		if m, ok := reader.step().(*wire.Download); ok {
			require.Equal(t, wire.SteadyState, m.BatchState)
		}
	}
	require.Equal(t, writer.sync().dogs(), reader.sync().dogs())
}

// What came to be in a large version enters views: a device that has made an object with the same key meanwhile is set back to it, whole.
func TestLargeVersionAndTheSameKey(t *testing.T) {
	f, writer, reader := kennel(t)
	reader.write(create(150, "mine", 5)...)
	writer.age()
	reader.inBatches()
	require.Contains(t, reader.dogs(), "150 new 50 9")
	reader.upload()
	require.Contains(t, reader.sync().dogs(), "150 new 50 9")
	require.Equal(t, writer.sync().dogs(), reader.dogs())
	require.Empty(t, reader.errors)
	require.Len(t, f.dogs("app"), 199)
}

// A bootstrap under the query version that the client has was broken off, and the client keeps what it got of it: the large version that came since is told in steady state, or
// that would be integrated with it, before its time.
func TestLargeVersionAfterABrokenBootstrap(t *testing.T) {
	_, writer, reader := kennel(t)
	reader.keeps = true
	var all []changeset.Instruction
	for i := range int64(50) {
		all = append(all, grow(i, 5)...)
	}
	writer.write(all...)
	writer.upload()
	require.Len(t, reader.sync().dogs(), 50)
	reader.drop()
	reader.body = `{"Dog":"(age < 4)"}` // as if its role had changed
	reader.connect()
	for len(reader.held) < 3 { // 50 dogs are erased, 50 come
		reader.step()
	}
	writer.age()
	reader.reconnect()
	for len(reader.held) > 0 {
		if m, ok := reader.step().(*wire.Download); ok && len(m.Entries) > 0 && m.Entries[0].OriginFileIdent == writer.ident {
			require.Equal(t, wire.SteadyState, m.BatchState)
		}
	}
	require.Empty(t, reader.sync().dogs(), "nobody is so young any more")
	writer.write(grow(7, 2)...)
	writer.upload()
	require.Equal(t, []string{"7 young 7 2"}, reader.sync().dogs())
}
