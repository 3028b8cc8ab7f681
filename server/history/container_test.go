package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// withLists is a workspace with one object that has a list, a set and a dictionary of mixed values.
func withLists(t testing.TB) (*workspace, *pieceCache) {
	t.Helper()
	w := newWorkspace(nil, &Catalog{Schema: schema.New(), byName: map[string]*Class{}, byID: map[uint32]*Class{}, nextID: 1})
	w.begin(1)
	require.NoError(t, w.AddClass(schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}))
	for name, c := range map[string]schema.Collection{"l": schema.List, "s": schema.Set, "d": schema.Dictionary} {
		require.NoError(t, w.AddProperty("T", schema.Property{Name: name, Type: value.KindMixed, Nullable: true, Collection: c}))
	}
	require.NoError(t, w.Create("T", key(1)))
	return w, newPieceCache(nil, 1<<30, nil)
}

func opened[N any](t testing.TB, w *workspace, property string) N {
	t.Helper()
	n, err := w.Open("T", key(1), property)
	require.NoError(t, err)
	return n.(N)
}

// contents reads a collection of an object, keys before values.
func contents(t testing.TB, row *Row, property string) (out []string) {
	t.Helper()
	i := row.Class.property(property)
	if c := row.container(row.Class, i); c != nil {
		total := 0
		for k, p := range c.pieces {
			require.NotZero(t, p.count)
			require.LessOrEqual(t, p.count, maxInline, "of documents pieces may be longer")
			l, err := c.leaf(k)
			require.NoError(t, err)
			require.Len(t, l.elements, p.count)
			total += p.count
		}
		require.Equal(t, total, c.count)
		inside, ok := row.Collection(row.Class, i)
		require.True(t, ok)
		require.Equal(t, total, inside.Len())
		for _, at := range []int{0, total / 3, total - 1} {
			if at < 0 || at >= total {
				continue
			}
			e, err := c.at(at)
			require.NoError(t, err)
			v, _, err := inside.At(at)
			require.NoError(t, err)
			require.Equal(t, e.value, v)
			if inside.Kind() == value.KindDictionary {
				key, err := inside.Key(at)
				require.NoError(t, err)
				found, err := inside.Find(key)
				require.NoError(t, err)
				require.Equal(t, at, found)
				missing, err := inside.Find(key + "\x00")
				require.NoError(t, err)
				require.Equal(t, -1, missing)
			}
		}
		require.NoError(t, c.each(func(key string, e element) error {
			out = append(out, key+e.value.String())
			return nil
		}))
	}
	return out
}

// Collections of any length are what plain ones are, whatever happens to them, and rows that were there before don't change.
func TestLongCollections(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 5))
		w, pieces := withLists(t)
		var list []value.Value
		model, dictionary := map[int64]bool{}, map[string]value.Value{}
		random := func() value.Value {
			if r.IntN(50) == 0 {
				return value.String(string(make([]byte, r.IntN(9000))))
			}
			return value.Int(r.Int64N(3000))
		}
		grow := true
		for round := range 60 {
			w = reread(t, w, pieces, []int{maxInline, 1}[r.IntN(2)])
			w.begin(uint64(round))
			s, err := w.slot("T", key(1))
			require.NoError(t, err)
			before := s.row
			was := [][]string{contents(t, before, "l"), contents(t, before, "s"), contents(t, before, "d")}

			l, set, d := opened[*listNode](t, w, "l"), opened[*setNode](t, w, "s"), opened[*dictionaryNode](t, w, "d")
			if len(list) > 1500 || round == 50 {
				grow = false
			}
			for range r.IntN(200) {
				n := len(list)
				switch op := r.IntN(10); {
				case op < 5 && (grow || n == 0):
					at, v := r.IntN(n+1), random()
					if r.IntN(2) == 0 {
						at = n
					}
					list = slices.Insert(list, at, v)
					require.NoError(t, l.Insert(at, v))
				case op < 7 && n > 0:
					at := r.IntN(n)
					list = slices.Delete(list, at, at+1)
					require.NoError(t, l.Erase(at))
				case op < 8 && n > 1:
					from, to := r.IntN(n), r.IntN(n)
					v := list[from]
					list = slices.Insert(slices.Delete(list, from, from+1), to, v)
					require.NoError(t, l.Move(from, to))
				case n > 0:
					at, v := r.IntN(n), random()
					list[at] = v
					require.NoError(t, l.Set(at, v))
				}
				v := r.Int64N(2000)
				name := fmt.Sprint("k", v)
				if r.IntN(3) == 0 != grow {
					model[v] = true
					require.NoError(t, set.Add(value.Int(v)))
					dictionary[name] = random()
					require.NoError(t, d.Put(name, dictionary[name]))
				} else {
					delete(model, v)
					require.NoError(t, set.Remove(value.Int(v)))
					delete(dictionary, name)
					require.NoError(t, d.Remove(name))
				}
				has, err := set.Has(value.Double(float64(v)))
				require.NoError(t, err)
				require.Equal(t, model[v], has)
				got, found, err := d.Get(name)
				require.NoError(t, err)
				want, there := dictionary[name]
				require.Equal(t, there, found)
				require.True(t, want.Identical(got))
			}
			if round%20 == 19 {
				require.NoError(t, d.Clear())
				clear(dictionary)
			}
			var wants [3][]string
			for i, v := range list {
				got, err := l.At(i)
				require.NoError(t, err)
				require.True(t, v.Identical(got))
				wants[0] = append(wants[0], v.String())
			}
			for v := range model {
				wants[1] = append(wants[1], value.Int(v).String())
			}
			for k, v := range dictionary {
				wants[2] = append(wants[2], k+v.String())
			}
			for i, property := range []string{"l", "s", "d"} {
				got := contents(t, s.row, property)
				if i > 0 {
					slices.Sort(got)
					slices.Sort(wants[i])
				}
				require.Equal(t, wants[i], got, property)
				require.Equal(t, was[i], contents(t, before, property), "rows are immutable")
			}
		}
	}
}

// A change of a long collection writes a piece and a list of pieces, not the collection.
func TestChangesOfLongCollections(t *testing.T) {
	w, pieces := withLists(t)
	l := opened[*listNode](t, w, "l")
	const n = 100_000
	for i := range n {
		require.NoError(t, l.Insert(i, value.Int(int64(i))))
	}
	w = reread(t, w, pieces, maxInline)
	known := len(pieces.young)
	require.Equal(t, (n+maxPiece-1)/maxPiece, known, "appending fills pieces")
	for i, at := range []int{n, 0, n / 2} {
		w.begin(uint64(2 + i))
		require.NoError(t, opened[*listNode](t, w, "l").Insert(at, value.Int(-1)))
		s, err := w.slot("T", key(1))
		require.NoError(t, err)
		require.Less(t, s.row.size(), 64<<10, "what is in memory is what was changed")
		next := uint64(known + 1)
		enc := &encoder{next: &next, limit: maxInline}
		doc := enc.document(nil, s.row)
		written := 0
		for _, p := range enc.pieces {
			written += len(p.Body)
		}
		require.LessOrEqual(t, len(enc.pieces), 2)
		require.Less(t, len(doc)+written, 8<<10)
		t.Logf("an insertion at %d of %d: a document of %d bytes and %d bytes in %d pieces", at, n, len(doc), written, len(enc.pieces))
		w = reread(t, w, pieces, maxInline)
		known = len(pieces.young)
	}
}
