package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

// A disk that is full: what doesn't fit is refused whole, what is there can be read, and writing goes on when there is room again.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sync.db")
	s := open(t, path)
	write(t, s, 1)
	limit := func(pages int) {
		t.Helper()
		var got int
		require.NoError(t, s.write.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&got))
	}
	big := func(version uint64) *store.Changes {
		c := changes(version)
		for i := range 100 {
			c.Objects = append(c.Objects, store.Object{ObjectRef: store.ObjectRef{Class: 2, Key: fmt.Sprint(version, "/", i)}, Doc: make([]byte, 20000), Version: version})
		}
		return c
	}
	limit(60)
	for range 3 {
		tx, err := s.Begin(context.Background())
		require.NoError(t, err)
		require.ErrorContains(t, tx.Commit(big(2)), path+": database or disk is full")
		require.NoError(t, tx.Rollback())
		require.EqualValues(t, 1, newest(t, s))
	}
	write(t, s, 2)
	limit(100_000)
	tx, err := s.Begin(context.Background())
	require.NoError(t, err)
	require.NoError(t, tx.Commit(big(3)))
	require.EqualValues(t, 3, newest(t, s))
	require.NoError(t, s.Close())
	s = open(t, path)
	require.EqualValues(t, 3, newest(t, s))
	require.NoError(t, s.Close())
}
