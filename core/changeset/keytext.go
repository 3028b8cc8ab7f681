package changeset

import (
	"encoding/base64"

	"realmsync/core/value"
)

// EncodeKey returns the stand-alone form of a primary key: base64 text, with a string inline (spec/changeset.md section
// 2.12). A GlobalKey has none and is a *BadChangesetError.
func EncodeKey(k value.Key) (string, error) {
	var b []byte
	switch {
	case k.Kind() == value.KindGlobalKey:
		return "", &BadChangesetError{Reason: ReasonKeyType, Offset: -1, Index: -1, Text: "a global key has no stand-alone form"}
	case k.Kind() != value.KindString:
		b = appendFixedKey(nil, k)
	case len(k.Str()) > MaxString:
		return "", &BadChangesetError{Reason: ReasonTooLong, Offset: -1, Index: -1, Text: "a primary key is longer than 16777199 bytes"}
	default:
		b = append(appendUint([]byte{byte(value.KindString)}, uint64(len(k.Str()))), k.Str()...)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// DecodeKey is the inverse of EncodeKey. Anything but exactly one key is a *BadChangesetError.
func DecodeKey(text string) (value.Key, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return value.Key{}, &BadChangesetError{Reason: ReasonBase64, Offset: -1, Index: -1, Text: "a primary key is not base64: " + err.Error()}
	}
	d := decoder{in: string(b)}
	var key value.Key
	switch kind := d.typeCode(); kind {
	case value.KindNull:
	case value.KindInt:
		key = value.IntKey(d.int64())
	case value.KindString:
		key = value.StringKey(d.bytes(MaxString))
	case value.KindObjectID:
		key = value.ObjectIDKey(d.objectID())
	case value.KindUUID:
		key = value.UUIDKey(d.uuid())
	default:
		d.failAt(0, ReasonKeyType, "a primary key can't be of type %v", kind)
	}
	if d.err == nil && d.pos < len(d.in) {
		d.failAt(d.pos, ReasonBase64, "%d bytes follow the primary key", len(d.in)-d.pos)
	}
	if d.err != nil {
		d.err.Index = -1
		return value.Key{}, d.err
	}
	return key, nil
}
