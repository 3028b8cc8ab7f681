package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

func TestErrorTexts(t *testing.T) {
	cause := errors.New("cause")
	e := &Error{Domain: DomainSync, Name: "SyncPermissionDenied", Message: "no", LogURL: "http://log", Err: cause}
	require.Equal(t, "no Logs: http://log", e.Reason())
	require.Equal(t, "SyncPermissionDenied: no Logs: http://log", e.Error())
	require.ErrorIs(t, e, cause)
	require.True(t, e.Unrecognized())
	require.Equal(t, 1037, e.Status())
	require.Equal(t, 2000000, (&Error{Name: "Nonsense"}).Status())
	require.Equal(t, "OperationAborted: Sync session became inactive", ErrAborted.Error())
	require.Equal(t, "no route", (&DialError{Reason: "no route"}).Error())
	require.Equal(t, "the server closed the connection with code 4001: x", (&CloseError{4001, "x"}).Error())
	for _, info := range wire.ErrorCodes() {
		if info.Status != "" {
			require.Contains(t, statusNumbers, info.Status)
		}
	}
	for code, name := range map[wire.ErrorCode]string{212: "BadChangeset", 233: "SyncProtocolInvariantFailed", 112: "LimitExceeded", 201: "RuntimeError"} {
		require.Equal(t, name, integrationName(code))
	}
	require.Equal(t, "[library sync websocket app domain 9]", fmt.Sprint([]Domain{0, 1, 2, 3, 9}))
	require.Equal(t, "[active dying inactive waiting for access token paused state 9]", fmt.Sprint([]State{0, 1, 2, 3, 4, 9}))
	require.Equal(t, "[disconnected connecting connected connection state 9]", fmt.Sprint([]ConnectionState{0, 1, 2, 9}))
}

func TestBackoff(t *testing.T) {
	var b backoff
	p := pace{time.Second, 10 * time.Second, 3}
	for _, want := range []time.Duration{1, 3, 9, 10, 10} {
		require.Equal(t, want*time.Second, b.next(1, p, 0))
	}
	require.Equal(t, time.Second, b.next(2, p, 0))
	require.Equal(t, 2250*time.Millisecond, b.next(2, pace{}, 1), "what the first says counts; a quarter is taken off at most")
	b.reset()
	require.Equal(t, time.Second, b.next(2, p, 0))
	for _, c := range []wire.Backoff{{}, {IntervalSec: -5, MaxDelaySec: -1, Multiplier: -1}, {IntervalSec: 1 << 30, MaxDelaySec: 1 << 30, Multiplier: 1 << 30}} {
		var b backoff
		for range 100 {
			d := b.next(1, serverPace(&c), 0)
			require.GreaterOrEqual(t, d, time.Second)
			require.LessOrEqual(t, d, (1<<31)*time.Second)
		}
	}
}

// Announcing compensations without end is a violation, not a way to fill the memory.
func TestTooManyCompensations(t *testing.T) {
	inWorldWith(t, Options{QueueBytes: 1 << 30}, func(w *world) {
		s, p := w.started(newFakeFile())
		text := strings.Repeat("x", 1<<20)
		for range 17 {
			p.send(jsonError(1, 231, "Warning", true, text, fmt.Sprintf(rejected, 50, 3, "AQE=")))
		}
		p.closed()
		require.Equal(t, []string{"error SyncProtocolInvariantFailed fatal=true"}, w.notes())
		require.Equal(t, Inactive, s.State())
	})
}

// A file with something in it that can't be sent stops its session, and nobody else.
func TestUnsendable(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.status.Ident = 7 // without salt
		f.status.Salt = -1 << 63
		s := w.open(f, "a", Immediately)
		p := w.accept()
		p.expect(bindMsg(1, 0), "unbind 1↵")
		require.Equal(t, []string{"error RuntimeError fatal=true"}, w.notes())
		require.Equal(t, Active, s.State())
		p.isOpen()
	})
}

// A stored bootstrap that can't be applied is dropped; its QUERY is sent again.
func TestBadStoredBootstrap(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.subscribe("{}")
		first := true
		f.setBefore(func(call string) error {
			if call == "apply" && first {
				first = false
				return &IntegrationError{Code: wire.CodeBadChangeset, Text: "bad"}
			}
			return nil
		})
		w.open(f, "a", Immediately)
		p := w.accept()
		p.greet(1)
		p.expect("query 1 1 2↵{}")
		require.Empty(t, w.notes())
	})
}

// A session that is let go of while an error waits behind a slow disk sends UNBIND, and doesn't wait for UNBOUND.
func TestDetachWithAnErrorQueued(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		w.open(newFakeFile(), "keep", Immediately)
		p := w.accept()
		p.greet(1)
		s := w.open(f, "a", Immediately)
		p.greet(2)
		release := make(chan struct{})
		f.setBefore(func(call string) error {
			if call == "integrate" {
				<-release
			}
			return nil
		})
		p.send(download(2, "1 0 1 7 0 0 0 2 1", "1 0 x"), jsonError(2, 201, "ApplicationBug", false, "late"))
		s.Pause()
		p.expect("unbind 2↵")
		close(release)
		synctest.Wait()
		p.isOpen()
		p.send(jsonError(2, 201, "ApplicationBug", false, "later"))
		p.isOpen()
		require.Empty(t, w.notes())
		require.Equal(t, Paused, s.State())
	})
}

// Without a handler errors are logged, nothing else.
func TestNoHandler(t *testing.T) {
	inWorld(t, func(w *world) {
		s, p := w.started(newFakeFile())
		s.SetErrorHandler(nil)
		p.send("error 201 1 1 1↵x")
		require.Equal(t, Active, s.State())
		require.Equal(t, "a", s.Path())
		require.Same(t, w.user, s.User())
	})
}
