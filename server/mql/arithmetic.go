package mql

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// arithmeticOperators calculate. What is null or missing makes the result null.
var arithmeticOperators = map[string]expressionOperator{
	"$add":      {0, many, func(_ *Meter, args []any) (any, error) { return addAll(args) }},
	"$multiply": {0, many, func(_ *Meter, args []any) (any, error) { return fold(args, int32(1), Multiply) }},
	"$subtract": {2, 2, func(_ *Meter, args []any) (any, error) { return subtractDates(args) }},
	"$divide": {2, 2, func(_ *Meter, args []any) (any, error) {
		if isNumber(args[1]) && !truthy(args[1]) && !absent(args[0]) {
			return nil, fail("can't $divide by zero")
		}
		return fold(args, nil, divide)
	}},
	"$mod":   {2, 2, modulo},
	"$abs":   {1, 1, onNumber("$abs", absolute)},
	"$ceil":  {1, 1, rounding("$ceil", upwards)},
	"$floor": {1, 1, rounding("$floor", downwards)},
	"$round": {1, 2, rounding("$round", halfToEven)},
	"$trunc": {1, 2, rounding("$trunc", towardsZero)},
	"$pow":   {2, 2, power},
	"$exp":   onDouble("$exp", math.Exp, nil),
	"$sqrt":  onDouble("$sqrt", math.Sqrt, func(f float64) bool { return f >= 0 || math.IsNaN(f) }),
	"$ln":    onDouble("$ln", math.Log, positive),
	"$log10": onDouble("$log10", math.Log10, positive),
	"$log": onDoubles("$log", func(x, base float64) (float64, error) {
		if !positive(x) || !positive(base) || base == 1 {
			return 0, fail("$log needs a positive number, and a positive base that is not 1")
		}
		return math.Log(x) / math.Log(base), nil
	}),
	"$sin": onDouble("$sin", math.Sin, finite), "$cos": onDouble("$cos", math.Cos, finite), "$tan": onDouble("$tan", math.Tan, finite),
	"$asin": onDouble("$asin", math.Asin, unit), "$acos": onDouble("$acos", math.Acos, unit), "$atan": onDouble("$atan", math.Atan, nil),
	"$sinh": onDouble("$sinh", math.Sinh, nil), "$cosh": onDouble("$cosh", math.Cosh, nil), "$tanh": onDouble("$tanh", math.Tanh, nil),
	"$degreesToRadians": onDouble("$degreesToRadians", func(f float64) float64 { return f * (math.Pi / 180) }, nil),
	"$radiansToDegrees": onDouble("$radiansToDegrees", func(f float64) float64 { return f * (180 / math.Pi) }, nil),
	"$atan2":            onDoubles("$atan2", func(y, x float64) (float64, error) { return math.Atan2(y, x), nil }),
	"$rand":             {0, 1, func(*Meter, []any) (any, error) { return rand.Float64(), nil }},
}

func positive(f float64) bool { return f > 0 || math.IsNaN(f) }
func finite(f float64) bool   { return !math.IsInf(f, 0) }
func unit(f float64) bool     { return math.Abs(f) <= 1 || math.IsNaN(f) }

// fold applies an operation from left to right; null stays null, none is what nothing gives.
func fold(args []any, none any, f func(a, b any) any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	for _, v := range args {
		if !isNumber(v) {
			return nil, fail("only numbers can be calculated with")
		}
	}
	if len(args) == 0 {
		return none, nil
	}
	out := args[0]
	for _, v := range args[1:] {
		out = f(out, v)
	}
	return out, nil
}

// onNumber is an operator on one number.
func onNumber(name string, f func(v any) (any, error)) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		if absent(args[0]) {
			return nil, nil
		}
		if !isNumber(args[0]) {
			return nil, fail("%s only supports numeric types", name)
		}
		return f(args[0])
	}
}

// double is a number as a double. Decimals are refused where calculating with doubles would lose their digits.
func double(name string, v any) (float64, error) {
	if _, decimal := v.(bson.Decimal128); decimal {
		return 0, fail("%s of decimals is not supported: make it a double first, with $toDouble", name)
	}
	if !isNumber(v) {
		return 0, fail("%s only supports numeric types", name)
	}
	return float(v), nil
}

// onDouble is a function of doubles, on those that are allowed; nil: all are.
func onDouble(name string, f func(float64) float64, allowed func(float64) bool) expressionOperator {
	return expressionOperator{1, 1, onNumber(name, func(v any) (any, error) {
		x, err := double(name, v)
		if err == nil && allowed != nil && !allowed(x) {
			err = fail("%s of %v: it is out of the range that the operator has values for", name, x)
		}
		return f(x), err
	})}
}

// onDoubles is a function of two doubles.
func onDoubles(name string, f func(a, b float64) (float64, error)) expressionOperator {
	return expressionOperator{2, 2, func(_ *Meter, args []any) (any, error) {
		if anyAbsent(args...) {
			return nil, nil
		}
		a, err := double(name, args[0])
		if err != nil {
			return nil, err
		}
		b, err := double(name, args[1])
		if err != nil {
			return nil, err
		}
		return f(a, b)
	}}
}

func absolute(v any) (any, error) {
	if d, ok := v.(bson.Decimal128); ok {
		hi, lo := d.GetBytes()
		return bson.NewDecimal128(hi&^(1<<63), lo), nil
	}
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	if n, _ := integer(v); n >= 0 {
		return v, nil
	}
	if n, ok := v.(int64); ok && n == math.MinInt64 {
		return nil, fail("can't take $abs of long long min")
	}
	return subtract(zeroOf(v), v), nil
}

// zeroOf is 0 of the same integer type.
func zeroOf(v any) any {
	if _, ok := v.(int32); ok {
		return int32(0)
	}
	return int64(0)
}

// modulo is $mod: what is left of a division, with the sign of what is divided.
func modulo(_ *Meter, args []any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	if i, j, ok := integers(args[0], args[1]); ok && j != 0 {
		return fitted(i%j, args[0], args[1]), nil
	}
	x, err := double("$mod", args[0])
	if err != nil {
		return nil, err
	}
	y, err := double("$mod", args[1])
	if err == nil && y == 0 {
		err = fail("can't $mod by zero")
	}
	return math.Mod(x, y), err
}

// power is $pow: an integer of integers where it is one that fits, else a double.
func power(_ *Meter, args []any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	x, err := double("$pow", args[0])
	if err != nil {
		return nil, err
	}
	y, err := double("$pow", args[1])
	switch {
	case err != nil:
		return nil, err
	case x == 0 && y < 0:
		return nil, fail("$pow cannot take a base of 0 and a negative exponent")
	}
	i, j, ok := integers(args[0], args[1])
	if !ok || j < 0 && i != 1 && i != -1 {
		return math.Pow(x, y), nil
	}
	switch {
	case j == 0 || i == 1 || i == -1 && j%2 == 0:
		return fitted(1, args[0], args[1]), nil
	case i == 0 || i == -1:
		return fitted(i, args[0], args[1]), nil
	case j > 63:
		return math.Pow(x, y), nil
	}
	n := new(big.Int).Exp(big.NewInt(i), big.NewInt(j), nil)
	if !n.IsInt64() {
		return math.Pow(x, y), nil
	}
	return fitted(n.Int64(), args[0], args[1]), nil
}

// direction says which way a number is rounded.
type direction int

const (
	halfToEven direction = iota
	towardsZero
	upwards
	downwards
)

// rounding makes an operator on a number and, if it takes one, a place behind the point.
func rounding(name string, to direction) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		if anyAbsent(args...) {
			return nil, nil
		}
		place := int64(0)
		if len(args) > 1 {
			var ok bool
			if place, ok = wholeNumber(args[1]); !ok || place < -20 || place > 100 {
				return nil, fail("the place of %s must be a whole number from -20 to 100", name)
			}
		}
		if !isNumber(args[0]) {
			return nil, fail("%s only supports numeric types", name)
		}
		return rounded(args[0], int(place), to)
	}
}

// rounded rounds a number of any type, which it keeps.
func rounded(v any, place int, to direction) (any, error) {
	switch n := v.(type) {
	case bson.Decimal128:
		d := quantized(number(v).Decimal(), place, to)
		return bson.NewDecimal128(d.Hi, d.Lo), nil
	case float64:
		switch {
		case place == 0 && to == halfToEven:
			return math.RoundToEven(n), nil
		case place == 0 && to == towardsZero:
			return math.Trunc(n), nil
		case to == upwards:
			return math.Ceil(n), nil
		case to == downwards:
			return math.Floor(n), nil
		case math.IsNaN(n) || math.IsInf(n, 0):
			return n, nil
		}
		// All the digits that a decimal has room for: fewer would round what is behind the place, or before it.
		d, err := value.ParseDecimal(strconv.FormatFloat(n, 'e', 33, 64))
		if err != nil {
			return nil, err
		}
		return quantized(d, place, to).Float64(), nil
	}
	if place >= 0 {
		return v, nil
	}
	n, _ := integer(v)
	i := rounding10(big.NewInt(n), -place, to)
	i.Mul(i, pow10(-place))
	if !i.IsInt64() {
		return nil, fail("invalid conversion from a rounded number to a long: it is too large")
	}
	return fitted(i.Int64(), v, v), nil
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// rounding10 takes so many digits off an integer.
func rounding10(n *big.Int, digits int, to direction) *big.Int {
	by := pow10(digits)
	quotient, rest := new(big.Int).QuoRem(n, by, new(big.Int))
	sign := rest.Sign()
	up := false
	switch to {
	case upwards:
		up = sign > 0
	case downwards:
		up = sign < 0
	case halfToEven:
		c := new(big.Int).Mul(rest.Abs(rest), big.NewInt(2)).Cmp(by)
		up = c > 0 || c == 0 && quotient.Bit(0) == 1
	case towardsZero:
	}
	if up {
		quotient.Add(quotient, big.NewInt(int64(sign)))
	}
	return quotient
}

// coefficient is the integer of a decimal's digits.
func coefficient(hi, lo uint64) *big.Int {
	n := new(big.Int).SetUint64(hi)
	return n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(lo))
}

// quantized rounds a decimal at a place behind the point.
func quantized(d value.Decimal, place int, to direction) value.Decimal {
	negative, hi, lo, exponent := d.Parts()
	drop := -place - int(exponent)
	if d.IsNaN() || d.IsInf() || drop <= 0 {
		return d
	}
	n := coefficient(hi, lo)
	if negative {
		n.Neg(n)
	}
	n = rounding10(n, min(drop, 40), to) // a decimal has 34 digits
	n.Abs(n)
	high := new(big.Int).Rsh(n, 64)
	out, ok := value.DecimalFromParts(negative, high.Uint64(), n.Sub(n, new(big.Int).Lsh(high, 64)).Uint64(), int32(-place))
	if !ok {
		return d
	}
	return out
}
