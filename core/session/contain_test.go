package session

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A panic in the work on the file is the file's failure: it is told, and tried again.
func TestPanicOfTheFile(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		var broken atomic.Bool
		broken.Store(true)
		f.before = func(call string) error {
			if call == "ident" && broken.Load() {
				panic("out of range")
			}
			return nil
		}
		s := w.open(f, "a", Immediately)
		p := w.accept()
		p.expect(bindMsg(1, 1))
		p.send("ident 1 7 4242↵")
		notes := w.notes()
		require.Len(t, notes, 1)
		require.Contains(t, notes[0], "error RuntimeError fatal=false")
		require.Equal(t, Active, s.State())
		broken.Store(false)
		time.Sleep(5 * time.Minute) // virtual
		p.expect("ident 1 7 4242 0 0 0 0 0 2↵{}", "mark 1 1↵")
		require.Empty(t, w.notes())
	})
}

// A panic in the state machine stops the sessions of the connection, and nothing else: the next one starts anew.
func TestPanicOfTheConnection(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		w.accept()
		w.waits(s, "a")
		w.m.mu.Lock()
		c := s.current.conn
		w.m.mu.Unlock()
		c.post(func(*link, time.Time) { panic("out of range") })
		notes := w.notes()
		require.True(t, slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, "a download RuntimeError") }), notes)
		require.True(t, slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, "error RuntimeError fatal=true") }), notes)
		require.Equal(t, Inactive, s.State())
		s.Resume()
		require.Equal(t, Active, s.State())
		w.accept()
	})
}

// A panic of the application's own function ends that call only.
func TestPanicOfACallback(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		token := s.ObserveConnection(func(ConnectionState, ConnectionState) { panic("the application's") })
		w.accept()
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		require.Contains(t, w.notes(), "upload <nil>")
		s.UnobserveConnection(token)
	})
}
