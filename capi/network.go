package main

/*
#include "abi.h"
*/
import "C"

import (
	"net/url"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/outbound"
)

// maxHeaders bounds how many headers are handed in.
const maxHeaders = 1024

// network is a copied realm_network_config_t. verify is a reference of its callback, nil without one.
type network struct {
	outbound.Options
	verify *callback
}

// networkOf copies a configuration; NULL is the zero value. What it takes of the callback is let go of with release, also by networkOf when it
// fails.
func networkOf(p *C.rs_const_network_config_t) (n network, err error) {
	if p == nil {
		return n, nil
	}
	in := (*C.realm_network_config_t)(unsafe.Pointer(p))
	if in.struct_size != C.sizeof_realm_network_config_t {
		return n, failure.Errorf(failure.InvalidArgument, "struct_size is %d, not %d, the size of realm_network_config_t",
			uint64(in.struct_size), uint64(C.sizeof_realm_network_config_t))
	}
	// As a number: see doc.go.
	n.verify = newCallback(*(*C.uintptr_t)(unsafe.Pointer(&in.verify_userdata)), in.verify_free_userdata)
	defer func() {
		if err != nil {
			n.release()
		}
	}()
	if n.Headers, err = headersOf(in.headers, in.n_headers); err != nil {
		return n, err
	}
	if n.Proxy, err = proxyOf(in); err != nil {
		return n, err
	}
	n.SkipVerify = *(*uint8)(unsafe.Pointer(&in.skip_certificate_check)) != 0
	if in.trust_certificate_path.size > 0 {
		if n.TrustFile, err = pathText(in.trust_certificate_path); err != nil {
			return n, err
		}
	}
	if fn := in.verify; fn != nil {
		n.Verify = func(c outbound.Certificate) (yes bool) { return askVerify(fn, n.verify, c) }
	}
	// What can't be used is told now, and not by each connection.
	if _, err := n.Transport(); err != nil {
		return n, failure.Errorf(failure.InvalidArgument, "%v", err)
	}
	return n, nil
}

func (n *network) release() { n.verify.release() }

// hold keeps what the connections need, until the returned function is called.
func (n *network) hold() (release func()) {
	n.verify.retain()
	return n.verify.release
}

func askVerify(fn C.realm_verify_certificate_t, cb *callback, c outbound.Certificate) (yes bool) {
	cb.run(func() {
		var a arena
		defer a.free()
		yes = bool(C.rs_call_verify(fn, cb.userdata, a.text(c.Host), C.uint16_t(c.Port), a.text(string(c.PEM)), C.bool(c.Valid), C.int32_t(c.Depth)))
	})
	return yes
}

func proxyOf(in *C.realm_network_config_t) (*outbound.Proxy, error) {
	host, err := text(in.proxy_host, "proxy_host")
	if err != nil || host == "" {
		return nil, err
	}
	p := &outbound.Proxy{Host: host, Port: int(in.proxy_port)}
	if *(*uint8)(unsafe.Pointer(&in.has_proxy_credentials)) != 0 {
		user, err := text(in.proxy_user, "proxy_user")
		if err != nil {
			return nil, err
		}
		password, err := text(in.proxy_password, "proxy_password")
		if err != nil {
			return nil, err
		}
		p.Credentials = url.UserPassword(user, password)
	}
	return p, nil
}

// headersOf copies headers.
func headersOf(p *C.realm_http_header_t, n C.size_t) (map[string]string, error) {
	list, err := array(p, n, maxHeaders, "headers")
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := make(map[string]string, len(list))
	for i := range list {
		name, err := text(list[i].name, "header name")
		if err != nil {
			return nil, err
		}
		value, err := text(list[i].value, "header value")
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// headersToC writes headers into C memory.
func headersToC(a *arena, headers map[string]string) (*C.realm_http_header_t, C.size_t) {
	list := allocArray[C.realm_http_header_t](a, len(headers))
	i := 0
	for name, value := range headers {
		list[i] = C.realm_http_header_t{name: a.text(name), value: a.text(value)}
		i++
	}
	return unsafe.SliceData(list), C.size_t(len(list))
}

// textsOf copies an array of strings.
func textsOf(p *C.rs_const_string_t, n C.size_t, limit int, name string) ([]string, error) {
	list, err := array((*C.realm_string_t)(unsafe.Pointer(p)), n, limit, name)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i := range list {
		if out[i], err = text(list[i], name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

//export realm_config_set_sync_network
func realm_config_set_sync_network(h *C.realm_config_t, in *C.rs_const_network_config_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		n, err := networkOf(in)
		if err != nil {
			return err
		}
		c, err := configOf(num(unsafe.Pointer(h)))
		if err == nil {
			err = c.change(func() (old *callback) {
				if c.network != nil {
					old = c.network.verify
				}
				c.network = &n
				if in == nil {
					c.network = nil
				}
				return old
			})
		}
		if err != nil {
			n.release()
		}
		return err
	})
}
