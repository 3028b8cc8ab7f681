package ejson

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Bounds on what is read and written (app-services 13.9).
const (
	// MaxDepth is how deep objects and arrays may be nested, those of extended JSON itself included.
	MaxDepth = 64
	// MaxText is the longest text that Parse takes, in bytes: as much as a document may have.
	MaxText = 16 << 20
)

// ErrSyntax is what every *SyntaxError is to errors.Is.
var ErrSyntax = errors.New("ejson: bad extended JSON")

// SyntaxError says what is wrong with a text, and where.
type SyntaxError struct {
	Offset int // of the byte in the text
	Text   string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("extended JSON: %s, at byte %d", e.Text, e.Offset)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// Parse reads one value. Integers without a type are int32 if they fit, else int64, else double, as in the relaxed form; other plain numbers are
// double. An object is one of extended JSON's if its first member's name is and it has that form; one that begins like that and goes on
// otherwise is an error. Names that only query operators share with it ($regex, $type, $options) stand for themselves.
// The error is a *SyntaxError.
func Parse(text []byte) (any, error) {
	if len(text) > MaxText {
		return nil, &SyntaxError{MaxText, fmt.Sprintf("the text has more than %d bytes", MaxText)}
	}
	p := parser{text: text}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.fail("there is more after the value")
	}
	return v, nil
}

// ParseDocument is Parse of a text that must be a document.
func ParseDocument(text []byte) (bson.D, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, &SyntaxError{0, "a document is expected"}
	}
	return d, nil
}

// ParseArray is Parse of a text that must be an array.
func ParseArray(text []byte) (bson.A, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	a, ok := v.(bson.A)
	if !ok {
		return nil, &SyntaxError{0, "an array is expected"}
	}
	return a, nil
}

type parser struct {
	text []byte
	at   int
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.at, fmt.Sprintf(format, args...)}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and returns the byte that follows, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (any, error) {
	switch b := p.next(); {
	case b == '{':
		return p.object(depth + 1)
	case b == '[':
		return p.array(depth + 1)
	case b == '"':
		return p.quoted()
	case b == '-' || b >= '0' && b <= '9':
		return p.number()
	case b == 't' && p.word("true"):
		return true, nil
	case b == 'f' && p.word("false"):
		return false, nil
	case b == 'n' && p.word("null"):
		return nil, nil
	case p.at >= len(p.text):
		return nil, p.fail("the text ends where a value is expected")
	default:
		return nil, p.fail("a value is expected")
	}
}

func (p *parser) word(w string) bool {
	if len(p.text)-p.at < len(w) || string(p.text[p.at:p.at+len(w)]) != w {
		return false
	}
	p.at += len(w)
	return true
}

func (p *parser) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fail("the value is nested more than %d deep", MaxDepth)
	}
	p.at++
	out := bson.A{}
	if p.next() == ']' {
		p.at++
		return out, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return out, nil
		default:
			return nil, p.fail("',' or ']' is expected")
		}
	}
}

// manyMembers is from how many members on a map looks for names that are there twice.
const manyMembers = 16

func (p *parser) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fail("the value is nested more than %d deep", MaxDepth)
	}
	start := p.at
	p.at++
	out := bson.D{}
	if p.next() == '}' {
		p.at++
		return out, nil
	}
	var names map[string]bool
	for {
		if p.next() != '"' {
			return nil, p.fail("the name of a member is expected")
		}
		place := p.at
		name, err := p.quoted()
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(name); i++ {
			if name[i] == 0 {
				p.at = place
				return nil, p.fail("a name has a null character")
			}
		}
		twice := names[name]
		if names == nil {
			for i := range out {
				twice = twice || out[i].Key == name
			}
			if len(out) == manyMembers {
				names = make(map[string]bool, 2*manyMembers)
				for i := range out {
					names[out[i].Key] = true
				}
			}
		}
		if twice {
			p.at = place
			return nil, p.fail("the member %q is there twice", short(name))
		}
		if names != nil {
			names[name] = true
		}
		if p.next() != ':' {
			return nil, p.fail("':' is expected")
		}
		p.at++
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, bson.E{Key: name, Value: v})
		switch p.next() {
		case ',':
			p.at++
			continue
		case '}':
			p.at++
		default:
			return nil, p.fail("',' or '}' is expected")
		}
		v, problem := special(out)
		if problem != "" {
			return nil, &SyntaxError{start, problem}
		}
		return v, nil
	}
}

// number reads a JSON number.
func (p *parser) number() (any, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.text[p.at-whole] == '0' {
		p.at = start
		return nil, p.fail("that is not a number")
	}
	integer := true
	if p.at < len(p.text) && p.text[p.at] == '.' {
		integer = false
		p.at++
		if p.digits() == 0 {
			return nil, p.fail("a digit is expected")
		}
	}
	if p.at < len(p.text) && (p.text[p.at] == 'e' || p.text[p.at] == 'E') {
		integer = false
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, p.fail("a digit is expected")
		}
	}
	text := string(p.text[start:p.at])
	if integer && len(text) <= 20 {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			if i >= math.MinInt32 && i <= math.MaxInt32 {
				return int32(i), nil
			}
			return i, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.at = start
		return nil, p.fail("a number is too large")
	}
	return f, nil
}

func (p *parser) digits() (n int) {
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
		n++
	}
	return n
}

// quoted reads a string, which is UTF-8 without halves of surrogate pairs: two texts that are different must not become one.
func (p *parser) quoted() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch b := p.text[p.at]; {
		case b == '"':
			out := p.text[start:p.at]
			if !utf8.Valid(out) {
				p.at = start
				return "", p.fail("a string is not UTF-8")
			}
			p.at++
			return string(out), nil
		case b == '\\':
			return p.escaped(start)
		case b < 0x20:
			return "", p.fail("a string has a control character")
		default:
			p.at++
		}
	}
	return "", p.fail("a string doesn't end")
}

// escaped reads the string from start on, of which the parser is at the first backslash.
func (p *parser) escaped(start int) (string, error) {
	out := append(make([]byte, 0, p.at-start+32), p.text[start:p.at]...)
	for p.at < len(p.text) {
		b := p.text[p.at]
		switch {
		case b == '"':
			if !utf8.Valid(out) {
				p.at = start
				return "", p.fail("a string is not UTF-8")
			}
			p.at++
			return string(out), nil
		case b < 0x20:
			return "", p.fail("a string has a control character")
		case b != '\\':
			out = append(out, b)
			p.at++
			continue
		}
		if p.at+1 >= len(p.text) {
			break
		}
		c := p.text[p.at+1]
		if c == 'u' {
			r, n := p.unicode()
			if n == 0 {
				return "", p.fail("that is not a character")
			}
			p.at += n
			out = utf8.AppendRune(out, r)
			continue
		}
		plain, ok := escapes[c]
		if !ok {
			return "", p.fail("there is no escape \\%c", c)
		}
		out = append(out, plain)
		p.at += 2
	}
	return "", p.fail("a string doesn't end")
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unicode reads \uXXXX, or two of them that are a surrogate pair. n is the number of bytes, 0 if it is no character.
func (p *parser) unicode() (r rune, n int) {
	first, ok := p.hex(p.at)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(first):
		return first, 6
	}
	second, ok := p.hex(p.at + 6)
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(first, second); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func (p *parser) hex(at int) (rune, bool) {
	if len(p.text) < at+6 || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, b := range p.text[at+2 : at+6] {
		switch {
		case b >= '0' && b <= '9':
			b -= '0'
		case b >= 'a' && b <= 'f':
			b -= 'a' - 10
		case b >= 'A' && b <= 'F':
			b -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(b)
	}
	return r, true
}

// short bounds what is repeated of a text.
func short(s string) string {
	if r := []rune(s[:min(len(s), 256)]); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return s
}
