package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/handle"
	"realmsync/core/realm"
)

// derive hands out the instance that f makes of another.
func derive(h handle.Handle, f func(*realm.Realm) (*realm.Realm, error), out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(h)
		if err != nil {
			return err
		}
		other, err := f(r)
		if err != nil {
			return err
		}
		return handOutRealm(other, out)
	})
}

// onRealm calls f with the realm of a handle.
func onRealm(h handle.Handle, f func(*realm.Realm) error, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(h)
		if err != nil {
			return err
		}
		return f(r)
	})
}

// ask returns what f answers for the realm of a handle, the zero value for other handles.
func ask[T any](h handle.Handle, f func(*realm.Realm) T) T {
	return answer(func() (result T) {
		if r := realms.Get(h); r != nil {
			result = f(r.realm)
		}
		return result
	})
}

//export realm_begin_write
func realm_begin_write(h *C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return onRealm(num(unsafe.Pointer(h)), (*realm.Realm).BeginWrite, e)
}

//export realm_commit
func realm_commit(h *C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return onRealm(num(unsafe.Pointer(h)), (*realm.Realm).Commit, e)
}

//export realm_cancel_write
func realm_cancel_write(h *C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return onRealm(num(unsafe.Pointer(h)), (*realm.Realm).Cancel, e)
}

//export realm_is_in_write
func realm_is_in_write(h *C.rs_const_realm_t) C.bool {
	return C.bool(ask(num(unsafe.Pointer(h)), (*realm.Realm).InWrite))
}

//export realm_refresh
func realm_refresh(h *C.realm_t, changed *C.bool, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		moved, err := r.Refresh()
		if err == nil && changed != nil {
			*changed = C.bool(moved)
		}
		return err
	})
}

//export realm_process_notifications
func realm_process_notifications(instance C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error { return realm.Process(uint64(instance)) })
}

//export realm_invalidate
func realm_invalidate(h *C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return onRealm(num(unsafe.Pointer(h)), (*realm.Realm).Invalidate, e)
}

//export realm_get_version
func realm_get_version(h *C.rs_const_realm_t) C.uint64_t {
	return C.uint64_t(ask(num(unsafe.Pointer(h)), (*realm.Realm).Version))
}

//export realm_get_stamp
func realm_get_stamp(h *C.rs_const_realm_t) *C.rs_const_uint64_t {
	return (*C.rs_const_uint64_t)(ask(num(unsafe.Pointer(h)), (*realm.Realm).Stamp))
}

//export realm_is_frozen
func realm_is_frozen(h *C.rs_const_realm_t) C.bool {
	return C.bool(ask(num(unsafe.Pointer(h)), (*realm.Realm).Frozen))
}
