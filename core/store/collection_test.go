package store

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// openBag returns the collection in a property of a new object, in an open write transaction.
func openBag(t testing.TB, property string) (*Conn, *Collection) {
	t.Helper()
	c := openTemp(t)
	cl := addClass(t, c, bag)
	require.NoError(t, c.BeginWrite())
	row, err := c.InsertValues(cl, []value.Value{value.Int(1)})
	require.NoError(t, err)
	l, err := c.Collection(cl, row, cl.Property(property))
	require.NoError(t, err)
	return c, l
}

func ints(t testing.TB, l *Collection) (out []int64) {
	t.Helper()
	for _, row := range elementsOf(t, l) {
		out = append(out, row[0].Int())
	}
	return out
}

// Every change of a list does what it does to a slice, wherever it happens: at the ends, anywhere, always at the same place, always behind the
// last one. What another connection reads from the file is the same.
func TestListIsASlice(t *testing.T) {
	for name, place := range map[string]func(r *rand.Rand, step, n int) int{
		"anywhere": func(r *rand.Rand, _, n int) int { return r.IntN(n + 1) },
		"ends": func(r *rand.Rand, _, n int) int {
			if r.IntN(2) == 0 {
				return 0
			}
			return n
		},
		"one place":   func(_ *rand.Rand, _, n int) int { return min(n, 3) },
		"one by one":  func(_ *rand.Rand, step, n int) int { return min(n, 5+step) },
		"alternating": func(_ *rand.Rand, step, n int) int { return min(n, 5+step%2) },
		"middle":      func(_ *rand.Rand, _, n int) int { return n / 2 },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(len(name))))
			c, l := openBag(t, "ints")
			var want []int64
			next := int64(0)
			for step := range 4000 {
				i := place(r, step, len(want))
				switch op := r.IntN(10); {
				case op < 6 || len(want) < 2:
					cells := []Cell{IntCell(next), IntCell(next + 1), IntCell(next + 2)}[:1+r.IntN(3)]
					require.NoError(t, l.InsertMany(i, &cells[0], len(cells)))
					for k := range cells {
						want = slices.Insert(want, i+k, next+int64(k))
					}
					next += 3
				case op < 7:
					cell := IntCell(-next)
					i = min(i, len(want)-1)
					require.NoError(t, l.Set(i, &cell))
					want[i] = -next
				case op < 8:
					from, to := min(i, len(want)-1), r.IntN(len(want))
					require.NoError(t, l.Move(from, to))
					v := want[from]
					want = slices.Insert(slices.Delete(want, from, from+1), to, v)
				default:
					i = min(i, len(want)-1)
					require.NoError(t, l.Erase(i))
					want = slices.Delete(want, i, i+1)
				}
				if step%500 == 0 {
					require.Equal(t, want, ints(t, l))
					sound(t, c)
				}
			}
			require.Equal(t, want, ints(t, l))
			sound(t, c)
			require.NoError(t, c.Commit())
			other := openAt(t, c.Path())
			require.NoError(t, other.BeginWrite())
			same, err := other.Collection(other.Class("Bag"), 1, 1)
			require.NoError(t, err)
			require.Equal(t, want, ints(t, same))
			for i := range want {
				at, ok, err := same.IndexOf(&[]Cell{IntCell(want[i])}[0])
				require.NoError(t, err)
				require.True(t, ok)
				require.Equal(t, slices.Index(want, want[i]), at)
				if i > 20 {
					break
				}
			}
			for len(want) > 0 { // empty it from the middle
				i := len(want) / 2
				require.NoError(t, same.Erase(i))
				want = slices.Delete(want, i, i+1)
			}
			sound(t, other)
			require.NoError(t, other.Commit())
			require.NoError(t, c.BeginRead())
			n, err := l.Len()
			require.NoError(t, err)
			require.Zero(t, n)
		})
	}
}

// No insertion costs more than a few moves of others in the long run, wherever it happens; and it finds room however often it is at one place.
func TestInsertingMovesFewElements(t *testing.T) {
	for name, place := range map[string]func(step, n int) int{
		"in front": func(_, n int) int { return n / 2 }, "behind": func(step, _ int) int { return 500 + step },
		"between": func(step, _ int) int { return 500 + step/2 }, "halving": func(step, _ int) int { return 500 + step%3 },
	} {
		t.Run(name, func(t *testing.T) {
			s := sequence{}
			s.expand()
			for i := range 1000 {
				s.insert(i, int64(i)*stride)
			}
			moves := 0
			const steps = 200_000
			for step := range steps {
				i := place(step, s.n)
				at, ok := s.between(i)
				if !ok {
					first, last, start, by := s.crowd(i)
					s.spread(first, last, start, by)
					moves += last - first + 1
					at, ok = s.between(i)
				}
				require.True(t, ok)
				s.insert(i, at)
			}
			var all []int64
			for i := range s.n {
				all = append(all, s.at(i))
			}
			require.Len(t, all, 1000+steps)
			require.True(t, slices.IsSorted(all))
			require.Less(t, moves, 20*steps, "%d moves", moves)
			for _, i := range []int{0, 1, 499, 500, 777, s.n - 1} {
				require.Equal(t, i, s.find(s.at(i)))
			}
		})
	}
}

// Lists, sets and dictionaries of every type keep their values, nulls and links included, and give them back in order.
func TestElementsOfEveryType(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	target := schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindString}}}
	def := schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}
	kinds := append(slices.Clone(scalars), value.KindLink, value.KindMixed)
	values := func(kind value.Kind) []value.Value {
		switch kind {
		case value.KindLink:
			return []value.Value{value.FromLink("T", value.StringKey("b")), value.FromLink("T", value.StringKey("gone")), value.FromLink("T", value.StringKey("a"))}
		case value.KindMixed:
			out := []value.Value{value.FromLink("T", value.StringKey("a")), value.FromLink("T", value.StringKey("gone")), value.Null()}
			for _, kind := range scalars {
				out = append(out, pool[kind]...)
			}
			return out
		}
		return pool[kind]
	}
	for _, kind := range kinds {
		for _, collection := range []schema.Collection{schema.List, schema.Set, schema.Dictionary} {
			p := schema.Property{Name: fmt.Sprintf("%v %v", kind, collection), Type: kind, Collection: collection, Nullable: kind == value.KindMixed}
			if kind == value.KindLink {
				p.LinkTarget, p.Nullable = "T", collection == schema.Dictionary
			}
			def.Properties = append(def.Properties, p)
			if kind != value.KindLink && kind != value.KindMixed {
				p.Name, p.Nullable = "null "+p.Name, true
				def.Properties = append(def.Properties, p)
			}
		}
	}
	addClass(t, c, target)
	cl := addClass(t, c, def)
	write(t, c, func() {
		for _, key := range []string{"a", "b"} {
			_, err := c.InsertValues(c.Class("T"), []value.Value{value.String(key)})
			require.NoError(t, err)
		}
		_, err := c.InsertValues(cl, []value.Value{value.Int(1)})
		require.NoError(t, err)
	})
	expected := map[string][][]value.Value{}
	write(t, c, func() {
		for i := range def.Properties[1:] {
			p := &def.Properties[1+i]
			node, err := c.State().Open("C", value.IntKey(1), p.Name)
			require.NoError(t, err)
			all := values(p.Type)
			if p.Nullable && p.Type != value.KindMixed {
				all = append(slices.Clone(all), value.Null())
			}
			var want [][]value.Value
			for i, v := range all {
				switch n := node.(type) {
				case *listNode:
					require.NoError(t, n.Insert(i, v), "%s %v", p.Name, v)
					want = append(want, []value.Value{v})
				case *setNode:
					require.NoError(t, n.Add(v), "%s %v", p.Name, v)
					if !slices.ContainsFunc(want, func(w []value.Value) bool { return value.Equal(w[0], v) }) {
						want = append(want, []value.Value{v})
					}
				case *dictionaryNode:
					key := fmt.Sprint("k", i%10, "\x00", i)
					require.NoError(t, n.Put(key, all[0]))
					require.NoError(t, n.Put(key, v), "%s %v", p.Name, v)
					want = append(want, []value.Value{v, value.String(key)})
				}
			}
			switch p.Collection {
			case schema.Set:
				slices.SortFunc(want, func(a, b []value.Value) int { return value.Compare(a[0], b[0]) })
			case schema.Dictionary:
				slices.SortFunc(want, func(a, b []value.Value) int { return cmp.Compare(a[1].Str(), b[1].Str()) })
			}
			expected[p.Name] = want
		}
		sound(t, c)
	})
	for _, c := range []*Conn{c, openAt(t, path)} {
		require.NoError(t, c.BeginWrite())
		for i := range def.Properties[1:] {
			p := &def.Properties[1+i]
			l, err := c.Collection(c.Class("C"), 1, 1+i)
			require.NoError(t, err)
			got := elementsOf(t, l)
			want := expected[p.Name]
			require.Len(t, got, len(want), p.Name)
			for k := range want {
				if p.Collection == schema.Set && p.Type == value.KindMixed {
					continue // decimals among doubles, links
				}
				if p.Collection == schema.Set && p.Type == value.KindLink {
					break // in order of rows
				}
				for x := range want[k] {
					require.True(t, want[k][x].Identical(got[k][x]), "%s %d: %v, not %v", p.Name, k, got[k][x], want[k][x])
				}
			}
			if p.Collection == schema.Set {
				n := setNode{collectionNode{c.State(), l}}
				for _, v := range values(p.Type) {
					left := elementsOf(t, l)
					there := slices.ContainsFunc(left, func(w []value.Value) bool { return value.Equal(w[0], v) })
					has, err := n.Has(v)
					require.NoError(t, err)
					require.Equal(t, there, has, "%s %v", p.Name, v)
					require.NoError(t, n.Remove(v))
					size, err := n.Len()
					require.NoError(t, err)
					if there {
						require.Equal(t, len(left)-1, size)
					} else {
						require.Equal(t, len(left), size)
					}
				}
				for _, v := range values(p.Type) {
					has, err := n.Has(v)
					require.NoError(t, err)
					require.False(t, has, "%s %v", p.Name, v)
				}
			}
		}
		require.NoError(t, c.Rollback())
	}
}

// In sets of mixed, numbers of different types are one element when they are equal, as value.Equal sees it.
func TestNumbersInMixedSets(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt},
		{Name: "s", Type: value.KindMixed, Nullable: true, Collection: schema.Set}}})
	require.NoError(t, c.BeginWrite())
	numbers := []value.Value{value.Int(0), value.Double(0), value.Double(math.Copysign(0, -1)), value.Int(1), value.Float(1), value.Double(1), value.FromDecimal(value.DecimalFromInt64(1)),
		value.Double(0.1), value.Float(0.1), value.FromDecimal(value.DecimalFromFloat64(0.1)), value.FromDecimal(value.DecimalFromFloat32(0.1)), value.Double(math.Nextafter(0.1, 1)),
		value.Int(math.MaxInt64), value.Int(math.MaxInt64 - 1), value.Double(1 << 63), value.Int(math.MinInt64), value.Double(-(1 << 63)), value.Int(1 << 53), value.Int(1<<53 + 1), value.Double(1 << 53),
		value.Double(math.Inf(1)), value.Float(float32(math.Inf(1))), value.Double(math.Inf(-1)), value.Double(math.NaN()), value.FloatBits(0x7fc00000), value.FromDecimal(value.DecimalNaN()),
		value.Int(1000000), value.Int(1000001), value.Double(1000000.5), value.Float(16777216), value.Int(16777217), value.Double(math.MaxFloat64), value.Double(math.SmallestNonzeroFloat64),
		value.Bool(true), value.String("1"), value.Null()}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		row, err := c.InsertValues(cl, []value.Value{value.Int(int64(seed))})
		require.NoError(t, err)
		l, err := c.Collection(cl, row, 1)
		require.NoError(t, err)
		n := setNode{collectionNode{c.State(), l}}
		var want []value.Value
		for range 60 {
			v := numbers[r.IntN(len(numbers))]
			i := slices.IndexFunc(want, func(w value.Value) bool { return value.Equal(v, w) })
			has, err := n.Has(v)
			require.NoError(t, err)
			require.Equal(t, i >= 0, has, "%v (%v) in %v", v, v.Kind(), want)
			if r.IntN(3) > 0 {
				require.NoError(t, n.Add(v))
				if i < 0 {
					want = append(want, v)
				}
			} else if matches := len(slices.DeleteFunc(slices.Clone(want), func(w value.Value) bool { return !value.Equal(v, w) })); matches <= 1 { // equality isn't transitive
				require.NoError(t, n.Remove(v))
				if i >= 0 {
					want = slices.Delete(want, i, i+1)
				}
			}
			size, err := n.Len()
			require.NoError(t, err)
			require.Equal(t, len(want), size)
		}
	}
	sound(t, c)
}

// The keys of a set order as the values do.
func TestSetKeysOrder(t *testing.T) {
	var a arena
	defer a.free()
	for _, kind := range scalars {
		for _, v := range pool[kind] {
			for _, w := range pool[kind] {
				var x, y Cell
				x.set(v, &a)
				y.set(w, &a)
				require.Equal(t, value.Compare(v, w), slices.Compare(appendSetKey(nil, &x, false), appendSetKey(nil, &y, false)), "%v %v", v, w)
			}
		}
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range 20000 {
		pick := func() value.Value {
			switch r.IntN(4) {
			case 0:
				return value.Int(int64(r.Uint64()) >> r.IntN(64))
			case 1:
				return value.Double(float64(int64(r.Uint64()) >> r.IntN(64)))
			case 2:
				return value.Float(float32(r.NormFloat64()))
			default:
				return value.Int(1<<53 + r.Int64N(5))
			}
		}
		v, w := pick(), pick()
		var x, y Cell
		x.set(v, &a)
		y.set(w, &a)
		require.Equal(t, value.Compare(v, w), slices.Compare(appendSetKey(nil, &x, true), appendSetKey(nil, &y, true)), "%v %v", v, w)
	}
}

// Keys and elements longer than what the connection keeps memory for.
func TestLargeKeys(t *testing.T) {
	c := openTemp(t)
	h, _ := linkWorld(t, c)
	require.NoError(t, c.BeginWrite())
	md, ms := property(t, c, h, 1, "md"), property(t, c, h, 1, "ms")
	_, err := md.PutNew("list", value.KindList)
	require.NoError(t, err)
	for size := 1; size < 8<<20; size *= 7 {
		key := string(make([]byte, size))
		require.NoError(t, dictionaryNodeOf(c, md).Put(key, value.String(key)))
		require.NoError(t, dictionaryNodeOf(c, md).PutNew(key+"x", value.KindDictionary))
		require.NoError(t, (&setNode{collectionNode{c.State(), ms}}).Add(value.String(key)))
		v, ok, err := dictionaryNodeOf(c, md).Get(key)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, size, len(v.Str()))
		c.collections.forget() // nothing is known: what is asked in between must not disturb
		require.NoError(t, dictionaryNodeOf(c, md).Put(key+"x", value.String(key)))
		removed, err := md.RemoveKey(key)
		require.NoError(t, err)
		require.True(t, removed)
	}
	sound(t, c)
}

func dictionaryNodeOf(c *Conn, l *Collection) *dictionaryNode {
	return &dictionaryNode{collectionNode{c.State(), l}}
}
