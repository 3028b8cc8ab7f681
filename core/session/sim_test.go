package session

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// sim is a correct server for the files of a rig, and chance: connections break, jobs finish when they like, sessions are suspended, disks
// fail. Whatever happens, in the end every change has arrived once and in order, and every wait is over.
type sim struct {
	*rig
	rnd    *rand.Rand
	files  map[uint64]*simFile // by file ident
	idents map[uint64]uint64   // session to file, on this connection
	out    [][]byte            // on the way to the client
	waits  map[uint64]bool
	calm   bool
}

// simFile is what the server knows of a file.
type simFile struct {
	ident   uint64
	version uint64 // of the server, for this file alone
	upload  wire.UploadCursor
	got     []string // changes and queries
	queries []int64
	changes []string // of others; all of them were made before the present version
	sent    int      // of changes, as far as the file has them
}

func (s *sim) send(m wire.ServerMessage) {
	raw, err := m.Append(nil)
	require.NoError(s.t, err)
	s.out = append(s.out, raw)
}

// take is the server's reaction to a message.
func (s *sim) take(raw []byte) {
	m, err := wire.ParseClientMessage(raw, wire.Limits{})
	require.NoError(s.t, err)
	f := s.files[s.idents[m.SessionIdent()]]
	switch m := m.(type) {
	case *wire.Ping:
		s.send(&wire.Pong{Timestamp: m.Timestamp})
	case *wire.Bind:
		if m.NeedIdent {
			f := &simFile{ident: uint64(len(s.files) + 10)}
			s.files[f.ident] = f
			s.send(&wire.ServerIdent{Session: m.Session, FileIdent: f.ident, Salt: 5})
		}
	case *wire.Ident:
		s.idents[m.Session] = m.FileIdent
		f = s.files[m.FileIdent]
		require.LessOrEqual(s.t, m.Download.ServerVersion, f.version)
		f.sent = int(m.Latest.Salt) // see download
		s.download(m.Session, f, m.QueryVersion, wire.SteadyState)
	case *wire.Upload:
		for _, e := range m.Entries {
			if e.ClientVersion > f.upload.ClientVersion {
				f.got = append(f.got, fmt.Sprintf("%d:%s", e.ClientVersion, e.Changeset))
			}
		}
		if m.Progress.ClientVersion > f.upload.ClientVersion {
			f.upload = m.Progress
		}
		if len(m.Entries) > 0 {
			f.version++
			s.download(m.Session, f, 0, wire.SteadyState)
		}
	case *wire.Query:
		f.queries = append(f.queries, m.Version)
		f.got = append(f.got, fmt.Sprintf("query %d", m.Version))
		f.version++
		s.download(m.Session, f, m.Version, wire.MoreToCome)
		s.download(m.Session, f, m.Version, wire.LastInBatch)
	case *wire.Mark:
		s.send(&wire.Mark{Session: m.Session, Request: m.Request})
	case *wire.Unbind:
		if s.idents[m.Session] != 0 {
			s.send(&wire.Unbound{Session: m.Session})
		}
		delete(s.idents, m.Session)
	}
}

// download sends what the file doesn't have. The salt is the number of changes that were sent, so that IDENT brings it back.
func (s *sim) download(session uint64, f *simFile, query int64, state wire.BatchState) {
	d := &wire.Download{Session: session, QueryVersion: query, BatchState: state, Estimate: 1}
	if state == wire.SteadyState {
		for _, c := range f.changes[f.sent:] {
			d.Entries = append(d.Entries, wire.DownloadEntry{ServerVersion: f.version, ClientVersion: f.upload.ClientVersion, OriginFileIdent: 3, Changeset: []byte(c)})
		}
		f.sent = len(f.changes)
	} else {
		d.Entries = []wire.DownloadEntry{{ServerVersion: f.version, ClientVersion: f.upload.ClientVersion, OriginFileIdent: 1, Changeset: []byte("boot")}}
	}
	d.Progress = wire.Progress{
		Download: wire.DownloadCursor{ServerVersion: f.version, ClientVersion: f.upload.ClientVersion},
		Latest:   wire.LatestServerVersion{Version: f.version, Salt: int64(f.sent)}, Upload: f.upload,
	}
	s.send(d)
}

func (s *sim) chance(percent int) bool { return !s.calm && s.rnd.IntN(100) < percent }

// step lets one thing happen.
func (s *sim) step() {
	switch n := s.rnd.IntN(12); {
	case n < 3:
		s.job(s.rnd.IntN(8))
	case n < 6:
		s.written()
	case n < 9 && s.open:
		if len(s.out) > 0 && !s.l.full() {
			raw := s.out[0]
			s.out = s.out[1:]
			s.receive(raw)
		}
	case n == 9 && s.dialing:
		if s.chance(30) {
			s.l.dialFailed(s.attempt, errLost, true, s.now)
			s.settle()
			return
		}
		s.out, s.idents = nil, map[uint64]uint64{}
		s.connect()
	default:
		s.pass(time.Duration(s.rnd.IntN(2000)) * time.Millisecond)
	}
}

// trouble is what a calm world doesn't have.
func (s *sim) trouble() {
	b := s.known[s.rnd.IntN(len(s.known))]
	file := s.rig.files[b]
	switch s.rnd.IntN(9) {
	case 0, 1, 2:
		file.commit(fmt.Sprintf("c%d", s.rnd.IntN(100)))
		s.l.committed(b, s.now)
	case 3:
		file.subscribe("{}")
		s.l.committed(b, s.now)
	case 4:
		if s.open && s.chance(20) {
			s.l.readFailed(s.attempt, errLost, s.now)
		}
	case 5:
		id := uint64(len(s.waits) + 1)
		s.waits[id] = false
		s.l.waitForUpload(b, id, s.now)
		s.waits[id+1] = false
		s.settle()
		s.l.waitForDownload(b, id+1, s.now)
	case 6:
		if file.status.Ident != 0 {
			f := s.files[file.status.Ident]
			f.version++
			f.changes = append(f.changes, fmt.Sprintf("o%d", len(f.changes)))
			for session, ident := range s.idents {
				if ident == f.ident {
					s.download(session, f, 0, wire.SteadyState)
				}
			}
		}
	case 7:
		if ident := s.idents[b.number]; ident != 0 && s.chance(20) {
			s.send(wire.NewJSONError(b.number, wire.CodeSessionClosed, "again"))
			delete(s.idents, b.number) // nothing more for this bind
		}
	case 8:
		fails := s.rnd.IntN(2)
		file.setBefore(func(string) error {
			if fails--; fails >= 0 {
				return errors.New("disk")
			}
			return nil
		})
	}
	s.settle()
}

func TestSimulation(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, seed) })
	}
}

func simulate(t *testing.T, seed uint64) {
	s := &sim{rig: newRig(t), rnd: rand.New(rand.NewPCG(seed, 1)), files: map[uint64]*simFile{}, idents: map[uint64]uint64{}, waits: map[uint64]bool{}}
	s.onSend = func(raw []byte) {
		if m, _ := wire.ParseClientMessage(raw, wire.Limits{}); s.idents[m.SessionIdent()] == 0 {
			switch m.(type) {
			case *wire.Bind, *wire.Ident, *wire.Ping:
			default:
				return // after an error everything is ignored, also UNBIND
			}
		}
		s.take(raw)
	}
	s.onEvent = func(_ *binding, e event) {
		var ids []uint64
		switch e := e.(type) {
		case uploadedEvent:
			ids = e.waits
		case downloadedEvent:
			ids = e.waits
		case failureEvent:
			require.False(t, e.err.Fatal, e.err.Error())
		}
		for _, id := range ids {
			require.False(t, s.waits[id], "a wait ends twice")
			s.waits[id] = true
		}
	}
	for range 3 {
		s.attach(newFakeFile())
	}
	for range 1500 {
		s.step()
		if s.chance(12) {
			s.trouble()
		}
	}
	s.calm = true
	for range 3000 {
		s.step()
	}
	for b, file := range s.rig.files {
		f := s.files[file.status.Ident]
		var want []string
		for v, set := range file.sets {
			require.Contains(t, []SetState{Complete, Superseded}, set.state, "set %d", v)
		}
		for _, e := range file.entries {
			if e.upload {
				want = append(want, fmt.Sprintf("%d:%s", e.version, e.changeset))
			}
		}
		got := slices.DeleteFunc(slices.Clone(f.got), func(g string) bool { return g[0] == 'q' })
		require.Equal(t, want, got, "every change once, in order")
		checkOrder(t, f.got, file.snapshots)
		require.Equal(t, file.latest, max(0, slices.Max(append(f.queries, 0))))
		applied := slices.DeleteFunc(slices.Clone(file.applied), func(a string) bool { return a == "boot" })
		require.Equal(t, f.changes, applied, "file %d", b.number)
		require.Equal(t, f.version, f.upload.ServerVersion, "the server knows what is integrated")
		require.Equal(t, Connected, s.state[b])
	}
	require.NotContains(t, slices.Collect(maps.Values(s.waits)), false, "a wait that doesn't end")
}

// checkOrder checks that queries stand between the changes before and after their set.
func checkOrder(t *testing.T, got []string, snapshots []uint64) {
	for i, snapshot := range snapshots {
		at := slices.Index(got, fmt.Sprintf("query %d", i+1))
		for j, g := range got {
			var version uint64
			if n, _ := fmt.Sscanf(g, "%d:", &version); n == 1 && at >= 0 {
				require.Equal(t, j > at, version > snapshot, "change %d and query %d", version, i+1)
			}
		}
	}
}
