package sync

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/view"
)

// emptyBody is the query body of a subscription set without subscriptions.
const emptyBody = "{}"

// identify handles IDENT: it finds what the client has, by what it says and by what the server knows that it was sent, and
// starts a bootstrap if the two differ (spec/wire-protocol.md sections 3.2 and 7.5, spec/sync-semantics.md section 4.8).
func (s *session) identify(m *wire.Ident) error {
	if m.QueryVersion < 0 {
		s.conn.fail(wire.CodeBadSyntax, "IDENT has a negative query version")
		return errFailed
	}
	s.mu.Lock()
	if s.leaving {
		s.mu.Unlock()
		return nil
	}
	ok, err := s.app.claim(m.FileIdent, s)
	if ok {
		s.claimed = m.FileIdent
	}
	s.mu.Unlock()
	if err != nil {
		s.conn.kill()
		return errFailed
	}
	if !ok {
		s.conn.fail(wire.CodeBoundInOtherSession, "the client file is bound in another session of this connection")
		return errFailed
	}
	// The roles are those of now: uploads are judged by them even before the client is told what it may see.
	if ok, err := s.admit(); !ok || err != nil {
		return err
	}
	client, err := s.app.engine.Identify(s.conn.live, history.Claim{
		Ident: m.FileIdent, Salt: m.Salt, User: s.conn.who.UserID, ServerVersion: m.Download.ServerVersion, ClientVersion: m.Download.ClientVersion,
		LatestVersion: m.Latest.Version, LatestSalt: m.Latest.Salt, QueryVersion: uint64(m.QueryVersion),
	})
	if err != nil {
		return s.failEngine(err)
	}
	if problem := tooLong(m.Query); problem != "" {
		return s.fail(wire.CodeBadQuery, problem)
	}
	set, err := s.app.fan.AcquireFor(s.app.engine.Catalog(), m.Query, s.access, true)
	if err != nil {
		var invalid *view.InvalidError
		if errors.As(err, &invalid) {
			return s.fail(wire.CodeBadQuery, invalid.Text) // it is active at the client: QUERY_ERROR would end its process
		}
		return s.failServer(err)
	}
	views, err := expand(client.Views)
	if err != nil {
		set.Release()
		return s.failServer(err)
	}
	if problem, err := s.queryable(set, false); err != nil || problem != "" {
		set.Release()
		if err != nil {
			return s.failServer(err)
		}
		return s.failQueryable(problem)
	}
	if problem := s.charge(set); problem != "" {
		set.Release()
		return s.failBusy(problem)
	}
	s.log = s.log.With(slog.Uint64("file_ident", m.FileIdent))
	s.tellDenied(set)
	s.phase = running
	s.file, s.own = client.File, client.Own
	for _, r := range client.Resets {
		s.resets[r.Version] = append(s.resets[r.Version], r)
	}
	s.at, s.sentVersion = m.Download.ServerVersion, m.Download.ServerVersion
	s.clientVersion = m.Download.ClientVersion
	s.query, s.lastQuery = m.QueryVersion, m.QueryVersion
	s.greet = true
	if err := s.versionChanged(); err != nil {
		set.Release()
		return err
	}
	return s.follow(views, m, set)
}

// follow decides what the client has and lets it have set, which is given to it.
func (s *session) follow(views []past, m *wire.Ident, set *view.Set) error {
	// Of the bootstraps that it was sent it has the newest that it can have. Those of higher query versions it has not
	// completed, else it would say so; and one that is newer than its cursor it has not integrated.
	var held []past
	repeat := false // what the client has was to be replaced under the same query version, and was not
	for _, v := range views {
		if v.QueryVersion > uint64(m.QueryVersion) || v.Snapshot > m.Download.ServerVersion {
			// The first bootstrap of a new file holds no objects: if it is lost, nothing is left of it.
			if initial := m.Download.ServerVersion == 0 && v.Body == emptyBody; !initial && (s.broken == 0 || v.First < s.broken) {
				s.broken = v.First
			}
			for _, body := range append(v.broken, v.Body) {
				if left := (leftover{int64(v.QueryVersion), body}); !slices.Contains(s.leftovers, left) {
					s.leftovers = append(s.leftovers, left)
				}
			}
			repeat = repeat || v.QueryVersion <= uint64(m.QueryVersion)
			continue
		}
		for len(held) > 0 && held[len(held)-1].Snapshot >= v.Snapshot {
			held = held[:len(held)-1]
		}
		held = append(held, v)
	}
	size := 0
	for _, l := range s.leftovers {
		size += len(l.body)
	}
	if len(s.leftovers) > s.conn.server.cfg.MaxBootstraps || size > maxLeftovers {
		// The next bootstrap would have to settle what any of them may have left.
		set.Release()
		return s.failEngine(&history.Error{Code: history.BadClientFileIdent, Message: fmt.Sprintf(
			"Bad client file identifier (IDENT): client file %d was sent %d subscription sets of which it has integrated none", m.FileIdent, len(s.leftovers))})
	}
	if len(held) == 0 {
		empty, err := s.app.fan.Acquire(s.app.engine.Catalog(), []byte(emptyBody), true)
		if err != nil {
			set.Release()
			return s.failServer(err)
		}
		s.epochs = []history.Epoch{{View: empty}}
		if m.Download.ServerVersion == 0 {
			return s.start(&boot{query: m.QueryVersion, before: empty, set: set, schema: true}, empty)
		}
		// It has something, and the server doesn't know what: all that it was ever sent is settled. Not all that there is, whose keys it would be told.
		return s.start(&boot{query: m.QueryVersion, before: empty, set: set, schema: true, settle: true}, empty)
	}
	current := held[len(held)-1]
	for _, v := range held[:len(held)-1] {
		if err := s.addEpoch(v); err != nil {
			set.Release()
			return s.failServer(err)
		}
		if v.Snapshot <= s.file.BaseVersion {
			s.keepFrom = v.QueryVersion
		}
	}
	if current.Snapshot <= s.file.BaseVersion {
		s.keepFrom = current.QueryVersion
	}
	// Not if a bootstrap of this query was broken off: when the client has gone past its version, nothing would tell any more that it never arrived.
	if current.Body == set.Body() && !repeat {
		e, err := s.epochOf(current, set)
		if err != nil {
			set.Release()
			return s.failServer(err)
		}
		s.epochs = append(s.epochs, e)
		s.adopt(set)
		s.foreign = true
		return nil
	}
	before, err := s.app.fan.Restore(s.app.engine.Catalog(), current.Body)
	if err != nil {
		set.Release()
		return s.failServer(err)
	}
	e, err := s.epochOf(current, before)
	if err != nil {
		before.Release()
		set.Release()
		return s.failServer(err)
	}
	s.epochs = append(s.epochs, e)
	s.foreign = true
	return s.start(&boot{query: m.QueryVersion, before: before, set: set}, before)
}

// maxLeftovers is how many bytes the subscription sets may have that a client was sent and has not integrated.
const maxLeftovers = 16 << 20

// start begins a bootstrap because of IDENT. Until it is sent the client follows before, which is given to the session.
func (s *session) start(b *boot, before *view.Set) error {
	s.adopt(before)
	if initial := b.schema && !b.settle; s.conn.version < wire.VersionServerBootstrap && !initial {
		b.set.Release()
		return s.fail(wire.CodeServerPermissionsChanged, "what this client may see has changed, and its version can't be told otherwise")
	}
	return s.bootstrap(b)
}

// adopt makes a set the one in force; the session releases it.
func (s *session) adopt(set *view.Set) {
	old := s.set
	s.set = set
	set.Watch(s.watcher)
	if old != nil && old != set {
		old.Unwatch(s.watcher)
	}
	if old != nil {
		old.Release()
	}
}

// addEpoch adds a view that the client had once. It may have changes that it made then.
func (s *session) addEpoch(v past) error {
	old, err := s.app.fan.Restore(s.app.engine.Catalog(), v.Body)
	if err != nil {
		return err
	}
	old.Release() // it is only asked what it sees
	e, err := s.epochOf(v, old)
	s.epochs = append(s.epochs, e)
	return err
}

func (s *session) epochOf(v past, set *view.Set) (history.Epoch, error) {
	e := history.Epoch{Snapshot: v.Snapshot, View: set}
	if v.First < v.Snapshot {
		e.First = v.First
	}
	sets, err := s.restore(v.broken)
	for _, b := range sets {
		e.Broken = append(e.Broken, b)
	}
	return e, err
}

// restore makes sets again that are only asked what they see.
func (s *session) restore(bodies []string) (out []*view.Set, err error) {
	for _, body := range bodies {
		set, err := s.app.fan.Restore(s.app.engine.Catalog(), body)
		if err != nil {
			return nil, err
		}
		set.Release()
		out = append(out, set)
	}
	return out, nil
}

// leftover is a bootstrap that was begun and broken off: the client may keep what it has had of it until the next one of the same query version.
type leftover struct {
	query int64
	body  string // see view.Set.Body
}
