package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
)

// obey does what it is told, one command after the other, and answers each.
func obey(d *device, number int64, say func(string, ...any), told <-chan string, failed <-chan error) error {
	next := int64(0)
	say("open")
	for command := range told {
		select {
		case err := <-failed:
			return err
		default:
		}
		switch command {
		case "write": // and wait until the server has it
			if err := d.write(func() error { return d.create("Item", number*span+next, number) }); err != nil {
				return err
			}
			next++
			if err := d.session.WaitForUploadFor(patient); err != nil {
				return fmt.Errorf("waiting for the upload: %w", err)
			}
			say("done")
		case "read": // what the server has
			if err := d.session.WaitForDownloadFor(patient); err != nil {
				return fmt.Errorf("waiting for the download: %w", err)
			}
			if _, err := d.realm.Refresh(); err != nil {
				return err
			}
			keys, err := keysOf(d)
			if err != nil {
				return err
			}
			say("%v", keys)
		case "connection":
			state, err := d.session.ConnectionState()
			if err != nil {
				return err
			}
			say("%v", state)
		case "end":
			return nil
		}
	}
	return nil
}

// keysOf lists the keys of all items.
func keysOf(d *device) (keys []int64, err error) {
	rows, err := d.rows("Item")
	for _, row := range rows {
		keys = append(keys, row[0])
	}
	slices.Sort(keys)
	return keys, err
}

// ask tells an obeying worker a command, and returns its answer.
func (w *worker) ask(command string) string {
	w.t.Helper()
	if command != "" {
		w.tell(command)
	}
	require.NoError(w.t, w.await(command, func() bool { return len(w.said) > 0 }))
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := w.said[0]
	w.said = w.said[1:]
	return answer
}

// Processes that have the same realm open: one of them synchronizes for all, and when it ends, by itself or by kill -9, another goes on.
func TestProcessesShareASession(t *testing.T) {
	srv := startServer(t)
	dir := t.TempDir()
	shared := filepath.Join(dir, "shared")
	begin := func(number int64) *worker {
		w := &worker{t: t, number: number, dir: shared, url: srv.url(), role: "obey"}
		w.start()
		t.Cleanup(w.kill)
		require.Equal(t, "open", w.ask(""))
		return w
	}
	first := begin(1)
	second, third := begin(2), begin(3)
	far, err := openDevice(deviceOptions{url: srv.url(), dir: filepath.Join(dir, "far"), schema: crashSchema, failed: func(e *session.Error) { t.Error(e) }})
	require.NoError(t, err)
	defer far.close()
	require.NoError(t, subscribeAll(far))
	var keys []int64
	everybody := func(crew ...*worker) {
		t.Helper()
		slices.Sort(keys)
		for _, w := range crew {
			require.Equal(t, fmt.Sprint(keys), w.ask("read"))
		}
		require.NoError(t, far.settle())
		have, err := keysOf(far)
		require.NoError(t, err)
		require.Equal(t, keys, have)
	}
	wrote := func(w *worker, n int64) {
		t.Helper()
		require.Equal(t, "done", w.ask("write"))
		keys = append(keys, w.number*span+n)
	}
	connected := func(crew ...*worker) (n int) {
		for _, w := range crew {
			if strings.HasPrefix(w.ask("connection"), "connected") {
				n++
			}
		}
		return n
	}
	wrote(second, 0) // its upload wait is the first one's doing
	wrote(first, 0)
	require.NoError(t, far.write(func() error { return far.create("Item", 9*span, 9) }))
	keys = append(keys, 9*span)
	require.NoError(t, far.session.WaitForUploadFor(patient))
	everybody(second, third, first)
	require.Equal(t, 1, connected(first, second, third))
	require.Equal(t, 1, connected(first))

	first.kill()
	wrote(second, 1)
	wrote(third, 0)
	everybody(third, second)
	require.Equal(t, 1, connected(second, third))

	first = begin(4)
	everybody(first)
	require.Zero(t, connected(first))
	for _, w := range []*worker{second, third} {
		w.tell("end")
		require.NoError(t, w.wait(), w.errs)
	}
	wrote(first, 0)
	everybody(first)
	require.Equal(t, 1, connected(first))
}
