package store

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// spread lists rows of spans.
func spread(spans []Span) (rows []int64) {
	for _, s := range spans {
		for i := range s.N {
			rows = append(rows, s.First+i)
		}
	}
	return rows
}

// TakeChanges must be the difference between before and after, row by row.
func TestChangesAreTheDifference(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	rng := rand.New(rand.NewPCG(5, 6))
	type state struct {
		generation int // which creation of the row
		values     [5]value.Value
	}
	rows := map[int64]state{}
	generation := 0
	for round := range 60 {
		before := maps.Clone(rows)
		set := map[int64]uint64{}
		require.NoError(t, c.BeginWrite())
		for range rng.IntN(30) {
			id := int64(rng.IntN(50))
			if rng.IntN(40) == 0 && round%3 == 0 { // a long run of new rows, for spans
				id = int64(100000 * (1 + round))
				for i := range int64(longSpan + 10) {
					if _, taken := rows[id+i]; taken {
						break
					}
					_, err := c.InsertValues(cl, []value.Value{value.Int(id + i)})
					require.NoError(t, err)
					generation++
					rows[id+i] = state{generation: generation}
				}
				id += int64(rng.IntN(longSpan)) // and one of them is changed or erased
			}
			was, exists := rows[id]
			switch {
			case !exists:
				_, err := c.InsertValues(cl, []value.Value{value.Int(id)})
				require.NoError(t, err)
				generation++
				rows[id] = state{generation: generation}
				delete(set, id)
			case rng.IntN(3) == 0:
				require.NoError(t, c.Delete(cl, id))
				delete(rows, id)
				delete(set, id)
			default:
				i := 1 + rng.IntN(2)
				v := value.Int(int64(rng.IntN(3)))
				if i == 1 {
					v = value.String("x")
				}
				require.NoError(t, c.SetValue(cl, id, i, v))
				was.values[i] = v
				rows[id] = was
				set[id] |= columnBit(i)
			}
		}
		cancel := rng.IntN(5) == 0
		var got *Changes
		var err error
		if cancel {
			require.NoError(t, c.Rollback())
			rows = before
			set = nil
			got, err = c.TakeChanges()
			require.NoError(t, err)
			require.True(t, got.Empty())
			continue
		}
		require.NoError(t, c.Commit())
		got, err = c.TakeChanges()
		require.NoError(t, err)
		var created, deleted []int64
		modified := []Modification{}
		for id, now := range rows {
			if was, existed := before[id]; !existed || was.generation != now.generation {
				created = append(created, id)
			} else if set[id] != 0 {
				modified = append(modified, Modification{id, set[id]})
			}
		}
		for id, was := range before {
			if now, exists := rows[id]; !exists || now.generation != was.generation {
				deleted = append(deleted, id)
			}
		}
		slices.Sort(created)
		slices.Sort(deleted)
		slices.SortFunc(modified, func(a, b Modification) int { return int(a.Row - b.Row) })
		cc := got.Of(cl.ID)
		if len(created)+len(deleted)+len(modified) == 0 {
			require.Nil(t, cc)
			continue
		}
		require.Equal(t, created, spread(cc.Created))
		require.Equal(t, deleted, cc.Deleted)
		require.Equal(t, modified, append([]Modification{}, cc.Modified...))
		require.Nil(t, got.Of(cl.ID+1))
	}
}

func TestRemovedClassIsOneChange(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		for i := range int64(5) {
			_, err := c.InsertValues(cl, []value.Value{value.Int(i)})
			require.NoError(t, err)
		}
	})
	write(t, c, func() {
		require.NoError(t, c.SetValue(cl, 1, 1, value.String("x")))
		require.NoError(t, c.RemoveClass("Item"))
	})
	got, err := c.TakeChanges()
	require.NoError(t, err)
	require.Equal(t, []ClassChanges{{Class: cl.ID, Removed: true}}, got.Classes)
}

func TestWatch(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	other := openAt(t, c.Path())
	type seen struct {
		version uint64
		created []int64
	}
	var all []seen
	cancel := Watch(c.Path(), func(version uint64, changes func() *Changes) {
		s := seen{version: version}
		if cc := changes().Of(cl.ID); cc != nil {
			s.created = spread(cc.Created)
		}
		all = append(all, s)
		// Nobody can see it yet.
		require.NoError(t, other.BeginRead())
		now, err := other.Version()
		require.NoError(t, err)
		require.Less(t, now, version)
		require.NoError(t, other.EndRead())
	})
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(3)})
		require.NoError(t, err)
		require.NoError(t, c.SetVersion(5))
	})
	write(t, c, func() { require.NoError(t, c.Exec("CREATE TABLE mine(x)")) }) // no version of the realm
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.SetVersion(6))
	require.NoError(t, c.Rollback())
	require.Equal(t, []seen{{5, []int64{3}}}, all)
	taken, err := c.TakeChanges()
	require.NoError(t, err)
	require.True(t, taken.Empty())
	cancel()
	cancel()
	write(t, c, func() { require.NoError(t, c.SetVersion(7)) })
	require.Len(t, all, 1)
}
