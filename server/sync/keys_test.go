package sync

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/core/wire"
)

// hides tells of an object that no view of the device has shown: not even its key is sent.
func (d *device) hides(ids ...int64) {
	d.t.Helper()
	for _, id := range ids {
		require.NotContains(d.t, d.keys, value.IntKey(id))
	}
}

// A client that says that it has something, of which the server knows nothing, is not told to erase what it was never shown: that would be the
// keys of all there is.
func TestKeysAreNotTold(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "anna", 2)...) // hers alone
	anna.write(create(2, "anna", 5)...)
	anna.upload()
	berta := g.device("berta").subscribed(allDogs)
	require.Equal(t, []string{"2 anna 5"}, berta.dogs())
	berta.drop()

	other := g.device("berta")
	other.keys = map[value.Key]bool{}
	other.progress.Download, other.progress.Latest = berta.progress.Download, berta.progress.Latest
	other.progress.Download.ClientVersion = 0
	other.query, other.body = 5, allDogs
	other.connect()
	other.bootstrap()
	require.Equal(t, []string{"2 anna 5"}, other.sync().dogs())
	other.hides(1)
}

// Nor is a client whose bootstrap was broken off told of what others have done meanwhile that no view of its showed.
func TestKeysAreNotToldAfterABreak(t *testing.T) {
	g := openGoverned(t, ownOrOld)
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "anna", 2)...)
	anna.write(create(2, "anna", 5)...)
	anna.write(create(3, "anna", 5)...)
	anna.upload()
	berta := g.device("berta").subscribed(noDogs)
	berta.send(&wire.Query{Session: berta.sid, Version: 2, Body: []byte(allDogs)})
	m := expect[*wire.Download](berta.link)
	require.Equal(t, int64(2), m.QueryVersion)
	berta.drop() // before it is integrated
	anna.write(grow(1, 3)...)
	anna.write(create(4, "anna", 1)...)
	anna.write(grow(2, 1)...) // it was in the bootstrap, and isn't in the next one
	anna.upload()
	berta.keys = map[value.Key]bool{}
	berta.connect()
	berta.sync()
	berta.subscribe(2, allDogs)
	require.Equal(t, []string{"3 anna 5"}, berta.sync().dogs())
	require.Contains(t, berta.keys, value.IntKey(2))
	berta.hides(1, 4)
}

// What the server stores of a view says what its session may see. A client that sends such a text as its query gets nothing by it.
func TestStoredViewAsQuery(t *testing.T) {
	g := openGoverned(t, `[{"name":"own","apply_when":{},"document_filters":{"read":{"name":"%%user.id"},"write":{"name":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]`)
	anna := g.device("anna").subscribed(allDogs)
	anna.write(create(1, "anna", 2)...)
	anna.upload()
	require.Equal(t, []string{"1 anna 2"}, anna.sync().dogs())
	app := g.apps["app"].app
	app.mu.Lock()
	stored := app.files[anna.ident].set.Body()
	app.mu.Unlock()
	require.NotEqual(t, allDogs, stored)
	berta := g.device("berta").fresh()
	berta.drop()
	berta.body = stored
	berta.connect()
	m := expect[*wire.JSONError](berta.link)
	require.Equal(t, wire.CodeBadQuery, m.Code)
	require.Contains(t, m.Message, "bad syntax")
}
