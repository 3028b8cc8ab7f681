package view

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// run applies a bootstrap to a state and returns its changesets.
func (f *fixture) run(b *Bootstrap, state *memstate.State) (all [][]byte) {
	f.t.Helper()
	snapshot, err := f.Snapshot(f.t.Context())
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, snapshot.Close()) }()
	require.NoError(f.t, b.Write(snapshot, func(c []byte) error {
		all = append(all, c)
		decoded, err := changeset.Decode(c)
		require.NoError(f.t, err)
		return state.Apply(decoded)
	}))
	return all
}

func objects(t testing.TB, s *memstate.State) (out []string) {
	t.Helper()
	for _, key := range s.Keys("T") {
		n, err := s.Get("T", key, "n")
		require.NoError(t, err)
		text, err := s.Get("T", key, "text")
		require.NoError(t, err)
		out = append(out, fmt.Sprint(key, " ", n, " ", text))
	}
	slices.Sort(out)
	return out
}

// A bootstrap turns any view into any other; a client that has nothing gets the schema as well.
func TestBootstrap(t *testing.T) {
	f := open(t)
	var ins []changeset.Instruction
	for i := range int64(30) {
		ins = append(ins, create(i, value.String(fmt.Sprint("u", i%3)), i)...)
	}
	f.write(ins...)
	empty := f.acquire("")
	sets := []*Set{empty, f.acquire("TRUEPREDICATE"), f.acquire("n < 10"), f.acquire(`owner == "u1"`), f.acquire("n > 25")}
	defer func() {
		for _, s := range sets {
			s.Release()
		}
	}()
	for _, from := range sets {
		for _, to := range sets {
			client, want := memstate.New(schema.New()), memstate.New(schema.New())
			f.run(&Bootstrap{Before: empty, After: from, Schema: true}, client)
			f.run(&Bootstrap{Before: empty, After: to, Schema: true}, want)
			all := f.run(&Bootstrap{Before: from, After: to}, client)
			require.Equal(t, objects(t, want), objects(t, client))
			if from == to {
				require.Empty(t, all)
			}
			// Of a client that may have what was broken off, as well.
			for _, has := range []*Set{empty, from} {
				client := memstate.New(schema.New())
				f.run(&Bootstrap{Before: empty, After: has, Schema: true}, client)
				f.run(&Bootstrap{Before: empty, After: to, Broken: []*Set{from}}, client)
				require.Equal(t, objects(t, want), objects(t, client))
			}
		}
	}
}

// Objects that a client may have in any state are settled, whether they exist or not. Those that it can't have are none of them.
func TestDoubtfulObjects(t *testing.T) {
	f := open(t)
	f.write(append(create(1, value.Null(), 5), append(create(2, value.Null(), 1), create(3, value.Null(), 6)...)...)...)
	from := f.Version()
	f.write(erase(3))
	f.write(set(1, "n", value.Int(7)), set(2, "text", value.String("new")))
	s := f.acquire("n > 3")
	defer s.Release()
	refs, err := Touched(t.Context(), f.Engine, from, f.Version(), 99, []*Set{s})
	require.NoError(t, err)
	require.Len(t, refs, 2)
	all, err := Touched(t.Context(), f.Engine, from, f.Version(), f.file.Ident, nil)
	require.NoError(t, err)
	require.Len(t, all, 3, "what the client itself has written")
	gone := append(refs, store.ObjectRef{Class: 99, Key: refs[0].Key})
	client := memstate.New(schema.New())
	f.run(&Bootstrap{Before: s, After: s, Schema: true, Doubtful: gone}, client)
	require.Equal(t, []string{`1 7 "text of 1"`}, objects(t, client))
}

// Changesets have a moderate size, whatever the objects are; a single large one goes alone.
func TestBootstrapIsCut(t *testing.T) {
	f := open(t)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range int64(40) {
		f.write(append(create(i, value.Null(), i), set(i, "text", value.String(strings.Repeat(string(rune('a'+random.IntN(26))), 20_000))))...)
	}
	f.write(append(create(100, value.Null(), 1), set(100, "text", value.String(strings.Repeat("x", 500_000))))...)
	s := f.acquire("TRUEPREDICATE")
	defer s.Release()
	empty := f.acquire("")
	defer empty.Release()
	client := memstate.New(schema.New())
	all := f.run(&Bootstrap{Before: empty, After: s, Schema: true, Piece: 128 << 10}, client)
	require.Len(t, client.Keys("T"), 41)
	require.Greater(t, len(all), 5)
	for _, c := range all {
		require.Less(t, len(c), 128<<10+520_000)
	}
}

// Reset sets an object back to what it was at a version, also when it has changed since.
func TestReset(t *testing.T) {
	f := open(t)
	first := f.write(append(create(1, value.String("a"), 5), create(2, value.Null(), 1)...)...)
	second := f.write(set(1, "n", value.Int(9)), erase(2))
	third := f.write(set(1, "n", value.Int(1)))
	s := f.acquire("n > 3")
	defer s.Release()
	refs := []store.ObjectRef{first.Images[0].Ref, first.Images[1].Ref, first.Images[0].Ref, {Class: 99, Key: first.Images[0].Ref.Key}}
	for version, want := range map[uint64][]string{
		first.Version - 1: {"erase 1", "erase 2"},
		first.Version:     {"erase 1", "create 1", `1.owner = "a"`, "1.n = 5", `1.text = "text of 1"`, "erase 2"},
		second.Version:    {"erase 1", "create 1", `1.owner = "a"`, "1.n = 9", `1.text = "text of 1"`, "erase 2"},
		third.Version:     {"erase 1", "erase 2"},
	} {
		b, err := Reset(t.Context(), f.Engine, s, version, refs)
		require.NoError(t, err)
		require.Equal(t, want, decode(t, b), version)
	}
}

// One evaluation of a set, and one distribution of a version among many, are cheap.
func BenchmarkDistribute(b *testing.B) {
	f := open(b)
	e := f.write(create(1, value.String("u500"), 5)...)
	for i := range 1000 {
		defer f.acquire(fmt.Sprintf(`owner == "u%d"`, i)).Release()
	}
	b.ReportAllocs()
	for b.Loop() {
		f.fan.mu.Lock()
		item := f.fan.distribute(e)
		f.fan.mu.Unlock()
		if len(item.parts) != 1 {
			b.Fatal(len(item.parts))
		}
	}
}

// A bootstrap pauses while it looks at objects, and ends when it is told to.
func TestBootstrapPauses(t *testing.T) {
	f := open(t)
	var ins []changeset.Instruction
	for i := range int64(4 * pauseRows) {
		ins = append(ins, create(i, value.Null(), 1)...)
	}
	f.write(ins...)
	before, after := f.acquire("n > 5"), f.acquire("n > 0")
	defer before.Release()
	defer after.Release()
	snapshot, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, snapshot.Close()) }()
	pauses := 0
	b := Bootstrap{Before: before, After: after, Piece: 1 << 20, Pause: func() error {
		if pauses++; pauses == 3 {
			return context.Canceled
		}
		return nil
	}}
	require.ErrorIs(t, b.Write(snapshot, func([]byte) error { return nil }), context.Canceled)
	require.Equal(t, 3, pauses)
}
