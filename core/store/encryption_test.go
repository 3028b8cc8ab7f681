package store

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func keyOf(fill byte) *Key {
	var b [KeySize]byte
	for i := range b {
		b[i] = fill ^ byte(i*7)
	}
	return NewKey(&b)
}

// vault is an encrypted file with texts in it.
type vault struct {
	t    testing.TB
	dir  string
	path string
	key  *Key
}

func newVault(t testing.TB) *vault {
	dir := t.TempDir()
	return &vault{t, dir, filepath.Join(dir, "vault.realm"), keyOf(1)}
}

func (v *vault) open() *Conn {
	v.t.Helper()
	c, err := Open(v.path, Options{Key: v.key})
	require.NoError(v.t, err)
	return c
}

const secret = "marker of a secret text"

// texts are n texts of a few hundred bytes, told apart by a salt.
func texts(salt string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s %s %d %s", secret, salt, i, strings.Repeat(fmt.Sprint(i%10), 20+i*37%300))
	}
	return all
}

// put adds texts in one transaction.
func put(t testing.TB, c *Conn, all []string) {
	t.Helper()
	write(t, c, func() { insertTexts(t, c, all) })
}

func insertTexts(t testing.TB, c *Conn, all []string) {
	t.Helper()
	require.NoError(t, c.Exec("CREATE TABLE IF NOT EXISTS secrets(id INTEGER PRIMARY KEY, content TEXT)"))
	for _, text := range all {
		require.NoError(t, c.Exec("INSERT INTO secrets(content) VALUES(?)", text))
	}
}

// get reads every text.
func get(c *Conn) (all []string, err error) {
	if err := c.BeginRead(); err != nil {
		return nil, err
	}
	err = c.Query("SELECT content FROM secrets ORDER BY id", nil, func(r *Row) error {
		all = append(all, r.Text(0))
		return nil
	})
	if e := c.EndRead(); err == nil {
		err = e
	}
	return all, err
}

// read opens the file at path and reads every text.
func (v *vault) read(path string) (all []string, err error) {
	c, err := Open(path, Options{Key: v.key})
	if err != nil {
		return nil, err
	}
	all, err = get(c)
	if e := c.Close(); err == nil {
		err = e
	}
	return all, err
}

// image copies what is on disk while the file is open, as a crash would leave it: another process does it, because a descriptor that this
// one closes would take SQLite's locks along. The -shm file does not survive a crash.
func (v *vault) image() string {
	v.t.Helper()
	dir := v.t.TempDir()
	out, err := exec.Command("cp", "-r", v.dir+"/.", dir).CombinedOutput()
	require.NoError(v.t, err, "%s", out)
	_ = os.Remove(filepath.Join(dir, "vault.realm-shm"))
	return filepath.Join(dir, "vault.realm")
}

// leaks names the files below dir that hold any of the texts.
func leaks(t testing.TB, dir string, needles ...string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, needle := range needles {
			if bytes.Contains(content, []byte(needle)) {
				found = append(found, filepath.Base(path)+": "+needle)
			}
		}
		return err
	}))
	return found
}

func TestNoFileHoldsPlaintext(t *testing.T) {
	needles := []string{"marker of a", "SQLite format", "secrets", "content TEXT", "store_meta", "Patient", "diagnosis"}
	for name, key := range map[string]*Key{"encrypted": keyOf(1), "plain": nil} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t)
			v.key = key
			temp := filepath.Join(v.dir, "temporary")
			require.NoError(t, os.Mkdir(temp, 0o700))
			t.Setenv("SQLITE_TMPDIR", temp)
			var found []string
			look := func() { found = append(found, leaks(t, filepath.Dir(v.image()), needles...)...) }

			c := v.open()
			look()
			patient := itemClass
			patient.Name = "Patient"
			patient.Properties = append(patient.Properties[:1:1], patient.Properties[1])
			patient.Properties[1].Name = "diagnosis"
			addClass(t, c, patient)
			require.NoError(t, c.control("PRAGMA cache_size=10")) // pages go to the WAL before the commit
			require.NoError(t, c.BeginWrite())
			insertTexts(t, c, texts("first", 2000))
			require.NoError(t, c.Exec("SAVEPOINT s"))
			require.NoError(t, c.Exec("UPDATE secrets SET content=content || 'x'"))
			look()
			require.NoError(t, c.Exec("ROLLBACK TO s"))
			require.NoError(t, c.Commit())
			look()
			require.NoError(t, c.BeginRead())
			rows := 0
			require.NoError(t, c.Query("SELECT a.content || b.content AS both FROM secrets a, secrets b WHERE b.id < 4 ORDER BY both", nil, func(*Row) error {
				if rows++; rows == 1 {
					look() // the sorter holds everything now
				}
				return nil
			}))
			require.Equal(t, 6000, rows)
			require.NoError(t, c.EndRead())
			write(t, c, func() { require.NoError(t, c.Exec("DELETE FROM secrets WHERE id%2=0")) })
			require.NoError(t, c.Compact())
			look()
			put(t, c, texts("second", 10))
			require.NoError(t, c.Close())
			look()
			if key != nil {
				require.Empty(t, found)
			} else { // the search finds what is there
				for _, needle := range needles {
					require.Contains(t, found, "vault.realm: "+needle)
				}
				require.Contains(t, found, "vault.realm-wal: marker of a")
			}
		})
	}
}

func TestTemporaryFilesAreRefused(t *testing.T) {
	c := newVault(t).open()
	put(t, c, texts("a", 3000))
	require.NoError(t, c.control("PRAGMA temp_store=FILE"))
	require.NoError(t, c.control("PRAGMA cache_size=10"))
	require.Error(t, c.control("VACUUM"))
	require.NoError(t, c.Close())
}

func TestKeysThatDoNotFit(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("a", 20))
	require.NoError(t, c.Close())
	plain := filepath.Join(v.dir, "plain.realm")
	p, err := Open(plain, Options{})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	alien := filepath.Join(v.dir, "alien")
	require.NoError(t, os.WriteFile(alien, bytes.Repeat([]byte("alien"), 2000), 0o600))

	before := contents(t, v.dir)
	for _, c := range []struct {
		path string
		key  *Key
		kind error
		text string
	}{
		{v.path, nil, ErrKey, "it is encrypted, and no encryption key was given"},
		{v.path, keyOf(2), ErrKey, "the encryption key is not the one of the file"},
		{plain, keyOf(1), ErrKey, "it is not encrypted, and an encryption key was given"},
		{alien, keyOf(1), ErrFormat, "it is not a realm file of this library"},
	} {
		for _, readOnly := range []bool{false, true} {
			_, err := Open(c.path, Options{Key: c.key, ReadOnly: readOnly})
			require.ErrorIs(t, err, c.kind)
			require.EqualError(t, err, "Failed to open file at path '"+c.path+"': "+c.text+"; it was not changed")
		}
	}
	require.Equal(t, before, contents(t, v.dir))
	all, err := v.read(v.path)
	require.NoError(t, err)
	require.Equal(t, texts("a", 20), all)
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		all[e.Name()] = string(b)
	}
	return all
}

// What a killed maker may leave: nothing but the preamble, or zeros where it should be.
func TestMakingAFileIsFinished(t *testing.T) {
	for name, size := range map[string]int64{"preamble": 4096, "first page": 8192} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t)
			require.NoError(t, v.open().Close())
			if name == "preamble" {
				require.NoError(t, os.Truncate(v.path, size))
			} else {
				require.NoError(t, os.WriteFile(v.path, make([]byte, size), 0o600))
			}
			c := v.open()
			put(t, c, texts("a", 5))
			require.NoError(t, c.Close())
			all, err := v.read(v.path)
			require.NoError(t, err)
			require.Equal(t, texts("a", 5), all)
		})
	}
}

func TestEncryptedFileReadOnly(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("a", 50))
	for _, open := range []bool{true, false} { // with a -wal file, and without
		if !open {
			require.NoError(t, c.Close())
		}
		r, err := Open(v.path, Options{Key: v.key, ReadOnly: true})
		require.NoError(t, err)
		all, err := get(r)
		require.NoError(t, err)
		require.Equal(t, texts("a", 50), all)
		require.ErrorIs(t, r.BeginWrite(), ErrReadOnly)
		require.NoError(t, r.Close())
	}
}

// Many connections make the file, write and read it, and checkpoint what others read.
func TestConnectionsOfOneEncryptedFile(t *testing.T) {
	v := newVault(t)
	const conns, rounds = 4, 15
	var all sync.WaitGroup
	for n := range conns {
		all.Go(func() {
			for i := range rounds {
				c, err := Open(v.path, Options{Key: v.key})
				if !check(t, err) {
					return
				}
				write(t, c, func() { insertTexts(t, c, texts(fmt.Sprintf("%d/%d", n, i), 4)) })
				if i%5 == n%5 {
					_, err = c.controlInt("PRAGMA wal_checkpoint(PASSIVE)")
					check(t, err)
				}
				got, err := get(c)
				check(t, err)
				if len(got)%4 != 0 || len(got) < 4*(i+1) {
					t.Errorf("%d texts after round %d", len(got), i)
				}
				check(t, c.Close())
			}
		})
	}
	all.Wait()
	got, err := v.read(v.path)
	require.NoError(t, err)
	require.Len(t, got, conns*rounds*4)
	c := v.open()
	sound(t, c)
	require.NoError(t, c.Close())
}

func check(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func TestEncryptedFileShrinks(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("a", 3000))
	write(t, c, func() { require.NoError(t, c.Exec("DELETE FROM secrets WHERE id>10")) })
	total, used, err := c.Size()
	require.NoError(t, err)
	require.Greater(t, total, 2*used)
	require.NoError(t, c.Compact())
	info, err := os.Stat(v.path)
	require.NoError(t, err)
	require.LessOrEqual(t, uint64(info.Size()), used+8192)
	require.NoError(t, c.Close())
	all, err := v.read(v.path)
	require.NoError(t, err)
	require.Equal(t, texts("a", 3000)[:10], all)
}
