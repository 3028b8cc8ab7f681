package processes

import (
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
)

func init() {
	roles["hold"] = hold
	roles["write on"] = writeOn
}

// hold opens a write transaction, writes in it, and commits when it is told.
func hold(c *control, arguments []string) error {
	r, err := realm.Open(realm.Config{Path: arguments[0], Schema: items})
	if err != nil {
		return err
	}
	defer r.Release()
	if err := r.BeginWrite(); err != nil {
		return err
	}
	for n := range int64(5000) { // more than stays in memory until the commit, if it can be helped
		if err := add(r, 2, n); err != nil {
			return err
		}
	}
	c.say("holding")
	c.hear()
	return r.Commit()
}

// A write transaction waits for one of another process, and begins with what that has committed.
func TestWritersWait(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "wait.realm")
	r, err := realm.Open(realm.Config{Path: path, Schema: items})
	require.NoError(t, err)
	defer r.Release()
	other := start(t, "hold", path)
	other.hear("holding")
	n, err := count(r)
	require.NoError(t, err)
	require.Zero(t, n, "readers don't wait")
	other.tell("commit")
	require.NoError(t, r.BeginWrite())
	n, err = count(r)
	require.NoError(t, err)
	require.Equal(t, 5000, n)
	require.NoError(t, r.Cancel())
	other.finish()
}

// What a killed process had not committed is gone, and nobody waits for it.
func TestKilledInTransaction(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "killed.realm")
	w, err := watch(path)
	require.NoError(t, err)
	defer w.close()
	for round := range int64(3) {
		other := start(t, "hold", path)
		other.hear("holding")
		other.kill()
		require.NoError(t, write(w.Realm, 1, round))
		n, err := count(w.Realm)
		require.NoError(t, err)
		require.Equal(t, int(round)+1, n)
	}
	require.NoError(t, w.loop.until("the observer", func() bool { return w.seen == 3 }))
}

// writeOn commits items without end, and says what it has committed.
func writeOn(c *control, arguments []string) error {
	r, err := realm.Open(realm.Config{Path: arguments[0], Schema: items})
	if err != nil {
		return err
	}
	writer, err := strconv.ParseInt(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	for n := int64(0); ; n++ {
		if err := write(r, writer, n); err != nil {
			return err
		}
		c.say("committed %d", n+1)
	}
}

// However a writer dies, the observer hears of all that it has committed: also of the last commit, of which it may not have come to tell.
func TestKilledWriter(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "writer.realm")
	w, err := watch(path)
	require.NoError(t, err)
	defer w.close()
	before := 0
	for round := range 8 {
		other := start(t, "write on", path, strconv.Itoa(round+1))
		for range 1 + round {
			other.hear("committed")
		}
		other.kill()
		// Another instance says what there is; the observer must come to know by itself.
		probe, err := realm.Open(realm.Config{Path: path, Schema: items, Scheduler: newLoop(), ThreadID: func() int { return -1 }})
		require.NoError(t, err)
		_, err = probe.Refresh()
		require.NoError(t, err)
		total, err := count(probe)
		require.NoError(t, err)
		probe.Release()
		require.Greater(t, total, before+round, "what was said to be committed")
		before = total
		require.NoError(t, w.loop.until("the last commit", func() bool { return w.seen == total }))
	}
}

// Writers of two processes take turns: none is kept waiting by another that never stops.
func TestTurnsOfWriters(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "turns.realm")
	other := start(t, "write on", path, "2")
	other.hear("committed")
	go func() { // the pipe must not fill up
		for range other.lines {
		}
	}()
	r, err := realm.Open(realm.Config{Path: path, Schema: items})
	require.NoError(t, err)
	defer r.Release()
	// In 100 transactions of this process the other one has made some too, and not so many more. A writer that could only try again and
	// again would see thousands of the other's.
	begun := time.Now()
	before, err := count(r)
	require.NoError(t, err)
	for n := range int64(100) {
		require.NoError(t, write(r, 1, n))
	}
	after, err := count(r)
	require.NoError(t, err)
	t.Logf("100 transactions of this process and %d of the other one in %v", after-before-100, time.Since(begun))
	require.Less(t, after-before-100, 1000)
	other.kill()
}
