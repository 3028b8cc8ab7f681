package realm

import (
	"realmsync/core/store"
)

// Freeze returns a handle of a frozen instance at this instance's snapshot, usable on every thread. Freezing a frozen instance, or
// one version twice, gives the same instance. Errors: ErrInTransaction, ErrWrongThread, ErrClosed.
//
// SQLite can't open a second connection on an older snapshot, so the frozen instance takes this connection over and the live one
// reads through it too until it moves on.
func (r *Realm) Freeze() (*Realm, error) {
	if r.frozen {
		if !r.retainIfOpen() {
			return nil, ErrClosed
		}
		return r, nil
	}
	if err := r.enterOnThread(); err != nil {
		return nil, err
	}
	if r.conn.InWrite() {
		r.leave()
		return nil, errorf(ErrInTransaction, "a realm can't be frozen in a write transaction: commit it first")
	}
	version := r.version
	r.leave()
	if f := openIn(r.file, func(o *Realm) bool { return o.frozen && o.version == version && o.config.Synced == r.config.Synced }); f != nil {
		return f, nil
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	f := newRealm(r.config, r.file)
	f.frozen = true
	f.scheduler = nil
	f.handles = 1
	f.register()
	if r.shared == nil {
		r.shared = &sharedConn{refs: 1}
		r.shared.mu.Lock() // as enter would have
	}
	r.shared.refs++
	f.conn, f.shared, f.version, f.seen = r.conn, r.shared, r.version, r.seen
	r.leave()
	hub, err := joinHub(f)
	if err != nil { // can't be: the live instance is in it with the same configuration
		f.Release()
		return nil, err
	}
	f.hub = hub
	return f.attached()
}

// Thaw returns a handle of the calling thread's live instance of the file; of this instance if it is live.
func (r *Realm) Thaw() (*Realm, error) {
	if !r.frozen {
		if err := r.checkThread(); err != nil {
			return nil, err
		}
		if !r.retainIfOpen() {
			return nil, ErrClosed
		}
		return r, nil
	}
	config := r.config
	config.ShouldCompact = nil
	return Open(config) // without the scheduler, if that is of another thread
}

// moveOn makes sure that a live instance has a connection of its own before it changes its snapshot. The locks are held.
func (r *Realm) moveOn() error {
	if r.shared == nil {
		return nil
	}
	if r.shared.refs == 1 { // the frozen ones have been closed
		r.shared.mu.Unlock()
		r.shared = nil
		return nil
	}
	conn, err := store.Open(r.path, r.config.options())
	if err != nil {
		return err
	}
	r.shared.refs--
	r.shared.mu.Unlock()
	r.conn, r.shared = conn, nil
	conn.Learn(r.learn)
	r.seen = 0
	r.c.stamp++
	return nil
}
