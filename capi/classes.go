package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/realm"
)

//export realm_get_class_count
func realm_get_class_count(h *C.rs_const_realm_t) C.size_t {
	return ask(num(unsafe.Pointer(h)), func(r *realm.Realm) C.size_t {
		classes, err := r.Classes()
		if err != nil {
			return 0
		}
		return C.size_t(len(classes))
	})
}

//export realm_get_class_keys
func realm_get_class_keys(h *C.rs_const_realm_t, keys *C.realm_class_key_t, capacity C.size_t, n *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if keys == nil && capacity > 0 {
			return need(nil, "keys")
		}
		classes, err := r.Classes()
		if err != nil {
			return err
		}
		to := unsafe.Slice(keys, min(uint64(capacity), uint64(len(classes))))
		for i := range to {
			to[i] = C.realm_class_key_t(classes[i].ID)
		}
		if n != nil {
			*n = C.size_t(len(classes))
		}
		return nil
	})
}

//export realm_find_class
func realm_find_class(h *C.rs_const_realm_t, name C.realm_string_t, out *C.realm_class_key_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		n, err := text(name, "name")
		if err != nil {
			return err
		}
		class, err := r.Class(n)
		if err == nil {
			*out = C.realm_class_key_t(class.ID)
		}
		return err
	})
}

//export realm_get_class
func realm_get_class(h *C.rs_const_realm_t, key C.realm_class_key_t, out *C.realm_class_info_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		in, err := instanceOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		class, err := in.realm.ClassByID(uint32(key))
		if err != nil {
			return err
		}
		*out = in.describe(class.Def)
		return nil
	})
}

//export realm_find_property
func realm_find_property(h *C.rs_const_realm_t, key C.realm_class_key_t, name C.realm_string_t, out *C.uint32_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		n, err := text(name, "name")
		if err != nil {
			return err
		}
		class, err := r.ClassByID(uint32(key))
		if err != nil {
			return err
		}
		i := class.Property(n)
		if i < 0 {
			return failure.Errorf(failure.NoSuchProperty, "the class '%s' has no property '%s'", class.Name(), n)
		}
		*out = C.uint32_t(i)
		return nil
	})
}
