package wire

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds the nesting of a JSON body. Nothing that the protocol knows is deeper than 3.
const maxJSONDepth = 64

// errNotObject is what parseObject returns for a well-formed value of another type.
var errNotObject = errors.New("it is not an object")

// jsonMember is one member of an object: its key and the text of its value.
type jsonMember struct {
	key   string
	value jsonValue
}

// jsonValue is the text of one JSON value, known to be well-formed. Nil means that there is none.
type jsonValue []byte

// jsonObject holds members in the order of the text. The last one of a key counts, as in the original.
type jsonObject []jsonMember

// get returns the value of a key, nil if there is none.
func (o jsonObject) get(key string) jsonValue {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].key == key {
			return o[i].value
		}
	}
	return nil
}

// parseObject checks a whole JSON text and returns the members of its outermost object.
func parseObject(text []byte) (jsonObject, error) {
	var members jsonObject
	s := jsonScanner{text: text}
	s.space()
	isObject := s.peek() == '{'
	if isObject {
		s.object(1, func(key string, value jsonValue) { members = append(members, jsonMember{key, value}) })
	} else {
		s.value(0)
	}
	s.space()
	if s.err == nil && s.pos != len(text) {
		s.fail("text follows the value")
	}
	if s.err == nil && !isObject {
		s.err = errNotObject
	}
	return members, s.err
}

// parseArray returns the elements of a value, false if it isn't an array.
func parseArray(v jsonValue) ([]jsonValue, bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	var elements []jsonValue
	s := jsonScanner{text: v}
	s.array(1, func(e jsonValue) { elements = append(elements, e) })
	return elements, s.err == nil
}

// asString returns the text of a string value.
func (v jsonValue) asString() (string, bool) {
	if len(v) == 0 || v[0] != '"' {
		return "", false
	}
	s := jsonScanner{text: v}
	text := s.string()
	return text, s.err == nil
}

// asBool returns the value of true and false.
func (v jsonValue) asBool() (value, ok bool) {
	switch string(v) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// asUint returns an integer >= 0 that is written without fraction and exponent.
func (v jsonValue) asUint() (uint64, bool) { return parseUint(v) }

// asVersion returns an integer without fraction and exponent; as in the original a negative one wraps around.
func (v jsonValue) asVersion() (uint64, bool) {
	if len(v) > 0 && v[0] == '-' {
		magnitude, ok := parseUint(v[1:])
		return -magnitude, ok && magnitude <= 1<<63
	}
	return parseUint(v)
}

// asInt32 returns a number cut to an integer; as in the original true and false count as 1 and 0.
func (v jsonValue) asInt32() (int32, bool) {
	if b, ok := v.asBool(); ok {
		if b {
			return 1, true
		}
		return 0, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f <= math.MinInt32-1 || f >= math.MaxInt32+1 {
		return 0, false
	}
	return int32(f), true
}

// jsonScanner reads JSON by RFC 8259: UTF-8 only, no lone surrogates, no control characters in strings.
type jsonScanner struct {
	text []byte
	pos  int
	err  error
}

func (s *jsonScanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: %s", s.pos, fmt.Sprintf(format, args...))
	}
}

func (s *jsonScanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *jsonScanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// eat steps over the byte c, or fails.
func (s *jsonScanner) eat(c byte) {
	if s.err == nil && s.peek() != c {
		s.fail("expected %q", c)
	}
	s.pos++
}

func (s *jsonScanner) value(depth int) {
	if depth > maxJSONDepth {
		s.fail("nested deeper than %d", maxJSONDepth)
		return
	}
	switch c := s.peek(); {
	case c == '{':
		s.object(depth+1, func(string, jsonValue) {})
	case c == '[':
		s.array(depth+1, func(jsonValue) {})
	case c == '"':
		_ = s.string()
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if len(s.text)-s.pos >= len(word) && string(s.text[s.pos:s.pos+len(word)]) == word {
				s.pos += len(word)
				return
			}
		}
		s.fail("expected a value")
	}
}

func (s *jsonScanner) object(depth int, member func(string, jsonValue)) {
	s.eat('{')
	s.space()
	if s.peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		s.space()
		key := s.string()
		s.space()
		s.eat(':')
		s.space()
		start := s.pos
		if s.err == nil {
			s.value(depth)
		}
		if s.err != nil {
			return
		}
		member(key, s.text[start:s.pos:s.pos])
		s.space()
		if s.peek() != ',' {
			s.eat('}')
			return
		}
		s.pos++
	}
}

func (s *jsonScanner) array(depth int, element func(jsonValue)) {
	s.eat('[')
	s.space()
	if s.peek() == ']' {
		s.pos++
		return
	}
	for s.err == nil {
		s.space()
		start := s.pos
		s.value(depth)
		if s.err != nil {
			return
		}
		element(s.text[start:s.pos:s.pos])
		s.space()
		if s.peek() != ',' {
			s.eat(']')
			return
		}
		s.pos++
	}
}

func (s *jsonScanner) number() {
	if s.peek() == '-' {
		s.pos++
	}
	digitRun := func() {
		start := s.pos
		for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
			s.pos++
		}
		if s.pos == start {
			s.fail("expected a digit")
		}
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		digitRun()
	}
	if s.peek() == '.' {
		s.pos++
		digitRun()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		digitRun()
	}
}

// string reads a string with its quotes.
func (s *jsonScanner) string() string {
	s.eat('"')
	if s.err != nil {
		return ""
	}
	start := s.pos
	var out []byte // set at the first escape
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '"':
			text := s.text[start:s.pos]
			s.pos++
			return string(append(out, text...))
		case c == '\\':
			out = append(out, s.text[start:s.pos]...)
			out = s.escape(out)
			if s.err != nil {
				return ""
			}
			start = s.pos
		case c < ' ':
			s.fail("control character in a string")
			return ""
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, n := utf8.DecodeRune(s.text[s.pos:])
			if r == utf8.RuneError && n == 1 {
				s.fail("not UTF-8")
				return ""
			}
			s.pos += n
		}
	}
	s.fail("unfinished string")
	return ""
}

// escape reads what a backslash starts, and appends what it means.
func (s *jsonScanner) escape(out []byte) []byte {
	s.pos++
	c := s.peek()
	s.pos++
	switch c {
	case '"', '\\', '/':
		return append(out, c)
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		r := s.hex()
		if utf16.IsSurrogate(r) {
			if s.peek() != '\\' || s.pos+1 >= len(s.text) || s.text[s.pos+1] != 'u' {
				s.fail("half of a surrogate pair")
				return out
			}
			s.pos += 2
			r = utf16.DecodeRune(r, s.hex())
			if r == utf8.RuneError {
				s.fail("half of a surrogate pair")
			}
		}
		return utf8.AppendRune(out, r)
	}
	s.pos--
	s.fail("unknown escape")
	return out
}

// hex reads four hexadecimal digits.
func (s *jsonScanner) hex() rune {
	if len(s.text)-s.pos < 4 {
		s.fail("expected four hexadecimal digits")
		return 0
	}
	v, err := strconv.ParseUint(string(s.text[s.pos:s.pos+4]), 16, 16)
	if err != nil {
		s.fail("expected four hexadecimal digits")
		return 0
	}
	s.pos += 4
	return rune(v)
}
