package dbfile

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var things = Kind{ApplicationID: 77, Migrations: []string{"CREATE TABLE things (name TEXT)"}}

// What a process leaves that is killed while it makes the file becomes the file; what is somebody else's, or newer, is refused and not touched.
func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		statements []string
		err        error
	}{
		"turned the log on":    {[]string{"PRAGMA journal_mode = WAL"}, nil},
		"empty":                {nil, nil},
		"somebody's":           {[]string{"CREATE TABLE things (x)"}, ErrForeign},
		"somebody's, marked":   {[]string{"PRAGMA application_id = 78"}, ErrForeign},
		"emptied by somebody":  {[]string{"CREATE TABLE x (y)", "DROP TABLE x"}, ErrForeign},
		"of a version to come": {[]string{"CREATE TABLE things (name TEXT)", "PRAGMA application_id = 77", "PRAGMA user_version = 2"}, ErrNewer},
		"a text":               {nil, ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			path, content := filepath.Join(t.TempDir(), "things.db"), ""
			if name == "a text" {
				content = "x"
			}
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			if len(c.statements) > 0 {
				db, err := sql.Open("sqlite3", path)
				require.NoError(t, err)
				for _, s := range c.statements {
					_, err = db.Exec(s)
					require.NoError(t, err)
				}
				require.NoError(t, db.Close())
			}
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			f, err := Open(t.Context(), path, things)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.ErrorContains(t, err, path)
				after, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, before, after)
				return
			}
			require.NoError(t, err)
			_, err = f.Writer().Exec("INSERT INTO things VALUES ('a')")
			require.NoError(t, err)
			require.NoError(t, f.Close())
		})
	}
}
