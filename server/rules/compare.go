package rules

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// equal tells whether two values are the same, or one is an array that contains the other (spec/app-services.md section 12.4). Numbers are equal
// by what they are worth, whatever their types.
func equal(a, b any) bool {
	if same(a, b) {
		return true
	}
	listA, isListA := a.(bson.A)
	listB, isListB := b.(bson.A)
	return isListA && contains(listA, b) || isListB && contains(listB, a)
}

func contains(list bson.A, v any) bool {
	for _, e := range list {
		if same(e, v) {
			return true
		}
	}
	return false
}

// same is equal without looking into arrays for elements.
func same(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bson.A:
		y, ok := b.(bson.A)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case bson.D:
		y, ok := b.(bson.D)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if x[i].Key != y[i].Key || !same(x[i].Value, y[i].Value) {
				return false
			}
		}
		return true
	case bson.Binary:
		y, ok := b.(bson.Binary)
		return ok && x.Subtype == y.Subtype && bytes.Equal(x.Data, y.Data)
	}
	if isNumber(a) || isNumber(b) {
		c, ok := numbers(a, b)
		return ok && c == 0
	}
	switch b.(type) {
	case bson.A, bson.D, bson.Binary: // not comparable with ==
		return false
	}
	return a == b
}

// order compares two values of one kind; ok is false if they are none that have an order.
func order(a, b any) (c int, ok bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(rank(x), rank(y)), true
		}
	case bson.DateTime:
		if y, ok := b.(bson.DateTime); ok {
			return cmp.Compare(x, y), true
		}
	case bson.ObjectID:
		if y, ok := b.(bson.ObjectID); ok {
			return bytes.Compare(x[:], y[:]), true
		}
	case bson.Binary:
		if y, ok := b.(bson.Binary); ok && x.Subtype == y.Subtype {
			return bytes.Compare(x.Data, y.Data), true
		}
	}
	return numbers(a, b)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isNumber(v any) bool {
	switch v.(type) {
	case int32, int64, float64, bson.Decimal128:
		return true
	}
	return false
}

// numbers compares two numbers exactly. NaN equals nothing.
func numbers(a, b any) (c int, ok bool) {
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return cmp.Compare(x, y), true
		}
	}
	if x, ok := a.(float64); ok {
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y), x == x && y == y
		}
	}
	x, inX, okX := rational(a)
	y, inY, okY := rational(b)
	if !okX || !okY {
		return 0, false
	}
	if inX != 0 || inY != 0 {
		return cmp.Compare(inX, inY), true
	}
	return x.Cmp(y), true
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// maxExponent bounds the exponents of decimals that are compared digit by digit: doubles are all within it.
const maxExponent = 1100

// rational returns the exact worth of a number; infinite is its sign if it is infinite, or a decimal beyond every double and integer.
func rational(v any) (r *big.Rat, infinite int, ok bool) {
	switch n := v.(type) {
	case int32:
		return new(big.Rat).SetInt64(int64(n)), 0, true
	case int64:
		return new(big.Rat).SetInt64(n), 0, true
	case float64:
		switch {
		case math.IsNaN(n):
			return nil, 0, false
		case math.IsInf(n, 0):
			return nil, int(math.Copysign(1, n)), true
		}
		return new(big.Rat).SetFloat64(n), 0, true
	case bson.Decimal128:
		if n.IsNaN() {
			return nil, 0, false
		}
		if sign := n.IsInf(); sign != 0 {
			return nil, sign, true
		}
		digits, exponent, err := n.BigInt()
		if err != nil {
			return nil, 0, false
		}
		switch {
		case digits.Sign() == 0 || exponent < -maxExponent:
			return new(big.Rat), 0, true // nothing that is compared here is as small and not 0
		case exponent > maxExponent:
			return nil, digits.Sign(), true
		}
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
		if exponent < 0 {
			return new(big.Rat).SetFrac(digits, scale), 0, true
		}
		return new(big.Rat).SetInt(digits.Mul(digits, scale)), 0, true
	}
	return nil, 0, false
}
