package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/store"
)

// withNested adds properties of every sort to class T.
func withNested(t *testing.T) *fixture {
	t.Helper()
	f := open(t)
	column := func(table, name string, kind value.Kind, c schema.Collection, target string) changeset.Instruction {
		in := changeset.Instruction{Op: changeset.AddColumn, Table: table, Field: name, Collection: c, Schema: &changeset.SchemaFields{Type: kind, LinkTarget: target}}
		if c == schema.Dictionary {
			in.Schema.KeyType = value.KindString
		}
		return in
	}
	f.write(changeset.Instruction{Op: changeset.AddTable, Table: "E", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		column("E", "x", value.KindInt, schema.Single, ""), column("E", "l", value.KindInt, schema.List, ""),
		column("T", "l", value.KindInt, schema.List, ""), column("T", "s", value.KindString, schema.Set, ""),
		column("T", "d", value.KindInt, schema.Dictionary, ""), column("T", "m", value.KindMixed, schema.Single, ""),
		column("T", "e", value.KindLink, schema.Single, "E"), column("T", "el", value.KindLink, schema.List, "E"),
		column("T", "ed", value.KindLink, schema.Dictionary, "E"), column("T", "kl", value.KindLink, schema.List, "T"))
	return f
}

// on makes an instruction on a path, whose steps are positions and keys.
func on(id int64, op changeset.Op, field string, v value.Value, steps ...any) changeset.Instruction {
	in := changeset.Instruction{Op: op, Table: "T", Key: value.IntKey(id), Field: field, Value: v}
	for _, s := range steps {
		if i, ok := s.(int); ok {
			in.Path = append(in.Path, changeset.Step{IsPos: true, Pos: uint32(i)})
		} else {
			in.Path = append(in.Path, changeset.Step{Key: s.(string)})
		}
	}
	return in
}

func insert(id int64, field string, prior int, v value.Value, steps ...any) changeset.Instruction {
	in := on(id, changeset.ArrayInsert, field, v, steps...)
	in.PriorSize = uint32(prior)
	return in
}

// full makes an object that has everything.
func full(id, n int64) []changeset.Instruction {
	object, list, dictionary := value.Marker(value.KindObject), value.Marker(value.KindList), value.Marker(value.KindDictionary)
	cleared := on(id, changeset.Clear, "m", value.Null())
	cleared.Collection = schema.Dictionary
	return append(create(id, value.Null(), n),
		insert(id, "l", 0, value.Int(1), 0), insert(id, "l", 1, value.Int(2), 1),
		on(id, changeset.SetInsert, "s", value.String("b")), on(id, changeset.SetInsert, "s", value.String("a")),
		on(id, changeset.Update, "d", value.Int(7), "k"), on(id, changeset.Update, "m", dictionary), cleared,
		on(id, changeset.Update, "m", value.Int(1), "one"), on(id, changeset.Update, "m", list, "list"),
		insert(id, "m", 0, value.String("x"), "list", 0), insert(id, "m", 1, list, "list", 1), insert(id, "m", 0, value.Null(), "list", 1, 0),
		on(id, changeset.Update, "e", object), on(id, changeset.Update, "e", value.Int(3), "x"), insert(id, "e", 0, value.Int(4), "l", 0),
		insert(id, "el", 0, object, 0), insert(id, "el", 1, object, 1), on(id, changeset.Update, "el", value.Int(5), 1, "x"),
		on(id, changeset.Update, "ed", object, "k"), on(id, changeset.Update, "ed", value.Int(6), "k", "x"), on(id, changeset.Update, "ed", value.Null(), "none"),
		insert(id, "kl", 0, value.FromLink("T", value.IntKey(99)), 0),
	)
}

// A version in pieces says the same as in one, and what comes first may have come before, as far as it got.
func TestPartInPieces(t *testing.T) {
	f := withNested(t)
	s := f.acquire("n > 3")
	defer s.Release()
	var first, second []changeset.Instruction
	for i := range int64(6) {
		first = append(first, full(i, 4*(i%2))...) // every other one is in the view
	}
	second = append(second, changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "more", Schema: &changeset.SchemaFields{Type: value.KindInt}})
	for i := range int64(6) {
		second = append(second, insert(i, "l", 2, value.Int(3), 2), set(i, "more", value.Int(9)), set(i, "n", value.Int(i))) // 1 leaves, 4 enters, 5 stays
	}
	second = append(second, erase(3))
	second = append(second, full(7, 5)...) // comes to be in it: as it was written
	var before [][]byte
	with := func(more ...[]byte) string {
		t.Helper()
		out := memstate.New(schema.New())
		for _, data := range append(slices.Clone(before), more...) {
			c, err := changeset.Decode(data)
			require.NoError(t, err)
			require.NoError(t, out.Apply(c))
		}
		return string(out.JSON())
	}
	require.NoError(t, f.Entries(t.Context(), 0, f.Version(), func(e *history.Entry) (bool, error) {
		before = append(before, f.alone(s, e))
		return true, nil
	}))
	before = append(before, f.alone(s, f.write(first...)))
	part, err := PartOf(s, f.write(second...))
	require.NoError(t, err)
	data, err := part.Changeset()
	require.NoError(t, err)
	var pieces [][]byte
	rest := 0 // index of the first piece of the rest
	require.NoError(t, part.Write(50, func(c []byte, last bool) error {
		if !last {
			rest++
		}
		require.Equal(t, last, len(pieces) >= rest, "it is behind the others")
		pieces = append(pieces, c)
		return nil
	}))
	require.Greater(t, rest, 5)
	require.Greater(t, len(pieces)-rest, 5)
	for kept := range rest + 1 {
		require.Equal(t, with(data), with(append(slices.Clone(pieces[:kept]), pieces...)...), "%d pieces came before", kept)
	}
	size, err := part.Entering()
	require.NoError(t, err)
	row := part.Entry.Images[slices.IndexFunc(part.Entry.Images, func(m history.Image) bool { return m.Key == value.IntKey(4) })].After
	one, err := row.Bytes()
	require.NoError(t, err)
	require.Equal(t, one, size, "one enters")
}

// Objects enter views whole, and what changes inside of them in the view is sent as it was written.
func TestNestedVisible(t *testing.T) {
	f := withNested(t)
	s := f.acquire("n > 3")
	defer s.Release()
	written, told := memstate.New(f.Catalog().Schema), memstate.New(f.Catalog().Schema)
	take := func(ins ...changeset.Instruction) *changeset.Changeset {
		t.Helper()
		require.NoError(t, written.Apply(&changeset.Changeset{Instructions: ins}))
		c, err := changeset.Decode(f.alone(s, f.write(ins...)))
		require.NoError(t, err)
		require.NoError(t, told.Apply(c))
		return c
	}
	require.Empty(t, take(full(1, 1)...).Instructions)
	require.NotEqual(t, string(written.JSON()), string(told.JSON()))
	take(set(1, "n", value.Int(5)))
	require.Equal(t, string(written.JSON()), string(told.JSON()), "it enters with everything in it")
	for _, in := range []changeset.Instruction{
		insert(1, "l", 2, value.Int(3), 2), on(1, changeset.Update, "m", value.Int(9), "list", 0), on(1, changeset.Update, "el", value.Int(8), 0, "x"),
		on(1, changeset.SetErase, "s", value.String("a")), on(1, changeset.Update, "d", value.Marker(value.KindErased), "k"),
	} {
		require.Equal(t, []changeset.Instruction{in}, take(in).Instructions, "as it was written")
		require.Equal(t, string(written.JSON()), string(told.JSON()))
	}
	take(full(2, 9)...)
	require.Equal(t, string(written.JSON()), string(told.JSON()))

	// A bootstrap and a reset tell the same.
	empty := f.acquire("")
	defer empty.Release()
	fresh := memstate.New(schema.New())
	f.run(&Bootstrap{Before: empty, After: s, Schema: true}, fresh)
	require.Equal(t, string(written.JSON()), string(fresh.JSON()))
	require.NoError(t, fresh.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{insert(1, "l", 3, value.Int(3), 2), set(2, "m", value.Null())}}))
	class := f.Catalog().Class("T").ID
	data, err := Reset(t.Context(), f.Engine, s, f.Version(), []store.ObjectRef{{Class: class, Key: history.EncodeKey(value.IntKey(1))}, {Class: class, Key: history.EncodeKey(value.IntKey(2))}})
	require.NoError(t, err)
	c, err := changeset.Decode(data)
	require.NoError(t, err)
	require.NoError(t, fresh.Apply(c))
	require.Equal(t, string(written.JSON()), string(fresh.JSON()))
}

// An object that is larger than a changeset of a bootstrap comes in several.
func TestLargeObjectInBootstrap(t *testing.T) {
	f := withNested(t)
	ins := create(1, value.Null(), 5)
	for i := range 30_000 {
		ins = append(ins, insert(1, "l", i, value.Int(int64(i)), i))
	}
	f.write(ins...)
	empty, s := f.acquire(""), f.acquire("n > 3")
	defer empty.Release()
	defer s.Release()
	snapshot, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, snapshot.Close()) }()
	count, changesets := 0, 0
	require.NoError(t, (&Bootstrap{Before: empty, After: s, Piece: 16 << 10}).Write(snapshot, func(data []byte) error {
		require.Less(t, len(data), 32<<10)
		c, err := changeset.Decode(data)
		require.NoError(t, err)
		changesets++
		for i := range c.Instructions {
			if in := &c.Instructions[i]; in.Op == changeset.ArrayInsert {
				require.Equal(t, insert(1, "l", count, value.Int(int64(count)), count), *in)
				count++
			}
		}
		return nil
	}))
	require.Equal(t, 30_000, count)
	require.Greater(t, changesets, 3)
}

// A query that costs too much to decide finds nothing; nobody else notices.
func TestCostlyQuery(t *testing.T) {
	f := withNested(t)
	costly := f.acquire("n > 0 AND " + strings.Repeat("ALL l >= 0 AND ", 300) + "n > 0")
	plain, lists := f.acquire("n > 3"), f.acquire("999 IN l")
	for _, s := range []*Set{costly, plain, lists} {
		defer s.Release()
	}
	ins := create(1, value.Null(), 5)
	for i := range 1000 {
		ins = append(ins, insert(1, "l", i, value.Int(int64(i)), i))
	}
	e := f.write(ins...)
	for s, sees := range map[*Set]bool{costly: false, plain: true, lists: true} {
		got, err := s.Sees(e.Images[0].After)
		require.NoError(t, err)
		require.Equal(t, sees, got, s.Body()[:12])
		require.Equal(t, sees, len(f.sees(s, e)) > 0)
	}
	require.NotEmpty(t, f.sees(costly, f.write(create(2, value.Null(), 5)...)), "of other objects it is decided")
}

// Queries see collections, and those inside of mixed; those that lead to embedded or other objects are refused.
func TestQueriesOnNested(t *testing.T) {
	f := withNested(t)
	for _, query := range []string{
		"e.x == 1", "e == NULL", "NOT e == NULL", "ANY el.x == 1", "el.@count > 1", "ed.k.x == 1", "kl.n == 1", "l.@sum > 3", "@links.T.kl.n == 1",
		"SUBQUERY(kl, $x, $x.n == 1).@count > 0",
	} {
		_, err := f.fan.Acquire(f.Catalog(), fmt.Appendf(nil, `{"T":%q}`, query), false)
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid, query)
		require.Contains(t, invalid.Text, `"T"`, query)
	}
	f.write(full(1, 1)...)
	for query, matches := range map[string]bool{
		"m == NULL": false, "m != NULL": true, "m == 1": false, "m > 1": false, `m == "x"`: false, `m CONTAINS "x"`: false, "m IN {1, 2}": false, "m == 1 OR n == 1": true,
		"m.one == 1": true, "m.one == 2": false, "m[0] == 1": false, `m.list[0] == "x"`: true, "m.list[1][0] == NULL": true, "m.list[*] == 7": false, "m.@count == 2": true,
		"d.k == 7": true, "d.other == 7": false, `d.@keys == "k"`: true, "d.@values == 7": true, "d.@count == 1": true, "ANY d > 7": false,
		"2 IN l": true, "l == 3": false, "ALL l > 0": true, "ALL l > 1": false, "NONE l == 3": true, "l[0] == 1": true, "l[LAST] == 2": true, "l.@count == 2": true,
		`"a" IN s`: true, `s == "c"`: false, `ANY s BEGINSWITH "b"`: true, "s.@size == 2": true, "n + 1 == 2": true, `m.@type == "dictionary"`: true,
	} {
		s := f.acquire(query)
		snapshot, err := f.Snapshot(t.Context())
		require.NoError(t, err)
		require.NoError(t, snapshot.Rows(snapshot.Catalog.Class("T"), func(row *history.Row) (bool, error) {
			got, err := s.Sees(row)
			require.Equal(t, matches, got, query)
			return true, err
		}))
		require.NoError(t, snapshot.Close())
		s.Release()
	}
}

// A step into a mixed value that holds a link leads nowhere: it must not make the write of such a value fail.
func TestQueriesOnLinksInMixed(t *testing.T) {
	f := withNested(t)
	f.write(append(create(1, value.Null(), 1), set(1, "m", value.FromLink("T", value.IntKey(1))))...)
	for query, matches := range map[string]bool{"m.n == 1": false, "NOT m.n == 1": true, "m.@type == 'link'": true, "m[*].n == 1": false} {
		s := f.acquire(query)
		snapshot, err := f.Snapshot(t.Context())
		require.NoError(t, err)
		err = snapshot.Rows(snapshot.Catalog.Class("T"), func(row *history.Row) (bool, error) {
			got, err := s.Sees(row)
			assert.Equal(t, matches, got, query)
			return true, err
		})
		assert.NoError(t, err, query)
		require.NoError(t, snapshot.Close())
		s.Release()
	}
}

// GEOWITHIN reads the point that an object holds; everything else about embedded objects is refused still.
func TestQueriesOnPoints(t *testing.T) {
	f := open(t)
	f.write(changeset.Instruction{Op: changeset.AddTable, Table: "Point", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Point", Field: "type", Schema: &changeset.SchemaFields{Type: value.KindString}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "Point", Field: "coordinates", Collection: schema.List, Schema: &changeset.SchemaFields{Type: value.KindDouble}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "at", Schema: &changeset.SchemaFields{Type: value.KindLink, LinkTarget: "Point"}})
	for _, query := range []string{"at.type == 'Point'", "at == NULL", "at GEOWITHIN geoBox([0, 0], [10, 10]) AND at != NULL", "ANY at.coordinates == 1"} {
		_, err := f.fan.Acquire(f.Catalog(), fmt.Appendf(nil, `{"T":%q}`, query), false)
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid, query)
	}
	s := f.acquire("at GEOWITHIN geoBox([0, 0], [10, 10])")
	defer s.Release()
	require.Equal(t, map[string][]string{"T": {"at"}}, s.Asks(f.Catalog()))
	move := func(id int64, longitude, latitude float64) []changeset.Instruction {
		return []changeset.Instruction{
			on(id, changeset.Update, "at", value.Marker(value.KindObject)), on(id, changeset.Update, "at", value.String("Point"), "type"),
			on(id, changeset.Clear, "at", value.Null(), "coordinates"),
			insert(id, "at", 0, value.Double(longitude), "coordinates", 0), insert(id, "at", 1, value.Double(latitude), "coordinates", 1),
		}
	}
	require.Empty(t, f.sees(s, f.write(create(1, value.Null(), 1)...)), "nowhere")
	require.NotEmpty(t, f.sees(s, f.write(move(1, 5, 5)...)), "comes in")
	require.Equal(t, []string{"erase 1"}, f.sees(s, f.write(move(1, 15, 5)...)), "goes out")
	require.Empty(t, f.sees(s, f.write(move(1, -5, 5)...)))
	require.NotEmpty(t, f.sees(s, f.write(append(create(2, value.Null(), 1), move(2, 1, 1)...)...)), "born inside")
}
