package store

import (
	"bufio"
	"fmt"

	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// writerPath makes the test program a process that writes to the encrypted file of that path until it is killed; it prints how many
// transactions are committed.
const writerPath = "REALM_TEST_ENCRYPTED_WRITER"

// TestEncryptedWriterProcess is what the other process runs, and nothing otherwise.
func TestEncryptedWriterProcess(t *testing.T) {
	path := os.Getenv(writerPath)
	if path == "" {
		t.Skip("run by TestKilledWriters")
	}
	c, err := Open(path, Options{Key: keyOf(1)})
	require.NoError(t, err)
	require.NoError(t, c.control("PRAGMA cache_size=5")) // pages go to the WAL in the middle of transactions
	for i := 1; ; i++ {
		put(t, c, texts(fmt.Sprintf("%d/%d", os.Getpid(), i), 20))
		fmt.Printf("committed %d\n", i)
	}
}

// writer is a process that writes.
type writer struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startWriter(t *testing.T, path string) *writer {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestEncryptedWriterProcess$")
	cmd.Env = append(os.Environ(), writerPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &writer{cmd, bufio.NewScanner(out)}
}

// wait waits until that many transactions are committed.
func (w *writer) wait(t *testing.T, n int) {
	t.Helper()
	for w.out.Scan() {
		if w.out.Text() == fmt.Sprintf("committed %d", n) {
			return
		}
	}
	t.Fatalf("the writer ended: %v", w.out.Err())
}

// kill ends it wherever it is, and returns how many transactions it has told of.
func (w *writer) kill(t *testing.T) (committed int) {
	t.Helper()
	require.NoError(t, w.cmd.Process.Kill())
	for w.out.Scan() {
		var n int
		if _, err := fmt.Sscanf(w.out.Text(), "committed %d", &n); err == nil {
			committed = n
		}
	}
	_ = w.cmd.Wait() // killed
	return committed
}

// Two processes write, this one too, and the two are killed at any moment, three times over. Nothing that was committed is lost, nothing
// is there by half, and the file opens.
func TestKilledWriters(t *testing.T) {
	v := newVault(t)
	mine, told := 0, map[string]int{}
	for round := range 3 {
		a, b := startWriter(t, v.path), startWriter(t, v.path)
		a.wait(t, 3)
		b.wait(t, 2)
		if round == 1 { // now somebody is left who has the file open
			c := v.open()
			put(t, c, texts("mine", 20))
			mine++
			defer func() { require.NoError(t, c.Close()) }()
		}
		for _, w := range []*writer{a, b} {
			committed := max(w.kill(t), 2)
			told[strconv.Itoa(w.cmd.Process.Pid)] = committed
		}
		all, err := v.read(v.path)
		require.NoError(t, err)
		require.Zero(t, len(all)%20)
		found := map[string]int{}
		for _, text := range all {
			found[text]++
		}
		for pid, n := range told {
			for i := 1; i <= n; i++ {
				for _, text := range texts(fmt.Sprintf("%s/%d", pid, i), 20) {
					require.Equal(t, 1, found[text], text)
				}
			}
		}
		require.Equal(t, mine, found[texts("mine", 20)[7]])
	}
	require.Empty(t, leaks(t, filepath.Dir(v.image()), secret))
	c := v.open()
	sound(t, c)
	require.NoError(t, c.Close())
}
