package rql

import (
	"bytes"
	"strings"
	"unsafe"
)

// foldByte folds one byte of UTF-8 text: ASCII A-Z, and U+00C0-U+00DE except U+00D7, which are the byte C3 followed by
// 80-9E (spec section 6.3). Folding never changes the length of text.
func foldByte(previous, c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case previous == 0xC3 && c >= 0x80 && c <= 0x9E && c != 0x97:
		return c + 0x20
	default:
		return c
	}
}

// appendFold appends the folded text to dst.
func appendFold(dst []byte, s string) []byte {
	previous := byte(0)
	for i := 0; i < len(s); i++ {
		dst = append(dst, foldByte(previous, s[i]))
		previous = s[i]
	}
	return dst
}

// equalFold compares texts that may differ in case. Both must have the same length.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var pa, pb byte
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && foldByte(pa, a[i]) != foldByte(pb, b[i]) {
			return false
		}
		pa, pb = a[i], b[i]
	}
	return true
}

// needle is the right operand of a string operator, prepared: folded, and cut at the wildcards of LIKE.
type needle struct {
	op       Op
	fold     bool
	text     []byte
	segments []segment
}

// segment is a part of a LIKE pattern between two stars.
type segment struct {
	text  []byte
	plain bool // no ? in it
}

func newNeedle(op Op, fold bool, text string) *needle {
	n := &needle{op: op, fold: fold, text: []byte(text)}
	switch {
	case fold && !isSequence(text):
		// The original's case mapping gives up on malformed UTF-8, which only a binary can hold here, and then reads the
		// needle as zero bytes; a pattern as empty.
		n.text = make([]byte, len(text))
		if op == OpLike {
			n.text = nil
		}
	case fold:
		n.text = appendFold(nil, text)
	}
	if op == OpLike {
		for part := range bytes.SplitSeq(n.text, []byte("*")) {
			n.segments = append(n.segments, segment{part, bytes.IndexByte(part, '?') < 0})
		}
	}
	return n
}

// isSequence tells whether text is a sequence of well-formed UTF-8 code points, as far as the original looks.
func isSequence(text string) bool {
	for i := 0; i < len(text); {
		n := 1
		if text[i] >= 0x80 {
			if n = sequence(text[i:]); n == 0 {
				return false
			}
		}
		i += n
	}
	return true
}

// match tests a haystack.
func (n *needle) match(haystack string) bool {
	if n.fold {
		var buffer [256]byte // short texts are folded on the stack
		return n.test(appendFold(buffer[:0], haystack))
	}
	return n.test(unsafe.Slice(unsafe.StringData(haystack), len(haystack))) // only read
}

func (n *needle) test(s []byte) bool {
	switch n.op {
	case OpBeginsWith:
		return bytes.HasPrefix(s, n.text)
	case OpEndsWith:
		return bytes.HasSuffix(s, n.text)
	case OpContains:
		return bytes.Contains(s, n.text)
	case OpLike:
		return like(s, n.segments)
	default: // == and != with [c]
		return bytes.Equal(s, n.text)
	}
}

// like matches the whole of s. Each segment but the last is taken where it first fits: a later place can't help.
func like(s []byte, segments []segment) bool {
	first := segments[0]
	n := first.prefix(s)
	if n < 0 {
		return false
	}
	if len(segments) == 1 {
		return n == len(s)
	}
	s = s[n:]
	for _, part := range segments[1 : len(segments)-1] {
		end := part.find(s)
		if end < 0 {
			return false
		}
		s = s[end:]
	}
	return segments[len(segments)-1].suffix(s)
}

// prefix returns how many bytes of s the segment takes at its start, -1 if it doesn't fit.
func (g segment) prefix(s []byte) int {
	if g.plain {
		if !bytes.HasPrefix(s, g.text) {
			return -1
		}
		return len(g.text)
	}
	at := 0
	for _, c := range g.text {
		switch {
		case at == len(s):
			return -1
		case c == '?':
			at += codePoint(s[at:])
		case c == s[at]:
			at++
		default:
			return -1
		}
	}
	return at
}

// searchable tells whether the parts between stars are short enough to be looked for.
func (n *needle) searchable() bool {
	for i, part := range n.segments {
		if i > 0 && i < len(n.segments)-1 && !part.plain && len(part.text) > MaxWildcards {
			return false
		}
	}
	return true
}

// find returns the end of the first place in s where the segment fits, -1 if there is none.
func (g segment) find(s []byte) int {
	if g.plain {
		i := bytes.Index(s, g.text)
		if i < 0 {
			return -1
		}
		return i + len(g.text)
	}
	for at := 0; at <= len(s); at++ {
		if n := g.prefix(s[at:]); n >= 0 {
			return at + n
		}
	}
	return -1
}

// suffix tells whether the segment fits at the end of s.
func (g segment) suffix(s []byte) bool {
	if g.plain {
		return bytes.HasSuffix(s, g.text)
	}
	at := len(s)
	for i := len(g.text) - 1; i >= 0; i-- {
		switch {
		case at == 0:
			return false
		case g.text[i] == '?':
			at--
			for at > 0 && s[at]&0xC0 == 0x80 {
				at--
			}
		case g.text[i] == s[at-1]:
			at--
		default:
			return false
		}
	}
	return true
}

// codePoint returns the length of the UTF-8 code point at the start of s, which is not empty; a stray byte counts as one.
func codePoint(s []byte) int {
	n := 1
	for n < len(s) && n < 4 && s[0] >= 0xC0 && s[n]&0xC0 == 0x80 {
		n++
	}
	return n
}

// matchText evaluates a string operator on two texts that are both operands of an object.
func matchText(op Op, fold bool, haystack, text string) bool {
	switch {
	case op == OpLike:
		n := newNeedle(op, fold, text)
		return n.searchable() && n.match(haystack)
	case fold && op == OpContains:
		return newNeedle(op, fold, text).match(haystack)
	case fold && len(text) > len(haystack):
		return false
	case fold && op == OpBeginsWith:
		return equalFold(haystack[:len(text)], text)
	case fold && op == OpEndsWith:
		return equalFold(haystack[len(haystack)-len(text):], text)
	case op == OpBeginsWith:
		return strings.HasPrefix(haystack, text)
	case op == OpEndsWith:
		return strings.HasSuffix(haystack, text)
	default:
		return strings.Contains(haystack, text)
	}
}
