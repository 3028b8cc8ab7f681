package history

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/server/store/sqlite"
)

// problems verifies the data.
func (f *fixture) problems() (out []string) {
	f.t.Helper()
	require.NoError(f.t, Verify(f.t.Context(), f.cfg0(), func(p string) { out = append(out, p) }))
	return out
}

func makeDir(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
}

// Each kind of damage is found.
func TestVerifyFindsDamage(t *testing.T) {
	f, d := withT(t, func(c *Config) { c.inline = 1 })
	d.write(listOfT(), create(1), set(1, "n", value.Int(1)), insert(1, 0, 5))
	d.sync().write(set(1, "n", value.Int(2)), insert(1, 1, 6))
	d.sync().write(create(2))
	d.sync().write(erase(2))
	require.Empty(t, f.problems())
	require.NoError(t, f.Close())
	for damage, says := range map[string]string{
		"DELETE FROM history WHERE version = 3":                                                  "missing",
		"UPDATE history SET flags = 0 WHERE version = 3":                                         "flags",
		"UPDATE history SET changeset = x'7f' WHERE version = 3":                                 "can't be read",
		"UPDATE images SET body = x'01' WHERE version = 3":                                       "images of version 3",
		"DELETE FROM images WHERE version = 3":                                                   "which doesn't say so",
		"UPDATE objects SET doc = x'01' WHERE doc IS NOT NULL":                                   "is not what version",
		"UPDATE objects SET version = 1":                                                         "touched it last",
		"DELETE FROM objects":                                                                    "no record of",
		"DELETE FROM pieces":                                                                     "piece",
		"UPDATE files SET salt = 0":                                                              "has the salt 0",
		"UPDATE files SET base_version = 1000":                                                   "has integrated version 1000",
		"UPDATE floor SET version = 4; UPDATE files SET base_version = 2":                        "needs the history after version",
		"UPDATE floor SET version = 400":                                                         "given up to 400",
		"UPDATE salts SET start = 2":                                                             "salt begins",
		"UPDATE classes SET definition = x'00'":                                                  "definition of class",
		"UPDATE history SET client_version = 900 WHERE version = 3":                              "out of order",
		"INSERT INTO views VALUES (2, 1, '{}', 900, 900)":                                        "bootstrap of query 1 at version 900",
		"INSERT INTO resets VALUES (2, 900, 1, x'00', 1, '', 0)":                                 "set back at version 900",
		"UPDATE images SET body = (SELECT body FROM images WHERE version = 4) WHERE version = 3": "was touched by version",
	} {
		t.Run(damage, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sync.db")
			copyFile(t, f.path, path)
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec(damage)
			require.NoError(t, err)
			require.NoError(t, db.Close())
			s, err := sqlite.Open(context.Background(), path)
			require.NoError(t, err)
			g := &fixture{Engine: &Engine{cfg: Config{Store: s}}, t: t}
			all := strings.Join(g.problems(), "\n")
			require.NotEmpty(t, all)
			require.Contains(t, all, says)
			require.NoError(t, s.Close())
		})
	}
}
