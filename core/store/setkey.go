package store

import (
	"encoding/binary"
	"math"

	"realmsync/core/value"
)

// The key of an element of a set: bytes that order as value.Compare orders values, but for links, which go by class id and row id. Equal
// values have equal keys. That can't be had for numbers in mixed, where a decimal equals all doubles that round to it: there, likely keys are
// searched and value.Equal decides (mixedNumber).
const (
	keyNull byte = iota
	keyBool
	keyNumber
	keyString
	keyBinary
	keyTimestamp
	keyObjectID
	keyUUID
	keyLink
)

// appendSetKey appends the key of a cell. mixed tells that the set holds values of all types.
func appendSetKey(b []byte, cell *Cell, mixed bool) []byte {
	if cell.Flags&FlagDangling != 0 || cell.Kind() == value.KindLink {
		live := byte(1)
		if cell.Flags&FlagDangling != 0 {
			live = 0
		}
		b = append(binary.BigEndian.AppendUint32(append(b, keyLink), cell.Size), live)
		return binary.BigEndian.AppendUint64(b, uint64(cell.Int())^1<<63)
	}
	switch cell.Kind() {
	case value.KindNull:
		return append(b, keyNull)
	case value.KindBool:
		return append(b, keyBool, byte(min(cell.u[0], 1)))
	case value.KindInt:
		return appendIntKey(append(b, keyNumber), cell.Int())
	case value.KindFloat, value.KindDouble:
		return appendFloatKey(append(b, keyNumber), cell.Value())
	case value.KindDecimal:
		d := cell.Value().Decimal()
		if b = append(b, keyNumber); mixed && !d.IsNaN() {
			b = append(appendOrdered(b, d.Float64()), 0x80, 0, 0, 0, 0, 0, 0, 0)
		} else if mixed {
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
		}
		return append(b, decimalKey(d)...)
	case value.KindString:
		return append(append(b, keyString), cell.Bytes()...)
	case value.KindBinary:
		return append(append(b, keyBinary), cell.Bytes()...)
	case value.KindTimestamp:
		t := cell.Value().Timestamp()
		b = binary.BigEndian.AppendUint64(append(b, keyTimestamp), uint64(t.Seconds)^1<<63)
		return binary.BigEndian.AppendUint32(b, uint32(t.Nanoseconds)^1<<31)
	case value.KindObjectID:
		id := cell.Value().ObjectID()
		return append(append(b, keyObjectID), id[:]...)
	case value.KindUUID:
		id := cell.Value().UUID()
		return append(append(b, keyUUID), id[:]...)
	default:
		return append(b, 0xff)
	}
}

// appendOrdered appends 8 bytes that order as numbers do, above 8 zeros, which stand for NaN. -0 is 0.
func appendOrdered(b []byte, f float64) []byte {
	bits := math.Float64bits(f + 0)
	if f == 0 {
		bits = 0
	}
	if bits>>63 != 0 {
		return binary.BigEndian.AppendUint64(b, ^bits)
	}
	return binary.BigEndian.AppendUint64(b, bits|1<<63)
}

// appendIntKey appends the nearest double, then what is missing.
func appendIntKey(b []byte, n int64) []byte {
	f := float64(n)
	rest := int64(0)
	if f >= 1<<63 {
		rest = int64(uint64(n) - 1<<63)
	} else {
		rest = n - int64(f)
	}
	return binary.BigEndian.AppendUint64(appendOrdered(b, f), uint64(rest)^1<<63)
}

func appendFloatKey(b []byte, v value.Value) []byte {
	f := float64(v.Float())
	if v.Kind() == value.KindDouble {
		f = v.Double()
	}
	if math.IsNaN(f) {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(v.Kind()))
		return binary.BigEndian.AppendUint64(b, v.Bits())
	}
	return append(appendOrdered(b, f), 0x80, 0, 0, 0, 0, 0, 0, 0)
}

// mixedNumber returns the bounds of the keys of all numbers that may equal a number, in a set of mixed values: doubles are rounded to 15
// digits when they are compared with decimals, floats to 7.
func mixedNumber(v value.Value) (low, high []byte) {
	if v.IsNaN() {
		return []byte{keyNumber}, []byte{keyNumber, 0, 0, 0, 0, 0, 0, 0, 0, 0xff}
	}
	f := 0.0
	switch v.Kind() {
	case value.KindInt:
		f = float64(v.Int())
	case value.KindFloat:
		f = float64(v.Float())
	case value.KindDouble:
		f = v.Double()
	default:
		f = v.Decimal().Float64()
	}
	near := math.Abs(f)*1e-6 + math.SmallestNonzeroFloat64
	if math.IsInf(f, 0) {
		near = 0
	}
	low = appendOrdered([]byte{keyNumber}, f-near)
	return low, append(appendOrdered([]byte{keyNumber}, f+near), 0xff, 0xff)
}

// mixedNumberOf decodes a number stored in a column of type mixed (shim_codec.c).
func mixedNumberOf(b []byte) (value.Value, bool) {
	if len(b) < 2 {
		return value.Value{}, false
	}
	rest := b[1:]
	switch kind := value.Kind(b[0]); {
	case kind == value.KindInt && len(rest) == 8:
		return value.Int(int64(binary.BigEndian.Uint64(rest) ^ 1<<63)), true
	case kind == value.KindFloat && len(rest) == 4:
		return value.FloatBits(binary.BigEndian.Uint32(rest)), true
	case kind == value.KindDouble && len(rest) == 8:
		return value.DoubleBits(binary.BigEndian.Uint64(rest)), true
	case kind == value.KindDecimal && len(rest) == 34:
		return value.FromDecimal(value.Decimal{Hi: binary.BigEndian.Uint64(rest[18:]), Lo: binary.BigEndian.Uint64(rest[26:])}), true
	default:
		return value.Value{}, false
	}
}
