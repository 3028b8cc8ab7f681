package mql

import (
	"fmt"
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// Key returns bytes that are equal for values that are Equal, and different for others.
func Key(v any) []byte { return appendKey(nil, v, numberKey) }

// StoredKey returns the key by which values are known in files, which stays what it was in earlier versions: a decimal has that of the double that
// Realm takes for it, so values of different keys may be Equal if they are decimals of more than 15 digits, and values of one key may not be.
func StoredKey(v any) []byte { return appendKey(nil, v, storedNumberKey) }

func appendKey(b []byte, v any, numberKey func(any) []byte) []byte {
	b = append(b, byte(classOf(v)))
	switch v := v.(type) {
	case int32, int64, float64, bson.Decimal128:
		return append(append(b, numberKey(v)...), 0)
	case string:
		return appendBytes(b, []byte(v))
	case bson.D:
		for _, e := range v {
			b = appendKey(appendBytes(append(b, 1), []byte(e.Key)), e.Value, numberKey)
		}
		return append(b, 0)
	case bson.A:
		for _, e := range v {
			b = appendKey(append(b, 1), e, numberKey)
		}
		return append(b, 0)
	case bson.Binary:
		return appendBytes(append(b, v.Subtype), v.Data)
	case bson.ObjectID:
		return append(b, v[:]...)
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case bson.DateTime:
		return appendInt(b, int64(v))
	case bson.Timestamp:
		return appendInt(b, int64(v.T)<<32|int64(v.I))
	case bson.Regex:
		return appendBytes(appendBytes(b, []byte(v.Pattern)), []byte(v.Options))
	default:
		return b
	}
}

// numberKey is the text of a number that all types of it share.
func numberKey(v any) []byte {
	n := number(v)
	if n.IsNaN() {
		return []byte("NaN")
	}
	if i, ok := wholeNumber(v); ok && Compare(v, i) == 0 {
		return appendInt([]byte("i"), i)
	}
	if f := float(v); Compare(v, f) == 0 {
		return appendInt([]byte("f"), int64(math.Float64bits(f)))
	}
	// A decimal that is no double: its digits, without trailing zeros.
	negative, hi, lo, exponent := n.Decimal().Parts()
	digits := coefficient(hi, lo).String()
	short := strings.TrimRight(digits, "0")
	return fmt.Appendf(nil, "%t%sE%d", negative, short, int(exponent)+len(digits)-len(short))
}

// storedNumberKey is the numberKey of StoredKey.
func storedNumberKey(v any) []byte {
	n, f := number(v), float(v)
	if n.IsNaN() {
		return []byte("NaN")
	}
	i, whole := integer(v)
	if !whole && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		i, whole = int64(f), true
	}
	if whole && value.Compare(n, value.Int(i)) == 0 {
		return appendInt([]byte("i"), i)
	}
	if value.Compare(n, value.Double(f)) == 0 {
		return appendInt([]byte("f"), int64(math.Float64bits(f)))
	}
	digits, exponent, _ := strings.Cut(n.Decimal().String(), "E")
	if strings.Contains(digits, ".") {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	return []byte(digits + "E" + exponent)
}

func appendInt(b []byte, n int64) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

func appendBytes(b, data []byte) []byte { return append(appendInt(b, int64(len(data))), data...) }
