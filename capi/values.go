package main

/*
#include "abi.h"
*/
import "C"

import (
	"unicode/utf8"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/store"
	"realmsync/core/value"
)

// realm_value_t and store.Cell have one layout.
const (
	_ = uint(C.sizeof_realm_value_t - store.CellSize)
	_ = uint(store.CellSize - C.sizeof_realm_value_t)
)

// maxValues bounds arrays of values: the properties of a class, and the arguments of a query.
const maxValues = 1 << 16

// cells returns the values of an array, checked.
func cells(p *C.rs_const_value_t, n C.size_t, absent bool, name string) ([]store.Cell, error) {
	return cellsUpTo(maxValues, p, n, absent, name)
}

// cellsUpTo is cells with another limit.
func cellsUpTo(limit int, p *C.rs_const_value_t, n C.size_t, absent bool, name string) ([]store.Cell, error) {
	list, err := array((*store.Cell)(unsafe.Pointer(p)), n, limit, name)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := checkCell(&list[i], absent); err != nil {
			return nil, failure.Errorf(failure.InvalidArgument, "%s[%d]: %v", name, i, err)
		}
	}
	return list, nil
}

// cell returns one value, checked.
func cell(p *C.rs_const_value_t, name string) (*store.Cell, error) {
	if p == nil {
		return nil, failure.Errorf(failure.InvalidArgument, "the argument '%s' is NULL", name)
	}
	c := (*store.Cell)(unsafe.Pointer(p))
	if err := checkCell(c, false); err != nil {
		return nil, failure.Errorf(failure.InvalidArgument, "%s: %v", name, err)
	}
	return c, nil
}

// checkCell refuses what is no value. Whether it fits its property is the store's to say.
func checkCell(c *store.Cell, absent bool) error {
	switch c.Kind() {
	case value.KindNull, value.KindInt, value.KindFloat, value.KindDouble, value.KindDecimal, value.KindLink, value.KindObjectID,
		value.KindUUID:
		return nil
	case value.KindBool:
		if n := c.Int(); n != 0 && n != 1 {
			return failure.Errorf(failure.InvalidArgument, "a bool is 0 or 1, not %d", n)
		}
		return nil
	case value.KindString:
		b, err := cellBytes(c)
		if err == nil && !utf8.Valid(b) {
			err = failure.Errorf(failure.InvalidArgument, "the string is not UTF-8")
		}
		return err
	case value.KindBinary:
		_, err := cellBytes(c)
		return err
	case value.KindTimestamp:
		if t := c.Value().Timestamp(); !t.Valid() {
			return failure.Errorf(failure.InvalidArgument,
				"%d seconds and %d nanoseconds are no timestamp: the nanoseconds are below a second, both have one sign",
				t.Seconds, t.Nanoseconds)
		}
		return nil
	default:
		if absent && c.Type == store.CellAbsent {
			return nil
		}
		return failure.Errorf(failure.InvalidArgument, "%d is no type of a value", c.Type)
	}
}

func cellBytes(c *store.Cell) ([]byte, error) {
	if c.Size == 0 {
		return nil, nil
	}
	if c.Size > maxText {
		return nil, failure.Errorf(failure.InvalidArgument, "%d bytes, at most %d are allowed", c.Size, maxText)
	}
	if c.Int() == 0 { // the pointer lies where the integer of other values does
		return nil, failure.Errorf(failure.InvalidArgument, "%d bytes at NULL", c.Size)
	}
	return c.Bytes(), nil
}

// toC returns a value without strings and links as C has it.
func toC(v value.Value) C.realm_value_t {
	c := C.realm_value_t{_type: C.uint8_t(v.Kind())}
	u := unsafe.Pointer(&c.u)
	switch v.Kind() {
	case value.KindInt:
		*(*int64)(u) = v.Int()
	case value.KindTimestamp:
		t := v.Timestamp()
		*(*int64)(u) = t.Seconds
		*(*int32)(unsafe.Add(u, 8)) = t.Nanoseconds
	case value.KindDecimal:
		d := v.Decimal()
		*(*uint64)(u), *(*uint64)(unsafe.Add(u, 8)) = d.Lo, d.Hi
	case value.KindObjectID:
		id := v.ObjectID()
		copy(c.u[:], id[:])
	case value.KindUUID:
		id := v.UUID()
		copy(c.u[:], id[:])
	}
	return c
}

// keyToC returns a primary key as C has it; the bytes of a string are put into the arena.
func keyToC(v value.Value, a *arena) C.realm_value_t {
	if v.Kind() != value.KindString {
		return toC(v)
	}
	s := a.text(v.Str())
	c := C.realm_value_t{_type: C.uint8_t(value.KindString), size: C.uint32_t(s.size)}
	*(*unsafe.Pointer)(unsafe.Pointer(&c.u)) = unsafe.Pointer(s.data)
	return c
}
