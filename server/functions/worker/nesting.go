package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxNesting is how deep a body from a worker may be nested: values of 64 levels (package script), within messages.
const maxNesting = 72

var errBSON = errors.New("not the BSON of a worker")

// unmarshal reads a body that came from a worker. The package bson reads recursively, so how deep the body is nested is bounded before;
// only what a worker makes is taken, and all text is UTF-8.
func unmarshal(body []byte, into any) error {
	if err := checkBSON(body); err != nil {
		return err
	}
	return bson.Unmarshal(body, into)
}

func checkBSON(b []byte) error {
	var ends []int // of the documents that are open
	at := 0
	open := func(most int) bool {
		if len(ends) == maxNesting || most-at < 5 {
			return false
		}
		n := binary.LittleEndian.Uint32(b[at:])
		if n < 5 || uint64(n) > uint64(most-at) { //nolint:gosec // not negative
			return false
		}
		ends = append(ends, at+int(n))
		at += 4
		return true
	}
	if !open(len(b)) || ends[0] != len(b) {
		return errBSON
	}
	for len(ends) > 0 {
		end := ends[len(ends)-1]
		if at >= end {
			return errBSON
		}
		t := b[at]
		at++
		if t == 0 {
			if at != end {
				return errBSON
			}
			ends = ends[:len(ends)-1]
			continue
		}
		if !cString(b, &at, end) {
			return errBSON
		}
		size := 0
		switch bson.Type(t) {
		case bson.TypeEmbeddedDocument, bson.TypeArray:
			if !open(end) {
				return errBSON
			}
			continue
		case bson.TypeString, bson.TypeBinary:
			if end-at < 5 {
				return errBSON
			}
			n := binary.LittleEndian.Uint32(b[at:])
			if uint64(n) > uint64(end-at) { //nolint:gosec // not negative
				return errBSON
			}
			size = 4 + int(n)
			if bson.Type(t) == bson.TypeBinary {
				size++
			} else if n == 0 || size > end-at || b[at+size-1] != 0 || !utf8.Valid(b[at+4:at+size]) {
				return errBSON
			}
		case bson.TypeRegex:
			if !cString(b, &at, end) || !cString(b, &at, end) {
				return errBSON
			}
		case bson.TypeNull, bson.TypeMinKey, bson.TypeMaxKey:
		case bson.TypeBoolean:
			size = 1
		case bson.TypeInt32:
			size = 4
		case bson.TypeDouble, bson.TypeInt64, bson.TypeDateTime, bson.TypeTimestamp:
			size = 8
		case bson.TypeObjectID:
			size = 12
		case bson.TypeDecimal128:
			size = 16
		default:
			return errBSON
		}
		if size > end-at {
			return errBSON
		}
		at += size
	}
	return nil
}

// cString goes past a string that ends with a zero.
func cString(b []byte, at *int, end int) bool {
	n := bytes.IndexByte(b[*at:end], 0)
	if n < 0 || !utf8.Valid(b[*at:*at+n]) {
		return false
	}
	*at += n + 1
	return true
}
