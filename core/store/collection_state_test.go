package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

// addAll brings a schema to a new file.
func addAll(t testing.TB, c *Conn, s *schema.Schema) {
	t.Helper()
	changes, err := schema.Diff(nil, s)
	require.NoError(t, err)
	require.NoError(t, c.Extend(changes))
}

// copyState copies the objects of a state into another with the same schema, by nothing but changeset.Nested.
func copyState(t testing.TB, from changeset.Nested, keys func(class string) []value.Key, to changeset.Nested) {
	t.Helper()
	for _, class := range from.Schema().Classes() {
		if class.Kind != schema.TopLevel {
			continue
		}
		for _, key := range keys(class.Name) {
			exists, err := to.Exists(class.Name, key)
			require.NoError(t, err)
			if !exists {
				require.NoError(t, to.Create(class.Name, key))
			}
			for i := range class.Properties {
				p := &class.Properties[i]
				if p.Name == class.PrimaryKey {
					continue
				}
				if p.Collection != schema.Single {
					source, err := from.Open(class.Name, key, p.Name)
					require.NoError(t, err)
					target, err := to.Open(class.Name, key, p.Name)
					require.NoError(t, err)
					copyNode(t, source, target, from.Schema())
					continue
				}
				v, err := from.Get(class.Name, key, p.Name)
				require.NoError(t, err)
				if !v.Kind().IsMarker() {
					require.NoError(t, to.Set(class.Name, key, p.Name, v))
					continue
				}
				require.NoError(t, to.SetNew(class.Name, key, p.Name, v.Kind()))
				source, err := from.Open(class.Name, key, p.Name)
				require.NoError(t, err)
				target, err := to.Open(class.Name, key, p.Name)
				require.NoError(t, err)
				copyNode(t, source, target, from.Schema())
			}
		}
	}
}

func copyNode(t testing.TB, from, to changeset.Node, s *schema.Schema) {
	t.Helper()
	require.Equal(t, from.Kind(), to.Kind())
	switch from := from.(type) {
	case changeset.ListNode:
		to := to.(changeset.ListNode)
		n, err := from.Len()
		require.NoError(t, err)
		for i := range n {
			v, err := from.At(i)
			require.NoError(t, err)
			child, err := from.Child(i)
			require.NoError(t, err)
			if child == nil {
				require.NoError(t, to.Insert(i, v))
				continue
			}
			require.NoError(t, to.InsertNew(i, v.Kind()))
			target, err := to.Child(i)
			require.NoError(t, err)
			copyNode(t, child, target, s)
		}
	case changeset.ObjectNode:
		to := to.(changeset.ObjectNode)
		class := s.Class(from.Class())
		for i := range class.Properties {
			p := &class.Properties[i]
			if p.Collection == schema.Single {
				v, err := from.Get(p.Name)
				require.NoError(t, err)
				if !v.Kind().IsMarker() {
					require.NoError(t, to.Set(p.Name, v))
					continue
				}
				require.NoError(t, to.SetNew(p.Name, v.Kind()))
			}
			source, err := from.Open(p.Name)
			require.NoError(t, err)
			target, err := to.Open(p.Name)
			require.NoError(t, err)
			copyNode(t, source, target, s)
		}
	case *setNode:
		for _, v := range elementsOf(t, from.l) {
			has, err := from.Has(v[0])
			require.NoError(t, err)
			require.True(t, has, "%v", v[0])
			require.NoError(t, to.(changeset.SetNode).Add(v[0]))
		}
	case *dictionaryNode:
		to := to.(changeset.DictionaryNode)
		for _, v := range elementsOf(t, from.l) {
			key := v[1].Str()
			child, err := from.Child(key)
			require.NoError(t, err)
			if child == nil {
				require.NoError(t, to.Put(key, v[0]))
				continue
			}
			require.NoError(t, to.PutNew(key, v[0].Kind()))
			target, err := to.Child(key)
			require.NoError(t, err)
			copyNode(t, child, target, s)
		}
	default:
		t.Fatalf("a node of type %T", from)
	}
}

// fill makes the objects of a state in memory in another state.
func fill(t testing.TB, from *memstate.State, to changeset.Nested) {
	t.Helper()
	for _, class := range from.Schema().Classes() {
		for _, key := range from.Keys(class.Name) {
			require.NoError(t, to.Create(class.Name, key))
			for i := range class.Properties {
				p := &class.Properties[i]
				if p.Name == class.PrimaryKey {
					continue
				}
				n, err := from.Node(class.Name, key, p.Name)
				require.NoError(t, err)
				if p.Collection == schema.Single && !n.Value.Kind().IsMarker() {
					require.NoError(t, to.Set(class.Name, key, p.Name, n.Value))
					continue
				}
				if p.Collection == schema.Single {
					require.NoError(t, to.SetNew(class.Name, key, p.Name, n.Value.Kind()))
				}
				target, err := to.Open(class.Name, key, p.Name)
				require.NoError(t, err)
				fillNode(t, n, target)
			}
		}
	}
}

func fillNode(t testing.TB, from memstate.Node, to changeset.Node) {
	t.Helper()
	for i, e := range from.Elements {
		list, isList := to.(changeset.ListNode)
		switch {
		case !isList:
			require.NoError(t, to.(changeset.SetNode).Add(e.Value))
		case e.Value.Kind().IsMarker():
			require.NoError(t, list.InsertNew(i, e.Value.Kind()))
			child, err := list.Child(i)
			require.NoError(t, err)
			fillNode(t, e, child)
		default:
			require.NoError(t, list.Insert(i, e.Value))
		}
	}
	for key, e := range from.Entries {
		var child changeset.Node
		var err error
		switch to := to.(type) {
		case changeset.DictionaryNode:
			if !e.Value.Kind().IsMarker() {
				require.NoError(t, to.Put(key, e.Value))
				continue
			}
			require.NoError(t, to.PutNew(key, e.Value.Kind()))
			child, err = to.Child(key)
		case changeset.ObjectNode:
			if !e.Value.Kind().IsMarker() {
				require.NoError(t, to.Set(key, e.Value))
				continue
			}
			if child, err = to.Open(key); child == nil || child.Kind() != e.Value.Kind() {
				require.NoError(t, to.SetNew(key, e.Value.Kind()))
				child, err = to.Open(key)
			}
		}
		require.NoError(t, err)
		fillNode(t, e, child)
	}
}

// elementsOf reads a collection in batches of an odd size: values, and keys if it has them.
func elementsOf(t testing.TB, l *Collection) (out [][]value.Value) {
	t.Helper()
	n, err := l.Len()
	require.NoError(t, err)
	for first := 0; first < n; first += 7 {
		b, err := l.Load(first, 7)
		require.NoError(t, err)
		require.Equal(t, min(7, n-first), b.Len())
		for i := range b.Len() {
			require.Equal(t, int64(first+i), b.RowID(i))
			var row []value.Value
			for k := range b.Row(i) {
				v, err := l.conn.state.plain(&b.Row(i)[k])
				require.NoError(t, err)
				row = append(row, v)
			}
			out = append(out, row)
		}
		b.Release()
	}
	return out
}

// keysOf returns the keys of a class's objects.
func keysOf(t testing.TB, c *Conn) func(class string) []value.Key {
	return func(class string) (keys []value.Key) {
		require.NoError(t, c.flush())
		cl, err := c.current(c.Class(class))
		require.NoError(t, err)
		rows, err := c.rowIDs("SELECT id FROM "+cl.name+" ORDER BY id", nil)
		require.NoError(t, err)
		for _, row := range rows {
			key, err := c.KeyOf(cl, row)
			require.NoError(t, err)
			keys = append(keys, key)
		}
		return keys
	}
}

// stateJSON is what a connection's write transaction sees, in canonical form.
func stateJSON(t testing.TB, c *Conn) string {
	t.Helper()
	out := memstate.New(c.Schema())
	copyState(t, c.State(), keysOf(t, c), out)
	return string(out.JSON())
}

// sound checks that nothing is left behind: every embedded object and every collection inside of mixed has one place, every element an owner,
// every list that isn't marked positions without gaps, every index what its table has.
func sound(t testing.TB, c *Conn) {
	t.Helper()
	count := func(sql string, args ...any) int64 {
		n, _, err := c.queryInt(sql, args...)
		require.NoError(t, err, sql)
		return n
	}
	require.NoError(t, c.flush())
	require.NoError(t, c.query("PRAGMA integrity_check", nil, func(r *Row) error {
		require.Equal(t, "ok", r.Text(0))
		return nil
	}))
	places := map[uint32]int64{} // of embedded objects
	nested, containers, ragged := c.catalog.tables[nestedTable], int64(0), ""
	if nested {
		containers = count("SELECT count(*) FROM " + nestedTable + " WHERE " + mixedIsCollection("v"))
		ragged = "SELECT owner FROM store_ragged WHERE class=? AND property=?"
	}
	for _, cl := range c.Classes() {
		if !cl.built {
			continue
		}
		for i := range cl.Def.Properties {
			p := &cl.Def.Properties[i]
			table, col := linkColumn{cl, i}.table(c)
			if table == "" {
				continue
			}
			if target := c.embedded(p); target != nil {
				places[target.ID] += count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s IS NOT NULL", table, col))
			}
			if p.Type == value.KindMixed {
				containers += count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", table, mixedIsCollection(col)))
			}
			if e := cl.elems[i]; e != nil {
				require.Zero(t, count(fmt.Sprintf("SELECT count(*) FROM %s WHERE owner NOT IN (SELECT id FROM %s)", table, cl.name)), "elements without owner")
				if p.Collection == schema.List {
					marked := map[int64]bool{}
					if nested {
						rows, err := c.rowIDs(ragged, []any{cl.ID, cl.cols[i].id})
						require.NoError(t, err)
						for _, row := range rows {
							marked[row] = true
						}
					}
					gaps, err := c.rowIDs(fmt.Sprintf(`SELECT owner FROM (SELECT owner, count(*) AS n, max(k)-min(k) AS span FROM %s GROUP BY owner)
						WHERE span<>(n-1)*%d`, table, stride), nil)
					require.NoError(t, err)
					for _, row := range gaps {
						require.True(t, marked[row], "gaps")
					}
					for row := range marked {
						require.NotZero(t, count("SELECT count(*) FROM "+table+" WHERE owner=?", row), "an empty list is marked")
					}
				}
			}
		}
	}
	for _, cl := range c.Classes() {
		if cl.Def.Kind == schema.Embedded && cl.built {
			require.Equal(t, places[cl.ID], count("SELECT count(*) FROM "+cl.name), "objects of %s", cl.Name())
		}
	}
	if !nested {
		require.Zero(t, containers)
		return
	}
	require.Equal(t, containers, count("SELECT count(*) FROM store_container"))
	require.Zero(t, count("SELECT count(*) FROM "+nestedTable+" WHERE owner NOT IN (SELECT id FROM store_container)"))
}

// Random operations do the same here and in memory: committed or rolled back, by one connection or another, in an old file or a new one.
func TestRandomNestedChangesets(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 77))
			path := filepath.Join(t.TempDir(), "r.realm")
			conns := []*Conn{openAt(t, path), openAt(t, path)}
			want := statetest.World()
			write(t, conns[0], func() {
				if seed%2 == 0 {
					forgetCollections(t, conns[0])
				}
				addAll(t, conns[0], want.Schema())
				fill(t, want, conns[0].State())
			})
			for range 40 {
				c := conns[r.IntN(2)]
				w := &statetest.Writer{Rand: r, State: want, Keys: 4, Name: "own", Bare: true, Items: true, Moves: true, Again: true}
				keep := r.IntN(4) > 0
				before := want.Clone()
				require.NoError(t, c.BeginWrite())
				for range 1 + r.IntN(8) {
					if r.IntN(6) == 0 { // an object goes and leaves links dangling
						in := changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: value.IntKey(r.Int64N(4))}
						require.NoError(t, want.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}}))
						require.NoError(t, changeset.Apply(c.State(), &changeset.Changeset{Instructions: []changeset.Instruction{in}}))
					}
					ops := &changeset.Changeset{Instructions: w.Operation()}
					require.NoError(t, want.Apply(ops), "%v", ops)
					require.NoError(t, changeset.Apply(c.State(), ops), "%v", ops)
					if r.IntN(4) == 0 {
						require.Equal(t, string(want.JSON()), stateJSON(t, c), "after %v", ops)
					}
				}
				require.Equal(t, string(want.JSON()), stateJSON(t, c))
				sound(t, c)
				if keep {
					require.NoError(t, c.Commit())
				} else {
					require.NoError(t, c.Rollback())
					want = before
				}
			}
			write(t, conns[0], func() {
				require.Equal(t, string(want.JSON()), stateJSON(t, conns[0]))
				sound(t, conns[0])
				require.NoError(t, conns[0].RemoveProperty("T", "ml"))
				require.NoError(t, conns[0].RemoveProperty("T", "m"))
				require.NoError(t, conns[0].RemoveProperty("T", "el"))
				require.NoError(t, conns[0].RemoveProperty("T", "e"))
				sound(t, conns[0])
			})
			write(t, conns[1], func() {
				require.NoError(t, conns[1].RemoveProperty("E", "k"))
				require.NoError(t, conns[1].RemoveClass("T"))
				sound(t, conns[1])
			})
		})
	}
}

// forgetCollections makes a file what it was before it could hold collections.
func forgetCollections(t testing.TB, c *Conn) {
	t.Helper()
	for _, name := range []string{nestedTable, "store_container", "store_ragged"} {
		require.NoError(t, c.control("DROP TABLE "+name))
	}
	require.NoError(t, c.loadTables())
	c.catalog.nested.built, c.catalog.changed = false, true
}

// What the original does with single instructions, through the file.
func TestApplyVectorsThroughTheFile(t *testing.T) {
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var file struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &file))
	base, err := memstate.Parse(file.State)
	require.NoError(t, err)
	c := openTemp(t)
	write(t, c, func() {
		addAll(t, c, base.Schema())
		fill(t, base, c.State())
		require.Equal(t, string(base.JSON()), stateJSON(t, c))
		sound(t, c)
	})
	applied, refused := 0, 0
	eachLine(t, "apply/cases.jsonl", func(line []byte) {
		var v struct {
			Name string
			Hex  string
		}
		require.NoError(t, json.Unmarshal(line, &v))
		data, err := hex.DecodeString(strings.ReplaceAll(v.Hex, " ", ""))
		require.NoError(t, err)
		cs, err := changeset.Decode(data)
		if err != nil {
			return
		}
		want := base.Clone()
		want.Begin()
		wantErr := changeset.Apply(want, cs)
		require.NoError(t, c.BeginWrite())
		gotErr := changeset.Apply(c.State(), cs)
		if wantErr != nil {
			refused++
			require.Error(t, gotErr, v.Name)
			require.Equal(t, wantErr.Error(), gotErr.Error(), v.Name)
			require.NoError(t, c.Rollback())
			return
		}
		applied++
		require.NoError(t, gotErr, v.Name)
		require.Equal(t, string(want.JSON()), stateJSON(t, c), v.Name)
		sound(t, c)
		require.NoError(t, c.Rollback())
	})
	t.Logf("%d applied, %d refused", applied, refused)
	require.Greater(t, applied, 100)
	require.Greater(t, refused, 100)
	require.NoError(t, c.BeginWrite())
	require.Equal(t, string(base.JSON()), stateJSON(t, c), "rolled back, all of them")
}

// The value of an embedded object that has just been discarded isn't read while its row still waits to be written.
func TestSettingAnEmbeddedObjectToNullIsPutOff(t *testing.T) {
	c := openTemp(t)
	linkWorld(t, c)
	require.NoError(t, c.BeginWrite())
	s, key := c.State(), value.IntKey(1)
	require.NoError(t, s.SetNew("H", key, "e", value.KindObject))
	v, err := s.Get("H", key, "e")
	require.NoError(t, err)
	require.Equal(t, value.Marker(value.KindObject), v)
	require.NoError(t, s.SetNew("H", key, "m", value.KindList))
	v, err = s.Get("H", key, "m")
	require.NoError(t, err)
	require.Equal(t, value.Marker(value.KindList), v)
	require.NoError(t, c.Commit())
	require.NoError(t, c.BeginWrite())
	require.NoError(t, s.Set("H", key, "e", value.Null()))
	v, err = s.Get("H", key, "single")
	require.NoError(t, err)
	require.True(t, v.IsNull())
	v, err = s.Get("H", key, "e")
	require.NoError(t, err)
	require.True(t, v.IsNull())
	node, err := s.Open("H", key, "e")
	require.NoError(t, err)
	require.Nil(t, node)
	sound(t, c)
}
