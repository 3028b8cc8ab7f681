package merge

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
)

// mapHistory is a history by version.
type mapHistory struct {
	entries map[uint64]*Entry
	stored  map[uint64]*changeset.Changeset
	reads   int
	fails   error
}

func (h *mapHistory) NextAfter(after, upTo uint64) (uint64, bool, error) {
	for _, v := range slices.Sorted(maps.Keys(h.entries)) {
		if v > after && v <= upTo {
			return v, true, nil
		}
	}
	return 0, false, h.fails
}

func (h *mapHistory) Reciprocal(version uint64) (Entry, error) {
	h.reads++
	return *h.entries[version], nil
}

func (h *mapHistory) StoreReciprocal(version uint64, c *changeset.Changeset) error {
	if h.stored == nil {
		h.stored = map[uint64]*changeset.Changeset{}
	}
	h.stored[version] = c
	return h.fails
}

func (h *mapHistory) add(t testing.TB, version uint64, text string) {
	if h.entries == nil {
		h.entries = map[uint64]*Entry{}
	}
	h.entries[version] = side(t, text)[0]
}

func incoming(t testing.TB, version, base uint64, text string) *Entry {
	e := side(t, text)[0]
	e.Version, e.LastIntegrated = version, base
	return e
}

// G60: two bases in one batch; the second run merges with what the first one has made of the history.
func TestBatchTwoBases(t *testing.T) {
	h := &mapHistory{}
	h.add(t, 6, "@5/2: INS l[1]=8 n1")
	h.add(t, 8, "@9/2: INS l[2]=9 n2")
	batch := []*Entry{incoming(t, 100, 5, "@7/3: INS l[0]=4 n1"), incoming(t, 101, 7, "@8/3: DEL l[0] n3")}
	var applied [][]changeset.Instruction
	require.NoError(t, Batch(h, 10, batch, func(e *Entry) error {
		applied = append(applied, e.Changeset.Instructions)
		return nil
	}))
	require.Equal(t, [][]changeset.Instruction{instructions(t, "INS l[0]=4 n3"), instructions(t, "DEL l[0] n4")}, applied)
	require.Len(t, h.stored, 2)
	require.Equal(t, instructions(t, "INS l[2]=8 n2"), h.stored[6].Instructions)
	require.Equal(t, instructions(t, "INS l[2]=9 n2"), h.stored[8].Instructions)
	require.Equal(t, 2, h.reads, "each entry is read once")
}

// X6: a reciprocal that the first run has emptied stays empty for the second one.
func TestBatchRemembersEmptied(t *testing.T) {
	h := &mapHistory{}
	h.add(t, 6, "@1/2: INS l[0]=3 n4")
	batch := []*Entry{incoming(t, 100, 4, "@2/3: CLR l:L"), incoming(t, 101, 5, "@3/3: INS l[0]=9 n0")}
	require.NoError(t, Batch(h, 6, batch, func(*Entry) error { return nil }))
	require.Equal(t, instructions(t, "INS l[0]=9 n0"), batch[1].Changeset.Instructions)
	require.False(t, batch[1].Dirty)
	require.Empty(t, h.stored[6].Instructions)
	require.NotNil(t, h.stored[6])
}

// What doesn't change is not stored, and the window is what lies behind the base, up to the current version.
func TestBatchWindow(t *testing.T) {
	h := &mapHistory{}
	h.add(t, 3, "@1/2: U i=1")
	h.add(t, 4, "@1/2: U j=1")
	h.add(t, 5, "@1/2: U k=1")
	batch := []*Entry{incoming(t, 100, 3, "@2/3: U i=2; U j=2; U k=2")}
	require.NoError(t, Batch(h, 4, batch, func(*Entry) error { return nil }))
	require.Equal(t, []uint64{4}, slices.Sorted(maps.Keys(h.stored)))
	require.Empty(t, h.stored[4].Instructions)
	require.False(t, batch[0].Dirty)
}

func TestBatchErrors(t *testing.T) {
	fine := func(*Entry) error { return nil }
	mine := errors.New("disk full")
	batch := func() []*Entry { return []*Entry{incoming(t, 100, 1, "@2/3: U i=2")} }
	h := &mapHistory{fails: mine}
	require.ErrorIs(t, Batch(h, 4, batch(), fine), mine, "NextAfter")
	h.add(t, 2, "@1/2: U i=1")
	require.ErrorIs(t, Batch(h, 2, batch(), fine), mine, "NextAfter behind the last")
	h.fails = nil
	require.ErrorIs(t, Batch(h, 4, batch(), func(*Entry) error { return mine }), mine, "apply")
	require.Empty(t, h.stored, "nothing is stored after an error")
	h.add(t, 3, "@1/2: INS l[0]=1 n3")
	bad := []*Entry{incoming(t, 100, 1, "@2/3: INS l[0]=1 n4")}
	require.ErrorIs(t, Batch(h, 4, bad, func(*Entry) error { t.Fatal("applied"); return nil }), ErrTransform)
	for _, window := range [][]uint64{{1}, {5}, {3, 2}, {2, 2}} {
		require.Error(t, Batch(fixedFinder{h, window}, 4, batch(), fine), "%v", window)
	}
	require.NoError(t, Batch(fixedFinder{h, []uint64{2, 3}}, 4, batch(), fine))
}

type fixedFinder struct {
	*mapHistory
	window []uint64
}

func (f fixedFinder) Window(uint64, uint64, Touched) ([]uint64, error) { return f.window, nil }

func TestTouch(t *testing.T) {
	c := side(t, "@1/2: U i=1; U #5 i=1; U e.x=2; NEW #6; RM #5")[0].Changeset
	touched := Touch(c)
	require.False(t, touched.Schema || touched.Erases)
	require.Len(t, touched.Objects, 3)
	require.Equal(t, touched.Objects, Objects(c))
	require.Equal(t, Touched{Schema: true}, Touch(side(t, "@1/2: +N(_id:int); +N.a:int")[0].Changeset))
	require.Equal(t, Touched{Schema: true, Erases: true}, Touch(side(t, "@1/2: -N")[0].Changeset, &changeset.Changeset{}))
}

// Finding windows by object gives what all of the history gives, on random changesets with and without schema instructions.
func TestFinder(t *testing.T) {
	merged := 0
	for seed := range uint64(1500) {
		g := newGenerator(seed, seed%2 == 0)
		var server [2]*simServer
		for k := range server {
			c := newSimClient(t, 2, nil)
			server[k] = newSimServer(t, nil, c)
		}
		for i := range 3 {
			for _, e := range g.side(3 + uint64(i)) {
				h := simEntry{origin: e.FileIdent, timestamp: e.Timestamp, main: e.Changeset}
				server[0].history = append(server[0].history, h)
				server[1].history = append(server[1].history, h)
			}
		}
		batch := g.side(2)
		base := uint64(1)
		for _, e := range batch {
			base += g.Uint64N(3)
			e.LastIntegrated = base
		}
		all, found := copyEntries(batch), copyEntries(batch)
		fine := func(*Entry) error { return nil }
		errAll := Batch(server[0].files[2], server[0].version(), all, fine)
		errFound := Batch(finder{server[1].files[2]}, server[1].version(), found, fine)
		require.Equal(t, errAll, errFound, "seed %d", seed)
		if errAll != nil {
			continue
		}
		merged++
		requireEntries(t, all, found, "found", seed)
		a, b := server[0].files[2].reciprocals, server[1].files[2].reciprocals
		require.Equal(t, slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)), "seed %d", seed)
		for v := range a {
			require.Equal(t, texts([]*Entry{{Changeset: a[v]}}), texts([]*Entry{{Changeset: b[v]}}), "seed %d", seed)
		}
	}
	require.Greater(t, merged, 500)
}
