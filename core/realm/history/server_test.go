package history

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/merge"
	"realmsync/core/wire"
)

// modelServer is a server in memory (merge.md section 10), whose clients all see everything. It checks what clients send as strictly
// as the original does.
type modelServer struct {
	t       testing.TB
	history []modelEntry // of versions 1, 2, ...
	files   map[uint64]*modelFile
	state   *memstate.State
	seen    map[[2]uint64]bool // client and version of what was integrated
}

type modelEntry struct {
	origin, client, timestamp uint64
	main                      *changeset.Changeset
}

// modelFile is what the server knows of a client file. It is the merge.History of its uploads.
type modelFile struct {
	merge.ClientFile
	server      *modelServer
	ident       uint64
	reciprocals map[uint64]*changeset.Changeset
	session     merge.UploadSession
	cursor      merge.DownloadCursor
}

const latestSalt = 5

// newModelServer has one entry, with no changes: version 1, so that bootstraps have a version.
func newModelServer(t testing.TB) *modelServer {
	first := modelEntry{origin: 1, main: &changeset.Changeset{}}
	return &modelServer{
		t: t, history: []modelEntry{first}, files: map[uint64]*modelFile{}, state: memstate.New(nil), seen: map[[2]uint64]bool{},
	}
}

func (s *modelServer) version() uint64 { return uint64(len(s.history)) }

// connect begins a session with what the client says in IDENT.
func (s *modelServer) connect(ident uint64, p wire.Progress) *modelFile {
	s.t.Helper()
	f := s.files[ident]
	if f == nil {
		f = &modelFile{server: s, ident: ident, reciprocals: map[uint64]*changeset.Changeset{}}
		f.Salt = ownSalt
		s.files[ident] = f
	}
	claim := merge.Claim{Ident: ident, Salt: ownSalt, Download: merge.DownloadCursor(p.Download), Latest: merge.LatestVersion(p.Latest)}
	require.NoError(s.t, merge.CheckIdent(&f.ClientFile, claim, s.version(), func(v uint64) (int64, error) {
		if v == 0 {
			return 0, nil
		}
		return latestSalt, nil
	}))
	f.session = merge.UploadSession{Threshold: f.Threshold(), Downloaded: p.Download.ServerVersion, Locked: f.Locked}
	f.cursor = merge.DownloadCursor(p.Download)
	return f
}

// NextAfter implements merge.History.
func (f *modelFile) NextAfter(after, upTo uint64) (uint64, bool, error) {
	for v := after + 1; v <= upTo; v++ {
		if e := &f.server.history[v-1]; e.origin != f.ident && !e.main.Empty() {
			return v, true, nil
		}
	}
	return 0, false, nil
}

// Reciprocal implements merge.History.
func (f *modelFile) Reciprocal(version uint64) (merge.Entry, error) {
	e := &f.server.history[version-1]
	out := merge.Entry{Changeset: e.main, Timestamp: e.timestamp, FileIdent: e.origin}
	if r := f.reciprocals[version]; r != nil {
		out.Changeset = r
	}
	return out, nil
}

// StoreReciprocal implements merge.History.
func (f *modelFile) StoreReciprocal(version uint64, r *changeset.Changeset) error {
	f.reciprocals[version] = r
	return nil
}

// upload integrates an UPLOAD.
func (f *modelFile) upload(header wire.UploadCursor, locked uint64, entries []wire.UploadEntry) {
	s, t := f.server, f.server.t
	t.Helper()
	cursors := make([]merge.UploadCursor, len(entries))
	for i, e := range entries {
		cursors[i] = merge.UploadCursor{ClientVersion: e.ClientVersion, ServerVersion: e.ServerVersion}
	}
	old, err := f.session.CheckUpload(merge.UploadCursor(header), locked, cursors)
	require.NoError(t, err)
	var batch []*merge.Entry
	for _, e := range entries[old:] {
		id := [2]uint64{f.ident, e.ClientVersion}
		require.False(t, s.seen[id], "version %d of client %d was integrated before", e.ClientVersion, f.ident)
		s.seen[id] = true
		require.Zero(t, e.OriginFileIdent)
		c, err := changeset.Decode(e.Changeset)
		require.NoError(t, err)
		batch = append(batch, &merge.Entry{
			Changeset: c, Version: e.ClientVersion, LastIntegrated: e.ServerVersion, Timestamp: e.OriginTimestamp, FileIdent: f.ident,
		})
	}
	apply := func(e *merge.Entry) error { return s.state.Apply(e.Changeset) }
	require.NoError(t, merge.Batch(f, s.version(), batch, apply), "upload of client %d", f.ident)
	for _, e := range batch {
		s.history = append(s.history, modelEntry{origin: f.ident, client: e.Version, timestamp: e.Timestamp, main: e.Changeset})
	}
	if f.Integrate(merge.UploadCursor(header), locked) {
		for v := range f.reciprocals {
			if v <= f.BaseVersion {
				delete(f.reciprocals, v)
			}
		}
	}
}

func (f *modelFile) scan(after, upTo uint64) iter.Seq2[merge.ServerEntry, error] {
	return func(yield func(merge.ServerEntry, error) bool) {
		for v := after + 1; v <= upTo; v++ {
			e := &f.server.history[v-1]
			size := len(e.main.Instructions)
			if !yield(merge.ServerEntry{Version: v, Own: e.origin == f.ident, ClientVersion: e.client, Size: size}, nil) {
				return
			}
		}
	}
}

// download makes the next DOWNLOAD in steady state, up to a server version.
func (f *modelFile) download(end uint64, limit int) *wire.Download {
	s := f.server
	send, cursor, err := merge.DownloadScan(f.cursor, end, limit, f.scan)
	require.NoError(s.t, err)
	f.cursor = cursor
	f.session.Downloaded = cursor.ServerVersion
	d := &wire.Download{BatchState: wire.SteadyState, Estimate: 1, Progress: f.progress()}
	for _, e := range send {
		h := &s.history[e.ServerVersion-1]
		data, err := changeset.Encode(h.main)
		require.NoError(s.t, err)
		d.Entries = append(d.Entries, wire.DownloadEntry{
			ServerVersion: e.ServerVersion, ClientVersion: e.ClientVersion,
			OriginTimestamp: h.timestamp, OriginFileIdent: h.origin, Changeset: data,
		})
	}
	return d
}

func (f *modelFile) progress() wire.Progress {
	return wire.Progress{
		Download: wire.DownloadCursor(f.cursor),
		Latest:   wire.LatestServerVersion{Version: f.server.version(), Salt: latestSalt},
		Upload:   wire.UploadCursor(f.Threshold()),
	}
}

// bootstrap makes a bootstrap of all that the client doesn't have, in messages of a few changesets: all of them carry the newest server
// version.
func (f *modelFile) bootstrap(query int64, perMessage int) (messages []*wire.Download) {
	s := f.server
	var entries []wire.DownloadEntry
	for f.cursor.ServerVersion < s.version() {
		entries = append(entries, f.download(s.version(), 1<<20).Entries...)
	}
	for i := range entries {
		entries[i].ServerVersion = s.version()
	}
	if len(entries) == 0 { // a bootstrap has at least one
		only := wire.DownloadEntry{ServerVersion: s.version(), ClientVersion: f.cursor.ClientVersion, OriginFileIdent: 1}
		entries = append(entries, only)
	}
	for len(entries) > 0 {
		n := min(perMessage, len(entries))
		messages = append(messages, bootstrap(query, wire.MoreToCome, f.progress(), entries[:n]...))
		entries = entries[n:]
	}
	messages[len(messages)-1].BatchState = wire.LastInBatch
	return messages
}
