package history

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A panic within a transaction undoes it, and gives the file's lock back.
func TestPanicInATransaction(t *testing.T) {
	f, err := OpenFile(filepath.Join(t.TempDir(), "a.realm"), FileOptions{})
	require.NoError(t, err)
	defer f.Close()
	err = f.write(func() (uint64, error) {
		require.NoError(t, f.conn.Exec(`UPDATE sync_file SET ident=77`))
		panic("out of range")
	})
	require.ErrorContains(t, err, "out of range")
	err = f.read(func() error { panic("out of range") })
	require.ErrorContains(t, err, "out of range")

	status, err := f.Status()
	require.NoError(t, err)
	require.Zero(t, status.Ident)
	require.NoError(t, f.SetIdent(5, 6), "the write lock is free")
}
