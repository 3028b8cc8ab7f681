package realm

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
	"realmsync/core/value"
)

// bytesOf returns all files of a folder.
func bytesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		out[e.Name()] = string(b)
	}
	return out
}

func TestForeignFilesAreRefusedUntouched(t *testing.T) {
	clean(t)
	for name, c := range map[string]struct {
		make func(path string)
		kind error
		text string
	}{
		"text": {func(path string) {
			require.NoError(t, os.WriteFile(path, []byte("these are not the bytes of a realm"), 0o600))
		}, store.ErrFormat, "it is not a realm file of this library"},
		"another program's SQLite file": {func(path string) {
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}, store.ErrFormat, "it is a SQLite file of another program"},
		"newer version": {func(path string) {
			r, err := Open(Config{Path: path, Schema: dogs})
			require.NoError(t, err)
			r.Release()
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec("PRAGMA user_version=99")
			require.NoError(t, err)
			_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}, store.ErrFormat, "it has file format 99, and this library reads up to 1: update the library"},
		"directory": {func(path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, store.ErrAccess, "it is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			dir := t.TempDir()
			path := filepath.Join(dir, "file.realm")
			c.make(path)
			if name == "directory" {
				_, err := Open(Config{Path: path, Schema: dogs})
				require.ErrorIs(t, err, c.kind)
				return
			}
			before := bytesOf(t, dir)
			for _, mode := range []SchemaMode{Automatic, ReadOnlyMode, SoftResetFile, AdditiveDiscovered} {
				_, err := Open(Config{Path: path, Schema: dogs, SchemaMode: mode, ShouldCompact: func(uint64, uint64) bool { return true }})
				require.ErrorIs(t, err, c.kind)
				require.ErrorContains(t, err, c.text)
				require.ErrorContains(t, err, path)
			}
			require.Equal(t, before, bytesOf(t, dir))
		})
	}
}

func TestMissingDirectory(t *testing.T) {
	clean(t)
	path := filepath.Join(t.TempDir(), "no", "such.realm")
	_, err := Open(Config{Path: path, Schema: dogs})
	require.ErrorIs(t, err, store.ErrAccess)
	require.EqualError(t, err, "Failed to open file at path '"+path+"': parent directory does not exist")
	_, err = Open(Config{Schema: dogs})
	require.ErrorIs(t, err, store.ErrAccess)
	_, err = Open(Config{Path: filepath.Join(t.TempDir(), "missing.realm"), SchemaMode: ReadOnlyMode})
	require.ErrorIs(t, err, store.ErrAccess)
}

// readOnlyDir makes everything in a folder unwritable until the end of the test; it skips the test where that isn't possible.
func readOnlyDir(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() == 0 { // permissions don't stop root, a read-only mount does
		if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
			t.Skipf("mounting is not allowed: %v", err)
		}
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
		require.NoError(t, syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
		return
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, os.Chmod(filepath.Join(dir, e.Name()), 0o400))
	}
	require.NoError(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o700)) })
}

func TestReadOnlyDirectory(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "test.realm")
	r, err := Open(Config{Path: path, Schema: dogs})
	require.NoError(t, err)
	fill(t, r, 20)
	r.Release()
	readOnlyDir(t, dir)
	before := bytesOf(t, dir)

	r, err = Open(Config{Path: path, Schema: dogs})
	require.NoError(t, err, "a realm that can't be written can be read")
	require.Equal(t, 20, count(t, all(t, r, "Dog")))
	err = r.BeginWrite()
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.ErrorContains(t, err, path)
	require.Equal(t, []int64{3, 13}, ints(t, query(t, r, "Dog", "age == 3"), "_id"), "still")
	f := freeze(t, r)
	refresh(t, r)
	require.Equal(t, 20, count(t, all(t, f, "Dog")))
	require.Equal(t, 20, count(t, all(t, r, "Dog")))
	t.Cleanup(r.Release)

	_, err = Open(Config{Path: filepath.Join(dir, "new.realm"), Schema: dogs})
	require.ErrorIs(t, err, store.ErrAccess)
	require.ErrorContains(t, err, filepath.Join(dir, "new.realm"))
	onThread(func() {
		_, err := Open(Config{Path: path, Schema: dogs.With(class("New", "_id", prop("_id", value.KindInt)))})
		require.ErrorIs(t, err, store.ErrReadOnly)
		require.ErrorContains(t, err, path)
	})
	require.Equal(t, before, bytesOf(t, dir))
}

func TestReadOnlyMode(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r, err := Open(Config{Path: path, Schema: dogs})
	require.NoError(t, err)
	fill(t, r, 2)
	r.Release()
	r = open(t, Config{Path: path, Schema: dogs, SchemaMode: ReadOnlyMode})
	require.Equal(t, 2, count(t, all(t, r, "Dog")))
	require.ErrorIs(t, r.BeginWrite(), store.ErrReadOnly)
	onThread(func() {
		w, err := Open(Config{Path: path, Schema: dogs})
		require.NoError(t, err)
		defer w.Release()
		write(t, w, func() { add(t, w, "Dog", values{"_id": i64(70)}) })
	})
	refresh(t, r)
	require.Equal(t, 3, count(t, all(t, r, "Dog")), "it follows writers")
}

// smallDisk returns a folder on a file system of a few hundred kilobytes, or skips the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("mounting is not allowed: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

func testDiskFull(t *testing.T, path string, limit func(r *Realm)) {
	r := open(t, Config{Path: path, Schema: pets, Synced: true})
	subscribe(t, r, "Dog")
	var rex Object
	write(t, r, func() { rex = create(t, r, "Dog", values{"_id": i64(1), "name": str("Rex")}) })
	version := r.Version()
	limit(r)
	big := strings.Repeat("x", 10000)

	// Until it fails: at an object, or at the commit.
	require.NoError(t, r.BeginWrite())
	var err error
	for i := int64(2); i < 500 && err == nil; i++ {
		var o Object
		if o, _, err = tryCreate(t, r, "Dog", values{"_id": i64(i), "name": str(big)}, false); err == nil {
			ReleaseObject(o)
		}
	}
	if err != nil {
		require.ErrorIs(t, err, store.ErrAccess)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "disk")
		// SQLite has given up the transaction; nothing may slip in behind it.
		_, _, again := tryCreate(t, r, "Dog", values{"_id": i64(1000)}, false)
		if again == nil {
			t.Log("the transaction survived")
		}
	}
	err = r.Commit()
	require.ErrorIs(t, err, store.ErrAccess)
	require.ErrorContains(t, err, path)
	require.False(t, r.InWrite())

	require.Equal(t, version, r.Version(), "as before")
	require.Equal(t, 1, count(t, all(t, r, "Dog")))
	require.Equal(t, str("Rex"), get(t, rex, "name"))
	require.Empty(t, recorded(t, r, version))
	require.NoError(t, r.BeginWrite(), "a small change may still fit, or fail: the realm stays readable")
	require.NoError(t, r.Cancel())
	require.Equal(t, 1, count(t, all(t, r, "Dog")))
}

func TestDiskFull(t *testing.T) {
	clean(t)
	testDiskFull(t, filepath.Join(smallDisk(t), "test.realm"), func(*Realm) {})
}

// The same without a small disk: SQLite reports a file that may not grow in the same way.
func TestFileFull(t *testing.T) {
	clean(t)
	path := tempPath(t)
	testDiskFull(t, path, func(r *Realm) {
		r.mu.Lock()
		defer r.mu.Unlock()
		require.NoError(t, r.conn.EndRead())
		require.NoError(t, r.conn.BeginWrite())
		require.NoError(t, r.conn.Exec("PRAGMA max_page_count=60"))
		require.NoError(t, r.conn.Commit())
		require.NoError(t, r.conn.BeginRead())
	})
}

func TestDelete(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "test.realm")
	require.NoError(t, Delete(path), "a missing file is no error")
	r, err := Open(Config{Path: path, Schema: dogs})
	require.NoError(t, err)
	fill(t, r, 2)
	link := filepath.Join(dir, "link.realm")
	require.NoError(t, os.Symlink(path, link))
	for _, p := range []string{path, link, filepath.Join(dir, ".", "test.realm")} {
		require.ErrorIs(t, Delete(p), store.ErrOpen)
	}
	require.Equal(t, 2, count(t, all(t, r, "Dog")))
	t.Cleanup(func() {})
	require.NoError(t, r.Close())
	r.Release()
	require.NoError(t, Delete(path))
	require.NoError(t, os.Remove(link))
	require.Empty(t, bytesOf(t, dir))
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, Delete(path), store.ErrOpen, "a session has it open")
	require.NoError(t, conn.Close())
	require.NoError(t, Delete(path))
}

func TestCompactOnLaunch(t *testing.T) {
	clean(t)
	path := tempPath(t)
	calls := 0
	var totals, useds []uint64
	config := Config{Path: path, Schema: dogs, ShouldCompact: func(total, used uint64) bool {
		calls++
		totals, useds = append(totals, total), append(useds, used)
		return true
	}}
	r, err := Open(config)
	require.NoError(t, err)
	require.Equal(t, 1, calls, "also for a new file")
	onThread(func() {
		other, err := Open(config)
		require.NoError(t, err)
		other.Release()
	})
	require.Equal(t, 1, calls, "not while it is open")
	write(t, r, func() {
		for i := range int64(200) {
			add(t, r, "Dog", values{"_id": i64(i), "name": str(strings.Repeat("wide", 100))})
		}
	})
	r.Release()
	before, err := os.Stat(path)
	require.NoError(t, err)
	r = open(t, config)
	require.Equal(t, 2, calls)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, after.Size(), before.Size())
	require.GreaterOrEqual(t, totals[1], useds[1])
	require.Equal(t, uint64(before.Size()), totals[1])
	require.Equal(t, 200, count(t, all(t, r, "Dog")))
}

func TestTwoSpellingsOfOnePath(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "test.realm")
	a := open(t, Config{Path: path, Schema: dogs})
	require.NoError(t, os.Symlink(path, filepath.Join(dir, "link")))
	b := open(t, Config{Path: filepath.Join(dir, "link"), Schema: dogs})
	require.True(t, IsSame(a, b))
	c := open(t, Config{Path: filepath.Join(dir, "..", filepath.Base(dir), "test.realm"), Schema: dogs})
	require.True(t, IsSame(a, c))
	require.Equal(t, a.File(), c.File())
}
