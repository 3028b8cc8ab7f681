package app

import "sync"

// UserEvent is what happened to a user.
type UserEvent int

// The events of a user (sync-semantics 1.7).
const (
	UserLoggedIn       UserEvent = iota + 1 // was logged out before; has tokens now
	UserLoggedOut                           // the tokens are gone; sessions stop
	UserRemoved                             // like UserLoggedOut, for good: its realms will be deleted
	UserTokenUpdated                        // a new access token; the user was logged in before and is
	UserProfileUpdated                      // identities or profile changed
)

// String returns the event in words.
func (e UserEvent) String() string {
	switch e {
	case UserLoggedIn:
		return "logged in"
	case UserLoggedOut:
		return "logged out"
	case UserRemoved:
		return "removed"
	case UserTokenUpdated:
		return "token updated"
	case UserProfileUpdated:
		return "profile updated"
	}
	return "unknown"
}

// UserChange tells an observer what happened. The user may have changed again since: read state and token from User.
type UserChange struct {
	User  *User
	Event UserEvent
}

// observers is a set of callbacks in the order of registration. The zero value is empty. The owner's lock guards it.
type observers[F any] struct {
	list []observer[F]
	next int
}

type observer[F any] struct {
	id int
	fn F
}

func (o *observers[F]) add(fn F) (id int) {
	o.next++
	o.list = append(o.list[:len(o.list):len(o.list)], observer[F]{o.next, fn})
	return o.next
}

// remove leaves slices that snapshot handed out alone.
func (o *observers[F]) remove(id int) {
	for i, x := range o.list {
		if x.id == id {
			list := append(make([]observer[F], 0, len(o.list)-1), o.list[:i]...)
			o.list = append(list, o.list[i+1:]...)
			return
		}
	}
}

// has reports whether a callback is still there.
func (o *observers[F]) has(id int) bool {
	for _, x := range o.list {
		if x.id == id {
			return true
		}
	}
	return false
}

// snapshot returns the callbacks of this moment.
func (o *observers[F]) snapshot() []observer[F] { return o.list }

// eventQueue calls observers in the order of the changes, one at a time, without holding a lock. What an observer itself
// causes is queued and called after it returns.
type eventQueue struct {
	mu       sync.Mutex
	pending  []func()
	draining bool
}

// push is called while the lock under which the change was made is still held: that gives the order.
func (q *eventQueue) push(fn func()) {
	q.mu.Lock()
	q.pending = append(q.pending, fn)
	q.mu.Unlock()
}

// drain makes the pending calls, unless another goroutine is doing so: that one then makes these as well.
func (q *eventQueue) drain() {
	q.mu.Lock()
	if q.draining {
		q.mu.Unlock()
		return
	}
	q.draining = true
	finished := false
	// An observer that panics must not silence all later events.
	defer func() {
		if !finished {
			q.mu.Lock()
			q.draining = false
			q.mu.Unlock()
		}
	}()
	for len(q.pending) > 0 {
		fn := q.pending[0]
		q.pending = q.pending[1:]
		q.mu.Unlock()
		fn()
		q.mu.Lock()
	}
	q.draining = false
	finished = true
	q.mu.Unlock()
}
