package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// A simulated error does what the server's would, and needs a session that is active.
func TestSimulatedError(t *testing.T) {
	inWorld(t, func(w *world) {
		s, p := w.started(newFakeFile())
		w.waits(s, "w")
		require.Equal(t, []string{"w upload <nil>"}, w.notes())
		require.NoError(t, s.Fail(wire.CodeCompensatingWrite, "undone", true, wire.Warning))
		require.Equal(t, []string{"error SyncCompensatingWrite fatal=false"}, w.notes())
		require.Equal(t, Active, s.State())

		require.NoError(t, s.Fail(wire.CodeBadChangeset, "not a real one", false, wire.ClientReset))
		require.Equal(t, []string{"w download BadChangeset: not a real one", "error BadChangeset fatal=true"}, w.notes())
		require.Equal(t, Inactive, s.State())
		p.expect("mark 1 2↵", "unbind 1↵")

		require.ErrorIs(t, s.Fail(wire.CodeBadChangeset, "again", false, wire.ClientReset), ErrNotRunning)
		require.Empty(t, w.notes())
	})
}

func TestFileIdent(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		told := func(ident uint64, err error) { w.note("ident %d %v", ident, err) }
		s.FileIdent(told)
		require.Equal(t, []string{"ident 0 <nil>"}, w.notes())
		w.accept().greet(1)
		w.notes()
		s.FileIdent(told)
		require.Equal(t, []string{"ident 7 <nil>"}, w.notes())
	})
}

// A session that has just been resumed gets its protocol session from the worker, which may be while the file is being marked.
func TestSimulatedErrorOfAResumedSession(t *testing.T) {
	inWorld(t, func(w *world) {
		s, err := w.m.Open(Config{
			Path: "/a.realm", Open: func() (File, error) { return newFakeGroup().file(), nil }, User: w.user,
			OnError: func(_ *Session, e *Error) { w.note("error %s", e.Name) },
			ScheduleReset: func(string, bool) (string, error) {
				time.Sleep(time.Second)
				w.note("marked")
				return "/recovered", nil
			},
		})
		require.NoError(t, err)
		w.accept().greet(1)
		s.Pause()
		s.Resume()
		require.NoError(t, s.Fail(wire.CodeBadChangeset, "not a real one", false, wire.ClientReset))
		time.Sleep(time.Minute)
		require.Equal(t, []string{"marked", "error BadChangeset"}, w.notes())
		require.Equal(t, Inactive, s.State())
	})
}
