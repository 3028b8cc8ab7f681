package main

/*
#include "abi.h"
*/
import "C"

import (
	"math"
	"sync"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/realm"
	"realmsync/core/store"
	"realmsync/core/value"
)

// collectionEntry is what a realm_collection_t stands for: a collection, and the values that were read last, whose strings are
// handed out.
type collectionEntry struct {
	collection *realm.Collection

	mu       sync.Mutex
	read     *store.Batch
	disposed bool
}

func (c *collectionEntry) dispose() {
	c.keep(nil)
	c.collection.Release()
}

// keep makes a batch the one whose strings live; nil: none does any more, for good.
func (c *collectionEntry) keep(b *store.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read != nil {
		c.read.Release()
	}
	c.read = b
	c.disposed = c.disposed || b == nil
	if c.disposed && b != nil { // another thread releases what this one reads
		b.Release()
		c.read = nil
	}
}

// handOutCollection stores a handle of a collection at out; nil is NULL. Without out the collection is given up.
func handOutCollection(c *realm.Collection, out **C.realm_collection_t) error {
	switch {
	case c == nil && out == nil:
		return nil
	case c == nil:
		*out = nil
		return nil
	case out == nil:
		c.Release()
		return nil
	default:
		return handOut(collections, &collectionEntry{collection: c}, unsafe.Pointer(out))
	}
}

// onCollection calls f with what a handle stands for.
func onCollection(h handle.Handle, e *C.realm_error_t, f func(*realm.Collection) error) C.realm_status_t {
	return call(e, func() error {
		entry, err := lookUp(collections, h, "collection")
		if err != nil {
			return err
		}
		return f(entry.collection)
	})
}

// collectionFrom hands out the collection that f finds.
func collectionFrom(h handle.Handle, out **C.realm_collection_t, e *C.realm_error_t,
	f func(*realm.Collection) (*realm.Collection, error)) C.realm_status_t {
	return onCollection(h, e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		other, err := f(c)
		if err != nil {
			return err
		}
		return handOutCollection(other, out)
	})
}

// position returns an index that was handed in. What no int holds is beyond every end.
func position(i C.size_t) int { return int(min(uint64(i), math.MaxInt)) }

// storePosition stores the position of what was searched.
func storePosition(i int, found bool, out *C.size_t) {
	*out = C.SIZE_MAX
	if found {
		*out = C.size_t(i)
	}
}

// tell stores an answer, unless nobody asked.
func tell(answer bool, out *C.bool) {
	if out != nil {
		*out = C.bool(answer)
	}
}

//export realm_collection_release
func realm_collection_release(h *C.realm_collection_t) { letGo(collections, num(unsafe.Pointer(h))) }

//export realm_collection_clone
func realm_collection_clone(h *C.rs_const_collection_t, out **C.realm_collection_t, e *C.realm_error_t) C.realm_status_t {
	return collectionFrom(num(unsafe.Pointer(h)), out, e, (*realm.Collection).Clone)
}

//export realm_collection_get_kind
func realm_collection_get_kind(h *C.rs_const_collection_t) C.int {
	return answer(func() C.int {
		if entry := collections.Get(num(unsafe.Pointer(h))); entry != nil {
			return C.int(entry.collection.Kind())
		}
		return C.REALM_COLLECTION_NONE
	})
}

//export realm_collection_is_valid
func realm_collection_is_valid(h *C.rs_const_collection_t) C.bool {
	return answer(func() C.bool {
		entry := collections.Get(num(unsafe.Pointer(h)))
		return C.bool(entry != nil && entry.collection.Valid())
	})
}

//export realm_collection_get_realm
func realm_collection_get_realm(h *C.rs_const_collection_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		return handOutRealm(c.Realm().Retain(), out)
	})
}

//export realm_collection_get_owner
func realm_collection_get_owner(h *C.rs_const_collection_t, out **C.realm_object_t, property *C.uint32_t,
	e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		o, i, err := c.Owner()
		if err != nil {
			return err
		}
		handOutObject(o, out)
		if property != nil {
			*property = C.uint32_t(i)
		}
		return nil
	})
}

//export realm_collection_resolve
func realm_collection_resolve(h *C.rs_const_collection_t, target *C.realm_t, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return collectionFrom(num(unsafe.Pointer(h)), out, e, func(c *realm.Collection) (*realm.Collection, error) {
		r, err := realmOf(num(unsafe.Pointer(target)))
		if err != nil {
			return nil, err
		}
		return c.Resolve(r)
	})
}

//export realm_collection_open
func realm_collection_open(h *C.realm_collection_t, index C.size_t, out **C.realm_collection_t,
	e *C.realm_error_t) C.realm_status_t {
	return collectionFrom(num(unsafe.Pointer(h)), out, e, func(c *realm.Collection) (*realm.Collection, error) {
		return c.Child(position(index))
	})
}

//export realm_collection_erase
func realm_collection_erase(h *C.realm_collection_t, index C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error { return c.Erase(position(index)) })
}

//export realm_collection_clear
func realm_collection_clear(h *C.realm_collection_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, (*realm.Collection).Clear)
}

// newKind returns the marker of a kind of collection that a mixed value can hold.
func newKind(kind C.int) (value.Kind, error) {
	switch kind {
	case C.REALM_COLLECTION_LIST:
		return value.KindList, nil
	case C.REALM_COLLECTION_DICTIONARY:
		return value.KindDictionary, nil
	default:
		return 0, failure.Errorf(failure.InvalidArgument, "%d is no kind of collection that a mixed value can hold", int(kind))
	}
}
