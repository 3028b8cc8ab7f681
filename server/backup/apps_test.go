package backup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

// Apps that are deleted while a backup is made are being deleted in the backup: its other files were copied before. One that was made again in between
// can't be told from the one before, so the backup is given up.
func TestDeletedWhileCopied(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	users, err := auth.Open(ctx, auth.Config{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, users.Close()) }()
	apps := map[string]*auth.App{}
	for _, id := range []string{"stays", "going", "gone", "again"} {
		apps[id], _, err = users.CreateApp(ctx, id)
		require.NoError(t, err)
	}
	path := filepath.Join(dir, usersName)
	db, err := openWritable(path)
	require.NoError(t, err)
	before, err := beings(ctx, db)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.Len(t, before, 4)

	for _, id := range []string{"going", "gone"} {
		require.NoError(t, users.DeleteApp(ctx, apps[id]))
	}
	require.NoError(t, users.FinishDeletion(ctx, "gone"))
	_, _, err = users.CreateApp(ctx, "new")
	require.NoError(t, err)
	copied := t.TempDir()
	to := filepath.Join(copied, usersName)
	require.NoError(t, copyDatabase(ctx, path, to))
	require.NoError(t, settle(ctx, to, before))
	require.NoError(t, os.MkdirAll(filepath.Join(copied, "apps", "nobody"), 0o700))
	for _, path := range []string{"apps/nobody/sync.db", "apps/nobody/documents.db"} {
		require.NoError(t, os.WriteFile(filepath.Join(copied, path), nil, 0o600))
	}
	ids, stray, err := Leftovers(ctx, copied)
	require.NoError(t, err)
	require.Equal(t, []string{"going", "gone"}, ids)
	require.Equal(t, []string{"nobody"}, stray)
	require.NoFileExists(t, to+"-journal")
	require.NoFileExists(t, to+"-wal")

	require.NoError(t, users.DeleteApp(ctx, apps["again"]))
	require.NoError(t, users.FinishDeletion(ctx, "again"))
	_, _, err = users.CreateApp(ctx, "again")
	require.NoError(t, err)
	to = filepath.Join(t.TempDir(), usersName)
	require.NoError(t, copyDatabase(ctx, path, to))
	require.ErrorContains(t, settle(ctx, to, before), "app again was deleted and made again")
}
