package mql

import (
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxText bounds the strings that expressions make, in bytes.
const maxText = 16 << 20

// textOperators are those on strings. Lengths and places are in bytes, or in characters if the name ends with CP.
var textOperators = map[string]expressionOperator{
	"$concat":       {0, many, concatenate},
	"$toUpper":      {1, 1, onText(func(s string) any { return ascii(s, 'a', 'z', -32) })},
	"$toLower":      {1, 1, onText(func(s string) any { return ascii(s, 'A', 'Z', 32) })},
	"$strcasecmp":   {2, 2, compareFolded},
	"$split":        {2, 2, split},
	"$strLenBytes":  {1, 1, length("$strLenBytes", func(s string) int { return len(s) })},
	"$strLenCP":     {1, 1, length("$strLenCP", utf8.RuneCountInString)},
	"$substr":       {3, 3, substringBytes},
	"$substrBytes":  {3, 3, substringBytes},
	"$substrCP":     {3, 3, substringCP},
	"$indexOfBytes": {2, 4, indexOf("$indexOfBytes", func(s string) int { return len(s) }, func(_ string, n int) int { return n })},
	"$indexOfCP":    {2, 4, indexOf("$indexOfCP", utf8.RuneCountInString, offset)},
}

var namedTextOperators = map[string]namedOperator{
	"$trim":       {"input chars?", trim(strings.TrimFunc)},
	"$ltrim":      {"input chars?", trim(strings.TrimLeftFunc)},
	"$rtrim":      {"input chars?", trim(strings.TrimRightFunc)},
	"$replaceOne": {"input find replacement", replace("$replaceOne", 1)},
	"$replaceAll": {"input find replacement", replace("$replaceAll", -1)},
}

func concatenate(_ *Meter, args []any) (any, error) {
	n := 0
	for _, v := range args {
		if absent(v) {
			return nil, nil
		}
		s, ok := v.(string)
		if !ok {
			return nil, fail("$concat only supports strings")
		}
		if n += len(s); n > maxText {
			return nil, ErrMemory
		}
	}
	var out strings.Builder
	out.Grow(n)
	for _, v := range args {
		out.WriteString(v.(string))
	}
	return out.String(), nil
}

// coerced is a value as the operators see it that take more than strings: numbers and dates by their text, null as an empty one.
func coerced(v any) (string, error) {
	if absent(v) {
		return "", nil
	}
	if s, ok := textOf(v); ok {
		return s, nil
	}
	return "", fail("can't convert a value of type %s to a string", typeName(v))
}

func onText(f func(string) any) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		s, err := coerced(args[0])
		if err != nil {
			return nil, err
		}
		return f(s), nil
	}
}

// ascii moves the letters of a range; MongoDB changes the case of no others.
func ascii(s string, from, to byte, by int) string {
	out := []byte(s)
	for i, b := range out {
		if b >= from && b <= to {
			out[i] = byte(int(b) + by)
		}
	}
	return string(out)
}

func compareFolded(_ *Meter, args []any) (any, error) {
	a, err := coerced(args[0])
	if err != nil {
		return nil, err
	}
	b, err := coerced(args[1])
	if err != nil {
		return nil, err
	}
	return int32(strings.Compare(ascii(a, 'a', 'z', -32), ascii(b, 'a', 'z', -32))), nil
}

func split(m *Meter, args []any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	s, ok1 := args[0].(string)
	by, ok2 := args[1].(string)
	if !ok1 || !ok2 || by == "" {
		return nil, fail("$split needs a string, and a separator that is not empty")
	}
	n := strings.Count(s, by) + 1
	if n > maxElements {
		return nil, ErrMemory
	}
	if err := m.Step(n); err != nil {
		return nil, err
	}
	out := make(bson.A, 0, n)
	for p := range strings.SplitSeq(s, by) {
		out = append(out, p)
	}
	return out, nil
}

func length(name string, f func(string) int) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		s, ok := args[0].(string)
		if !ok {
			return nil, fail("%s requires a string argument, found: %s", name, typeName(args[0]))
		}
		return int32(f(s)), nil
	}
}

// partOf reads the arguments of a substring. A count that is negative means the rest.
func partOf(name string, args []any) (s string, from, count int64, err error) {
	if s, err = coerced(args[0]); err != nil {
		return "", 0, 0, err
	}
	from, ok1 := truncated(args[1])
	count, ok2 := truncated(args[2])
	if !ok1 || !ok2 {
		return "", 0, 0, fail("%s needs a start and a length that are numbers", name)
	}
	return s, from, count, nil
}

// truncated is a number as an integer, without its fraction.
func truncated(v any) (int64, bool) {
	if n, ok := wholeNumber(v); ok {
		return n, true
	}
	f := float(v)
	return int64(f), f > -1<<53 && f < 1<<53
}

func substringBytes(_ *Meter, args []any) (any, error) {
	s, from, count, err := partOf("$substrBytes", args)
	switch {
	case err != nil:
		return nil, err
	case from < 0:
		return nil, fail("$substrBytes: the start must not be negative")
	case from >= int64(len(s)):
		return "", nil
	}
	s = s[from:]
	if !utf8.RuneStart(s[0]) {
		return nil, fail("$substrBytes: Invalid range, starting index is in the middle of a UTF-8 character.")
	}
	if count >= 0 && count < int64(len(s)) {
		if !utf8.RuneStart(s[count]) {
			return nil, fail("$substrBytes: Invalid range, ending index is in the middle of a UTF-8 character.")
		}
		s = s[:count]
	}
	return s, nil
}

func substringCP(_ *Meter, args []any) (any, error) {
	s, from, count, err := partOf("$substrCP", args)
	if err == nil && (from < 0 || count < 0) {
		err = fail("$substrCP: the start and the length must not be negative")
	}
	if err != nil {
		return nil, err
	}
	s = s[offset(s, int(min(from, maxText))):]
	return s[:offset(s, int(min(count, maxText)))], nil
}

// offset is where the n-th character of a string begins; its length if there are fewer.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// indexOf finds a string in another: between places, if they are given. -1: it isn't there.
func indexOf(name string, count func(string) int, at func(s string, n int) int) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		if absent(args[0]) {
			return nil, nil
		}
		s, ok1 := args[0].(string)
		what, ok2 := args[1].(string)
		if !ok1 || !ok2 {
			return nil, fail("%s requires strings as its first and second arguments", name)
		}
		total := int64(count(s))
		bounds := [2]int64{0, total}
		for i, v := range args[2:] {
			n, ok := wholeNumber(v)
			if !ok || n < 0 {
				return nil, fail("%s requires places that are whole numbers and not negative", name)
			}
			bounds[i] = n
		}
		if bounds[0] > total || bounds[1] < bounds[0] {
			return int32(-1), nil
		}
		from, to := at(s, int(bounds[0])), at(s, int(min(bounds[1], total)))
		i := strings.Index(s[from:to], what)
		if i < 0 {
			return int32(-1), nil
		}
		return int32(count(s[:from+i])), nil
	}
}

// blank are the characters that $trim takes off if none are named.
const blank = "\x00 \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"

func trim(f func(string, func(rune) bool) string) func(*Meter, []any) (any, error) {
	return func(m *Meter, args []any) (any, error) {
		if absent(args[0]) {
			return nil, nil
		}
		chars := blank
		if !isMissing(args[1]) {
			if args[1] == nil {
				return nil, nil
			}
			var ok bool
			if chars, ok = args[1].(string); !ok {
				return nil, fail("$trim requires 'chars' to be a string, found: %s", typeName(args[1]))
			}
		}
		s, ok := args[0].(string)
		if !ok {
			return nil, fail("$trim requires its input to be a string, found: %s", typeName(args[0]))
		}
		set := make(map[rune]bool, len(chars))
		for _, r := range chars {
			set[r] = true
		}
		return f(s, func(r rune) bool { return set[r] }), m.Step(len(s) / 16)
	}
}

func replace(name string, n int) func(*Meter, []any) (any, error) {
	return func(m *Meter, args []any) (any, error) {
		if anyAbsent(args...) {
			return nil, nil
		}
		var texts [3]string
		for i := range texts {
			var ok bool
			if texts[i], ok = args[i].(string); !ok {
				return nil, fail("%s requires 'input', 'find' and 'replacement' to be strings, found: %s", name, typeName(args[i]))
			}
		}
		times := strings.Count(texts[0], texts[1])
		if n > 0 {
			times = min(times, n)
		}
		if err := m.Step(1 + len(texts[0])/16); err != nil {
			return nil, err
		}
		if len(texts[0])+times*len(texts[2]) > maxText {
			return nil, ErrMemory
		}
		return strings.Replace(texts[0], texts[1], texts[2], n), nil
	}
}
