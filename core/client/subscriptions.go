package client

import (
	"sync"
	"time"
	"unsafe"

	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/session"
)

// SubscriptionSet is a subscription set of a synced realm: as it was read, or a mutable copy that is being made. It doesn't
// keep the realm open. All methods may be called concurrently.
type SubscriptionSet struct {
	client *Client
	realm  *realm.Realm

	mu      sync.Mutex
	set     *history.Set
	mutable *realm.MutableSet // nil unless it is one
	version int64             // of a mutable one, when it is committed
	changes int               // how often the contents have changed
	done    bool              // released
}

// ActiveSubscriptions returns the set that the data reflects. The caller releases it. Errors: realm.ErrNotSynced,
// realm.ErrClosed.
func (c *Client) ActiveSubscriptions(r *realm.Realm) (*SubscriptionSet, error) {
	return c.subscriptions(r, r.ActiveSet)
}

// LatestSubscriptions returns the set committed last. The caller releases it.
func (c *Client) LatestSubscriptions(r *realm.Realm) (*SubscriptionSet, error) {
	return c.subscriptions(r, r.LatestSet)
}

func (c *Client) subscriptions(r *realm.Realm, read func() (*history.Set, error)) (*SubscriptionSet, error) {
	set, err := read()
	if err != nil {
		return nil, err
	}
	return &SubscriptionSet{client: c, realm: r, set: set}, nil
}

// Release gives the set up; a mutable copy that was not committed is dropped.
func (s *SubscriptionSet) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.drop()
}

func (s *SubscriptionSet) drop() {
	if s.mutable != nil {
		_ = s.mutable.Cancel() // nothing was written
		s.mutable = nil
	}
}

// View calls f with the set, which f must not keep or change, and with a number that changes with its contents.
func (s *SubscriptionSet) View(f func(set *history.Set, changes int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mutable == nil {
		f(s.set, s.changes)
		return
	}
	set := *s.mutable.Set
	set.Version = s.version
	f(&set, s.changes)
}

// Refresh reads state and contents again. A mutable copy stays as it is. Errors: realm.ErrClosed.
func (s *SubscriptionSet) Refresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mutable != nil {
		return nil
	}
	set, err := s.realm.FindSet(s.set.Version)
	if err != nil {
		return err
	}
	s.set = set
	s.changes++
	return nil
}

// MakeMutable returns a copy that can be changed, one version above the latest set. It holds the file's write lock until Commit
// or Release. Errors: realm.ErrInTransaction, realm.ErrClosed, and store's.
func (s *SubscriptionSet) MakeMutable() (*SubscriptionSet, error) {
	s.mu.Lock()
	from := s.set
	if s.mutable != nil {
		from = s.mutable.Set
	}
	mutable := s.mutable != nil
	s.mu.Unlock()
	if mutable {
		return nil, realm.ErrInTransaction // it would wait for itself
	}
	m, err := s.realm.NewSet(from)
	if err != nil {
		return nil, err
	}
	latest, err := s.realm.LatestSet()
	if err != nil {
		_ = m.Cancel() // the first error counts
		return nil, err
	}
	return &SubscriptionSet{client: s.client, realm: s.realm, set: from, mutable: m, version: latest.Version + 1}, nil
}

// change runs f on a mutable copy.
func (s *SubscriptionSet) change(f func(m *realm.MutableSet) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mutable == nil {
		return ErrUnchangeable
	}
	if err := f(s.mutable); err != nil {
		return err
	}
	s.changes++
	return nil
}

// Add subscribes to the objects of a class that meet a query ("": all of them), with n cells as its arguments. A subscription
// of the same name is replaced; without a name, one of the same class and query is.
//
// Errors: ErrUnchangeable, rql's, store.ErrSchema for an unknown class.
func (s *SubscriptionSet) Add(hasName bool, name, class, query string, args unsafe.Pointer, n int) error {
	if query == "" {
		query = "TRUEPREDICATE"
	}
	return s.change(func(m *realm.MutableSet) error {
		cl, err := s.realm.Class(class)
		if err != nil {
			return err
		}
		canonical, err := s.realm.DescribeQuery(cl.ID, query, args, n)
		if err != nil {
			return err
		}
		return m.Add(history.Subscription{HasName: hasName, Name: name, Class: class, Query: canonical}, NewObjectID())
	})
}

// Remove takes the named subscription out. Errors: ErrUnchangeable, history.ErrNoSuchSubscription.
func (s *SubscriptionSet) Remove(name string) error {
	return s.change(func(m *realm.MutableSet) error { return m.Set.Remove(name) })
}

// Clear takes all subscriptions out. Errors: ErrUnchangeable.
func (s *SubscriptionSet) Clear() error {
	return s.change(func(m *realm.MutableSet) error {
		m.Set.Subscriptions = nil
		return nil
	})
}

// Commit stores a mutable copy as a new version. From then on it can't be changed. On failure nothing was stored, and the copy
// is dropped. Errors: ErrUnchangeable, store's.
func (s *SubscriptionSet) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mutable == nil {
		return ErrUnchangeable
	}
	set, err := s.mutable.Commit()
	s.mutable = nil
	s.changes++
	if err != nil {
		return err
	}
	s.set = set
	return nil
}

// Wait calls f once, when the set is Complete, Failed or Superseded, or when the session ends the wait (sync-semantics 2.5).
// When it returns an error f is not called. Errors: ErrUncommitted, ErrSessionGone, realm.ErrClosed.
func (s *SubscriptionSet) Wait(f func(session.SetState, error)) error {
	s.mu.Lock()
	version, mutable := s.set.Version, s.mutable != nil
	s.mu.Unlock()
	if mutable {
		return ErrUncommitted
	}
	live, err := s.client.SessionOf(s.realm)
	if err != nil {
		return err
	}
	return live.waitForSet(version, f)
}

// WaitFor is Wait that blocks. ErrTimeout leaves everything as it is.
func (s *SubscriptionSet) WaitFor(timeout time.Duration) (session.SetState, error) {
	reached := make(chan session.SetState, 1)
	err := block(timeout, func(done func(error)) error {
		return s.Wait(func(state session.SetState, err error) {
			reached <- state
			done(err)
		})
	})
	select {
	case state := <-reached:
		return state, err
	default:
		return 0, err
	}
}
