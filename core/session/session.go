package session

import (
	"log/slog"
	"sync/atomic"
	"time"

	"realmsync/core/merge"
)

// Session is the synchronization of one realm file (sync-semantics 1). Any goroutine may call its methods; none waits for the network,
// the file or a callback. Callbacks may call everything but Manager.Close.
//
// Who has it from Manager.Open holds an external reference. Without one, the session is gone as far as the application is concerned
// (Alive), even if it is Dying underneath; its methods still do no harm then.
type Session struct {
	m      *Manager
	path   string
	user   User
	policy StopPolicy
	schema uint64
	rules  merge.Rules
	dialer Dialer // nil: the manager's
	reset  func(path string, backup bool) (string, error)
	plan   func() Reset
	// download: this is the session of a fresh copy.
	download bool
	log      *slog.Logger

	worker     *worker
	stopUser   func() // ends the observation of the user
	stopCommit func() // ends the observation of commits
	peers      Peers  // nil: no other process counts
	stopPeers  func() // ends their observation
	interrupt  func() // File.Interrupt

	// active is current, for commits, which are reported without the lock.
	active atomic.Pointer[binding]

	// The rest is guarded by Manager.mu.
	references int
	ended      bool // unregistered: nothing will come of it any more
	state      State
	connection ConnectionState
	current    *binding // the protocol session, in Active and Dying (and while a revived one waits for its token)
	deaths     uint64   // times that it became Dying
	loggedIn   bool     // what is known of the user
	token      string
	resetting  *resetting // a client reset that is under way; meanwhile there is no protocol session
	wasReset   bool       // the next protocol session is the first after a reset
	moving     bool       // a refresh of the location is under way, after which the session starts anew
	role       role       // to sessions of other processes
	looking    bool       // the worker has been asked to look at them
	lead       *time.Timer
	serving    uint64 // download waits that followers asked for are under way or done up to here

	waiters    map[uint64]*waiter
	lastWaiter uint64
	sets       []setWaiter
	setsAsked  bool // the worker has been asked to look at them
	observers  observers
	onError    func(*Session, *Error)
}

// newSession makes the session of a file; leads: Lead was called and has succeeded. Manager.mu is held.
func (m *Manager) newSession(cfg Config, file File, leads bool) *Session {
	s := &Session{
		m: m, path: cfg.Path, user: cfg.User, policy: cfg.StopPolicy, schema: cfg.SchemaVersion, rules: cfg.MergeRules, dialer: cfg.Dialer, reset: cfg.ScheduleReset,
		plan: cfg.Reset, download: cfg.downloaded != nil, onError: cfg.OnError,
		log: m.opt.Logger.With("path", cfg.Path), state: Inactive, references: 1, waiters: map[uint64]*waiter{},
	}
	s.loggedIn, s.token = cfg.User.LoggedIn(), cfg.User.AccessToken()
	s.worker = newWorker(file, s.log, s.fileClosed)
	if cfg.downloaded != nil {
		s.sets = []setWaiter{{1, cfg.downloaded}}
	}
	m.sessions[cfg.Path] = s
	m.group.Go(s.worker.run)
	s.stopUser = cfg.User.Observe(s.userChanged)
	s.stopCommit = file.Notify(s.committed)
	s.interrupt, s.stopPeers = file.Interrupt, func() {}
	if s.peers = file.Peers(); s.peers != nil {
		if leads {
			s.role = leading
			_, s.serving = s.peers.Asked()
		}
		s.stopPeers = s.peers.Notify(s.peersMoved)
	}
	return s
}

// Path returns the path of the file.
func (s *Session) Path() string { return s.path }

// User returns whose session it is.
func (s *Session) User() User { return s.user }

// Retain adds an external reference. Only who has one may call it.
func (s *Session) Retain() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.references > 0 {
		s.references++
	}
}

// Release takes an external reference back. After the last one the stop policy decides what becomes of the session; one that is paused
// or inactive ends.
func (s *Session) Release() {
	var after effects
	s.m.mu.Lock()
	if s.references > 0 {
		if s.references--; s.references == 0 {
			s.closeLocked(&after)
		}
	}
	s.m.mu.Unlock()
	after.run()
}

// Alive tells whether there is an external reference.
func (s *Session) Alive() bool {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.references > 0
}

// State returns the state.
func (s *Session) State() State {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.state
}

// ConnectionState returns the state of the connection as far as this session is concerned.
func (s *Session) ConnectionState() ConnectionState {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.connection
}

// Pause stops synchronizing until Resume. Waits that were registered while the session was Active fail with ErrAborted, on this goroutine.
func (s *Session) Pause() {
	var after effects
	s.m.mu.Lock()
	switch {
	case s.ended || s.state == Paused:
	case s.state == Inactive:
		s.state = Paused // waits are kept
	default:
		s.stopLocked(Paused, ErrAborted, &after)
	}
	s.m.mu.Unlock()
	after.run()
}

// Resume starts synchronizing again: the session becomes Active, or waits for an access token first.
func (s *Session) Resume() {
	var after effects
	s.m.mu.Lock()
	if s.state == Paused && !s.ended {
		s.state = Inactive
	}
	s.reviveLocked(&after)
	s.m.mu.Unlock()
	after.run()
}

// Reconnect ends delays before the next attempt to connect, and the suspension after an error. On an open connection it sends a ping.
func (s *Session) Reconnect() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.state == Active {
		s.hurryLocked(true)
	}
}

// WaitForUpload calls f once: with nil when the server has integrated all that is committed now, on the callback goroutine; or with the
// error that ended the wait (sync-semantics 1.9). While the session isn't Active the wait is kept until it is.
func (s *Session) WaitForUpload(f func(error)) { s.wait(true, f) }

// WaitForDownload calls f once: with nil when the file holds all that the server has now, on the callback goroutine; or with the error
// that ended the wait. It needs a connection, and waits for one.
func (s *Session) WaitForDownload(f func(error)) { s.wait(false, f) }

// WaitForSet calls f once, when the subscription set is Complete, Failed or Superseded: with that state, on the callback goroutine
// (sync-semantics 2.5). A failed one comes with an *Error named SubscriptionFailed that has the server's text. If the session stops before, f is
// called with the error; the set stays as it is. A version that was never committed is ErrNoSuchSet.
func (s *Session) WaitForSet(version int64, f func(SetState, error)) {
	s.m.mu.Lock()
	ended := s.ended
	if !ended {
		s.sets = append(s.sets, setWaiter{version, f})
		s.askSetsLocked()
	}
	s.m.mu.Unlock()
	if ended {
		f(Uncommitted, ErrEnded)
	}
}

// ObserveConnection has f called when the connection state changes, with the old and the new one, which differ. It returns a token for
// UnobserveConnection; the first one is 0. f may end the observation.
func (s *Session) ObserveConnection(f func(old, now ConnectionState)) (token uint64) {
	return s.observers.add(f)
}

// UnobserveConnection ends an observation. A call that is under way on another goroutine may still finish. Unknown tokens do nothing.
func (s *Session) UnobserveConnection(token uint64) { s.observers.remove(token) }

// SetErrorHandler replaces Config.OnError. nil ignores errors.
func (s *Session) SetErrorHandler(f func(*Session, *Error)) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.onError = f
}

// committed is called after every commit to the file, on whatever goroutine.
func (s *Session) committed() {
	b := s.active.Load()
	if b == nil || !b.woken.CompareAndSwap(false, true) {
		return
	}
	b.conn.post(func(l *link, now time.Time) {
		b.woken.Store(false)
		l.committed(b, now)
	})
}

// run has the worker do a job of a binding and report to its link. Jobs of a binding that the session has let go of are not done: its
// successor has begun with what the file said.
func (s *Session) run(b *binding, j job) {
	s.worker.do(func(f File) {
		if s.active.Load() != b {
			return
		}
		r := result{job: j}
		if e := contained(s.log, "working on the realm file", func() { r = j.run(f) }); e != nil {
			r.err = e // as if the file had failed: it is told, and tried again later
		}
		if r.err == nil && j.kind.changesSets() {
			s.resolveSets(f)
		}
		b.conn.post(func(l *link, now time.Time) { l.jobDone(b, r, now) })
	})
}

// fileClosed is called by the worker when it is done.
func (s *Session) fileClosed(err error) {
	if err != nil {
		s.log.Warn("closing the realm file", "error", err)
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	done := s.m.busy[s.path]
	delete(s.m.busy, s.path)
	close(done)
}
