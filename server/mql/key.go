package mql

import (
	"fmt"
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Key returns bytes that are equal for values that are Equal, and different for others.
func Key(v any) []byte { return appendKey(nil, v) }

// appendKey writes bytes that are equal for values that are Equal.
func appendKey(b []byte, v any) []byte {
	b = append(b, byte(classOf(v)))
	switch v := v.(type) {
	case int32, int64, float64, bson.Decimal128:
		return append(append(b, numberKey(v)...), 0)
	case string:
		return appendBytes(b, []byte(v))
	case bson.D:
		for _, e := range v {
			b = appendKey(appendBytes(append(b, 1), []byte(e.Key)), e.Value)
		}
		return append(b, 0)
	case bson.A:
		for _, e := range v {
			b = appendKey(append(b, 1), e)
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

func appendInt(b []byte, n int64) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

func appendBytes(b, data []byte) []byte { return append(appendInt(b, int64(len(data))), data...) }
