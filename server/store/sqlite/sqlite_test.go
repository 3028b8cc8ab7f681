package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/server/store"
	"realmsync/server/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a file for the suite.
type place string

func (p place) Open(t testing.TB) store.Store {
	t.Helper()
	s, err := Open(context.Background(), string(p))
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Place { return place(filepath.Join(t.TempDir(), "sub", "sync.db")) })
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	require.NoError(t, err)
	return s
}

// write commits a version with an object that names it.
func write(t *testing.T, s *Store, version uint64) {
	t.Helper()
	tx, err := s.Begin(context.Background())
	require.NoError(t, err)
	require.NoError(t, tx.Commit(changes(version)))
}

func changes(version uint64) *store.Changes {
	return &store.Changes{
		Entries: []store.Entry{{Version: version, Origin: 2, ClientVersion: version, Changeset: []byte("x")}},
		Objects: []store.Object{{ObjectRef: store.ObjectRef{Class: 1, Key: "k"}, Doc: []byte(fmt.Sprint(version)), Version: version}},
	}
}

// newest tells the newest version and that the object agrees with it.
func newest(t *testing.T, s *Store) uint64 {
	t.Helper()
	r, err := s.Snapshot(context.Background())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	version, err := r.Version()
	require.NoError(t, err)
	require.NoError(t, r.Scan(1, func(_, doc []byte) (bool, error) {
		require.Equal(t, fmt.Sprint(version), string(doc))
		return true, nil
	}))
	return version
}

// What a commit has written is on disk, with the settings that make it so.
func TestDurability(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sync.db")
	s := open(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000"} {
		var got string
		require.NoError(t, s.write.conn.QueryRowContext(context.Background(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	c, err := s.take(context.Background())
	require.NoError(t, err)
	var only string
	require.NoError(t, c.conn.QueryRowContext(context.Background(), "PRAGMA query_only").Scan(&only))
	require.Equal(t, "1", only, "readers can't write")
	require.NoError(t, s.give(c, true))
	require.NoError(t, s.Close())
	require.NoFileExists(t, path+"-wal", "the log is put back when the store is closed")
}

// A process that is killed in the middle of a transaction: copies of the files as they are then.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sync.db"))
	for v := uint64(1); v <= 5; v++ {
		write(t, s, v)
	}
	tx, err := s.Begin(context.Background())
	require.NoError(t, err)
	require.NoError(t, tx.(interface{ apply(*store.Changes) error }).apply(changes(6)))
	big := changes(7) // more than the page cache holds, so that some of it is in the log before it is committed
	for i := range 3000 {
		big.Objects = append(big.Objects, store.Object{ObjectRef: store.ObjectRef{Class: 2, Key: fmt.Sprint(i)}, Doc: make([]byte, 20000), Version: 7})
	}
	require.NoError(t, tx.(interface{ apply(*store.Changes) error }).apply(big))

	killed := filepath.Join(t.TempDir(), "sync.db")
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, filepath.Join(dir, "sync.db")+suffix, killed+suffix)
	}
	info, err := os.Stat(killed + "-wal")
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(10<<20))
	require.NoError(t, tx.Rollback())
	require.NoError(t, s.Close())

	s = open(t, killed)
	require.EqualValues(t, 5, newest(t, s))
	write(t, s, 6)
	require.EqualValues(t, 6, newest(t, s))
	require.NoError(t, s.Close())
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// Files that are not ours, or not of this version, are refused and not touched.
func TestForeignAndNewerFiles(t *testing.T) {
	make := func(t *testing.T, statements ...string) string {
		path := filepath.Join(t.TempDir(), "sync.db")
		db, err := sql.Open("sqlite3", path)
		require.NoError(t, err)
		for _, s := range statements {
			_, err = db.Exec(s)
			require.NoError(t, err)
		}
		require.NoError(t, db.Close())
		return path
	}
	text := func(t *testing.T, content string) string {
		path := filepath.Join(t.TempDir(), "sync.db")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for name, c := range map[string]struct {
		make func(t *testing.T) string
		err  error
	}{
		"somebody's database": {func(t *testing.T) string { return make(t, "CREATE TABLE history (x)") }, store.ErrForeign},
		"somebody's database with an application": {func(t *testing.T) string {
			return make(t, "CREATE TABLE history (x)", "PRAGMA application_id = 77")
		}, store.ErrForeign},
		"an empty database": {func(t *testing.T) string { return make(t, "CREATE TABLE x (y)", "DROP TABLE x") }, store.ErrForeign},
		"a text":            {func(t *testing.T) string { return text(t, strings.Repeat("not a database ", 1000)) }, store.ErrForeign},
		"a short text":      {func(t *testing.T) string { return text(t, "x") }, store.ErrForeign},
		"a newer version of ours": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "sync.db")
			s := open(t, path)
			write(t, s, 1)
			require.NoError(t, s.Close())
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
			require.NoError(t, err)
			require.NoError(t, db.Close())
			return path
		}, store.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.make(t)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = Open(context.Background(), path)
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, path)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			files, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, files, 1, "nothing is left beside it")
		})
	}
}

// An empty file is a new store: that is what a crash right after the file was made leaves.
func TestEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sync.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	s := open(t, path)
	write(t, s, 1)
	require.NoError(t, s.Close())
}

// A process that was killed after it had turned the log on, which writes the file's first page, and before it had made the tables.
func TestKilledBeforeTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sync.db")
	db, err := sql.Open("sqlite3", name(path))
	require.NoError(t, err)
	_, err = db.Exec("PRAGMA journal_mode = WAL")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NotZero(t, info.Size())
	s := open(t, path)
	write(t, s, 1)
	require.NoError(t, s.Close())
}

// No character of a path means something to SQLite.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b", "50%20", "q?mode=memory", "h#x", "ü", "a&b", "plus+"} {
		path := filepath.Join(dir, name, "sync.db")
		s := open(t, path)
		write(t, s, 1)
		require.FileExists(t, path)
		require.NoError(t, s.Close())
		s = open(t, path)
		require.EqualValues(t, 1, newest(t, s))
		require.NoError(t, s.Close())
	}
	relative, err := filepath.Rel(mustGetwd(t), filepath.Join(dir, "r", "sync.db"))
	require.NoError(t, err)
	s := open(t, relative)
	require.NoError(t, s.Close())
	require.FileExists(t, filepath.Join(dir, "r", "sync.db"))
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	wd, err := os.Getwd()
	require.NoError(t, err)
	return wd
}

func TestUnusablePlaces(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	_, err := Open(context.Background(), filepath.Join(dir, "file", "sync.db"))
	require.Error(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sync.db"), 0o700))
	_, err = Open(context.Background(), filepath.Join(dir, "sync.db"))
	require.ErrorContains(t, err, "sync.db")
}

// A store that is closed holds no file.
func TestNothingStaysOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sync.db"))
	write(t, s, 1)
	var held []store.Snapshot
	for range 2 * idle {
		r, err := s.Snapshot(context.Background())
		require.NoError(t, err)
		held = append(held, r)
	}
	for _, r := range held {
		require.NoError(t, r.Close())
	}
	require.Len(t, s.free, idle)
	require.NoError(t, s.Close())
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("there is no /proc here")
	}
	for _, fd := range fds {
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		require.False(t, strings.HasPrefix(target, dir), target)
	}
}

// A store whose process was killed right after it was made: what says that it is ours is in the log only.
func TestKilledAtBirth(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sync.db"))
	killed := filepath.Join(t.TempDir(), "sync.db")
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, filepath.Join(dir, "sync.db")+suffix, killed+suffix)
	}
	require.NoError(t, s.Close())
	s = open(t, killed)
	write(t, s, 1)
	require.NoError(t, s.Close())
}
