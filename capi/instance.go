package main

/*
#include "abi.h"
*/
import "C"

import (
	"sync"
	"unsafe"

	"realmsync/capi/handle"
	"realmsync/core/realm"
	"realmsync/core/schema"
)

// instance is what a realm_t stands for: one handle of a realm instance, with what this handle has handed out.
type instance struct {
	realm *realm.Realm

	mu       sync.Mutex
	arena    arena
	path     C.realm_string_t
	classes  map[*schema.Class]C.realm_class_info_t
	disposed bool
}

// handOutRealm makes a handle that owns the reference of r that the caller has.
func handOutRealm(r *realm.Realm, out **C.realm_t) error {
	return handOut(realms, &instance{realm: r}, unsafe.Pointer(out))
}

func instanceOf(h handle.Handle) (*instance, error) { return lookUp(realms, h, "realm") }

// realmOf returns the realm of a handle.
func realmOf(h handle.Handle) (*realm.Realm, error) {
	in, err := instanceOf(h)
	if err != nil {
		return nil, err
	}
	return in.realm, nil
}

func (in *instance) dispose() {
	in.realm.Release()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.disposed = true
	in.arena.free()
}

// pathText returns the path in memory that lives as long as the handle.
func (in *instance) pathText() C.realm_string_t {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.path.data == nil && !in.disposed {
		in.path = in.arena.text(in.realm.Path())
	}
	return in.path
}

// describe returns the description of a class. As long as the class is the same, it is.
func (in *instance) describe(c *schema.Class) C.realm_class_info_t {
	in.mu.Lock()
	defer in.mu.Unlock()
	info, ok := in.classes[c]
	if !ok && !in.disposed {
		info = classToC(c, &in.arena)
		if in.classes == nil {
			in.classes = map[*schema.Class]C.realm_class_info_t{}
		}
		in.classes[c] = info
	}
	return info
}

//export realm_release
func realm_release(h *C.realm_t) { letGo(realms, num(unsafe.Pointer(h))) }

//export realm_retain
func realm_retain(h *C.realm_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		return handOutRealm(r.Retain(), out)
	})
}

//export realm_close
func realm_close(h *C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		return r.Close()
	})
}

//export realm_is_closed
func realm_is_closed(h *C.rs_const_realm_t) C.bool {
	return answer(func() C.bool {
		r, err := realmOf(num(unsafe.Pointer(h)))
		return C.bool(err != nil || r.IsClosed())
	})
}

//export realm_is_same
func realm_is_same(a, b *C.rs_const_realm_t) C.bool {
	return answer(func() C.bool {
		x, err := realmOf(num(unsafe.Pointer(a)))
		if err != nil {
			return false
		}
		y, err := realmOf(num(unsafe.Pointer(b)))
		return C.bool(err == nil && realm.IsSame(x, y))
	})
}

//export realm_get_path
func realm_get_path(h *C.rs_const_realm_t) C.realm_string_t {
	return answer(func() C.realm_string_t {
		in, err := instanceOf(num(unsafe.Pointer(h)))
		if err != nil {
			return C.realm_string_t{}
		}
		return in.pathText()
	})
}
