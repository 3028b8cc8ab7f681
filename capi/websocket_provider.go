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
	"realmsync/core/session"
	"realmsync/core/wire"
)

// providerEntry is what a realm_websocket_provider_t stands for, and the session.SocketHost that apps make a Dialer of. It, each of those apps,
// and each open socket hold a reference of the callback.
type providerEntry struct {
	callback *callback
	fns      C.realm_websocket_provider_callbacks_t
}

var _ session.SocketHost = (*providerEntry)(nil)

func (p *providerEntry) dispose() { p.callback.release() }

//export rsWebSocketProviderCreate
func rsWebSocketProviderCreate(fns *C.rs_const_provider_callbacks_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	out **C.realm_websocket_provider_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return call(e, func() error {
			if err := need(unsafe.Pointer(out), "out"); err != nil {
				return err
			}
			if err := need(unsafe.Pointer(fns), "callbacks"); err != nil {
				return err
			}
			all := *(*C.realm_websocket_provider_callbacks_t)(unsafe.Pointer(fns))
			if all.connect == nil || all.write == nil || all.close == nil {
				return failure.Errorf(failure.InvalidArgument, "a provider needs all of connect, write and close")
			}
			cb.retain() // handOut lets go of the entry when it fails, and onFailure of the other reference
			err := handOut(providers, &providerEntry{cb, all}, unsafe.Pointer(out))
			if err == nil {
				cb.release()
			}
			return err
		})
	})
}

//export realm_websocket_provider_release
func realm_websocket_provider_release(h *C.realm_websocket_provider_t) {
	letGo(providers, num(unsafe.Pointer(h)))
}

var (
	errProviderGone   = errors.New("the WebSocket provider is gone")
	errProviderFailed = errors.New("the WebSocket provider made no socket")
)

// Connect implements session.SocketHost. The Peer of a socket is the application's number for it.
func (p *providerEntry) Connect(s *session.HostSocket, url string, protocols []string) error {
	if !p.callback.retain() {
		return errProviderGone
	}
	var h handle.Handle
	if err := handOut(observers, &observerEntry{s}, unsafe.Pointer(&h)); err != nil {
		p.callback.release()
		return err
	}
	var a arena
	defer a.free()
	offered := allocArray[C.realm_string_t](&a, len(protocols))
	for i, name := range protocols {
		offered[i] = a.text(name)
	}
	socket := C.rs_call_provider_connect(p.fns, p.callback.userdata, a.text(url), unsafe.SliceData(offered), C.size_t(len(offered)), C.uintptr_t(h))
	if socket == 0 {
		p.callback.release()
		return errProviderFailed
	}
	s.Peer = socket
	return nil
}

// Write implements session.SocketHost.
func (p *providerEntry) Write(s *session.HostSocket, msg []byte) {
	C.rs_call_provider_write(p.fns, p.callback.userdata, s.Peer.(C.uintptr_t), (*C.char)(unsafe.Pointer(unsafe.SliceData(msg))), C.size_t(len(msg)))
}

// Close implements session.SocketHost.
func (p *providerEntry) Close(s *session.HostSocket) {
	C.rs_call_provider_close(p.fns, p.callback.userdata, s.Peer.(C.uintptr_t))
	p.callback.release()
}

// observerEntry is what a realm_websocket_observer_t stands for.
type observerEntry struct{ socket *session.HostSocket }

func (o *observerEntry) dispose() {
	o.socket.Closed(C.REALM_WEBSOCKET_READ_ERROR, "the WebSocket provider let go of the connection")
}

// onObserver calls f with the socket of an observer.
func onObserver(h *C.realm_websocket_observer_t, e *C.realm_error_t, f func(s *session.HostSocket) error) C.realm_status_t {
	return call(e, func() error {
		o, err := lookUp(observers, num(unsafe.Pointer(h)), "WebSocket observer")
		if err != nil {
			return err
		}
		return f(o.socket)
	})
}

//export realm_websocket_observer_connected
func realm_websocket_observer_connected(h *C.realm_websocket_observer_t, protocol C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onObserver(h, e, func(s *session.HostSocket) error {
		name, err := text(protocol, "protocol")
		if err == nil {
			s.Connected(name)
		}
		return err
	})
}

//export realm_websocket_observer_received
func realm_websocket_observer_received(h *C.realm_websocket_observer_t, message C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onObserver(h, e, func(s *session.HostSocket) error {
		msg, err := bytes(message, "message")
		if err != nil {
			return err
		}
		if !s.Received(msg) {
			return failure.Errorf(failure.Aborted, "the connection is over")
		}
		return nil
	})
}

//export realm_websocket_observer_written
func realm_websocket_observer_written(h *C.realm_websocket_observer_t, ok C.bool, e *C.realm_error_t) C.realm_status_t {
	return onObserver(h, e, func(s *session.HostSocket) error {
		s.Written(bool(ok))
		return nil
	})
}

//export realm_websocket_observer_closed
func realm_websocket_observer_closed(h *C.realm_websocket_observer_t, code C.int32_t, reason C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onObserver(h, e, func(s *session.HostSocket) error {
		why, err := text(reason, "reason")
		if err == nil {
			s.Closed(wire.CloseCode(code), why)
		}
		return err
	})
}

//export realm_websocket_observer_release
func realm_websocket_observer_release(h *C.realm_websocket_observer_t) {
	letGo(observers, num(unsafe.Pointer(h)))
}
