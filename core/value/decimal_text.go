package value

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// String returns the text that the original prints and ParseDecimal reads back to the same bits (but for payloads and
// signs of NaN): "NaN", "Inf", "-Inf"; otherwise the digits with the point shifted left until the exponent is used up or one digit
// is left of it, the rest as exponent ("10.50", "5E-1", "1E10"); coefficients of more than 64 bits as "+digitsE+exponent".
func (d Decimal) String() string {
	u := d.unpack()
	sign := ""
	if u.negative {
		sign = "-"
	}
	switch {
	case u.class == notANumber:
		return "NaN"
	case u.class == infinite:
		return sign + "Inf"
	case u.coefficient.hi != 0:
		if sign == "" {
			sign = "+"
		}
		return fmt.Sprintf("%s%sE%+d", sign, u.coefficient.text(), u.exponent)
	}
	digits := u.coefficient.text()
	point, exponent := len(digits), u.exponent
	for point > 1 && exponent != 0 {
		point--
		exponent++
	}
	text := sign + digits[:point]
	if point < len(digits) {
		text += "." + digits[point:]
	}
	if exponent != 0 {
		text += "E" + strconv.Itoa(exponent)
	}
	return text
}

// ParseDecimal reads a whole text as a decimal128: sign, digits with an optional point, optional exponent; or nan, inf,
// infinity in any case. More than 34 digits are rounded half to even; what is too big becomes infinite, what is too
// small zero.
func ParseDecimal(s string) (Decimal, error) {
	rest, negative := s, false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		negative, rest = rest[0] == '-', rest[1:]
	}
	switch strings.ToLower(clip(rest)) {
	case "nan":
		return DecimalNaN(), nil
	case "inf", "infinity":
		return DecimalInf(negative), nil
	}
	whole, rest := leadingDigits(rest)
	fraction := ""
	if rest != "" && rest[0] == '.' {
		fraction, rest = leadingDigits(rest[1:])
	}
	exponent := 0
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		e, ok := parseExponent(rest[1:])
		if !ok {
			return Decimal{}, notADecimal(s)
		}
		exponent, rest = e, ""
	}
	if whole == "" && fraction == "" || rest != "" {
		return Decimal{}, notADecimal(s)
	}
	return roundDigits(negative, strings.TrimLeft(whole+fraction, "0"), exponent-len(fraction)), nil
}

func notADecimal(s string) error {
	return fmt.Errorf("value: %q is not a decimal number; expected digits with an optional sign, point and exponent, or NaN, Inf", clip(s))
}

func leadingDigits(s string) (digits, rest string) {
	n := 0
	for n < len(s) && s[n]-'0' < 10 {
		n++
	}
	return s[:n], s[n:]
}

// parseExponent reads a whole text as an integer; beyond a billion it makes no difference how big it is.
func parseExponent(s string) (int, bool) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digits, rest := leadingDigits(s)
	if digits == "" || rest != "" {
		return 0, false
	}
	n := 0
	for i := 0; i < len(digits) && n < 1e9; i++ {
		n = n*10 + int(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// roundDigits makes the decimal digits*10^exponent. There are no leading zeros; no digits are zero.
func roundDigits(negative bool, digits string, exponent int) Decimal {
	drop := max(len(digits)-DecimalDigits, DecimalMinExponent-exponent, 0)
	kept, dropped := digits, ""
	if drop > len(digits) { // less than a tenth of the smallest number
		kept = ""
	} else {
		kept, dropped = digits[:len(digits)-drop], digits[len(digits)-drop:]
	}
	var c uint128
	for i := range len(kept) {
		c = c.times(uint128{lo: 10}).plus(uint64(kept[i] - '0'))
	}
	exponent += drop
	if roundsUp(dropped, c.lo&1 != 0) {
		c = c.plus(1)
		if c == powersOf10[DecimalDigits] {
			c, exponent = powersOf10[DecimalDigits-1], exponent+1
		}
	}
	if excess := exponent - DecimalMaxExponent; excess > 0 {
		exponent = DecimalMaxExponent
		if !c.isZero() {
			if c.digits()+excess > DecimalDigits {
				return DecimalInf(negative)
			}
			c = c.times(powersOf10[excess])
		}
	}
	d, _ := DecimalFromParts(negative, c.hi, c.lo, int32(max(exponent, DecimalMinExponent))) // in range by now
	return d
}

// roundsUp tells whether dropping these digits rounds up, half to even.
func roundsUp(dropped string, odd bool) bool {
	if dropped == "" || dropped[0] < '5' {
		return false
	}
	return dropped[0] > '5' || odd || strings.Trim(dropped[1:], "0") != ""
}

// DecimalFromFloat64 converts as the original does: a number of at most 15 digits exactly, any other rounded to 15
// significant digits, trailing zeros kept.
func DecimalFromFloat64(f float64) Decimal { return decimalOfFloat(f, 15) }

// DecimalFromFloat32 does so with 7 digits.
func DecimalFromFloat32(f float32) Decimal { return decimalOfFloat(float64(f), 7) }

func decimalOfFloat(f float64, digits int) Decimal {
	switch {
	case math.IsNaN(f):
		return DecimalNaN()
	case math.IsInf(f, 0):
		return DecimalInf(f < 0)
	case f == 0:
		d, _ := DecimalFromParts(math.Signbit(f), 0, 0, 0)
		return d
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if len(text) <= digits+2 {
		exact, ok := new(big.Rat).SetString(text)
		if d, err := ParseDecimal(text); ok && err == nil && d.unpack().coefficient.digits() <= digits && exact.Cmp(new(big.Rat).SetFloat64(f)) == 0 {
			return d
		}
	}
	d, _ := ParseDecimal(strconv.FormatFloat(f, 'e', digits-1, 64)) // the text of a number is one
	return d
}

// Float64 returns the nearest double.
func (d Decimal) Float64() float64 {
	f, _ := strconv.ParseFloat(d.String(), 64) // out of range is ±Inf or 0, as it should be
	return f
}
