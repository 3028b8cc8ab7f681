package session

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"realmsync/core/wire"
)

// Reset is what the application wants of one automatic client reset. Its methods are called on the callback goroutine, one at a time.
type Reset interface {
	// Mode is asked first.
	Mode() ResetMode
	// Before is called when everything for the reset is here, and before the file changes. An error gives the reset up.
	Before() error
	// After is called when the file has been reset, and before it is synchronized again. An error stops the session as a failed reset does.
	After(recovered bool) error
	// Close is called once, in the end.
	Close()
}

// resetting is an automatic client reset (sync-semantics 7.3). It lives while Session.resetting is it; meanwhile the session has no protocol
// session, keeps its waits, and stays the leader. What comes back from elsewhere looks whether that is still so.
//
//	callbacks  beginReset: the server wants a reset
//	worker     File.FreshCopy
//	own        a session of the copy downloads until its set 1 is Complete, and ends
//	callbacks  Reset.Before
//	worker     File.Reset
//	callbacks  Reset.After, then the session starts anew
type resetting struct {
	s     *Session
	cause *Error
	plan  Reset
	order ResetOrder
	over  sync.Once

	// Manager.mu guards the rest.
	live      Resettable // the session's file; nil before the copy was made
	fresh     *Session   // downloads
	complete  bool       // the copy has everything
	performed bool       // the worker has the file's part, or has done it: what follows that comes to an end by itself
	tries     int        // of a step that the file has refused
}

// current tells whether the reset goes on. Manager.mu is held.
func (a *resetting) current() bool { return a.s.resetting == a }

// isCurrent is current for who doesn't hold the lock.
func (a *resetting) isCurrent() bool {
	a.s.m.mu.Lock()
	defer a.s.m.mu.Unlock()
	return a.current()
}

// finish lets go of what the reset has. The callback goroutine calls it.
func (a *resetting) finish() {
	a.over.Do(func() {
		a.plan.Close()
		a.drop()
	})
}

// drop deletes the copy; one that is still open is deleted when it is closed.
func (a *resetting) drop() {
	a.s.m.mu.Lock()
	live := a.live
	a.s.m.mu.Unlock()
	if live != nil {
		_ = live.DropFresh()
	}
}

// beginReset begins a reset, if e asks for one, and it can be automatic. Otherwise it returns false, and e is to be treated as any error; when the mode
// asks for what the server forbids, e has become the failure.
func (s *Session) beginReset(b *binding, e *Error) bool {
	if e.Action != wire.ClientReset && e.Action != wire.ClientResetNoRecovery || s.plan == nil {
		return false
	}
	plan := s.plan()
	if plan == nil {
		return false
	}
	mode := plan.Mode()
	if mode == ResetManual {
		plan.Close()
		return false
	}
	if mode == ResetRecover && e.Action == wire.ClientResetNoRecovery {
		*e = *resetFailure(e, &ResetError{NoRecoveryText}, false)
		plan.Close()
		return false
	}
	a := &resetting{s: s, cause: e, plan: plan, order: ResetOrder{Mode: mode, Action: e.Action, Code: e.Code, Text: e.Message}}
	var after effects
	s.m.mu.Lock()
	begun := s.concernedLocked(b) && s.state == Active && !s.ended && s.resetting == nil
	if begun {
		s.resetting = a
		s.unbindLocked(&after)
		s.worker.do(a.makeFresh)
	}
	s.m.mu.Unlock()
	if !begun {
		plan.Close()
		return false
	}
	s.log.Info("client reset", "mode", mode.String(), "cause", e)
	after.run()
	return true
}

// cancelResetLocked ends a reset that is under way, because the session stops. It begins anew when the session has started again and the server says so again.
func (s *Session) cancelResetLocked(after *effects) {
	a := s.resetting
	if a == nil {
		return
	}
	s.resetting = nil
	if fresh := a.fresh; fresh != nil {
		a.fresh = nil
		after.add(fresh.Release)
	}
	if !a.performed {
		after.add(func() { s.m.callbacks.do(a.finish) })
	}
}

// makeFresh makes the copy. It runs on the worker.
func (a *resetting) makeFresh(f File) {
	if !a.isCurrent() {
		return
	}
	fresh, err := f.FreshCopy()
	if err != nil {
		a.tryAgain(err, a.makeFresh)
		return
	}
	a.s.m.mu.Lock()
	a.live, a.tries = f, 0
	a.s.m.mu.Unlock()
	a.s.m.group.Go(func() { a.download(&freshFile{File: fresh, of: a}) })
}

// freshFile is the copy as its session has it.
type freshFile struct {
	File
	of *resetting
}

// Close implements File. A whole copy is what the reset waits for.
func (f *freshFile) Close() error {
	err := f.File.Close()
	a := f.of
	a.s.m.mu.Lock()
	complete := a.complete
	a.s.m.mu.Unlock()
	if complete {
		a.s.m.callbacks.do(a.before)
	} else {
		_ = a.live.DropFresh() // what is left is replaced by the next copy
	}
	return err
}

// download gives the copy a session.
func (a *resetting) download(f *freshFile) {
	s := a.s
	fresh, err := s.m.Open(Config{
		Path: s.path + ".fresh", Open: func() (File, error) { return f, nil }, User: s.user, StopPolicy: Immediately, SchemaVersion: s.schema,
		MergeRules: s.rules, Dialer: s.dialer, downloaded: a.downloaded,
		OnError: func(_ *Session, e *Error) { s.log.Info("downloading for a client reset", "error", e) },
	})
	if err != nil {
		_ = f.Close() // nothing was written
		s.m.callbacks.do(func() { a.downloaded(Uncommitted, err) })
		return
	}
	s.m.mu.Lock()
	wanted := a.current() && !a.complete
	if wanted {
		a.fresh = fresh
	}
	s.m.mu.Unlock()
	if !wanted {
		fresh.Release() // it has come to its end already
	}
}

// downloaded: the download has come to an end. It is called by the callback goroutine, or by who has stopped the session of the copy.
func (a *resetting) downloaded(state SetState, err error) {
	s := a.s
	var e *Error
	switch {
	case errors.Is(err, ErrAborted) || errors.Is(err, ErrEnded) || errors.As(err, &e) && e.Action == wire.LogOutUser:
		return // whoever has stopped it stops this session too
	case err == nil && state != Complete:
		err = fmt.Errorf("the subscriptions of the fresh copy ended in state %d", state)
	}
	if err != nil {
		s.m.callbacks.do(func() { a.failed(err, false) })
		return
	}
	s.m.mu.Lock()
	fresh := a.fresh
	a.fresh, a.complete = nil, a.current()
	s.m.mu.Unlock()
	if fresh != nil {
		fresh.Release()
	}
}

// before calls the application, and has the file reset.
func (a *resetting) before() {
	if !a.isCurrent() {
		return
	}
	if err := a.called(a.plan.Before); err != nil {
		a.failed(err, true)
		return
	}
	a.s.m.mu.Lock()
	defer a.s.m.mu.Unlock()
	if a.current() {
		a.performed = true
		a.s.worker.do(a.perform)
	}
}

// called runs a call of the application; a panic is an error.
func (a *resetting) called(f func() error) (err error) {
	if e := contained(a.s.log, "calling the application for a client reset", func() { err = f() }); e != nil {
		return e
	}
	return err
}

// perform resets the file. It runs on the worker.
func (a *resetting) perform(f File) {
	s := a.s
	recovered, err := false, error(nil)
	if e := contained(s.log, "resetting the realm file", func() { recovered, err = f.Reset(a.order) }); e != nil {
		err = &ResetError{e.Message}
	}
	var bad *ResetError
	switch {
	case err == nil:
		s.resolveSets(f)
		s.m.callbacks.do(func() { a.after(recovered) })
	case errors.As(err, &bad):
		s.m.callbacks.do(func() { a.failed(bad, true) })
	default:
		a.order.Again = true
		a.tryAgain(err, a.perform)
	}
}

// after calls the application, and starts the session anew. The application is called in any case, because the file has been reset.
func (a *resetting) after(recovered bool) {
	defer a.finish()
	if err := a.called(func() error { return a.plan.After(recovered) }); err != nil {
		a.failed(err, true)
		return
	}
	s := a.s
	var after effects
	s.m.mu.Lock()
	if a.current() {
		s.resetting, s.wasReset = nil, true
		if s.state == Active || s.state == Dying {
			s.startLocked()
		}
	}
	s.m.mu.Unlock()
	after.run()
}

// toldTries is how often a step fails before the application hears of it: the copy of an attempt that was given up may still be closing.
const toldTries = 3

// tryAgain has the worker do a step once more, later: the disk is full, for example. The application is told once.
func (a *resetting) tryAgain(err error, step func(File)) {
	s := a.s
	t := s.m.opt.Timings
	delay := max(t.FileRetryMax, t.FileRetryInitial)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !a.current() {
		s.m.callbacks.do(a.finish)
		return
	}
	a.performed = false
	if a.tries < 16 {
		delay = min(delay, t.FileRetryInitial<<a.tries)
	}
	if a.tries++; a.tries == toldTries {
		e := ownError(statusRuntime, "the realm file cannot be read or written, its reset goes on when it can: "+err.Error(), wire.Warning)
		e.Err = err
		s.m.callbacks.do(func() {
			var after effects
			s.m.mu.Lock()
			if a.current() {
				s.reportLocked(e, &after)
			}
			s.m.mu.Unlock()
			after.run()
		})
	}
	s.log.Warn("the realm file cannot be used, trying again", "reason", err, "after", delay)
	time.AfterFunc(delay, func() {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		if a.current() {
			a.performed = a.complete
			s.worker.do(step)
		}
	})
}

// resetFailure is what the application hears of a reset that was to be automatic and could not be.
func resetFailure(cause *Error, err error, diff bool) *Error {
	what := err.Error()
	stage := "client reset"
	if diff {
		stage += " diff"
	}
	e := ownError(statusResetFailed, fmt.Sprintf("A fatal error occurred during '%v' %s for %s: '%s'", cause.Action, stage, cause.Error(), what), cause.Action)
	e.Fatal, e.Err = true, err
	return e
}

// failed gives the reset up: the file is backed up and deleted at the next start. The callback goroutine calls it.
func (a *resetting) failed(err error, diff bool) {
	defer a.finish()
	s := a.s
	if !a.isCurrent() {
		return
	}
	a.drop() // before anybody hears of it
	e := resetFailure(a.cause, err, diff)
	s.markForReset(e, true)
	var after effects
	s.m.mu.Lock()
	if a.current() {
		reported := s.state != Dying
		s.resetting = nil
		if fresh := a.fresh; fresh != nil {
			after.add(fresh.Release)
		}
		s.stopLocked(Inactive, e, &after)
		if reported {
			s.reportLocked(e, &after)
		}
	}
	s.m.mu.Unlock()
	after.run()
}

// confirm notes which of the two waits that follow a reset are over. When both are, the file is told that nothing is outstanding of the reset.
func (b *binding) confirm(ids []uint64, upload bool) {
	if !b.confirming || !slices.Contains(ids, resetWait) {
		return
	}
	if upload {
		b.confirmedUp = true
	} else {
		b.confirmedDown = true
	}
	if b.confirmedUp && b.confirmedDown {
		b.confirming, b.wantConfirm = false, true
	}
}

// resetWait is the number of the waits of a protocol session itself; those of sessions are above.
const resetWait = 0
