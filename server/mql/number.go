package mql

import (
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// Add adds numbers as MongoDB does: int32 grows to int64, and int64 to double. Other values give null.
func Add(a, b any) any {
	if i, j, ok := integers(a, b); ok {
		sum := i + j
		if (sum > i) == (j > 0) || j == 0 {
			return fitted(sum, a, b)
		}
		return float64(i) + float64(j)
	}
	return calculate(a, b, value.Decimal.Add, func(x, y float64) float64 { return x + y })
}

// Multiply is Add for products.
func Multiply(a, b any) any {
	if i, j, ok := integers(a, b); ok {
		product := i * j
		if i == 0 || j == 0 || product/j == i && (i != -1 || j != math.MinInt64) && (j != -1 || i != math.MinInt64) {
			return fitted(product, a, b)
		}
		return float64(i) * float64(j)
	}
	return calculate(a, b, value.Decimal.Mul, func(x, y float64) float64 { return x * y })
}

// subtract is Add for differences.
func subtract(a, b any) any {
	if i, j, ok := integers(a, b); ok {
		difference := i - j
		if (difference < i) == (j > 0) || j == 0 {
			return fitted(difference, a, b)
		}
		return float64(i) - float64(j)
	}
	return calculate(a, b, value.Decimal.Sub, func(x, y float64) float64 { return x - y })
}

// divide gives a double, or a decimal.
func divide(a, b any) any {
	return calculate(a, b, value.Decimal.Div, func(x, y float64) float64 { return x / y })
}

func integers(a, b any) (i, j int64, ok bool) {
	i, ok1 := integer(a)
	j, ok2 := integer(b)
	return i, j, ok1 && ok2
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

// fitted is an int32 if both operands were and the result fits.
func fitted(n int64, a, b any) any {
	_, x := a.(int32)
	_, y := b.(int32)
	if x && y && n >= math.MinInt32 && n <= math.MaxInt32 {
		return int32(n)
	}
	return n
}

func calculate(a, b any, decimal func(value.Decimal, value.Decimal) value.Decimal, double func(x, y float64) float64) any {
	if !isNumber(a) || !isNumber(b) {
		return nil
	}
	_, x := a.(bson.Decimal128)
	_, y := b.(bson.Decimal128)
	if x || y {
		d := decimal(asDecimal(a), asDecimal(b))
		return bson.NewDecimal128(d.Hi, d.Lo)
	}
	return double(float(a), float(b))
}

func asDecimal(v any) value.Decimal {
	switch v := v.(type) {
	case int32:
		return value.DecimalFromInt64(int64(v))
	case int64:
		return value.DecimalFromInt64(v)
	case float64:
		return value.DecimalFromFloat64(v)
	default:
		return number(v).Decimal()
	}
}
