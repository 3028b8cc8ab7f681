package rql

import (
	"math"
	"strconv"
	"strings"

	"realmsync/core/value"
)

// String returns the canonical text (spec section 9): what a subscription stores, the user sees and the server receives.
// Parsing and binding it again gives an equivalent query.
func (b *Bound) String() string {
	var out strings.Builder
	printNode(&out, b.Root)
	for _, d := range b.Descriptors {
		out.WriteByte(' ')
		printDescriptor(&out, d)
	}
	return out.String()
}

func printNode(out *strings.Builder, n Node) {
	switch n := n.(type) {
	case *And:
		empty := true
		for _, term := range n.Nodes {
			if t, ok := term.(*Truth); ok && t.Vanished {
				continue
			}
			if !empty {
				out.WriteString(" and ")
			}
			empty = false
			printNode(out, term)
		}
		if empty {
			out.WriteString("TRUEPREDICATE")
		}
	case *Or:
		out.WriteByte('(')
		for i, term := range n.Nodes {
			if i > 0 {
				out.WriteString(" or ")
			}
			printNode(out, term)
		}
		out.WriteByte(')')
	case *Not:
		out.WriteString("!(")
		printNode(out, n.Node)
		out.WriteByte(')')
	case *Truth:
		if n.Value {
			out.WriteString("TRUEPREDICATE")
		} else {
			out.WriteString("FALSEPREDICATE")
		}
	case *Comparison:
		printComparison(out, n)
	case *In:
		out.WriteString(printPath(n.Path))
		out.WriteString(" IN")
		if n.FoldCase {
			out.WriteString("[c]")
		}
		out.WriteString(" {")
		printValues(out, n.Values, ", ")
		out.WriteByte('}')
	case *Between:
		out.WriteString(printPath(n.Path))
		out.WriteString(" between {")
		printValues(out, []value.Value{n.Low, n.High}, ", ")
		out.WriteByte('}')
	}
}

func printComparison(out *strings.Builder, n *Comparison) {
	op, right := n.Op, n.Right
	path, _ := n.Left.(*Path)
	constant, _ := right.(*Constant)
	if n.Direct && path.operandType() == TypeInt {
		// The original runs <= n as < n+1, and prints what it runs. The limits, where n+1 overflows, have become Truth.
		switch v := constant.Value.Int(); {
		case op == OpLessEqual && v != math.MaxInt64:
			op, right = OpLess, &Constant{value.Int(v + 1)}
		case op == OpGreaterEqual && v != math.MinInt64:
			op, right = OpGreater, &Constant{value.Int(v - 1)}
		}
	}
	printOperandTo(out, n.Left)
	out.WriteByte(' ')
	out.WriteString(op.String())
	if n.FoldCase {
		out.WriteString("[c]")
	}
	out.WriteByte(' ')
	switch {
	case constant != nil && constant.Value.IsNull() && path != nil && path.IsDirect() && path.operandType() == TypeMixed && !op.IsString():
		out.WriteString("null")
	case constant != nil && n.Left.operandType() == TypeMixed:
		out.WriteString(printLoose(constant.Value))
	case path != nil && path.IsDirect() && path.operandType() == TypeLink && !n.in:
		printLinks(out, right)
	default:
		printOperandTo(out, right)
	}
}

// printLinks prints what a direct link is compared with: the original leaves out the blank between objects there.
func printLinks(out *strings.Builder, o Operand) {
	list, ok := o.(*ConstantList)
	if !ok {
		printOperandTo(out, o)
		return
	}
	out.WriteString(list.Quantifier.prefix())
	out.WriteByte('{')
	printValues(out, list.Values, ",")
	out.WriteByte('}')
}

func printOperandTo(out *strings.Builder, o Operand) {
	switch o := o.(type) {
	case *Path:
		out.WriteString(printPath(o))
	case *Constant:
		out.WriteString(printValue(o.Value))
	case *ConstantList:
		out.WriteString(o.Quantifier.prefix())
		out.WriteByte('{')
		printValues(out, o.Values, ", ")
		out.WriteByte('}')
	}
}

func printOperand(o Operand) string {
	var out strings.Builder
	printOperandTo(&out, o)
	return out.String()
}

func printValues(out *strings.Builder, values []value.Value, separator string) {
	for i, v := range values {
		if i > 0 {
			out.WriteString(separator)
		}
		out.WriteString(printLoose(v))
	}
}

func printPath(p *Path) string {
	name := nameEscaper.Replace(p.Prop().Name)
	if len(p.Hops) == 0 {
		return name
	}
	var out strings.Builder
	for _, h := range p.Hops {
		out.WriteString(nameEscaper.Replace(h.Link().Name))
		out.WriteByte('.')
	}
	out.WriteString(name)
	return out.String()
}

func printDescriptor(out *strings.Builder, d Descriptor) {
	switch d := d.(type) {
	case *Sort:
		out.WriteString("SORT(")
		for i, k := range d.Keys {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(printPath(k.Path))
			if k.Ascending {
				out.WriteString(" ASC")
			} else {
				out.WriteString(" DESC")
			}
		}
		out.WriteByte(')')
	case *Distinct:
		out.WriteString("DISTINCT(")
		for i, p := range d.Paths {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(printPath(p))
		}
		out.WriteByte(')')
	case *Limit:
		out.WriteString("LIMIT(")
		out.WriteString(strconv.FormatInt(d.Count, 10))
		out.WriteByte(')')
	}
}
