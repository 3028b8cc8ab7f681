package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// parked tells whether a file that no Conn has open has a parked connection: closing it would have removed the -wal file.
func parked(path string) bool {
	_, err := os.Stat(path + "-wal")
	return err == nil
}

func versionOf(t *testing.T, path string) uint64 {
	t.Helper()
	c, err := Open(path, Options{})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.BeginRead())
	v, err := c.Version()
	require.NoError(t, err)
	return v
}

// makeVersion makes a file, or changes it, and closes it.
func makeVersion(t *testing.T, path string, v uint64) {
	t.Helper()
	c, err := Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.SetVersion(v))
	require.NoError(t, c.Commit())
	require.NoError(t, c.Close())
	require.True(t, parked(path))
}

// What was committed is in the file after Close, although the connection is parked: whoever copies the file has all of it.
func TestParkedFileIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.realm")
	for v := uint64(1); v < 5; v++ {
		makeVersion(t, path, v)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		copied := filepath.Join(t.TempDir(), "copy.realm")
		require.NoError(t, os.WriteFile(copied, b, 0o600))
		require.Equal(t, v, versionOf(t, copied))
	}
	require.Equal(t, uint64(4), versionOf(t, path))
}

// A parked connection never serves a file that isn't the one it was parked with, and leaves alone what lies there instead.
func TestParkedFileChanges(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string, other []byte){
		"overwritten": func(t *testing.T, path string, other []byte) { require.NoError(t, os.WriteFile(path, other, 0o600)) },
		"replaced": func(t *testing.T, path string, other []byte) {
			require.NoError(t, os.WriteFile(path+".new", other, 0o600))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"removed and made": func(t *testing.T, path string, other []byte) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				require.NoError(t, os.Remove(path+suffix))
			}
			require.NoError(t, os.WriteFile(path, other, 0o600))
		},
		"deleted and made": func(t *testing.T, path string, other []byte) {
			require.NoError(t, Delete(path))
			require.NoFileExists(t, path+"-wal")
			require.NoError(t, os.WriteFile(path, other, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, source := filepath.Join(dir, "a.realm"), filepath.Join(dir, "other.realm")
			makeVersion(t, source, 77)
			other, err := os.ReadFile(source)
			require.NoError(t, err)
			makeVersion(t, path, 1)
			change(t, path, other)
			require.Equal(t, uint64(77), versionOf(t, path))
			makeVersion(t, path, 78)
			require.Equal(t, uint64(78), versionOf(t, path))
		})
	}
}

// A file that another program has put beside the realm meanwhile is not removed or cut by giving the parked connection up.
func TestParkedForeignWAL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.realm")
	for _, name := range []string{"in place", "another file"} {
		t.Run(name, func(t *testing.T) {
			makeVersion(t, path, 1)
			if name == "another file" {
				require.NoError(t, os.Remove(path+"-wal"))
			}
			require.NoError(t, os.WriteFile(path+"-wal", []byte("what somebody else wrote"), 0o600))
			closeParked(canonical(path), nil)
			b, err := os.ReadFile(path + "-wal")
			require.NoError(t, err)
			require.Equal(t, "what somebody else wrote", string(b))
			require.NoError(t, Delete(path))
		})
	}
}

// A realm that is deleted after it was closed, by its own name only, leaves nothing behind; what others have put there meanwhile stays.
func TestParkedFileGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.realm")
	makeVersion(t, path, 1)
	require.NoError(t, os.Remove(path))
	closeParked(canonical(path), nil)
	require.NoFileExists(t, path+"-wal")
	require.NoFileExists(t, path+"-shm")

	for _, suffix := range []string{"-wal", "-shm"} {
		makeVersion(t, path, 2)
		for _, gone := range []string{path, path + suffix} {
			require.NoError(t, os.Remove(gone))
		}
		require.NoError(t, os.WriteFile(path+suffix, []byte("what somebody else wrote"), 0o600))
		closeParked(canonical(path), nil)
		b, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.Equal(t, "what somebody else wrote", string(b))
		require.NoError(t, os.Remove(path+suffix))
		if suffix == "-wal" {
			require.NoError(t, os.Remove(path+"-shm"))
		}
	}
	makeVersion(t, path, 3)
	require.Equal(t, uint64(3), versionOf(t, path))
}

// Reopening takes the connection up, with all that the new Conn brings: its own wait for writers, its schema, its snapshot.
func TestParkedIsResumed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.realm")
	makeVersion(t, path, 1)
	was, err := os.Stat(path + "-shm")
	require.NoError(t, err)
	a, err := Open(path, Options{})
	require.NoError(t, err)
	defer a.Close()
	is, err := os.Stat(path + "-shm")
	require.NoError(t, err)
	require.True(t, os.SameFile(was, is))
	require.Equal(t, was.ModTime(), is.ModTime(), "it was not made again")
	require.NoError(t, a.BeginWrite())
	b, err := Open(path, Options{}) // nothing is parked
	require.NoError(t, err)
	defer b.Close()
	done := make(chan error)
	go func() { done <- b.BeginWrite() }()
	b.Interrupt()
	require.ErrorIs(t, <-done, ErrInterrupted)
	require.NoError(t, a.SetVersion(2))
	require.NoError(t, a.Commit())
	require.NoError(t, b.BeginRead())
	v, err := b.Version()
	require.NoError(t, err)
	require.Equal(t, uint64(2), v)
}

// No more than maxPark connections are ever parked; the oldest are closed, and after a while the others, with the files beside the realms.
func TestParkedAreFew(t *testing.T) {
	dir := t.TempDir()
	left := func() int {
		all, err := filepath.Glob(filepath.Join(dir, "*-wal"))
		require.NoError(t, err)
		return len(all)
	}
	for i := range 3 * maxPark {
		c, err := Open(filepath.Join(dir, fmt.Sprint(i, ".realm")), Options{})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.LessOrEqual(t, left(), maxPark)
	}
	require.Eventually(t, func() bool { return left() == 0 }, time.Minute, time.Millisecond)
}

// An encrypted file is parked too, and opened again with its key only.
func TestParkedEncrypted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.realm")
	key, other := NewKey(&[KeySize]byte{1}), NewKey(&[KeySize]byte{2})
	for v := range uint64(5) {
		c, err := Open(path, Options{Key: key})
		require.NoError(t, err)
		require.NoError(t, c.BeginWrite())
		have, err := c.Version()
		require.NoError(t, err)
		require.Equal(t, v, have)
		require.NoError(t, c.SetVersion(v+1))
		require.NoError(t, c.Commit())
		require.NoError(t, c.Close())
		require.True(t, parked(path))
		for _, wrong := range []*Key{other, nil} {
			_, err = Open(path, Options{Key: wrong})
			require.ErrorIs(t, err, ErrKey)
		}
	}
}
