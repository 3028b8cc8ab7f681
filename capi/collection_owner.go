package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"realmsync/core/realm"
	"realmsync/core/store"
	"realmsync/core/value"
)

// The objects that come in here are live: object.c has looked.

//export rsObjectGetCollection
func rsObjectGetCollection(o *C.realm_object_t, property C.uint32_t, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		c, err := realm.OpenCollection(unsafe.Pointer(o), int(property))
		if err != nil {
			return ofProperty(err)
		}
		return handOutCollection(c, out)
	})
}

//export rsObjectSetEmbedded
func rsObjectSetEmbedded(o *C.realm_object_t, property C.uint32_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		made, err := realm.SetNew(unsafe.Pointer(o), int(property), value.KindObject)
		if err != nil {
			return ofProperty(err)
		}
		handOutObject(made.Object, out)
		return nil
	})
}

//export rsObjectSetCollection
func rsObjectSetCollection(o *C.realm_object_t, property C.uint32_t, kind C.int, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		k, err := newKind(kind)
		if err != nil {
			return err
		}
		made, err := realm.SetNew(unsafe.Pointer(o), int(property), k)
		if err != nil {
			return ofProperty(err)
		}
		return handOutCollection(made.Collection, out)
	})
}

//export rsObjectGetBacklinks
func rsObjectGetBacklinks(o *C.realm_object_t, class C.realm_class_key_t, property C.uint32_t, out **C.realm_results_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		rs, err := realm.Backlinks(unsafe.Pointer(o), uint32(class), int(property))
		if err != nil {
			return ofOrigin(err, unsafe.Pointer(o), uint32(class))
		}
		return handOutResults(rs, out)
	})
}

// ofOrigin says of an error about the schema whether it is about the class or about its property.
func ofOrigin(err error, o realm.Object, class uint32) error {
	if !errors.Is(err, store.ErrSchema) {
		return err
	}
	r, gone := realm.InstanceOf(o)
	if gone != nil {
		return gone
	}
	defer r.Release()
	if _, unknown := r.ClassByID(class); unknown != nil {
		return unknown
	}
	return ofProperty(err)
}
