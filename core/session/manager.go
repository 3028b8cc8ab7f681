package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"realmsync/core/wire"
)

// Manager holds the sessions of a process or of an App, at most one per file, and the connections that they share. All methods may be
// called by any goroutine.
//
// Its lock guards all fields of its sessions too. Under it nothing waits, and neither a File nor the application is called.
type Manager struct {
	opt    Options
	ctx    context.Context //nolint:containedctx // the life of what the manager has started
	cancel context.CancelFunc

	callbacks *callbacks
	group     sync.WaitGroup // loops, workers, refreshes
	caller    sync.WaitGroup // the callback goroutine

	mu        sync.Mutex
	closed    bool
	sessions  map[string]*Session
	busy      map[string]chan struct{} // files that are being opened or closed; closed when that is done
	conns     map[connKey]*conn
	refreshes map[refreshKey]*refresh
	bindings  uint64 // the last session ident that was given out
}

// NewManager returns a manager. Close it when it is no longer needed.
func NewManager(opt Options) *Manager {
	opt = opt.withDefaults()
	m := &Manager{
		opt: opt, callbacks: newCallbacks(opt.Logger), sessions: map[string]*Session{}, busy: map[string]chan struct{}{},
		conns: map[connKey]*conn{}, refreshes: map[refreshKey]*refresh{},
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.caller.Go(m.callbacks.run)
	return m
}

// Open returns the session of cfg.Path, with one external reference more: give it back with Release. If there is a session already, also
// one that is Dying, it is revived and the rest of cfg isn't looked at, but that the user must be the same. It waits for cfg.Open, and
// for the file to be closed if the last session of the path has just ended; never for the network.
//
// With a user that is not logged in the session stays Inactive until it is. Errors: those of cfg.Open; *Error with the names
// ClientUserNotFound for a removed user, MismatchedConfig for another user than that of the session; ErrEnded after Close.
func (m *Manager) Open(cfg Config) (*Session, error) {
	if cfg.User.Removed() {
		e := ownError(statusUserNotFound, fmt.Sprintf("user %s has been removed", cfg.User.ID()), wire.NoAction)
		e.Domain = DomainApp
		return nil, e
	}
	s, err := m.find(cfg)
	if err != nil {
		return nil, err
	}
	// The user may have changed since the session was made, or found.
	s.userChanged()
	var after effects
	m.mu.Lock()
	s.reviveLocked(&after)
	if s.role == leading && s.current == nil && s.resetting == nil {
		s.resignLocked() // it can't begin yet
	}
	m.mu.Unlock()
	after.run()
	return s, nil
}

// find returns the session, with the reference, or makes it.
func (m *Manager) find(cfg Config) (*Session, error) {
	s, unused, err := m.findOrOpen(cfg)
	if unused != nil {
		_ = unused.Close() // the manager was closed meanwhile
	}
	return s, err
}

func (m *Manager) findOrOpen(cfg Config) (s *Session, unused File, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if m.closed {
			return nil, nil, ErrEnded
		}
		if s := m.sessions[cfg.Path]; s != nil {
			if s.user.ID() != cfg.User.ID() {
				return nil, nil, ownError(statusMismatch, fmt.Sprintf("the realm '%s' is open for another user", cfg.Path), wire.NoAction)
			}
			s.references++
			return s, nil, nil
		}
		busy := m.busy[cfg.Path]
		if busy == nil {
			break
		}
		m.mu.Unlock()
		<-busy
		m.mu.Lock()
	}
	file, leads, err := m.openLocked(cfg)
	switch {
	case err != nil:
		return nil, nil, err
	case m.closed:
		return nil, file, ErrEnded
	}
	return m.newSession(cfg, file, leads), nil, nil
}

// openLocked opens the file without the lock, while others who want it wait. It leads, if no other process does, so that the
// session can begin at once.
func (m *Manager) openLocked(cfg Config) (file File, leads bool, err error) {
	done := make(chan struct{})
	m.busy[cfg.Path] = done
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.busy, cfg.Path)
		close(done)
	}()
	if file, err = cfg.Open(); err == nil {
		peers := file.Peers()
		leads = peers != nil && peers.Lead()
	}
	return file, leads, err
}

// Close ends all sessions and waits for everything that the manager has started. Waits fail with ErrAborted, on this goroutine. It must
// not be called from a callback.
func (m *Manager) Close() {
	var after effects
	m.mu.Lock()
	m.closed = true
	for _, s := range m.sessions {
		s.references = 0
		s.stopLocked(Inactive, ErrAborted, &after)
	}
	m.mu.Unlock()
	after.run()
	m.cancel()
	m.group.Wait()
	m.callbacks.stop()
	m.caller.Wait()
}

// bindLocked gives a session a protocol session, on the connection for its user and the user's present route.
func (m *Manager) bindLocked(s *Session, route string) {
	key := connKey{route: route, user: s.user.ID()}
	c := m.conns[key]
	if c == nil {
		c = newConn(m, key, s.user)
		m.conns[key] = c
		m.group.Go(c.run)
	}
	m.bindings++
	b := &binding{number: m.bindings, schema: s.schema, rules: s.rules, owner: s, conn: c, silent: s.download, afterReset: s.wasReset}
	s.wasReset = false
	// Before the loop hears of it: the worker does nothing for a binding that isn't the session's.
	s.current = b
	s.active.Store(b)
	c.post(func(l *link, now time.Time) { l.attach(b, now) })
}

// retire takes an idle connection out of the manager, unless a session has just been given to it.
func (m *Manager) retire(c *conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !c.mail.empty() {
		return false
	}
	delete(m.conns, c.key)
	return true
}
