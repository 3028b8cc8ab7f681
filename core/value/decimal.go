package value

import (
	"cmp"
	"math/bits"
)

// Decimal is an IEEE 754-2008 decimal128 in its BID layout: Hi holds the sign, the biased exponent and the upper 49
// bits of the coefficient, Lo the lower 64 bits. The zero Decimal is 0E-6176; the number 0 is DecimalFromInt64(0).
//
// Two Decimals that are the same number can have different bits (10.5 and 10.50): == compares bits, Compare numbers.
type Decimal struct {
	Hi, Lo uint64
}

// Limits of decimal128. A canonical coefficient has at most 34 digits.
const (
	DecimalMinExponent = -6176
	DecimalMaxExponent = 6111
	DecimalDigits      = 34

	decimalBias     = 6176
	coefficientBits = 49 // of Hi
	exponentMask    = 1<<14 - 1
	signBit         = 1 << 63
	infinityHi      = 0x1e << 58
	nanHi           = 0x1f << 58
)

// DecimalFromParts joins the fields of the wire format (spec/changeset.md section 2.3): sign, unbiased exponent and
// coefficient hi<<64|lo, with no special treatment of infinities and NaN. It is false if the coefficient has more than
// 113 bits or the exponent doesn't fit in 14 bits.
func DecimalFromParts(negative bool, hi, lo uint64, exponent int32) (Decimal, bool) {
	biased := int64(exponent) + decimalBias
	if hi>>coefficientBits != 0 || biased < 0 || biased > exponentMask {
		return Decimal{}, false
	}
	d := Decimal{Hi: hi | uint64(biased)<<coefficientBits, Lo: lo}
	if negative {
		d.Hi |= signBit
	}
	return d, true
}

// Parts is the inverse of DecimalFromParts.
func (d Decimal) Parts() (negative bool, hi, lo uint64, exponent int32) {
	return d.Hi&signBit != 0, d.Hi & (1<<coefficientBits - 1), d.Lo,
		int32(d.Hi>>coefficientBits&exponentMask) - decimalBias
}

// DecimalFromInt64 returns the integer with exponent 0.
func DecimalFromInt64(n int64) Decimal {
	d := Decimal{Hi: decimalBias << coefficientBits, Lo: uint64(n)}
	if n < 0 {
		d.Hi |= signBit
		d.Lo = -uint64(n)
	}
	return d
}

// DecimalInf returns an infinity.
func DecimalInf(negative bool) Decimal {
	if negative {
		return Decimal{Hi: infinityHi | signBit}
	}
	return Decimal{Hi: infinityHi}
}

// DecimalNaN returns the quiet NaN without payload.
func DecimalNaN() Decimal { return Decimal{Hi: nanHi} }

// IsNaN tells whether d is a NaN of any sign and payload.
func (d Decimal) IsNaN() bool { return d.Hi&nanHi == nanHi }

// IsInf tells whether d is an infinity.
func (d Decimal) IsInf() bool { return d.Hi&nanHi == infinityHi }

// IsZero tells whether d is a zero of any sign and exponent.
func (d Decimal) IsZero() bool {
	u := d.unpack()
	return u.class == finite && u.coefficient.isZero()
}

type decimalClass uint8

const (
	finite decimalClass = iota
	infinite
	notANumber
)

// unpacked is a decimal taken apart: (-1)^negative * coefficient * 10^exponent.
type unpacked struct {
	class       decimalClass
	negative    bool
	exponent    int
	coefficient uint128
}

// unpack reads a decimal by the rules of IEEE 754: a coefficient that no 34 digits can hold stands for zero.
func (d Decimal) unpack() unpacked {
	u := unpacked{negative: d.Hi&signBit != 0}
	switch {
	case d.IsNaN():
		u.class = notANumber
	case d.IsInf():
		u.class = infinite
	case d.Hi>>61&3 == 3: // the layout of coefficients from 2^113, all of which are too big
		u.exponent = int(d.Hi>>47&exponentMask) - decimalBias
	default:
		u.exponent = int(d.Hi>>coefficientBits&exponentMask) - decimalBias
		u.coefficient = uint128{d.Hi & (1<<coefficientBits - 1), d.Lo}
		if u.coefficient.compare(powersOf10[DecimalDigits]) >= 0 {
			u.coefficient = uint128{}
		}
	}
	return u
}

// Compare orders decimals by number: trailing zeros and the sign of zero don't count. A NaN is less than any number;
// NaNs are ordered by their bits (spec/query-language.md section 5.1).
func (d Decimal) Compare(e Decimal) int {
	a, b := d.unpack(), e.unpack()
	switch {
	case a.class == notANumber && b.class == notANumber:
		if c := cmp.Compare(d.Hi, e.Hi); c != 0 {
			return c
		}
		return cmp.Compare(d.Lo, e.Lo)
	case a.class == notANumber:
		return -1
	case b.class == notANumber:
		return 1
	}
	if c := cmp.Compare(a.signum(), b.signum()); c != 0 || a.signum() == 0 {
		return c
	}
	c := a.compareMagnitude(b)
	if a.negative {
		return -c
	}
	return c
}

func (u unpacked) signum() int {
	switch {
	case u.class == finite && u.coefficient.isZero():
		return 0
	case u.negative:
		return -1
	default:
		return 1
	}
}

// compareMagnitude compares absolute values, neither of which is zero or NaN.
func (u unpacked) compareMagnitude(v unpacked) int {
	if u.class == infinite || v.class == infinite {
		return cmp.Compare(u.class, v.class)
	}
	// With all 34 digits in use, the exponent decides, then the coefficient.
	m, e := u.fullWidth()
	n, f := v.fullWidth()
	if c := cmp.Compare(e, f); c != 0 {
		return c
	}
	return m.compare(n)
}

func (u unpacked) fullWidth() (uint128, int) {
	shift := DecimalDigits - u.coefficient.digits()
	return u.coefficient.times(powersOf10[shift]), u.exponent - shift
}

// uint128 is an unsigned integer of 128 bits.
type uint128 struct{ hi, lo uint64 }

var powersOf10 = func() (p [DecimalDigits + 1]uint128) {
	p[0].lo = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1].times(uint128{lo: 10})
	}
	return p
}()

func (a uint128) isZero() bool { return a.hi|a.lo == 0 }

func (a uint128) compare(b uint128) int {
	if c := cmp.Compare(a.hi, b.hi); c != 0 {
		return c
	}
	return cmp.Compare(a.lo, b.lo)
}

// times multiplies; the product must fit.
func (a uint128) times(b uint128) uint128 {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return uint128{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

func (a uint128) plus(b uint64) uint128 {
	lo, carry := bits.Add64(a.lo, b, 0)
	return uint128{a.hi + carry, lo}
}

// digits counts the decimal digits of a number below 10^34 other than zero.
func (a uint128) digits() int {
	n := 1
	for n < DecimalDigits && a.compare(powersOf10[n]) >= 0 {
		n++
	}
	return n
}

// text returns the decimal digits.
func (a uint128) text() string {
	var b [40]byte
	i := len(b)
	for {
		qhi, r := a.hi/10, a.hi%10
		qlo, digit := bits.Div64(r, a.lo, 10)
		i--
		b[i] = byte('0' + digit)
		a = uint128{qhi, qlo}
		if a.isZero() {
			return string(b[i:])
		}
	}
}
