package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/store"
	"realmsync/core/store/storetest"
	"realmsync/core/value"
	"realmsync/core/wire"
)

const (
	ownIdent   = 2 // of the file under test
	otherIdent = 3
	ownSalt    = 77
)

// program stands for an application that has the realm open: it commits changesets as core/realm does.
type program struct {
	t    testing.TB
	conn *store.Conn
	file string
	now  uint64 // the clock, in milliseconds since 2015
}

func newProgram(t testing.TB, path string) *program {
	t.Helper()
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	p := &program{t: t, conn: conn, file: Canonical(path), now: 1000}
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return p
}

func (p *program) clock() time.Time { return time.UnixMilli(Epoch + int64(p.now)) }

// prepare makes the realm with its schema, as opening it does.
func (p *program) prepare(instructions ...changeset.Instruction) {
	p.t.Helper()
	require.NoError(p.t, p.conn.BeginWrite())
	require.NoError(p.t, Prepare(p.conn))
	p.finish(instructions)
}

// write commits the instructions and returns the version.
func (p *program) write(instructions ...changeset.Instruction) uint64 {
	p.t.Helper()
	require.NoError(p.t, p.conn.BeginWrite())
	return p.finish(instructions)
}

// finish applies the instructions in the open write transaction and commits.
func (p *program) finish(instructions []changeset.Instruction) uint64 {
	p.t.Helper()
	c := &changeset.Changeset{Instructions: instructions}
	require.NoError(p.t, changeset.Apply(p.conn.State(), c))
	data, err := changeset.Encode(c)
	require.NoError(p.t, err)
	version, err := AppendLocal(p.conn, data, p.clock())
	require.NoError(p.t, err)
	require.NoError(p.t, p.conn.Commit())
	Announce(p.file, version, p.conn)
	return version
}

// subscribe commits a set with these subscriptions: class, query, class, query ...
func (p *program) subscribe(texts ...string) int64 {
	p.t.Helper()
	require.NoError(p.t, p.conn.BeginWrite())
	set := &Set{}
	for i := 0; i < len(texts); i += 2 {
		set.Put(Subscription{Class: texts[i], Query: texts[i+1]}, 1, value.ObjectID{byte(i)})
	}
	require.NoError(p.t, CommitSet(p.conn, set))
	version, err := AppendLocal(p.conn, nil, p.clock())
	require.NoError(p.t, err)
	require.NoError(p.t, p.conn.Commit())
	Announce(p.file, version, p.conn)
	return set.Version
}

// dump reads the whole realm in a snapshot of its own.
func dump(t testing.TB, conn *store.Conn) *memstate.State {
	t.Helper()
	state, err := storetest.Dump(conn, nil)
	require.NoError(t, err)
	return state
}

// device is a realm file with a program and a File.
type device struct {
	*program
	path string
	file *File
	opt  FileOptions
}

// newDevice makes a synced realm with class T (schema) that has its ident.
func newDevice(t testing.TB, ident uint64) *device {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.realm")
	d := &device{program: newProgram(t, path), path: path}
	d.prepare(schemaT...)
	d.open()
	t.Cleanup(func() { require.NoError(t, d.file.Close()) })
	require.NoError(t, d.file.SetIdent(ident, ownSalt))
	return d
}

func (d *device) open() {
	d.t.Helper()
	file, err := OpenFile(d.path, d.opt)
	require.NoError(d.t, err)
	d.file = file
}

// crash closes the File and opens it again.
func (d *device) crash() {
	d.t.Helper()
	require.NoError(d.t, d.file.Close())
	d.open()
}

func (d *device) state() *memstate.State { return dump(d.t, d.conn) }

func (d *device) json() string { return string(d.state().JSON()) }

// rows returns the number of rows of a table.
func (d *device) rows(table string) (n int64) {
	d.t.Helper()
	require.NoError(d.t, d.conn.BeginRead())
	defer func() { require.NoError(d.t, d.conn.EndRead()) }()
	require.NoError(d.t, d.conn.Query("SELECT count(*) FROM "+table, nil, func(row *store.Row) error {
		n = row.Int(0)
		return nil
	}))
	return n
}

// everything is all that a file holds, for comparing: data, history, sets, cursors.
func (d *device) everything() map[string]any {
	d.t.Helper()
	all := map[string]any{"state": d.json()}
	require.NoError(d.t, d.conn.BeginRead())
	defer func() { require.NoError(d.t, d.conn.EndRead()) }()
	for _, table := range []string{
		"sync_file", "sync_history", "sync_integration", "sync_set", "sync_subscription", "sync_bootstrap", "sync_bootstrap_end", "store_meta",
	} {
		var rows [][]string
		require.NoError(d.t, d.conn.Query("SELECT * FROM "+table+" ORDER BY 1, 2", nil, func(row *store.Row) error {
			var cells []string
			for i := range row.Len() {
				text := "null"
				if !row.IsNull(i) {
					text = string(rune('0'+row.Int(i)%64)) + row.Text(i)
				}
				cells = append(cells, text)
			}
			rows = append(rows, cells)
			return nil
		}))
		all[table] = rows
	}
	return all
}

// requireUnchanged compares everything with what it was.
func (d *device) requireUnchanged(before map[string]any, what ...any) {
	d.t.Helper()
	for name, now := range d.everything() {
		require.Equal(d.t, before[name], now, append([]any{name + " has changed"}, what...)...)
	}
}

// requireState compares the data of a realm with the oracle, and shows where they differ.
func requireState(t testing.TB, want *memstate.State, d *device, what string) {
	t.Helper()
	expected, got := string(want.JSON()), d.json()
	if expected == got {
		return
	}
	n := 0
	for n < min(len(expected), len(got)) && expected[n] == got[n] {
		n++
	}
	show := func(s string) string { return s[max(0, n-200):min(len(s), n+200)] }
	t.Fatalf("%s: the states differ\nwant ...%s...\ngot  ...%s...", what, show(expected), show(got))
}

// Shorthands for instructions on class T.

func key(k int64) value.Key { return value.IntKey(k) }

func instructionsOf(all ...changeset.Instruction) []changeset.Instruction { return all }

func create(k int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: key(k)}
}

func erase(k int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: key(k)}
}

func set(k int64, field string, v value.Value) changeset.Instruction {
	return changeset.Instruction{Op: changeset.Update, Table: "T", Key: key(k), Field: field, Value: v}
}

func add(k, n int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddInteger, Table: "T", Key: key(k), Field: "i", Add: n}
}

func column(class, field string, s changeset.SchemaFields) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: field, Schema: &s}
}

func table(class string) changeset.Instruction {
	fields := &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}
	return changeset.Instruction{Op: changeset.AddTable, Table: class, Schema: fields}
}

var schemaT = []changeset.Instruction{
	table("T"),
	column("T", "i", changeset.SchemaFields{Type: value.KindInt}),
	column("T", "n", changeset.SchemaFields{Type: value.KindInt, Nullable: true}),
	column("T", "s", changeset.SchemaFields{Type: value.KindString}),
	column("T", "m", changeset.SchemaFields{Type: value.KindMixed, Nullable: true}),
	column("T", "k", changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "T"}),
}

func encode(t testing.TB, instructions ...changeset.Instruction) []byte {
	t.Helper()
	data, err := changeset.Encode(&changeset.Changeset{Instructions: instructions})
	require.NoError(t, err)
	return data
}

// entry makes a changeset of another client.
func entry(t testing.TB, server, client, timestamp uint64, instructions ...changeset.Instruction) wire.DownloadEntry {
	t.Helper()
	return wire.DownloadEntry{
		ServerVersion: server, ClientVersion: client, OriginTimestamp: timestamp, OriginFileIdent: otherIdent,
		Changeset: encode(t, instructions...),
	}
}

// progress makes a progress whose latest server version is that of the download.
func progress(server, client, acknowledged, reported uint64) wire.Progress {
	return wire.Progress{
		Download: wire.DownloadCursor{ServerVersion: server, ClientVersion: client},
		Latest:   wire.LatestServerVersion{Version: server, Salt: 5},
		Upload:   wire.UploadCursor{ClientVersion: acknowledged, ServerVersion: reported},
	}
}

func steady(p wire.Progress, entries ...wire.DownloadEntry) *wire.Download {
	return &wire.Download{Progress: p, BatchState: wire.SteadyState, Estimate: 1, Entries: entries}
}

func bootstrap(query int64, state wire.BatchState, p wire.Progress, entries ...wire.DownloadEntry) *wire.Download {
	return &wire.Download{Progress: p, QueryVersion: query, BatchState: state, Entries: entries}
}
