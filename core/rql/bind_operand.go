package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// aggregate binds @min, @max, @sum and @avg.
func (b *binder) aggregate(a *aggregate) Operand {
	operand := b.path(a.path)
	if !b.navigation {
		panic(unsupported(a.pos, "aggregates ("+a.op+")"))
	}
	path := asKeyPath(operand)
	out := &Aggregate{Op: aggregateOps[a.op], Path: path}
	if a.property == "" {
		// Steps into the collection are ignored, as the original does.
		if path != nil && isPrimitives(path) && isAggregable(path, out.Op) {
			path.Steps = nil
			return out
		}
		panic(fail(ErrInvalidQuery, a.pos, "Cannot use aggregate '.%s' for this type of property", a.op))
	}
	if path == nil || !path.EndsInLinks() {
		panic(fail(ErrInvalidQuery, a.pos, "Operation '.%s' cannot apply to property '%s' because it is not a list", a.op, lastName(a.path)))
	}
	out.Class = b.schema.Class(linkTarget(path))
	name := b.translate(out.Class, element{text: a.property, pos: a.pos})
	if out.Property = propertyIndex(out.Class, name); out.Property < 0 {
		panic(fail(ErrInvalidQuery, a.pos, "'%s' has no property '%s'", out.Class.Name, clip(name)))
	}
	prop := &out.Class.Properties[out.Property]
	t := typeOfProperty(prop)
	switch {
	case !t.IsNumeric() && t != TypeMixed && t != TypeTimestamp, prop.Collection != schema.Single:
		panic(fail(ErrInvalidQuery, a.pos, "collection aggregate not supported for type '%s'", t))
	case t == TypeTimestamp && (out.Op == AggregateSum || out.Op == AggregateAvg):
		panic(fail(ErrInvalidQuery, a.pos, "Cannot use aggregate '.%s' for this type of property", a.op))
	}
	return out
}

var aggregateOps = map[string]AggregateOp{"@min": AggregateMin, "@max": AggregateMax, "@sum": AggregateSum, "@avg": AggregateAvg}

// isAggregable tells whether the elements of a collection can be aggregated.
func isAggregable(p *KeyPath, op AggregateOp) bool {
	t := p.operandType()
	return t.IsNumeric() || t == TypeMixed
}

// asKeyPath returns any path as a KeyPath, nil for other operands.
func asKeyPath(o Operand) *KeyPath {
	switch o := o.(type) {
	case *Path:
		return &KeyPath{Hops: o.Hops, End: Hop{Class: o.Class, Property: o.Property}}
	case *KeyPath:
		return o
	default:
		return nil
	}
}

// lastName is the name at the end of a path, for error texts.
func lastName(p *path) string { return clip(p.elements[len(p.elements)-1].text) }

// subquery binds SUBQUERY. The class that the body refers to is that of the elements.
func (b *binder) subquery(s *subquery) Operand {
	c := b.follow(b.expand(s.path.elements))
	if len(c.rest) > 0 {
		b.refuseSubquery(&c, s)
	}
	if !b.navigation {
		panic(unsupported(s.pos, "SUBQUERY"))
	}
	if len(c.hops) == 0 {
		panic(fail(ErrInvalidQuery, s.pos, "A subquery must operate on a list property, but '%s' is type 'link'", lastName(s.path)))
	}
	last := len(c.hops) - 1
	out := &Subquery{Path: &KeyPath{Hops: c.hops[:last], End: c.hops[last]}, Class: c.class}
	switch end := out.Path.End; {
	case !end.Backlink && end.Link().Collection != schema.List:
		panic(fail(ErrInvalidQuery, s.pos, "A subquery must operate on a list property, but '%s' is type 'link'", end.Link().Name))
	case end.Element.Kind != StepNone:
		panic(fail(ErrInvalidQuery, s.pos, "A subquery can not operate on one element of a list: '%s' has an index", end.Link().Name))
	}
	variable := Alias{c.class.Name, s.variable}
	if b.variables[variable] || b.aliases.Properties[variable] != "" {
		panic(fail(ErrInvalidQuery, s.pos, "Unable to create a subquery expression with variable '%s' since an identical variable already exists in this context", s.variable))
	}
	if b.variables == nil {
		b.variables = map[Alias]bool{}
	}
	b.variables[variable] = true
	outer := b.class
	b.class = c.class
	out.Body = b.predicate(s.body)
	b.class = outer
	delete(b.variables, variable)
	return out
}

// refuseSubquery is the error of a subquery on something that isn't a link.
func (b *binder) refuseSubquery(c *chain, s *subquery) {
	e := c.rest[0]
	name := e.indexText()
	index := -1
	if e.isKey() {
		name = b.translate(c.class, e)
		index = propertyIndex(c.class, name)
	}
	if index >= 0 && c.class.Properties[index].Collection != schema.List {
		panic(fail(ErrInvalidQuery, s.pos, "A subquery must operate on a list property, but '%s' is type '%s'", clip(name), typeOfProperty(&c.class.Properties[index])))
	}
	panic(fail(ErrInvalidQuery, s.pos, "A subquery can not operate on a list of primitive values (property '%s')", clip(name)))
}

// arithmetic binds + - * /. Two constants are folded, each converted toward the type of what the result is compared with.
func (b *binder) arithmetic(a *arithmetic, hint Type) (Operand, Type) {
	if !b.navigation {
		panic(unsupported(a.pos, "arithmetic"))
	}
	if isConstant(a.left) && isConstant(a.right) && !isList(a.left) && !isList(a.right) {
		right, _ := b.operand(a.right, hint)
		left, _ := b.operand(a.left, hint)
		x, okX := left.(*Constant)
		y, okY := right.(*Constant)
		if okX && okY {
			v := calculate(a.op, x.Value, y.Value)
			return &Constant{v}, typeOfValue(v)
		}
	}
	var left, right Operand
	var leftType, rightType Type
	switch {
	case isConstant(a.right):
		left, leftType = b.operand(a.left, TypeInt)
		right, rightType = b.operand(a.right, leftType)
	case isConstant(a.left):
		right, rightType = b.operand(a.right, TypeInt)
		left, leftType = b.operand(a.left, rightType)
	default:
		right, rightType = b.operand(a.right, TypeInt)
		left, leftType = b.operand(a.left, TypeInt)
	}
	if !leftType.IsNumeric() && leftType != TypeMixed || !rightType.IsNumeric() && rightType != TypeMixed {
		panic(fail(ErrInvalidQueryArg, a.pos, "Cannot perform '%c' operation on '%s' and '%s'", a.op, printOperand(left), printOperand(right)))
	}
	if isTerms(left) && isTerms(right) {
		panic(fail(ErrLogic, a.pos, "Operations involving two lists are not supported"))
	}
	return &Arithmetic{a.op, left, right}, leftType
}

// isList tells whether a constant operand has several values.
func isList(e expr) bool {
	switch e := e.(type) {
	case *list:
		return true
	case *arithmetic:
		return isList(e.left) || isList(e.right)
	default:
		return false
	}
}

// typeSet reads a constant that is compared with @type; false if it is not one, or not a string.
func (b *binder) typeSet(c *constant, hint Type) (TypeSet, bool) {
	if hint != TypeAttribute || c.failure != nil {
		return 0, false
	}
	v := c.value
	switch c.kind {
	case constArg:
		v = b.scalarArg(c.arg, c.pos)
	case constString, constValue:
	default:
		return 0, false
	}
	if v.Kind() != value.KindString {
		return 0, false
	}
	set, ok := parseTypeSet(v.Str())
	if !ok {
		panic(fail(ErrInvalidQueryArg, c.pos, "Unable to parse the type attribute string '%s', supported case insensitive values are: [%s]", clip(v.Str()), allTypeNames()))
	}
	return set, true
}

// typeList reads a list that is compared with @type.
func (b *binder) typeList(l *list) *TypeConstant {
	out := &TypeConstant{Quantifier: l.quantifier, List: true}
	for _, e := range l.elements {
		set, ok := b.typeSet(e, TypeAttribute)
		if !ok {
			v, _ := b.constant(e, TypeAttribute)
			panic(fail(ErrInvalidQueryArg, e.pos, "Invalid constant inside constant list: %s", printValue(v)))
		}
		out.Attributes = append(out.Attributes, set)
	}
	return out
}
