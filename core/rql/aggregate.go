package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// aggregator evaluates an Aggregate.
type aggregator struct {
	path  *walker
	total total // a fresh one
	// perObject: the path ends in a collection, and each object that it reaches makes a value.
	perObject bool
	property  int
}

func (c *compiler) aggregator(a *Aggregate) *aggregator {
	out := &aggregator{path: c.walker(a.Path), property: a.Property}
	kind := a.Path.Prop().Type
	if a.Class != nil {
		kind = a.Class.Properties[a.Property].Type
		out.path.hops = append(append([]Hop{}, out.path.hops...), out.path.end)
	} else {
		out.perObject = true
		if a.Path.Prop().Collection == schema.Dictionary {
			kind = value.KindMixed
		}
	}
	out.total = total{op: a.Op, kind: kind}
	return out
}

func (e *aggregator) eval(o Object, r *run, out *batch) error {
	path := *e.path
	v := &addition{aggregator: e, total: e.total}
	path.visitor = v
	reached, err := path.walk(o, 0, r, out)
	if err != nil {
		return err
	}
	if !e.perObject || !reached && !e.path.many {
		out.values = append(out.values, v.total.result())
	}
	out.close()
	return nil
}

// addition adds what the objects at the end of a path hold.
type addition struct {
	*aggregator
	total total
}

func (a *addition) visit(o Object, r *run, out *batch) error {
	if err := r.charge(1); err != nil {
		return err
	}
	if !a.perObject {
		v, err := o.Get(a.property)
		a.total.add(v)
		return err
	}
	n, err := navigable(o)
	if err != nil {
		return err
	}
	c, err := n.Collection(a.path.end.Property)
	if err != nil {
		return err
	}
	sum := a.aggregator.total
	if c != nil {
		size := c.Size()
		if err := r.charge(size); err != nil {
			return err
		}
		for i := range size {
			v, err := c.Value(i)
			if err != nil {
				return err
			}
			sum.add(v)
		}
	}
	out.values = append(out.values, sum.result())
	return nil
}

// total is an aggregate in the making (spec section 6.8).
type total struct {
	op      AggregateOp
	kind    value.Kind // of the values
	count   int64
	whole   int64         // the sum of ints
	real    float64       // of floats and doubles, and of ints for @avg
	decimal value.Decimal // of decimals and mixed
	best    value.Value   // of @min and @max
}

// add takes a value. Null and NaN don't count.
func (t *total) add(v value.Value) {
	if v.IsNull() || isNaN(v) {
		return
	}
	if t.op == AggregateMin || t.op == AggregateMax {
		if c := order(v, t.best); t.count == 0 || t.op == AggregateMin && c < 0 || t.op == AggregateMax && c > 0 {
			t.best = v
		}
		t.count++
		return
	}
	switch {
	case t.kind == value.KindInt:
		t.whole += v.Int()
		t.real += float64(v.Int())
	case t.kind == value.KindFloat, t.kind == value.KindDouble:
		t.real += toDouble(v)
	case !v.Kind().IsNumeric():
		return
	case t.count == 0:
		t.decimal = value.DecimalFromInt64(0).Add(toDecimal(v))
	default:
		t.decimal = t.decimal.Add(toDecimal(v))
	}
	t.count++
}

func (t *total) result() value.Value {
	switch {
	case t.op == AggregateMin || t.op == AggregateMax:
		return t.best
	case t.op == AggregateAvg && t.count == 0:
		return value.Null()
	}
	switch t.kind {
	case value.KindInt:
		if t.op == AggregateSum {
			return value.Int(t.whole)
		}
		return value.Double(t.real / float64(t.count))
	case value.KindFloat, value.KindDouble:
		if t.op == AggregateSum {
			return value.Double(t.real)
		}
		return value.Double(t.real / float64(t.count))
	default:
		if t.count == 0 {
			return value.FromDecimal(value.DecimalFromInt64(0))
		}
		if t.op == AggregateSum {
			return value.FromDecimal(t.decimal)
		}
		return value.FromDecimal(t.decimal.Div(value.DecimalFromInt64(t.count)))
	}
}
