package rql

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"realmsync/core/value"
)

// integer reads digits as C's strtoll with base 0 does: 0x hexadecimal, leading 0 octal (stopping at the first digit that
// is not), else decimal; out of range clamps (spec section 2).
func integer(text string) int64 {
	negative := false
	if text != "" && (text[0] == '+' || text[0] == '-') {
		negative = text[0] == '-'
		text = text[1:]
	}
	base := uint64(10)
	switch {
	case len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'):
		base, text = 16, text[2:]
	case len(text) > 1 && text[0] == '0':
		base = 8
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	n := uint64(0)
	for i := 0; i < len(text); i++ {
		d := digitValue(text[i])
		if d >= base {
			break
		}
		if n > (limit-d)/base {
			n = limit
			break
		}
		n = n*base + d
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

func digitValue(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	case c >= 'a':
		return uint64(c-'a') + 10
	default:
		return uint64(c-'A') + 10
	}
}

// floatText strips what Go's reader doesn't know: the f suffix.
func floatText(text string) string { return strings.TrimSuffix(text, "f") }

func parseDouble(text string) float64 {
	f, _ := strconv.ParseFloat(floatText(text), 64) // out of range yields an infinity, as strtod does
	return f
}

func parseFloat(text string) float32 {
	f, _ := strconv.ParseFloat(floatText(text), 32)
	return float32(f)
}

// float reads a FLOAT token.
func float(text string, pos int) *constant {
	if strings.HasSuffix(text, "f") {
		return &constant{kind: constValue, value: value.Float(parseFloat(text)), text: text, pos: pos}
	}
	return &constant{kind: constFloat, value: value.Double(parseDouble(text)), text: text, pos: pos}
}

// timestamp reads a TIMESTAMP token of either form.
func timestamp(text string, pos int) *constant {
	c := &constant{kind: constValue, text: text, pos: pos}
	if text[0] == 'T' {
		s, n, _ := strings.Cut(text[1:], ":")
		seconds, nanoseconds := integer(s), integer(n)
		if seconds > 0 && nanoseconds < 0 || seconds < 0 && nanoseconds > 0 {
			c.failure = fail(ErrSyntax, pos, "Invalid timestamp format")
		}
		c.value = instant(seconds, nanoseconds)
		return c
	}
	var fields [7]int64
	rest := text
	for i := range fields {
		n := digits(rest)
		if n == 0 {
			break
		}
		fields[i] = decimalInteger(rest[:n])
		rest = rest[min(n+1, len(rest)):]
	}
	if fields[0] < 1900 {
		c.failure = fail(ErrInvalidQuery, pos, "Conversion of dates before 1900 is not supported.")
		return c
	}
	if fields[0] > 1<<32 || fields[1] > 1<<32 || fields[2] > 1<<32 || fields[3] > 1<<32 || fields[4] > 1<<32 || fields[5] > 1<<32 {
		c.failure = fail(ErrInvalidQuery, pos, "The date %s is out of range: use T<seconds>:<nanoseconds>.", clip(text))
		return c
	}
	seconds := daysFromCivil(fields[0], fields[1], fields[2])*86400 + fields[3]*3600 + fields[4]*60 + fields[5]
	nanoseconds := fields[6]
	if seconds < 0 {
		nanoseconds = -nanoseconds
	}
	c.value = instant(seconds, nanoseconds)
	return c
}

// instant clamps nanoseconds to 32 bits: the language doesn't check their range, the type has no room for more.
func instant(seconds, nanoseconds int64) value.Value {
	nanoseconds = max(math.MinInt32, min(math.MaxInt32, nanoseconds))
	return value.FromTimestamp(value.Timestamp{Seconds: seconds, Nanoseconds: int32(nanoseconds)})
}

// decimalInteger reads digits, clamping.
func decimalInteger(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// daysFromCivil counts days since 1970-01-01; months and days out of range roll over.
func daysFromCivil(year, month, day int64) int64 {
	month--
	year += month / 12
	month %= 12
	if month < 0 {
		month += 12
		year--
	}
	// The year of this calendar begins in March, so that the leap day is its last.
	shifted := (month + 10) % 12
	if month < 2 {
		year--
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yearOfEra := year - era*400
	dayOfYear := (153*shifted + 2) / 5
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468 + day - 1
}

// base64Value reads a BASE64 token; missing padding is tolerated.
func base64Value(text string, pos int) (string, *Error) {
	body := strings.TrimRight(text[len(`B64"`):len(text)-1], "=")
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return "", fail(ErrSyntax, pos, "Invalid base64 value")
	}
	return string(raw), nil
}
