package history

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// simulation is the randomized test of merge.md 13.2 with real files: devices write, upload, download, bootstrap, reconnect and crash
// at random.
type simulation struct {
	*rand.Rand
	t       *testing.T
	seed    uint64
	server  *modelServer
	devices []*simDevice
	clock   uint64
	nested  bool // the objects have collections and embedded objects
}

// simDevice is a device with what its session remembers.
type simDevice struct {
	*device
	ident   uint64
	remote  *modelFile
	cursor  wire.UploadCursor
	headers map[uint64]uint64 // what was reported for a version
}

func newSimulation(t *testing.T, seed uint64, first []changeset.Instruction) *simulation {
	s := &simulation{Rand: rand.New(rand.NewPCG(seed, 11)), t: t, seed: seed, server: newModelServer(t), clock: 2000}
	for i := range 2 + s.Uint64N(2) {
		d := &simDevice{ident: 2 + i, headers: map[uint64]uint64{}}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.realm", d.ident))
		d.device = &device{program: newProgram(t, path), path: path, opt: FileOptions{BatchBytes: 1 + s.IntN(200)}}
		d.prepare(first...)
		d.open()
		require.NoError(t, d.file.SetIdent(d.ident, ownSalt))
		s.devices = append(s.devices, d)
		s.connect(d)
	}
	return s
}

// connect begins a session: what a session does.
func (s *simulation) connect(d *simDevice) {
	_, err := d.file.ApplyBootstrap()
	require.NoError(s.t, err)
	status, err := d.file.Status()
	require.NoError(s.t, err)
	require.Equal(s.t, d.ident, status.Ident)
	d.remote = s.server.connect(d.ident, status.Progress)
	d.cursor = status.Progress.Upload
}

// write commits a few random operations.
func (s *simulation) write(d *simDevice) {
	d.now = s.clock + s.Uint64N(8) - 4 // ties and clocks that differ are wanted, and some that go back
	s.clock += s.Uint64N(3)
	if s.nested {
		s.writeNested(d)
		return
	}
	require.NoError(s.t, d.conn.BeginWrite())
	state := d.conn.State()
	all := &changeset.Changeset{}
	do := func(in changeset.Instruction) {
		all.Instructions = append(all.Instructions, in)
		require.NoError(s.t, changeset.Apply(state, &changeset.Changeset{Instructions: instructionsOf(in)}), "seed %d", s.seed)
	}
	for range 1 + s.IntN(4) {
		k := s.Int64N(5)
		exists, err := state.Exists("T", key(k))
		require.NoError(s.t, err)
		if !exists {
			do(create(k))
			continue
		}
		switch s.IntN(8) {
		case 0: // unlink first (merge.md 8.2, rule 5)
			// A query writes what the state has put off.
			require.NoError(s.t, d.conn.Query("SELECT 1", nil, func(*store.Row) error { return nil }))
			refs, err := d.conn.Incoming(d.conn.Class("T"), k)
			require.NoError(s.t, err)
			for _, ref := range refs {
				do(set(ref.Row, "k", value.Null()))
			}
			do(erase(k))
		case 1:
			do(set(k, "k", value.FromLink("T", key(s.Int64N(5)))))
		case 2:
			do(set(k, "m", []value.Value{value.Null(), value.String("x"), value.Int(s.Int64N(9)), value.Double(0.5)}[s.IntN(4)]))
		case 3:
			do(set(k, "n", value.Null()))
		case 4:
			do(add(k, s.Int64N(9)-4))
		case 5:
			do(set(k, "s", value.String(fmt.Sprint("text ", s.IntN(10)))))
		default:
			do(set(k, []string{"i", "n"}[s.IntN(2)], value.Int(s.Int64N(100))))
		}
	}
	data, err := changeset.Encode(all)
	require.NoError(s.t, err)
	version, err := AppendLocal(d.conn, data, d.clock())
	require.NoError(s.t, err)
	require.NoError(s.t, d.conn.Commit())
	Announce(d.program.file, version, d.conn)
}

// upload sends one UPLOAD of what there is up to a version, and tells whether there was something to say.
func (s *simulation) upload(d *simDevice, end uint64) bool {
	status, err := d.file.Status()
	require.NoError(s.t, err)
	entries, next, err := d.file.NextUpload(d.cursor, min(end, status.Version))
	require.NoError(s.t, err)
	if len(entries) == 0 && (next == d.cursor || d.cursor.ServerVersion >= status.Progress.Download.ServerVersion) {
		d.cursor = next
		return false
	}
	d.cursor = next
	if was, ok := d.headers[next.ClientVersion]; ok {
		require.Equal(s.t, was, next.ServerVersion, "seed %d: what is reported for a version never changes", s.seed)
	}
	d.headers[next.ClientVersion] = next.ServerVersion
	d.remote.upload(next, status.Progress.Download.ServerVersion, entries)
	return true
}

// acknowledged raises the cursor of the session as it does after a DOWNLOAD.
func (d *simDevice) acknowledged(p wire.Progress) {
	if p.Upload.ClientVersion > d.cursor.ClientVersion {
		d.cursor = p.Upload
	}
}

// download integrates what there is up to a server version.
func (s *simulation) download(d *simDevice, end uint64, limit int) {
	for first := true; first || d.remote.cursor.ServerVersion < end; first = false {
		m := d.remote.download(end, limit)
		require.NoError(s.t, d.file.Integrate(m), "seed %d", s.seed)
		d.acknowledged(m.Progress)
	}
}

// bootstrap sends a bootstrap for the active set; a crash may interrupt it anywhere.
func (s *simulation) bootstrap(d *simDevice) {
	messages := d.remote.bootstrap(0, 1+s.IntN(3))
	crashAt := s.IntN(2 * len(messages))
	for i, m := range messages {
		if i == crashAt {
			s.crash(d)
			return
		}
		require.NoError(s.t, d.file.AddBootstrap(m), "seed %d", s.seed)
	}
	if s.IntN(3) == 0 { // after the last message, before it is applied
		s.crash(d)
		return
	}
	applied, err := d.file.ApplyBootstrap()
	require.NoError(s.t, err, "seed %d", s.seed)
	require.True(s.t, applied)
	d.acknowledged(messages[0].Progress)
}

func (s *simulation) crash(d *simDevice) {
	d.crash()
	s.connect(d)
}

func (s *simulation) step() {
	d := s.devices[s.IntN(len(s.devices))]
	switch p := s.IntN(100); {
	case p < 40:
		s.write(d)
	case p < 62:
		s.upload(d, d.cursor.ClientVersion+1+s.Uint64N(3))
	case p < 84:
		from := d.remote.cursor.ServerVersion
		s.download(d, from+s.Uint64N(s.server.version()-from+1), 1+s.IntN(10))
	case p < 90:
		s.bootstrap(d)
	case p < 93:
		d.subscribe("T", "TRUEPREDICATE")
	case p < 97:
		s.connect(d) // what wasn't acknowledged is uploaded again
	default:
		s.crash(d)
	}
}

// drain exchanges everything until it is quiet.
func (s *simulation) drain() {
	for range 3 {
		for _, d := range s.devices {
			for s.upload(d, 1<<62) {
			}
		}
		for _, d := range s.devices {
			s.download(d, s.server.version(), 1000)
		}
	}
}

// Whatever the interleaving, in the end every file has the state of the server, everything acknowledged was integrated once, and the
// history is trimmed.
func TestConvergence(t *testing.T) {
	for seed := range uint64(40) {
		s := newSimulation(t, seed, schemaT)
		s.run()
	}
}

// run lets it happen and looks at what remains.
func (s *simulation) run() {
	t, seed := s.t, s.seed
	for range 10 + s.IntN(60) {
		s.step()
	}
	s.drain()
	for _, d := range s.devices {
		requireState(t, s.server.state, d.device, fmt.Sprintf("seed %d, device %d", seed, d.ident))
		require.Zero(t, d.rows("sync_history"), "seed %d: everything is acknowledged", seed)
		require.LessOrEqual(t, d.rows("sync_integration"), int64(2), "seed %d", seed)
		newest, err := d.file.NewestChangeset()
		require.NoError(t, err)
		require.Zero(t, newest)
		require.NoError(t, d.file.Close())
		require.NoError(t, d.conn.Close())
		require.NoError(t, store.Delete(d.path))
	}
}
