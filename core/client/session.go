package client

import (
	"time"

	"realmsync/core/realm"
	"realmsync/core/session"
	"realmsync/core/wire"
)

// Session is a weak handle of the session of a synced realm: when no live instance of the file is open, every method returns
// ErrSessionGone. All methods may be called concurrently.
type Session struct {
	session *session.Session
	link    *link
}

// SessionOf returns the session of a realm's file. Errors: realm.ErrNotSynced, realm.ErrClosed, ErrSessionGone.
func (c *Client) SessionOf(r *realm.Realm) (*Session, error) {
	switch {
	case !r.Synced() || r.ForcedHistory():
		return nil, realm.ErrNotSynced
	case r.IsClosed():
		return nil, realm.ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[r.File()]
	if l == nil || l.session == nil || !l.session.Alive() {
		return nil, ErrSessionGone
	}
	return &Session{l.session, l}, nil
}

// alive returns the session, unless it is gone.
func (s *Session) alive() (*session.Session, error) {
	if !s.session.Alive() {
		return nil, ErrSessionGone
	}
	return s.session, nil
}

// do runs f with the session.
func (s *Session) do(f func(*session.Session)) error {
	live, err := s.alive()
	if err == nil {
		f(live)
	}
	return err
}

// State returns what the session is doing.
func (s *Session) State() (state session.State, err error) {
	err = s.do(func(live *session.Session) { state = live.State() })
	return state, err
}

// ConnectionState returns the state of the connection as far as this session is concerned.
func (s *Session) ConnectionState() (state session.ConnectionState, err error) {
	err = s.do(func(live *session.Session) { state = live.ConnectionState() })
	return state, err
}

// Pause stops synchronizing until Resume (sync-semantics 1.4).
func (s *Session) Pause() error { return s.do((*session.Session).Pause) }

// Resume starts synchronizing again.
func (s *Session) Resume() error { return s.do((*session.Session).Resume) }

// Reconnect ends delays before the next attempt to connect.
func (s *Session) Reconnect() error { return s.do((*session.Session).Reconnect) }

// FileIdent returns the number by which the server knows the file, 0 until it has given one. It waits for the file.
func (s *Session) FileIdent() (uint64, error) {
	type result struct {
		ident uint64
		err   error
	}
	read := make(chan result, 1)
	if err := s.do(func(live *session.Session) {
		live.FileIdent(func(ident uint64, err error) { read <- result{ident, err} })
	}); err != nil {
		return 0, err
	}
	select {
	case r := <-read:
		return r.ident, r.err
	case <-s.link.ended:
		return 0, ErrSessionGone
	}
}

// Fail has the session do what an error of the server about it would have it do, for tests of error handlers: code is one of the sync
// protocol, action the name of what the client is asked to do, "" for none. Errors: ErrSessionGone, session.ErrNotRunning.
func (s *Session) Fail(code int32, text string, tryAgain bool, action string) error {
	live, err := s.alive()
	if err != nil {
		return err
	}
	asked := wire.NoAction
	if action != "" {
		asked = wire.ParseAction(action)
	}
	return live.Fail(wire.ErrorCode(code), text, tryAgain, asked)
}

// WaitForUpload calls f once, when the server has all that is committed now, or with what ended the wait (sync-semantics 1.9).
// When it returns an error f is not called.
func (s *Session) WaitForUpload(f func(error)) error {
	return s.do(func(live *session.Session) { live.WaitForUpload(f) })
}

// WaitForDownload calls f once, when the file has all that the server has now, or with what ended the wait. When it returns an
// error f is not called.
func (s *Session) WaitForDownload(f func(error)) error {
	return s.do(func(live *session.Session) { live.WaitForDownload(f) })
}

// WaitForUploadFor is WaitForUpload that blocks. ErrTimeout leaves everything as it is.
func (s *Session) WaitForUploadFor(timeout time.Duration) error {
	return block(timeout, s.WaitForUpload)
}

// WaitForDownloadFor is WaitForDownload that blocks. ErrTimeout leaves everything as it is.
func (s *Session) WaitForDownloadFor(timeout time.Duration) error {
	return block(timeout, s.WaitForDownload)
}

func block(timeout time.Duration, wait func(func(error)) error) error {
	done := make(chan error, 1)
	if err := wait(func(err error) { done <- err }); err != nil {
		return err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return ErrTimeout
	}
}

// waitForSet calls f once, when the subscription set is Complete, Failed or Superseded.
func (s *Session) waitForSet(version int64, f func(session.SetState, error)) error {
	return s.do(func(live *session.Session) { live.WaitForSet(version, f) })
}

// ConnectionObserver is told when the connection state changes.
type ConnectionObserver struct {
	Changed func(old, now session.ConnectionState)
	Close   func() // called once, when it is not needed any more; a call of Changed that is under way may still run
}

// ObserveConnection registers an observer, until UnobserveConnection or the end of the session. It takes o over unless it fails.
func (s *Session) ObserveConnection(o ConnectionObserver) (token uint64, err error) {
	live, err := s.alive()
	if err != nil {
		return 0, err
	}
	token = live.ObserveConnection(o.Changed)
	s.link.observers.add(token, o.Close)
	return token, nil
}

// UnobserveConnection ends that. An unknown token does nothing. Allowed inside Changed.
func (s *Session) UnobserveConnection(token uint64) error {
	return s.do(func(live *session.Session) {
		live.UnobserveConnection(token)
		s.link.observers.remove(token)
	})
}

// SetErrorHandler replaces the error handler of the session, which takes h over, also when it fails. nil: nobody is told.
func (s *Session) SetErrorHandler(h ErrorHandler) error {
	if _, err := s.alive(); err != nil {
		if h != nil {
			h.Close()
		}
		return err
	}
	s.link.handler.set(h)
	return nil
}
