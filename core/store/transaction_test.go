package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

func TestTransactionStates(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	require.ErrorIs(t, c.Commit(), ErrTransaction)
	require.ErrorIs(t, c.Rollback(), ErrTransaction)
	require.NoError(t, c.EndRead())
	_, err := c.Values(cl, 1)
	require.ErrorIs(t, err, ErrTransaction)
	_, err = c.All(cl)
	require.ErrorIs(t, err, ErrTransaction)
	require.ErrorIs(t, c.Exec("SELECT 1"), ErrTransaction)
	require.NoError(t, c.BeginRead())
	require.ErrorIs(t, c.BeginRead(), ErrTransaction)
	_, err = c.InsertValues(cl, []value.Value{value.Int(1)})
	require.ErrorIs(t, err, ErrTransaction)
	require.ErrorIs(t, c.AddClass(itemClass), ErrTransaction)
	require.NoError(t, c.BeginWrite(), "gives the snapshot up")
	require.True(t, c.InWrite())
	require.ErrorIs(t, c.BeginWrite(), ErrTransaction)
	require.ErrorIs(t, c.EndRead(), ErrTransaction)
	require.ErrorIs(t, c.Compact(), ErrTransaction)
	require.NoError(t, c.Rollback())
	require.NoError(t, c.Compact())
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
}

func TestStampAndVersion(t *testing.T) {
	a := openTemp(t)
	cl := addClass(t, a, itemClass)
	b := openAt(t, a.Path())
	require.NoError(t, a.BeginRead())
	stamp := a.Stamp()
	require.NoError(t, a.EndRead())
	require.NoError(t, a.BeginRead())
	require.Equal(t, stamp, a.Stamp(), "nothing has changed")
	write(t, b, func() {
		_, err := b.InsertValues(b.Class("Item"), []value.Value{value.Int(1)})
		require.NoError(t, err)
		require.NoError(t, b.SetVersion(9))
	})
	v, err := a.Version()
	require.NoError(t, err)
	require.Zero(t, v, "of the snapshot")
	exists, err := a.Exists(cl, 1)
	require.NoError(t, err)
	require.False(t, exists)
	require.NoError(t, a.EndRead())
	require.NoError(t, a.BeginRead())
	require.NotEqual(t, stamp, a.Stamp())
	v, err = a.Version()
	require.NoError(t, err)
	require.Equal(t, uint64(9), v)
	_, versioned, err := a.SchemaVersion()
	require.NoError(t, err)
	require.False(t, versioned)
	write(t, b, func() { require.NoError(t, b.SetSchemaVersion(4)) })
	require.NoError(t, a.EndRead())
	require.NoError(t, a.BeginRead())
	sv, versioned, err := a.SchemaVersion()
	require.NoError(t, err)
	require.True(t, versioned)
	require.Equal(t, uint64(4), sv)
}

// SQLite gives a transaction up when the disk is full. Nothing that follows may be committed on its own.
func TestBrokenTransaction(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(1)})
		require.NoError(t, err)
	})
	write(t, c, func() { require.NoError(t, c.Exec("PRAGMA max_page_count=40")) })
	other := openAt(t, c.Path())
	require.NoError(t, c.BeginWrite())
	var failure error
	for i := int64(2); failure == nil; i++ {
		_, failure = c.InsertValues(cl, []value.Value{value.Int(i), value.String(strings.Repeat("x", 5000))})
	}
	var full *Error
	require.ErrorAs(t, failure, &full)
	require.Equal(t, sqliteFull, full.Code&0xff)
	require.ErrorIs(t, failure, ErrAccess)
	require.ErrorContains(t, failure, "the disk is full")
	require.ErrorContains(t, failure, c.Path())
	require.True(t, c.InWrite(), "until it is ended")
	if c.tx == txBroken {
		for _, err := range []error{
			c.Exec("INSERT INTO store_meta VALUES(77, 1)"),
			c.SetVersion(3),
			func() error { _, err := c.InsertValues(cl, []value.Value{value.Int(1000)}); return err }(),
			func() error { _, err := c.Values(cl, 1); return err }(),
			func() error { _, err := c.All(cl); return err }(),
			c.SetValue(cl, 1, 1, value.String("y")),
			c.AddClass(itemClass),
		} {
			require.Equal(t, failure, err)
		}
		require.Equal(t, failure, c.Commit())
	} else {
		require.NoError(t, c.Rollback())
	}
	require.False(t, c.InWrite())
	for _, conn := range []*Conn{c, other} {
		require.NoError(t, conn.BeginRead())
		plan, err := conn.All(conn.Class("Item"))
		require.NoError(t, err)
		ids, err := plan.RowIDs()
		require.NoError(t, err)
		require.Equal(t, []int64{1}, ids)
		require.NoError(t, conn.EndRead())
	}
	write(t, c, func() { require.NoError(t, c.SetValue(cl, 1, 1, value.String("small"))) })
}

func TestBrokenTransactionByRollback(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	require.NoError(t, c.BeginWrite())
	_, err := c.InsertValues(cl, []value.Value{value.Int(1)})
	require.NoError(t, err)
	require.Error(t, c.Exec("INSERT OR ROLLBACK INTO store_meta VALUES(1, 1)"))
	require.Equal(t, txBroken, c.tx)
	_, err = c.InsertValues(cl, []value.Value{value.Int(2)})
	require.ErrorContains(t, err, "INSERT OR ROLLBACK", "why")
	require.Error(t, c.Commit())
	require.NoError(t, c.BeginRead())
	exists, err := c.Exists(cl, 1)
	require.NoError(t, err)
	require.False(t, exists)
}

func TestWritersQueue(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, itemClass)
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(0)})
		require.NoError(t, err)
	})
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		group.Go(func() {
			errs <- func() error {
				own, err := Open(c.Path(), Options{})
				if err != nil {
					return err
				}
				defer own.Close()
				for range 20 {
					if err := own.BeginWrite(); err != nil {
						return err
					}
					v, err := own.Value(own.Class("Item"), 0, 2)
					if err == nil {
						err = own.SetValue(own.Class("Item"), 0, 2, value.Int(v.Int()+1))
					}
					if err != nil {
						return errors.Join(err, own.Rollback())
					}
					if err := own.Commit(); err != nil {
						return err
					}
				}
				return nil
			}()
		})
	}
	group.Wait()
	for range 8 {
		require.NoError(t, <-errs)
	}
	require.NoError(t, c.BeginRead())
	v, err := c.Value(cl, 0, 2)
	require.NoError(t, err)
	require.Equal(t, value.Int(160), v)
}

func TestStatementsInStatements(t *testing.T) {
	c := openTemp(t)
	write(t, c, func() {
		require.NoError(t, c.Exec("CREATE TABLE own(x INTEGER, y)"))
		for i := range 10 {
			require.NoError(t, c.Exec("INSERT INTO own VALUES(?,?)", i, "text"))
		}
		n := 0
		require.NoError(t, c.Query("SELECT x FROM own WHERE y=?", []any{"text"}, func(r *Row) error {
			return c.Query("SELECT count(*) FROM own WHERE x<? AND y=?", []any{r.Int(0), "text"}, func(in *Row) error {
				require.Equal(t, r.Int(0), in.Int(0))
				n++
				return nil
			})
		}))
		require.Equal(t, 10, n)
		stop := errors.New("stop")
		require.Equal(t, stop, c.Query("SELECT x FROM own", nil, func(*Row) error { return stop }))
		require.ErrorIs(t, c.Exec("INSERT INTO own VALUES(?,?)", struct{}{}, 1), ErrType)
		require.NoError(t, c.Exec("INSERT INTO own VALUES(?,?)", nil, []byte{}))
		require.NoError(t, c.Query("SELECT x, y FROM own WHERE x IS NULL", nil, func(r *Row) error {
			require.True(t, r.IsNull(0))
			require.NotNil(t, r.Blob(1))
			require.Empty(t, r.Blob(1))
			return nil
		}))
		for i := range 3 * stmtCacheSize { // more texts than are kept
			require.NoError(t, c.Query("SELECT "+strings.Repeat("1+", i)+"1", nil, func(r *Row) error {
				require.Equal(t, int64(i+1), r.Int(0))
				return nil
			}))
		}
		require.LessOrEqual(t, c.stmts.order.Len(), stmtCacheSize)
	})
}

func TestKilledWhileMakingTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	require.NoError(t, os.WriteFile(path, nil, 0o600), "an empty file is what a killed opener may leave")
	c := openAt(t, path)
	addClass(t, c, itemClass)
	require.NoError(t, c.BeginRead())
	require.NotNil(t, c.Class("Item"))
}

// Commits survive power loss: SQLite's own default for WAL files would not sync each.
func TestEveryConnectionSyncsItsCommits(t *testing.T) {
	c := openTemp(t)
	for _, conn := range []*Conn{c, openAt(t, c.Path())} {
		level, err := conn.controlInt("PRAGMA synchronous")
		require.NoError(t, err)
		require.Equal(t, int64(2), level, "FULL")
		require.NoError(t, conn.BeginRead())
		require.NoError(t, conn.Query("PRAGMA journal_mode", nil, func(r *Row) error {
			require.Equal(t, "wal", r.Text(0))
			return nil
		}))
		require.NoError(t, conn.EndRead())
	}
}
