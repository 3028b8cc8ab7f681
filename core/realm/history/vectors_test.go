package history

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/wire"
	"realmsync/tests/vectors"
)

// baseRealm makes a synced realm of the vectors' base state, and the same in memory.
func baseRealm(t *testing.T) (path string, state *memstate.State) {
	t.Helper()
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var base struct{ Changesets []struct{ Hex string } }
	require.NoError(t, json.Unmarshal(raw, &base))
	state = memstate.New(nil)
	path = filepath.Join(t.TempDir(), "base.realm")
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	require.NoError(t, conn.BeginWrite())
	require.NoError(t, Prepare(conn))
	for _, c := range base.Changesets {
		all := decodeHex(t, c.Hex)
		require.NoError(t, state.Apply(all))
		require.NoError(t, changeset.Apply(conn.State(), all))
	}
	require.NoError(t, conn.SetVersion(2))
	require.NoError(t, conn.Exec(`UPDATE sync_file SET ident=?, salt=1 WHERE id=1`, ownIdent))
	require.NoError(t, conn.Commit())
	require.True(t, string(state.JSON()) == string(dump(t, conn).JSON()))
	require.NoError(t, conn.Close())
	return path, state
}

func decodeHex(t testing.TB, text string) *changeset.Changeset {
	t.Helper()
	data, err := hex.DecodeString(text)
	require.NoError(t, err)
	c, err := changeset.Decode(data)
	require.NoError(t, err)
	return c
}

type pairSide struct {
	Timestamp uint64
	FileIdent uint64 `json:"file_ident"`
	Hex       string
}

func (s *pairSide) bytes(t testing.TB) []byte {
	t.Helper()
	data, err := hex.DecodeString(s.Hex)
	require.NoError(t, err)
	return data
}

type pairLine struct {
	ID       string
	Left     pairSide
	Right    pairSide
	LeftOut  *pairSide       `json:"left_out"`
	RightOut *pairSide       `json:"right_out"`
	ByPlace  json.RawMessage `json:"set_erase_by_position"`
}

// A file with the left changeset as a local change that integrates the right one ends in the state of the oracle, in which the merged
// changesets of the original are applied, and stores the reciprocal that the original makes. Lines that can't be merged or applied leave
// everything as it was. A sample of the lines; all with REALM_VECTORS_ALL=1.
func TestPairVectors(t *testing.T) {
	path, base := baseRealm(t)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	sample := rand.New(rand.NewPCG(1, 2))
	all := os.Getenv("REALM_VECTORS_ALL") != ""
	merged, refused := 0, 0
	work := filepath.Join(t.TempDir(), "pair.realm")
	require.NoError(t, vectors.Lines("merge/pairs.jsonl", func(line []byte) error {
		var p pairLine
		require.NoError(t, json.Unmarshal(line, &p))
		left := decodeHex(t, p.Left.Hex)
		expected := base.Clone()
		if p.ByPlace != nil || left.Empty() || expected.Apply(left) != nil || p.Left.FileIdent == p.Right.FileIdent {
			return nil // not a local change that this version makes
		}
		if !all && sample.IntN(40) != 0 {
			return nil
		}
		require.NoError(t, store.Delete(work))
		require.NoError(t, os.WriteFile(work, image, 0o600))
		d := pairDevice(t, work, &p)
		defer func() {
			require.NoError(t, d.file.Close())
			require.NoError(t, d.conn.Close())
		}()
		before := d.everything()
		err := d.file.Integrate(steady(progress(3, 0, 0, 0), wire.DownloadEntry{
			ServerVersion: 3, OriginTimestamp: p.Right.Timestamp, OriginFileIdent: p.Right.FileIdent, Changeset: p.Right.bytes(t),
		}))
		if p.RightOut == nil || expected.Apply(decodeHex(t, p.RightOut.Hex)) != nil {
			refused++
			var bad *session.IntegrationError
			require.ErrorAs(t, err, &bad, p.ID)
			d.requireUnchanged(before, p.ID)
			return nil
		}
		merged++
		require.NoError(t, err, p.ID)
		requireState(t, expected, d, p.ID)
		require.Equal(t, decodeHex(t, p.LeftOut.Hex).Instructions, d.reciprocal(3).Instructions, p.ID)
		return nil
	}))
	t.Logf("%d pairs merged, %d refused", merged, refused)
	require.NotZero(t, merged)
}

// pairDevice opens the file with the left changeset as its version 3.
func pairDevice(t *testing.T, path string, p *pairLine) *device {
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	d := &device{program: &program{t: t, conn: conn, file: Canonical(path), now: p.Left.Timestamp}, path: path}
	require.NoError(t, conn.BeginWrite())
	require.NoError(t, conn.Exec(`UPDATE sync_file SET ident=? WHERE id=1`, p.Left.FileIdent))
	require.EqualValues(t, 3, d.finish(decodeHex(t, p.Left.Hex).Instructions))
	d.open()
	return d
}

// reciprocal returns a local changeset as the next merge will see it.
func (d *device) reciprocal(version uint64) *changeset.Changeset {
	d.t.Helper()
	require.NoError(d.t, d.conn.BeginRead())
	defer func() { require.NoError(d.t, d.conn.EndRead()) }()
	e, err := localHistory{conn: d.conn}.Reciprocal(version)
	require.NoError(d.t, err)
	return e.Changeset
}
