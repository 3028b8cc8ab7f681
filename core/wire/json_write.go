package wire

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendJSONString appends s in quotes, escaped as the original does: the short escapes, \u00xx for other control characters,
// everything else as it is. Bytes that are not UTF-8 become U+FFFD, because JSON can't hold them.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// jsonBuilder appends the members of one object. Members must come in alphabetical order of their keys: the original
// writes them so, and bodies are compared byte by byte.
type jsonBuilder struct {
	dst   []byte
	comma bool
}

func (b *jsonBuilder) key(key string) {
	if b.comma {
		b.dst = append(b.dst, ',')
	} else {
		b.dst = append(b.dst, '{')
	}
	b.comma = true
	b.dst = append(appendJSONString(b.dst, key), ':')
}

func (b *jsonBuilder) string(key, value string) {
	b.key(key)
	b.dst = appendJSONString(b.dst, value)
}

func (b *jsonBuilder) bool(key string, value bool) {
	b.key(key)
	if value {
		b.dst = append(b.dst, "true"...)
	} else {
		b.dst = append(b.dst, "false"...)
	}
}

func (b *jsonBuilder) int(key string, v int64) {
	b.key(key)
	b.dst = strconv.AppendInt(b.dst, v, 10)
}

func (b *jsonBuilder) uint(key string, v uint64) {
	b.key(key)
	b.dst = strconv.AppendUint(b.dst, v, 10)
}

func (b *jsonBuilder) end() []byte {
	if !b.comma {
		b.dst = append(b.dst, '{')
	}
	return append(b.dst, '}')
}
