package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/store"
	"realmsync/core/value"
)

// decimalOf returns a decimal that was handed in; anything else is NaN.
func decimalOf(p *C.rs_const_value_t) value.Decimal {
	if p == nil {
		return value.DecimalNaN()
	}
	if c := (*store.Cell)(unsafe.Pointer(p)); c.Kind() == value.KindDecimal {
		return c.Value().Decimal()
	}
	return value.DecimalNaN()
}

//export realm_decimal128_parse
func realm_decimal128_parse(s C.realm_string_t) C.realm_value_t {
	return answer(func() C.realm_value_t {
		t, err := text(s, "text")
		d, bad := value.ParseDecimal(t)
		if err != nil || bad != nil {
			d = value.DecimalNaN()
		}
		return toC(value.FromDecimal(d))
	})
}

//export realm_decimal128_from_double
func realm_decimal128_from_double(v C.double) C.realm_value_t {
	return toC(value.FromDecimal(value.DecimalFromFloat64(float64(v))))
}

//export realm_decimal128_format
func realm_decimal128_format(v *C.rs_const_value_t, buffer *C.char, capacity C.size_t) C.size_t {
	return answer(func() C.size_t {
		s := decimalOf(v).String()
		if buffer != nil && capacity > 0 {
			s := failure.Cut(s, int(min(uint64(capacity)-1, uint64(len(s)))))
			to := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), len(s)+1)
			to[copy(to, s)] = 0
		}
		return C.size_t(len(s))
	})
}

//export realm_decimal128_arithmetic
func realm_decimal128_arithmetic(a, b *C.rs_const_value_t, op C.char) C.realm_value_t {
	return answer(func() C.realm_value_t {
		x, y := decimalOf(a), decimalOf(b)
		result := value.DecimalNaN()
		switch op {
		case '+':
			result = x.Add(y)
		case '-':
			result = x.Sub(y)
		case '*':
			result = x.Mul(y)
		case '/':
			result = x.Div(y)
		}
		return toC(value.FromDecimal(result))
	})
}

//export realm_decimal128_compare
func realm_decimal128_compare(a, b *C.rs_const_value_t) C.int {
	return answer(func() C.int { return C.int(decimalOf(a).Compare(decimalOf(b))) })
}
