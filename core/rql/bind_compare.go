package rql

import (
	"math"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// comparison binds a comparison: the operand that isn't constant first, because its type is what the other is converted
// toward.
func (b *binder) comparison(c *comparison) Node {
	if isConstant(c.left) && isConstant(c.right) {
		panic(fail(ErrInvalidQuery, c.pos, "Cannot compare two constants"))
	}
	var left, right Operand
	var leftType, rightType Type
	if isConstant(c.right) {
		left, leftType = b.operand(c.left, TypeInt)
		b.linkClass = linkTarget(left)
		right, rightType = b.operand(c.right, leftType)
	} else {
		right, rightType = b.operand(c.right, TypeInt)
		b.linkClass = linkTarget(right)
		left, leftType = b.operand(c.left, rightType)
	}
	b.linkClass = ""
	if isConstant(c.right) {
		verify(c, left, right)
	} else {
		verify(c, right, left)
	}
	node := &Comparison{Op: c.op, FoldCase: c.fold, Left: left, Right: right}
	switch {
	case c.op == opText:
		requireStrings(c, rightType)
		return b.fullText(c, left, right)
	case c.op.IsString():
		requireStrings(c, rightType)
		constant, ok := right.(*Constant)
		node.Direct = ok && isDirect(left) && leftType != TypeMixed && leftType == rightType
		b.checkNeedle(c, constant)
		return node
	case c.op.IsOrdering():
		return b.ordering(c, node, leftType, rightType)
	default:
		return b.equality(c, node, leftType, rightType)
	}
}

// verify refuses pairs of operands that can't be compared whatever the operator is.
func verify(c *comparison, left, right Operand) {
	switch constant, isSingle := right.(*Constant); {
	case isPrimitives(left) && isPrimitives(right):
		panic(fail(ErrInvalidQuery, c.pos, "Ordered comparison between two primitive lists is not implemented yet ('%s' and '%s')", printOperand(left), printOperand(right)))
	case isTypeConstant(left) && isTypeConstant(right):
		panic(fail(ErrInvalidQuery, c.pos, "Comparison between two constants is not supported ('%s' and '%s')", printOperand(left), printOperand(right)))
	case isSingle && constant.Value.IsNull():
		if p, ok := left.(*KeyPath); ok && p.EndsInLinks() && isMulti(p) {
			panic(fail(ErrInvalidQuery, c.pos, "Cannot compare linklist ('%s') with NULL", printOperand(left)))
		}
	}
}

func isTypeConstant(o Operand) bool {
	_, ok := o.(*TypeConstant)
	return ok
}

// ordering finishes <, <=, > and >=.
func (b *binder) ordering(c *comparison, node *Comparison, leftType, rightType Type) Node {
	if isLink(leftType) || leftType == TypeAttribute || leftType != TypeMixed && isLink(rightType) && compatible(leftType, rightType) {
		panic(fail(ErrInvalidQuery, c.pos, "Unsupported operator %s in query. Only equal (==) and not equal (!=) are supported for this type.", c.op.errorName()))
	}
	requireCompatible(c, leftType, rightType)
	single(node, leftType)
	constant, ok := node.Right.(*Constant)
	if !ok || !isDirect(node.Left) {
		return node
	}
	node.Direct = isExact(leftType, rightType, constant.Value)
	if node.Direct && leftType == TypeInt {
		// The original runs >= n as > n-1, and drops the condition where n-1 does not exist: it holds for null, too.
		n := constant.Value.Int()
		if c.op == OpGreaterEqual && n == math.MinInt64 || c.op == OpLessEqual && n == math.MaxInt64 {
			return &Truth{Value: true, Vanished: true}
		}
	}
	return node
}

// equality finishes ==, != and IN.
func (b *binder) equality(c *comparison, node *Comparison, leftType, rightType Type) Node {
	b.links(c, node.Left, node.Right)
	b.links(c, node.Right, node.Left)
	requireCompatible(c, leftType, rightType)
	if (leftType == TypeAttribute) != (rightType == TypeAttribute) {
		panic(fail(ErrInvalidQueryArg, c.pos, "Unsupported comparison between @type and raw value: '%s' and '%s'", leftType, rightType))
	}
	if c.op == opIn {
		if !hasMany(node.Right) {
			panic(fail(ErrInvalidQueryArg, c.pos, "The keypath following 'IN' must contain a list. Found '%s'", printOperand(node.Right)))
		}
		node.Op, node.in = OpEqual, true
	}
	if list, ok := node.Right.(*ConstantList); ok && node.Op == OpEqual && isDirect(node.Left) && leftType != TypeMixed &&
		leftType != TypeLink && len(list.Values) > 0 && list.Quantifier <= QuantAny {
		return membership(node, node.Left.(*Path), list.Values)
	}
	single(node, leftType)
	constant, ok := node.Right.(*Constant)
	if ok && isDirect(node.Left) && leftType != TypeLink {
		node.Direct = leftType != TypeMixed && isExact(leftType, rightType, constant.Value)
		if leftType == TypeMixed || node.Direct || constant.Value.IsNull() {
			// Without a string there is nothing to fold, and here the original doesn't mind.
			if leftType != TypeString && leftType != TypeBinary && leftType != TypeMixed {
				node.FoldCase = false
			}
			b.checkNeedle(c, constant)
			return node
		}
	}
	if node.FoldCase {
		requireStrings(c, rightType)
		b.checkNeedle(c, constant)
	}
	return node
}

// single replaces a list of one element by the element where the original does: on a direct property, without ALL or NONE.
func single(node *Comparison, leftType Type) {
	list, ok := node.Right.(*ConstantList)
	if !ok || len(list.Values) != 1 || list.Quantifier > QuantAny || !isDirect(node.Left) || leftType == TypeLink {
		return
	}
	if v := list.Values[0]; leftType == TypeMixed || isExact(leftType, typeOfValue(v), v) || v.IsNull() {
		node.Right = &Constant{v}
	}
}

// isExact tells whether a comparison of these types takes the direct path of spec section 6.2.
func isExact(property, constant Type, v value.Value) bool {
	if v.IsNull() {
		return property == TypeString
	}
	return property == constant && property != TypeMixed
}

// membership is IN, or == without ALL or NONE, on a direct property. Elements that can't be equal to a value of the
// property are dropped; if none is left, nothing matches.
func membership(node *Comparison, path *Path, values []value.Value) Node {
	prop := path.Prop()
	t := typeOfProperty(prop)
	asList := t == TypeInt || t == TypeString || t == TypeObjectID || t == TypeUUID
	in := &In{Path: path, FoldCase: node.FoldCase && t == TypeString}
	var others []Node
	for _, v := range values {
		vt := typeOfValue(v)
		switch {
		case v.IsNull():
			if !prop.Nullable && (!asList || t == TypeInt) {
				continue
			}
		case vt != t && !(vt.IsNumeric() && t.IsNumeric()):
			continue
		case t == TypeInt && (vt == TypeDouble || vt == TypeFloat):
			continue // had it a whole value, it would have been converted
		}
		if asList && (vt == t || v.IsNull()) {
			in.Values = append(in.Values, v)
			continue
		}
		fold := node.FoldCase && t == TypeBinary
		others = append(others, &Comparison{Op: OpEqual, FoldCase: fold, Direct: isExact(t, vt, v), Left: path, Right: &Constant{v}})
	}
	if len(in.Values) > 0 {
		others = append([]Node{in}, others...)
	}
	switch len(others) {
	case 0:
		return &Truth{}
	case 1:
		return others[0]
	default:
		return &Or{others}
	}
}

// links checks constants that are compared with a link, and replaces objects that don't exist by null.
func (b *binder) links(c *comparison, link, constant Operand) {
	target := linkTarget(link)
	if target == "" {
		return
	}
	check := func(v value.Value) {
		switch {
		case v.IsNull():
		case v.Kind() != value.KindLink:
			panic(fail(ErrInvalidQuery, c.pos, "Unsupported comparison between '%s' and type '%s'", printOperand(link), typeOfValue(v)))
		case v.Link().Class != target:
			panic(fail(ErrInvalidQueryArg, c.pos, "The relationship '%s' which links to type '%s' cannot be compared to an argument of type '%s' with primary key '%s'",
				printOperand(link), target, clip(v.Link().Class), printValue(v.Link().Key.Value())))
		}
	}
	switch constant := constant.(type) {
	case *Constant:
		check(constant.Value)
	case *ConstantList:
		for _, v := range constant.Values {
			check(v)
		}
	}
}

// linkTarget returns the class of the objects that an operand links to, "" if it doesn't yield links.
func linkTarget(o Operand) string {
	switch o := o.(type) {
	case *Path:
		return o.Prop().LinkTarget
	case *KeyPath:
		switch {
		case !o.EndsInLinks():
		case o.End.Backlink:
			return o.End.Class.Name
		default:
			return o.Prop().LinkTarget
		}
	}
	return ""
}

// between binds x BETWEEN {low, high}: x >= low AND x <= high.
func (b *binder) between(p *between) Node {
	if len(p.list.elements) != 2 {
		panic(fail(ErrInvalidQuery, p.list.pos, "Operator 'BETWEEN' requires list with 2 elements."))
	}
	low, high := p.list.elements[0], p.list.elements[1]
	if operand, ok := p.operand.(*path); ok {
		bound := b.path(operand)
		if isPrimitives(bound) && quantifierOf(bound) != QuantAll {
			panic(fail(ErrInvalidQuery, p.pos, "Only 'ALL' supported for operator 'BETWEEN' when applied to lists."))
		}
		if path, ok := bound.(*Path); ok && path.IsDirect() {
			t := path.operandType()
			if t == TypeInt || t == TypeTimestamp {
				lowValue, lowType := b.constant(low, t)
				highValue, highType := b.constant(high, t)
				if lowType == t && highType == t {
					return &Between{path, lowValue, highValue}
				}
			}
		}
	}
	nodes := make([]Node, 0, 2)
	nodes = append(nodes, b.comparison(&comparison{op: OpGreaterEqual, left: p.operand, right: low, pos: p.pos}))
	nodes = append(nodes, b.comparison(&comparison{op: OpLessEqual, left: p.operand, right: high, pos: p.pos}))
	return &And{nodes}
}

// operand binds one side of a comparison; hint is the type of the other.
func (b *binder) operand(e expr, hint Type) (Operand, Type) {
	switch e := e.(type) {
	case *path:
		p := b.path(e)
		return p, p.operandType()
	case *list:
		if hint == TypeAttribute {
			return b.typeList(e), TypeAttribute
		}
		return b.list(e.elements, e.quantifier, hint), TypeMixed
	case *constant:
		if e.kind == constArg {
			if arg := b.arg(e.arg, e.pos); arg.isList {
				return b.listArg(arg.list, e, hint), TypeMixed
			}
			if e.quantifier != QuantNone {
				panic(fail(ErrInvalidQuery, e.pos, "ANY/ALL/NONE are only allowed on arguments which contain a list but '$%d' is not a list.", e.arg))
			}
		}
		if set, ok := b.typeSet(e, hint); ok {
			return &TypeConstant{Attributes: []TypeSet{set}}, TypeAttribute
		}
		v, t := b.constant(e, hint)
		return &Constant{v}, t
	case *aggregate:
		a := b.aggregate(e)
		return a, a.operandType()
	case *subquery:
		return b.subquery(e), TypeInt
	default:
		return b.arithmetic(e.(*arithmetic), hint)
	}
}

func (b *binder) list(elements []*constant, quantifier Quantifier, hint Type) *ConstantList {
	out := &ConstantList{quantifier, make([]value.Value, len(elements))}
	for i, e := range elements {
		out.Values[i], _ = b.constant(e, hint)
	}
	return out
}

func (b *binder) listArg(values []value.Value, c *constant, hint Type) *ConstantList {
	out := &ConstantList{c.quantifier, make([]value.Value, len(values))}
	for i, v := range values {
		v = b.convert(v, "", hint, c.pos)
		if v.Kind() == value.KindLink {
			v = b.resolve(v)
		}
		out.Values[i] = v
	}
	return out
}

// isConstant tells whether an operand has no property in it.
func isConstant(e expr) bool {
	switch e := e.(type) {
	case *constant, *list:
		return true
	case *arithmetic:
		return isConstant(e.left) && isConstant(e.right)
	default:
		return false
	}
}

// isDirect tells whether an operand is a scalar property of the root class.
func isDirect(o Operand) bool {
	p, ok := o.(*Path)
	return ok && p.IsDirect() && p.Prop().Collection == schema.Single
}

func requireCompatible(c *comparison, left, right Type) {
	if !compatible(left, right) {
		panic(fail(ErrInvalidQuery, c.pos, "Unsupported comparison between type '%s' and type '%s'", left, right))
	}
}

// requireStrings is the check of the right operand of string operators and of [c].
func requireStrings(c *comparison, right Type) {
	if right == TypeString || right == TypeBinary || right == TypeMixed {
		return
	}
	name := c.op.errorName()
	if !c.op.IsString() && c.fold {
		name += "[c]"
	}
	panic(fail(ErrInvalidQuery, c.pos, "Unsupported comparison operator '%s' against type '%s', right side must be a string or binary type", name, right))
}
