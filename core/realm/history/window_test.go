package history

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/value"
)

// The window names every version that has to be merged, in order and in range, and hardly any other, however much was added and trimmed.
func TestWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	touched := func(objects int64) merge.Touched {
		c := &changeset.Changeset{}
		for range 1 + random.IntN(3) {
			c.Instructions = append(c.Instructions, create(random.Int64N(objects)))
		}
		switch random.IntN(40) {
		case 0:
			c.Instructions = append(c.Instructions, column("T", "x", changeset.SchemaFields{Type: value.KindInt}))
		case 1:
			c.Instructions = append(c.Instructions, changeset.Instruction{Op: changeset.EraseColumn, Table: "T", Field: "x"})
		}
		return merge.Touch(c)
	}
	d := newDevice(t, ownIdent)
	require.NoError(t, d.conn.BeginRead())
	defer func() { require.NoError(t, d.conn.EndRead()) }()
	var w window
	require.NoError(t, w.update(d.conn, ownIdent, 0, 2)) // the schema
	require.EqualValues(t, []uint64{2}, w.find(0, 9, merge.Touched{Schema: true}))
	require.Empty(t, w.find(0, 9, merge.Touch(&changeset.Changeset{Instructions: instructionsOf(create(1))})))
	require.NoError(t, w.update(d.conn, ownIdent, 2, 2))
	require.Empty(t, w.find(0, 9, merge.Touched{Erases: true}))
	w.forget()
	require.NoError(t, w.update(d.conn, ownIdent, 2, 2))

	all := map[uint64]merge.Touched{}
	version, base := uint64(2), uint64(2)
	most := 0
	for range 6000 {
		version += 1 + random.Uint64N(3)
		all[version] = touched(300)
		w.add(version, all[version])
		if random.IntN(100) == 0 {
			base = min(version, base+random.Uint64N(800))
			w.trim(base)
		}
		most = max(most, len(w.postings))
		if random.IntN(20) != 0 {
			continue
		}
		after := base + random.Uint64N(version-base+1)
		upTo := after + random.Uint64N(version-after+1)
		asked := touched(300)
		var want []uint64
		for v, u := range all {
			if v > after && v <= upTo && (asked.Erases || u.Erases || asked.Schema && u.Schema ||
				slices.ContainsFunc(u.Objects, func(o merge.ObjectRef) bool { return slices.Contains(asked.Objects, o) })) {
				want = append(want, v)
			}
		}
		slices.Sort(want)
		require.Equal(t, want, w.find(after, upTo, asked))
		next, ok := w.next(after, upTo)
		first := uint64(0)
		for v := after + 1; v <= upTo && first == 0; v++ {
			if _, there := all[v]; there {
				first = v
			}
		}
		require.Equal(t, first != 0, ok)
		require.Equal(t, first, next)
	}
	w.trim(version)
	require.Empty(t, w.postings)
	require.Empty(t, w.heads)
	require.Empty(t, w.versions)
	require.Less(t, most, 12000, "what is trimmed is given back")
}
