package rql

import (
	"errors"

	"realmsync/core/value"
)

// maxReached bounds how many values one Match may read from collections: paths through collections multiply, and queries
// may come from anyone.
const maxReached = 2 << 20

// keptValues is how large a batch may be to be used again.
const keptValues = 1 << 14

// run is the state of one Match of a query that navigates: what is left of its budget, and memory to use again.
type run struct {
	budget int
	spare  []*batch
}

// charge takes from the budget.
func (r *run) charge(n int) error {
	if r.budget -= n; r.budget < 0 {
		return fail(ErrLimit, -1, "the query reads too many values for one object")
	}
	return nil
}

func (r *run) take() *batch {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		b.values, b.ends = b.values[:0], b.ends[:0]
		return b
	}
	return &batch{}
}

func (r *run) give(b *batch) {
	if cap(b.values) > keptValues {
		return
	}
	clear(b.values) // they may hold on to the texts of pages that are gone
	r.spare = append(r.spare, b)
}

// batch is what an operand evaluates to: groups of values, each of which is compared on its own. Most operands yield one
// group. A group of an operand that is not multi-valued has one value, or none, which nothing is true of.
type batch struct {
	values []value.Value
	ends   []int // of the groups in values
}

// close ends a group.
func (b *batch) close() { b.ends = append(b.ends, len(b.values)) }

// group returns the i-th group.
func (b *batch) group(i int) []value.Value {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.values[start:b.ends[i]]
}

// evaluator is a compiled operand.
type evaluator interface {
	eval(o Object, r *run, out *batch) error
}

// newEvaluator compiles an operand for comparisons that may be multi-valued.
func (c *compiler) evaluator(o Operand) evaluator {
	switch o := o.(type) {
	case *Path:
		return &plainPath{operandOf(o)}
	case *Constant:
		return &fixed{values: []value.Value{o.Value}}
	case *ConstantList:
		return &fixed{values: o.Values}
	case *TypeConstant:
		out := &fixed{}
		for _, a := range o.Attributes {
			out.values = append(out.values, value.Int(int64(a)))
		}
		return out
	case *KeyPath:
		return c.walker(o)
	case *Aggregate:
		return c.aggregator(o)
	case *Subquery:
		return &counter{c.walker(o.Path), c.compile(o.Body)}
	default:
		a := o.(*Arithmetic)
		return &calculation{op: a.Op, left: c.evaluator(a.Left), right: c.evaluator(a.Right), leftMulti: isTerms(a.Left), rightMulti: isTerms(a.Right)}
	}
}

// plainPath is a property, behind single links or none.
type plainPath struct{ operand operand }

func (e *plainPath) eval(o Object, _ *run, out *batch) error {
	v, err := e.operand.get(o)
	out.values = append(out.values, v)
	out.close()
	return err
}

// fixed is a constant.
type fixed struct{ values []value.Value }

func (e *fixed) eval(_ Object, _ *run, out *batch) error {
	out.values = append(out.values, e.values...)
	out.close()
	return nil
}

// errNotNavigable says that the objects lack what WithNavigation promised.
var errNotNavigable = errors.New("rql: the query was bound with WithNavigation, but an object is not Navigable")

func navigable(o Object) (Navigable, error) {
	n, ok := o.(Navigable)
	if !ok {
		return nil, errNotNavigable
	}
	return n, nil
}
