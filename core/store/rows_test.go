package store

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

func TestEveryTypeSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	def := schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}
	for _, kind := range scalars {
		def.Properties = append(def.Properties,
			schema.Property{Name: "must " + kind.String(), Type: kind, Indexed: kind != value.KindBinary},
			schema.Property{Name: "may " + kind.String(), Type: kind, Nullable: true})
	}
	def.Properties = append(def.Properties, schema.Property{Name: "mix", Type: value.KindMixed, Nullable: true})
	cl := addClass(t, c, def)
	row := func(i int) []value.Value {
		out := []value.Value{value.Int(int64(i))}
		for _, kind := range scalars {
			v := pool[kind][i%len(pool[kind])]
			out = append(out, v, v)
		}
		return append(out, out[1+2*(i%len(scalars))])
	}
	write(t, c, func() {
		for i := range 30 {
			_, err := c.InsertValues(cl, row(i))
			require.NoError(t, err)
		}
		_, err := c.InsertValues(cl, []value.Value{value.Int(100)})
		require.NoError(t, err, "the rest gets its default")
	})
	require.NoError(t, c.Close())
	c = openAt(t, path)
	cl = c.Class("C")
	require.NoError(t, c.BeginRead())
	for i := range 30 {
		got, err := c.Values(cl, int64(i))
		require.NoError(t, err)
		require.Equal(t, row(i), got)
	}
	got, err := c.Values(cl, 100)
	require.NoError(t, err)
	for i := range cl.Def.Properties[1:] {
		require.Equal(t, defaultValue(&cl.Def.Properties[1+i]), got[1+i])
	}
}

func TestRefusedRowsChangeNothing(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "n", Type: value.KindInt}, {Name: "_id", Type: value.KindString}, {Name: "l", Type: value.KindLink, Nullable: true, LinkTarget: "C"}}})
	write(t, c, func() {
		first, err := c.InsertValues(cl, []value.Value{value.Int(1), value.String("a")})
		require.NoError(t, err)
		for name, c2 := range map[string]struct {
			row  []value.Value
			kind error
		}{
			"taken key":     {[]value.Value{value.Int(2), value.String("a")}, ErrKeyExists},
			"no key":        {[]value.Value{value.Int(2)}, ErrType},
			"null key":      {[]value.Value{value.Int(2), value.Null()}, ErrNotNullable},
			"key of a type": {[]value.Value{value.Int(2), value.Int(2)}, ErrType},
			"other type":    {[]value.Value{value.Double(2), value.String("b")}, ErrType},
			"null":          {[]value.Value{value.Null(), value.String("b")}, ErrNotNullable},
			"too many":      {make([]value.Value, 4), ErrRange},
			"link":          {[]value.Value{value.Int(1), value.String("b"), value.FromLink("No", value.IntKey(1))}, ErrSchema},
			"link key":      {[]value.Value{value.Int(1), value.String("b"), value.FromLink("C", value.IntKey(1))}, ErrType},
		} {
			_, err := c.InsertValues(cl, c2.row)
			require.ErrorIs(t, err, c2.kind, name)
		}
		require.ErrorIs(t, c.SetValue(cl, first, 0, value.Null()), ErrNotNullable)
		require.ErrorIs(t, c.SetValue(cl, first, 1, value.String("x")), ErrType)
		require.ErrorIs(t, c.SetValue(cl, first, 7, value.Int(1)), ErrSchema)
		require.ErrorIs(t, c.SetValue(cl, 99, 0, value.Int(1)), ErrNoObject)
		require.ErrorIs(t, c.SetValue(cl, 99, 2, value.FromLink("C", value.StringKey("gone"))), ErrNoObject)
		require.ErrorIs(t, c.Delete(cl, 99), ErrNoObject)
		_, err = c.KeyOf(cl, 99)
		require.ErrorIs(t, err, ErrNoObject)
		_, _, err = c.Find(cl, value.GlobalKey(0, 1))
		require.ErrorIs(t, err, ErrType)
		next, err := c.InsertValues(cl, []value.Value{value.Int(3), value.String("b")})
		require.NoError(t, err)
		require.Equal(t, first+1, next, "a refused row uses no id up")
	})
	require.NoError(t, c.BeginRead())
	plan, err := c.All(cl)
	require.NoError(t, err)
	n, err := plan.Count()
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestRowIDsAreNotUsedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	insert := func(c *Conn, key string) (row int64) {
		write(t, c, func() {
			var err error
			row, err = c.InsertValues(c.Class("C"), []value.Value{value.String(key)})
			require.NoError(t, err)
		})
		return row
	}
	erase := func(c *Conn, row int64) { write(t, c, func() { require.NoError(t, c.Delete(c.Class("C"), row)) }) }
	a := openAt(t, path)
	addClass(t, a, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindString}}})
	require.Equal(t, int64(1), insert(a, "1"))
	require.Equal(t, int64(2), insert(a, "2"))
	erase(a, 2)
	require.Equal(t, int64(3), insert(a, "2"), "the same key, another object")
	erase(a, 3)
	b := openAt(t, path)
	require.Equal(t, int64(4), insert(b, "3"), "other connections know")
	require.Equal(t, int64(5), insert(a, "4"))
	erase(b, 5)
	erase(b, 4)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	require.Equal(t, int64(6), insert(openAt(t, path), "5"), "also after all have closed")
}

func TestLoadRows(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		for _, id := range []int64{math.MinInt64, -3, 0, 1, 2, 3, 5, 9, 1000, math.MaxInt64} {
			_, err := c.InsertValues(cl, []value.Value{value.Int(id), value.String("n")})
			require.NoError(t, err)
		}
	})
	require.NoError(t, c.BeginRead())
	for _, ids := range [][]int64{{}, {1}, {4}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}, {3, 2, 1}, {1, 1, 1}, {5, 7, 8, 9}, {9, 1000}, {math.MinInt64, math.MaxInt64}, {-5, -4, -3}, {1000, 5000, 1}} {
		b, err := c.LoadRows(cl, ids)
		require.NoError(t, err)
		require.Equal(t, len(ids), b.Len())
		for i, id := range ids {
			exists, err := c.Exists(cl, id)
			require.NoError(t, err)
			require.Equal(t, exists, b.Present(i), "%v", ids)
			require.Equal(t, id, b.RowID(i))
			if exists {
				require.Equal(t, value.Int(id), b.Row(i)[0].Value())
				require.Equal(t, value.String("n"), b.Row(i)[1].Value())
			}
		}
		b.Release()
	}
	_, err := c.LoadRows(cl, make([]int64, MaxBatch+1))
	require.ErrorIs(t, err, ErrRange)
	var got []int64
	for from := int64(math.MinInt64); ; {
		b, err := c.LoadFrom(cl, from, 3)
		require.NoError(t, err)
		for i := range b.Len() {
			got = append(got, b.RowID(i))
		}
		n := b.Len()
		b.Release()
		if n < 3 {
			break
		}
		from = got[len(got)-1] + 1
	}
	require.Equal(t, []int64{math.MinInt64, -3, 0, 1, 2, 3, 5, 9, 1000, math.MaxInt64}, got)
}

func TestBatchesOutliveTheConnection(t *testing.T) {
	c, err := Open(filepath.Join(t.TempDir(), "test.realm"), Options{})
	require.NoError(t, err)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(1), value.String("still here")})
		require.NoError(t, err)
	})
	require.NoError(t, c.BeginRead())
	b, err := c.LoadRows(cl, []int64{1})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Equal(t, value.String("still here"), b.Row(0)[1].Value())
	b.Release()
}

func TestKeylessClass(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, schema.Class{Name: "C", Properties: []schema.Property{{Name: "n", Type: value.KindInt}}})
	write(t, c, func() {
		row, err := c.InsertValues(cl, []value.Value{value.Int(7)})
		require.NoError(t, err)
		key, err := c.KeyOf(cl, row)
		require.NoError(t, err)
		require.Equal(t, value.GlobalKey(0, uint64(row)), key)
		for _, k := range []value.Key{value.GlobalKey(0, 50), value.GlobalKey(3, 1), value.GlobalKey(0, math.MaxUint64), value.GlobalKey(0, 0)} {
			require.NoError(t, c.State().Create("C", k))
			require.NoError(t, c.State().Set("C", k, "n", value.Int(8)))
			found, ok, err := c.Find(cl, k)
			require.NoError(t, err)
			require.True(t, ok, "%v", k)
			back, err := c.KeyOf(cl, found)
			require.NoError(t, err)
			require.Equal(t, k, back)
		}
		next, err := c.InsertValues(cl, []value.Value{value.Int(9)})
		require.NoError(t, err)
		require.Greater(t, next, int64(50), "row ids go on behind the given keys")
		_, _, err = c.Find(cl, value.IntKey(1))
		require.ErrorIs(t, err, ErrType)
	})
}

func TestCellSame(t *testing.T) {
	c := openTemp(t)
	var a arena
	defer a.free()
	cells := a.scratch(64)[:0]
	var all []value.Value
	for _, kind := range scalars {
		all = append(all, pool[kind]...)
	}
	all = append(all, value.Null())
	for _, v := range all {
		cells = append(cells, Cell{})
		require.NoError(t, c.setValue(&cells[len(cells)-1], v, &a))
	}
	for i := range cells {
		for k := range cells {
			same := all[i] == all[k]
			require.Equal(t, same, cells[i].Same(&cells[k]), "%v, %v", all[i], all[k])
		}
	}
	live, dangling := LinkCell(1, 5), LinkCell(1, 5)
	dangling.Type, dangling.Flags = 0, FlagDangling
	other := dangling
	other.u[0] = 6
	require.True(t, live.Same(&live))
	require.False(t, live.Same(&dangling))
	require.True(t, dangling.Same(&dangling))
	require.False(t, dangling.Same(&other))
	require.False(t, dangling.Same(&Cell{}))
}

// Indexes and ORDER BY rely on the stored form of these types ordering as the values do.
func TestStoredOrder(t *testing.T) {
	c := openTemp(t)
	for _, kind := range []value.Kind{value.KindInt, value.KindString, value.KindBinary, value.KindTimestamp, value.KindDecimal, value.KindObjectID, value.KindUUID} {
		name := "C" + kind.String()
		cl := addClass(t, c, schema.Class{Name: name, Properties: []schema.Property{{Name: "v", Type: kind}}})
		values := slices.Clone(pool[kind])
		if kind == value.KindDecimal {
			for _, s := range []string{"Infinity", "-0", "-1E-6176", "1E-6176", "9.999999999999999999999999999999999E+6144", "-9.999999999999999999999999999999999E+6144", "10.50", "10.5", "1050E-2", "-3", "-2.9999999999999999999999999999999999"} {
				values = append(values, mustDecimal(s))
			}
		}
		write(t, c, func() {
			for _, v := range values {
				_, err := c.InsertValues(cl, []value.Value{v})
				require.NoError(t, err)
			}
		})
		require.NoError(t, c.BeginRead())
		col := cl.cols[0].name
		if kind == value.KindDecimal {
			col = "substr(" + col + ",1,18)"
		}
		var got []value.Value
		require.NoError(t, c.Query("SELECT id FROM "+cl.name+" ORDER BY "+col+", id", nil, func(r *Row) error {
			v, err := c.Value(cl, r.Int(0), 0)
			got = append(got, v)
			return err
		}))
		require.NoError(t, c.EndRead())
		slices.SortStableFunc(values, value.Compare)
		require.Equal(t, values, got, kind.String())
	}
}
