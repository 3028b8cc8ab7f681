package rql

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"

	"realmsync/core/value"
)

// printValue returns a constant as canonical text writes it (spec section 9).
func printValue(v value.Value) string {
	switch v.Kind() {
	case value.KindInt:
		return strconv.FormatInt(v.Int(), 10)
	case value.KindBool:
		return strconv.FormatBool(v.Bool())
	case value.KindFloat:
		return printFloat(float64(v.Float()), 9, v.Bits()>>31 != 0, 32)
	case value.KindDouble:
		return printFloat(v.Double(), 17, v.Bits()>>63 != 0, 64)
	case value.KindDecimal:
		return printDecimal(v.Decimal())
	case value.KindString:
		return printText(v.Str())
	case value.KindBinary:
		return "binary(" + printText(v.Str()) + ")"
	case value.KindTimestamp:
		t := v.Timestamp()
		return "T" + strconv.FormatInt(t.Seconds, 10) + ":" + strconv.FormatInt(int64(t.Nanoseconds), 10)
	case value.KindObjectID:
		return "oid(" + v.ObjectID().String() + ")"
	case value.KindUUID:
		return "uuid(" + v.UUID().String() + ")"
	case value.KindLink:
		l := v.Link()
		return `obj("` + classPrefix + l.Class + `",` + printValue(l.Key.Value()) + ")"
	default:
		return "NULL"
	}
}

// printLoose is printValue for constants that are not compared with a property of one type: there a float is printed with as
// many digits as tell it from other floats.
func printLoose(v value.Value) string {
	if f := float64(v.Float()); v.Kind() == value.KindFloat && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 32)
	}
	return printValue(v)
}

// printBrief is printValue for error texts, where the original prints six digits.
func printBrief(v value.Value) string {
	switch v.Kind() {
	case value.KindFloat:
		return printFloat(float64(v.Float()), 6, v.Bits()>>31 != 0, 32)
	case value.KindDouble:
		return printFloat(v.Double(), 6, v.Bits()>>63 != 0, 64)
	default:
		return printValue(v)
	}
}

// printFloat is C's %g with this many digits.
func printFloat(f float64, digits int, negative bool, bits int) string {
	switch {
	case math.IsNaN(f) && negative:
		return "-nan"
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	default:
		return strconv.FormatFloat(f, 'g', digits, bits)
	}
}

// printDecimal shifts the point left until the exponent is used up or one digit remains; the rest of the exponent follows
// an E. Coefficients of more than 64 bits are printed as the decimal library of the original does.
func printDecimal(d value.Decimal) string {
	u := unpack(d)
	sign := ""
	if u.negative {
		sign = "-"
	}
	switch u.class {
	case decimalNaN:
		return "NaN"
	case decimalInfinity:
		return sign + "Inf"
	}
	if u.hi != 0 {
		if sign == "" {
			sign = "+"
		}
		exponent := strconv.Itoa(u.exponent)
		if u.exponent >= 0 {
			exponent = "+" + exponent
		}
		return sign + u.coefficient(new(big.Int)).String() + "E" + exponent
	}
	text := strconv.FormatUint(u.lo, 10)
	exponent, point := u.exponent, len(text)
	for point > 1 && exponent != 0 {
		point--
		exponent++
	}
	out := sign + text[:point]
	if point < len(text) {
		out += "." + text[point:]
	}
	if exponent != 0 {
		out += "E" + strconv.Itoa(exponent)
	}
	return out
}

// printText quotes text. Whatever the scanner of the original would not take back literally becomes BASE64.
func printText(s string) string {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x80 {
			n := sequence(s[i:])
			if n == 0 {
				return `B64"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"`
			}
			i += n
			continue
		}
		if c < ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return `B64"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"`
		}
		i++
	}
	return `"` + s + `"`
}
