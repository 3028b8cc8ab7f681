package value

import (
	"cmp"
	"math"
)

// Equal tells whether two values are the same element of a set, the same value of a property: same kind and same
// content, or both numbers of the same numeric value whatever their kinds (spec/changeset.md section 5.5). Null equals
// null, NaN equals a NaN of the same bits, -0 equals 0, decimals ignore trailing zeros. It is Compare(v, w) == 0; for
// the comparison of bits see Identical.
func Equal(v, w Value) bool { return Compare(v, w) == 0 }

// Compare orders all values (spec/query-language.md section 5.1):
//
//	null < bool < numbers < string < binary < timestamp < objectId < uuid < link < list < set < dictionary
//
// Numbers are compared exactly by numeric value; against a decimal a double is first rounded to 15 significant digits,
// a float to 7. NaN is less than every other number. Strings and binaries go by bytes, links by class name and then by
// key. Collections are equal to any other of their kind. The markers Object and Erased come last; they are no values.
func Compare(v, w Value) int {
	if v.kind == KindInt && w.kind == KindInt {
		return cmp.Compare(int64(v.num), int64(w.num))
	}
	if c := cmp.Compare(rank(v.kind), rank(w.kind)); c != 0 {
		return c
	}
	switch v.kind {
	case KindInt, KindFloat, KindDouble, KindDecimal:
		return compareNumbers(v, w)
	case KindString, KindBinary:
		return cmp.Compare(v.str, w.str)
	case KindTimestamp:
		return v.Timestamp().Compare(w.Timestamp())
	case KindBool, KindObjectID, KindUUID: // the words of ids are big-endian, so they order like the bytes
		if c := cmp.Compare(v.num, w.num); c != 0 {
			return c
		}
		return cmp.Compare(v.ext, w.ext)
	case KindLink:
		a, b := v.Link(), w.Link()
		if c := cmp.Compare(a.Class, b.Class); c != 0 {
			return c
		}
		return CompareKeys(a.Key, b.Key)
	default:
		return 0
	}
}

func rank(k Kind) uint8 {
	switch k {
	case KindNull:
		return 0
	case KindBool:
		return 1
	case KindInt, KindFloat, KindDouble, KindDecimal:
		return 2
	case KindString:
		return 3
	case KindBinary:
		return 4
	case KindTimestamp:
		return 5
	case KindObjectID:
		return 6
	case KindUUID:
		return 7
	case KindLink:
		return 8
	case KindList:
		return 9
	case KindSet:
		return 10
	case KindDictionary:
		return 11
	case KindObject:
		return 12
	default:
		return 13
	}
}

// IsNaN tells whether the value is a float, double or decimal that is not a number.
func (v Value) IsNaN() bool {
	switch v.kind {
	case KindFloat, KindDouble:
		return math.IsNaN(v.floating())
	case KindDecimal:
		return v.Decimal().IsNaN()
	default:
		return false
	}
}

// floating returns the number of a float or double.
func (v Value) floating() float64 {
	if v.kind == KindFloat {
		return float64(v.Float())
	}
	return v.Double()
}

// decimal converts a number for the comparison with a decimal.
func (v Value) decimal() Decimal {
	switch v.kind {
	case KindInt:
		return DecimalFromInt64(v.Int())
	case KindFloat:
		return DecimalFromFloat32(v.Float())
	case KindDouble:
		return DecimalFromFloat64(v.Double())
	default:
		return v.Decimal()
	}
}

func compareNumbers(v, w Value) int {
	switch a, b := v.IsNaN(), w.IsNaN(); {
	case a && b:
		if v.kind != w.kind {
			return 0
		}
		if c := cmp.Compare(v.num, w.num); c != 0 {
			return c
		}
		return cmp.Compare(v.ext, w.ext)
	case a:
		return -1
	case b:
		return 1
	}
	switch {
	case v.kind == KindDecimal || w.kind == KindDecimal:
		return v.decimal().Compare(w.decimal())
	case v.kind == KindInt:
		return -compareWithInt(w.floating(), v.Int())
	case w.kind == KindInt:
		return compareWithInt(v.floating(), w.Int())
	default:
		return cmp.Compare(v.floating(), w.floating())
	}
}

// compareWithInt compares a double other than NaN with an integer, without rounding either.
func compareWithInt(f float64, n int64) int {
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
