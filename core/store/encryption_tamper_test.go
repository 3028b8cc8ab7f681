package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The format, as docs/encryption.md describes it: what the tests change is found without the code that wrote it.
const (
	testPage      = 4096
	testFrames    = 1024 // where the frames of a -wal file begin
	testFrameHead = 24 + 8 + 8 + 40
	testFrame     = testFrameHead + testPage + 40
)

// flipped copies a file of an image with one bit changed into an image of its own.
func flipped(t testing.TB, image, file string, at int64) string {
	t.Helper()
	return changed(t, image, file, func(b []byte) []byte {
		b[at] ^= 0x10
		return b
	})
}

func changed(t testing.TB, image, file string, change func([]byte) []byte) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(filepath.Dir(image)), "changed")
	require.NoError(t, err)
	for _, name := range []string{"vault.realm", "vault.realm-wal"} {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(image), name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		if name == file {
			b = change(b)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	return filepath.Join(dir, "vault.realm")
}

func TestChangedPagesAreFound(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("old", 40))
	require.NoError(t, c.Close())
	old, err := os.ReadFile(v.path)
	require.NoError(t, err)
	c = v.open()
	write(t, c, func() {
		require.NoError(t, c.Exec("CREATE INDEX by_content ON secrets(content)"))
		require.NoError(t, c.Exec("INSERT INTO secrets(content) VALUES(?)", texts("long", 1)[0]+string(make([]byte, 12000)))) // overflow pages
	})
	used, err := c.controlInt("PRAGMA page_count")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	image := v.image()
	pages := 1 + int(used) // with the preamble
	require.Greater(t, pages, 20)

	// readAll reads every page that is in use.
	readAll := func(path string) error {
		c, err := Open(path, Options{Key: v.key})
		if err != nil {
			return err
		}
		if _, err = get(c); err == nil {
			err = c.query("PRAGMA integrity_check", nil, func(r *Row) error {
				if r.Text(0) != "ok" && c.crypt.failed() { // it goes on after errors, and tells of them in its result
					return formatError(path, c.crypt.explain())
				}
				require.Equal(t, "ok", r.Text(0))
				return nil
			})
		}
		require.NoError(t, c.Close())
		return err
	}
	require.NoError(t, readAll(image))
	refused := func(path, what string, kinds ...error) {
		t.Helper()
		err := readAll(path)
		require.Error(t, err, what)
		for _, kind := range kinds {
			require.ErrorIs(t, err, kind, what)
		}
	}
	for page := range pages {
		for i, at := range []int{0, page * 97 % (testPage - 40), testPage - 39, testPage - 1} { // the text, the tag, the nonce
			what := fmt.Sprintf("page %d, byte %d", page, at)
			path := flipped(t, image, "vault.realm", int64(page*testPage+at))
			err := readAll(path)
			require.Error(t, err, what)
			if page > 0 {
				require.ErrorIs(t, err, ErrFormat, what)
				require.ErrorContains(t, err, fmt.Sprintf("page %d of the encrypted file is damaged, or was changed", page), what)
			} else if i > 0 { // the first byte makes it a file of another program
				require.True(t, isKind(err, ErrFormat, ErrKey), what)
			}
			require.NoError(t, os.RemoveAll(filepath.Dir(path)))
		}
	}
	for page := 1; page < pages; page++ {
		path := changed(t, image, "vault.realm", func(b []byte) []byte {
			clear(b[page*testPage:][:testPage])
			return b
		})
		refused(path, fmt.Sprintf("page %d is zero", page), ErrFormat)
	}
	refused(changed(t, image, "vault.realm", func(b []byte) []byte {
		a, b2 := b[5*testPage:][:testPage], b[6*testPage:][:testPage]
		for i := range a {
			a[i], b2[i] = b2[i], a[i]
		}
		return b
	}), "two pages changed places", ErrFormat)
	refused(changed(t, image, "vault.realm", func(b []byte) []byte { return b[:(pages-1)*testPage] }), "the last page is missing", ErrFormat)
	other := newVault(t)
	c = other.open()
	put(t, c, texts("old", 40))
	require.NoError(t, c.Close())
	foreign, err := os.ReadFile(other.path)
	require.NoError(t, err)
	refused(changed(t, image, "vault.realm", func(b []byte) []byte {
		copy(b[5*testPage:][:testPage], foreign[5*testPage:])
		return b
	}), "a page of another file with the same key", ErrFormat)

	// What can't be found: the file as a whole as it was once.
	path := changed(t, image, "vault.realm", func([]byte) []byte { return old })
	all, err := v.read(path)
	require.NoError(t, err)
	require.Equal(t, texts("old", 40), all)
}

func isKind(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if e, ok := err.(*Error); ok && e.Kind == kind {
			return true
		}
	}
	return false
}

// walImage is an image whose transactions are all in the -wal file but the first. ends[i] is the -wal file's size after i transactions.
func walImage(t testing.TB, v *vault, transactions int) (image string, ends []int64) {
	t.Helper()
	c := v.open()
	put(t, c, texts("t0", 4))
	_, err := c.controlInt("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	ends = append(ends, 0)
	for i := 1; i <= transactions; i++ {
		put(t, c, texts(fmt.Sprintf("t%d", i), 4+3*i))
		info, err := os.Stat(v.path + "-wal")
		require.NoError(t, err)
		ends = append(ends, info.Size())
	}
	image = v.image()
	require.NoError(t, c.Close())
	return image, ends
}

func after(transactions int) (all []string) {
	for i := range transactions + 1 {
		all = append(all, texts(fmt.Sprintf("t%d", i), 4+3*i)...)
	}
	return all
}

func TestChangedWAL(t *testing.T) {
	const transactions = 4
	v := newVault(t)
	image, ends := walImage(t, v, transactions)
	read := func(path string) []string {
		t.Helper()
		all, err := v.read(path)
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(filepath.Dir(path)))
		return all
	}
	refused := func(path, what string) {
		t.Helper()
		_, err := v.read(path)
		require.ErrorIs(t, err, ErrFormat, what)
		require.ErrorContains(t, err, "write-ahead log (-wal) is damaged, or was changed", what)
		require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	}
	same := func(b []byte) []byte { return b }
	require.Equal(t, after(transactions), read(changed(t, image, "", same)))

	for frame := int64(0); testFrames+frame*testFrame < ends[transactions]; frame++ {
		start := testFrames + frame*testFrame
		for _, at := range []int64{30, testFrameHead + 5 + frame*131%4000, testFrame - 20} {
			path := flipped(t, image, "vault.realm-wal", start+at)
			if start < ends[transactions-1] {
				refused(path, fmt.Sprintf("frame %d, byte %d", frame, at))
			} else { // of the last transaction: as if it hadn't reached the disk
				require.Equal(t, after(transactions-1), read(path), "frame %d, byte %d", frame, at)
			}
		}
		if start+testFrame < ends[transactions-1] {
			refused(changed(t, image, "vault.realm-wal", func(b []byte) []byte {
				clear(b[start:][:testFrame])
				return b
			}), fmt.Sprintf("frame %d is zero", frame))
			refused(changed(t, image, "vault.realm-wal", func(b []byte) []byte {
				copy(b[start:][:testFrame], b[start+testFrame:])
				return b
			}), fmt.Sprintf("frame %d is the next one", frame))
		}
	}
	// The header is there twice.
	for _, at := range []int64{0, 71, 512, 583} {
		require.Equal(t, after(transactions), read(flipped(t, image, "vault.realm-wal", at)))
	}
	refused(changed(t, image, "vault.realm-wal", func(b []byte) []byte {
		b[3] ^= 1
		b[512] ^= 1
		return b
	}), "both headers")

	// A -wal file that ends early has the transactions that are whole; where it is cut must not matter.
	last := ends[transactions]
	for size := int64(0); size < last; size += 1 + last/41 {
		whole := 0
		for whole < transactions && ends[whole+1] <= size {
			whole++
		}
		path := changed(t, image, "vault.realm-wal", func(b []byte) []byte { return b[:size] })
		require.Equal(t, after(whole), read(path), "cut at %d", size)
		if size > ends[transactions-1] { // what isn't written may also be zeros, or anything
			path = changed(t, image, "vault.realm-wal", func(b []byte) []byte {
				clear(b[size:])
				return b
			})
			require.Equal(t, after(transactions-1), read(path), "zeros from %d", size)
		}
	}
}

// What a power failure may leave of the last transaction: any of its sectors are written, and the others are not.
func TestSectorsOfTheLastTransactionAreMissing(t *testing.T) {
	const transactions, sector = 3, 512
	v := newVault(t)
	image, ends := walImage(t, v, transactions)
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 25 {
		missing := 0
		path := changed(t, image, "vault.realm-wal", func(b []byte) []byte {
			for at := (ends[transactions-1] + sector - 1) / sector * sector; at < int64(len(b)); at += sector {
				if rng.IntN(1+round%8) == 0 {
					clear(b[at:min(at+sector, int64(len(b)))])
					missing++
				}
			}
			return b
		})
		all, err := v.read(path)
		require.NoError(t, err)
		want := transactions
		if missing > 0 {
			want--
		}
		require.Equal(t, after(want), all)
		require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	}
}

// A power failure while the WAL begins anew: one of the two headers is written, the frames are those of the run before, which are all in the
// main file already.
func TestHeaderOfANewRunIsHalfWritten(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("t0", 4))
	put(t, c, texts("t1", 7))
	_, err := c.controlInt("PRAGMA wal_checkpoint(RESTART)")
	require.NoError(t, err)
	before := v.image()
	put(t, c, texts("t2", 10))
	newer, err := os.ReadFile(v.image() + "-wal")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	for _, at := range []int{0, 512} {
		all, err := v.read(changed(t, before, "vault.realm-wal", func(b []byte) []byte {
			require.NotEqual(t, b[at:at+72], newer[at:at+72])
			copy(b[at:at+72], newer[at:])
			return b
		}))
		require.NoError(t, err)
		require.Equal(t, after(1), all)
	}
}

// A -wal file that grew is cut to journal_size_limit when it begins anew.
func TestWALIsCut(t *testing.T) {
	v := newVault(t)
	c := v.open()
	require.NoError(t, c.control("PRAGMA journal_size_limit=50000"))
	put(t, c, texts("t0", 4))
	write(t, c, func() { insertTexts(t, c, texts("filler", 1000)) })
	write(t, c, func() { require.NoError(t, c.Exec("DELETE FROM secrets WHERE content LIKE '%filler%'")) })
	_, err := c.controlInt("PRAGMA wal_checkpoint(RESTART)")
	require.NoError(t, err)
	size := func() int64 {
		info, err := os.Stat(v.path + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	require.Greater(t, size(), int64(200000))
	put(t, c, texts("t1", 7))
	require.Less(t, size(), int64(60000))
	put(t, c, texts("t2", 10))
	all, err := v.read(v.image())
	require.NoError(t, err)
	require.Equal(t, after(2), all)
	require.NoError(t, c.Close())
}

// A run of the WAL that is written over an older one: frames of the older one are not taken for proofs, nor for data.
func TestChangedWALAfterRestart(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("t0", 4))
	write(t, c, func() { insertTexts(t, c, texts("filler", 400)) })
	write(t, c, func() { require.NoError(t, c.Exec("DELETE FROM secrets WHERE content LIKE '%filler%'")) })
	older := v.image()
	_, err := c.controlInt("PRAGMA wal_checkpoint(RESTART)")
	require.NoError(t, err)
	size := func() int64 {
		info, err := os.Stat(v.path + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	whole := size()
	put(t, c, texts("t1", 7))
	frames, err := c.controlInt("PRAGMA wal_checkpoint(NOOP)")
	require.NoError(t, err)
	require.Zero(t, frames)
	put(t, c, texts("t2", 10))
	require.Equal(t, whole, size(), "the file is used again")
	image := v.image()
	require.NoError(t, c.Close())

	all, err := v.read(changed(t, image, "", nil))
	require.NoError(t, err)
	require.Equal(t, after(2), all)

	_, err = v.read(flipped(t, image, "vault.realm-wal", testFrames+testFrameHead+9))
	require.ErrorIs(t, err, ErrFormat)
	stale, err := os.ReadFile(older + "-wal")
	require.NoError(t, err)
	_, err = v.read(changed(t, image, "vault.realm-wal", func(b []byte) []byte {
		copy(b[testFrames:][:testFrame], stale[testFrames:])
		return b
	}))
	require.ErrorIs(t, err, ErrFormat, "a frame of the older run in place of a newer one")

	// Cut off in the last transaction, with the older run's frames behind it.
	path := changed(t, image, "vault.realm-wal", func(b []byte) []byte {
		for start := testFrames; start < len(b); start += testFrame {
			if last := start + testFrame; last < len(b) && string(b[start:][:testFrame]) != string(stale[start:][:testFrame]) &&
				string(b[last:][:testFrame]) == string(stale[last:][:testFrame]) {
				b[start+testFrameHead] ^= 1
				return b
			}
		}
		t.Fatal("no end found")
		return nil
	})
	all, err = v.read(path)
	require.NoError(t, err)
	require.Equal(t, after(1), all)
}

// While the file is open, SQLite knows which frames are committed: there is no end that a changed frame could be taken for.
func TestChangedWALWhileOpen(t *testing.T) {
	v := newVault(t)
	c := v.open()
	put(t, c, texts("a", 40))
	f, err := os.OpenFile(v.path+"-wal", os.O_RDWR, 0)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	for start := int64(testFrames); start < info.Size(); start += testFrame {
		_, err = f.WriteAt(binary.BigEndian.AppendUint64(nil, 1), start+testFrameHead+100)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	_, err = v.read(v.path)
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "frame ")
	_ = c.Close() // its checkpoint fails for the same reason
	_, err = v.read(v.path)
	require.ErrorIs(t, err, ErrFormat, "the damage stays visible")
}
