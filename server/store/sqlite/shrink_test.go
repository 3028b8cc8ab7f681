package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

// A store that has given its memory back goes on: open snapshots are left alone, connections that nobody uses are closed, and all data is there.
func TestShrink(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sync.db"))
	write(t, s, 1)
	var held []store.Snapshot
	for range 4 {
		snapshot, err := s.Snapshot(t.Context())
		require.NoError(t, err)
		held = append(held, snapshot)
	}
	for _, snapshot := range held[1:] {
		require.NoError(t, snapshot.Close())
	}
	require.Len(t, s.free, 3)
	require.NoError(t, s.Shrink(t.Context()))
	require.Empty(t, s.free)
	require.Empty(t, s.write.stmts)
	require.Equal(t, 1, s.reader.Stats().OpenConnections, "that of the open snapshot")
	write(t, s, 2)
	version, err := held[0].Version()
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.NoError(t, held[0].Close())
	require.EqualValues(t, 2, newest(t, s))

	// It waits for a transaction, as long as it may.
	tx, err := s.Begin(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shrink(ctx), context.Canceled)
	require.NoError(t, tx.Rollback())
	require.NoError(t, s.Close())
	require.ErrorContains(t, s.Shrink(t.Context()), "closed")
}
