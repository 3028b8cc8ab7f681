package merge

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
)

// cases reads a file of cases: a line with the name, then indented lines that start with A, B, A' and B'.
func cases(t testing.TB, file string) (out []map[string]string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			out = append(out, map[string]string{"name": line})
		default:
			key, text, _ := strings.Cut(strings.TrimSpace(line), " ")
			out[len(out)-1][key] = strings.TrimSpace(text)
		}
	}
	return out
}

// The golden examples of section 15, from both sides (P2), with the index and without.
func TestGolden(t *testing.T) {
	all := cases(t, "golden.txt")
	require.Len(t, all, 59)
	for _, c := range all {
		t.Run(strings.Fields(c["name"])[0], func(t *testing.T) {
			for _, swapped := range []bool{false, true} {
				for _, allPairs := range []bool{false, true} {
					a, b := side(t, c["A"]), side(t, c["B"])
					var err error
					if swapped {
						err = merge(b, a, allPairs)
					} else {
						err = merge(a, b, allPairs)
					}
					if c["A'"] == "error" {
						require.ErrorIs(t, err, ErrTransform)
						continue
					}
					require.NoError(t, err)
					for _, s := range []struct {
						before, want string
						got          []*Entry
					}{{c["A"], c["A'"], a}, {c["B"], c["B'"], b}} {
						want, before := side(t, s.want), side(t, s.before)
						require.Len(t, s.got, len(want))
						for i := range want {
							requireSame(t, want[i].Changeset.Instructions, s.got[i].Changeset.Instructions)
							changed := len(before[i].Changeset.Instructions) != len(want[i].Changeset.Instructions)
							if !s.got[i].Dirty {
								require.False(t, changed)
								requireSame(t, before[i].Changeset.Instructions, s.got[i].Changeset.Instructions)
							}
						}
					}
				}
			}
		})
	}
}

// The examples of sections 5 and 6.
func TestRules(t *testing.T) {
	all := cases(t, "rules.txt")
	require.Greater(t, len(all), 100)
	for _, c := range all {
		t.Run(c["name"], func(t *testing.T) {
			keys := orders[:]
			switch {
			case strings.Contains(c["name"], "older"):
				keys = [][2]Entry{orders[0], orders[2]}
			case strings.Contains(c["name"], "newer"):
				keys = [][2]Entry{orders[1], orders[3]}
			}
			for _, k := range keys {
				for _, swapped := range []bool{false, true} {
					a := &Entry{Timestamp: k[0].Timestamp, FileIdent: k[0].FileIdent, Changeset: side(t, c["A"])[0].Changeset}
					b := &Entry{Timestamp: k[1].Timestamp, FileIdent: k[1].FileIdent, Changeset: side(t, c["B"])[0].Changeset}
					beforeA, beforeB := *a, *b
					var err error
					if swapped {
						err = Changesets([]*Entry{b}, []*Entry{a})
					} else {
						err = Changesets([]*Entry{a}, []*Entry{b})
					}
					if c["A'"] == "error" {
						var te *TransformError
						require.ErrorAs(t, err, &te)
						require.NotEmpty(t, te.Rule)
						require.NotEmpty(t, te.Local)
						require.NotEmpty(t, te.Incoming)
						require.Equal(t, [2]Entry{beforeA, beforeB}, [2]Entry{*a, *b})
						continue
					}
					require.NoError(t, err)
					requireSame(t, instructions(t, c["A'"]), a.Changeset.Instructions)
					requireSame(t, instructions(t, c["B'"]), b.Changeset.Instructions)
					require.Equal(t, c["A"] != c["A'"], a.Dirty, "A is dirty")
					require.Equal(t, c["B"] != c["B'"], b.Dirty, "B is dirty")
				}
			}
		})
	}
}

// What was prepended takes part in the rest of the merge, whichever side it is on: here it meets the erasure of the same property.
func TestPrependedIsMerged(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		a, b := side(t, "@1/2: +T.n:→N; U n=null; -T.n; U i=1"), side(t, "@2/3: U i=2; -N; NEW #9")
		var err error
		if swapped {
			err = Changesets(b, a)
		} else {
			err = Changesets(a, b)
		}
		require.NoError(t, err)
		requireSame(t, nil, a[0].Changeset.Instructions)
		requireSame(t, instructions(t, "U i=2; -N; NEW #9"), b[0].Changeset.Instructions)
	}
}

// An instruction type without a rule fails, as does one that no decoder returns; nothing merges silently.
func TestFailsLoudly(t *testing.T) {
	for l := range changeset.Op(ops) {
		for r := range l + 1 {
			require.NotNil(t, flat[l][r], "%v, %v", l, r)
		}
		require.NotNil(t, nested[l])
	}
	m := merger{rules: &ruleSet{flat: &[ops][ops]rule{}, nested: &nested, prepare: compatible.prepare}}
	require.ErrorIs(t, m.run(side(t, "@1/2: U i=1"), side(t, "@1/3: U i=2")), ErrTransform)
	for _, bad := range []changeset.Instruction{
		{Op: ops}, {Op: changeset.ArrayErase, Field: "l"}, {Op: changeset.ArrayInsert, Path: []changeset.Step{{Key: "a"}}}, {Op: changeset.AddTable}, {Op: changeset.AddColumn},
	} {
		e := &Entry{Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{bad}}, FileIdent: 3}
		require.ErrorIs(t, Changesets(side(t, "@1/2: U i=1"), []*Entry{e}), ErrTransform)
		require.ErrorIs(t, Changesets([]*Entry{e}, side(t, "@1/2: U i=1")), ErrTransform)
	}
	for _, e := range []*Entry{nil, {FileIdent: 2}, {Changeset: &changeset.Changeset{}}} {
		require.Error(t, Changesets([]*Entry{e}, side(t, "@1/2: U i=1")))
	}
}

// Errors say what is wrong, where, on which side, and stay readable whatever the names.
func TestErrorTexts(t *testing.T) {
	a, b := side(t, "@1/2: U i=1 ‖ @1/2: INS l[0]=8 n2"), side(t, "@1/3: INS l[0]=9 n5")
	b[0].Version = 77
	require.EqualError(t, Changesets(a, b),
		"merge: the sizes of the list before the two changes differ: incoming version 77, ArrayInsert T[1].l[0]: local version 2, ArrayInsert T[1].l[0] (R18)")
	c, d := side(t, "@1/2: +T.z:int"), side(t, "@1/3: +T.z:string")
	require.ErrorContains(t, Changesets(c, d), `the property "z" of class "T" was added as int and as string`)
	long := strings.Repeat("x", 1<<20)
	c[0].Changeset.Instructions[0].Field, d[0].Changeset.Instructions[0].Field = long, long
	require.Less(t, len(Changesets(c, d).Error()), 2000)
	require.EqualError(t, violation(BadServerVersion, "it is %d", 5), "merge: it is 5 (209)")
}
