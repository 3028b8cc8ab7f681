package merge

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/vectortest"
	"realmsync/tests/vectors"
)

// pairSide is one of the two changesets of a line of pairs.jsonl.
type pairSide struct {
	Timestamp    uint64
	FileIdent    uint64 `json:"file_ident"`
	Hex          string
	Instructions json.RawMessage
}

type pairLine struct {
	ID       string
	Order    string
	Left     pairSide
	Right    pairSide
	LeftOut  *pairSide `json:"left_out"`
	RightOut *pairSide `json:"right_out"`
	Merged   json.RawMessage
	Error    json.RawMessage
	Cause    string
	ByPlace  json.RawMessage `json:"set_erase_by_position"`
}

func decodeHex(t testing.TB, text string) *changeset.Changeset {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	c, err := changeset.Decode(b)
	require.NoError(t, err)
	return c
}

func (s *pairSide) entry(t testing.TB) *Entry {
	t.Helper()
	c := decodeHex(t, s.Hex)
	return &Entry{Changeset: c, Timestamp: s.Timestamp, FileIdent: s.FileIdent}
}

func (s *pairSide) instructions(t testing.TB) []changeset.Instruction {
	t.Helper()
	ins, err := vectortest.ParseInstructions(s.Instructions)
	require.NoError(t, err)
	return ins
}

// requireSame compares instructions.
func requireSame(t testing.TB, want, got []changeset.Instruction, what ...any) {
	t.Helper()
	if len(want) == 0 && len(got) == 0 {
		return
	}
	require.Equal(t, want, got, what...)
}

// orders are times and idents of two sides: older, newer, equal with lower and with higher ident.
var orders = [...][2]Entry{
	{{Timestamp: 1000, FileIdent: 2}, {Timestamp: 2000, FileIdent: 3}},
	{{Timestamp: 2000, FileIdent: 2}, {Timestamp: 1000, FileIdent: 3}},
	{{Timestamp: 1000, FileIdent: 2}, {Timestamp: 1000, FileIdent: 3}},
	{{Timestamp: 1000, FileIdent: 3}, {Timestamp: 1000, FileIdent: 2}},
}

// Every line merges to the listed instructions, from both sides, in all orders that it stands for, with the index and without; lines
// with an error fail; and both ways end in the listed state, or fail where they are to.
func TestPairVectors(t *testing.T) {
	base, form := baseState(t)
	lines, failing, byPlace, applied := 0, 0, 0, 0
	require.NoError(t, vectors.Lines("merge/pairs.jsonl", func(line []byte) error {
		lines++
		var p pairLine
		require.NoError(t, json.Unmarshal(line, &p))
		left, right := p.Left.entry(t), p.Right.entry(t)
		requireSame(t, p.Left.instructions(t), left.Changeset.Instructions, p.ID)
		before := [2]*changeset.Changeset{clone(left.Changeset), clone(right.Changeset)}
		if p.Error != nil {
			failing++
			for _, allPairs := range []bool{false, true} {
				a, b := *left, *right
				err := merge([]*Entry{&a}, []*Entry{&b}, allPairs)
				require.ErrorIs(t, err, ErrTransform, p.ID)
				require.Equal(t, [2]Entry{*left, *right}, [2]Entry{a, b}, "%s: entries must be as they were", p.ID)
			}
			return nil
		}
		if p.ByPlace != nil {
			// The original compares places in its buffers where it should compare contents.
			byPlace++
			return nil
		}
		wantLeft, wantRight := p.LeftOut.instructions(t), p.RightOut.instructions(t)
		keys := [][2]Entry{{*left, *right}}
		if p.Order == "any" {
			keys = orders[:]
		}
		for _, k := range keys {
			for _, allPairs := range []bool{false, true} {
				for _, swapped := range []bool{false, true} {
					a := &Entry{Changeset: left.Changeset, Timestamp: k[0].Timestamp, FileIdent: k[0].FileIdent}
					b := &Entry{Changeset: right.Changeset, Timestamp: k[1].Timestamp, FileIdent: k[1].FileIdent}
					var err error
					if swapped { // P2: it doesn't matter who merges
						err = merge([]*Entry{b}, []*Entry{a}, allPairs)
					} else {
						err = merge([]*Entry{a}, []*Entry{b}, allPairs)
					}
					require.NoError(t, err, p.ID)
					requireSame(t, wantLeft, a.Changeset.Instructions, "%s: left", p.ID)
					requireSame(t, wantRight, b.Changeset.Instructions, "%s: right", p.ID)
					if !a.Dirty {
						require.Equal(t, left.Changeset, a.Changeset, p.ID)
					}
				}
			}
		}
		require.Equal(t, before, [2]*changeset.Changeset{left.Changeset, right.Changeset}, "%s: what was given must be as it was", p.ID)
		leftOut, rightOut := &changeset.Changeset{Instructions: wantLeft}, &changeset.Changeset{Instructions: wantRight}
		applied++
		var m struct {
			Diverges *ways[json.RawMessage]
			Fails    *ways[bool] `json:"apply_fails"`
		}
		require.NoError(t, json.Unmarshal(p.Merged, &m), p.ID)
		var want ways[string]
		switch {
		case m.Diverges != nil:
			want = ways[string]{changed(t, form, m.Diverges.LeftFirst), changed(t, form, m.Diverges.RightFirst)}
			m.Fails = &ways[bool]{}
		case m.Fails == nil:
			both := changed(t, form, p.Merged)
			want = ways[string]{both, both}
			m.Fails = &ways[bool]{}
		}
		applyWay(t, p.ID+", left first", base, m.Fails.LeftFirst, want.LeftFirst, left.Changeset, rightOut)
		applyWay(t, p.ID+", right first", base, m.Fails.RightFirst, want.RightFirst, right.Changeset, leftOut)
		return nil
	}))
	t.Logf("%d lines, of which %d fail, %d compare set elements by place; %d were applied", lines, failing, byPlace, applied)
	require.True(t, lines > 100 && failing > 0 && applied > 0, "too few lines")
}

// ways says something about each order of applying.
type ways[T any] struct {
	LeftFirst  T `json:"left_then_right"`
	RightFirst T `json:"right_then_left"`
}

// applyWay applies two changesets to the base state; the second one may have to fail. The result must be the wanted one, if it is known.
func applyWay(t testing.TB, name string, base *memstate.State, fails bool, want string, first, second *changeset.Changeset) {
	t.Helper()
	s := base.Clone()
	require.NoError(t, s.Apply(first), name)
	err := s.Apply(second)
	if fails {
		if err == nil && len(second.Instructions) > 0 && second.Instructions[0].Op == changeset.EraseTable {
			return // the original can't remove a class that a mixed value links to; the specification (changeset.md 5.5) doesn't ask for that
		}
		require.ErrorIs(t, err, changeset.ErrBadChangeset, name)
		return
	}
	require.NoError(t, err, name)
	if want != "" {
		requireSameState(t, want, s, name)
	}
}

// changed returns the JSON of the base state with a change; "" if there is no change.
func changed(t testing.TB, form *vectortest.State, change json.RawMessage) string {
	t.Helper()
	if change == nil {
		return ""
	}
	with, err := form.Change(change)
	require.NoError(t, err)
	s, err := memstate.FromForm(with)
	require.NoError(t, err)
	return string(s.JSON())
}

// requireSameState compares states. Of a difference it shows the first place only: states are long.
func requireSameState(t testing.TB, a string, got *memstate.State, name string) {
	t.Helper()
	b := string(got.JSON())
	if a == b {
		return
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	from := max(0, at-100)
	t.Fatalf("%s: states differ at\n%s\n%s", name, a[from:min(len(a), at+100)], b[from:min(len(b), at+100)])
}

func clone(c *changeset.Changeset) *changeset.Changeset {
	b, err := changeset.Encode(c)
	if err == nil {
		c, err = changeset.Decode(b)
	}
	if err != nil {
		panic(err)
	}
	return c
}

func baseState(t testing.TB) (*memstate.State, *vectortest.State) {
	t.Helper()
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var f struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &f))
	form, err := vectortest.ParseState(f.State)
	require.NoError(t, err)
	state, err := memstate.FromForm(form)
	require.NoError(t, err)
	return state, form
}

// Lines that compare set elements by place differ from the original only there: merging them by content must still be symmetric.
func TestPairVectorsByPlace(t *testing.T) {
	n := 0
	require.NoError(t, vectors.Lines("merge/pairs.jsonl", func(line []byte) error {
		if !strings.Contains(string(line), "set_erase_by_position") {
			return nil
		}
		n++
		var p pairLine
		require.NoError(t, json.Unmarshal(line, &p))
		a, b, c, d := p.Left.entry(t), p.Right.entry(t), p.Left.entry(t), p.Right.entry(t)
		require.NoError(t, Changesets([]*Entry{a}, []*Entry{b}), p.ID)
		require.NoError(t, Changesets([]*Entry{d}, []*Entry{c}), p.ID)
		require.Equal(t, a, c, p.ID)
		require.Equal(t, b, d, p.ID)
		return nil
	}))
	require.NotZero(t, n)
}
