package main

/*
#include "abi.h"
*/
import "C"

import (
	"unicode/utf8"
	"unsafe"

	"realmsync/capi/failure"
)

// maxText bounds a string that is handed in: more is a defect of the caller.
const maxText = 1 << 30

// text copies a string that was handed in, and checks that it is UTF-8.
func text(s C.realm_string_t, name string) (string, error) {
	b, err := bytes(s, name)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", failure.Errorf(failure.InvalidArgument, "the argument '%s' is not UTF-8", name)
	}
	return string(b), nil
}

// bytes returns what a string points to; it is the caller's memory.
func bytes(s C.realm_string_t, name string) ([]byte, error) {
	if s.size == 0 {
		return nil, nil
	}
	if s.data == nil {
		return nil, failure.Errorf(failure.InvalidArgument, "the argument '%s' has %d bytes at NULL", name, uint64(s.size))
	}
	if s.size > maxText {
		return nil, failure.Errorf(failure.InvalidArgument, "the argument '%s' has %d bytes, at most %d are allowed", name,
			uint64(s.size), maxText)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(s.data)), int(s.size)), nil
}

// writeText writes a text and a NUL into a buffer of the caller; needed, unless NULL, receives its length in any case.
func writeText(text string, buffer *C.char, capacity C.size_t, needed *C.size_t) error {
	if needed != nil {
		*needed = C.size_t(len(text))
	}
	if buffer == nil || uint64(capacity) < uint64(len(text))+1 {
		return failure.Errorf(failure.OutOfRange, "the text has %d bytes and a NUL, the buffer holds %d", len(text),
			uint64(capacity))
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), len(text)+1)
	to[copy(to, text)] = 0
	return nil
}

// array returns the elements that a pointer and a count stand for. limit bounds the count.
func array[T any](p *T, n C.size_t, limit int, name string) ([]T, error) {
	if n == 0 {
		return nil, nil
	}
	if p == nil {
		return nil, failure.Errorf(failure.InvalidArgument, "the argument '%s' has %d elements at NULL", name, uint64(n))
	}
	if uint64(n) > uint64(limit) {
		return nil, failure.Errorf(failure.InvalidArgument, "the argument '%s' has %d elements, at most %d are allowed", name,
			uint64(n), limit)
	}
	return unsafe.Slice(p, int(n)), nil
}
