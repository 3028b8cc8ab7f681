package merge

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// generator makes changesets of instructions of all types on few objects. Those on the lists l and e of top-level objects have the right
// sizes for a side that starts with base elements in each, so that merging them rarely fails; all others are arbitrary.
type generator struct {
	*rand.Rand
	sizes  map[string]uint32
	schema bool // schema instructions, too
	wrong  bool // now and then a wrong size, so that merging fails
	strict bool // no defaults, which strict rules refuse
}

const baseSize = 4

func newGenerator(seed uint64, schema bool) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 99)), sizes: map[string]uint32{}, schema: schema}
}

func pick[T any](g *generator, choices ...T) T { return choices[g.IntN(len(choices))] }

func (g *generator) value() value.Value {
	switch g.IntN(12) {
	case 0:
		return value.Null()
	case 1:
		return value.Marker(value.KindObject)
	case 2, 3:
		return value.Marker(value.KindList)
	case 4, 5:
		return value.Marker(value.KindDictionary)
	case 6:
		return value.Marker(value.KindErased)
	case 7:
		return value.FromLink(pick(g, "A", "B"), value.IntKey(g.Int64N(3)))
	case 8:
		return value.String(pick(g, "", "x", "y"))
	default:
		return value.Int(g.Int64N(4))
	}
}

// path makes a path that doesn't end in a position, or any.
func (g *generator) path(any bool) (path []changeset.Step) {
	for range pick(g, 0, 0, 0, 1, 1, 2, 3) {
		if g.IntN(2) == 0 {
			path = append(path, changeset.Step{Key: pick(g, "a", "b")})
		} else {
			path = append(path, changeset.Step{Pos: g.Uint32N(3), IsPos: true})
		}
	}
	if n := len(path); n > 0 && path[n-1].IsPos && !any {
		path[n-1] = changeset.Step{Key: "a"}
	}
	return path
}

// list makes an instruction on a list whose size is known.
func (g *generator) list(in changeset.Instruction) changeset.Instruction {
	in.Field = pick(g, "l", "e")
	where := in.Table + in.Key.String() + in.Field
	size, ok := g.sizes[where]
	if !ok {
		size = baseSize
	}
	in.PriorSize = size
	if g.wrong && g.IntN(3) == 0 {
		in.PriorSize += g.Uint32N(2)
	}
	at := func(n uint32) []changeset.Step { return []changeset.Step{{Pos: g.Uint32N(n), IsPos: true}} }
	switch kind := g.IntN(6); {
	case size == 0 || kind < 2:
		in.Op, in.Path, in.Value = changeset.ArrayInsert, at(size+1), g.value()
		size++
	case kind == 2:
		in.Op, in.Path = changeset.ArrayErase, at(size)
		size--
	case kind == 3 && size > 1:
		in.Op, in.Path = changeset.ArrayMove, at(size)
		if in.Dest = g.Uint32N(size - 1); in.Dest >= in.Path[0].Pos {
			in.Dest++
		}
	case kind == 4: // something inside of an element
		in.PriorSize = 0
		in.Op, in.Path, in.Value = changeset.Update, append(at(size), changeset.Step{Key: "a"}), g.value()
	default:
		in.Op, in.Path, in.Value = changeset.Update, at(size), g.value()
	}
	g.sizes[where] = size
	return in
}

func (g *generator) instruction() changeset.Instruction {
	in := changeset.Instruction{Table: pick(g, "A", "B", "C"), Key: value.IntKey(g.Int64N(2))}
	if g.schema && g.IntN(4) == 0 {
		in.Key = value.Key{}
		in.Field = pick(g, "f", "g")
		switch g.IntN(9) {
		case 0, 1, 2:
			in.Op, in.Field, in.Schema = changeset.AddTable, "", &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}
		case 3, 4, 5:
			in.Op, in.Schema = changeset.AddColumn, &changeset.SchemaFields{Type: value.KindInt}
			if in.Field == "g" {
				in.Schema = &changeset.SchemaFields{Type: value.KindLink, LinkTarget: "B", Nullable: true}
			}
		case 6, 7:
			in.Op = changeset.EraseColumn
		default:
			in.Op, in.Field = changeset.EraseTable, ""
		}
		return in
	}
	if g.wrong {
		in.Table, in.Key = "A", value.IntKey(1)
	}
	in.Field = pick(g, "f", "g")
	switch g.IntN(14) {
	case 0:
		in.Op, in.Field = changeset.CreateObject, ""
	case 1:
		if g.IntN(3) > 0 {
			return g.list(in)
		}
		in.Op, in.Field = changeset.EraseObject, ""
	case 2, 3, 4:
		in.Op, in.Path, in.Value, in.Default = changeset.Update, g.path(false), g.value(), !g.strict && g.IntN(4) == 0
	case 5, 6:
		in.Op, in.Path, in.Add = changeset.AddInteger, g.path(false), g.Int64N(3)
	case 7:
		in.Op, in.Path, in.Collection = changeset.Clear, g.path(true), pick(g, schema.List, schema.Dictionary, schema.Set)
	case 8, 9:
		in.Op, in.Path, in.Value = pick(g, changeset.SetInsert, changeset.SetErase), g.path(false), g.value()
	default:
		return g.list(in)
	}
	return in
}

// side makes the changesets of one side, recorded one after the other.
func (g *generator) side(ident uint64) (entries []*Entry) {
	clear(g.sizes)
	for i := range 1 + g.Uint64N(3) {
		e := &Entry{Version: 10 + i, Timestamp: g.Uint64N(4), FileIdent: ident, Changeset: &changeset.Changeset{}}
		for range g.IntN(6) {
			e.Changeset.Instructions = append(e.Changeset.Instructions, g.instruction())
		}
		entries = append(entries, e)
	}
	return entries
}

func texts(entries []*Entry) (out []string) {
	for _, e := range entries {
		out = append(out, fmt.Sprintf("version %d", e.Version))
		for i := range e.Changeset.Instructions {
			in := &e.Changeset.Instructions[i]
			out = append(out, fmt.Sprintf("%s = %v add %d size %d dest %d default %v", in.Address(), in.Value, in.Add, in.PriorSize, in.Dest, in.Default))
		}
	}
	return out
}

func requireEntries(t testing.TB, want, got []*Entry, what string, seed uint64) {
	t.Helper()
	require.Equal(t, texts(want), texts(got), "%s, seed %d", what, seed)
	for i := range want {
		require.Equal(t, want[i].Dirty, got[i].Dirty, "%s, seed %d: dirty", what, seed)
	}
}

// On random changesets of all instruction types: the index changes nothing; it doesn't matter which side merges (P2); merging one by one
// is merging all at once (P4); the same input gives the same (P3); and what was given stays as it was.
func TestProperties(t *testing.T) { testProperties(t, Compatible) }

func TestStrictProperties(t *testing.T) { testProperties(t, Strict) }

func testProperties(t *testing.T, rules Rules) {
	merged, failed := 0, 0
	for seed := range uint64(6000) {
		g := newGenerator(seed, seed%2 == 0)
		g.wrong, g.strict = seed%3 == 0, rules == Strict
		a, b := g.side(2), g.side(3)
		before := append(texts(a), texts(b)...)
		a1, b1 := copyEntries(a), copyEntries(b)
		err := mergeBy(rules, a1, b1, false)

		a2, b2 := copyEntries(a), copyEntries(b)
		errAll := mergeBy(rules, a2, b2, true)
		a3, b3 := copyEntries(a), copyEntries(b)
		errSwapped := mergeBy(rules, b3, a3, false)
		require.Equal(t, before, append(texts(a), texts(b)...), "seed %d", seed)
		if err != nil {
			failed++
			require.ErrorIs(t, err, ErrTransform, "seed %d", seed)
			require.Error(t, errSwapped, "seed %d", seed)
			require.Equal(t, err, errAll, "seed %d", seed)
			requireEntries(t, a, a1, "after an error", seed)
			requireEntries(t, b, b1, "after an error", seed)
			continue
		}
		merged++
		require.NoError(t, errAll, "seed %d", seed)
		requireEntries(t, a1, a2, "all pairs, local", seed)
		requireEntries(t, b1, b2, "all pairs, incoming", seed)
		require.NoError(t, errSwapped, "seed %d", seed)
		requireEntries(t, a1, a3, "swapped, local", seed)
		requireEntries(t, b1, b3, "swapped, incoming", seed)

		a4, b4 := copyEntries(a), copyEntries(b)
		for i := range b4 {
			require.NoError(t, rules.Changesets(a4, b4[i:i+1]), "seed %d", seed)
		}
		requireEntries(t, a1, a4, "incoming one by one, local", seed)
		requireEntries(t, b1, b4, "incoming one by one, incoming", seed)
		a5, b5 := copyEntries(a), copyEntries(b)
		for i := range a5 {
			require.NoError(t, rules.Changesets(a5[i:i+1], b5), "seed %d", seed)
		}
		requireEntries(t, a1, a5, "local one by one, local", seed)
		requireEntries(t, b1, b5, "local one by one, incoming", seed)
	}
	t.Logf("%d merged, %d failed", merged, failed)
	require.True(t, merged > 1000 && failed > 100)
}

// The rules for one object without nested paths keep prior sizes right (P7): every list instruction has the size of the list that it
// meets, on both ways to the result, and both lists are equal.
func TestListsConverge(t *testing.T) {
	for seed := range uint64(5000) {
		g := newGenerator(seed, false)
		make := func(ident uint64) *Entry {
			clear(g.sizes)
			e := &Entry{Timestamp: g.Uint64N(3), FileIdent: ident, Changeset: &changeset.Changeset{}}
			for len(e.Changeset.Instructions) < 5 {
				in := g.list(changeset.Instruction{Table: "T", Key: value.IntKey(1)})
				if len(in.Path) == 1 {
					in.Value = value.Int(int64(ident)*100 + int64(len(e.Changeset.Instructions)))
					e.Changeset.Instructions = append(e.Changeset.Instructions, in)
				}
			}
			return e
		}
		a, b := make(2), make(3)
		a1, b1 := copyEntries([]*Entry{a}), copyEntries([]*Entry{b})
		require.NoError(t, Changesets(a1, b1), "seed %d", seed)
		require.Equal(t, play2(t, seed, a, b1[0]), play2(t, seed, b, a1[0]), "seed %d\n%v\n%v", seed, texts([]*Entry{a}), texts([]*Entry{b}))
	}
}

// play2 applies the list instructions of two changesets.
func play2(t *testing.T, seed uint64, entries ...*Entry) map[string][]int64 {
	lists := map[string][]int64{"l": {0, 1, 2, 3}, "e": {0, 1, 2, 3}}
	for _, e := range entries {
		for i := range e.Changeset.Instructions {
			in := &e.Changeset.Instructions[i]
			l := lists[in.Field]
			require.EqualValues(t, len(l), in.PriorSize, "seed %d: %s", seed, in.Address())
			at := int(in.Path[0].Pos)
			switch in.Op {
			case changeset.Update:
				l[at] = in.Value.Int()
			case changeset.ArrayInsert:
				l = append(l[:at:at], append([]int64{in.Value.Int()}, l[at:]...)...)
			case changeset.ArrayErase:
				l = append(l[:at:at], l[at+1:]...)
			case changeset.ArrayMove:
				v := l[at]
				l = append(l[:at:at], l[at+1:]...)
				l = append(l[:in.Dest:in.Dest], append([]int64{v}, l[in.Dest:]...)...)
			}
			lists[in.Field] = l
		}
	}
	return lists
}
