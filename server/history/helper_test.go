package history

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	"realmsync/tests/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = time.Minute

// numbers is a source of salts that can be told apart.
type numbers struct{ n uint64 }

func (r *numbers) Read(b []byte) (int, error) {
	r.n++
	clear(b)
	binary.BigEndian.PutUint64(b[len(b)-8:], r.n<<1)
	return len(b), nil
}

// fixture is an engine on a SQLite file in a temporary directory.
type fixture struct {
	*Engine
	t     testing.TB
	path  string
	cfg   Config
	clock *clock.Clock

	mu        sync.Mutex
	committed []*Entry
}

// open starts an engine; change may change its configuration.
func open(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "app", "sync.db"), clock: clock.At(time.UnixMilli(epoch + 1_000_000))}
	f.cfg = Config{App: "app", Now: f.clock.Now, Random: &numbers{}, Committed: func(entries []*Entry) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.committed = append(f.committed, entries...)
	}}
	if change != nil {
		change(&f.cfg)
	}
	f.start()
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func (f *fixture) start() {
	f.t.Helper()
	s, err := sqlite.Open(context.Background(), f.path)
	require.NoError(f.t, err)
	cfg := f.cfg
	cfg.Store = s
	if wrap := f.cfg.Store; wrap != nil {
		w := wrap.(*faulty)
		w.Store, cfg.Store = s, w
	}
	f.Engine, err = Open(context.Background(), cfg)
	require.NoError(f.t, err)
}

// restart closes the engine and opens another one on the same data.
func (f *fixture) restart() {
	f.t.Helper()
	require.NoError(f.t, f.Close())
	f.start()
}

// announced returns what Committed was called with.
func (f *fixture) announced() []*Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.committed
}

// all sees every object of every class.
type all struct{}

func (all) Sees(*Row) (bool, error) { return true, nil }
func (all) Subscribed(string) bool  { return true }

// where sees the objects of class T whose property zone is one of the letters.
type where string

func (w where) Subscribed(class string) bool { return class == "T" }

func (w where) Sees(row *Row) (bool, error) {
	zone := field(row, "zone").Str()
	for i := range w {
		if zone == string(w[i]) {
			return true, nil
		}
	}
	return false, nil
}

// field returns a property of a row, null if there is none of that name.
func field(row *Row, name string) value.Value {
	if i := row.Class.property(name); i >= 0 {
		return row.Value(i)
	}
	return value.Null()
}

// device is a client file that says what it is told to.
type device struct {
	f         *fixture
	t         testing.TB
	file      store.File
	version   uint64 // of the last upload
	base      uint64 // server version that it says to have integrated
	timestamp uint64
	stream    *Stream
	epochs    []Epoch

	permission Permission // nil: everything
}

func (f *fixture) device(views ...Viewer) *device {
	f.t.Helper()
	file, err := f.NewFile(f.t.Context(), "user", 0)
	require.NoError(f.t, err)
	d := &device{f: f, t: f.t, file: file, version: 1, timestamp: 100, stream: &Stream{}}
	if len(views) == 0 {
		views = []Viewer{all{}}
	}
	for _, v := range views {
		d.epochs = append(d.epochs, Epoch{View: v})
	}
	return d
}

type outcome struct {
	Result
	err error
}

// entry makes the next changeset of the device.
func (d *device) entry(ins ...changeset.Instruction) Uploaded {
	d.t.Helper()
	d.version++
	c := &changeset.Changeset{Instructions: ins}
	b, err := changeset.Encode(c)
	require.NoError(d.t, err)
	c, err = DecodeUploaded(b)
	require.NoError(d.t, err)
	return Uploaded{ClientVersion: d.version, ServerVersion: d.base, Timestamp: d.timestamp, Changeset: c, Data: b}
}

// message makes an UPLOAD.
func (d *device) message(entries ...Uploaded) *Upload {
	u := &Upload{
		File: d.file.Ident, Stream: d.stream, ClientVersion: d.version, ServerVersion: d.base, Locked: d.base, Changesets: entries, Epochs: d.epochs,
		Permission: d.permission,
	}
	for i := range entries {
		u.Bytes += len(entries[i].Data)
	}
	return u
}

// submit hands an UPLOAD over and returns where its outcome will be.
func (f *fixture) submit(u *Upload) <-chan outcome {
	f.t.Helper()
	done := make(chan outcome, 1)
	u.Done = func(r Result, err error) { done <- outcome{r, err} }
	require.NoError(f.t, f.Submit(u))
	return done
}

// wait returns an outcome.
func (f *fixture) wait(done <-chan outcome) outcome {
	f.t.Helper()
	select {
	case o := <-done:
		return o
	case <-time.After(patience):
		require.FailNow(f.t, "the upload was not answered")
		return outcome{}
	}
}

// upload uploads entries and waits.
func (d *device) upload(entries ...Uploaded) (Result, error) {
	d.t.Helper()
	o := d.f.wait(d.f.submit(d.message(entries...)))
	return o.Result, o.err
}

// write uploads one changeset and waits; it must be taken.
func (d *device) write(ins ...changeset.Instruction) Result {
	d.t.Helper()
	r, err := d.upload(d.entry(ins...))
	require.NoError(d.t, err)
	return r
}

// sync says that the device has integrated everything there is.
func (d *device) sync() *device {
	d.base = d.f.Version()
	return d
}

// requireCode tests that an error is a refusal with the code.
func requireCode(t testing.TB, code Code, err error) {
	t.Helper()
	var refusal *Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code, refusal.Message)
	require.NotEmpty(t, refusal.Message)
}

// appendDocument appends a document that has everything in it.
func appendDocument(b []byte, r *Row) []byte { return new(encoder).document(b, r) }

func appendImages(b []byte, images []Image) []byte { return new(encoder).images(b, images) }

// Instructions of tests. Class T has an int key.

func key(k int64) value.Key { return value.IntKey(k) }

func addTable(name string) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddTable, Table: name, Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}}
}

func addAsymmetric(name string) changeset.Instruction {
	in := addTable(name)
	in.Schema.TableKind = schema.Asymmetric
	return in
}

func addColumn(table, name string, kind value.Kind, nullable bool) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: table, Field: name, Schema: &changeset.SchemaFields{Type: kind, Nullable: nullable}}
}

func eraseTable(name string) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseTable, Table: name}
}

func eraseColumn(table, name string) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseColumn, Table: table, Field: name}
}

func create(k int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: key(k)}
}

func erase(k int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: key(k)}
}

func set(k int64, field string, v value.Value) changeset.Instruction {
	return changeset.Instruction{Op: changeset.Update, Table: "T", Key: key(k), Field: field, Value: v}
}

func add(k int64, field string, n int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddInteger, Table: "T", Key: key(k), Field: field, Add: n}
}

// schemaT is class T with the properties n (int), zone (string) and m (mixed).
func schemaT() []changeset.Instruction {
	return []changeset.Instruction{
		addTable("T"), addColumn("T", "n", value.KindInt, false), addColumn("T", "zone", value.KindString, false), addColumn("T", "m", value.KindMixed, true),
	}
}

// withT is a fixture whose server has class T, and its first device.
func withT(t testing.TB, change func(*Config)) (*fixture, *device) {
	t.Helper()
	f := open(t, change)
	d := f.device()
	d.write(schemaT()...)
	return f, d.sync()
}

// ref names an object of class T.
func (f *fixture) ref(k int64) store.ObjectRef {
	f.t.Helper()
	class := f.Catalog().Class("T")
	require.NotNil(f.t, class)
	return store.ObjectRef{Class: class.ID, Key: EncodeKey(key(k))}
}

// row returns an object of class T as it is now, nil if there is none.
func (f *fixture) row(k int64) *Row {
	f.t.Helper()
	s, err := f.Snapshot(f.t.Context())
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, s.Close()) }()
	row, err := s.Row(f.ref(k))
	require.NoError(f.t, err)
	return row
}

// n returns property n of an object, which must exist.
func (f *fixture) n(k int64) int64 {
	f.t.Helper()
	row := f.row(k)
	require.NotNil(f.t, row)
	return field(row, "n").Int()
}

// entry returns a version.
func (f *fixture) entry(version uint64) *Entry {
	f.t.Helper()
	var out *Entry
	require.NoError(f.t, f.Entries(f.t.Context(), version-1, version, func(e *Entry) (bool, error) {
		out = e
		return true, nil
	}))
	require.NotNil(f.t, out)
	return out
}
