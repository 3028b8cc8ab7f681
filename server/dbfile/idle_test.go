package dbfile

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Connections that nobody uses are closed, the last one too, and others are opened when somebody comes; nothing is lost with them.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f, err := Open(ctx, filepath.Join(t.TempDir(), "x.db"), Kind{ApplicationID: 7, Migrations: []string{"CREATE TABLE t(a INTEGER)"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	count := func() (n int) {
		require.NoError(t, f.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n))
		return n
	}
	for round := 1; round <= 2; round++ {
		require.NoError(t, f.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO t VALUES(1)")
			return err
		}))
		var held, done sync.WaitGroup
		held.Add(readers)
		for range readers { // all of them at once
			done.Go(func() {
				c, err := f.Reader().Conn(ctx)
				held.Done()
				if err == nil {
					held.Wait()
					err = c.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		require.Equal(t, round, count())
		require.Equal(t, readers, f.Reader().Stats().OpenConnections)
		require.Equal(t, 1, f.Writer().Stats().OpenConnections)
		require.Eventually(t, func() bool { return f.Reader().Stats().OpenConnections+f.Writer().Stats().OpenConnections == 0 }, 12*Idle, 100*time.Millisecond)
	}
	require.Equal(t, 2, count())
}
