package view

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/history"
)

// What a set sees of a version.
func (f *fixture) sees(s *Set, e *history.Entry) []string {
	f.t.Helper()
	alone := f.alone(s, e)
	if item := f.fan.Item(e.Version); item != nil {
		if p, ok := item.Part(s); ok {
			shared, err := p.Changeset()
			require.NoError(f.t, err)
			require.Equal(f.t, alone, shared)
		} else {
			require.Empty(f.t, alone, "the set was passed over")
		}
	}
	return decode(f.t, alone)
}

// alone is what a set sees of a version, computed for it alone.
func (f *fixture) alone(s *Set, e *history.Entry) []byte {
	f.t.Helper()
	p, err := PartOf(s, e)
	require.NoError(f.t, err)
	data, err := p.Changeset()
	require.NoError(f.t, err)
	return data
}

func TestVisible(t *testing.T) {
	f := open(t)
	s := f.acquire("n > 3")
	defer s.Release()
	require.Empty(t, f.sees(s, f.write(create(1, value.Null(), 3)...)), "born outside")
	require.Equal(t, []string{"create 2", `2.owner = null`, "2.n = 4", `2.text = "text of 2"`}, f.sees(s, f.write(create(2, value.Null(), 4)...)), "born inside: as written")
	require.Equal(t, []string{"erase 1", "create 1", "1.n = 7", `1.text = "text of 1"`}, f.sees(s, f.write(set(1, "n", value.Int(7)))), "enters: with its state")
	require.Equal(t, []string{"2.n = 9"}, f.sees(s, f.write(set(2, "n", value.Int(9)))), "stays")
	require.Equal(t, []string{"erase 2"}, f.sees(s, f.write(set(2, "n", value.Int(1)), set(2, "text", value.String("x")))), "leaves")
	require.Empty(t, f.sees(s, f.write(set(2, "text", value.String("y")))), "stays outside")
	require.Equal(t, []string{"erase 1"}, f.sees(s, f.write(erase(1))), "ends")
	require.Empty(t, f.sees(s, f.write(erase(2))), "ends outside")
	require.Equal(t, []string{"erase 3"}, f.sees(s, f.write(append(create(3, value.Null(), 9), erase(3))...)), "comes and goes")
	require.Equal(t, []string{"property T.more", "create 4", "4.owner = null", "4.n = 5", `4.text = "text of 4"`, "erase 9"},
		f.sees(s, f.write(append(append([]changeset.Instruction{{Op: changeset.AddColumn, Table: "T", Field: "more", Schema: &changeset.SchemaFields{Type: value.KindInt}}},
			create(4, value.Null(), 5)...), append(create(5, value.Null(), 1), erase(9))...)...)), "mixed, in its order; the schema for everybody")
	empty := f.acquire("")
	defer empty.Release()
	require.Equal(t, []string{"property T.again"}, f.sees(empty, f.write(changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "again", Schema: &changeset.SchemaFields{Type: value.KindInt}})))
}

// Queries are found by their equality conditions, whatever their form, and nobody is passed over.
func TestIndexFindsAllQueries(t *testing.T) {
	f := open(t)
	var sets []*Set
	for i := range 8 {
		sets = append(sets, f.acquire(fmt.Sprintf(`owner == "u%d"`, i)), f.acquire(fmt.Sprintf(`owner IN {"u%d", "u%d"} AND n < 5`, i, i+1)),
			f.acquire(fmt.Sprintf(`(owner == "u%d") OR (n == %d)`, i, i)), f.acquire(fmt.Sprintf(`owner == "u%d" OR owner == NULL`, i)),
			f.acquire(fmt.Sprintf(`n > %d`, i)), f.acquire(fmt.Sprintf(`owner BEGINSWITH "u%d"`, i)), f.acquire(fmt.Sprintf(`n == %d AND text CONTAINS "1"`, i)))
	}
	for i := range int64(12) {
		owner := value.String(fmt.Sprint("u", i%9))
		if i%5 == 0 {
			owner = value.Null()
		}
		for _, e := range []*history.Entry{
			f.write(create(i, owner, i%8)...), f.write(set(i, "owner", value.String(fmt.Sprint("u", (i+1)%9)))), f.write(set(i, "n", value.Int((i*3)%8))),
		} {
			for _, s := range sets {
				f.sees(s, e) // compares with what the set finds by itself
			}
		}
	}
	index := f.fan.classes["T"]
	require.Len(t, index.keyed["owner"], 10, "u0 to u8 and null")
	for _, s := range sets {
		s.Release()
	}
	require.Empty(t, f.fan.sets)
	require.Empty(t, f.fan.queries)
	require.Empty(t, f.fan.classes)
}

// Sets are shared by body, queries by class and text.
func TestSharing(t *testing.T) {
	f := open(t)
	a, b := f.acquire("(n == 1) OR (n == 2)"), f.acquire("(n == 1) OR (n == 2)")
	require.Same(t, a, b)
	c := f.acquire("(n == 2) OR (n == 3)")
	require.Len(t, f.fan.queries, 3)
	a.Release()
	require.Len(t, f.fan.sets, 2)
	b.Release()
	require.Len(t, f.fan.queries, 2)
	e := f.write(create(1, value.Null(), 2)...)
	require.NotEmpty(t, f.sees(c, e))
	seen, err := a.Sees(e.Images[0].After)
	require.NoError(t, err)
	require.True(t, seen, "a released set still answers")
	c.Release()
}

// Next leads a session from one version that concerns its set to the next.
func TestNext(t *testing.T) {
	f := open(t)
	before := f.Version()
	s := f.acquire("n > 3")
	defer s.Release()
	woken := 0
	w := NewWatcher(func() { woken++ })
	s.Watch(w)
	f.write(create(1, value.Null(), 1)...)
	require.Zero(t, woken, "it does not concern the set")
	one := f.write(create(2, value.Null(), 5)...)
	two := f.write(create(3, value.Null(), 5)...)
	version, known := s.Next(before)
	require.True(t, known)
	require.Equal(t, one.Version, version)
	version, _ = s.Next(version)
	require.Equal(t, two.Version, version)
	version, known = s.Next(version)
	require.True(t, known)
	require.Zero(t, version)
	require.Equal(t, 2, woken)
	s.Unwatch(w)
	f.write(create(4, value.Null(), 5)...)
	require.Equal(t, 2, woken)
	_, known = s.Next(before - 1)
	require.False(t, known)
	require.Equal(t, before, s.Known())
	// What was distributed before a set came is not among its versions, and is computed for it alone.
	late := f.acquire("n > 4")
	defer late.Release()
	_, ok := f.fan.Item(one.Version).Part(late)
	require.False(t, ok)
	require.NotEmpty(t, f.alone(late, one))
	require.Nil(t, f.fan.Item(f.Version()+1))
}

// When a class is removed and made again, in another form, old sets mean the new class.
func TestClassMadeAgain(t *testing.T) {
	f := open(t)
	s := f.acquire(`owner == "a"`)
	defer s.Release()
	require.NotEmpty(t, f.sees(s, f.write(create(1, value.String("a"), 1)...)))
	f.write(changeset.Instruction{Op: changeset.EraseTable, Table: "T"})
	f.write(
		changeset.Instruction{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "text", Schema: &changeset.SchemaFields{Type: value.KindString}},
	)
	e := f.write(changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(1)})
	require.Empty(t, f.sees(s, e), "the property is not there")
	f.write(changeset.Instruction{Op: changeset.EraseTable, Table: "T"})
	f.write(
		changeset.Instruction{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "n", Schema: &changeset.SchemaFields{Type: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "owner", Schema: &changeset.SchemaFields{Type: value.KindString}},
	)
	e = f.write(changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(1)}, set(1, "owner", value.String("a")))
	require.NotEmpty(t, f.sees(s, e))
}

// Errors are for the user: they name the class and say what is wrong.
func TestInvalidSets(t *testing.T) {
	f := open(t)
	f.write(changeset.Instruction{Op: changeset.AddTable, Table: "E", Schema: &changeset.SchemaFields{TableKind: 1}})
	for body, text := range map[string]string{
		`{"T":"n ="}`:                    `Client provided query with bad syntax: "T": `,
		`{"T":"shoe == 1"}`:              `Invalid query: "T": 'T' has no property 'shoe'`,
		`{"U":"n == 1"}`:                 `Invalid query: "U": there is no such class`,
		`{"T":"TRUEPREDICATE LIMIT(1)"}`: `Invalid query: "T": SORT, DISTINCT and LIMIT`,
		`{"E":"TRUEPREDICATE"}`:          `Invalid query: "E": the class 'E' is embedded`,
		`{"T":1}`:                        `bad syntax`,
		`[]`:                             `bad syntax`,
	} {
		_, err := f.fan.Acquire(f.Catalog(), []byte(body), false)
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid, body)
		require.Contains(t, err.Error(), text)
		require.Error(t, invalid.Unwrap())
	}
	// A client that has a subscription on a class that is not there (any more) is not refused for it.
	s, err := f.fan.Acquire(f.Catalog(), []byte(`{"U":"n == 1"}`), true)
	require.NoError(t, err)
	defer s.Release()
	f.write(
		changeset.Instruction{Op: changeset.AddTable, Table: "U", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "U", Field: "n", Schema: &changeset.SchemaFields{Type: value.KindInt}},
	)
	e := f.write(changeset.Instruction{Op: changeset.CreateObject, Table: "U", Key: value.IntKey(1)},
		changeset.Instruction{Op: changeset.Update, Table: "U", Key: value.IntKey(1), Field: "n", Value: value.Int(1)})
	require.Len(t, f.sees(s, e), 2)
}
