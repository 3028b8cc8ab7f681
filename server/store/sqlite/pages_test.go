package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

// many opens stores and returns what writes 1 MiB into one of them, and reads it.
func many(t *testing.T, n int) (stores []*Store, work func(i int)) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		s := open(t, filepath.Join(dir, fmt.Sprintf("%d.db", i)))
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		stores = append(stores, s)
	}
	next := uint64(0)
	return stores, func(i int) {
		t.Helper()
		tx, err := stores[i].Begin(t.Context())
		require.NoError(t, err)
		var c store.Changes
		var ids []uint64
		for range 16 {
			next++
			c.Pieces = append(c.Pieces, store.Piece{ID: next, Body: make([]byte, 64<<10)})
			ids = append(ids, next)
		}
		require.NoError(t, tx.Commit(&c))
		s, err := stores[i].Snapshot(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Pieces(ids, func(store.Piece) error { return nil }))
		require.NoError(t, s.Close())
	}
}

// What SQLite holds for all stores is bounded together, whichever are in use. Without the bound each holds 32 MiB for its writer alone.
func TestStoresShareMemory(t *testing.T) {
	const limit, stores = 32 << 20, 8
	stop := LimitMemory(limit)
	defer stop()
	_, work := many(t, stores)
	most := uint64(0)
	for range 10 {
		for i := range stores {
			work(i)
			most = max(most, MemoryUsed())
		}
	}
	require.Less(t, most, uint64(limit+limit/4))
	require.Greater(t, most, uint64(limit/2), "it is used")
}

// The stores that nobody has used for longest give theirs back first, those that are in use don't wait for one another, and what was given back is read again.
func TestUnusedStoresGiveBack(t *testing.T) {
	stores, work := many(t, 4)
	for i := range stores {
		work(i)
		work(i)
	}
	work(0)
	busy, err := stores[1].Begin(t.Context())
	require.NoError(t, err)
	work(3)
	work(2)
	relieve(1) // as much as may be
	require.NotEmpty(t, stores[2].write.stmts)
	require.NotEmpty(t, stores[3].write.stmts)
	require.Empty(t, stores[0].write.stmts, "used before all others")
	require.Empty(t, stores[0].free)
	require.NotEmpty(t, stores[1].write.stmts, "it was used before 2 and 3, and is in use")
	require.NoError(t, busy.Rollback())
	relieve(1 << 40)
	require.NotEmpty(t, stores[1].write.stmts, "there is room")
	relieve(1)
	require.Empty(t, stores[1].write.stmts)
	work(0)
	work(1)
}
