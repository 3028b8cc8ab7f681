package main

/*
#include "abi.h"
*/
import "C"

import "unsafe"

// arena is C memory that is freed at once: what a handle hands out and keeps while it lives. The zero value is empty. The
// owner's lock guards it.
type arena struct{ blocks []unsafe.Pointer }

// alloc returns n bytes of zeros.
func (a *arena) alloc(n uintptr) unsafe.Pointer {
	p := C.calloc(1, C.size_t(max(n, 1)))
	if p == nil {
		panic("out of memory")
	}
	a.blocks = append(a.blocks, p)
	return p
}

// text returns a copy of a text, with a NUL behind it. The empty text is no memory.
func (a *arena) text(s string) C.realm_string_t {
	if s == "" {
		return C.realm_string_t{}
	}
	p := a.alloc(uintptr(len(s)) + 1)
	copy(unsafe.Slice((*byte)(p), len(s)), s)
	return C.realm_string_t{data: (*C.char)(p), size: C.size_t(len(s))}
}

// allocArray returns n zero elements, nil for none.
func allocArray[T any](a *arena, n int) []T {
	if n == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(a.alloc(unsafe.Sizeof(zero)*uintptr(n))), n)
}

func (a *arena) free() {
	for _, p := range a.blocks {
		C.free(p)
	}
	a.blocks = nil
}
