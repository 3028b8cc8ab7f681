package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Indexes are the same before and after the keys are kept in memory, and follow changes.
func TestIndexesOfDictionaries(t *testing.T) {
	c := openTemp(t)
	require.NoError(t, c.BeginWrite())
	addAll(t, c, schema.New(schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "d", Type: value.KindInt, Collection: schema.Dictionary},
	}}))
	row, err := c.InsertValues(c.Class("T"), []value.Value{value.Int(1)})
	require.NoError(t, err)
	d, err := c.Collection(c.Class("T"), row, 1)
	require.NoError(t, err)
	var want []string
	for i := range 200 {
		key := fmt.Sprint(i * 37 % 101)
		at, found := slices.BinarySearch(want, key)
		cell := IntCell(int64(i))
		if i%3 < 2 {
			require.NoError(t, d.Put(key, &cell))
			if !found {
				want = slices.Insert(want, at, key)
			}
		} else if _, err := d.RemoveKey(key); found {
			require.NoError(t, err)
			want = slices.Delete(want, at, at+1)
		}
		for k := range want {
			index, ok, err := d.KeyIndex(want[k])
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, k, index)
			b, err := d.Load(k, 1)
			require.NoError(t, err)
			require.Equal(t, want[k], string(b.Row(0)[1].Bytes()))
			b.Release()
		}
	}
	require.NoError(t, c.Rollback())
}
