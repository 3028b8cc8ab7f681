package main

/*
#include "abi.h"
*/
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/app"
)

// transportEntry is what a realm_http_transport_t stands for, and the app.Transport that apps make of it. It, and each of those apps, holds a
// reference of the callback.
type transportEntry struct {
	callback *callback
	fn       C.realm_http_send_t
}

var _ app.Transport = (*transportEntry)(nil)

func (t *transportEntry) dispose() { t.callback.release() }

//export rsHTTPTransportCreate
func rsHTTPTransportCreate(fn C.realm_http_send_t, userdata C.uintptr_t, free C.realm_free_userdata_t, out **C.realm_http_transport_t,
	e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return onFailure(cb, func() C.realm_status_t {
		return call(e, func() error {
			if err := need(unsafe.Pointer(out), "out"); err != nil {
				return err
			}
			if fn == nil {
				return need(nil, "send")
			}
			cb.retain() // handOut lets go of the entry when it fails, and onFailure of the other reference
			err := handOut(transports, &transportEntry{cb, fn}, unsafe.Pointer(out))
			if err == nil {
				cb.release()
			}
			return err
		})
	})
}

//export realm_http_transport_release
func realm_http_transport_release(h *C.realm_http_transport_t) {
	letGo(transports, num(unsafe.Pointer(h)))
}

// exchangeEntry is what a realm_http_exchange_t stands for: a request that waits.
type exchangeEntry struct {
	maxBody int64
	over    <-chan struct{} // closed when nobody waits any more
	answer  chan answerOf   // has room for the one answer there is
}

type answerOf struct {
	response *app.Response
	err      error
}

var errNoAnswer = errors.New("the transport gave the request up without an answer")

func (x *exchangeEntry) dispose() { x.answer <- answerOf{err: errNoAnswer} }

// Send implements app.Transport: the application sends the request, and whoever answers it ends the wait.
func (t *transportEntry) Send(ctx context.Context, req *app.Request) (*app.Response, error) {
	x := &exchangeEntry{maxBody: req.MaxBody, over: ctx.Done(), answer: make(chan answerOf, 1)}
	var h handle.Handle
	if err := handOut(exchanges, x, unsafe.Pointer(&h)); err != nil {
		return nil, err
	}
	called := t.callback.run(func() {
		var a arena
		defer a.free()
		in := allocArray[C.realm_http_request_t](&a, 1)
		in[0].method, in[0].url, in[0].body = a.text(req.Method), a.text(req.URL), a.text(string(req.Body))
		in[0].headers, in[0].n_headers = headersToC(&a, req.Header)
		in[0].timeout_ms, in[0].max_body = C.uint64_t(req.Timeout/time.Millisecond), C.uint64_t(req.MaxBody)
		C.rs_call_http_send(t.fn, t.callback.userdata, &in[0], C.uintptr_t(h))
	})
	if !called {
		letGo(exchanges, h)
		return nil, app.ErrClosed
	}
	select {
	case a := <-x.answer:
		return a.response, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

//export realm_http_exchange_answer
func realm_http_exchange_answer(h *C.realm_http_exchange_t, in *C.rs_const_http_response_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(in), "response"); err != nil {
			return err
		}
		x, err := lookUp(exchanges, num(unsafe.Pointer(h)), "exchange")
		if err != nil {
			return err
		}
		response, err := responseOf((*C.realm_http_response_t)(unsafe.Pointer(in)), x.maxBody)
		if err != nil {
			return err
		}
		// Of several answers at the same time one gets it.
		if exchanges.Remove(num(unsafe.Pointer(h))) == nil {
			return failure.Errorf(failure.InvalidHandle, "the request has its answer already")
		}
		x.answer <- response
		select {
		case <-x.over:
			return failure.Errorf(failure.Aborted, "nobody waits for this answer any more")
		default:
			return nil
		}
	})
}

// responseOf copies an answer. One that is too long is an answer, too: that it failed.
func responseOf(in *C.realm_http_response_t, maxBody int64) (a answerOf, err error) {
	if uint64(in.body.size) > uint64(maxBody) {
		return answerOf{err: failure.Errorf(failure.InvalidArgument, "the answer has %d bytes, at most %d are accepted", uint64(in.body.size), maxBody)}, nil
	}
	body, err := bytes(in.body, "body")
	if err != nil {
		return a, err
	}
	r := &app.Response{Status: int(in.status), CustomStatus: int(in.custom_status), Body: append([]byte(nil), body...)}
	if *(*uint8)(unsafe.Pointer(&in.has_client_error)) != 0 {
		r.ClientError = app.Code(in.client_error)
	}
	if r.Header, err = headersOf(in.headers, in.n_headers); err != nil {
		return a, err
	}
	return answerOf{response: r}, nil
}

//export realm_http_exchange_release
func realm_http_exchange_release(h *C.realm_http_exchange_t) {
	letGo(exchanges, num(unsafe.Pointer(h)))
}

//export rsHTTPSend
func rsHTTPSend(config *C.rs_const_network_config_t, in *C.rs_const_http_request_t, fn C.realm_http_response_callback_t, userdata C.uintptr_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		n, err := networkOf(config)
		if err != nil {
			return err
		}
		defer n.release()
		if err := need(unsafe.Pointer(in), "request"); err != nil {
			return err
		}
		if fn == nil {
			return need(nil, "callback")
		}
		req, err := requestOf((*C.realm_http_request_t)(unsafe.Pointer(in)))
		if err != nil {
			return err
		}
		transport, err := app.NewHTTPTransport(app.HTTPOptions{Options: n.Options})
		if err != nil {
			return err
		}
		defer transport.Close()
		ctx, cancel := context.WithTimeout(context.Background(), req.Timeout)
		defer cancel()
		resp, err := transport.Send(ctx, req)
		if err != nil {
			return failure.Errorf(failure.Network, "%v", err)
		}
		var a arena
		defer a.free()
		out := allocArray[C.realm_http_response_t](&a, 1)
		out[0].status, out[0].body = C.int32_t(resp.Status), a.text(string(resp.Body))
		out[0].headers, out[0].n_headers = headersToC(&a, resp.Header)
		C.rs_call_http_response(fn, userdata, &out[0])
		return nil
	})
}

// maxBuiltInBody is the longest answer of realm_http_send unless the request says otherwise, in bytes.
const maxBuiltInBody = 32 << 20

func requestOf(in *C.realm_http_request_t) (*app.Request, error) {
	r := &app.Request{Timeout: milliseconds(in.timeout_ms), MaxBody: int64(min(uint64(in.max_body), maxText))}
	if r.Timeout == 0 {
		r.Timeout = app.DefaultTimeout
	}
	if r.MaxBody == 0 {
		r.MaxBody = maxBuiltInBody
	}
	var err error
	if r.Method, err = text(in.method, "method"); err != nil {
		return nil, err
	}
	if r.URL, err = text(in.url, "url"); err != nil {
		return nil, err
	}
	if r.Body, err = bytes(in.body, "body"); err != nil {
		return nil, err
	}
	r.Header, err = headersOf(in.headers, in.n_headers)
	return r, err
}
