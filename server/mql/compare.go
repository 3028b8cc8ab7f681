package mql

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// class is a group of types that compare by value. MongoDB orders values by it first.
type class int

const (
	classMin class = iota
	classNull
	classNumber
	classString
	classDocument
	classArray
	classBinary
	classObjectID
	classBool
	classDate
	classTimestamp
	classRegex
	classMax
)

// missing stands for a field that isn't there: it compares as null.
type missing struct{}

func isMissing(v any) bool {
	_, yes := v.(missing)
	return yes
}

// undefined comes before null: an empty array in a sort, and what is missing in an expression.
type undefined struct{}

// rank is the place of a value's type in the order of all values.
func rank(v any) int {
	if _, ok := v.(undefined); ok {
		return 1
	}
	return 2 * int(classOf(v))
}

func classOf(v any) class {
	switch v.(type) {
	case bson.MinKey:
		return classMin
	case int32, int64, float64, bson.Decimal128:
		return classNumber
	case string:
		return classString
	case bson.D:
		return classDocument
	case bson.A:
		return classArray
	case bson.Binary:
		return classBinary
	case bson.ObjectID:
		return classObjectID
	case bool:
		return classBool
	case bson.DateTime:
		return classDate
	case bson.Timestamp:
		return classTimestamp
	case bson.Regex:
		return classRegex
	case bson.MaxKey:
		return classMax
	default:
		return classNull
	}
}

// Compare orders all values as MongoDB does: by type, numbers of all types together, then by value. Null and what is missing are equal.
func Compare(a, b any) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	switch a := a.(type) {
	case int32, int64, float64, bson.Decimal128:
		return compareNumbers(a, b)
	case string:
		return strings.Compare(a, b.(string))
	case bson.D:
		return compareDocuments(a, b.(bson.D))
	case bson.A:
		b := b.(bson.A)
		for i := range min(len(a), len(b)) {
			if c := Compare(a[i], b[i]); c != 0 {
				return c
			}
		}
		return cmp.Compare(len(a), len(b))
	case bson.Binary:
		b := b.(bson.Binary)
		return cmp.Or(cmp.Compare(len(a.Data), len(b.Data)), cmp.Compare(a.Subtype, b.Subtype), bytes.Compare(a.Data, b.Data))
	case bson.ObjectID:
		b := b.(bson.ObjectID)
		return bytes.Compare(a[:], b[:])
	case bool:
		switch b := b.(bool); {
		case a == b:
			return 0
		case b:
			return -1
		}
		return 1
	case bson.DateTime:
		return cmp.Compare(a, b.(bson.DateTime))
	case bson.Timestamp:
		b := b.(bson.Timestamp)
		return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.I, b.I))
	case bson.Regex:
		b := b.(bson.Regex)
		return cmp.Or(strings.Compare(a.Pattern, b.Pattern), strings.Compare(a.Options, b.Options))
	}
	return 0
}

// compareNumbers compares by what the numbers are. Realm's own comparison takes a double for a decimal of 15 digits; that is no order of all
// types: 2^53 as a double and as a decimal would both be equal to the integer, and not to each other.
func compareNumbers(a, b any) int {
	if d, ok := a.(bson.Decimal128); ok {
		if f, ok := b.(float64); ok {
			return compareWithDouble(d, f)
		}
	} else if f, ok := a.(float64); ok {
		if d, ok := b.(bson.Decimal128); ok {
			return -compareWithDouble(d, f)
		}
	}
	return value.Compare(number(a), number(b))
}

func compareWithDouble(v bson.Decimal128, f float64) int {
	d := number(v).Decimal()
	near := d.Float64()
	switch {
	case d.IsNaN() || math.IsNaN(f):
		return value.Compare(number(v), number(f))
	case near != f || d.IsInf(): // rounding keeps the order
		return cmp.Compare(near, f)
	case math.IsInf(f, 0):
		return cmp.Compare(0, f)
	case f == 0:
		return value.Compare(number(v), value.Int(0))
	}
	exact, _ := new(big.Rat).SetString(d.String()) // its exponent is one of a double
	return exact.Cmp(new(big.Rat).SetFloat64(f))
}

// compareDocuments goes member by member: type, name, value.
func compareDocuments(a, b bson.D) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Or(cmp.Compare(classOf(a[i].Value), classOf(b[i].Value)), strings.Compare(a[i].Key, b[i].Key)); c != 0 {
			return c
		}
		if c := Compare(a[i].Value, b[i].Value); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Equal tells whether two values are equal in a query: 1, NumberLong(1) and 1.0 are.
func Equal(a, b any) bool { return Compare(a, b) == 0 }

// Identical tells whether two values are the same, type included.
func Identical(a, b any) bool {
	switch a := a.(type) {
	case bson.D:
		b, ok := b.(bson.D)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i].Key != b[i].Key || !Identical(a[i].Value, b[i].Value) {
				return false
			}
		}
		return true
	case bson.A:
		b, ok := b.(bson.A)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Identical(a[i], b[i]) {
				return false
			}
		}
		return true
	case bson.Binary:
		b, ok := b.(bson.Binary)
		return ok && a.Subtype == b.Subtype && bytes.Equal(a.Data, b.Data)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	default:
		if _, ok := b.(bson.Binary); ok {
			return false
		}
		if classOf(b) == classDocument || classOf(b) == classArray {
			return false
		}
		return a == b
	}
}

// number converts a number for comparing and calculating.
func number(v any) value.Value {
	switch v := v.(type) {
	case int32:
		return value.Int(int64(v))
	case int64:
		return value.Int(v)
	case float64:
		return value.Double(v)
	case bson.Decimal128:
		hi, lo := v.GetBytes()
		return value.FromDecimal(value.Decimal{Hi: hi, Lo: lo})
	}
	return value.Null()
}

// isNumber tells whether a value is of a numeric type.
func isNumber(v any) bool { return classOf(v) == classNumber }

// wholeNumber returns an integer of any numeric type.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		if v == math.Trunc(v) && v >= -1<<63 && v < 1<<63 {
			return int64(v), true
		}
	case bson.Decimal128: // by its digits: a double has fewer
		n, ok := wholeOf(v)
		return n, ok && Equal(v, n)
	}
	return 0, false
}

// float returns a number as a double; NaN for what is none.
func float(v any) float64 {
	switch v := v.(type) {
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return v
	case bson.Decimal128:
		return number(v).Decimal().Float64()
	}
	return math.NaN()
}

// maxSize is the largest value that there is, in bytes; it is more than a result may hold.
const maxSize = 64 << 20

// Size estimates the memory of a value in bytes. It stops at maxSize: a value whose parts are shared may count for any number.
func Size(v any) int { return maxSize - max(unmeasured(v, maxSize), 0) }

// unmeasured is what is left of a number of bytes beside a value; less than 1 if it doesn't fit.
func unmeasured(v any, left int) int {
	switch v := v.(type) {
	case string:
		return left - 16 - len(v)
	case bson.Binary:
		return left - 32 - len(v.Data)
	case bson.Regex:
		return left - 32 - len(v.Pattern) - len(v.Options)
	case bson.D:
		left -= 24
		for i := range v {
			if left = unmeasured(v[i].Value, left-32-len(v[i].Key)); left <= 0 {
				return left
			}
		}
		return left
	case bson.A:
		left -= 24
		for i := range v {
			if left = unmeasured(v[i], left-16); left <= 0 {
				return left
			}
		}
		return left
	default:
		return left - 16
	}
}

// truthy is how conditions of expressions see a value.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case nil, missing:
		return false
	default:
		return !isNumber(v) || value.Compare(number(v), value.Int(0)) != 0
	}
}
