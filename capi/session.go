package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/handle"
	"realmsync/core/client"
)

// sessionEntry is what a realm_session_t stands for.
type sessionEntry struct{ session *client.Session }

func (*sessionEntry) dispose() {}

// onSession calls f with the session of a handle.
func onSession(h handle.Handle, e *C.realm_error_t, f func(s *client.Session) error) C.realm_status_t {
	return call(e, func() error {
		entry, err := lookUp(sessions, h, "session")
		if err != nil {
			return err
		}
		return f(entry.session)
	})
}

//export realm_get_sync_session
func realm_get_sync_session(h *C.realm_t, out **C.realm_session_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		s, err := theClient.SessionOf(r)
		if err != nil {
			return err
		}
		return handOut(sessions, &sessionEntry{s}, unsafe.Pointer(out))
	})
}

//export realm_session_release
func realm_session_release(h *C.realm_session_t) { letGo(sessions, num(unsafe.Pointer(h))) }

//export realm_session_retain
func realm_session_retain(h *C.realm_session_t, out **C.realm_session_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		return handOut(sessions, &sessionEntry{s}, unsafe.Pointer(out))
	})
}

//export realm_session_state
func realm_session_state(h *C.rs_const_session_t, out *C.realm_session_state_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		state, err := s.State()
		if err == nil {
			*out = C.realm_session_state_t(state)
		}
		return err
	})
}

//export realm_session_connection_state
func realm_session_connection_state(h *C.rs_const_session_t, out *C.realm_connection_state_t,
	e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		state, err := s.ConnectionState()
		if err == nil {
			*out = C.realm_connection_state_t(state)
		}
		return err
	})
}

//export realm_session_pause
func realm_session_pause(h *C.realm_session_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, (*client.Session).Pause)
}

//export realm_session_resume
func realm_session_resume(h *C.realm_session_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, (*client.Session).Resume)
}

//export realm_session_reconnect
func realm_session_reconnect(h *C.realm_session_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, (*client.Session).Reconnect)
}

//export realm_session_get_file_ident
func realm_session_get_file_ident(h *C.realm_session_t, out *C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		ident, err := s.FileIdent()
		if err == nil {
			*out = C.uint64_t(ident)
		}
		return err
	})
}

//export realm_session_simulate_error
func realm_session_simulate_error(h *C.realm_session_t, code C.int32_t, message C.realm_string_t, again C.bool, action C.realm_string_t,
	e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		m, err := text(message, "message")
		if err != nil {
			return err
		}
		a, err := text(action, "action")
		if err != nil {
			return err
		}
		return s.Fail(int32(code), m, bool(again), a)
	})
}

// waitWith starts a wait that ends in a callback. It owns the callback, also when it fails.
func waitWith(h handle.Handle, fn C.realm_wait_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t, e *C.realm_error_t,
	wait func(*client.Session, func(error)) error) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return onSession(h, e, func(s *client.Session) error {
			if fn == nil {
				return need(nil, "callback")
			}
			return wait(s, func(err error) {
				status, details := newError(err)
				C.rs_call_wait(fn, userdata, status, details)
				cb.release()
			})
		})
	})
}

// onFailure lets go of a callback when what f registers has failed.
func onFailure(cb *callback, f func() C.realm_status_t) C.realm_status_t {
	status := f()
	if status != C.REALM_OK {
		cb.release()
	}
	return status
}

//export rsWaitForUpload
func rsWaitForUpload(h *C.realm_session_t, fn C.realm_wait_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	e *C.realm_error_t) C.realm_status_t {
	return waitWith(num(unsafe.Pointer(h)), fn, userdata, free, e, (*client.Session).WaitForUpload)
}

//export rsWaitForDownload
func rsWaitForDownload(h *C.realm_session_t, fn C.realm_wait_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	e *C.realm_error_t) C.realm_status_t {
	return waitWith(num(unsafe.Pointer(h)), fn, userdata, free, e, (*client.Session).WaitForDownload)
}

//export realm_wait_for_upload_blocking
func realm_wait_for_upload_blocking(h *C.realm_session_t, timeout C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e,
		func(s *client.Session) error { return s.WaitForUploadFor(milliseconds(timeout)) })
}

//export realm_wait_for_download_blocking
func realm_wait_for_download_blocking(h *C.realm_session_t, timeout C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e,
		func(s *client.Session) error { return s.WaitForDownloadFor(milliseconds(timeout)) })
}
