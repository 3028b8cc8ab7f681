package session

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// The numbers are those of the checklist, sync-semantics section 14.

// waits registers a download and an upload wait and notes their results.
func (w *world) waits(s *Session, name string) {
	s.WaitForDownload(func(err error) { w.note("%s download %v", name, err) })
	s.WaitForUpload(func(err error) { w.note("%s upload %v", name, err) })
}

func TestItem01ActiveBeforeTheNetwork(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		require.Equal(t, Active, s.State())
		require.True(t, s.Alive())
		w.accept()
	})
	inWorld(t, func(w *world) {
		w.user.loggedIn, w.user.token = false, ""
		s := w.open(newFakeFile(), "a", Immediately)
		require.Equal(t, Inactive, s.State())
		w.noDial(time.Hour)
		w.user.change(func() { w.user.loggedIn, w.user.token = true, "t9" })
		require.Equal(t, Active, s.State(), "logging in revives it")
		require.Contains(t, w.accept().url, "baas_at=t9")
		w.user.change(func() { w.user.loggedIn, w.user.token = false, "" })
		require.Equal(t, Inactive, s.State(), "logging out stops it")
	})
	inWorld(t, func(w *world) {
		w.user.removed = true
		_, err := w.m.Open(Config{Path: "a", User: w.user})
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "ClientUserNotFound", e.Name)
		require.Equal(t, 4100, e.Status())
	})
}

func TestItem02ExpiredToken(t *testing.T) {
	inWorld(t, func(w *world) {
		w.user.expired = true
		release := make(chan struct{})
		w.user.refresh = func(context.Context, bool) error {
			<-release
			w.user.change(func() { w.user.token, w.user.expired = "t1", false })
			return nil
		}
		s := w.open(newFakeFile(), "a", Immediately)
		require.Equal(t, WaitingForAccessToken, s.State())
		w.noDial(time.Minute)
		close(release)
		require.Contains(t, w.accept().url, "baas_at=t1")
		require.Equal(t, Active, s.State())
		require.Equal(t, []bool{false}, w.user.refreshes)
	})
	inWorld(t, func(w *world) { // offline: with the old token, and local data usable
		w.user.expired = true
		w.user.refresh = func(context.Context, bool) error { return errors.New("no network") }
		s := w.open(newFakeFile(), "a", Immediately)
		s.WaitForDownload(func(err error) { w.note("download %v", err) })
		require.Contains(t, w.next().url, "baas_at=t0")
		synctest.Wait()
		require.Equal(t, Active, s.State())
		require.Equal(t, Connecting, s.ConnectionState())
		require.Empty(t, w.notes(), "waits survive")
	})
	inWorld(t, func(w *world) { // the server has ended the login
		w.user.expired = true
		release := make(chan struct{})
		w.user.refresh = func(context.Context, bool) error { <-release; return errFatal }
		s, other := w.open(newFakeFile(), "a", Immediately), w.open(newFakeFile(), "b", Immediately)
		w.waits(s, "a")
		close(release)
		require.Equal(t, []string{
			"a download AuthError: Unable to refresh the user access token: 401 unauthorized",
			"a upload AuthError: Unable to refresh the user access token: 401 unauthorized",
			"error AuthError fatal=true", "error AuthError fatal=true",
		}, w.notes())
		require.Equal(t, Inactive, s.State())
		require.Equal(t, Inactive, other.State())
		require.False(t, w.user.LoggedIn())
		require.Len(t, w.user.refreshes, 1, "sessions of one user share a refresh")
	})
}

func TestItem03And04Paused(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", AfterChangesUploaded)
		synctest.Wait()
		s.ObserveConnection(func(old, now ConnectionState) { w.note("%v to %v", old, now) })
		p := w.accept()
		require.Equal(t, []string{"connecting to connected"}, w.notes())
		p.greet(1)
		s.Pause()
		require.Equal(t, Paused, s.State())
		require.Equal(t, Disconnected, s.ConnectionState())
		require.Equal(t, []string{"connected to disconnected"}, w.notes())
		p.expect("unbind 1↵")
		s.Pause()
		again := w.open(f, "a", AfterChangesUploaded)
		require.Same(t, s, again)
		w.user.change(func() { w.user.token = "t1" })
		w.user.change(func() { w.user.loggedIn, w.user.token = false, "" })
		w.user.change(func() { w.user.loggedIn, w.user.token = true, "t2" })
		s.Reconnect()
		require.Equal(t, Paused, s.State(), "item 4: only resume ends a pause")
		require.Empty(t, w.notes())
		s.Resume()
		require.Equal(t, Active, s.State())
		require.Equal(t, []string{"disconnected to connecting", "connecting to connected"}, w.notes(), "the connection was still open")
		p.expect(bindMsg(2, 0), "ident 2 7 4242 0 0 0 0 0 2↵{}", "mark 2 1↵")
		s.Resume()
		p.silent()
		s.Release()
	})
	inWorld(t, func(w *world) { // from waiting, and back to waiting
		w.user.expired = true
		w.user.refresh = func(ctx context.Context, _ bool) error { <-ctx.Done(); return ctx.Err() }
		s := w.open(newFakeFile(), "a", Immediately)
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		s.Pause()
		require.Equal(t, Paused, s.State())
		require.Equal(t, []string{"upload " + ErrAborted.Error()}, w.notes())
		s.Resume()
		require.Equal(t, WaitingForAccessToken, s.State())
	})
	inWorld(t, func(w *world) { // from inactive
		w.user.loggedIn, w.user.token = false, ""
		s := w.open(newFakeFile(), "a", Immediately)
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		s.Pause()
		require.Equal(t, Paused, s.State())
		w.user.change(func() { w.user.loggedIn, w.user.token = true, "t" })
		require.Equal(t, Paused, s.State())
		require.Empty(t, w.notes(), "waits are kept")
		s.Resume()
		require.Equal(t, []string{"upload <nil>"}, w.notes())
	})
	inWorld(t, func(w *world) { // from dying: the application has no reference any more, so that only a new one ends the pause
		f := newFakeFile()
		f.commit("x")
		s := w.open(f, "a", AfterChangesUploaded)
		s.Release()
		require.Equal(t, Dying, s.State())
		s.Pause()
		require.Equal(t, Paused, s.State())
	})
}

func TestItem05ReopenAfterPause(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", AfterChangesUploaded)
		p := w.accept()
		p.greet(1)
		s.Pause()
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		s.Release()
		require.False(t, s.Alive())
		require.Equal(t, []string{"upload " + ErrEnded.Error()}, w.notes(), "nobody is left hanging")
		again := w.open(newFakeFile(), "a", AfterChangesUploaded)
		require.NotSame(t, s, again)
		require.Equal(t, Active, again.State())
		p.expect("unbind 1↵", bindMsg(2, 1))

		// The ended one does no harm.
		s.Resume()
		s.Pause()
		s.Release()
		s.Retain()
		s.WaitForDownload(func(err error) { w.note("download %v", err) })
		s.WaitForSet(0, func(st SetState, err error) { w.note("set %v", err) })
		require.Equal(t, []string{"download " + ErrEnded.Error(), "set " + ErrEnded.Error()}, w.notes())
		require.Equal(t, Active, again.State())
	})
}

func TestItem06AfterChangesUploaded(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", AfterChangesUploaded)
		s.Retain()
		p := w.accept()
		p.greet(1)
		f.commit("x")
		p.expect("upload 1 0 11 0 3 0 0↵3 0 1 0 1 x")
		s.Release()
		require.Equal(t, Active, s.State())
		s.Release()
		require.Equal(t, Dying, s.State())
		require.False(t, s.Alive())
		again := w.open(f, "a", AfterChangesUploaded)
		require.Same(t, s, again)
		require.Equal(t, Active, s.State())
		p.silent() // bound all the time
		again.Release()
		require.Equal(t, Dying, s.State())
		p.send(download(1, "2 3 2 7 3 0 0 2 1"))
		require.Equal(t, Inactive, s.State())
		p.skipTo("unbind 1↵")
		require.True(t, f.closed)
		p.send("unbound 1↵")
		w.elapsed()
		<-p.ctx.Done()
		require.Equal(t, 30*time.Second, w.elapsed(), "the connection lingers")
	})
	inWorld(t, func(w *world) { // a death that was survived is harmless
		f := newFakeFile()
		f.commit("x")
		s := w.open(f, "a", AfterChangesUploaded)
		p := w.accept()
		s.Release()
		require.Same(t, s, w.open(f, "a", AfterChangesUploaded))
		p.greet(1)
		p.expect("upload…")
		p.send(download(1, "2 3 2 7 3 0 0 2 1"))
		require.Equal(t, Active, s.State())
	})
	inWorld(t, func(w *world) { // nothing to upload, offline
		s := w.open(newFakeFile(), "a", AfterChangesUploaded)
		s.Release()
		synctest.Wait()
		require.Equal(t, Inactive, s.State())
	})
	inWorld(t, func(w *world) { // a fatal error ends it without a word
		f := newFakeFile()
		f.commit("x")
		s := w.open(f, "a", AfterChangesUploaded)
		p := w.accept()
		p.greet(1)
		s.Release()
		p.sendMessage(wire.NewJSONError(1, wire.CodeBadClientFileIdent, "bad"))
		require.Equal(t, Inactive, s.State())
		require.Empty(t, w.notes())
	})
	inWorld(t, func(w *world) { // a new token doesn't bring a dying session back to life, but helps it to die
		f := newFakeFile()
		f.commit("x")
		s := w.open(f, "a", AfterChangesUploaded)
		w.refuse(errLost)
		s.Release()
		w.user.change(func() { w.user.token = "t1" })
		require.Equal(t, Dying, s.State())
		require.Contains(t, w.next().url, "t1")
	})
}

func TestItem07StopPolicies(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", LiveIndefinitely)
		p := w.accept()
		p.greet(1)
		s.Release()
		require.Equal(t, Active, s.State())
		p.silent()
		require.Same(t, s, w.open(newFakeFile(), "a", LiveIndefinitely))

		b := w.open(newFakeFile(), "b", Immediately)
		p.expect(bindMsg(2, 1))
		b.WaitForUpload(func(err error) { w.note("upload %v", err) })
		require.Equal(t, []string{"upload <nil>"}, w.notes())
		b.WaitForDownload(func(err error) { w.note("download %v", errors.Is(err, ErrAborted)) })
		b.Release()
		require.Equal(t, Inactive, b.State())
		require.Equal(t, []string{"download true"}, w.notes())
		p.expect("unbind 2↵")
	})
}

func TestItem08And10Waiters(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", Immediately)
		w.waits(s, "offline")
		require.Equal(t, []string{"offline upload <nil>"}, w.notes(), "item 10: nothing to upload needs no server")
		f.commit("x")
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		for range 5 {
			w.refuse(errLost)
		}
		for _, n := range w.notes() {
			require.Equal(t, "error SyncConnectFailed fatal=false", n, "waits survive")
		}
		s.Pause()
		require.Equal(t, []string{"offline download " + ErrAborted.Error(), "upload " + ErrAborted.Error()}, w.log, "at once, in order")
		w.notes()
		w.waits(s, "paused")
		s.Pause()
		require.Empty(t, w.notes())
		s.Resume()
		p := w.accept()
		p.expect(bindMsg(2, 1))
		p.send("ident 2 7 1↵")
		p.expect("ident…", "mark 2 1↵")
		require.Empty(t, w.notes())
		p.send("mark 2 1↵")
		require.Equal(t, []string{"paused download <nil>"}, w.notes())
		p.expect("upload…")
		p.send(download(2, "2 3 2 7 3 0 0 2 1"))
		require.Equal(t, []string{"paused upload <nil>"}, w.notes())
		// Only what was committed when it was asked for counts.
		f.commit("y")
		p.expect("upload 2 0 0 0 4 2 2↵", "upload 2 0 11 0 5 2 2↵5 2 1 0 1 y")
		s.WaitForUpload(func(err error) { w.note("y %v", err) })
		synctest.Wait()
		f.commit("z")
		p.expect("upload 2 0 11 0 6 2 2↵6 2 1 0 1 z")
		s.WaitForUpload(func(err error) { w.note("z %v", err) })
		p.send(download(2, "3 5 3 7 5 2 0 2 1"))
		require.Equal(t, []string{"y <nil>"}, w.notes())
		p.send(download(2, "4 6 4 7 6 2 0 2 1"))
		require.Equal(t, []string{"z <nil>"}, w.notes())
	})
}

// Within one event the wait that was registered last is called first.
func TestWaitersOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		for i := range 3 {
			s.WaitForDownload(func(err error) { w.note("%d %v", i, err) })
		}
		p := w.accept()
		p.greet(1)
		require.Equal(t, []string{"2 <nil>", "1 <nil>", "0 <nil>"}, w.notes())
		for i := range 3 {
			s.WaitForDownload(func(err error) { w.note("%d %v", i, err) })
		}
		p.expect("mark 1 2↵")
		s.Pause()
		require.Len(t, w.log, 3)
		require.Contains(t, w.log[0], "0 ", "in order of registration when they fail")
	})
}

func TestItem09WaitersAndErrors(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.commit("x")
		s := w.open(f, "a", Immediately)
		w.waits(s, "w")
		p := w.accept()
		p.expect(bindMsg(1, 1))
		// The server is elsewhere: the session starts anew, its waits stay.
		w.user.refresh = func(_ context.Context, location bool) error {
			require.True(t, location)
			w.user.change(func() { w.user.route, w.user.token = "ws://elsewhere/sync", "t1" })
			return nil
		}
		p.end(&CloseError{Code: wire.CloseMoved})
		require.Empty(t, w.notes())
		require.Equal(t, Active, s.State())
		p = w.accept()
		require.Equal(t, "ws://elsewhere/sync?baas_at=t1", p.url)
		p.expect(bindMsg(2, 1))
		p.send("ident 2 7 1↵")
		p.expect("ident…", "mark 2 1↵")
		// A fatal error without an action: the session stays Active, but nobody waits for it any more.
		p.send("error 201 3 0 2↵bad")
		require.Equal(t, []string{"w download RuntimeError: bad", "w upload RuntimeError: bad", "error RuntimeError fatal=true"}, w.notes())
		require.Equal(t, Active, s.State())
		require.Equal(t, Disconnected, s.ConnectionState())
		p.expect("unbind 2↵")
		// It stays suspended until somebody asks for it.
		w.waits(s, "again")
		time.Sleep(10 * time.Second)
		p.silent()
		s.Reconnect()
		p.expect(bindMsg(2, 0))
	})
}

func TestItem11Observers(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		watch := func(old, now ConnectionState) { w.note("%v to %v", old, now) }
		require.EqualValues(t, 0, s.ObserveConnection(watch))
		var once uint64
		once = s.ObserveConnection(func(old, now ConnectionState) {
			w.note("once")
			s.UnobserveConnection(once)
		})
		require.EqualValues(t, 1, once)
		s.UnobserveConnection(99)
		d := w.next()
		w.notes()
		d.answer <- errLost
		require.Equal(t, []string{"connecting to disconnected", "error SyncConnectFailed fatal=false"}, withoutOnce(w.notes()))
		p := w.accept()
		require.Equal(t, []string{"disconnected to connecting", "connecting to connected"}, w.notes())
		p.greet(1)
		other := w.open(newFakeFile(), "b", Immediately)
		p.expect(bindMsg(2, 1))
		require.Equal(t, Connected, other.ConnectionState())

		p.sendMessage(wire.NewJSONError(1, wire.CodeSessionClosed, "role changed"))
		require.Equal(t, Disconnected, s.ConnectionState(), "suspended")
		require.Equal(t, Connected, other.ConnectionState())
		require.Equal(t, []string{"connected to disconnected"}, w.notes())
		p.end(errLost) // hidden from the suspended one
		require.Empty(t, w.notes())
		require.Equal(t, Disconnected, other.ConnectionState())
		time.Sleep(time.Second)
		w.accept()
		require.Equal(t, []string{"disconnected to connecting", "connecting to connected"}, w.notes())
		s.UnobserveConnection(0)
		s.Pause()
		require.Empty(t, w.notes())
	})
}

func withoutOnce(notes []string) (kept []string) {
	for _, n := range notes {
		if n != "once" {
			kept = append(kept, n)
		}
	}
	return kept
}

func TestItem12SharedConnection(t *testing.T) {
	inWorld(t, func(w *world) {
		w.open(newFakeFile(), "a", Immediately)
		p := w.accept()
		p.expect(bindMsg(1, 1))
		w.open(newFakeFile(), "b", Immediately)
		w.noDial(time.Second)
		p.expect(bindMsg(2, 1))
		other := newFakeUser("v")
		_, err := w.m.Open(Config{Path: "c", Open: func() (File, error) { return newFakeFile(), nil }, User: other})
		require.NoError(t, err)
		w.accept().expect(bindMsg(3, 1))
		_, err = w.m.Open(Config{Path: "a", User: other})
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "MismatchedConfig", e.Name)
		require.Equal(t, []string{testRoute}, w.user.confirmed)
	})
}

func TestItem13ReconnectDuringBackoff(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.open(newFakeFile(), "a", Immediately)
		for i, want := range []time.Duration{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			w.refuse(errLost)
			require.Equal(t, want*time.Second, w.elapsed(), i)
		}
		s.Reconnect()
		w.refuse(errLost)
		require.Equal(t, time.Duration(0), w.elapsed(), "at once")
		w.refuse(errLost)
		require.Equal(t, time.Second, w.elapsed(), "and the sequence begins anew")
		w.refuse(&DialError{Kind: FailedUpgrade, Status: 503})
		require.Equal(t, 2*time.Second, w.elapsed())
		w.refuse(errLost)
		require.Equal(t, time.Second, w.elapsed(), "another kind of failure has a sequence of its own")
		s.Pause()
		w.noDial(time.Hour)
	})
}

func TestItem14Gone(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", AfterChangesUploaded)
		s.Retain()
		s.Release()
		require.True(t, s.Alive())
		f.commit("x")
		s.Release()
		require.False(t, s.Alive(), "although it is")
		require.Equal(t, Dying, s.State())
	})
}

// Opening waits until the file of the session before is closed.
func TestOpenWaitsForClose(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		release := make(chan struct{})
		f.setBefore(func(string) error { <-release; return nil })
		s := w.open(f, "a", Immediately)
		synctest.Wait()
		s.Release()
		opened := make(chan struct{})
		go func() {
			w.open(newFakeFile(), "a", Immediately)
			close(opened)
		}()
		synctest.Wait()
		select {
		case <-opened:
			t.Fatal("opened while the old file is in use")
		default:
		}
		close(release)
		<-opened
		require.True(t, f.closed)
	})
}

func TestOpenFails(t *testing.T) {
	inWorld(t, func(w *world) {
		bad := errors.New("read-only")
		_, err := w.m.Open(Config{Path: "a", Open: func() (File, error) { return nil, bad }, User: w.user})
		require.ErrorIs(t, err, bad)
		require.Panics(t, func() {
			_, _ = w.m.Open(Config{Path: "a", Open: func() (File, error) { panic("bug") }, User: w.user})
		})
		w.open(newFakeFile(), "a", Immediately)
	})
	inWorld(t, func(w *world) { // closed while the file is being opened
		f := newFakeFile()
		_, err := w.m.Open(Config{Path: "a", Open: func() (File, error) { w.m.Close(); return f, nil }, User: w.user})
		require.ErrorIs(t, err, ErrEnded)
		require.True(t, f.closed)
	})
	m := NewManager(Options{})
	m.Close()
	m.Close()
	_, err := m.Open(Config{Path: "a", User: newFakeUser("u")})
	require.ErrorIs(t, err, ErrEnded)
}

// Close fails all waits and leaves nothing behind.
func TestManagerClose(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", LiveIndefinitely)
		paused := w.open(newFakeFile(), "b", LiveIndefinitely)
		paused.Pause()
		w.waits(s, "a")
		w.waits(paused, "b")
		p := w.accept()
		p.greet(1)
		w.notes()
		f.commit("x")
		s.WaitForUpload(func(err error) { w.note("x %v", errors.Is(err, ErrAborted)) })
		w.m.Close()
		require.ElementsMatch(t, []string{"x true", "b download " + ErrAborted.Error(), "b upload " + ErrAborted.Error()}, w.log)
		require.Error(t, p.ctx.Err())
		require.True(t, f.closed)
		require.Equal(t, Inactive, s.State())
	})
}

func TestItem50OrderOfAnError(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.subscribe(`{"Dog":"(TRUEPREDICATE)"}`)
		var s *Session
		s, err := w.m.Open(Config{
			Path: "a", Open: func() (File, error) { return f, nil }, User: w.user,
			OnError: func(x *Session, e *Error) {
				require.Same(t, s, x)
				w.note("handler: %s, %s", e.Name, s.State())
			},
		})
		require.NoError(t, err)
		s.ObserveConnection(func(_, now ConnectionState) { w.note("%v", now) })
		p := w.accept()
		p.greet(1)
		p.expect("query…", "mark 1 2↵")
		s.WaitForDownload(func(err error) { w.note("wait: %v, %s", err, s.State()) })
		s.WaitForSet(1, func(st SetState, err error) { w.note("set: %v, %s", err, s.State()) })
		w.user.Observe(func() { w.note("logged in: %v", w.user.LoggedIn()) })
		w.notes()
		p.send(jsonError(1, 206, "LogOutUser", false, "no"))
		require.Equal(t, []string{
			"disconnected", "set: SyncPermissionDenied: no, inactive", "wait: SyncPermissionDenied: no, inactive", "logged in: false",
			"handler: SyncPermissionDenied, inactive",
		}, w.notes())
		require.Equal(t, Pending, f.state(1), "the set stays")
		p.expect("mark 1 3↵", "unbind 1↵")
	})
}

// jsonError writes a JSON_ERROR.
func jsonError(session, code int, action string, tryAgain bool, message string, more ...string) string {
	extra := ""
	for _, m := range more {
		extra += "," + m
	}
	body := fmt.Sprintf(`{"action":%q,"isRecoveryModeDisabled":false,"logURL":"","message":%q,"shouldClientReset":false,"tryAgain":%v%s}`, action, message, tryAgain, extra)
	return fmt.Sprintf("json_error %d %d %d↵%s", code, len(body), session, body)
}

func TestItem51ManualReset(t *testing.T) {
	for _, c := range []struct {
		send  func(p *peer)
		name  string
		reset bool
	}{
		{func(p *peer) { p.send(jsonError(1, 208, "ClientReset", false, "Bad client file identifier (IDENT)")) }, "SyncClientResetRequired", true},
		{func(p *peer) { p.send(jsonError(1, 208, "ClientResetNoRecovery", false, "x")) }, "SyncClientResetRequired", true},
		{func(p *peer) { p.send(jsonError(1, 206, "DeleteRealm", false, "x")) }, "SyncPermissionDenied", false},
		{func(p *peer) { p.end(&CloseError{Code: wire.CloseMessageTooBig, Reason: "read limited"}) }, "LimitExceeded", true},
	} {
		inWorld(t, func(w *world) {
			var got *Error
			s, err := w.m.Open(Config{
				Path: "/a.realm", Open: func() (File, error) { return newFakeFile(), nil }, User: w.user,
				OnError: func(_ *Session, e *Error) { got = e },
				ScheduleReset: func(path string, backup bool) (string, error) {
					w.note("schedule %s %v", path, backup)
					return "/recovered", nil
				},
			})
			require.NoError(t, err)
			p := w.accept()
			p.greet(1)
			c.send(p)
			require.Equal(t, []string{fmt.Sprintf("schedule /a.realm %v", c.reset)}, w.notes())
			require.Equal(t, Inactive, s.State())
			require.NotNil(t, got)
			require.Equal(t, c.name, got.Name)
			if c.name == "LimitExceeded" {
				require.Equal(t, "a message was too large for the server (read limited); a transaction is uploaded in one: write less in each", got.Message)
			}
			require.Equal(t, c.reset, got.ClientResetRequested)
			require.Equal(t, "/a.realm", got.OriginalPath)
			require.Equal(t, "/recovered", got.RecoveryPath)
		})
	}
}
