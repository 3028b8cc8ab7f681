package merge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
)

// both merges two sides and applies everything in both orders.
func both(t *testing.T, rules Rules, base *memstate.State, a, b []*Entry) (states [2]*memstate.State, err error) {
	t.Helper()
	a1, b1 := copyEntries(a), copyEntries(b)
	if err := rules.Changesets(a1, b1); err != nil {
		return states, err
	}
	for k, ways := range [2][2][]*Entry{{a, b1}, {b, a1}} {
		states[k] = base.Clone()
		for _, e := range append(ways[0], ways[1]...) {
			if err := applyEntryTo(states[k], rules, e); err != nil {
				return states, err
			}
		}
	}
	return states, nil
}

// Strict rules converge where the compatible ones don't; from both sides, with the index and without.
func TestStrict(t *testing.T) {
	for _, c := range cases(t, "strict.txt") {
		t.Run(c["name"], func(t *testing.T) {
			base := statetest.World()
			require.NoError(t, base.Apply(&changeset.Changeset{Instructions: instructions(t, c["base"])}))
			a, b := side(t, c["A"]), side(t, c["B"])
			for _, swapped := range []bool{false, true} {
				for _, allPairs := range []bool{false, true} {
					a1, b1 := copyEntries(a), copyEntries(b)
					if swapped {
						require.NoError(t, mergeBy(Strict, b1, a1, allPairs))
					} else {
						require.NoError(t, mergeBy(Strict, a1, b1, allPairs))
					}
					require.Equal(t, plainTexts(side(t, c["A'"])), plainTexts(a1))
					require.Equal(t, plainTexts(side(t, c["B'"])), plainTexts(b1))
				}
			}
			want := statetest.World()
			require.NoError(t, want.Apply(&changeset.Changeset{Instructions: instructions(t, c["result"])}))
			states, err := both(t, Strict, base, a, b)
			require.NoError(t, err)
			requireSameState(t, string(want.JSON()), states[0], "A first")
			requireSameState(t, string(want.JSON()), states[1], "B first")

			states, err = both(t, Compatible, base, a, b)
			switch c["compatible"] {
			case "fail":
				require.ErrorIs(t, err, changeset.ErrBadChangeset)
			case "diverge":
				require.NoError(t, err)
				require.NotEqual(t, string(states[0].JSON()), string(states[1].JSON()))
			case "lose":
				require.NoError(t, err)
				requireSameState(t, string(states[0].JSON()), states[1], "equal")
				require.NotEqual(t, string(want.JSON()), string(states[0].JSON()))
			case "same":
				require.NoError(t, err)
				requireSameState(t, string(want.JSON()), states[0], "A first")
				requireSameState(t, string(want.JSON()), states[1], "B first")
			default:
				t.Fatalf("compatible %q", c["compatible"])
			}
		})
	}
}

// plainTexts is texts without versions, times and empty changesets.
func plainTexts(entries []*Entry) (out [][]string) {
	for _, e := range entries {
		if !e.Changeset.Empty() {
			out = append(out, texts([]*Entry{{Changeset: e.Changeset}}))
		}
	}
	return out
}

// X9: a default that has wiped what others change inside diverges by compatible rules; strict ones refuse it, and only it.
func TestStrictDefaults(t *testing.T) {
	base := statetest.World()
	require.NoError(t, base.Apply(&changeset.Changeset{Instructions: instructions(t, "U m=List; INS m[0]=1 n0")}))
	a, b := side(t, "@20/2: INS m[1]=5 n1; U m=7 dflt"), side(t, "@10/3: U m=List")
	states, err := both(t, Compatible, base, a, b)
	require.NoError(t, err)
	require.NotEqual(t, string(states[0].JSON()), string(states[1].JSON()))

	other := side(t, "@10/3: U i=1")
	for _, bad := range []string{"U m=7 dflt", "NEW #5; U #5 m=List; U #5 m=7 dflt", "NEW #5; U #5 m=List; INS #5 m[0]=1 n0; U #5 m=7 dflt", "NEW #6; U #5 i=1 dflt",
		"NEW #5; U #5 e=Obj; U #5 e=null dflt", "U e=Obj; U e.m=Dict; U e.m.k=1; U e.m=1 dflt"} {
		for _, swapped := range []bool{false, true} {
			e := side(t, "@20/2: "+bad)
			if swapped {
				err = Strict.Changesets(other, e)
			} else {
				err = Strict.Changesets(e, other)
			}
			require.ErrorIs(t, err, ErrTransform, bad)
			require.ErrorContains(t, err, "X9", bad)
			require.NoError(t, Changesets(copyEntries(e), copyEntries(other)), bad)
		}
	}
	for _, good := range []string{"NEW #5; U #5 m=7 dflt", "NEW #5; U #5 i=1; U #5 i=2 dflt", "NEW #5; U #5 e=Obj; U #5 e.x=1 dflt", "U e=Obj; U e.x=1 dflt; U e.m=1 dflt", "INS el[0]=Obj n0; U el[0].x=1 dflt"} {
		require.NoError(t, Strict.Changesets(side(t, "@20/2: "+good), copyEntries(other)), good)
	}
}

func TestRules_String(t *testing.T) {
	require.Equal(t, "compatible strict rules 7", Compatible.String()+" "+Strict.String()+" "+Rules(7).String())
	require.Error(t, Rules(7).Changesets(nil, nil))
}
