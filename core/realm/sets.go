package realm

import (
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// ActiveSet returns the subscription set that the data reflects, LatestSet the one committed last, both as the file is now and not as
// of the snapshot. Errors: ErrNotSynced, ErrClosed.
func (r *Realm) ActiveSet() (*history.Set, error) { return r.readSet(history.ActiveSet) }

// LatestSet returns the set committed last.
func (r *Realm) LatestSet() (*history.Set, error) { return r.readSet(history.LatestSet) }

// FindSet returns the set of that version, as the file is now.
func (r *Realm) FindSet(version int64) (*history.Set, error) {
	return r.readSet(func(conn *store.Conn) (*history.Set, error) { return history.FindSet(conn, version) })
}

func (r *Realm) readSet(read func(*store.Conn) (*history.Set, error)) (*history.Set, error) {
	conn, err := r.besides()
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // only read from
	if err := conn.BeginRead(); err != nil {
		return nil, err
	}
	return read(conn)
}

// besides opens a connection of its own on the file of a synced realm.
func (r *Realm) besides() (*store.Conn, error) {
	if !r.config.Synced {
		return nil, ErrNotSynced
	}
	if r.IsClosed() {
		return nil, ErrClosed
	}
	return store.Open(r.path, store.Options{Key: r.config.Key})
}

// MutableSet is a subscription set being made. It holds the file's write lock until Commit or Cancel. One goroutine at a time.
type MutableSet struct {
	Set   *history.Set
	realm *Realm
	conn  *store.Conn
	done  func()
}

// NewSet starts a subscription set with the subscriptions of the one it is made from. Errors: ErrInTransaction in a write transaction
// of this instance, which would wait for itself.
func (r *Realm) NewSet(from *history.Set) (*MutableSet, error) {
	if r.InWrite() {
		return nil, errorf(ErrInTransaction, "subscriptions can't be changed inside a write transaction of the same realm: commit it first")
	}
	conn, err := r.besides()
	if err != nil {
		return nil, err
	}
	done, err := r.changingSets()
	if err == nil {
		if err = conn.BeginWrite(); err != nil {
			done()
		}
	}
	if err != nil {
		_ = conn.Close() // the first error counts
		return nil, err
	}
	set := *from
	set.Subscriptions = append([]history.Subscription(nil), from.Subscriptions...)
	set.State = history.Uncommitted
	return &MutableSet{Set: &set, realm: r, conn: conn, done: done}, nil
}

// changingSets notes which thread has a MutableSet open, until done is called: a second one on the same thread would wait for the first,
// and so would a write transaction.
func (r *Realm) changingSets() (done func(), err error) {
	thread := r.threadID()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mutableSet == thread {
		return nil, errorf(ErrInTransaction, "The subscriptions are being changed already: commit that set first.")
	}
	r.mutableSet = thread
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.mutableSet == thread {
			r.mutableSet = 0
		}
	}, nil
}

// Add subscribes to the objects of a class that meet a query in canonical text (history.Set.Put).
func (m *MutableSet) Add(sub history.Subscription, id value.ObjectID) error {
	cl := m.conn.Class(sub.Class)
	if cl == nil {
		return errorf(store.ErrSchema, "'%s' is not a class of the realm '%s'", sub.Class, m.realm.path)
	}
	if cl.Def.Kind != schema.TopLevel {
		return errorf(store.ErrType, "'%s' is an %s class: subscriptions are to top-level classes", sub.Class, cl.Def.Kind)
	}
	m.Set.Put(sub, m.realm.clock().UnixMilli(), id)
	return nil
}

// Commit stores the set as a new version and returns it.
func (m *MutableSet) Commit() (*history.Set, error) {
	defer m.done()
	defer m.conn.Close() //nolint:errcheck // what counts is the commit
	if err := history.CommitSet(m.conn, m.Set); err != nil {
		_ = m.conn.Rollback() // the first error counts
		return nil, err
	}
	version, err := history.AppendLocal(m.conn, nil, m.realm.clock())
	if err == nil {
		err = m.conn.Commit()
	} else {
		_ = m.conn.Rollback() // the first error counts
	}
	if err != nil {
		return nil, err
	}
	history.Announce(m.realm.file, version, m.conn)
	return m.Set, nil
}

// Cancel drops the set; no version is used up.
func (m *MutableSet) Cancel() error {
	defer m.done()
	_ = m.conn.Rollback() // closing does it in any case
	return m.conn.Close()
}
