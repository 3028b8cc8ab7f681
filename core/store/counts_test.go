package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// countOf tells how many objects the file says that there are; -1 when it doesn't know.
func countOf(t *testing.T, c *Conn, class string) int64 {
	t.Helper()
	n, known, err := c.count(c.Class(class))
	require.NoError(t, err)
	if !known {
		return -1
	}
	return n
}

// The number of objects is known in transactions, after commits and rollbacks, and when the file is opened again.
func TestCountsFollowChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	cl := addClass(t, c, itemClass)
	insert := func(key int64) {
		_, err := c.InsertValues(cl, []value.Value{value.Int(key)})
		require.NoError(t, err)
	}
	write(t, c, func() {
		require.Zero(t, countOf(t, c, "Item"))
		for key := range int64(5) {
			insert(key)
		}
		require.NoError(t, c.Delete(cl, 3))
		require.Equal(t, int64(4), countOf(t, c, "Item"))
		require.NoError(t, c.SetVersion(2))
	})
	require.NoError(t, c.BeginWrite())
	insert(9)
	require.Equal(t, int64(5), countOf(t, c, "Item"))
	require.NoError(t, c.Rollback())
	write(t, c, func() { require.Equal(t, int64(4), countOf(t, c, "Item")) })
	write(t, c, func() { require.NoError(t, c.SetVersion(3)) })
	require.NoError(t, c.Close())

	c = openAt(t, path)
	cl = c.Class("Item")
	write(t, c, func() {
		require.Equal(t, int64(4), countOf(t, c, "Item"))
		require.NoError(t, c.RemoveClass("Item"))
		require.NoError(t, c.AddClass(itemClass))
		cl = c.Class("Item")
		require.Zero(t, countOf(t, c, "Item"))
		insert(1)
	})
	require.NoError(t, c.BeginRead())
	require.Equal(t, int64(1), countOf(t, c, "Item"))
}

// A program that doesn't know of counts moves the version. Then objects are counted, until the next commit that changes any.
func TestCountsOfOthersAreNotBelieved(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(1)})
		require.NoError(t, err)
	})
	write(t, c, func() {
		require.NoError(t, c.Exec("INSERT INTO "+cl.name+"(id) VALUES(50)"))
		require.NoError(t, c.Exec("UPDATE store_meta SET value=value+1 WHERE id=1"))
	})
	require.NoError(t, c.BeginRead())
	require.Equal(t, int64(-1), countOf(t, c, "Item"))
	plan, err := c.All(cl)
	require.NoError(t, err)
	n, err := plan.Count()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.NoError(t, c.EndRead())
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(2)})
		require.NoError(t, err)
	})
	write(t, c, func() { require.NoError(t, c.SetVersion(77)) })
	require.NoError(t, c.BeginRead())
	require.Equal(t, int64(3), countOf(t, c, "Item"))
}
