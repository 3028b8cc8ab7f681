package rql

import "realmsync/core/value"

// groupMatch is a comparison in which an operand navigates (spec section 6.7). Each group of the left operand is compared
// with each of the right one; one pair that passes is enough.
type groupMatch struct {
	test                  test
	left, right           evaluator
	leftMulti, rightMulti bool
	leftQuant, rightQuant Quantifier
}

func (c *compiler) groupMatch(n *Comparison) matcher {
	m := &groupMatch{
		test: test{op: n.Op, texts: n.FoldCase || n.Op.IsString(), fold: n.FoldCase, types: n.Left.operandType() == TypeAttribute},
		left: c.evaluator(n.Left), right: c.evaluator(n.Right),
		leftMulti: isMulti(n.Left), rightMulti: isMulti(n.Right),
		leftQuant: quantifierOf(n.Left), rightQuant: quantifierOf(n.Right),
	}
	if constant, ok := n.Right.(*Constant); ok && m.test.texts && isText(constant.Value) {
		m.test.needle, m.test.kind = newNeedle(n.Op, n.FoldCase, constant.Value.Str()), constant.Value.Kind()
	}
	return m
}

func (m *groupMatch) match(o Object, r *run) (bool, error) {
	left, right := r.take(), r.take()
	defer r.give(left)
	defer r.give(right)
	if err := m.left.eval(o, r, left); err != nil {
		return false, err
	}
	if err := m.right.eval(o, r, right); err != nil {
		return false, err
	}
	for i := range left.ends {
		for j := range right.ends {
			ok, err := m.compare(left.group(i), right.group(j), r)
			if ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// compare compares one group with another.
func (m *groupMatch) compare(left, right []value.Value, r *run) (bool, error) {
	if m.leftMulti && m.rightMulti && m.leftQuant == QuantNone && m.rightQuant == QuantNone {
		return m.inOrder(left, right, r)
	}
	for _, v := range left {
		ok, err := m.any(v, right, r)
		if err != nil {
			return false, err
		}
		if done, result := settled(m.leftQuant, ok); done {
			return result, nil
		}
	}
	return m.leftMulti && m.leftQuant >= QuantAll, nil
}

// any compares a value with a group by the quantifier of the right operand.
func (m *groupMatch) any(v value.Value, group []value.Value, r *run) (bool, error) {
	if err := r.charge(len(group)); err != nil {
		return false, err
	}
	for _, w := range group {
		if done, result := settled(m.rightQuant, m.test.holds(v, w)); done {
			return result, nil
		}
	}
	return m.rightMulti && m.rightQuant >= QuantAll, nil
}

// settled tells whether an element that passes, or doesn't, decides for the whole list, and how.
func settled(q Quantifier, passes bool) (done, result bool) {
	switch q {
	case QuantAll:
		return !passes, false
	case QuantNever:
		return passes, false
	default:
		return passes, true
	}
}

// inOrder compares two lists position by position. Lists of different length are different.
func (m *groupMatch) inOrder(left, right []value.Value, r *run) (bool, error) {
	if len(left) != len(right) {
		return m.test.op == OpNotEqual, nil
	}
	if err := r.charge(len(left)); err != nil {
		return false, err
	}
	for i := range left {
		if !m.test.holds(left[i], right[i]) {
			return false, nil
		}
	}
	return true, nil
}

// test is the condition on two single values.
type test struct {
	op    Op
	texts bool // a string operator, or == or != with [c]
	fold  bool
	types bool // the values are type attributes

	needle *needle // of a constant right operand
	kind   value.Kind
}

func (t *test) holds(a, b value.Value) bool {
	switch {
	case t.types:
		return (a.Int()&b.Int() != 0) == (t.op == OpEqual)
	case t.needle != nil:
		return (a.Kind() == t.kind && t.needle.match(a.Str())) != (t.op == OpNotEqual)
	case t.texts:
		return holdsText(t.op, t.fold, a, b)
	default:
		return holds(t.op, a, b)
	}
}
