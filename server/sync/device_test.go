package sync

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/history"
)

// device is a client with its file: it merges what it is sent with what it has not uploaded, as an original client does.
type device struct {
	f    *fixture
	t    testing.TB
	user string
	app  string

	// The file.
	ident         uint64
	salt          int64
	progress      wire.Progress
	query         int64
	body          string
	state         *memstate.State
	version       uint64
	local         []*change // not acknowledged as integrated, or still needed for merging; ascending
	clock         uint64
	held          []*wire.Download // of a bootstrap
	errors        []*wire.JSONError
	recip         map[uint64]*changeset.Changeset
	checks        *client
	schema        []changeset.Instruction // that its program declares
	rules         merge.Rules
	downloaded    int // entries that were integrated
	schemaVersion uint64
	again         func()                 // what it does when its permissions have changed; nil: that doesn't happen
	refusal       func(*wire.QueryError) // nil: that doesn't happen
	keys          map[value.Key]bool     // the objects that it was told of, if somebody wants to know
	keeps         bool                   // the part of a bootstrap that has arrived outlives the connection, as in original clients

	// The session.
	*link
	sid  uint64
	sent uint64 // local version up to which everything was uploaded
	req  uint64
}

// change is one local version.
type change struct {
	version   uint64
	base      uint64
	timestamp uint64
	changes   *changeset.Changeset
}

func (f *fixture) device(user string) *device {
	return &device{f: f, t: f.t, user: user, app: "app", body: noDogs, state: memstate.New(schema.New()), version: 1, clock: 1000,
		recip: map[uint64]*changeset.Changeset{}, checks: newClient(), schema: dogSchema()}
}

// connect opens a connection and binds a session.
func (d *device) connect() *device {
	d.t.Helper()
	d.link = d.f.dialApp(d.app, d.user, wire.OfferedSubprotocols())
	d.who = d.user
	return d.bind(1)
}

// bind binds a session on the connection, up to IDENT.
func (d *device) bind(sid uint64) *device {
	d.t.Helper()
	d.sid, d.req = sid, 0
	if !d.keeps {
		d.held = nil
	}
	d.sent = d.progress.Upload.ClientVersion
	d.send(&wire.Bind{Session: sid, Data: d.bindData(), NeedIdent: d.ident == 0})
	// What was received and not taken in was lost with the connection.
	d.checks = newClient()
	d.checks.ident, d.checks.progress, d.checks.active = d.ident, d.progress, d.query
	if d.progress.Download.ServerVersion > 0 {
		d.checks.sets = map[int64]setState{d.query: complete}
	}
	d.mu.Lock()
	d.sessions[sid].file = d.checks
	d.mu.Unlock()
	d.devices[sid] = d
	if d.ident == 0 {
		m := expect[*wire.ServerIdent](d.link)
		require.GreaterOrEqual(d.t, m.FileIdent, uint64(2))
		d.ident, d.salt = m.FileIdent, m.Salt
	}
	d.send(&wire.Ident{
		Session: sid, FileIdent: d.ident, Salt: d.salt, Download: d.progress.Download, Latest: d.progress.Latest, QueryVersion: d.query, Query: []byte(d.body),
	})
	return d
}

func (d *device) bindData() []byte {
	data := wire.BindData{SchemaVersion: d.schemaVersion}
	if d.rules != merge.Compatible {
		data.MergeRules = d.rules.String()
	}
	return data.Append(nil)
}

// fresh connects a new file and takes in the schema.
func (d *device) fresh() *device {
	d.t.Helper()
	d.connect()
	m := d.bootstrap()
	require.Equal(d.t, int64(0), m.QueryVersion)
	return d
}

// subscribed connects a new file with a subscription.
func (d *device) subscribed(body string) *device {
	d.t.Helper()
	d.fresh()
	d.prepare()
	d.upload()
	d.subscribe(1, body)
	return d
}

// prepare makes the schema locally if it isn't there.
func (d *device) prepare() {
	d.t.Helper()
	if d.state.Schema().Class("Dog") == nil {
		d.write(d.schema...)
	}
}

// write commits a local transaction.
func (d *device) write(ins ...changeset.Instruction) {
	d.t.Helper()
	require.NoError(d.t, d.state.Apply(&changeset.Changeset{Instructions: ins}))
	d.record(ins)
}

// record makes a local version of what was applied.
func (d *device) record(ins []changeset.Instruction) {
	d.version++
	d.clock += 10
	d.local = append(d.local, &change{d.version, d.progress.Download.ServerVersion, d.clock, &changeset.Changeset{Instructions: ins}})
}

// message makes an UPLOAD of everything that was not uploaded.
func (d *device) message() *wire.Upload {
	d.t.Helper()
	m := &wire.Upload{Session: d.sid, LockedServerVersion: d.progress.Download.ServerVersion}
	m.Progress = wire.UploadCursor{ClientVersion: d.version, ServerVersion: d.progress.Download.ServerVersion}
	for _, c := range d.local {
		if c.version <= d.sent {
			continue
		}
		b, err := changeset.Encode(c.changes)
		require.NoError(d.t, err)
		m.Entries = append(m.Entries, wire.UploadEntry{ClientVersion: c.version, ServerVersion: c.base, OriginTimestamp: c.timestamp, Changeset: b})
		m.Progress = wire.UploadCursor{ClientVersion: c.version, ServerVersion: c.base}
	}
	return m
}

// upload uploads everything and waits for the acknowledgement.
func (d *device) upload() {
	d.t.Helper()
	d.uploadOnly()
	d.acknowledged()
}

func (d *device) uploadOnly() {
	d.t.Helper()
	m := d.message()
	d.send(m)
	d.sent = max(d.sent, m.Progress.ClientVersion)
}

// acknowledged integrates until everything that was uploaded is acknowledged.
func (d *device) acknowledged() {
	d.t.Helper()
	last := uint64(0)
	for _, c := range d.local {
		if c.version <= d.sent {
			last = c.version
		}
	}
	for d.progress.Upload.ClientVersion < last {
		d.step()
	}
}

// subscribe sends a QUERY and integrates its bootstrap.
func (d *device) subscribe(version int64, body string) *wire.Download {
	d.t.Helper()
	d.send(&wire.Query{Session: d.sid, Version: version, Body: []byte(body)})
	for {
		m, ok := d.step().(*wire.Download)
		if ok && m.BatchState == wire.LastInBatch {
			require.Equal(d.t, version, m.QueryVersion)
			d.body = body
			return m
		}
	}
}

// bootstrap integrates until the end of a bootstrap.
func (d *device) bootstrap() *wire.Download {
	d.t.Helper()
	for {
		if m, ok := d.step().(*wire.Download); ok && m.BatchState == wire.LastInBatch {
			return m
		}
	}
}

// sync waits until everything that the server has by now is here.
func (d *device) sync() *device {
	d.t.Helper()
	d.req++
	d.send(&wire.Mark{Session: d.sid, Request: d.req})
	for {
		if m, ok := d.step().(*wire.Mark); ok && m.Request == d.req {
			return d
		}
	}
}

// step takes the next message in, and on the way those for other devices on the connection.
func (d *device) step() wire.ServerMessage {
	d.t.Helper()
	for {
		m := d.next()
		switch other := d.devices[m.SessionIdent()]; {
		case other != nil && other != d:
			other.takeIn(m)
		case m.SessionIdent() == d.sid || m.SessionIdent() == 0:
			return d.takeIn(m)
		} // else it is for a session that was unbound
	}
}

func (d *device) takeIn(m wire.ServerMessage) wire.ServerMessage {
	d.t.Helper()
	traceMessage(d.user, m)
	switch m := m.(type) {
	case *wire.Download:
		d.download(m)
	case *wire.JSONError:
		if m.Code == wire.CodeSessionClosed && d.again != nil {
			d.again()
			return m
		}
		require.Equal(d.t, wire.CodeCompensatingWrite, m.Code, m.Message)
		d.errors = append(d.errors, m)
	case *wire.QueryError:
		if d.refusal == nil {
			require.FailNow(d.t, string(m.Text))
		}
		d.refusal(m)
	}
	return m
}

func (d *device) download(m *wire.Download) {
	d.t.Helper()
	if m.BatchState != wire.SteadyState && len(d.held) > 0 && d.held[0].QueryVersion != m.QueryVersion {
		d.held = nil
	}
	switch m.BatchState {
	case wire.MoreToCome:
		d.held = append(d.held, m)
		return
	case wire.LastInBatch:
		var entries []wire.DownloadEntry
		for _, h := range d.held {
			entries = append(entries, h.Entries...)
		}
		d.held = nil
		d.integrate(append(entries, m.Entries...))
		if m.QueryVersion > d.query {
			d.query = m.QueryVersion
		}
	default:
		d.integrate(m.Entries)
	}
	d.progress = m.Progress
	d.version++
	keep := d.local[:0]
	for _, c := range d.local {
		if c.version > d.progress.Download.ClientVersion || c.version > d.progress.Upload.ClientVersion {
			keep = append(keep, c)
		}
	}
	d.local = keep
}

// integrate merges downloaded changesets with the local ones and applies them.
func (d *device) integrate(entries []wire.DownloadEntry) {
	d.t.Helper()
	d.downloaded += len(entries)
	var batch []*merge.Entry
	for i := range entries {
		e := &entries[i]
		c, err := changeset.Decode(e.Changeset)
		require.NoError(d.t, err)
		for k := range c.Instructions {
			if in := &c.Instructions[k]; d.keys != nil && !in.IsSchema() {
				d.keys[in.Key] = true
			}
		}
		if changeset.Supported(c) != nil && e.OriginFileIdent != history.Server && e.OriginTimestamp > d.clock {
			// Whoever has seen how a collection was made is not older than that (see the simulation of package history).
			d.clock += (e.OriginTimestamp - d.clock + 9) / 10 * 10
		}
		batch = append(batch, &merge.Entry{Changeset: c, Version: e.ServerVersion, LastIntegrated: e.ClientVersion, Timestamp: e.OriginTimestamp, FileIdent: e.OriginFileIdent})
	}
	require.NoError(d.t, d.rules.Batch(d, d.version, batch, func(e *merge.Entry) error {
		d.state.Begin()
		defer d.state.Commit()
		return d.rules.Apply(d.state, e.Changeset)
	}))
}

// NextAfter implements merge.History.
func (d *device) NextAfter(after, upTo uint64) (uint64, bool, error) {
	for _, c := range d.local {
		if c.version > after && c.version <= upTo {
			return c.version, true, nil
		}
	}
	return 0, false, nil
}

// Reciprocal implements merge.History.
func (d *device) Reciprocal(version uint64) (merge.Entry, error) {
	for _, c := range d.local {
		if c.version == version {
			out := merge.Entry{Changeset: c.changes, Timestamp: c.timestamp, FileIdent: d.ident}
			if r := d.recip[version]; r != nil {
				out.Changeset = r
			}
			return out, nil
		}
	}
	return merge.Entry{}, fmt.Errorf("there is no local version %d", version)
}

// StoreReciprocal implements merge.History.
func (d *device) StoreReciprocal(version uint64, c *changeset.Changeset) error {
	d.recip[version] = c
	return nil
}

// dogs lists what the device has, "id name age", by id.
func (d *device) dogs() []string {
	d.t.Helper()
	out := []string{}
	for _, key := range d.state.Keys("Dog") {
		name, err := d.state.Get("Dog", key, "name")
		require.NoError(d.t, err)
		age, err := d.state.Get("Dog", key, "age")
		require.NoError(d.t, err)
		out = append(out, fmt.Sprintf("%d %s %d", key.Int(), name.Str(), age.Int()))
	}
	return out
}

// has tells whether the device has an object.
func (d *device) has(id int64) bool {
	d.t.Helper()
	ok, err := d.state.Exists("Dog", value.IntKey(id))
	require.NoError(d.t, err)
	return ok
}
