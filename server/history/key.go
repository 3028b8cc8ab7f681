package history

import (
	"encoding/binary"
	"fmt"

	"realmsync/core/value"
)

// EncodeKey returns the stored form of a primary key: one byte of kind, then the value, so that the keys of a class sort by
// kind and value under bytewise comparison.
func EncodeKey(k value.Key) string {
	switch k.Kind() {
	case value.KindInt:
		var b [9]byte
		b[0] = byte(value.KindInt)
		binary.BigEndian.PutUint64(b[1:], uint64(k.Int())^1<<63)
		return string(b[:])
	case value.KindString:
		return string([]byte{byte(value.KindString)}) + k.Str()
	case value.KindObjectID:
		id := k.ObjectID()
		var b [13]byte
		b[0] = byte(value.KindObjectID)
		copy(b[1:], id[:])
		return string(b[:])
	case value.KindUUID:
		id := k.UUID()
		var b [17]byte
		b[0] = byte(value.KindUUID)
		copy(b[1:], id[:])
		return string(b[:])
	case value.KindGlobalKey:
		var b [17]byte
		hi, lo := k.Global()
		b[0] = globalKey
		binary.BigEndian.PutUint64(b[1:], hi)
		binary.BigEndian.PutUint64(b[9:], lo)
		return string(b[:])
	default:
		return "\x00"
	}
}

// globalKey stands for value.KindGlobalKey, whose code is negative.
const globalKey = 0x7f

// DecodeKey is the inverse of EncodeKey.
func DecodeKey(s string) (value.Key, error) {
	if s == "" {
		return value.Key{}, fmt.Errorf("history: a stored key is empty: the data is damaged")
	}
	body := s[1:]
	switch {
	case s[0] == 0 && body == "":
		return value.NullKey(), nil
	case s[0] == byte(value.KindInt) && len(body) == 8:
		return value.IntKey(int64(beUint64(body) ^ 1<<63)), nil
	case s[0] == byte(value.KindString):
		return value.StringKey(body), nil
	case s[0] == byte(value.KindObjectID) && len(body) == 12:
		return value.ObjectIDKey(value.ObjectID([]byte(body))), nil
	case s[0] == byte(value.KindUUID) && len(body) == 16:
		return value.UUIDKey(value.UUID([]byte(body))), nil
	case s[0] == globalKey && len(body) == 16:
		return value.GlobalKey(beUint64(body), beUint64(body[8:])), nil
	}
	return value.Key{}, fmt.Errorf("history: stored key %x has no known form: the data is damaged", clip(s))
}

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
		uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
}

// clip keeps error texts readable.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}
