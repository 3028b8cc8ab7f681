package merge

import (
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
	} {
		m := merger{rules: &compatible}
		require.NoError(t, m.run(c.local, c.incoming))
		require.LessOrEqual(t, m.pairs, c.most, c.what)
	}
}

func BenchmarkDisjoint(b *testing.B) {
	const n = 10000
	local, incoming := many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(n + i) })
	b.ReportAllocs()
	for b.Loop() {
		if err := Changesets(copyEntries(local), copyEntries(incoming)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSameObjects(b *testing.B) {
	const n = 10000
	local, incoming := many(n, 2, func(i int) int64 { return int64(i) }), many(n, 3, func(i int) int64 { return int64(i) })
	b.ReportAllocs()
	for b.Loop() {
		if err := Changesets(copyEntries(local), copyEntries(incoming)); err != nil {
			b.Fatal(err)
		}
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
