package store

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// A sorted result that follows changes is the one that running the query gives, ties, nulls and NaNs included.
func TestSortedResultsFollow(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "n", Type: value.KindInt, Nullable: true}, {Name: "x", Type: value.KindDouble},
		{Name: "s", Type: value.KindString}, {Name: "other", Type: value.KindInt}}})
	rng := rand.New(rand.NewPCG(9, 9))
	random := func() []value.Value {
		n := value.Int(int64(rng.IntN(40)))
		if rng.IntN(9) == 0 {
			n = value.Null()
		}
		x := []float64{1, 2.5, -3, math.NaN(), math.Inf(1)}[rng.IntN(5)]
		return []value.Value{n, value.Double(x), value.String(string(rune('a' + rng.IntN(20)))), value.Int(0)}
	}
	insert := func(id int64) {
		_, err := c.InsertValues(cl, append([]value.Value{value.Int(id)}, random()...))
		require.NoError(t, err)
	}
	const rows = 5000
	there := map[int64]bool{}
	write(t, c, func() {
		for id := range int64(rows) {
			insert(id)
			there[id] = true
		}
	})
	var plans []*Plan
	require.NoError(t, c.BeginRead())
	for _, text := range []string{"TRUEPREDICATE SORT(n ASC)", "n > 5 SORT(n DESC, s ASC)", "TRUEPREDICATE SORT(x ASC)", "TRUEPREDICATE SORT(x DESC, n ASC)", "s != 'c' SORT(s DESC)"} {
		q, err := rql.Parse(text)
		require.NoError(t, err)
		b, err := q.Bind(c.Schema(), "T")
		require.NoError(t, err)
		p, err := c.Compile(b)
		require.NoError(t, err)
		plans = append(plans, p)
		_, err = p.RowIDs()
		require.NoError(t, err)
	}
	require.NoError(t, c.EndRead())
	check := func(follows bool) {
		t.Helper()
		for _, p := range plans {
			r := c.plans.results[p.cacheKey()]
			was := *r
			was.list = r.list.clone()
			require.Equal(t, follows, p.follow(&was), p.id)
			have, err := p.RowIDs()
			require.NoError(t, err)
			want, err := p.run(-1)
			require.NoError(t, err)
			require.Equal(t, want.ids, have, p.id)
			n, err := p.Count()
			require.NoError(t, err)
			require.Len(t, have, n)
		}
	}
	for range 30 {
		require.NoError(t, c.BeginWrite())
		for range 1 + rng.IntN(4) { // at most 4 of 5,000, of which a condition may leave 4,000
			id := rng.Int64N(rows + 5)
			switch {
			case !there[id]:
				insert(id)
				there[id] = true
			case rng.IntN(4) == 0:
				require.NoError(t, c.Delete(cl, id))
				delete(there, id)
			default:
				for i, v := range random() {
					require.NoError(t, c.SetValue(cl, id, 1+i, v))
				}
			}
		}
		check(true)
		require.NoError(t, c.Commit())
	}
	require.NoError(t, c.BeginWrite())
	for id := range int64(60) { // many are sorted anew
		if there[id] {
			require.NoError(t, c.SetValue(cl, id, 1, value.Int(3)))
			require.NoError(t, c.SetValue(cl, id, 2, value.Double(3)))
			require.NoError(t, c.SetValue(cl, id, 3, value.String("z")))
		}
	}
	check(false)
	for id := range int64(60) { // objects that have gone are only taken out
		if there[id] {
			require.NoError(t, c.Delete(cl, id))
		}
	}
	check(true)
	for id := range int64(60) {
		if there[id+60] {
			require.NoError(t, c.SetValue(cl, id+60, 4, value.Int(3)))
		}
	}
	check(true)
	require.NoError(t, c.Commit())
}
