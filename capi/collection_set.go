package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/realm"
)

//export realm_set_add
func realm_set_add(h *C.realm_collection_t, v *C.rs_const_value_t, at *C.size_t, added *C.bool,
	e *C.realm_error_t) C.realm_status_t {
	return withValue(num(unsafe.Pointer(h)), v, e, func(c *realm.Collection, p unsafe.Pointer) error {
		i, isNew, err := c.Add(p)
		if err != nil {
			return err
		}
		if at != nil {
			*at = C.size_t(i)
		}
		tell(isNew, added)
		return nil
	})
}

//export realm_set_remove
func realm_set_remove(h *C.realm_collection_t, v *C.rs_const_value_t, removed *C.bool, e *C.realm_error_t) C.realm_status_t {
	return withValue(num(unsafe.Pointer(h)), v, e, func(c *realm.Collection, p unsafe.Pointer) error {
		had, err := c.Remove(p)
		if err == nil {
			tell(had, removed)
		}
		return err
	})
}
