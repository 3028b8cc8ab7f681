package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/value"
)

// A mixed value that is a collection is neither null nor equal to any value; queries on embedded objects go on working.
func TestQueriesMeetCollectionsInMixed(t *testing.T) {
	c := openTemp(t)
	h, _ := linkWorld(t, c)
	write(t, c, func() {
		for k := range int64(4) {
			_, err := c.InsertValues(h, []value.Value{value.Int(2 + k)})
			require.NoError(t, err)
		}
		_, err := c.SetNew(h, 1, h.Property("m"), value.KindList)
		require.NoError(t, err)
		_, err = c.SetNew(h, 2, h.Property("m"), value.KindDictionary)
		require.NoError(t, err)
		require.NoError(t, c.SetValue(h, 3, h.Property("m"), value.Int(5)))
		require.NoError(t, c.SetValue(h, 4, h.Property("m"), value.FromLink("T", value.StringKey("a"))))
		for row := range int64(3) {
			e, err := c.SetNew(h, 1+row, h.Property("e"), value.KindObject)
			require.NoError(t, err)
			require.NoError(t, c.SetValue(e.Class, e.Row, 0, value.Int(row)))
		}
	})
	require.NoError(t, c.BeginRead())
	for text, want := range map[string][]int64{
		"m == null": {5}, "m != null": {1, 2, 3, 4}, "m == 5": {3}, "m != 5": {1, 2, 4, 5}, "m > 1": {3}, "NOT m == 5 AND _id < 3": {1, 2},
		"e.x > 0": {2, 3}, "e == null": {4, 5}, "e.x == 0": {1},
	} {
		q, err := rql.Parse(text)
		require.NoError(t, err, text)
		b, err := q.Bind(c.Schema(), "H")
		require.NoError(t, err, text)
		p, err := c.Compile(b)
		require.NoError(t, err, text)
		rows, err := p.RowIDs()
		require.NoError(t, err, text)
		require.Equal(t, want, rows, text)
	}
}
