package e2e

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/server/appconfig"
)

// resetLog is a client.ResetHandler that looks at the instances it gets.
type resetLog struct {
	mode session.ResetMode
	fail error // of Before

	mu     sync.Mutex
	lines  []string
	over   chan struct{} // closed when After was called
	closed int
}

func newResetLog(mode session.ResetMode) *resetLog {
	return &resetLog{mode: mode, over: make(chan struct{})}
}

func (l *resetLog) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *resetLog) notes() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

func (l *resetLog) Mode() session.ResetMode { return l.mode }

func (l *resetLog) Before(local *realm.Realm) error {
	l.note("before %s", show(local))
	return l.fail
}

func (l *resetLog) After(local, remote *realm.Realm, recovered bool) error {
	l.note("after %s %s recovered=%v", show(local), show(remote), recovered)
	close(l.over)
	return nil
}

func (l *resetLog) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed++
}

// show says what is in an instance.
func show(r *realm.Realm) string {
	rows, err := (&device{realm: r}).rows("Item")
	if err != nil {
		return err.Error()
	}
	kind := "live"
	if r.Frozen() {
		kind = "frozen"
	}
	return fmt.Sprint(kind, rows)
}

var items = schema.New(integers("Item", "_id", "n"))

// resetScene is a server with a device whose resets are automatic, and another one.
type resetScene struct {
	*governed
	lost, other *device
	log         *resetLog
	failed      chan *session.Error
}

// startReset brings both devices to where the server has forgotten the first one, which is paused: item 1 is on both; the other has added 3 and set 1.n to 11,
// the first has added 2 and not uploaded it.
func startReset(t *testing.T, log *resetLog, recovery bool) *resetScene {
	t.Helper()
	s := &resetScene{governed: startGoverned(t), log: log, failed: make(chan *session.Error, 16)}
	_, err := s.configs.Update(t.Context(), appID, func(c *appconfig.Config) error {
		c.Sync.DevelopmentMode = true
		c.SyncService().FlexibleSync.IsRecoveryModeDisabled = !recovery
		return nil
	})
	require.NoError(t, err)
	s.lost, err = openDevice(deviceOptions{url: s.url, dir: t.TempDir(), schema: items, reset: log, failed: func(e *session.Error) {
		if e.ClientResetRequested {
			s.failed <- e
		}
	}})
	require.NoError(t, err)
	t.Cleanup(s.lost.close)
	s.other, err = openDevice(deviceOptions{url: s.url, dir: t.TempDir(), schema: items})
	require.NoError(t, err)
	t.Cleanup(s.other.close)
	require.NoError(t, s.lost.subscribe("Item", "TRUEPREDICATE"))
	require.NoError(t, s.other.subscribe("Item", "TRUEPREDICATE"))
	require.NoError(t, s.lost.write(func() error { return s.lost.create("Item", 1, 1) }))
	require.NoError(t, s.lost.settle())
	require.NoError(t, s.other.settle())
	require.NoError(t, s.lost.session.Pause())
	require.NoError(t, s.lost.write(func() error { return s.lost.create("Item", 2, 2) }))
	require.NoError(t, s.other.write(func() error {
		o, err := s.other.find("Item", 1)
		if err != nil {
			return err
		}
		defer realm.ReleaseObject(o)
		cell := store.IntCell(11)
		return errors.Join(realm.SetProperty(o, 1, unsafe.Pointer(&cell)), s.other.create("Item", 3, 3))
	}))
	require.NoError(t, s.other.settle())
	s.forget()
	return s
}

// forget makes the server forget the first device's file.
func (s *resetScene) forget() {
	s.t.Helper()
	f, err := history.OpenFile(s.lost.path(), history.FileOptions{})
	require.NoError(s.t, err)
	status, err := f.Status()
	require.NoError(s.t, err)
	require.NoError(s.t, f.Close())
	a, err := s.users.App(s.t.Context(), appID)
	require.NoError(s.t, err)
	require.NoError(s.t, s.sync.ForceReset(s.t.Context(), a, status.Ident))
}

// wait waits until the application has heard of the reset, and both devices are at rest.
func (s *resetScene) wait() {
	s.t.Helper()
	select {
	case <-s.log.over:
	case e := <-s.failed:
		s.t.Fatalf("the reset failed: %v", e)
	case <-time.After(patient):
		s.t.Fatal("there is no reset")
	}
	require.NoError(s.t, s.lost.settle())
	require.NoError(s.t, s.other.settle())
}

func (s *resetScene) both(want ...[]int64) {
	s.t.Helper()
	for name, d := range map[string]*device{"lost": s.lost, "other": s.other} {
		rows, err := d.rows("Item")
		require.NoError(s.t, err)
		require.ElementsMatch(s.t, want, rows, name)
	}
}

// Items 52 and 53 against the real server: what the callbacks see, what is there afterwards on both devices, what observers hear.
func TestClientReset(t *testing.T) {
	for _, c := range []struct {
		mode     session.ResetMode
		recovery bool
		after    string
		want     [][]int64
	}{
		{session.ResetDiscard, true, "live[[1 11] [3 3]] recovered=false", [][]int64{{1, 11}, {3, 3}}},
		{session.ResetRecover, true, "live[[1 11] [2 2] [3 3]] recovered=true", [][]int64{{1, 11}, {2, 2}, {3, 3}}},
		{session.ResetRecoverOrDiscard, true, "live[[1 11] [2 2] [3 3]] recovered=true", [][]int64{{1, 11}, {2, 2}, {3, 3}}},
		{session.ResetRecoverOrDiscard, false, "live[[1 11] [3 3]] recovered=false", [][]int64{{1, 11}, {3, 3}}},
	} {
		t.Run(fmt.Sprintf("%v %v", c.mode, c.recovery), func(t *testing.T) {
			s := startReset(t, newResetLog(c.mode), c.recovery)
			live, err := s.lost.find("Item", 1)
			require.NoError(t, err)
			defer realm.ReleaseObject(live)
			uploaded := make(chan error, 1)
			require.NoError(t, s.lost.session.WaitForUpload(func(err error) { uploaded <- err }))
			require.NoError(t, s.lost.session.Resume())
			s.wait()
			require.NoError(t, <-uploaded, "waits are carried over")
			require.Equal(t, []string{"before frozen[[1 1] [2 2]]", "after frozen[[1 1] [2 2]] " + c.after}, s.log.notes())
			s.both(c.want...)
			// It goes on as before, both ways, and may be reset again: the first was confirmed.
			require.NoError(t, s.lost.write(func() error { return s.lost.create("Item", 5, 5) }))
			require.NoError(t, s.lost.settle())
			require.NoError(t, s.other.write(func() error { return s.other.create("Item", 6, 6) }))
			require.NoError(t, s.other.settle())
			require.NoError(t, s.lost.settle())
			s.both(append(c.want, []int64{5, 5}, []int64{6, 6})...)
			s.log.over = make(chan struct{})
			s.forget()
			s.wait()
			s.both(append(c.want, []int64{5, 5}, []int64{6, 6})...)
			require.NoFileExists(t, s.lost.path()+".fresh")
		})
	}
}

// Item 57, and item 58 with a refusal by the application.
func TestClientResetFails(t *testing.T) {
	for name, c := range map[string]struct {
		log      *resetLog
		recovery bool
		want     string
	}{
		"not permitted":      {newResetLog(session.ResetRecover), false, "A client reset is required but the server does not permit recovery for this client"},
		"before says no":     {&resetLog{mode: session.ResetRecover, fail: errors.New("not now"), over: make(chan struct{})}, true, "'not now'"},
		"manual, as without": {newResetLog(session.ResetManual), true, "Bad client file identifier"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startReset(t, c.log, c.recovery)
			require.NoError(t, s.lost.session.Resume())
			select {
			case e := <-s.failed:
				require.Contains(t, e.Message, c.want)
				require.True(t, e.Fatal)
				require.NotEmpty(t, e.RecoveryPath)
			case <-time.After(patient):
				t.Fatal("nobody was told")
			}
			state, err := s.lost.session.State()
			require.NoError(t, err)
			require.Equal(t, session.Inactive, state)
			rows, err := s.lost.rows("Item")
			require.NoError(t, err)
			require.Equal(t, [][]int64{{1, 1}, {2, 2}}, rows, "what is local stays")
			require.NoFileExists(t, s.lost.path()+".fresh")
		})
	}
}
