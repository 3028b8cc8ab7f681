package wire

import (
	"fmt"
	"math"
	"strconv"
)

// maxField bounds the text of one field of a head. The longest number has 20 digits; leading zeros are allowed.
const maxField = 64

// maxName bounds the name of a message. The longest one has 12 bytes.
const maxName = 32

// reader takes a message apart. The first problem sticks: later reads return zero values, so that a head is read in one go.
type reader struct {
	msg  []byte
	pos  int
	name string
	kind error // what a malformed number means: ErrSyntax in a head, ErrEntry in a body
	err  *ProtocolError
}

// openMessage reads the name.
func openMessage(msg []byte, limit int) (reader, string) {
	r := reader{msg: msg, kind: ErrSyntax}
	if len(msg) > limit {
		r.fail(ErrLimit, "", -1, "it has %d bytes, the limit is %d", len(msg), limit)
		return r, ""
	}
	for i := 0; i < len(msg) && i <= maxName; i++ {
		if c := msg[i]; c == ' ' {
			r.pos = i + 1
			return r, string(msg[:i])
		} else if c == '\n' {
			break
		}
	}
	r.fail(ErrSyntax, "", 0, "it doesn't start with a name and a space: %s", quote(msg))
	return r, ""
}

// quote shows the beginning of untrusted bytes.
func quote(b []byte) string {
	if len(b) > maxName {
		return strconv.Quote(string(b[:maxName])) + "..."
	}
	return strconv.Quote(string(b))
}

func (r *reader) fail(kind error, field string, offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &ProtocolError{Kind: kind, Message: r.name, Field: field, Offset: offset, Reason: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) tooMany(limit int) *ProtocolError {
	r.fail(ErrLimit, "", r.pos, "it has more than the limit of %d changesets", limit)
	return r.err
}

// field returns the text up to end, which is ' ' within a head and '\n' after its last field.
func (r *reader) field(name string, end byte) []byte {
	if r.err != nil {
		return nil
	}
	start := r.pos
	rest := r.msg[start:]
	for i, c := range rest {
		if c == end {
			r.pos = start + i + 1
			return rest[:i]
		}
		if c == ' ' || c == '\n' || i >= maxField {
			break
		}
	}
	if end == '\n' {
		r.fail(r.kind, name, start, "expected a number and the end of the line, found %s", quote(rest))
	} else {
		r.fail(r.kind, name, start, "expected a number and a space, found %s", quote(rest))
	}
	return nil
}

func (r *reader) uint(name string) uint64     { return r.uintEnd(name, ' ') }
func (r *reader) lastUint(name string) uint64 { return r.uintEnd(name, '\n') }
func (r *reader) int(name string) int64       { return r.intEnd(name, ' ') }
func (r *reader) lastInt(name string) int64   { return r.intEnd(name, '\n') }

func (r *reader) uintEnd(name string, end byte) uint64 {
	start := r.pos
	text := r.field(name, end)
	if r.err != nil {
		return 0
	}
	v, ok := parseUint(text)
	if !ok {
		r.fail(r.kind, name, start, "%s is not an unsigned 64-bit number", quote(text))
	}
	return v
}

// intEnd reads a signed field. As in the original the most negative number is out of range.
func (r *reader) intEnd(name string, end byte) int64 {
	start := r.pos
	text := r.field(name, end)
	if r.err != nil {
		return 0
	}
	magnitude := text
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		magnitude = text[1:]
	}
	v, ok := parseUint(magnitude)
	if !ok || v > math.MaxInt64 {
		r.fail(r.kind, name, start, "%s is not a signed 64-bit number", quote(text))
		return 0
	}
	if negative {
		return -int64(v)
	}
	return int64(v)
}

// code reads an error code, which has 32 bits.
func (r *reader) code() ErrorCode {
	start := r.pos
	v := r.int("code")
	if v > math.MaxInt32 || v < math.MinInt32 {
		r.fail(ErrSyntax, "code", start, "%d doesn't fit in 32 bits", v)
	}
	return ErrorCode(v)
}

// bool reads a truth value: any number but 0 is true (section 2.1).
func (r *reader) bool(name string) bool { return r.int(name) != 0 }

// lastBool is bool for the last field of a head.
func (r *reader) lastBool(name string) bool { return r.lastInt(name) != 0 }

// real reads a real number of 0..1.
func (r *reader) real(name string) float64 {
	start := r.pos
	text := r.field(name, ' ')
	if r.err != nil {
		return 0
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			r.fail(r.kind, name, start, "%s is not a decimal number", quote(text))
			return 0
		}
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || v < 0 || v > 1 {
		r.fail(r.kind, name, start, "%s is not a number of 0..1", quote(text))
		return 0
	}
	if v == 0 {
		return 0 // no minus sign
	}
	return v
}

// take returns the next n bytes after a head; the head announced them as field.
func (r *reader) take(field string, n uint64, limit int) []byte {
	if r.err != nil {
		return nil
	}
	left := len(r.msg) - r.pos
	switch {
	case n > uint64(limit):
		r.fail(ErrLimit, field, r.pos, "it has %d bytes, the limit is %d", n, limit)
		return nil
	case n > uint64(left):
		r.fail(ErrSyntax, field, r.pos, "the head announces %d bytes, %d are left", n, left)
		return nil
	}
	b := r.msg[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// end checks that nothing is left over.
func (r *reader) end() {
	if r.err == nil && r.pos != len(r.msg) {
		r.fail(ErrSyntax, "", r.pos, "%d bytes follow the end of the message", len(r.msg)-r.pos)
	}
}

// changeset reads the size and the bytes of a changeset, the end of an entry.
func (r *reader) changeset() []byte {
	start := r.pos
	size := r.uint("size")
	if r.err != nil {
		return nil
	}
	if left := len(r.msg) - r.pos; size > uint64(left) {
		r.fail(ErrEntrySize, "size", start, "the entry announces %d bytes, %d are left", size, left)
		return nil
	}
	b := r.msg[r.pos : r.pos+int(size) : r.pos+int(size)]
	r.pos += int(size)
	return b
}

// parseUint reads decimal digits and nothing else.
func parseUint(text []byte) (uint64, bool) {
	if len(text) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// digits returns the number of decimal digits of v.
func digits(v uint64) int {
	n := 1
	for v >= 10 {
		v /= 10
		n++
	}
	return n
}

// putNumber appends v and a space, as the heads of entries want it.
func putNumber(dst []byte, v uint64) []byte { return append(strconv.AppendUint(dst, v, 10), ' ') }
