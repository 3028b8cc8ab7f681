package rql

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"realmsync/core/value"
)

type decimalClass uint8

const (
	decimalFinite decimalClass = iota
	decimalInfinity
	decimalNaN
)

// unpacked is a decimal128 taken apart: (-1)^negative * (hi<<64 | lo) * 10^exponent.
type unpacked struct {
	class    decimalClass
	negative bool
	exponent int
	hi, lo   uint64
}

const (
	decimalBias   = 6176
	decimalDigits = 34
	// The greatest coefficient is 10^34-1.
	maxCoefficientHi = 0x1ed09bead87c0
	maxCoefficientLo = 0x378d8e63ffffffff
)

func unpack(d value.Decimal) unpacked {
	u := unpacked{negative: d.Hi>>63 != 0}
	switch {
	case d.Hi>>58&0x1f == 0x1f:
		u.class = decimalNaN
	case d.Hi>>58&0x1f == 0x1e:
		u.class = decimalInfinity
	case d.Hi>>61&3 == 3: // a coefficient beyond the greatest: stands for zero
		u.exponent = int(d.Hi>>47&0x3fff) - decimalBias
	default:
		u.exponent = int(d.Hi>>49&0x3fff) - decimalBias
		u.hi, u.lo = d.Hi&(1<<49-1), d.Lo
		if u.hi > maxCoefficientHi || u.hi == maxCoefficientHi && u.lo > maxCoefficientLo {
			u.hi, u.lo = 0, 0
		}
	}
	return u
}

func (u unpacked) isZero() bool { return u.class == decimalFinite && u.hi == 0 && u.lo == 0 }

func (u unpacked) coefficient(n *big.Int) *big.Int {
	n.SetUint64(u.hi)
	n.Lsh(n, 64)
	return n.Or(n, new(big.Int).SetUint64(u.lo))
}

func pack(negative bool, coefficient *big.Int, exponent int) value.Decimal {
	var lo big.Int
	lo.And(coefficient, new(big.Int).SetUint64(math.MaxUint64))
	d := value.Decimal{Hi: new(big.Int).Rsh(coefficient, 64).Uint64() | uint64(exponent+decimalBias)<<49, Lo: lo.Uint64()}
	if negative {
		d.Hi |= 1 << 63
	}
	return d
}

func decimalFromInt(n int64) value.Decimal {
	d := value.Decimal{Hi: decimalBias << 49, Lo: uint64(n)}
	if n < 0 {
		d.Hi |= 1 << 63
		d.Lo = -uint64(n)
	}
	return d
}

// decimalFromDouble is exact if 15 digits suffice, and else rounds to 15 significant digits, keeping trailing zeros.
func decimalFromDouble(f float64) value.Decimal { return decimalRounded(f, 15) }

// decimalFromFloat does so with 7 digits.
func decimalFromFloat(f float64) value.Decimal { return decimalRounded(f, 7) }

func decimalRounded(f float64, digits int) value.Decimal {
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		d, _ := parseDecimal(strconv.FormatFloat(f, 'g', -1, 64))
		return d
	case f == 0:
		return pack(math.Signbit(f), new(big.Int), 0)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if exact, ok := new(big.Rat).SetString(text); ok && len(text) <= digits+2 && exact.Cmp(new(big.Rat).SetFloat64(f)) == 0 {
		if d, ok := parseDecimal(text); ok && withinDigits(d, digits) {
			return d
		}
	}
	d, _ := parseDecimal(strconv.FormatFloat(f, 'e', digits-1, 64)) // the text of a double is always in range
	return d
}

// withinDigits tells whether the coefficient has at most this many digits.
func withinDigits(d value.Decimal, digits int) bool {
	u := unpack(d)
	return u.hi == 0 && len(strconv.FormatUint(u.lo, 10)) <= digits
}

// parseDecimal reads a whole text as a decimal128: a number of at most 34 digits (more are rounded half to even), inf or nan.
func parseDecimal(s string) (value.Decimal, bool) {
	word := strings.TrimLeft(lower(s), "+-")
	switch {
	case len(s) > 10000:
		return value.Decimal{}, false
	case len(s)-len(word) > 1:
		return value.Decimal{}, false
	case word == "nan":
		return value.Decimal{Hi: 0x1f << 58}, true
	case word == "inf" || word == "infinity":
		d := value.Decimal{Hi: 0x1e << 58}
		if s[0] == '-' {
			d.Hi |= 1 << 63
		}
		return d, true
	case word == "" || numberLength(word) != len(word):
		return value.Decimal{}, false
	}
	mantissa, exponentText, _ := strings.Cut(word, "e")
	exponent := 0
	if exponentText != "" {
		exponent = int(min(100000, decimalInteger(strings.TrimLeft(exponentText, "+-"))))
		if exponentText[0] == '-' {
			exponent = -exponent
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	return roundDecimal(s[0] == '-', whole+fraction, exponent)
}

// roundDecimal packs digits * 10^exponent.
func roundDecimal(negative bool, text string, exponent int) (value.Decimal, bool) {
	text = strings.TrimLeft(text, "0")
	n, ok := new(big.Int).SetString("0"+text, 10)
	if !ok {
		return value.Decimal{}, false
	}
	drop := max(len(text)-decimalDigits, -decimalBias-exponent, 0)
	if drop > 0 {
		if drop > len(text) {
			n.SetInt64(0)
		} else {
			power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(drop)), nil)
			rest := new(big.Int)
			n.QuoRem(n, power, rest)
			if c := rest.Lsh(rest, 1).Cmp(power); c > 0 || c == 0 && n.Bit(0) == 1 {
				n.Add(n, big.NewInt(1))
			}
			if len(n.String()) > decimalDigits {
				n.Quo(n, big.NewInt(10))
				drop++
			}
		}
		exponent += drop
	}
	const maxExponent = 6111
	if exponent > maxExponent && n.Sign() != 0 {
		shift := exponent - maxExponent
		if len(n.String())+shift > decimalDigits {
			d := value.Decimal{Hi: 0x1e << 58}
			if negative {
				d.Hi |= 1 << 63
			}
			return d, true
		}
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	}
	return pack(negative, n, max(-decimalBias, min(maxExponent, exponent))), true
}
