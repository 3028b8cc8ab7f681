package worker

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Both directions are frames: the length of the body in four bytes, the kind in one, a number in four, and the body, a BSON document. All
// little-endian. The number is that of a call, or in kindAsk and kindReply that of what is asked for.
type kind byte

const (
	kindProgram kind = iota + 1 // to the worker: a source, which later frames name by its number
	kindCall                    // run a function
	kindCancel                  // stop doing that; no body
	kindReply                   // what was asked for
	kindCompile                 // say whether a source can be compiled
	kindDone                    // from the worker: what a call came to
	kindAsk                     // what a function asks for
	kindLog                     // a line that it logged
)

const (
	headSize = 9
	// maxToWorker is the longest body to a worker: an operation on data gives at most 48 MiB.
	maxToWorker = 64 << 20
	// maxFromWorker is the longest body from one.
	maxFromWorker = 32 << 20
)

// formError is why a body cannot be sent.
type formError struct{ error }

// frame makes one. body is a struct or nil; the error is a formError: it has no BSON form, or has more than most bytes.
func frame(k kind, number uint32, body any, most int) ([]byte, error) {
	b := make([]byte, headSize)
	if body != nil {
		text, err := bson.Marshal(body)
		if err != nil {
			return nil, formError{err}
		}
		if len(text) > most {
			return nil, formError{fmt.Errorf("it has more than %d bytes", most)}
		}
		b = append(b, text...)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-headSize)) //nolint:gosec // bounded
	b[4] = byte(k)
	binary.LittleEndian.PutUint32(b[5:], number)
	return b, nil
}

// readFrame reads one. A longer body than most is an error, before anything is allocated for it.
func readFrame(r io.Reader, most int) (k kind, number uint32, body []byte, err error) {
	var head [headSize]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > uint32(most) { //nolint:gosec // a constant
		return 0, 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if n > 0 {
		body = make([]byte, n)
		if _, err = io.ReadFull(r, body); err != nil {
			return 0, 0, nil, err
		}
	}
	return kind(head[4]), binary.LittleEndian.Uint32(head[5:]), body, nil
}
