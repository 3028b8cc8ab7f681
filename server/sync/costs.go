package sync

import (
	"context"
	"fmt"

	"realmsync/core/wire"
	"realmsync/server/view"
)

// userBuildings is how many of the bootstraps that are computed at the same time may be one user's: others have a turn too.
const userBuildings = 2

// turns are those of one user.
type turns struct {
	tokens chan struct{}
	users  int // that hold or wait for a token; guarded by app.mu
}

// turn waits until the session may compute a bootstrap; done ends it. The error is the context's.
func (a *app) turn(ctx context.Context, user string) (done func(), err error) {
	a.mu.Lock()
	t := a.turns[user]
	if t == nil {
		t = &turns{tokens: make(chan struct{}, userBuildings)}
		a.turns[user] = t
	}
	t.users++
	a.mu.Unlock()
	leave := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(a.turns, user)
		}
	}
	select {
	case t.tokens <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
	select {
	case a.build <- struct{}{}:
	case <-ctx.Done():
		<-t.tokens
		leave()
		return nil, ctx.Err()
	}
	return func() {
		<-a.build
		<-t.tokens
		leave()
	}, nil
}

// charge counts the queries of a set that the session is to have, instead of those that it had, among those of its user. problem is the text for the
// user if there are too many: each is tried on every object that anybody changes.
func (s *session) charge(set *view.Set) (problem string) {
	n := 0
	if set != nil {
		n = set.Scans()
	}
	a, user, most := s.app, s.conn.who.UserID, s.conn.server.cfg.MaxScans
	a.mu.Lock()
	defer a.mu.Unlock()
	total := a.scans[user] - s.charged + n
	if n > s.charged && total > most {
		return fmt.Sprintf("Invalid query: this user has more than %d subscriptions in use that are tried on every object; "+
			"conditions of the form field == value, or field IN {...}, that are joined to the rest by AND, are not counted", most)
	}
	s.charged = n
	if a.scans[user] = total; total == 0 {
		delete(a.scans, user)
	}
	return ""
}

// failBusy sends a client away whose user has too much in use: another of its sessions may end.
func (s *session) failBusy(text string) error {
	m := wire.NewJSONError(s.sid, wire.CodeOtherSessionError, clip(text))
	backoff := pausedBackoff
	m.Backoff = &backoff
	return s.failWith(m)
}
