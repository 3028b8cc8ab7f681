package merge

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// A Clear that is newer than the removal of the entry that it clears wins, and where the entry is gone it is made again.
func TestClearOutlivesRemoval(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"list", "@1/2: U d.a=Erased", "@2/3: CLR d.a:L", "U d.a=List"},
		{"dictionary", "@1/2: U d.a=Erased", "@2/3: CLR d.a:D", "U d.a=Dict"},
		{"filled again", "@1/2: U d.a=Erased", "@2/3: CLR d.a:L; INS d.a[0]=7 n0", "U d.a=List; INS d.a[0]=7 n0"},
		{"equal times", "@2/2: U d.a=Erased", "@2/3: CLR d.a:L", "U d.a=List"},
		{"removed later", "@3/2: U d.a=Erased", "@2/3: CLR d.a:L", ""},
		{"other entry", "@1/2: U d.b=Erased", "@2/3: CLR d.a:L", "U d.a=List"},
		{"twice", "@1/2: U d.a=Erased", "@2/3: CLR d.a:L; U d.a=Erased; U d.a=List", "U d.a=List"},
		{"in mixed", "@1/2: U m.a=Erased", "@2/3: CLR m.a:L", "U d.a=List; INS d.a[0]=1 n0; INS d.a[1]=2 n1; U m.a=List"},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := func(text string) *memstate.State {
				s := statetest.World()
				in := instructions(t, "U m=Dict")
				if text != "" {
					in = append(in, instructions(t, text)...)
				}
				require.NoError(t, s.Apply(&changeset.Changeset{Instructions: in}))
				return s
			}
			base := made("U d.a=List; INS d.a[0]=1 n0; INS d.a[1]=2 n1; U m.a=List; INS m.a[0]=3 n0")
			want := c.want
			if c.name != "in mixed" {
				want += "; U m.a=List; INS m.a[0]=3 n0"
			}
			for _, rules := range []Rules{Compatible, Strict} {
				states, err := both(t, rules, base, side(t, c.a), side(t, c.b))
				require.NoError(t, err)
				for _, s := range states {
					requireSameState(t, string(made(want).JSON()), s, "")
				}
			}
		})
	}
}

// What is applied nevertheless is what others are told: the changeset after it does the same to a state that has no such entry.
func TestRemakingIsInTheChangeset(t *testing.T) {
	clear := &Entry{Changeset: &changeset.Changeset{Instructions: instructions(t, "U i=5; CLR d.a:L; INS d.a[0]=1 n0; CLR d.b:D")}, Remakes: true}
	before := slices.Clone(clear.Changeset.Instructions)
	given := clear.Changeset
	a, b := statetest.World(), statetest.World()
	require.ErrorIs(t, a.Apply(clear.Changeset), changeset.ErrBadChangeset)
	require.NoError(t, Compatible.ApplyEntry(a, clear))
	require.True(t, clear.Dirty)
	require.Equal(t, before, given.Instructions)
	require.Equal(t, plainTexts([]*Entry{{Changeset: &changeset.Changeset{Instructions: instructions(t, "U i=5; U d.a=List; CLR d.a:L; INS d.a[0]=1 n0; U d.b=Dict; CLR d.b:D")}}}), plainTexts([]*Entry{clear}))
	require.NoError(t, b.Apply(clear.Changeset))
	requireSameState(t, string(a.JSON()), b, "")

	unknown := &Entry{Changeset: given}
	require.ErrorIs(t, Compatible.ApplyEntry(statetest.World(), unknown), changeset.ErrBadChangeset, "no merge has said that an entry may be missing")
}

// remover writes what takes entries of a dictionary away, makes them, empties and fills them.
func remover(s *simulation, c *simClient) []changeset.Instruction {
	in := changeset.Instruction{Op: changeset.Update, Table: "T", Key: value.IntKey(0), Field: "d", Path: []changeset.Step{{Key: "ab"[s.IntN(2):][:1]}}}
	n, _ := c.state.Node("T", in.Key, in.Field)
	entry, ok := n.Entries[in.Path[0].Key]
	clear := in
	clear.Op, clear.Collection = changeset.Clear, schema.List
	switch kind := s.IntN(5); {
	case !ok || entry.Value.Kind() != value.KindList:
		in.Value = value.Marker(value.KindList)
		return []changeset.Instruction{in, clear}
	case kind < 2:
		in.Value = value.Marker(value.KindErased)
		return []changeset.Instruction{in}
	case kind < 4:
		return []changeset.Instruction{clear}
	default:
		in.Op, in.Value, in.PriorSize = changeset.ArrayInsert, value.Int(s.Int64N(9)), uint32(len(entry.Elements))
		in.Path = append(slices.Clone(in.Path), changeset.Step{IsPos: true, Pos: uint32(s.IntN(len(entry.Elements) + 1))})
		return []changeset.Instruction{in}
	}
}

// Clients that remove, make and clear the same few entries converge, and none is stopped.
func TestClearsAndRemovalsConverge(t *testing.T) {
	remade := 0
	for seed := range seeds(200) {
		s := nestedSimulation(t, seed, []Rules{Compatible, Strict}[seed%2])
		last := map[uint64]uint64{}
		written := map[[2]uint64]int{} // instructions, by client and version
		s.write = func(c *simClient) {
			all := &changeset.Changeset{}
			for range 1 + s.IntN(3) {
				one := &changeset.Changeset{Instructions: remover(s, c)}
				require.NoError(t, applyTo(c.state, s.server.rules, one), "seed %d", seed)
				all.Instructions = append(all.Instructions, one.Instructions...)
			}
			now := max(last[c.ident], s.clock+s.Uint64N(8))
			last[c.ident] = now
			c.commit(now, all)
			written[[2]uint64{c.ident, c.version()}] = len(all.Instructions)
			s.clock += s.Uint64N(3)
		}
		for range 10 + s.IntN(40) {
			s.step()
		}
		s.finish()
		for _, e := range s.server.history {
			if len(e.main.Instructions) > written[[2]uint64{e.origin, e.client}] {
				remade++
			}
		}
	}
	require.NotZero(t, remade, "no removal has met a clear")
}
