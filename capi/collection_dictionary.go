package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/handle"
	"realmsync/core/store"
	"realmsync/core/value"
)

// withKey calls f with a dictionary and a key that was handed in.
func withKey(h handle.Handle, key C.realm_string_t, e *C.realm_error_t, f func(*collectionEntry, string) error) C.realm_status_t {
	return call(e, func() error {
		entry, err := lookUp(collections, h, "collection")
		if err != nil {
			return err
		}
		k, err := text(key, "key")
		if err != nil {
			return err
		}
		return f(entry, k)
	})
}

//export realm_dictionary_get
func realm_dictionary_get(h *C.realm_collection_t, key C.realm_string_t, v *C.realm_value_t, found *C.bool,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		if err := need(unsafe.Pointer(v), "value"); err != nil {
			return err
		}
		batch, ok, err := entry.collection.Get(k)
		if err != nil {
			return err
		}
		to := (*store.Cell)(unsafe.Pointer(v))
		*to = store.Cell{}
		if ok {
			*to = batch.Row(0)[0]
			entry.keep(&batch)
		}
		tell(ok, found)
		return nil
	})
}

//export realm_dictionary_find_key
func realm_dictionary_find_key(h *C.realm_collection_t, key C.realm_string_t, out *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		i, found, err := entry.collection.IndexOfKey(k)
		if err == nil {
			storePosition(i, found, out)
		}
		return err
	})
}

//export realm_dictionary_put
func realm_dictionary_put(h *C.realm_collection_t, key C.realm_string_t, v *C.rs_const_value_t,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		c, err := cell(v, "value")
		if err != nil {
			return err
		}
		return entry.collection.Put(k, unsafe.Pointer(c))
	})
}

//export realm_dictionary_remove
func realm_dictionary_remove(h *C.realm_collection_t, key C.realm_string_t, removed *C.bool,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		had, err := entry.collection.RemoveKey(k)
		if err == nil {
			tell(had, removed)
		}
		return err
	})
}

//export realm_dictionary_open
func realm_dictionary_open(h *C.realm_collection_t, key C.realm_string_t, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		child, err := entry.collection.ChildKey(k)
		if err != nil {
			return err
		}
		return handOutCollection(child, out)
	})
}

//export realm_dictionary_put_embedded
func realm_dictionary_put_embedded(h *C.realm_collection_t, key C.realm_string_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		made, err := entry.collection.PutNew(k, value.KindObject)
		if err == nil {
			handOutObject(made.Object, out)
		}
		return err
	})
}

//export realm_dictionary_put_collection
func realm_dictionary_put_collection(h *C.realm_collection_t, key C.realm_string_t, kind C.int, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return withKey(num(unsafe.Pointer(h)), key, e, func(entry *collectionEntry, k string) error {
		marker, err := newKind(kind)
		if err != nil {
			return err
		}
		made, err := entry.collection.PutNew(k, marker)
		if err != nil {
			return err
		}
		return handOutCollection(made.Collection, out)
	})
}
