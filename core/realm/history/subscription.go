package history

import (
	"errors"
	"fmt"
	"slices"

	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// SetState is the state of a subscription set (sync-semantics.md 2.1).
type SetState = session.SetState

// The states of a subscription set.
const (
	Uncommitted   = session.Uncommitted
	Pending       = session.Pending
	Bootstrapping = session.Bootstrapping
	Complete      = session.Complete
	Failed        = session.Failed
	Superseded    = session.Superseded
	AwaitingMark  = session.AwaitingMark
)

// ErrNoSuchSubscription is returned by Remove. Its text is the original's.
var ErrNoSuchSubscription = errors.New("Subscription cannot be found") //nolint:revive,staticcheck // the text is API

// ErrNoSuchSet is returned for versions that were never committed.
var ErrNoSuchSet = session.ErrNoSuchSet

// Subscription is one query of a set.
type Subscription struct {
	ID      value.ObjectID
	Created int64 // milliseconds since 1970
	Updated int64
	HasName bool
	Name    string
	Class   string
	Query   string // canonical text
}

// Set is a subscription set. It is a copy: changing it changes nothing until Commit.
type Set struct {
	Version       int64
	State         SetState
	Snapshot      uint64 // the local version before it was committed: changes up to there are uploaded before its QUERY
	Error         string // the server's text in state Failed
	Subscriptions []Subscription
}

// Find returns the place of the named subscription, -1 if there is none.
func (s *Set) Find(name string) int {
	return slices.IndexFunc(s.Subscriptions, func(x Subscription) bool { return x.HasName && x.Name == name })
}

// Put adds a subscription or refreshes the one it stands for (sync-semantics.md 2.3): the one of that name, or without name the
// unnamed one with the same class and query. now is in milliseconds since 1970, id that of a new entry.
func (s *Set) Put(sub Subscription, now int64, id value.ObjectID) {
	i := -1
	if sub.HasName {
		i = s.Find(sub.Name)
	} else {
		i = slices.IndexFunc(s.Subscriptions, func(x Subscription) bool {
			return !x.HasName && x.Class == sub.Class && x.Query == sub.Query
		})
	}
	if i >= 0 {
		old := &s.Subscriptions[i]
		old.Class, old.Query, old.Updated = sub.Class, sub.Query, now
		return
	}
	sub.ID, sub.Created, sub.Updated = id, now, now
	s.Subscriptions = append(s.Subscriptions, sub)
}

// Remove takes the named subscription out; the last one takes its place.
func (s *Set) Remove(name string) error {
	i := s.Find(name)
	if i < 0 {
		return ErrNoSuchSubscription
	}
	last := len(s.Subscriptions) - 1
	s.Subscriptions[i] = s.Subscriptions[last]
	s.Subscriptions = s.Subscriptions[:last]
	return nil
}

// Covers tells whether a subscription of the class is in the set.
func (s *Set) Covers(class string) bool {
	return slices.ContainsFunc(s.Subscriptions, func(x Subscription) bool { return x.Class == class })
}

// Body is the set as QUERY and IDENT carry it.
func (s *Set) Body() []byte {
	subs := make([]wire.Subscription, len(s.Subscriptions))
	for i, x := range s.Subscriptions {
		subs[i] = wire.Subscription{Class: x.Class, Query: x.Query}
	}
	return wire.AppendQueryBody(nil, subs)
}

// LatestSet returns the set committed last. Needs a snapshot.
func LatestSet(conn *store.Conn) (*Set, error) {
	return selectSet(conn, `ORDER BY version DESC LIMIT 1`)
}

// ActiveSet returns the set that the data reflects: the highest in Complete or AwaitingMark, else version 0.
func ActiveSet(conn *store.Conn) (*Set, error) {
	set, err := selectSet(conn, `WHERE state IN (3, 6) ORDER BY version DESC LIMIT 1`)
	if errors.Is(err, ErrNoSuchSet) {
		return selectSet(conn, `ORDER BY version LIMIT 1`)
	}
	return set, err
}

// FindSet returns the set of that version. One that a later set has replaced is returned Superseded and empty; one never
// committed is ErrNoSuchSet.
func FindSet(conn *store.Conn, version int64) (*Set, error) {
	set, err := selectSet(conn, `WHERE version=?`, version)
	if !errors.Is(err, ErrNoSuchSet) {
		return set, err
	}
	latest, err := LatestSet(conn)
	if err != nil {
		return nil, err
	}
	if version < 0 || version > latest.Version {
		return nil, fmt.Errorf("%w: %d (the latest is %d)", ErrNoSuchSet, version, latest.Version)
	}
	return &Set{Version: version, State: Superseded}, nil
}

// pendingSet returns the lowest set above the version that the server has yet to answer.
func pendingSet(conn *store.Conn, above int64) (*Set, error) {
	return selectSet(conn, `WHERE version>? AND state IN (1, 2) ORDER BY version LIMIT 1`, above)
}

// selectSet reads the set that the end of a SELECT finds.
func selectSet(conn *store.Conn, which string, args ...any) (*Set, error) {
	var set *Set
	err := conn.Query(`SELECT version, state, snapshot, error FROM sync_set `+which, args, func(row *store.Row) error {
		set = &Set{Version: row.Int(0), State: SetState(row.Int(1)), Snapshot: row.Uint64(2), Error: row.Text(3)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if set == nil {
		return nil, ErrNoSuchSet
	}
	const sql = `SELECT id, created, updated, name, class, query FROM sync_subscription WHERE version=? ORDER BY place`
	err = conn.Query(sql, []any{set.Version}, func(row *store.Row) error {
		sub := Subscription{Created: row.Int(1), Updated: row.Int(2), HasName: !row.IsNull(3), Class: row.Text(4), Query: row.Text(5)}
		copy(sub.ID[:], row.Blob(0))
		if sub.HasName {
			sub.Name = row.Text(3)
		}
		set.Subscriptions = append(set.Subscriptions, sub)
		return nil
	})
	return set, err
}

// CommitSet stores the set as a new version, one above the latest, Pending. The connection must be in a write transaction, which
// the caller commits as an (empty) version of the realm.
func CommitSet(conn *store.Conn, set *Set) error {
	latest, err := LatestSet(conn)
	if err != nil {
		return err
	}
	snapshot, err := conn.Version()
	if err != nil {
		return err
	}
	set.Version, set.State, set.Snapshot, set.Error = latest.Version+1, Pending, snapshot, ""
	err = conn.Exec(`INSERT INTO sync_set (version, state, snapshot) VALUES (?, ?, ?)`, set.Version, int64(set.State), set.Snapshot)
	if err != nil {
		return err
	}
	for place, sub := range set.Subscriptions {
		var name any
		if sub.HasName {
			name = sub.Name
		}
		if err := conn.Exec(`INSERT INTO sync_subscription (version, place, id, created, updated, name, class, query)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, set.Version, place, sub.ID[:], sub.Created, sub.Updated, name, sub.Class, sub.Query); err != nil {
			return err
		}
	}
	return nil
}

// setState changes the state of a set and, when it became Complete, drops the sets below it. A set that is gone stays gone.
func setState(conn *store.Conn, version int64, state SetState, text string) error {
	if err := conn.Exec(`UPDATE sync_set SET state=?, error=? WHERE version=?`, int64(state), text, version); err != nil {
		return err
	}
	if state != Complete {
		return nil
	}
	if err := conn.Exec(`DELETE FROM sync_set WHERE version<?`, version); err != nil {
		return err
	}
	return conn.Exec(`DELETE FROM sync_subscription WHERE version<?`, version)
}
