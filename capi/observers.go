package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/client"
	"realmsync/core/session"
)

//export rsSessionObserveConnection
func rsSessionObserveConnection(h *C.realm_session_t, fn C.realm_connection_callback_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, token *C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
			if err := need(unsafe.Pointer(token), "token"); err != nil {
				return err
			}
			if fn == nil {
				return need(nil, "callback")
			}
			t, err := s.ObserveConnection(client.ConnectionObserver{
				Changed: func(old, now session.ConnectionState) {
					cb.run(func() {
						C.rs_call_connection(fn, userdata, C.realm_connection_state_t(old), C.realm_connection_state_t(now))
					})
				},
				Close: cb.release,
			})
			if err == nil {
				*token = C.uint64_t(t)
			}
			return err
		})
	})
}

//export realm_session_unobserve_connection
func realm_session_unobserve_connection(h *C.realm_session_t, token C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error { return s.UnobserveConnection(uint64(token)) })
}

//export rsSessionSetErrorHandler
func rsSessionSetErrorHandler(h *C.realm_session_t, fn C.realm_sync_error_callback_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	taken := false
	status := onSession(num(unsafe.Pointer(h)), e, func(s *client.Session) error {
		if fn == nil {
			return s.SetErrorHandler(nil)
		}
		taken = true
		return s.SetErrorHandler(&errorCallback{cb, fn})
	})
	if !taken {
		cb.release()
	}
	return status
}
