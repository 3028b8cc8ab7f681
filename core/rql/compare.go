package rql

import (
	"cmp"
	"math"
	"math/big"

	"realmsync/core/value"
)

// holds tells whether a op b by the general rules of spec section 6.1. op is not a string operator.
func holds(op Op, a, b value.Value) bool {
	bothNull := a.IsNull() && b.IsNull()
	if bothNull || !comparable(a, b) {
		switch op {
		case OpEqual, OpLessEqual, OpGreaterEqual:
			return bothNull
		case OpNotEqual:
			return !bothNull
		default:
			return false
		}
	}
	return ordered(op, order(a, b))
}

// ordered tells whether a result of cmp satisfies an operator.
func ordered(op Op, c int) bool {
	switch op {
	case OpEqual:
		return c == 0
	case OpNotEqual:
		return c != 0
	case OpLess:
		return c < 0
	case OpLessEqual:
		return c <= 0
	case OpGreater:
		return c > 0
	default:
		return c >= 0
	}
}

// comparable is that of spec section 5.1: both non-null, and of one type or both numeric.
func comparable(a, b value.Value) bool {
	ak, bk := a.Kind(), b.Kind()
	return ak != value.KindNull && bk != value.KindNull && (ak == bk || ak.IsNumeric() && bk.IsNumeric())
}

// rank is the first key of the total order.
func rank(k value.Kind) int {
	switch k {
	case value.KindNull:
		return 0
	case value.KindBool:
		return 1
	case value.KindInt, value.KindFloat, value.KindDouble, value.KindDecimal:
		return 2
	case value.KindString:
		return 3
	case value.KindBinary:
		return 4
	case value.KindTimestamp:
		return 5
	case value.KindObjectID:
		return 6
	case value.KindUUID:
		return 7
	case value.KindLink:
		return 8
	case value.KindList:
		return 9
	case value.KindSet:
		return 10
	default:
		return 11
	}
}

// order is cmp, the total order of spec section 5.1.
func order(a, b value.Value) int {
	ak, bk := a.Kind(), b.Kind()
	if ak == value.KindInt && bk == value.KindInt {
		return cmp.Compare(a.Int(), b.Int())
	}
	if c := cmp.Compare(rank(ak), rank(bk)); c != 0 {
		return c
	}
	switch ak {
	case value.KindBool:
		return int(a.Bits()) - int(b.Bits())
	case value.KindInt, value.KindFloat, value.KindDouble, value.KindDecimal:
		return orderNumbers(a, b)
	case value.KindString, value.KindBinary:
		return cmp.Compare(a.Str(), b.Str())
	case value.KindTimestamp:
		s, t := a.Timestamp(), b.Timestamp()
		if c := cmp.Compare(s.Seconds, t.Seconds); c != 0 {
			return c
		}
		return cmp.Compare(s.Nanoseconds, t.Nanoseconds)
	case value.KindObjectID:
		x, y := a.ObjectID(), b.ObjectID()
		return cmp.Compare(string(x[:]), string(y[:]))
	case value.KindUUID:
		x, y := a.UUID(), b.UUID()
		return cmp.Compare(string(x[:]), string(y[:]))
	case value.KindLink:
		x, y := a.Link(), b.Link()
		if c := cmp.Compare(x.Class, y.Class); c != 0 {
			return c
		}
		return value.CompareKeys(x.Key, y.Key)
	default:
		return 0
	}
}

// orderNumbers compares numbers by value. NaN is below every number; NaNs of one type with different bits are ordered by them.
func orderNumbers(a, b value.Value) int {
	aNaN, bNaN := isNaN(a), isNaN(b)
	switch {
	case aNaN && bNaN:
		if a.Kind() != b.Kind() {
			return 0
		}
		return cmp.Compare(a.Bits(), b.Bits())
	case aNaN:
		return -1
	case bNaN:
		return 1
	}
	switch {
	case a.Kind() == value.KindDecimal || b.Kind() == value.KindDecimal:
		return orderDecimals(toDecimal(a), toDecimal(b))
	case a.Kind() == value.KindInt:
		return -orderIntFloat(b, a.Int())
	case b.Kind() == value.KindInt:
		return orderIntFloat(a, b.Int())
	default:
		return cmp.Compare(toDouble(a), toDouble(b))
	}
}

func isNaN(v value.Value) bool {
	switch v.Kind() {
	case value.KindFloat:
		return v.Float() != v.Float()
	case value.KindDouble:
		return v.Double() != v.Double()
	case value.KindDecimal:
		return unpack(v.Decimal()).class == decimalNaN
	default:
		return false
	}
}

func toDouble(v value.Value) float64 {
	if v.Kind() == value.KindFloat {
		return float64(v.Float())
	}
	return v.Double()
}

// orderIntFloat compares a float or double (not NaN) with an int, or with an int if both are, without rounding.
func orderIntFloat(v value.Value, n int64) int {
	if v.Kind() == value.KindInt {
		return cmp.Compare(v.Int(), n)
	}
	f := toDouble(v)
	switch {
	case f >= 1<<63:
		return 1
	case f < -(1 << 63):
		return -1
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(int64(whole), n); c != 0 {
		return c
	}
	return cmp.Compare(f, whole)
}

// toDecimal converts for comparison with a decimal: a double is first rounded to 15 digits, a float to 7.
func toDecimal(v value.Value) value.Decimal {
	switch v.Kind() {
	case value.KindInt:
		return decimalFromInt(v.Int())
	case value.KindFloat:
		return decimalFromFloat(float64(v.Float()))
	case value.KindDouble:
		return decimalFromDouble(v.Double())
	default:
		return v.Decimal()
	}
}

// orderDecimals compares decimals that are not NaN by value: trailing zeros don't count.
func orderDecimals(a, b value.Decimal) int {
	x, y := unpack(a), unpack(b)
	if c := cmp.Compare(x.signum(), y.signum()); c != 0 || x.isZero() {
		return c
	}
	c := orderMagnitudes(x, y)
	if x.negative {
		return -c
	}
	return c
}

func (u unpacked) signum() int {
	switch {
	case u.isZero():
		return 0
	case u.negative:
		return -1
	default:
		return 1
	}
}

func orderMagnitudes(x, y unpacked) int {
	switch {
	case x.class == decimalInfinity || y.class == decimalInfinity:
		return cmp.Compare(x.class, y.class)
	case x.exponent == y.exponent:
		if c := cmp.Compare(x.hi, y.hi); c != 0 {
			return c
		}
		return cmp.Compare(x.lo, y.lo)
	case x.exponent-y.exponent > decimalDigits:
		return 1
	case y.exponent-x.exponent > decimalDigits:
		return -1
	}
	m, n := x.coefficient(new(big.Int)), y.coefficient(new(big.Int))
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(x.exponent-y.exponent, y.exponent-x.exponent))), nil)
	if x.exponent > y.exponent {
		m.Mul(m, scale)
	} else {
		n.Mul(n, scale)
	}
	return m.Cmp(n)
}

// holdsIEEE tells whether a op b by the rules of spec section 6.2 for float and double: IEEE comparison.
func holdsIEEE(op Op, a, b float64) bool {
	switch op {
	case OpEqual:
		return a == b
	case OpNotEqual:
		return a != b
	case OpLess:
		return a < b
	case OpLessEqual:
		return a <= b
	case OpGreater:
		return a > b
	default:
		return a >= b
	}
}
