package client

import (
	"runtime"
	"sync"

	"realmsync/core/realm"
	"realmsync/core/session"
)

// ResetHandler is what an application wants of automatic client resets (sync-semantics 7). Its calls come one after the other, on a goroutine of the sync
// client that is bound to its thread meanwhile; while one runs, no other session's callbacks are made. The instances are released after the call:
// retain what is to be kept.
type ResetHandler interface {
	// Mode is asked when a reset begins. In ResetManual nothing else is called.
	Mode() session.ResetMode
	// Before gets a frozen instance of the state before the reset, when everything for it is here. An error gives the reset up, which then fails.
	Before(local *realm.Realm) error
	// After gets the same, and a live instance of the state afterwards, which belongs to the thread. An error stops the session as a failed reset does;
	// the file stays reset.
	After(local, remote *realm.Realm, recovered bool) error
	// Close lets go of the handler. No call comes later.
	Close()
}

// sharedReset is a handler with those who use it: the link, until Close, and resets that have begun. The last one closes the handler, so that a reset
// is told by one handler from its beginning to its end, whatever is opened and closed meanwhile.
type sharedReset struct {
	handler ResetHandler

	mu   sync.Mutex
	uses int
}

// share returns a handler with its first user, nil for nil.
func share(h ResetHandler) *sharedReset {
	if h == nil {
		return nil
	}
	return &sharedReset{handler: h, uses: 1}
}

// use adds a user, unless the last one has gone.
func (s *sharedReset) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uses == 0 {
		return false
	}
	s.uses++
	return true
}

// Close takes a user away.
func (s *sharedReset) Close() {
	s.mu.Lock()
	s.uses--
	last := s.uses == 0
	s.mu.Unlock()
	if last {
		s.handler.Close()
	}
}

// again is the configuration by which further instances of the file are opened: without what the first one has taken over, or is asked once.
func (c Config) again() Config {
	c.Errors, c.Reset, c.Realm.ShouldCompact, c.Realm.Scheduler, c.Realm.Attach = nil, nil, nil, nil, nil
	return c
}

// clientReset is one automatic client reset.
type clientReset struct {
	link   *link
	shared *sharedReset // used until Close
	before *realm.Realm // frozen; nil before Before
}

var _ session.Reset = (*clientReset)(nil)

// reset is Config.Reset of the session.
func (l *link) reset() session.Reset {
	for {
		h := l.resets.get()
		if h == nil {
			return nil
		}
		if h.use() {
			return &clientReset{link: l, shared: h}
		}
		// It was replaced in between.
	}
}

// Mode implements session.Reset.
func (r *clientReset) Mode() session.ResetMode { return r.shared.handler.Mode() }

// open opens a live instance on the calling thread.
func (r *clientReset) open() (*realm.Realm, error) {
	cfg := r.link.config
	cfg.User = NewUser(r.link.user) // the one of the first opening may have been released
	defer cfg.User.Release()
	return r.link.client.Open(cfg)
}

// Before implements session.Reset.
func (r *clientReset) Before() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	live, err := r.open()
	if err != nil {
		return err
	}
	defer live.Release()
	if r.before, err = live.Freeze(); err != nil {
		return err
	}
	return r.shared.handler.Before(r.before)
}

// After implements session.Reset.
func (r *clientReset) After(recovered bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	live, err := r.open()
	if err != nil {
		return err
	}
	defer live.Release()
	return r.shared.handler.After(r.before, live, recovered)
}

// Close implements session.Reset.
func (r *clientReset) Close() {
	r.shared.Close()
	if r.before != nil {
		r.before.Release()
	}
}
