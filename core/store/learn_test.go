package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// What others changed is taken in where it is known, and what plans have found stays; otherwise they run anew.
func TestConnectionsLearnWhatOthersChange(t *testing.T) {
	a := openTemp(t)
	cl := addClass(t, a, itemClass)
	b := openAt(t, a.Path())
	theirs := b.Class(cl.Def.Name)
	log := map[uint64]*Changes{}
	defer Watch(a.Path(), func(version uint64, changes func() *Changes) { log[version] = changes() })()
	known, asked := true, 0
	a.Learn(func(after, upTo uint64) (out []*Changes) {
		asked++
		for v := after + 1; v <= upTo && known; v++ {
			require.NotNil(t, log[v])
			out = append(out, log[v])
		}
		return out
	})
	version := uint64(0)
	change := func(moves bool, fn func()) {
		write(t, b, func() {
			fn()
			if moves {
				version++
				require.NoError(t, b.SetVersion(version))
			}
		})
	}
	insert := func(from, to int64) func() {
		return func() {
			for id := from; id < to; id++ {
				_, err := b.InsertValues(theirs, []value.Value{value.Int(id)})
				require.NoError(t, err)
			}
		}
	}
	rows := func() []int64 {
		require.NoError(t, a.BeginRead())
		defer func() { require.NoError(t, a.EndRead()) }()
		_, err := a.Version()
		require.NoError(t, err)
		plan, err := a.All(a.Class(cl.Def.Name))
		require.NoError(t, err)
		ids, err := plan.RowIDs()
		require.NoError(t, err)
		return ids
	}
	change(true, insert(1, 4))
	require.Equal(t, []int64{1, 2, 3}, rows())
	learned := func(want bool, ids ...int64) {
		t.Helper()
		epoch, stamp := a.epoch, a.stamp
		require.Equal(t, ids, rows())
		require.Greater(t, a.stamp, stamp)
		require.Equal(t, want, a.epoch == epoch)
	}
	change(true, insert(7, 8))
	change(true, func() { require.NoError(t, b.Delete(theirs, 2)) })
	learned(true, 1, 3, 7)
	change(true, func() { require.NoError(t, b.Delete(theirs, 3)); insert(3, 4)(); insert(8, 9)() })
	learned(true, 1, 3, 7, 8)
	known = false
	change(true, func() { require.NoError(t, b.Delete(theirs, 8)) })
	learned(false, 1, 3, 7)
	known = true
	change(false, func() { require.NoError(t, b.Exec("CREATE TABLE IF NOT EXISTS mine(x)")) })
	learned(false, 1, 3, 7)
	before := asked
	change(false, func() { require.NoError(t, b.Exec("INSERT INTO mine VALUES(1)")) })
	learned(false, 1, 3, 7)
	require.Equal(t, before, asked, "without a version there is nothing to ask for")
	change(true, func() {
		require.NoError(t, b.AddProperty(theirs.Def.Name, schema.Property{Name: "later", Type: value.KindInt}))
	})
	learned(false, 1, 3, 7)
	theirs = b.Class(cl.Def.Name)
	change(true, func() {
		for id := int64(1); id <= maxLog+1; id++ {
			b.touchedModified(theirs, id, 1)
		}
	})
	learned(false, 1, 3, 7)

	// Nothing of it is an own change.
	change(true, func() { require.NoError(t, b.Delete(theirs, 7)) })
	learned(true, 1, 3)
	taken, err := a.TakeChanges()
	require.NoError(t, err)
	require.True(t, taken.Empty())
	write(t, a, func() { require.NoError(t, a.Delete(a.Class(cl.Def.Name), 1)) })
	taken, err = a.TakeChanges()
	require.NoError(t, err)
	require.Equal(t, []ClassChanges{{Class: cl.ID, Deleted: []int64{1}}}, taken.Classes)
}
