package value

import "cmp"

// Decimal is an IEEE 754-2008 decimal128 in its BID layout: Hi holds the sign, the biased exponent and the upper 49
// bits of the coefficient, Lo the lower 64 bits.
type Decimal struct {
	Hi, Lo uint64
}

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }
