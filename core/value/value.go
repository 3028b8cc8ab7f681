package value

import (
	"encoding/binary"
	"math"
)

// Link is the content of a link: the class of the target and its primary key. A link to an object that does not
// exist is dangling, not invalid (spec/changeset.md section 5.6).
type Link struct {
	Class string
	Key   Key
}

// Timestamp is an instant: Seconds since 1970-01-01T00:00:00Z and Nanoseconds, of the same sign, |Nanoseconds| < 1e9.
type Timestamp struct {
	Seconds     int64
	Nanoseconds int32
}

// Value is one value, or one instruction payload. It is immutable; the zero Value is Null.
//
// Values are compared with Equal and Compare, not with ==, because links are held by pointer.
type Value struct {
	kind Kind
	num  uint64 // int, bool, float and double bits, timestamp seconds, high word of ids and decimals
	ext  uint64 // timestamp nanoseconds, low word of ids and decimals
	str  string // string and binary
	link *Link
}

// Null returns the null of any type.
func Null() Value { return Value{} }

// Marker returns an instruction payload without content: KindObject, KindDictionary, KindErased, KindList or KindSet.
func Marker(k Kind) Value { return Value{kind: k} }

// Int returns an integer.
func Int(v int64) Value { return Value{kind: KindInt, num: uint64(v)} }

// Bool returns a boolean.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// String returns a string. It should be UTF-8, but every byte sequence is carried.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Binary returns a byte string; the bytes are copied.
func Binary(b []byte) Value { return Value{kind: KindBinary, str: string(b)} }

// BinaryString returns a byte string that shares the (immutable) bytes of s.
func BinaryString(s string) Value { return Value{kind: KindBinary, str: s} }

// FromTimestamp returns an instant.
func FromTimestamp(t Timestamp) Value {
	return Value{kind: KindTimestamp, num: uint64(t.Seconds), ext: uint64(int64(t.Nanoseconds))}
}

// Float returns a 32-bit float; its bits (NaN payload, sign of zero) are kept.
func Float(v float32) Value { return FloatBits(math.Float32bits(v)) }

// FloatBits returns the 32-bit float with these bits.
func FloatBits(bits uint32) Value { return Value{kind: KindFloat, num: uint64(bits)} }

// Double returns a 64-bit float; its bits are kept.
func Double(v float64) Value { return DoubleBits(math.Float64bits(v)) }

// DoubleBits returns the 64-bit float with these bits.
func DoubleBits(bits uint64) Value { return Value{kind: KindDouble, num: bits} }

// FromDecimal returns a decimal128.
func FromDecimal(d Decimal) Value { return Value{kind: KindDecimal, num: d.Hi, ext: d.Lo} }

// FromLink returns a link.
func FromLink(class string, key Key) Value { return Value{kind: KindLink, link: &Link{class, key}} }

// FromObjectID returns an ObjectID.
func FromObjectID(id ObjectID) Value {
	return Value{kind: KindObjectID, num: binary.BigEndian.Uint64(id[:8]), ext: uint64(binary.BigEndian.Uint32(id[8:]))}
}

// FromUUID returns a UUID.
func FromUUID(id UUID) Value {
	return Value{kind: KindUUID, num: binary.BigEndian.Uint64(id[:8]), ext: binary.BigEndian.Uint64(id[8:])}
}

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether the value is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// The accessors below return the zero of their type when the value is of another kind.

// Int returns the integer.
func (v Value) Int() int64 {
	if v.kind != KindInt {
		return 0
	}
	return int64(v.num)
}

// Bool returns the boolean.
func (v Value) Bool() bool { return v.kind == KindBool && v.num != 0 }

// Str returns the bytes of a string or binary.
func (v Value) Str() string { return v.str }

// Timestamp returns the instant.
func (v Value) Timestamp() Timestamp {
	if v.kind != KindTimestamp {
		return Timestamp{}
	}
	return Timestamp{int64(v.num), int32(int64(v.ext))}
}

// Float returns the 32-bit float.
func (v Value) Float() float32 {
	if v.kind != KindFloat {
		return 0
	}
	return math.Float32frombits(uint32(v.num))
}

// Double returns the 64-bit float.
func (v Value) Double() float64 {
	if v.kind != KindDouble {
		return 0
	}
	return math.Float64frombits(v.num)
}

// Bits returns the raw bits of a Float (low 32) or Double.
func (v Value) Bits() uint64 { return v.num }

// Decimal returns the decimal128.
func (v Value) Decimal() Decimal {
	if v.kind != KindDecimal {
		return Decimal{}
	}
	return Decimal{Hi: v.num, Lo: v.ext}
}

// Link returns the link's target.
func (v Value) Link() Link {
	if v.link == nil {
		return Link{}
	}
	return *v.link
}

// ObjectID returns the id.
func (v Value) ObjectID() (id ObjectID) {
	if v.kind == KindObjectID {
		binary.BigEndian.PutUint64(id[:8], v.num)
		binary.BigEndian.PutUint32(id[8:], uint32(v.ext))
	}
	return id
}

// UUID returns the id.
func (v Value) UUID() (id UUID) {
	if v.kind == KindUUID {
		binary.BigEndian.PutUint64(id[:8], v.num)
		binary.BigEndian.PutUint64(id[8:], v.ext)
	}
	return id
}

// Identical tells whether both values have the same kind and the same bits: the comparison of the wire format,
// under which NaN is itself and 0.0 differs from -0.0.
func (v Value) Identical(w Value) bool {
	if v.kind != w.kind || v.num != w.num || v.ext != w.ext || v.str != w.str {
		return false
	}
	if v.link == nil || w.link == nil {
		return v.link == w.link
	}
	return *v.link == *w.link
}
