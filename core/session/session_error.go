package session

import "realmsync/core/wire"

// handle takes an event of a protocol session, on the callback goroutine. One that the session has let go of is not listened to.
func (s *Session) handle(b *binding, e event) {
	if f, ok := e.(failureEvent); ok {
		s.failed(b, f.err)
		return
	}
	var after effects
	s.m.mu.Lock()
	if s.current == b {
		switch e := e.(type) {
		case connectionEvent:
			s.connectionLocked(e.state, &after)
		case uploadedEvent:
			s.completeLocked(e.waits, &after)
		case downloadedEvent:
			s.completeLocked(e.waits, &after)
		}
	}
	s.m.mu.Unlock()
	after.run()
}

// failed does what an error of b asks for (sync-semantics 6.2), or one that is about the session whatever its protocol session is, where b is
// nil. The order is: state, waits for sets, other waits, log-out, handler.
func (s *Session) failed(b *binding, shared *Error) {
	e := *shared // every session of a connection gets the same
	if e.Name == statusConnectTimeout {
		if _, verified := s.user.Route(); !verified {
			e.Action = wire.RefreshLocation // the server may be elsewhere
		}
	}
	if s.beginReset(b, &e) {
		return
	}
	s.scheduleReset(b, &e)
	var after effects
	s.m.mu.Lock()
	defer func() {
		s.m.mu.Unlock()
		after.run()
	}()
	if !s.concernedLocked(b) {
		return
	}
	if s.state == Dying && e.Fatal {
		s.stopLocked(Inactive, &e, &after)
		return
	}
	switch e.Action {
	case wire.Transient, wire.MigrateSchema:
		return
	case wire.RefreshUser:
		s.refreshLocked(false)
		return
	case wire.RefreshLocation:
		s.refreshLocked(true)
		return
	case wire.ProtocolViolation, wire.ApplicationBug, wire.DeleteRealm, wire.ClientReset, wire.ClientResetNoRecovery:
		s.stopLocked(Inactive, &e, &after)
	case wire.LogOutUser:
		s.stopLocked(Inactive, &e, &after)
		after.add(func() { s.user.LogOut(&e) })
	default:
		if e.Fatal {
			s.failLocked(&e, &after)
		}
	}
	s.reportLocked(&e, &after)
}

// concernedLocked tells whether an error of b is the session's still. One without a binding is while the session runs: a session that was
// just started gets its protocol session from the worker, at any moment.
func (s *Session) concernedLocked(b *binding) bool {
	if b == nil {
		return s.state == Active || s.state == Dying
	}
	return s.current == b
}

// scheduleReset has the file deleted, or copied and deleted, at the next start, if the server wants that.
func (s *Session) scheduleReset(b *binding, e *Error) {
	backup := e.Action == wire.ClientReset || e.Action == wire.ClientResetNoRecovery
	if !backup && e.Action != wire.DeleteRealm {
		return
	}
	s.m.mu.Lock()
	concerned := s.concernedLocked(b) && (s.state != Dying || !e.Fatal)
	s.m.mu.Unlock()
	if concerned {
		s.markForReset(e, backup)
	}
}

// markForReset has the application mark the file, and notes in the error where it and its copy are.
func (s *Session) markForReset(e *Error, backup bool) {
	e.ClientResetRequested, e.OriginalPath = backup, s.path
	if s.reset == nil {
		return
	}
	path, err := s.reset(s.path, backup)
	if err != nil {
		s.log.Error("the realm file could not be marked for its reset", "error", err)
		return
	}
	e.RecoveryPath = path
}

// reportLocked has the application's error handler called.
func (s *Session) reportLocked(e *Error, after *effects) {
	if f := s.onError; f != nil {
		after.add(func() { f(s, e) })
		return
	}
	s.log.Error("synchronization failed and no error handler is set", "error", e)
}
