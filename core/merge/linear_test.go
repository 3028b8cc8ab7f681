package merge

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// many makes changesets of a few instructions, each on an object of its own.
func many(n int, ident uint64, key func(i int) int64) []*Entry {
	entries := make([]*Entry, n)
	for i := range entries {
		k := value.IntKey(key(i))
		entries[i] = &Entry{Version: uint64(i) + 1, Timestamp: uint64(i), FileIdent: ident, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{
			{Op: changeset.CreateObject, Table: "Person", Key: k},
			{Op: changeset.Update, Table: "Person", Key: k, Field: "name", Value: value.String("x")},
			{Op: changeset.Update, Table: "Person", Key: k, Field: "age", Value: value.Int(int64(i))},
		}}}
	}
	return entries
}

// repeat makes changesets that all change one property.
func repeat(n int, ident uint64, in changeset.Instruction) []*Entry {
	entries := make([]*Entry, n)
	for i := range entries {
		entries[i] = &Entry{Version: uint64(i) + 1, Timestamp: uint64(i), FileIdent: ident, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{in}}}
	}
	return entries
}

// each makes changesets on one object that each do something of their own.
func each(n int, ident uint64, change func(in *changeset.Instruction, i int)) []*Entry {
	entries := make([]*Entry, n)
	for i := range entries {
		in := changeset.Instruction{Table: "Person", Key: value.IntKey(1), Field: "f"}
		change(&in, i)
		entries[i] = &Entry{Version: uint64(i) + 1, Timestamp: uint64(i), FileIdent: ident, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{in}}}
	}
	return entries
}

// The number of pairs that are compared shows that the work doesn't grow with the product of both sides.
func TestLinear(t *testing.T) {
	const n = 10000
	schemaChange := &Entry{Version: n + 1, FileIdent: 2, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{
		{Op: changeset.AddTable, Table: "Other", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		{Op: changeset.EraseColumn, Table: "Other", Field: "x"}, {Op: changeset.EraseTable, Table: "Another"},
	}}}
	name := changeset.Instruction{Op: changeset.Update, Table: "Person", Key: value.IntKey(1), Field: "name", Value: value.String("y")}
	create := changeset.Instruction{Op: changeset.CreateObject, Table: "Person", Key: value.IntKey(1)}
	erase := changeset.Instruction{Op: changeset.EraseObject, Table: "Person", Key: value.IntKey(1)}
	inDictionary := func(in *changeset.Instruction, i int) {
		in.Op, in.Value, in.Path = changeset.Update, value.Int(1), []changeset.Step{{Key: strconv.Itoa(i)}}
	}
	inSet := func(in *changeset.Instruction, i int) { in.Op, in.Value = changeset.SetInsert, value.Int(int64(i)) }
	inCounter := func(in *changeset.Instruction, _ int) { in.Op, in.Add = changeset.AddInteger, 1 }
	inProperty := func(in *changeset.Instruction, i int) { in.Op, in.Field = changeset.Update, strconv.Itoa(i) }
	for _, c := range []struct {
		what            string
		local, incoming []*Entry
		most            uint64
	}{
		{"disjoint", many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(n + i) }), 0},
		{"same objects", many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(i) }), 9 * n},
		{"disjoint, with erased classes", append(many(n, 2, func(i int) int64 { return int64(i) }), schemaChange), many(n, 3, func(i int) int64 { return int64(n + i) }), 0},
		{"one property", repeat(n, 2, name), repeat(n, 3, name), 3 * n},
		{"created often, erased once", repeat(n, 2, create), append(repeat(1, 3, erase), repeat(n, 3, create)...), n},
		{"erased once, created often", append(repeat(1, 2, erase), repeat(n, 2, create)...), repeat(n, 3, create), n},
		{"one dictionary", each(n, 2, inDictionary), each(n, 3, inDictionary), n},
		{"one set", each(n, 2, inSet), each(n, 3, inSet), n},
		{"one counter", each(n, 2, inCounter), each(n, 3, inCounter), 0},
		{"properties of one object", each(n, 2, inProperty), each(n, 3, inProperty), n},
	} {
		m := merger{rules: &compatible}
		require.NoError(t, m.run(c.local, c.incoming))
		require.LessOrEqual(t, m.pairs, c.most, c.what)
	}
}

// on makes changesets that change something of all kinds in an object each, of objects many.
func on(n, objects int, ident uint64) []*Entry {
	entries := make([]*Entry, n)
	position := func(i uint32) []changeset.Step { return []changeset.Step{{Pos: i, IsPos: true}} }
	for i := range entries {
		in := changeset.Instruction{Table: "Person", Key: value.IntKey(int64(i % objects))}
		turn := uint32(i / objects)
		change := func(op changeset.Op, field string, v value.Value, path ...changeset.Step) changeset.Instruction {
			out := in
			out.Op, out.Field, out.Value, out.Path = op, field, v, path
			return out
		}
		insert := change(changeset.ArrayInsert, "list", value.Int(int64(i)), position(turn)...)
		insert.PriorSize = turn
		entries[i] = &Entry{Version: uint64(i) + 1, Timestamp: uint64(i), FileIdent: ident, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{
			change(changeset.Update, "name", value.String("x")),
			change(changeset.AddInteger, "count", value.Null()),
			change(changeset.Update, "dictionary", value.Int(1), changeset.Step{Key: []string{"a", "b", "c"}[i%3]}),
			change(changeset.Update, "home", value.String("y"), changeset.Step{Key: "street"}),
			change(changeset.SetInsert, "set", value.Int(int64(turn))),
			insert,
		}}}
	}
	return entries
}

func benchmarkChangesets(b *testing.B, local, incoming []*Entry) {
	b.Helper()
	b.ReportAllocs()
	var pairs uint64
	for b.Loop() {
		m := merger{rules: &compatible}
		if err := m.run(copyEntries(local), copyEntries(incoming)); err != nil {
			b.Fatal(err)
		}
		pairs = m.pairs
	}
	b.ReportMetric(float64(pairs), "pairs")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(local)+len(incoming)), "ns/changeset")
}

// 10,000 changesets on either side, and twice as many.
func BenchmarkChangesets(b *testing.B) {
	for _, n := range []int{10000, 20000} {
		name := strconv.Itoa(n)
		b.Run("disjoint/"+name, func(b *testing.B) {
			benchmarkChangesets(b, many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(n + i) }))
		})
		b.Run("same objects/"+name, func(b *testing.B) {
			benchmarkChangesets(b, many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(i) }))
		})
		b.Run("100 objects/"+name, func(b *testing.B) { benchmarkChangesets(b, on(n, 100, 2), on(n, 100, 3)) })
	}
}

// What is quadratic by its nature: both sides insert into one list.
func BenchmarkSameList(b *testing.B) {
	const n = 1000
	insert := func(ident uint64) []*Entry {
		entries := repeat(n, ident, changeset.Instruction{})
		for i, e := range entries {
			e.Changeset = &changeset.Changeset{Instructions: []changeset.Instruction{{
				Op: changeset.ArrayInsert, Table: "Person", Key: value.IntKey(1), Field: "l", PriorSize: uint32(i), Path: []changeset.Step{{Pos: uint32(i), IsPos: true}},
			}}}
		}
		return entries
	}
	local, incoming := insert(2), insert(3)
	b.ReportAllocs()
	for b.Loop() {
		if err := Changesets(copyEntries(local), copyEntries(incoming)); err != nil {
			b.Fatal(err)
		}
	}
}
