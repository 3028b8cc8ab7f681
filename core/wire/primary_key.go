package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// decodePrimaryKey reads base64, with or without padding, of a stand-alone primary key. Bytes after the key are dropped.
func decodePrimaryKey(text string) ([]byte, error) {
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	n, err := primaryKeySize(key)
	if err != nil {
		return nil, err
	}
	return key[:n:n], nil
}

// primaryKeySize returns the length of the stand-alone primary key at the start of b (changeset.md section 2.12).
func primaryKeySize(b []byte) (int, error) {
	errShort := errors.New("the primary key ends too early")
	magnitude, negative, n := keyVarint(b)
	if n == 0 || negative {
		return 0, errors.New("it doesn't start with the type code of a primary key")
	}
	size := uint64(0)
	switch magnitude {
	case 0: // null
	case 1: // int
		v, _, m := keyVarint(b[n:])
		if m == 0 || v > 1<<63-1 {
			return 0, errors.New("the integer of the primary key is cut short or too large")
		}
		size = uint64(m)
	case 3: // string
		length, negative, m := keyVarint(b[n:])
		if m == 0 || negative {
			return 0, errShort
		}
		n += m
		size = length
	case 10: // object id
		size = 12
	case 11: // UUID
		size = 16
	default:
		return 0, fmt.Errorf("type code %d can't be a primary key", magnitude)
	}
	if size > uint64(len(b)-n) {
		return 0, errShort
	}
	return n + int(size), nil
}

// keyVarint reads a number of changeset.md section 2.1 and returns its length, 0 if it is malformed. It lives here because the
// package must know the shape of keys, to refuse those that end an original client's process, and imports no other.
func keyVarint(b []byte) (magnitude uint64, negative bool, n int) {
	for shift := 0; n < len(b) && n < 10; n++ {
		c := b[n]
		if c&0x80 != 0 {
			if shift > 63 || uint64(c&0x7f)<<shift>>shift != uint64(c&0x7f) {
				return 0, false, 0
			}
			magnitude |= uint64(c&0x7f) << shift
			shift += 7
			continue
		}
		if uint64(c&0x3f)<<shift>>shift != uint64(c&0x3f) {
			return 0, false, 0
		}
		return magnitude | uint64(c&0x3f)<<shift, c&0x40 != 0, n + 1
	}
	return 0, false, 0
}
