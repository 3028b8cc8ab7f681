package value

import (
	"encoding/hex"
	"fmt"
)

// ObjectID is a 12-byte id in textual (big-endian) order.
type ObjectID [12]byte

// String returns the 24 lower-case hexadecimal digits.
func (id ObjectID) String() string { return hex.EncodeToString(id[:]) }

// ParseObjectID reads 24 hexadecimal digits.
func ParseObjectID(s string) (id ObjectID, err error) {
	if len(s) != 24 {
		return id, fmt.Errorf("value: an ObjectId has 24 hexadecimal digits, %q has %d characters", clip(s), len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ObjectID{}, fmt.Errorf("value: ObjectId %q: %w", s, err)
	}
	return id, nil
}

// UUID is a 16-byte id in textual order.
type UUID [16]byte

// String returns the lower-case 8-4-4-4-12 form.
func (id UUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}

// ParseUUID reads the 8-4-4-4-12 form.
func ParseUUID(s string) (id UUID, err error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("value: a UUID has the form 8-4-4-4-12 hexadecimal digits, got %q", clip(s))
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return UUID{}, fmt.Errorf("value: UUID %q: %w", s, err)
	}
	return id, nil
}

// clip keeps error texts readable when somebody passes a megabyte.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
