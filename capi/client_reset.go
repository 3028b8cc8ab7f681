package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/session"
)

//export rsConfigSetClientReset
func rsConfigSetClientReset(h *C.realm_config_t, reset *C.rs_const_client_reset_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		var r *resetCallback
		if err == nil && reset != nil {
			r = &resetCallback{cb, *(*C.realm_client_reset_t)(unsafe.Pointer(reset))}
			if mode := r.fns.mode; mode > C.REALM_CLIENT_RESET_RECOVER_OR_DISCARD {
				err = failure.Errorf(failure.InvalidArgument, "%d is no mode of client reset", uint32(mode))
			}
		}
		if err == nil {
			err = c.change(func() (old *callback) {
				if c.reset != nil {
					old = c.reset.callback
				}
				c.reset = r
				return old
			})
		}
		if err != nil || r == nil {
			cb.release()
		}
		return err
	})
}

// resetCallback is how an application wants client resets. Each owner holds a reference of the callback.
type resetCallback struct {
	callback *callback
	fns      C.realm_client_reset_t
}

var _ client.ResetHandler = (*resetCallback)(nil)

// Close lets go of it.
func (h *resetCallback) Close() { h.callback.release() }

// Mode implements client.ResetHandler. A number that is no mode is the manual one, and so is that of a callback that was freed.
func (h *resetCallback) Mode() (mode session.ResetMode) {
	h.callback.run(func() {
		m := h.fns.mode
		if h.fns.get_mode != nil {
			m = C.rs_call_reset_mode(h.fns.get_mode, h.callback.userdata)
		}
		if m <= C.REALM_CLIENT_RESET_RECOVER_OR_DISCARD {
			mode = session.ResetMode(m)
		}
	})
	return mode
}

// Before implements client.ResetHandler.
func (h *resetCallback) Before(local *realm.Realm) (err error) {
	if h.fns.before == nil {
		return nil
	}
	h.callback.run(func() {
		err = lend(func(e *C.realm_error_t, handles []C.uintptr_t) bool {
			return bool(C.rs_call_before_reset(h.fns.before, h.callback.userdata, handles[0], e))
		}, local)
	})
	return err
}

// After implements client.ResetHandler.
func (h *resetCallback) After(local, remote *realm.Realm, recovered bool) (err error) {
	if h.fns.after == nil {
		return nil
	}
	h.callback.run(func() {
		err = lend(func(e *C.realm_error_t, handles []C.uintptr_t) bool {
			return bool(C.rs_call_after_reset(h.fns.after, h.callback.userdata, handles[0], handles[1], C.bool(recovered), e))
		}, local, remote)
	})
	return err
}

// lend calls f with handles of realms that live as long as the call. False is an error with the text that f has left.
func lend(f func(e *C.realm_error_t, handles []C.uintptr_t) bool, lent ...*realm.Realm) error {
	handles := make([]C.uintptr_t, len(lent))
	for i, r := range lent {
		var out handle.Handle
		if err := handOut(realms, &instance{realm: r.Retain()}, unsafe.Pointer(&out)); err != nil {
			return err
		}
		defer letGo(realms, out)
		handles[i] = C.uintptr_t(out)
	}
	e := new(C.realm_error_t)
	if f(e, handles) {
		return nil
	}
	if text := textOf(e.message[:]); text != "" {
		return errors.New(text)
	}
	return errors.New("the application gave the client reset up")
}

// textOf reads a text that ends in NUL, or with the array.
func textOf(from []C.char) string {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(from))), len(from))
	for i, b := range bytes {
		if b == 0 {
			return string(bytes[:i])
		}
	}
	return string(bytes)
}
