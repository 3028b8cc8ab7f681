package sync

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/wire"
	"realmsync/server/appconfig"
	"realmsync/server/history"
	"realmsync/server/jsonschema"
	"realmsync/server/rules"
	"realmsync/server/view"
)

// Rules tells what apps allow. *rules.Live is one. Its methods are called by many goroutines at once.
type Rules interface {
	// Policy returns what holds for a session of a user that starts now.
	Policy(ctx context.Context, app, user string) (*rules.Policy, error)
	// AddQueryable makes fields of classes queryable, because an app in development mode was asked for them.
	AddQueryable(ctx context.Context, app string, fields map[string][]string) error
	// Classes returns the classes of an app's configuration; always the same for the same configuration.
	Classes(ctx context.Context, app string) (*jsonschema.Classes, error)
	// AddClasses writes the classes of a schema into the configuration of an app, if it is in development mode.
	AddClasses(ctx context.Context, app string, s *schema.Schema) error
	// Watch calls f after each change of an app's configuration. f does not block.
	Watch(f func(app string)) (cancel func())
}

// pausedBackoff is when clients of an app come again whose sync is paused or was never started.
var pausedBackoff = wire.Backoff{IntervalSec: 5, MaxDelaySec: 60, Multiplier: 2}

// admit takes the policy that holds now. ok is false if the session may not go on; then the client was told.
func (s *session) admit() (ok bool, err error) {
	source := s.conn.server.cfg.Rules
	if source == nil {
		return true, nil
	}
	p, err := source.Policy(s.conn.live, s.app.id, s.conn.who.UserID)
	if err != nil {
		return false, s.failServer(err)
	}
	if p.State != appconfig.SyncEnabled {
		return false, s.failPaused(p.State)
	}
	if err := s.app.declare(s.conn.live, p.Classes); err != nil {
		return false, s.failServer(err)
	}
	s.policy = p
	s.access = view.NewAccess(p.Class).WithPoints(p.Queryable)
	return true, nil
}

// failPaused sends the client away until sync is on again.
func (s *session) failPaused(state string) error {
	text := "sync is paused for this app"
	if state != appconfig.SyncDisabled {
		text = "sync is not enabled for this app"
	}
	m := wire.NewJSONError(s.sid, wire.CodeOtherSessionError, text)
	backoff := pausedBackoff
	m.Backoff = &backoff
	return s.failWith(m)
}

// permission returns what uploads are judged by.
func (s *session) permission() history.Permission {
	if s.access == nil {
		return nil
	}
	return s.access
}

// queryable checks that a set names queryable fields only, and makes them so in development mode. problem is the text for the user. What a role hides can't
// be asked for either. That is said of a set that is new; a client whose set it is already goes on, and sees nothing of what asks for that (package view).
func (s *session) queryable(set *view.Set, isNew bool) (problem string, err error) {
	if s.policy == nil {
		return "", nil
	}
	missing, hidden := map[string][]string{}, map[string][]string{}
	for class, fields := range set.Asks(s.app.engine.Catalog()) {
		for _, name := range fields {
			switch {
			case isNew && set.Hides(class, name):
				hidden[class] = append(hidden[class], name)
			case !s.policy.Queryable(class, name):
				missing[class] = append(missing[class], name)
			}
		}
	}
	switch {
	case len(hidden) > 0:
		missing = hidden
	case len(missing) == 0:
		return "", nil
	case s.policy.Development:
		if err := s.conn.server.cfg.Rules.AddQueryable(s.conn.live, s.app.id, missing); err != nil {
			return "", err
		}
		return "", nil
	}
	var texts []string
	for class, fields := range missing {
		for _, name := range fields {
			texts = append(texts, fmt.Sprintf("%q: key %q is not a queryable field", class, name))
		}
	}
	slices.Sort(texts)
	return "Invalid query: " + strings.Join(texts, ", "), nil
}

// tellDenied says in the log, which the app's administrator can read, why the session sees nothing at all of classes that it asks for.
func (s *session) tellDenied(set *view.Set) {
	if s.policy == nil {
		return
	}
	for _, class := range set.Classes() {
		if why := s.policy.Denial(class); why != "" {
			s.log.Info("a session has no access to a class", slog.String("class", class), slog.String("reason", why))
		}
	}
}

// rulesChanged lets the sessions of an app look whether they are concerned.
func (s *Server) rulesChanged(id string) {
	s.mu.Lock()
	o := s.apps[id]
	s.mu.Unlock()
	if o == nil {
		return
	}
	select {
	case <-o.ready:
	default:
		return // it has no session yet
	}
	if o.err != nil {
		return
	}
	o.app.mu.Lock()
	defer o.app.mu.Unlock()
	for _, session := range o.app.files {
		session.changed.Store(true)
		session.signal()
	}
}

// reconsider looks whether a change of the app's configuration concerns the session. If what it may do with the classes that it has asked for is
// another thing now, its client is asked to come again, and is told then what it may see (spec/app-services.md section 12.6).
func (s *session) reconsider() error {
	if !s.changed.Swap(false) || s.phase != running || s.policy == nil {
		return nil
	}
	before := s.access
	if ok, err := s.admit(); !ok || err != nil {
		return err
	}
	sets := []*view.Set{s.set}
	if s.boot != nil {
		sets = append(sets, s.boot.set)
	}
	for _, set := range sets {
		for _, class := range set.Classes() {
			if before.Same(s.access, s.app.engine.Catalog(), class) {
				continue
			}
			s.log.Info("the rules of a session have changed", slog.String("class", class))
			return s.fail(wire.CodeSessionClosed, "the permissions of the session have changed")
		}
	}
	if problem, err := s.queryable(s.set, false); err != nil {
		return s.failServer(err)
	} else if problem != "" {
		return s.failQueryable(problem)
	}
	if s.boot == nil {
		return nil
	}
	if problem, err := s.queryable(s.boot.set, false); err != nil {
		return s.failServer(err)
	} else if problem != "" {
		// The client hasn't the set yet. It sends its QUERY again, and that is refused.
		return s.fail(wire.CodeSessionClosed, "what may be queried has changed")
	}
	return nil
}

// failQueryable ends a session that asks for a field that is not queryable any more: the client has objects that the server can't keep up to date.
func (s *session) failQueryable(problem string) error {
	m := wire.NewJSONError(s.sid, wire.CodeBadQuery, clip(problem))
	m.Action, m.ShouldClientReset = wire.ClientReset, true
	return s.failWith(m)
}

// resetAction is how clients are reset.
func (s *session) resetAction() wire.Action {
	if s.policy != nil && s.policy.NoRecovery {
		return wire.ClientResetNoRecovery
	}
	return wire.ClientReset
}
