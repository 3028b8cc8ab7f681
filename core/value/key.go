package value

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"
)

// Key is the primary key of an object: null, int, string, ObjectID, UUID or GlobalKey
// (spec/changeset.md section 1.3). It is comparable with == and usable as a map key. The zero Key is the null key.
type Key struct {
	kind Kind
	hi   uint64
	lo   uint64
	str  string
}

// NullKey is the key of an object whose nullable primary key is null.
func NullKey() Key { return Key{} }

// IntKey returns an integer key.
func IntKey(v int64) Key { return Key{kind: KindInt, lo: uint64(v)} }

// StringKey returns a string key.
func StringKey(s string) Key { return Key{kind: KindString, str: s} }

// ObjectIDKey returns an ObjectID key.
func ObjectIDKey(id ObjectID) Key {
	return Key{kind: KindObjectID, hi: binary.BigEndian.Uint64(id[:8]), lo: uint64(binary.BigEndian.Uint32(id[8:]))}
}

// UUIDKey returns a UUID key.
func UUIDKey(id UUID) Key {
	return Key{kind: KindUUID, hi: binary.BigEndian.Uint64(id[:8]), lo: binary.BigEndian.Uint64(id[8:])}
}

// GlobalKey returns the key of an object in a class without primary key.
func GlobalKey(hi, lo uint64) Key { return Key{kind: KindGlobalKey, hi: hi, lo: lo} }

// Kind returns Null, Int, String, ObjectID, UUID or GlobalKey.
func (k Key) Kind() Kind { return k.kind }

// IsNull tells whether this is the null key.
func (k Key) IsNull() bool { return k.kind == KindNull }

// Int returns the integer of an Int key, 0 for other kinds.
func (k Key) Int() int64 {
	if k.kind != KindInt {
		return 0
	}
	return int64(k.lo)
}

// Str returns the string of a String key, "" for other kinds.
func (k Key) Str() string { return k.str }

// ObjectID returns the id of an ObjectID key, all zero for other kinds.
func (k Key) ObjectID() (id ObjectID) {
	if k.kind == KindObjectID {
		binary.BigEndian.PutUint64(id[:8], k.hi)
		binary.BigEndian.PutUint32(id[8:], uint32(k.lo))
	}
	return id
}

// UUID returns the id of a UUID key, all zero for other kinds.
func (k Key) UUID() (id UUID) {
	if k.kind == KindUUID {
		binary.BigEndian.PutUint64(id[:8], k.hi)
		binary.BigEndian.PutUint64(id[8:], k.lo)
	}
	return id
}

// Global returns the two words of a GlobalKey, zero for other kinds.
func (k Key) Global() (hi, lo uint64) {
	if k.kind != KindGlobalKey {
		return 0, 0
	}
	return k.hi, k.lo
}

// Value returns the key as the value of the primary key property. A GlobalKey has none and yields Null.
func (k Key) Value() Value {
	switch k.kind {
	case KindInt:
		return Int(int64(k.lo))
	case KindString:
		return String(k.str)
	case KindObjectID:
		return FromObjectID(k.ObjectID())
	case KindUUID:
		return FromUUID(k.UUID())
	default:
		return Null()
	}
}

// KeyOf returns the key that a value stands for; false when a value of its kind can't be a primary key.
func KeyOf(v Value) (Key, bool) {
	switch v.Kind() {
	case KindNull:
		return NullKey(), true
	case KindInt:
		return IntKey(v.Int()), true
	case KindString:
		return StringKey(v.Str()), true
	case KindObjectID:
		return ObjectIDKey(v.ObjectID()), true
	case KindUUID:
		return UUIDKey(v.UUID()), true
	default:
		return Key{}, false
	}
}

// String formats the key for error texts.
func (k Key) String() string {
	switch k.kind {
	case KindNull:
		return "null"
	case KindInt:
		return strconv.FormatInt(int64(k.lo), 10)
	case KindString:
		return strconv.Quote(k.str)
	case KindObjectID:
		return k.ObjectID().String()
	case KindUUID:
		return k.UUID().String()
	case KindGlobalKey:
		return fmt.Sprintf("{%x-%x}", k.hi, k.lo)
	default:
		return k.kind.String()
	}
}

// CompareKeys orders keys totally: by kind first, then by value (ids bytewise, strings bytewise).
func CompareKeys(a, b Key) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	switch a.kind {
	case KindInt:
		return cmp.Compare(int64(a.lo), int64(b.lo))
	case KindString:
		return cmp.Compare(a.str, b.str)
	default:
		if c := cmp.Compare(a.hi, b.hi); c != 0 {
			return c
		}
		return cmp.Compare(a.lo, b.lo)
	}
}
