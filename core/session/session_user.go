package session

import (
	"realmsync/core/wire"
)

// userChanged is called after the state or the token of the user has changed (sync-semantics 1.7).
func (s *Session) userChanged() {
	loggedIn, token := s.user.LoggedIn() && !s.user.Removed(), s.user.AccessToken()
	var after effects
	s.m.mu.Lock()
	was, newToken := s.loggedIn, token != s.token && token != ""
	s.loggedIn, s.token = loggedIn, token
	switch {
	case s.ended:
	case was && !loggedIn:
		s.logoutLocked(&after)
	case !was && loggedIn:
		s.reviveLocked(&after)
	case loggedIn && newToken:
		s.tokenLocked(&after)
	}
	s.m.mu.Unlock()
	after.run()
}

// logoutLocked is force_close: the session stops, unless it has stopped already.
func (s *Session) logoutLocked(after *effects) {
	switch s.state {
	case Active, Dying, WaitingForAccessToken:
		s.stopLocked(Inactive, ErrAborted, after)
	default:
	}
}

// tokenLocked: the user has a new access token. It is used for the next connection; an open one is left alone, but for a ping.
func (s *Session) tokenLocked(after *effects) {
	switch s.state {
	case Active:
		if !s.moving { // otherwise the session is about to start anew
			s.hurryLocked(false)
		}
	case Dying:
		s.hurryLocked(false)
	case Inactive:
		s.reviveLocked(after)
	case WaitingForAccessToken:
		s.activateLocked()
	default:
	}
}

// refreshKey tells refreshes apart: sessions of one user that want the same share one.
type refreshKey struct {
	user     string
	location bool
}

// refresh is a request for a new access token that is under way.
type refresh struct{ sessions []*Session }

// refreshLocked gets a new access token, with location also where the server is.
func (s *Session) refreshLocked(location bool) {
	if location {
		s.moving = true
	}
	key := refreshKey{s.user.ID(), location}
	if r := s.m.refreshes[key]; r != nil {
		r.sessions = append(r.sessions, s)
		return
	}
	r := &refresh{sessions: []*Session{s}}
	s.m.refreshes[key] = r
	s.m.group.Go(func() {
		var err error
		if e := contained(s.log, "refreshing the access token", func() { err = s.user.Refresh(s.m.ctx, location) }); e != nil {
			err = e
		}
		fatal := err != nil && s.m.ctx.Err() == nil && s.user.Fatal(err)
		if err != nil {
			s.log.Info("refreshing the access token failed", "error", err, "fatal", fatal)
		}
		s.m.mu.Lock()
		delete(s.m.refreshes, key)
		s.m.mu.Unlock()
		s.m.callbacks.do(func() {
			if fatal {
				s.m.loginEnded(r.sessions, err)
				return
			}
			for _, x := range r.sessions {
				x.refreshed(location, err)
			}
		})
	})
}

// refreshed takes the result of a refresh that hasn't ended the login (sync-semantics 1.7).
func (s *Session) refreshed(location bool, err error) {
	var after effects
	s.m.mu.Lock()
	if location {
		s.moving = false
	}
	switch {
	case s.ended || s.state == Paused || s.state == Inactive:
	case s.state == WaitingForAccessToken:
		s.activateLocked() // without a new token too: the server will say what it thinks of the old one
	case err != nil: // the connection tries again
	case location:
		s.restartLocked(&after)
		s.hurryLocked(false)
	default:
		s.hurryLocked(false)
	}
	s.m.mu.Unlock()
	after.run()
}

// loginEnded: the server has ended the login of the user of these sessions.
func (m *Manager) loginEnded(sessions []*Session, cause error) {
	var after, reports effects
	m.mu.Lock()
	for _, s := range sessions {
		if s.ended || s.state == Paused || s.state == Inactive {
			continue
		}
		e := &Error{
			Domain: DomainApp, Code: statusNumber(statusAuth), Name: statusAuth, Fatal: true, Action: wire.LogOutUser, Err: cause,
			Message: "Unable to refresh the user access token: " + cause.Error(),
		}
		if s.state != Dying {
			s.reportLocked(e, &reports)
		}
		s.stopLocked(Inactive, e, &after)
	}
	m.mu.Unlock()
	after.run()
	sessions[0].user.LogOut(cause)
	reports.run()
}
