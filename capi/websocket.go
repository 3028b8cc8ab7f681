package main

/*
#include "abi.h"
*/
import "C"

import (
	"context"
	"sync"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/session"
)

// maxProtocols bounds how many sub-protocols are offered.
const maxProtocols = 64

// websocketEntry is what a realm_websocket_t stands for. Its goroutines hold a reference of the callback until they have ended.
type websocketEntry struct {
	ctx      context.Context //nolint:containedctx // the life of the socket
	cancel   context.CancelFunc
	callback *callback
	fns      C.realm_websocket_callbacks_t

	mu      sync.Mutex
	waiting []*outgoing
	ended   bool
	signal  chan struct{} // has one when waiting may have some
}

// outgoing is a message that is to be sent.
type outgoing struct {
	message  []byte
	callback *callback
	fn       C.realm_websocket_written_t // may be nil
}

func (w *websocketEntry) dispose() { w.cancel() }

//export rsWebSocketOpen
func rsWebSocketOpen(config *C.rs_const_network_config_t, address C.realm_string_t, protocols *C.rs_const_string_t, n C.size_t,
	fns *C.rs_const_websocket_callbacks_t, userdata C.uintptr_t, free C.realm_free_userdata_t, out **C.realm_websocket_t,
	e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return call(e, func() error {
			network, err := networkOf(config)
			if err != nil {
				return err
			}
			if err := openWebSocket(network, address, protocols, n, fns, cb, out); err != nil {
				network.release()
				return err
			}
			return nil
		})
	})
}

// openWebSocket takes over the callback and the network, unless it fails.
func openWebSocket(n network, address C.realm_string_t, protocols *C.rs_const_string_t, count C.size_t, fns *C.rs_const_websocket_callbacks_t,
	cb *callback, out **C.realm_websocket_t) error {
	if err := need(unsafe.Pointer(out), "out"); err != nil {
		return err
	}
	if err := need(unsafe.Pointer(fns), "callbacks"); err != nil {
		return err
	}
	all := *(*C.realm_websocket_callbacks_t)(unsafe.Pointer(fns))
	if all.connected == nil || all.received == nil || all.closed == nil {
		return failure.Errorf(failure.InvalidArgument, "a WebSocket needs all of connected, received and closed")
	}
	target, err := text(address, "url")
	if err != nil {
		return err
	}
	offered, err := textsOf(protocols, count, maxProtocols, "protocols")
	if err != nil {
		return err
	}
	w := &websocketEntry{callback: cb, fns: all, signal: make(chan struct{}, 1)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if err := handOut(websockets, w, unsafe.Pointer(out)); err != nil {
		return err
	}
	go w.run(session.NewWebSocketDialer(session.WebSocketOptions{Protocols: offered, Options: n.Options}), target, n.verify)
	return nil
}

// tell calls the application, unless the socket has been released.
func (w *websocketEntry) tell(f func(userdata C.uintptr_t)) {
	if w.ctx.Err() == nil {
		w.callback.run(func() { f(w.callback.userdata) })
	}
}

// run opens the socket and reads it to its end.
func (w *websocketEntry) run(dialer session.Dialer, url string, verify *callback) {
	var group sync.WaitGroup
	defer func() {
		w.cancel()
		group.Wait()
		w.end()
		verify.release()
		w.callback.release()
	}()
	// A defect ends the socket, not the program.
	answer(func() struct{} {
		socket, err := dialer.Dial(w.ctx, url)
		if err != nil {
			w.closed(err)
			return struct{}{}
		}
		protocol := ""
		if named, ok := socket.(interface{ Subprotocol() string }); ok {
			protocol = named.Subprotocol()
		}
		w.tell(func(userdata C.uintptr_t) {
			C.rs_call_websocket_connected(w.fns, userdata, (*C.char)(unsafe.Pointer(unsafe.StringData(protocol))), C.size_t(len(protocol)))
		})
		group.Go(func() { answer(func() struct{} { w.write(socket); return struct{}{} }) })
		for {
			msg, err := socket.Read()
			if err != nil {
				w.closed(err)
				return struct{}{}
			}
			w.tell(func(userdata C.uintptr_t) {
				C.rs_call_websocket_received(w.fns, userdata, (*C.char)(unsafe.Pointer(unsafe.SliceData(msg))), C.size_t(len(msg)))
			})
		}
	})
}

func (w *websocketEntry) closed(err error) {
	code, reason := session.CloseOf(err)
	w.tell(func(userdata C.uintptr_t) {
		C.rs_call_websocket_closed(w.fns, userdata, C.int32_t(code), (*C.char)(unsafe.Pointer(unsafe.StringData(reason))), C.size_t(len(reason)))
	})
}

// write sends what there is to send, in order.
func (w *websocketEntry) write(socket session.Socket) {
	for {
		w.mu.Lock()
		waiting := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		for _, o := range waiting {
			err := socket.Write(o.message)
			if w.ctx.Err() == nil && o.fn != nil {
				o.callback.run(func() { C.rs_call_websocket_written(o.fn, o.callback.userdata, C.bool(err == nil)) })
			}
			o.callback.release()
		}
		select {
		case <-w.signal:
		case <-w.ctx.Done():
			return
		}
	}
}

// end lets go of what was not sent.
func (w *websocketEntry) end() {
	w.mu.Lock()
	waiting := w.waiting
	w.waiting, w.ended = nil, true
	w.mu.Unlock()
	for _, o := range waiting {
		o.callback.release()
	}
}

//export rsWebSocketWrite
func rsWebSocketWrite(h *C.realm_websocket_t, message C.realm_string_t, fn C.realm_websocket_written_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return call(e, func() error {
			w, err := lookUp(websockets, num(unsafe.Pointer(h)), "WebSocket")
			if err != nil {
				return err
			}
			msg, err := bytes(message, "message")
			if err != nil {
				return err
			}
			o := &outgoing{append([]byte(nil), msg...), cb, fn}
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.ended || w.ctx.Err() != nil {
				return failure.Errorf(failure.Aborted, "the WebSocket is closed")
			}
			w.waiting = append(w.waiting, o)
			select {
			case w.signal <- struct{}{}:
			default:
			}
			return nil
		})
	})
}

//export realm_websocket_release
func realm_websocket_release(h *C.realm_websocket_t) { letGo(websockets, num(unsafe.Pointer(h))) }
