package rql

import (
	"sync"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Object is an object that a bound query is evaluated on. Properties are named by their index in the class, in the
// schema.Class.Properties of the schema that the query was bound to.
//
// Get returns the value of a single property, in the kind of the property (any kind for mixed), null if it has none;
// a link is a link value, or null when its target is deleted. Follow returns the target of a single link property, a nil
// interface when the link is null or its target is deleted. Objects of a class must be of that class.
type Object interface {
	Get(property int) (value.Value, error)
	Follow(property int) (Object, error)
}

// Match tells whether the predicate holds for an object of the class. Descriptors play no part. The error is the first
// that the object returned.
//
// A query that was bound WithNavigation may fail with ErrLimit, when paths through collections lead to too many values.
//
// Match does not allocate, except to fold texts of more than 256 bytes for [c], to compare decimals of different exponents
// or with floats and doubles, and for CONTAINS[c] and LIKE against a property or a list. It may be called by several
// goroutines.
func (b *Bound) Match(o Object) (bool, error) {
	if !b.navigates {
		return b.matcher.match(o, nil)
	}
	r := runs.Get().(*run)
	r.budget = b.budget
	ok, err := b.matcher.match(o, r)
	runs.Put(r)
	return ok, err
}

var runs = sync.Pool{New: func() any { return &run{} }}

// matcher is a compiled predicate. The run is nil for queries that don't navigate.
type matcher interface {
	match(o Object, r *run) (bool, error)
}

type (
	allOf  []matcher
	anyOf  []matcher
	negate struct{ inner matcher }
	always bool
)

func (m allOf) match(o Object, r *run) (bool, error) {
	for _, inner := range m {
		if ok, err := inner.match(o, r); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m anyOf) match(o Object, r *run) (bool, error) {
	for _, inner := range m {
		if ok, err := inner.match(o, r); ok || err != nil {
			return ok && err == nil, err
		}
	}
	return false, nil
}

func (m negate) match(o Object, r *run) (bool, error) {
	ok, err := m.inner.match(o, r)
	return !ok && err == nil, err
}

func (m always) match(Object, *run) (bool, error) { return bool(m), nil }

// compiler turns a bound predicate into what Match runs.
type compiler struct {
	schema    *schema.Schema
	navigates bool // something needs a run
}

func (c *compiler) compile(n Node) matcher {
	switch n := n.(type) {
	case *And:
		return allOf(c.compileAll(n.Nodes))
	case *Or:
		return anyOf(c.compileAll(n.Nodes))
	case *Not:
		return negate{c.compile(n.Node)}
	case *Truth:
		return always(n.Value)
	case *In:
		return compileIn(n)
	case *Between:
		return betweenMatch{n.Path.Property, n.Low, n.High}
	case *FullText:
		return c.fullText(n)
	case *GeoWithin:
		c.navigates = true
		return c.geoWithin(n)
	default:
		return c.comparison(n.(*Comparison))
	}
}

func (c *compiler) compileAll(nodes []Node) []matcher {
	out := make([]matcher, len(nodes))
	for i, n := range nodes {
		out[i] = c.compile(n)
	}
	return out
}

func (c *compiler) comparison(n *Comparison) matcher {
	if !isPlain(n.Left) || !isPlain(n.Right) {
		c.navigates = true
		return c.groupMatch(n)
	}
	left, right := operandOf(n.Left), operandOf(n.Right)
	constant, _ := n.Right.(*Constant)
	if n.Direct {
		property := n.Left.(*Path).Property
		v := constant.Value
		switch {
		case n.Op.IsString() && v.IsNull():
			// Spec section 6.3: a null needle fits everything, but LIKE null only null.
			if n.Op == OpLike {
				return &general{OpEqual, left, right}
			}
			return always(true)
		case n.Op.IsOrdering() && (v.IsNull() || v.Kind() == value.KindString):
			return textOrder{n.Op, property, v}
		case v.Kind() == value.KindInt:
			return intMatch{n.Op, property, v.Int()}
		case v.Kind() == value.KindDouble, v.Kind() == value.KindFloat:
			return floatMatch{n.Op, property, toDouble(v)}
		case (n.Op == OpEqual || n.Op == OpNotEqual) && !n.FoldCase && (hasIdentity(v.Kind()) || v.Kind() == value.KindBinary):
			return identityMatch{property, v, n.Op == OpNotEqual}
		}
	}
	texts := n.Op.IsString() || n.FoldCase
	switch {
	case texts && constant != nil && isText(constant.Value):
		return &textMatch{left, constant.Value.Kind(), newNeedle(n.Op, n.FoldCase, constant.Value.Str()), n.Op == OpNotEqual}
	case left.list != nil || right.list != nil:
		return &quantified{n.Op, n.FoldCase, left, right}
	case texts:
		return &textPair{n.Op, n.FoldCase, left, right}
	default:
		return &general{n.Op, left, right}
	}
}

// isPlain tells whether an operand needs nothing but Object.
func isPlain(o Operand) bool {
	switch o.(type) {
	case *Path, *Constant, *ConstantList:
		return true
	default:
		return false
	}
}

func isText(v value.Value) bool {
	return v.Kind() == value.KindString || v.Kind() == value.KindBinary
}

// operand is a compiled operand.
type operand struct {
	hops       []int // properties that lead to the object
	property   int   // -1 for constants
	constant   value.Value
	list       []value.Value // of a ConstantList
	quantifier Quantifier
}

func operandOf(o Operand) operand {
	switch o := o.(type) {
	case *Path:
		out := operand{property: o.Property}
		for _, h := range o.Hops {
			out.hops = append(out.hops, h.Property)
		}
		return out
	case *ConstantList:
		list := o.Values
		if list == nil {
			list = []value.Value{}
		}
		return operand{property: -1, list: list, quantifier: o.Quantifier}
	default:
		return operand{property: -1, constant: o.(*Constant).Value}
	}
}

// get evaluates an operand that is not a list. Behind a null link there is null (spec section 6.11).
func (p *operand) get(o Object) (value.Value, error) {
	if p.property < 0 {
		return p.constant, nil
	}
	for _, hop := range p.hops {
		next, err := o.Follow(hop)
		if next == nil || err != nil {
			return value.Null(), err
		}
		o = next
	}
	return o.Get(p.property)
}

// general compares by the rules of spec section 6.1.
type general struct {
	op          Op
	left, right operand
}

func (m *general) match(o Object, _ *run) (bool, error) {
	a, err := m.left.get(o)
	if err != nil {
		return false, err
	}
	b, err := m.right.get(o)
	return err == nil && holds(m.op, a, b), err
}

// intMatch compares an int property with an int.
type intMatch struct {
	op       Op
	property int
	n        int64
}

func (m intMatch) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	if err != nil {
		return false, err
	}
	if v.Kind() != value.KindInt {
		return m.op == OpNotEqual, nil
	}
	switch n := v.Int(); m.op {
	case OpEqual:
		return n == m.n, nil
	case OpNotEqual:
		return n != m.n, nil
	case OpLess:
		return n < m.n, nil
	case OpLessEqual:
		return n <= m.n, nil
	case OpGreater:
		return n > m.n, nil
	default:
		return n >= m.n, nil
	}
}

// identityMatch tests a property of a type whose equal values are identical.
type identityMatch struct {
	property int
	value    value.Value
	negate   bool
}

func (m identityMatch) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	return err == nil && v.Identical(m.value) != m.negate, err
}

// floatMatch compares a float or double property with a value of its type, as IEEE does.
type floatMatch struct {
	op       Op
	property int
	f        float64
}

func (m floatMatch) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	if err != nil {
		return false, err
	}
	if v.IsNull() {
		return m.op == OpNotEqual, nil
	}
	return holdsIEEE(m.op, toDouble(v), m.f), nil
}

// textOrder orders a string property against a string or null; null is the smallest string.
type textOrder struct {
	op       Op
	property int
	text     value.Value
}

func (m textOrder) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	return err == nil && ordered(m.op, order(v, m.text)), err
}

// betweenMatch is BETWEEN on an int or timestamp property.
type betweenMatch struct {
	property  int
	low, high value.Value
}

func (m betweenMatch) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	if err != nil || v.IsNull() {
		return false, err
	}
	return order(v, m.low) >= 0 && order(v, m.high) <= 0, nil
}

// textMatch tests an operand against a constant text: string operators, and == and != with [c].
type textMatch struct {
	left   operand
	kind   value.Kind // string or binary: a string never matches a binary
	needle *needle
	negate bool
}

func (m *textMatch) match(o Object, _ *run) (bool, error) {
	v, err := m.left.get(o)
	if err != nil {
		return false, err
	}
	return (v.Kind() == m.kind && m.needle.match(v.Str())) != m.negate, nil
}

// textPair is a string operator, or == or != with [c], on two operands that may be anything.
type textPair struct {
	op          Op
	fold        bool
	left, right operand
}

func (m *textPair) match(o Object, _ *run) (bool, error) {
	a, err := m.left.get(o)
	if err != nil {
		return false, err
	}
	b, err := m.right.get(o)
	return err == nil && holdsText(m.op, m.fold, a, b), err
}

// holdsText is spec section 6.3 on the general path.
func holdsText(op Op, fold bool, haystack, text value.Value) bool {
	switch {
	case op == OpEqual || op == OpNotEqual:
		equal := haystack.IsNull() && text.IsNull()
		if isText(haystack) && haystack.Kind() == text.Kind() {
			equal = equalFold(haystack.Str(), text.Str())
		}
		return equal == (op == OpEqual)
	case text.IsNull():
		return op == OpContains && isText(haystack) || op == OpLike && haystack.IsNull()
	case !isText(haystack) || haystack.Kind() != text.Kind():
		return false
	default:
		return matchText(op, fold, haystack.Str(), text.Str())
	}
}

// quantified compares where one operand is a list (spec section 6.7).
type quantified struct {
	op          Op
	fold        bool
	left, right operand
}

func (m *quantified) match(o Object, _ *run) (bool, error) {
	scalar, list := &m.left, &m.right
	if m.left.list != nil {
		scalar, list = list, scalar
	}
	v, err := scalar.get(o)
	if err != nil {
		return false, err
	}
	for _, element := range list.list {
		a, b := v, element
		if list == &m.left {
			a, b = b, a
		}
		var ok bool
		if m.fold || m.op.IsString() {
			ok = holdsText(m.op, m.fold, a, b)
		} else {
			ok = holds(m.op, a, b)
		}
		switch list.quantifier {
		case QuantAll:
			if !ok {
				return false, nil
			}
		case QuantNever:
			if ok {
				return false, nil
			}
		default:
			if ok {
				return true, nil
			}
		}
	}
	return list.quantifier >= QuantAll, nil
}

// setMatch looks a property up in a set. Strings and ints are looked up as they are, ids as keys.
type setMatch struct {
	property int
	null     bool
	ints     map[int64]struct{}
	texts    map[string]struct{}
	keys     map[value.Key]struct{}
}

func compileIn(n *In) matcher {
	if n.FoldCase {
		return &quantified{OpEqual, true, operandOf(n.Path), operandOf(&ConstantList{Values: n.Values})}
	}
	m := &setMatch{property: n.Path.Property, ints: map[int64]struct{}{}, texts: map[string]struct{}{}, keys: map[value.Key]struct{}{}}
	for _, v := range n.Values {
		switch v.Kind() {
		case value.KindNull:
			m.null = true
		case value.KindInt:
			m.ints[v.Int()] = struct{}{}
		case value.KindString:
			m.texts[v.Str()] = struct{}{}
		default:
			key, _ := value.KeyOf(v) // objectId and uuid
			m.keys[key] = struct{}{}
		}
	}
	return m
}

func (m *setMatch) match(o Object, _ *run) (bool, error) {
	v, err := o.Get(m.property)
	if err != nil {
		return false, err
	}
	ok := false
	switch v.Kind() {
	case value.KindNull:
		ok = m.null
	case value.KindInt:
		_, ok = m.ints[v.Int()]
	case value.KindString:
		_, ok = m.texts[v.Str()]
	default:
		if key, valid := value.KeyOf(v); valid {
			_, ok = m.keys[key]
		}
	}
	return ok, nil
}
