package history

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/tests/vectors"
)

// stateOf makes a State in memory of what is in a workspace, by what clients are told of its objects.
func stateOf(t testing.TB, w *workspace) *memstate.State {
	t.Helper()
	out := memstate.New(w.catalog.Schema)
	for _, s := range w.slots {
		if s.row == nil || w.catalog.ClassByID(s.ref.Class) == nil || w.catalog.Class(s.class).Kind == schema.Asymmetric {
			continue
		}
		ins, err := s.row.AppendState(nil, w.catalog, s.class)
		require.NoError(t, err)
		require.NoError(t, out.Apply(&changeset.Changeset{Instructions: ins}))
	}
	return out
}

// reread returns a workspace whose rows were written and read, with pieces apart from documents as far as limit says.
func reread(t testing.TB, w *workspace, pieces *pieceCache, limit int) *workspace {
	t.Helper()
	next := uint64(len(pieces.young) + 1)
	enc := &encoder{next: &next, limit: limit}
	catalog := w.catalog.clone()
	catalog.pieces = pieces
	out := newWorkspace(nil, catalog)
	out.fresh = 0
	for at, s := range w.slots {
		c := *s
		c.own, c.stamp = false, 0
		if s.row != nil {
			doc := enc.document(nil, s.row)
			pieces.add(enc.pieces)
			enc.pieces = nil
			var err error
			c.row, err = decodeDocument(catalog, catalog.ClassByID(at.class), s.key, doc)
			require.NoError(t, err)
		}
		out.slots[at] = &c
	}
	return out
}

func bytesOf(t testing.TB, text string) *changeset.Changeset {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	c, err := changeset.Decode(b)
	require.NoError(t, err)
	return c
}

// Whatever is applied to a workspace whose rows come from the store has the effect that it has on a state in memory, and the rows that
// were there before stay as they were.
func TestNestedVectors(t *testing.T) {
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var base struct{ Changesets []struct{ Hex string } }
	require.NoError(t, json.Unmarshal(raw, &base))
	w := newWorkspace(nil, &Catalog{Schema: schema.New(), byName: map[string]*Class{}, byID: map[uint32]*Class{}, nextID: 1})
	w.fresh = 0 // nothing is in a store
	model := memstate.New(schema.New())
	for _, c := range base.Changesets {
		w.begin(1)
		require.NoError(t, changeset.Apply(w, bytesOf(t, c.Hex)))
		require.NoError(t, model.Apply(bytesOf(t, c.Hex)))
	}
	before := string(model.JSON())
	require.Equal(t, before, string(stateOf(t, w).JSON()))

	for _, limit := range []int{maxInline, 1} {
		pieces := newPieceCache(nil, 1<<30, nil)
		stored := reread(t, w, pieces, limit)
		require.Equal(t, before, string(stateOf(t, stored).JSON()))
		applied, refused := 0, 0
		require.NoError(t, vectors.Lines("apply/cases.jsonl", func(line []byte) error {
			var v struct{ Name, Hex string }
			require.NoError(t, json.Unmarshal(line, &v))
			b, err := hex.DecodeString(v.Hex)
			require.NoError(t, err)
			c, err := changeset.Decode(b)
			if err != nil {
				return nil //nolint:nilerr // what can't be decoded is not this package's business
			}
			work := newWorkspace(nil, stored.catalog)
			work.fresh = 0
			for at, s := range stored.slots {
				copied := *s
				work.slots[at] = &copied
			}
			work.begin(1)
			want := model.Clone()
			failed := want.Apply(c)
			err = changeset.Apply(work, c)
			if failed != nil {
				refused++
				require.Error(t, err, v.Name)
				require.Equal(t, failed.Error(), err.Error(), v.Name)
				return nil
			}
			applied++
			require.NoError(t, err, v.Name)
			require.Equal(t, string(want.JSON()), string(stateOf(t, work).JSON()), v.Name)
			again := reread(t, work, pieces, limit)
			require.Equal(t, string(want.JSON()), string(stateOf(t, again).JSON()), v.Name)
			return nil
		}))
		t.Logf("limit %d: %d applied, %d refused", limit, applied, refused)
		require.NotZero(t, applied)
		require.NotZero(t, refused)
		require.Equal(t, before, string(stateOf(t, stored).JSON()), "rows are immutable")
	}
}
