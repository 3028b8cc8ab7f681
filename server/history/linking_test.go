package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// linksTo tells whether there is a link to one of the objects in the row.
func linksTo(t testing.TB, row *Row, target string, keys []value.Key) (found bool) {
	t.Helper()
	check := func(v value.Value) {
		if v.Kind() == value.KindLink && v.Link().Class == target && slices.Contains(keys, v.Link().Key) {
			found = true
		}
	}
	var inside func(r *Row)
	var each func(c *container)
	each = func(c *container) {
		if c == nil {
			return
		}
		if c.object != nil {
			inside(c.object)
		}
		require.NoError(t, c.each(func(_ string, e element) error {
			check(e.value)
			each(e.inner)
			return nil
		}))
	}
	inside = func(r *Row) {
		for i, v := range r.values {
			check(v)
			if r.inner != nil {
				each(r.inner[i])
			}
		}
	}
	inside(row)
	return found
}

// Whoever links to an object is found, wherever the link is and however it is stored; and hardly anybody else is taken apart.
func TestLinking(t *testing.T) {
	for _, inline := range []int{0, 1} {
		t.Run(fmt.Sprint("inline ", inline), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(inline)))
			f, d := withT(t, func(c *Config) { c.inline = inline })
			column := func(table, name, target string, c schema.Collection) changeset.Instruction {
				in := addColumn(table, name, value.KindLink, c == schema.Single || c == schema.Dictionary)
				in.Collection, in.Schema.LinkTarget = c, target
				if c == schema.Dictionary {
					in.Schema.KeyType = value.KindString
				}
				return in
			}
			box := addTable("Box")
			box.Schema = &changeset.SchemaFields{TableKind: schema.Embedded}
			plain := addTable("U")
			d.write(addTable("P"), addTable("PP"), box, plain, column("U", "to", "P", schema.Single), column("Box", "who", "P", schema.Single), column("Box", "all", "P", schema.List),
				column("T", "to", "P", schema.Single), column("T", "other", "PP", schema.Single), column("T", "list", "P", schema.List), column("T", "set", "P", schema.Set),
				column("T", "map", "P", schema.Dictionary), column("T", "box", "Box", schema.Single))
			const objects, targets = 150, 60
			at := func(table string, k int64, field string, v value.Value, path ...changeset.Step) changeset.Instruction {
				return changeset.Instruction{Op: changeset.Update, Table: table, Key: key(k), Field: field, Value: v, Path: path}
			}
			for k := range int64(objects) {
				ins := []changeset.Instruction{create(k), set(k, "zone", value.String(fmt.Sprint("zone", k)))}
				to := func() value.Value { return value.FromLink("P", key(r.Int64N(targets))) }
				if k%2 == 0 {
					ins = append(ins, changeset.Instruction{Op: changeset.CreateObject, Table: "U", Key: key(k)}, at("U", k, "to", to()))
				}
				switch r.IntN(10) {
				case 0:
					ins = append(ins, set(k, "to", to()))
				case 1:
					ins = append(ins, set(k, "m", to()))
				case 2:
					ins = append(ins, set(k, "m", value.FromLink("PP", to().Link().Key)), set(k, "other", value.FromLink("PP", to().Link().Key)))
				case 3:
					for i := range uint32(1 + r.IntN(20+280*inline)) {
						in := at("T", k, "list", to(), changeset.Step{IsPos: true, Pos: i})
						in.Op, in.PriorSize = changeset.ArrayInsert, i
						ins = append(ins, in)
					}
				case 4:
					in := at("T", k, "set", to())
					in.Op = changeset.SetInsert
					ins = append(ins, in)
				case 5:
					ins = append(ins, at("T", k, "map", to(), changeset.Step{Key: "x"}))
				case 6:
					ins = append(ins, set(k, "box", value.Marker(value.KindObject)), at("T", k, "box", to(), changeset.Step{Key: "who"}))
				case 7:
					in := at("T", k, "box", to(), changeset.Step{Key: "all"}, changeset.Step{IsPos: true})
					in.Op = changeset.ArrayInsert
					ins = append(ins, set(k, "box", value.Marker(value.KindObject)), in)
				case 8: // a list in a list, with a piece of its own
					list, inner := at("T", k, "m", value.Marker(value.KindList), changeset.Step{IsPos: true}), at("T", k, "m", to(), changeset.Step{IsPos: true}, changeset.Step{IsPos: true})
					list.Op, inner.Op = changeset.ArrayInsert, changeset.ArrayInsert
					ins = append(ins, set(k, "m", value.Marker(value.KindList)), list, inner)
				}
				d.write(ins...)
			}
			f.restart()
			s, err := f.Snapshot(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			highest, err := s.MaxPiece()
			require.NoError(t, err)
			require.Equal(t, inline == 1, highest > 0)
			seen, all := 0, 0
			for _, n := range []int{1, 1, 1, 2, 8, 9, 30} {
				var keys []value.Key
				for range n {
					keys = append(keys, key(r.Int64N(targets+5)))
				}
				for _, class := range []string{"T", "U"} {
					var want, got []value.Key
					require.NoError(t, s.Rows(s.Catalog.Class(class), func(row *Row) (bool, error) {
						if linksTo(t, row, "P", keys) {
							want = append(want, row.Key)
						}
						return true, nil
					}))
					taken := 0
					require.NoError(t, s.Linking(s.Catalog.Class(class), "P", keys, func(row *Row) (bool, error) {
						if taken++; linksTo(t, row, "P", keys) {
							got = append(got, row.Key)
						}
						return true, nil
					}))
					require.Equal(t, want, got)
					all += len(want)
					if n <= 8 && (inline == 0 || class == "U") {
						require.Len(t, want, taken, "nothing else was read")
						seen += taken
					}
				}
			}
			require.NotZero(t, seen)
			require.Greater(t, all, seen)
			older, err := f.SnapshotAt(t.Context(), f.Version()-1)
			require.NoError(t, err)
			require.Error(t, older.Linking(older.Catalog.Class("T"), "P", nil, nil))
			require.NoError(t, older.Close())
		})
	}
}
