package realm

import (
	"container/list"

	"realmsync/core/store"
)

// Token is a registration. It keeps its instance open; Release ends the calls at once.
type Token struct {
	realm    *Realm
	observer observer
	released bool
	// Of observers:
	number uint64
	place  *list.Element
	told   uint64 // while it is young, the version that it knows
}

// observer is what a token stands for. Everything runs under the lock of the instance, but for what after returns.
type observer interface {
	// after returns the call to make, nil when there is nothing to tell.
	after(r *Realm, changes *changesSince) delivery
	// drop gives up what the observer holds.
	drop()
}

// delivery is a call of an observer that is due: it is made, or dropped when the registration ended before its turn.
type delivery interface {
	run()
	drop()
}

// changesSince is what commits changed since an observer was told last.
type changesSince struct {
	list []*store.Changes
	// complete: list has all of them. Some are missing when this process was far behind, or observed nothing yet.
	complete bool
	touched  map[uint32]map[int64]struct{} // what Realm.touched has worked out
}

// Release ends the registration, also inside a callback. Releasing twice is allowed. Any thread.
func (t *Token) Release() {
	r := t.realm
	r.mu.Lock()
	defer r.unlockAndDetach()
	if t.released {
		return
	}
	t.released = true
	r.observers.remove(t)
	t.observer.drop()
	r.countObservers()
	r.closeIfUnused()
}

// observe registers an observer. The lock must not be held.
func (r *Realm) observe(o observer) (*Token, error) {
	if r.frozen {
		return nil, ErrFrozenObserve
	}
	if err := r.enterOnThread(); err != nil {
		return nil, err
	}
	if r.conn.InWrite() && r.conn.Stamp() != r.begun {
		r.leave()
		return nil, ErrObserveAfterChange
	}
	t := &Token{realm: r, observer: o}
	r.observers.add(t, r.version)
	r.countObservers()
	r.leave()
	if r.scheduler != nil {
		r.scheduler.Wake(r.id) // for the initial call
	}
	return t, nil
}

// countObservers tells the hub whether this instance observes. r.mu is held.
func (r *Realm) countObservers() {
	now := r.observers.len() > 0
	if r.observing.Swap(now) == now || r.hub == nil {
		return
	}
	r.hub.observe(r, now, r.version)
}

// dropTokens ends all registrations of an instance that was closed. r.mu is held.
func (r *Realm) dropTokens() {
	r.observers.all(func(t *Token) {
		t.released = true
		t.observer.drop()
	})
	r.observers = observers{}
	r.countObservers()
}

// beforeAdvance lets the observers note what they see.
func (r *Realm) beforeAdvance() {
	if r.observers.len() > 0 && !r.delivering {
		r.observers.look(r)
	}
}

// afterAdvance collects the calls that tell the observers what changed since the last time.
func (r *Realm) afterAdvance() []call {
	if r.observers.len() == 0 || r.delivering {
		return nil
	}
	calls := r.observers.tell(r)
	r.hub.told(r, r.version)
	r.delivering = len(calls) > 0
	return calls
}

type call struct {
	token    *Token
	delivery delivery
}

// deliver makes the calls, without locks held: a callback may do anything, also release tokens and close the instance.
func (r *Realm) deliver(calls []call) {
	if len(calls) == 0 {
		return
	}
	r.Retain()     // a callback may give up everything else
	defer func() { // also when a callback panics
		r.mu.Lock()
		r.delivering = false
		r.mu.Unlock()
		for _, c := range calls {
			c.delivery.drop()
		}
		r.Release()
	}()
	for len(calls) > 0 {
		c := calls[0]
		calls = calls[1:]
		r.mu.Lock()
		gone := c.token.released
		r.mu.Unlock()
		if gone {
			c.delivery.drop()
		} else {
			c.delivery.run()
		}
	}
}
