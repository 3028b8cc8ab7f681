package value

import (
	"math/big"
)

// Add returns d + e by the rules of IEEE 754-2008: rounded half to even to 34 digits, with the smaller of both exponents if the
// exact result has one like it; NaN for infinities of different sign.
func (d Decimal) Add(e Decimal) Decimal {
	a, b := d.unpack(), e.unpack()
	switch {
	case a.class == notANumber || b.class == notANumber:
		return DecimalNaN()
	case a.class == infinite && b.class == infinite && a.negative != b.negative:
		return DecimalNaN()
	case a.class == infinite:
		return DecimalInf(a.negative)
	case b.class == infinite:
		return DecimalInf(b.negative)
	}
	exponent := min(a.exponent, b.exponent)
	if a.coefficient.isZero() && b.coefficient.isZero() {
		return decimalZero(a.negative && b.negative, exponent)
	}
	a.settleTowards(b)
	b.settleTowards(a)
	low := min(a.exponent, b.exponent)
	sum := new(big.Int).Add(a.scaled(low), b.scaled(low))
	if sum.Sign() == 0 {
		return decimalZero(false, exponent)
	}
	return roundDigits(sum.Sign() < 0, sum.Abs(sum).String(), low)
}

// Sub returns d - e, as Add does.
func (d Decimal) Sub(e Decimal) Decimal {
	if e.IsNaN() {
		return DecimalNaN()
	}
	e.Hi ^= signBit
	return d.Add(e)
}

// Mul returns d * e, rounded half to even; NaN for zero times infinity.
func (d Decimal) Mul(e Decimal) Decimal {
	a, b := d.unpack(), e.unpack()
	negative := a.negative != b.negative
	switch {
	case a.class == notANumber || b.class == notANumber:
		return DecimalNaN()
	case a.class == infinite || b.class == infinite:
		if a.signum() == 0 || b.signum() == 0 {
			return DecimalNaN()
		}
		return DecimalInf(negative)
	}
	exponent := a.exponent + b.exponent
	if a.coefficient.isZero() || b.coefficient.isZero() {
		return decimalZero(negative, exponent)
	}
	product := new(big.Int).Mul(a.coefficient.big(), b.coefficient.big())
	return roundDigits(negative, product.String(), exponent)
}

// Div returns d / e, rounded half to even; an infinity for a number by zero, NaN for zero by zero and infinity by infinity. An
// exact quotient has the exponent nearest to the difference of both.
func (d Decimal) Div(e Decimal) Decimal {
	a, b := d.unpack(), e.unpack()
	negative := a.negative != b.negative
	switch {
	case a.class == notANumber || b.class == notANumber || a.class == infinite && b.class == infinite:
		return DecimalNaN()
	case a.class == infinite:
		return DecimalInf(negative)
	case b.class == infinite:
		return decimalZero(negative, DecimalMinExponent)
	case b.coefficient.isZero():
		if a.coefficient.isZero() {
			return DecimalNaN()
		}
		return DecimalInf(negative)
	}
	want := a.exponent - b.exponent
	if a.coefficient.isZero() {
		return decimalZero(negative, want)
	}
	// So many digits more that the quotient has at least one more than is kept, and then a digit that says whether anything is
	// left.
	const more = 2 * DecimalDigits
	quotient, rest := new(big.Int).QuoRem(timesPower10(a.coefficient.big(), more), b.coefficient.big(), new(big.Int))
	exponent := want - more
	if rest.Sign() != 0 {
		quotient = quotient.Add(timesPower10(quotient, 1), big.NewInt(1))
		return roundDigits(negative, quotient.String(), exponent-1)
	}
	digits := quotient.String()
	for exponent < want && len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits, exponent = digits[:len(digits)-1], exponent+1
	}
	return roundDigits(negative, digits, exponent)
}

// settleTowards brings a number that is too small to matter beside another, except for the side to which it tips the rounding,
// near to it, so that their sum needs no thousands of digits.
func (u *unpacked) settleTowards(other unpacked) {
	const far = 2*DecimalDigits + 4
	if other.coefficient.isZero() || other.exponent-u.exponent <= far {
		return
	}
	if !u.coefficient.isZero() {
		u.coefficient = uint128{lo: 1}
	}
	u.exponent = other.exponent - far
}

// scaled returns the signed coefficient for an exponent that is not above the number's.
func (u unpacked) scaled(exponent int) *big.Int {
	n := u.coefficient.big()
	if n.Sign() != 0 {
		n = timesPower10(n, u.exponent-exponent)
	}
	if u.negative {
		n.Neg(n)
	}
	return n
}

func timesPower10(n *big.Int, power int) *big.Int {
	return new(big.Int).Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(power)), nil))
}

func (a uint128) big() *big.Int {
	n := new(big.Int).SetUint64(a.hi)
	return n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(a.lo))
}

// decimalZero returns a zero with the exponent nearest to the one wanted.
func decimalZero(negative bool, exponent int) Decimal {
	d, _ := DecimalFromParts(negative, 0, 0, int32(min(max(exponent, DecimalMinExponent), DecimalMaxExponent))) // in range by now
	return d
}
