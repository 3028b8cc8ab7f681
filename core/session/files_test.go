package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// Two real realm files, real sockets, and a server that passes changesets on as they are. It has no merging, which is somebody else's
// test; here it is about the way of a write from file to file.
func TestTwoFiles(t *testing.T) {
	relay := &relay{files: map[uint64]*relayFile{}}
	server := httptest.NewServer(relay)
	defer server.Close()
	m := session.NewManager(session.Options{})
	defer m.Close()
	a, b := openDevice(t, m, "a", server.URL), openDevice(t, m, "b", server.URL)
	for _, d := range []*device{a, b} {
		d.wait(d.session.WaitForDownload)
		d.wait(d.session.WaitForUpload)
	}
	a.wait(a.session.WaitForDownload)
	const rounds = 50
	start := time.Now()
	for i := range rounds {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		arrived := to.expect(int64(i))
		from.write(changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(int64(i))})
		select {
		case <-arrived:
		case <-time.After(time.Minute):
			t.Fatalf("write %d doesn't arrive", i)
		}
	}
	t.Logf("%v from commit to commit", time.Since(start)/rounds)
	for _, d := range []*device{a, b} {
		d.wait(d.session.WaitForUpload)
		require.Equal(t, rounds, d.count())
	}
}

// device is a realm file with its session.
type device struct {
	t       *testing.T
	conn    *store.Conn // of the application
	reader  *store.Conn // for looking when the application doesn't
	file    string
	session *session.Session
}

func openDevice(t *testing.T, m *session.Manager, name, url string) *device {
	path := filepath.Join(t.TempDir(), name+".realm")
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	d := &device{t: t, conn: conn, file: history.Canonical(path)}
	require.NoError(t, conn.BeginWrite())
	require.NoError(t, history.Prepare(conn))
	d.commit(changeset.Instruction{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{TableKind: schema.TopLevel, KeyField: "_id", KeyType: value.KindInt}})
	d.reader, err = store.Open(path, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.reader.Close()) })
	d.session, err = m.Open(session.Config{
		Path: d.file, User: user{name, "ws" + strings.TrimPrefix(url, "http")},
		Open:    func() (session.File, error) { return history.OpenFile(path, history.FileOptions{}) },
		OnError: func(_ *session.Session, e *session.Error) { t.Error(e) },
	})
	require.NoError(t, err)
	return d
}

func (d *device) write(in ...changeset.Instruction) {
	require.NoError(d.t, d.conn.BeginWrite())
	d.commit(in...)
}

// commit does what core/realm does at a commit.
func (d *device) commit(in ...changeset.Instruction) {
	c := &changeset.Changeset{Instructions: in}
	require.NoError(d.t, changeset.Apply(d.conn.State(), c))
	data, err := changeset.Encode(c)
	require.NoError(d.t, err)
	version, err := history.AppendLocal(d.conn, data, time.Now())
	require.NoError(d.t, err)
	require.NoError(d.t, d.conn.Commit())
	history.Announce(d.file, version, d.conn)
}

func (d *device) wait(register func(func(error))) {
	d.t.Helper()
	done := make(chan error, 1)
	register(func(err error) { done <- err })
	select {
	case err := <-done:
		require.NoError(d.t, err)
	case <-time.After(time.Minute):
		d.t.Fatal("it doesn't come")
	}
}

// expect returns a channel that is closed when there are n+1 objects.
func (d *device) expect(n int64) <-chan struct{} {
	arrived, commits := make(chan struct{}), make(chan struct{}, 1)
	cancel := history.Listen(d.file, func(history.Commit) {
		select {
		case commits <- struct{}{}:
		default:
		}
	})
	var once sync.Once
	go func() {
		defer once.Do(cancel)
		deadline := time.After(time.Minute)
		for int64(d.count()) <= n {
			select {
			case <-commits:
			case <-deadline:
				return
			}
		}
		close(arrived)
	}()
	return arrived
}

// count reads the number of objects.
func (d *device) count() int {
	if err := d.reader.BeginRead(); err != nil {
		return -1
	}
	defer d.reader.EndRead()
	class := d.reader.Classes()
	rows, err := d.reader.LoadFrom(class[0], -1<<62, store.MaxBatch)
	if err != nil {
		return -1
	}
	defer rows.Release()
	return rows.Len()
}

// relay is the server. Version 1 is empty; every upload with changesets makes versions, one each.
type relay struct {
	mu      sync.Mutex
	entries []relayEntry // versions 2, 3, ...
	files   map[uint64]*relayFile
}

type relayEntry struct {
	origin, clientVersion, timestamp uint64
	changeset                        []byte
}

type relayFile struct {
	ident  uint64
	sent   uint64 // download cursor
	own    uint64 // last client version at or before sent
	upload wire.UploadCursor
	wake   chan struct{}
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol(wire.Version)}})
	if err != nil {
		return
	}
	c.SetReadLimit(1 << 20)
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	defer c.CloseNow()
	send := func(m wire.ServerMessage) {
		if b, err := m.Append(nil); err == nil {
			_ = c.Write(ctx, websocket.MessageBinary, b)
		}
	}
	var file *relayFile
	for {
		_, raw, err := c.Read(ctx)
		if err != nil {
			return
		}
		m, err := wire.ParseClientMessage(raw, wire.Limits{})
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *wire.Ping:
			send(&wire.Pong{Timestamp: m.Timestamp})
		case *wire.Bind:
			r.mu.Lock()
			file = &relayFile{ident: uint64(len(r.files) + 2), sent: 1, wake: make(chan struct{}, 1)}
			r.files[file.ident] = file
			r.mu.Unlock()
			send(&wire.ServerIdent{Session: m.Session, FileIdent: file.ident, Salt: 1})
		case *wire.Ident:
			send(r.next(file, m.Session, true))
			go func() {
				for {
					select {
					case <-ctx.Done():
						return
					case <-file.wake:
						send(r.next(file, m.Session, false))
					}
				}
			}()
		case *wire.Mark:
			send(r.next(file, m.Session, false))
			send(&wire.Mark{Session: m.Session, Request: m.Request})
		case *wire.Upload:
			r.take(file, m)
		}
	}
}

func (r *relay) take(f *relayFile, m *wire.Upload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range m.Entries {
		r.entries = append(r.entries, relayEntry{f.ident, e.ClientVersion, e.OriginTimestamp, slices.Clone(e.Changeset)})
	}
	f.upload = m.Progress
	if len(m.Entries) == 0 {
		return
	}
	for _, f := range r.files {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// next is the DOWNLOAD that brings a file to the newest version.
func (r *relay) next(f *relayFile, number uint64, first bool) *wire.Download {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &wire.Download{Session: number, BatchState: wire.SteadyState, Estimate: 1}
	if first {
		d.BatchState = wire.LastInBatch
		d.Entries = []wire.DownloadEntry{{ServerVersion: 1, OriginFileIdent: 1}}
	} else {
		for i, e := range r.entries[f.sent-1:] {
			if e.origin == f.ident {
				f.own = e.clientVersion
				continue
			}
			d.Entries = append(d.Entries, wire.DownloadEntry{
				ServerVersion: f.sent + uint64(i) + 1, ClientVersion: f.own, OriginTimestamp: e.timestamp, OriginFileIdent: e.origin, Changeset: e.changeset,
			})
		}
		f.sent = uint64(len(r.entries)) + 1
	}
	d.Progress = wire.Progress{
		Download: wire.DownloadCursor{ServerVersion: f.sent, ClientVersion: f.own}, Latest: wire.LatestServerVersion{Version: uint64(len(r.entries)) + 1, Salt: 1},
		Upload: f.upload,
	}
	return d
}

// user is always logged in.
type user struct{ id, route string }

func (u user) ID() string                          { return u.id }
func (u user) LoggedIn() bool                      { return true }
func (u user) Removed() bool                       { return false }
func (u user) Route() (string, bool)               { return u.route, true }
func (u user) ConfirmRoute(string)                 {}
func (u user) AccessToken() string                 { return "token" }
func (u user) TokenExpired(time.Time) bool         { return false }
func (u user) Refresh(context.Context, bool) error { return fmt.Errorf("no") }
func (u user) Fatal(error) bool                    { return false }
func (u user) LogOut(error)                        {}
func (u user) Observe(func()) func()               { return func() {} }
