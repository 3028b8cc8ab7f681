package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/failure"
)

// call runs the body of an export and reports how it ended.
func call(out *C.realm_error_t, body func() error) (status C.realm_status_t) {
	defer func() {
		if p := recover(); p != nil {
			status = report(out, failure.Panic(p))
		}
	}()
	if err := body(); err != nil {
		return report(out, err)
	}
	return C.REALM_OK
}

// answer runs the body of an export that can't fail; after a panic it returns the zero value.
func answer[T any](body func() T) (result T) {
	defer func() {
		if recover() != nil {
			var zero T
			result = zero
		}
	}()
	return body()
}

// report fills in a realm_error_t, unless it is NULL, and returns the status.
func report(out *C.realm_error_t, err error) C.realm_status_t {
	f := failure.Of(err)
	if out != nil {
		fill(out, &f)
	}
	return C.realm_status_t(f.Status)
}

func fill(out *C.realm_error_t, f *failure.Failure) {
	out.status = C.realm_status_t(f.Status)
	out.domain = C.realm_error_domain_t(f.Domain)
	out.code = C.int32_t(f.Code)
	out.fatal = C.bool(f.Fatal)
	fillText(out.name[:], f.Name)
	fillText(out.message[:], f.Message)
}

// fillText writes a text that ends in NUL into an array, cut to fit.
func fillText(to []C.char, text string) {
	text = failure.Cut(text, len(to)-1)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(to))), len(to))
	bytes[copy(bytes, text)] = 0
}

// newError returns a realm_error_t for a callback, nil for nil.
func newError(err error) (C.realm_status_t, *C.realm_error_t) {
	if err == nil {
		return C.REALM_OK, nil
	}
	out := new(C.realm_error_t)
	return report(out, err), out
}

// need refuses NULL where a pointer is required.
func need(p unsafe.Pointer, name string) error {
	if p == nil {
		return failure.Errorf(failure.InvalidArgument, "the argument '%s' is NULL", name)
	}
	return nil
}
