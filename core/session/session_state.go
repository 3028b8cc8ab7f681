package session

import "time"

// The transitions of sync-semantics 1.3 and 1.4. Functions named ...Locked are called with Manager.mu held and leave calls of the
// application in after, to be made without it.

// reviveLocked starts an inactive or dying session whose user is logged in.
func (s *Session) reviveLocked(after *effects) {
	if s.ended || s.references == 0 || !s.loggedIn || s.state != Dying && s.state != Inactive {
		return
	}
	if s.user.TokenExpired(s.m.opt.Clock()) {
		s.state = WaitingForAccessToken
		s.refreshLocked(false)
		return
	}
	s.activateLocked()
}

// activateLocked makes the session Active. One that was Dying keeps its protocol session.
func (s *Session) activateLocked() {
	s.state = Active
	if s.current == nil {
		s.startLocked()
	}
}

// startLocked gives the session a protocol session, if it leads, now or later.
func (s *Session) startLocked() {
	if s.resetting != nil {
		return // it starts the session when it is done
	}
	if s.peers == nil || s.role == leading {
		s.bindLocked()
	} else {
		s.followLocked()
	}
}

// bindLocked gives the session a new protocol session, and the waits to that.
func (s *Session) bindLocked() {
	route, _ := s.user.Route()
	s.m.bindLocked(s, route)
	s.registerAllLocked()
}

// unbindLocked takes the protocol session away: UNBIND, if it is bound.
func (s *Session) unbindLocked(after *effects) {
	if b := s.current; b != nil {
		s.current = nil
		s.active.Store(nil)
		b.conn.post(func(l *link, now time.Time) { l.detach(b, now) })
	}
	s.connectionLocked(Disconnected, after)
}

// connectionLocked stores the connection state and tells the observers, if it is another.
func (s *Session) connectionLocked(now ConnectionState, after *effects) {
	if old := s.connection; old != now {
		s.connection = now
		s.observers.changed(connectionChange{old, now})
		after.add(s.observers.deliver)
	}
}

// stopLocked makes the session Inactive or Paused, in the order of sync-semantics 1.6.
func (s *Session) stopLocked(state State, cause error, after *effects) {
	s.state = state
	s.moving = false
	s.cancelResetLocked(after)
	s.unbindLocked(after)
	s.resignLocked()
	s.failLocked(cause, after)
	if s.references == 0 {
		s.endLocked(after)
	}
}

// closeLocked is called when the last external reference is gone.
func (s *Session) closeLocked(after *effects) {
	switch s.state {
	case Active:
		switch s.policy {
		case LiveIndefinitely:
		case AfterChangesUploaded:
			s.dieLocked()
		default:
			s.stopLocked(Inactive, ErrAborted, after)
		}
	case WaitingForAccessToken:
		s.stopLocked(Inactive, ErrAborted, after)
	case Inactive, Paused:
		s.endLocked(after)
	case Dying:
	}
}

// dieLocked lets the session live until everything is uploaded. A later death, or a revival in between, makes the wait of this one harmless.
func (s *Session) dieLocked() {
	s.state = Dying
	s.deaths++
	death := s.deaths
	s.waitLocked(true, func(error) {
		var after effects
		s.m.mu.Lock()
		if s.state == Dying && s.deaths == death {
			s.stopLocked(Inactive, ErrAborted, &after)
		}
		s.m.mu.Unlock()
		after.run()
	})
}

// endLocked takes the session out of the manager. Its waits that are still stored fail, its file is closed.
func (s *Session) endLocked(after *effects) {
	if s.ended {
		return
	}
	s.ended = true
	s.failLocked(ErrEnded, after)
	delete(s.m.sessions, s.path)
	s.m.busy[s.path] = make(chan struct{})
	// Both may wait for a call of ours that is under way, which may want the lock.
	after.add(s.stopUser)
	after.add(s.stopCommit)
	after.add(s.stopPeers)
	after.add(s.interrupt)
	after.add(s.worker.stop)
}

// restartLocked begins anew with another protocol session: the server may be elsewhere. Waits are kept.
func (s *Session) restartLocked(after *effects) {
	s.unbindLocked(after)
	s.startLocked()
}

// hurryLocked ends the delays of the protocol session. asked: because the application wants it.
func (s *Session) hurryLocked(asked bool) {
	if b := s.current; b != nil {
		b.conn.post(func(l *link, now time.Time) { l.hurry(b, asked, now) })
	}
}
