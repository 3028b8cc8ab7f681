package merge

import (
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
)

// A server and clients as sections 9 and 10 describe them, in memory, made of the functions of this package.

// simEntry is an entry of a history.
type simEntry struct {
	version   uint64
	timestamp uint64
	remote    uint64 // clients: server version integrated when it was made
	client    uint64 // server: version at the client
	origin    uint64 // clients: 0 for its own; server: the client
	main      *changeset.Changeset
}

type simClient struct {
	t           testing.TB
	ident       uint64
	base        uint64
	entries     []simEntry
	reciprocals map[uint64]*changeset.Changeset
	progress    Progress
	session     UploadCursor
	state       *memstate.State // nil: not kept
	rules       Rules
}

func newSimClient(t testing.TB, ident uint64, state *memstate.State) *simClient {
	c := &simClient{t: t, ident: ident, base: 1, reciprocals: map[uint64]*changeset.Changeset{}}
	if state != nil {
		c.state = state.Clone()
	}
	return c
}

func (c *simClient) version() uint64 { return c.base + uint64(len(c.entries)) }

func (c *simClient) entry(version uint64) *simEntry { return &c.entries[version-c.base-1] }

func (c *simClient) append(e simEntry) {
	e.version = c.version() + 1
	c.entries = append(c.entries, e)
}

// commit records a local change that the state has already.
func (c *simClient) commit(timestamp uint64, changes *changeset.Changeset) {
	c.append(simEntry{timestamp: timestamp, remote: c.progress.Download.ServerVersion, main: changes})
}

func (e *simEntry) local() bool { return e.origin == 0 && !e.main.Empty() }

func (c *simClient) next(after uint64) (uint64, bool, error) {
	for v := after + 1; v <= c.version(); v++ {
		if c.entry(v).local() {
			return v, true, nil
		}
	}
	return 0, false, nil
}

// NextAfter implements History.
func (c *simClient) NextAfter(after, upTo uint64) (uint64, bool, error) {
	w, ok, err := c.next(after)
	return w, ok && w <= upTo, err
}

// Reciprocal implements History.
func (c *simClient) Reciprocal(version uint64) (Entry, error) {
	e := c.entry(version)
	out := Entry{Changeset: e.main, Timestamp: e.timestamp, FileIdent: c.ident}
	if r := c.reciprocals[version]; r != nil {
		out.Changeset = r
	}
	return out, nil
}

// StoreReciprocal implements History.
func (c *simClient) StoreReciprocal(version uint64, r *changeset.Changeset) error {
	c.reciprocals[version] = r
	return nil
}

func (c *simClient) scan(after, upTo uint64) iter.Seq2[LocalEntry, error] {
	return func(yield func(LocalEntry, error) bool) {
		for v := after + 1; v <= min(upTo, c.version()); v++ {
			e := c.entry(v)
			if !yield(LocalEntry{Version: v, RemoteVersion: e.remote, Timestamp: e.timestamp, Upload: e.local(), Size: len(e.main.Instructions)}, nil) {
				return
			}
		}
	}
}

// applyTo applies a changeset to a state, if there is one.
func applyTo(s *memstate.State, rules Rules, c *changeset.Changeset) error {
	return applyEntryTo(s, rules, &Entry{Changeset: c})
}

// applyEntryTo applies what a merge has made of an entry.
func applyEntryTo(s *memstate.State, rules Rules, e *Entry) error {
	if s == nil {
		return nil
	}
	s.Begin()
	err := rules.ApplyEntry(s, e)
	if err != nil {
		s.Rollback()
	} else {
		s.Commit()
	}
	return err
}

// simMessage is what a DOWNLOAD holds.
type simMessage struct {
	progress Progress
	entries  []*Entry // LastIntegrated is the version of the client
}

// integrate is the recipe of section 9.3.
func (c *simClient) integrate(m simMessage) {
	t := c.t
	t.Helper()
	var headers []Received
	for _, e := range m.entries {
		headers = append(headers, Received{e.Version, e.LastIntegrated, e.FileIdent})
	}
	require.NoError(t, CheckDownload(c.progress, m.progress, headers, c.version(), c.ident))
	if len(m.entries) == 0 {
		c.save(m.progress)
		c.append(simEntry{remote: c.progress.Download.ServerVersion, main: &changeset.Changeset{}})
		return
	}
	current := c.version()
	require.NoError(t, Rebase(m.entries, c.base, current))
	require.NoError(t, c.rules.Batch(c, current, m.entries, func(e *Entry) error {
		return applyEntryTo(c.state, c.rules, e)
	}), "client %d", c.ident)
	c.save(m.progress)
	last := m.entries[len(m.entries)-1]
	c.append(simEntry{remote: last.Version, origin: last.FileIdent, timestamp: last.Timestamp, main: &changeset.Changeset{}})
}

// save stores progress and trims (section 9.5).
func (c *simClient) save(p Progress) {
	t := c.t
	t.Helper()
	next, err := c.progress.Advance(p)
	require.NoError(t, err)
	c.progress = next
	c.session = c.session.Raise(next.Upload)
	base, err := TrimVersion(next, c.base, c.version(), c.next)
	require.NoError(t, err)
	for v := range c.reciprocals {
		if v <= base {
			delete(c.reciprocals, v)
		}
	}
	c.entries = slices.Clone(c.entries[base-c.base:])
	c.base = base
}

type simServer struct {
	t       testing.TB
	history []simEntry // of versions 1, 2, ...; the first one is the base state, with no changeset
	files   map[uint64]*simFile
	state   *memstate.State
	indexed bool // find windows by object
	lenient bool // see requireMerged
	rules   Rules
}

type simFile struct {
	ClientFile
	ident       uint64
	server      *simServer
	reciprocals map[uint64]*changeset.Changeset
	session     UploadSession
	cursor      DownloadCursor
}

func newSimServer(t testing.TB, state *memstate.State, clients ...*simClient) *simServer {
	s := &simServer{t: t, files: map[uint64]*simFile{}, history: []simEntry{{version: 1, origin: ServerFile, main: &changeset.Changeset{}}}}
	if state != nil {
		s.state = state.Clone()
	}
	for _, c := range clients {
		s.files[c.ident] = &simFile{ClientFile: ClientFile{Salt: 1}, ident: c.ident, server: s, reciprocals: map[uint64]*changeset.Changeset{}}
	}
	return s
}

func (s *simServer) version() uint64 { return uint64(len(s.history)) }

// connect starts a new session of the client, on both sides.
func (s *simServer) connect(c *simClient) {
	f := s.files[c.ident]
	claim := Claim{Ident: c.ident, Salt: 1, Download: c.progress.Download, Latest: c.progress.Latest}
	claim.Latest.Salt = 7
	require.NoError(s.t, CheckIdent(&f.ClientFile, claim, s.version(), func(uint64) (int64, error) { return 7, nil }))
	f.session = UploadSession{Threshold: f.Threshold(), Downloaded: c.progress.Download.ServerVersion, Locked: f.Locked}
	f.cursor = c.progress.Download
	c.session = c.progress.Upload
}

// NextAfter implements History.
func (f *simFile) NextAfter(after, upTo uint64) (uint64, bool, error) {
	for v := after + 1; v <= upTo; v++ {
		if e := &f.server.history[v-1]; e.origin != f.ident && !e.main.Empty() {
			return v, true, nil
		}
	}
	return 0, false, nil
}

// Reciprocal implements History.
func (f *simFile) Reciprocal(version uint64) (Entry, error) {
	e := &f.server.history[version-1]
	out := Entry{Changeset: e.main, Timestamp: e.timestamp, FileIdent: e.origin}
	if r := f.reciprocals[version]; r != nil {
		out.Changeset = r
	}
	return out, nil
}

// StoreReciprocal implements History.
func (f *simFile) StoreReciprocal(version uint64, r *changeset.Changeset) error {
	f.reciprocals[version] = r
	return nil
}

// finder is a simFile that finds windows by object.
type finder struct{ *simFile }

// Window implements Finder with as little as it may return.
func (f finder) Window(after, upTo uint64, t Touched) (out []uint64, err error) {
	for v := after; ; {
		w, ok, err := f.NextAfter(v, upTo)
		if !ok || err != nil {
			return out, err
		}
		v = w
		u := Touch(f.server.history[w-1].main)
		if t.Erases || u.Erases || t.Schema && u.Schema || slices.ContainsFunc(u.Objects, func(o ObjectRef) bool { return slices.Contains(t.Objects, o) }) {
			out = append(out, w)
		}
	}
}

// upload sends the client's changesets up to a version and integrates them (section 10.3). It returns what they became.
func (s *simServer) upload(c *simClient, end uint64) []*Entry {
	t := s.t
	t.Helper()
	f := s.files[c.ident]
	found, header, err := UploadScan(c.session, c.base, min(end, c.version()), c.scan)
	require.NoError(t, err)
	if len(found) == 0 && !c.session.MustReport(c.progress) {
		return nil
	}
	c.session = header
	locked := c.progress.Download.ServerVersion
	var cursors []UploadCursor
	for _, e := range found {
		cursors = append(cursors, UploadCursor{e.Version, e.RemoteVersion})
	}
	old, err := f.session.CheckUpload(header, locked, cursors)
	require.NoError(t, err)
	var batch []*Entry
	for _, e := range found[old:] {
		batch = append(batch, &Entry{Changeset: c.entry(e.Version).main, Version: e.Version, LastIntegrated: e.RemoteVersion, Timestamp: e.Timestamp, FileIdent: c.ident})
	}
	var h History = f
	if s.indexed {
		h = finder{f}
	}
	require.NoError(t, s.rules.Batch(h, s.version(), batch, func(e *Entry) error {
		return applyEntryTo(s.state, s.rules, e)
	}), "upload of client %d", c.ident)
	for _, e := range batch {
		s.history = append(s.history, simEntry{version: s.version() + 1, origin: c.ident, client: e.Version, timestamp: e.Timestamp, main: e.Changeset})
	}
	if f.Integrate(header, locked) {
		for v := range f.reciprocals {
			if v <= f.BaseVersion {
				delete(f.reciprocals, v)
			}
		}
	}
	return batch
}

func (f *simFile) scan(after, upTo uint64) iter.Seq2[ServerEntry, error] {
	return func(yield func(ServerEntry, error) bool) {
		for v := after + 1; v <= upTo; v++ {
			e := &f.server.history[v-1]
			if !yield(ServerEntry{Version: v, Own: e.origin == f.ident, ClientVersion: e.client, Size: len(e.main.Instructions)}, nil) {
				return
			}
		}
	}
}

// message makes the next DOWNLOAD, up to a server version (section 10.5).
func (s *simServer) message(c *simClient, end uint64, limit int) simMessage {
	f := s.files[c.ident]
	send, cursor, err := DownloadScan(f.cursor, end, limit, f.scan)
	require.NoError(s.t, err)
	f.cursor = cursor
	f.session.Downloaded = cursor.ServerVersion
	m := simMessage{progress: Progress{Download: cursor, Latest: LatestVersion{Version: s.version(), Salt: 7}, Upload: f.Threshold()}}
	for _, e := range send {
		h := &s.history[e.ServerVersion-1]
		m.entries = append(m.entries, &Entry{Changeset: h.main, Version: e.ServerVersion, LastIntegrated: e.ClientVersion, Timestamp: h.timestamp, FileIdent: h.origin})
	}
	return m
}

// download sends everything up to a server version. together makes one message of it, with as many bases as it takes.
func (s *simServer) download(c *simClient, end uint64, limit int, together bool) (out []*Entry) {
	f := s.files[c.ident]
	var all simMessage
	for first := true; first || f.cursor.ServerVersion < end; first = false {
		m := s.message(c, end, limit)
		out = append(out, m.entries...)
		if !together {
			c.integrate(m)
			continue
		}
		all.progress = m.progress
		all.entries = append(all.entries, m.entries...)
	}
	if together {
		c.integrate(all)
	}
	return out
}
