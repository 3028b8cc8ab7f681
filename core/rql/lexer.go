package rql

import "strings"

// lexer cuts query text into tokens: the longest match wins, and on equal length the earlier row of the table in
// spec/query-language.md section 2.
type lexer struct {
	text string
	pos  int
}

// next returns the next token. A byte that begins no token is an *Error.
func (l *lexer) next() (token, *Error) {
	for l.pos < len(l.text) && isBlank(l.text[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start == len(l.text) {
		return token{tEnd, start, start}, nil
	}
	kind, n := scan(l.text[start:])
	if n == 0 {
		return token{}, l.invalid(start)
	}
	l.pos = start + n
	return token{kind, start, l.pos}, nil
}

func (l *lexer) invalid(at int) *Error {
	return fail(ErrSyntax, at, "Invalid predicate: '%s': invalid character: %c (at byte %d)", clip(l.text), l.text[at], at)
}

func isBlank(c byte) bool  { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isHex(c byte) bool    { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// scan returns the kind and length of the token at the start of s, length 0 if there is none. s is not empty.
func scan(s string) (tokenKind, int) {
	c := s[0]
	switch {
	case isDigit(c):
		return scanDigits(s)
	case c == '"' || c == '\'':
		return tString, scanString(s)
	case c == '@':
		end := 1
		for end < len(s) && isLetter(s[end]) && end <= len("@values") {
			end++
		}
		for ; end > 1; end-- { // "@sizes" is @size and s
			if kind, ok := atWords[s[:end]]; ok {
				return kind, end
			}
		}
		return tEnd, 0
	case c == '.' || c == '+' || c == '-':
		if kind, n := scanSigned(s); n > 0 {
			return kind, n
		}
	}
	if n := scanName(s); n > 0 {
		return scanWord(s, n)
	}
	return scanSymbol(s)
}

func scanSymbol(s string) (tokenKind, int) {
	var second byte
	if len(s) > 1 {
		second = s[1]
	}
	switch s[0] {
	case '=':
		switch second {
		case '=':
			return tEqual, 2
		case '<':
			return tLessEqual, 2
		case '>':
			return tGreaterEqual, 2
		}
		return tEqual, 1
	case '!':
		if second == '=' {
			return tNotEqual, 2
		}
		return tNot, 1
	case '<':
		switch second {
		case '=':
			return tLessEqual, 2
		case '>':
			return tNotEqual, 2
		}
		return tLess, 1
	case '>':
		if second == '=' {
			return tGreaterEqual, 2
		}
		return tGreater, 1
	case '&':
		if second == '&' {
			return tAnd, 2
		}
	case '|':
		if second == '|' {
			return tOr, 2
		}
	case '[':
		if strings.HasPrefix(s, "[c]") {
			return tFold, 3
		}
		return tIndexOpen, 1
	case ']':
		return tIndexClose, 1
	case '(':
		return tOpen, 1
	case ')':
		return tClose, 1
	case '{':
		return tListOpen, 1
	case '}':
		return tListClose, 1
	case ',':
		return tComma, 1
	case '.':
		return tDot, 1
	case '+':
		return tPlus, 1
	case '-':
		return tMinus, 1
	case '*':
		return tStar, 1
	case '/':
		return tSlash, 1
	}
	return tEnd, 0
}

// scanName returns the length of the identifier at the start of s, 0 if there is none.
func scanName(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		switch {
		case isLetter(c), c == '_', c == '$':
			n++
		case n > 0 && (isDigit(c) || c == '-'):
			n++
		case n > 0 && c == '\\' && n+1 < len(s) && strings.IndexByte(" nrt", s[n+1]) >= 0:
			n += 2
		case c >= 0x80:
			w := sequence(s[n:])
			if w == 0 {
				return n
			}
			n += w
		default:
			return n
		}
	}
	return n
}

// sequence returns the length of the multi-byte UTF-8 sequence at the start of s, 0 if it is malformed. Like the original's
// scanner it checks the lead byte and that continuation bytes follow, no more.
func sequence(s string) int {
	w := 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		w = 2
	case c >= 0xE0 && c <= 0xEF:
		w = 3
	case c >= 0xF0 && c <= 0xF7:
		w = 4
	}
	if w == 0 || len(s) < w {
		return 0
	}
	for i := 1; i < w; i++ {
		if s[i]&0xC0 != 0x80 {
			return 0
		}
	}
	return w
}

// unescapeName decodes the escapes of an identifier.
func unescapeName(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return nameUnescaper.Replace(s)
}

var (
	nameUnescaper = strings.NewReplacer(`\ `, " ", `\n`, "\n", `\r`, "\r", `\t`, "\t")
	nameEscaper   = strings.NewReplacer(" ", `\ `, "\n", `\n`, "\r", `\r`, "\t", `\t`)
)

// scanWord decides what an identifier of n bytes at the start of s is, or whether a longer token begins there.
func scanWord(s string, n int) (tokenKind, int) {
	word := s[:n]
	switch s[0] {
	case 'T':
		if m := scanEpoch(s); m > n {
			return tTimestamp, m
		}
	case 'O':
		if m := 1 + digits(s[1:]); m > 1 && m >= n {
			return tLink, m
		}
	case 'L':
		if m := 1 + digits(s[1:]); m > 1 && m < len(s) && s[m] == ':' {
			if d := digits(s[m+1:]); d > 0 {
				return tTypedLink, m + 1 + d
			}
		}
	case '$':
		if m := 1 + digits(s[1:]); m > 1 && m >= n {
			return tArg, m
		}
		if len(s) > 1 && s[1] == 'K' {
			if m := 2 + digits(s[2:]); m > 2 && m >= n {
				return tPathArg, m
			}
		}
	case 'B':
		if m := scanBase64(s); m > 0 {
			return tBase64, m
		}
	case 'u':
		if word == "uuid" {
			if m := scanUUID(s); m > 0 {
				return tUUID, m
			}
		}
	case 'o':
		if word == "oid" {
			if m := scanOID(s); m > 0 {
				return tOID, m
			}
		}
	}
	if n > longestWord {
		return tID, n
	}
	if kind, ok := exactWords[word]; ok {
		return kind, n
	}
	if kind, ok := anyCaseWords[lower(word)]; ok {
		return kind, n
	}
	return tID, n
}

// lower folds ASCII letters only: keywords contain no others, and strings.ToLower would fold the Kelvin sign to k.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
