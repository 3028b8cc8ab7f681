package rql

import (
	"math"

	"realmsync/core/value"
)

// calculation evaluates an Arithmetic. Of a multi-valued operand each element is taken; only one operand may be one.
type calculation struct {
	op                    byte
	left, right           evaluator
	leftMulti, rightMulti bool
}

func (e *calculation) eval(o Object, r *run, out *batch) error {
	left, right := r.take(), r.take()
	defer r.give(left)
	defer r.give(right)
	if err := e.left.eval(o, r, left); err != nil {
		return err
	}
	if err := e.right.eval(o, r, right); err != nil {
		return err
	}
	for i := range left.ends {
		for j := range right.ends {
			a, b := left.group(i), right.group(j)
			if err := r.charge(1 + max(len(a), len(b))); err != nil {
				return err
			}
			e.group(a, b, out)
			out.close()
		}
	}
	return nil
}

func (e *calculation) group(a, b []value.Value, out *batch) {
	switch {
	case len(a) == 0 || len(b) == 0:
	case e.leftMulti:
		for _, v := range a {
			out.values = append(out.values, calculate(e.op, v, b[0]))
		}
	case e.rightMulti:
		for _, v := range b {
			out.values = append(out.values, calculate(e.op, a[0], v))
		}
	default:
		out.values = append(out.values, calculate(e.op, a[0], b[0]))
	}
}

// calculate is one operation (spec section 6.6): null where an operand is no number.
func calculate(op byte, a, b value.Value) value.Value {
	ak, bk := a.Kind(), b.Kind()
	switch {
	case !ak.IsNumeric() || !bk.IsNumeric():
		return value.Null()
	case ak == value.KindDecimal || bk == value.KindDecimal:
		return value.FromDecimal(decimalOperation(op, toDecimal(a), toDecimal(b)))
	case ak == value.KindInt && bk == value.KindInt:
		return value.Int(intOperation(op, a.Int(), b.Int()))
	case ak == value.KindDouble || bk == value.KindDouble:
		return value.Double(floatOperation(op, number(a), number(b)))
	default:
		x, y := singlePrecision(a), singlePrecision(b)
		switch op {
		case '+':
			return value.Float(x + y)
		case '-':
			return value.Float(x - y)
		case '*':
			return value.Float(x * y)
		default:
			return value.Float(x / y)
		}
	}
}

// number returns an int, float or double as a double.
func number(v value.Value) float64 {
	if v.Kind() == value.KindInt {
		return float64(v.Int())
	}
	return toDouble(v)
}

func singlePrecision(v value.Value) float32 {
	if v.Kind() == value.KindInt {
		return float32(v.Int())
	}
	return v.Float()
}

// intOperation wraps at 64 bits; division by zero is the limit of the sign of the dividend.
func intOperation(op byte, a, b int64) int64 {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	}
	switch {
	case b != 0:
		return a / b // Go wraps the one quotient that doesn't fit
	case a < 0:
		return math.MinInt64
	default:
		return math.MaxInt64
	}
}

func floatOperation(op byte, a, b float64) float64 {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	default:
		return a / b
	}
}

func decimalOperation(op byte, a, b value.Decimal) value.Decimal {
	switch op {
	case '+':
		return a.Add(b)
	case '-':
		return a.Sub(b)
	case '*':
		return a.Mul(b)
	default:
		return a.Div(b)
	}
}
