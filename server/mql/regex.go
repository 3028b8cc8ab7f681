package mql

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Bounds on regular expressions. They are RE2: matching takes time that is linear in the text, and in the size of the compiled expression.
const (
	maxPattern = 1 << 12 // bytes
	maxProgram = 1 << 13 // instructions
)

// compileRegex reads a regular expression with MongoDB's options. size is how many instructions it has: what matching a character costs, in
// sixteenths of a step.
func compileRegex(pattern, options string) (re *regexp.Regexp, size int, err error) {
	if len(pattern) > maxPattern {
		return nil, 0, fail("a regular expression can have at most %d bytes", maxPattern)
	}
	flags := ""
	for _, o := range options {
		switch o {
		case 'i', 'm', 's':
			if !strings.ContainsRune(flags, o) {
				flags += string(o)
			}
		case 'u', 'l': // that is how it is
		case 'x':
			pattern = compact(pattern)
		default:
			return nil, 0, fail("invalid flag in regex options: %c", o)
		}
	}
	text := pattern
	if flags != "" {
		text = "(?" + flags + ")" + pattern
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, 0, fail("Regular expression is invalid: %s", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, 0, fail("Regular expression is invalid: it is too large")
	}
	if re, err = regexp.Compile(text); err != nil {
		return nil, 0, fail("Regular expression is invalid: %s", err)
	}
	return re, len(program.Inst), nil
}

// regexTest compiles a regular expression: strings that contain a match, and equal regular expressions. It doesn't go into arrays.
func regexTest(pattern, options string) (test condition, size int, err error) {
	re, size, err := compileRegex(pattern, options)
	return func(v any, m *Meter) (bool, error) {
		switch v := v.(type) {
		case string:
			if err := m.Step(1 + len(v)*size/16); err != nil {
				return false, err
			}
			return re.MatchString(v), nil
		case bson.Regex:
			return v.Pattern == pattern && v.Options == options, m.Step(1)
		}
		return false, m.Step(1)
	}, size, err
}

// compact does what option x means: white space and comments of the pattern don't count.
func compact(pattern string) string {
	var out strings.Builder
	class, comment := false, false
	for i := 0; i < len(pattern); i++ {
		b := pattern[i]
		switch {
		case comment:
			comment = b != '\n'
			continue
		case b == '\\' && i+1 < len(pattern):
			out.WriteByte(b)
			i++
			b = pattern[i]
		case b == '[':
			class = true
		case b == ']':
			class = false
		case class:
		case b == '#':
			comment = true
			continue
		case b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f' || b == '\v':
			continue
		}
		out.WriteByte(b)
	}
	return out.String()
}
