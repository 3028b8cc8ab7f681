package main

/*
#include "abi.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/realm"
	"realmsync/core/store"
)

// The objects that come in here are live: object.c has looked.

var errNoObject = failure.Errorf(failure.InvalidHandle, "this is not a live object handle: it is NULL, was released, or is something else")

//export rsInvalidObject
func rsInvalidObject(e *C.realm_error_t) C.realm_status_t { return report(e, errNoObject) }

// handOutObject stores an object at out, which may be nil if it isn't wanted.
func handOutObject(o realm.Object, out **C.realm_object_t) {
	if out == nil {
		if o != nil {
			realm.ReleaseObject(o)
		}
		return
	}
	*out = (*C.realm_object_t)(o)
}

//export rsObjectClone
func rsObjectClone(o *C.realm_object_t, out **C.realm_object_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		other, err := realm.CloneObject(unsafe.Pointer(o))
		if err == nil {
			handOutObject(other, out)
		}
		return err
	})
}

//export rsObjectLoad
func rsObjectLoad(o *C.realm_object_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error { return realm.LoadObject(unsafe.Pointer(o)) })
}

//export rsObjectIsValid
func rsObjectIsValid(o *C.realm_object_t) C.bool {
	return answer(func() C.bool { return C.bool(realm.Valid(unsafe.Pointer(o))) })
}

//export rsObjectGetRealm
func rsObjectGetRealm(o *C.realm_object_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realm.InstanceOf(unsafe.Pointer(o))
		if err != nil {
			return err
		}
		return handOutRealm(r, out)
	})
}

//export rsObjectResolve
func rsObjectResolve(o *C.realm_object_t, target *C.realm_t, out **C.realm_object_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(target)))
		if err != nil {
			return err
		}
		found, err := realm.ResolveObject(unsafe.Pointer(o), r)
		if err == nil {
			handOutObject(found, out)
		}
		return err
	})
}

// ofProperty says of an error about the schema that it is about the property: the class of an object is one.
func ofProperty(err error) error {
	if err != nil && errors.Is(err, store.ErrSchema) {
		return failure.Errorf(failure.NoSuchProperty, "%s", err.Error())
	}
	return err
}

//export rsObjectSet
func rsObjectSet(o *C.realm_object_t, property C.uint32_t, v *C.realm_value_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := cell((*C.rs_const_value_t)(unsafe.Pointer(v)), "value")
		if err != nil {
			return err
		}
		return ofProperty(realm.SetProperty(unsafe.Pointer(o), int(property), unsafe.Pointer(c)))
	})
}

//export rsObjectAddInt
func rsObjectAddInt(o *C.realm_object_t, property C.uint32_t, amount C.int64_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		return ofProperty(realm.AddInt(unsafe.Pointer(o), int(property), int64(amount)))
	})
}

//export rsObjectDelete
func rsObjectDelete(o *C.realm_object_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error { return realm.DeleteObject(unsafe.Pointer(o)) })
}

//export realm_object_create
func realm_object_create(h *C.realm_t, class C.realm_class_key_t, values *C.rs_const_value_t, n C.size_t, mode C.int,
	out **C.realm_object_t, created *C.bool, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if mode != C.REALM_CREATE_NEW && mode != C.REALM_CREATE_UPSERT {
			return failure.Errorf(failure.InvalidArgument, "%d is no mode of creation", int(mode))
		}
		list, err := cells(values, n, true, "values")
		if err != nil {
			return err
		}
		o, isNew, err := r.Create(uint32(class), unsafe.Pointer(unsafe.SliceData(list)), len(list), mode == C.REALM_CREATE_UPSERT)
		if err != nil {
			return err
		}
		handOutObject(o, out)
		if created != nil {
			*created = C.bool(isNew)
		}
		return nil
	})
}

//export realm_object_find
func realm_object_find(h *C.realm_t, class C.realm_class_key_t, key *C.rs_const_value_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		k, err := cell(key, "primary_key")
		if err != nil {
			return err
		}
		o, err := r.Find(uint32(class), unsafe.Pointer(k))
		if err == nil {
			handOutObject(o, out)
		}
		return err
	})
}

//export realm_object_get
func realm_object_get(h *C.realm_t, class C.realm_class_key_t, key C.int64_t, out **C.realm_object_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		o, err := r.Get(uint32(class), int64(key))
		if err == nil {
			handOutObject(o, out)
		}
		return err
	})
}
