package main

/*
#include "abi.h"
*/
import "C"

import (
	"sync"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/session"
	"realmsync/core/value"
)

// setEntry is what a realm_subscription_set_t stands for, with its strings in C memory.
type setEntry struct {
	set *client.SubscriptionSet

	mu       sync.Mutex
	arena    arena
	made     bool // list and text are those of the contents number changes
	changes  int
	list     []C.realm_subscription_t
	text     C.realm_string_t // the server's
	disposed bool
}

func (s *setEntry) dispose() {
	s.set.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disposed = true
	s.list, s.text = nil, C.realm_string_t{}
	s.arena.free()
}

// contents calls f with the subscriptions and the server's text as C has them. Their strings live until the set changes.
func (s *setEntry) contents(f func(list []C.realm_subscription_t, text C.realm_string_t)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.View(func(set *history.Set, changes int) {
		if s.disposed || s.made && s.changes == changes {
			return
		}
		s.arena.free()
		s.made, s.changes = true, changes
		s.text = s.arena.text(set.Error)
		s.list = make([]C.realm_subscription_t, len(set.Subscriptions))
		for i := range set.Subscriptions {
			s.list[i] = subscriptionToC(&set.Subscriptions[i], &s.arena)
		}
	})
	f(s.list, s.text)
}

func subscriptionToC(x *history.Subscription, a *arena) C.realm_subscription_t {
	out := C.realm_subscription_t{
		has_name: C.bool(x.HasName), name: a.text(x.Name), class_name: a.text(x.Class), query: a.text(x.Query),
		created_at: toC(value.FromTimestamp(value.TimestampFromUnixMilli(x.Created))),
		updated_at: toC(value.FromTimestamp(value.TimestampFromUnixMilli(x.Updated))),
	}
	for i, b := range x.ID {
		out.id[i] = C.uint8_t(b)
	}
	return out
}

func setOf(h handle.Handle) (*setEntry, error) { return lookUp(sets, h, "subscription set") }

func handOutSet(s *client.SubscriptionSet, out **C.realm_subscription_set_t) error {
	return handOut(sets, &setEntry{set: s}, unsafe.Pointer(out))
}

// onSet calls f with the set of a handle.
func onSet(h handle.Handle, e *C.realm_error_t, f func(s *setEntry) error) C.realm_status_t {
	return call(e, func() error {
		s, err := setOf(h)
		if err != nil {
			return err
		}
		return f(s)
	})
}

// askSet returns what f answers for the set of a handle, and other for what is no handle.
func askSet[T any](h handle.Handle, other T, f func(s *setEntry) T) T {
	return answer(func() T {
		if s := sets.Get(h); s != nil {
			return f(s)
		}
		return other
	})
}

func setFrom(h handle.Handle, read func(*realm.Realm) (*client.SubscriptionSet, error), out **C.realm_subscription_set_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(h)
		if err != nil {
			return err
		}
		s, err := read(r)
		if err != nil {
			return err
		}
		return handOutSet(s, out)
	})
}

//export realm_get_active_subscription_set
func realm_get_active_subscription_set(h *C.realm_t, out **C.realm_subscription_set_t, e *C.realm_error_t) C.realm_status_t {
	return setFrom(num(unsafe.Pointer(h)), theClient.ActiveSubscriptions, out, e)
}

//export realm_get_latest_subscription_set
func realm_get_latest_subscription_set(h *C.realm_t, out **C.realm_subscription_set_t, e *C.realm_error_t) C.realm_status_t {
	return setFrom(num(unsafe.Pointer(h)), theClient.LatestSubscriptions, out, e)
}

//export realm_subscription_set_release
func realm_subscription_set_release(h *C.realm_subscription_set_t) {
	letGo(sets, num(unsafe.Pointer(h)))
}

//export realm_subscription_set_version
func realm_subscription_set_version(h *C.rs_const_set_t) C.int64_t {
	return askSet(num(unsafe.Pointer(h)), -1, func(s *setEntry) (version C.int64_t) {
		s.set.View(func(set *history.Set, _ int) { version = C.int64_t(set.Version) })
		return version
	})
}

//export realm_subscription_set_state
func realm_subscription_set_state(h *C.rs_const_set_t) C.realm_subscription_state_t {
	return askSet(num(unsafe.Pointer(h)), C.REALM_SUBSCRIPTIONS_UNCOMMITTED,
		func(s *setEntry) (state C.realm_subscription_state_t) {
			s.set.View(func(set *history.Set, _ int) { state = C.realm_subscription_state_t(set.State) })
			return state
		})
}

//export realm_subscription_set_error
func realm_subscription_set_error(h *C.rs_const_set_t) C.realm_string_t {
	return askSet(num(unsafe.Pointer(h)), C.realm_string_t{}, func(s *setEntry) (out C.realm_string_t) {
		s.contents(func(_ []C.realm_subscription_t, text C.realm_string_t) { out = text })
		return out
	})
}

//export realm_subscription_set_size
func realm_subscription_set_size(h *C.rs_const_set_t) C.size_t {
	return askSet(num(unsafe.Pointer(h)), 0, func(s *setEntry) (n C.size_t) {
		s.set.View(func(set *history.Set, _ int) { n = C.size_t(len(set.Subscriptions)) })
		return n
	})
}

//export realm_subscription_set_get
func realm_subscription_set_get(h *C.rs_const_set_t, index C.size_t, out *C.realm_subscription_t,
	e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) (err error) {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		s.contents(func(list []C.realm_subscription_t, _ C.realm_string_t) {
			if uint64(index) >= uint64(len(list)) {
				err = failure.Errorf(failure.OutOfRange, "there is no subscription %d, the set has %d", uint64(index), len(list))
				return
			}
			*out = list[index]
		})
		return err
	})
}

//export realm_subscription_set_find
func realm_subscription_set_find(h *C.rs_const_set_t, name C.realm_string_t) C.size_t {
	return askSet(num(unsafe.Pointer(h)), C.SIZE_MAX, func(s *setEntry) C.size_t {
		at := -1
		if n, err := text(name, "name"); err == nil {
			s.set.View(func(set *history.Set, _ int) { at = set.Find(n) })
		}
		if at < 0 {
			return C.SIZE_MAX
		}
		return C.size_t(at)
	})
}

//export realm_subscription_set_refresh
func realm_subscription_set_refresh(h *C.realm_subscription_set_t, e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error { return s.set.Refresh() })
}

//export realm_subscription_set_make_mutable
func realm_subscription_set_make_mutable(h *C.rs_const_set_t, out **C.realm_subscription_set_t,
	e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		m, err := s.set.MakeMutable()
		if err != nil {
			return err
		}
		return handOutSet(m, out)
	})
}

//export realm_subscription_set_add
func realm_subscription_set_add(h *C.realm_subscription_set_t, hasName C.bool, name, class, query C.realm_string_t,
	args *C.rs_const_value_t, n C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error {
		var subscription string
		if hasName {
			var err error
			if subscription, err = text(name, "name"); err != nil {
				return err
			}
		}
		c, err := text(class, "class_name")
		if err != nil {
			return err
		}
		q, list, err := queryOf(query, args, n)
		if err != nil {
			return err
		}
		return s.set.Add(bool(hasName), subscription, c, q, list, int(n))
	})
}

//export realm_subscription_set_remove
func realm_subscription_set_remove(h *C.realm_subscription_set_t, name C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error {
		n, err := text(name, "name")
		if err != nil {
			return err
		}
		return s.set.Remove(n)
	})
}

//export realm_subscription_set_clear
func realm_subscription_set_clear(h *C.realm_subscription_set_t, e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error { return s.set.Clear() })
}

//export realm_subscription_set_commit
func realm_subscription_set_commit(h *C.realm_subscription_set_t, e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error { return s.set.Commit() })
}

//export rsSubscriptionSetWait
func rsSubscriptionSetWait(h *C.realm_subscription_set_t, fn C.realm_subscription_callback_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error {
			if fn == nil {
				return need(nil, "callback")
			}
			return s.set.Wait(func(state session.SetState, err error) {
				status, details := newError(err)
				if state == session.Failed {
					status = C.REALM_OK
				}
				C.rs_call_subscription(fn, userdata, status, C.realm_subscription_state_t(state), details)
				cb.release()
			})
		})
	})
}

//export realm_subscription_set_wait_blocking
func realm_subscription_set_wait_blocking(h *C.realm_subscription_set_t, timeout C.uint64_t, out *C.realm_subscription_state_t,
	e *C.realm_error_t) C.realm_status_t {
	return onSet(num(unsafe.Pointer(h)), e, func(s *setEntry) error {
		state, err := s.set.WaitFor(milliseconds(timeout))
		if state == session.Failed {
			err = nil
		}
		if err == nil && out != nil {
			*out = C.realm_subscription_state_t(state)
		}
		return err
	})
}
