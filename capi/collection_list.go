package main

/*
#include "abi.h"
*/
import "C"

import (
	"math"
	"unsafe"

	"realmsync/capi/handle"
	"realmsync/core/realm"
	"realmsync/core/value"
)

// withValue calls f with a collection and a value that was handed in.
func withValue(h handle.Handle, v *C.rs_const_value_t, e *C.realm_error_t,
	f func(*realm.Collection, unsafe.Pointer) error) C.realm_status_t {
	return onCollection(h, e, func(c *realm.Collection) error {
		checked, err := cell(v, "value")
		if err != nil {
			return err
		}
		return f(c, unsafe.Pointer(checked))
	})
}

//export realm_list_insert
func realm_list_insert(h *C.realm_collection_t, index C.size_t, v *C.rs_const_value_t, e *C.realm_error_t) C.realm_status_t {
	return withValue(num(unsafe.Pointer(h)), v, e, func(c *realm.Collection, p unsafe.Pointer) error {
		return c.Insert(position(index), p)
	})
}

//export realm_list_set
func realm_list_set(h *C.realm_collection_t, index C.size_t, v *C.rs_const_value_t, e *C.realm_error_t) C.realm_status_t {
	return withValue(num(unsafe.Pointer(h)), v, e, func(c *realm.Collection, p unsafe.Pointer) error {
		return c.Set(position(index), p)
	})
}

//export realm_list_move
func realm_list_move(h *C.realm_collection_t, from, to C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error { return c.Move(position(from), position(to)) })
}

//export realm_list_assign
func realm_list_assign(h *C.realm_collection_t, values *C.rs_const_value_t, n C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		list, err := cellsUpTo(math.MaxInt32, values, n, false, "values")
		if err != nil {
			return err
		}
		return c.Assign(unsafe.Pointer(unsafe.SliceData(list)), len(list))
	})
}

// newObject hands out the embedded object that make makes in a collection.
func newObject(h handle.Handle, out **C.realm_object_t, e *C.realm_error_t,
	make func(*realm.Collection, value.Kind) (realm.New, error)) C.realm_status_t {
	return onCollection(h, e, func(c *realm.Collection) error {
		made, err := make(c, value.KindObject)
		if err == nil {
			handOutObject(made.Object, out)
		}
		return err
	})
}

// newCollection hands out the collection that make makes in a collection of mixed.
func newCollection(h handle.Handle, kind C.int, out **C.realm_collection_t, e *C.realm_error_t,
	make func(*realm.Collection, value.Kind) (realm.New, error)) C.realm_status_t {
	return onCollection(h, e, func(c *realm.Collection) error {
		k, err := newKind(kind)
		if err != nil {
			return err
		}
		made, err := make(c, k)
		if err != nil {
			return err
		}
		return handOutCollection(made.Collection, out)
	})
}

func inserting(index C.size_t) func(*realm.Collection, value.Kind) (realm.New, error) {
	return func(c *realm.Collection, k value.Kind) (realm.New, error) { return c.InsertNew(position(index), k) }
}

func setting(index C.size_t) func(*realm.Collection, value.Kind) (realm.New, error) {
	return func(c *realm.Collection, k value.Kind) (realm.New, error) { return c.SetNew(position(index), k) }
}

//export realm_list_insert_embedded
func realm_list_insert_embedded(h *C.realm_collection_t, index C.size_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return newObject(num(unsafe.Pointer(h)), out, e, inserting(index))
}

//export realm_list_set_embedded
func realm_list_set_embedded(h *C.realm_collection_t, index C.size_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return newObject(num(unsafe.Pointer(h)), out, e, setting(index))
}

//export realm_list_insert_collection
func realm_list_insert_collection(h *C.realm_collection_t, index C.size_t, kind C.int, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return newCollection(num(unsafe.Pointer(h)), kind, out, e, inserting(index))
}

//export realm_list_set_collection
func realm_list_set_collection(h *C.realm_collection_t, index C.size_t, kind C.int, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return newCollection(num(unsafe.Pointer(h)), kind, out, e, setting(index))
}
