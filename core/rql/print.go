package rql

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// String returns the canonical text (spec section 9): what a subscription stores, the user sees and the server receives.
// Parsing and binding it again gives an equivalent query.
func (b *Bound) String() string {
	var out printer
	out.node(b.Root)
	for _, d := range b.Descriptors {
		out.WriteByte(' ')
		printDescriptor(&out.Builder, d)
	}
	return out.String()
}

// printer writes canonical text.
type printer struct {
	strings.Builder
	variables []string // of the subqueries that the place is inside of
}

func (out *printer) node(n Node) {
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
			out.node(term)
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
			out.node(term)
		}
		out.WriteByte(')')
	case *Not:
		out.WriteString("!(")
		out.node(n.Node)
		out.WriteByte(')')
	case *Truth:
		if n.Value {
			out.WriteString("TRUEPREDICATE")
		} else {
			out.WriteString("FALSEPREDICATE")
		}
	case *Comparison:
		out.comparison(n)
	case *In:
		out.operand(n.Path)
		out.WriteString(" IN")
		if n.FoldCase {
			out.WriteString("[c]")
		}
		out.WriteString(" {")
		out.values(n.Values, ", ")
		out.WriteByte('}')
	case *Between:
		out.operand(n.Path)
		out.WriteString(" between {")
		out.values([]value.Value{n.Low, n.High}, ", ")
		out.WriteByte('}')
	case *FullText:
		out.operand(n.Path)
		out.WriteString(" TEXT " + printText(n.Text))
	case *GeoWithin:
		out.operand(n.Path)
		out.WriteString(" GEOWITHIN " + n.Region.String())
	}
}

func (out *printer) comparison(n *Comparison) {
	op, left, right := n.Op, n.Left, n.Right
	path, _ := left.(*Path)
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
	if links, ok := left.(*KeyPath); ok && constant != nil && !op.IsOrdering() && links.Quantifier == QuantAny && links.EndsInLinks() && len(links.Hops) == 0 {
		plain := *links // the original compares these by another, which doesn't print ANY
		plain.Quantifier = QuantNone
		left = &plain
	}
	out.operand(left)
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
	case linkTarget(left) != "" && isNear(left) && !n.in:
		out.links(right)
	default:
		out.operand(right)
	}
}

// isNear tells whether a path has no hops.
func isNear(o Operand) bool {
	p := asKeyPath(o)
	return p != nil && len(p.Hops) == 0
}

// links prints what a direct link is compared with: the original leaves out the blank between objects there.
func (out *printer) links(o Operand) {
	list, ok := o.(*ConstantList)
	if !ok {
		out.operand(o)
		return
	}
	out.WriteString(list.Quantifier.prefix())
	out.WriteByte('{')
	out.values(list.Values, ",")
	out.WriteByte('}')
}

func (out *printer) operand(o Operand) {
	switch o := o.(type) {
	case *Path:
		out.path(&KeyPath{Hops: o.Hops, End: Hop{Class: o.Class, Property: o.Property}})
	case *KeyPath:
		out.path(o)
	case *Constant:
		out.WriteString(printValue(o.Value))
	case *ConstantList:
		out.WriteString(o.Quantifier.prefix())
		out.WriteByte('{')
		out.values(o.Values, ", ")
		out.WriteByte('}')
	case *TypeConstant:
		out.types(o)
	case *Aggregate:
		out.path(o.Path)
		out.WriteString("." + o.Op.String())
		if o.Class != nil {
			out.WriteString("." + nameEscaper.Replace(o.Class.Properties[o.Property].Name))
		}
	case *Arithmetic:
		out.WriteByte('(')
		out.operand(o.Left)
		out.WriteString(" " + string(o.Op) + " ")
		out.operand(o.Right)
		out.WriteByte(')')
	case *Subquery:
		out.WriteString("SUBQUERY(")
		out.path(o.Path)
		variable := out.variable(o.Class)
		out.WriteString(", " + variable + ", ")
		out.variables = append(out.variables, variable)
		out.node(o.Body)
		out.variables = out.variables[:len(out.variables)-1]
		out.WriteString(").@count")
	}
}

// variable invents a name for the variable of a subquery, that is neither in use nor a property.
func (out *printer) variable(class *schema.Class) string {
	prefix, letter := "$", byte('x')
	for {
		name := prefix + string(letter)
		if !slices.Contains(out.variables, name) && propertyIndex(class, name) < 0 {
			return name
		}
		if letter++; letter > 'z' {
			letter = 'a'
		}
		if letter == 'x' {
			prefix += "x"
		}
	}
}

func (out *printer) types(c *TypeConstant) {
	if !c.List {
		out.WriteString(`"` + c.Attributes[0].String() + `"`)
		return
	}
	out.WriteString(c.Quantifier.prefix() + "{")
	for i, a := range c.Attributes {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(`"` + a.String() + `"`)
	}
	out.WriteByte('}')
}

// path prints a path with its quantifier, steps, and what is read at its end.
func (out *printer) path(p *KeyPath) {
	counted := p.Reading == ReadCount && (p.End.Property < 0 || p.End.Backlink || p.Prop().Type == value.KindLink)
	if !counted { // there a quantifier says nothing
		out.WriteString(p.Quantifier.prefix())
	}
	if n := len(out.variables); n > 0 {
		out.WriteString(out.variables[n-1] + ".")
	}
	for _, h := range p.Hops {
		out.hop(h)
		out.WriteByte('.')
	}
	if p.End.Property < 0 {
		out.WriteString("@links.@count")
		return
	}
	out.hop(p.End)
	for _, s := range p.Steps {
		switch s.Kind {
		case StepKey:
			out.WriteString("[" + printKey(s.Key) + "]")
		case StepKeys:
			out.WriteString("." + keysStep)
		default:
			out.WriteString("[" + s.String() + "]")
		}
	}
	switch {
	case counted:
		out.WriteString(".@count")
	case p.Reading == ReadCount:
		out.WriteString(".@size")
	case p.Reading == ReadType:
		out.WriteString(".@type")
	case p.Reading == ReadLength:
		out.WriteString(".length")
	}
}

func (out *printer) hop(h Hop) {
	if h.Backlink {
		out.WriteString("@links." + nameEscaper.Replace(h.Class.Name) + ".")
	}
	out.WriteString(nameEscaper.Replace(h.Link().Name))
	switch h.Element.Kind {
	case StepNone:
	case StepKey:
		out.WriteString("[" + printKey(h.Element.Key) + "]")
	default:
		out.WriteString("[" + h.Element.String() + "]")
	}
}

// printKey quotes the key of a dictionary. What no quotes take literally, which only an argument can bring in, becomes BASE64:
// the original would print text that doesn't parse.
func printKey(key string) string {
	for _, q := range [...]string{"'", `"`} {
		if text := q + key + q; scanString(text) == len(text) {
			return text
		}
	}
	return `B64"` + base64.StdEncoding.EncodeToString([]byte(key)) + `"`
}

func printOperand(o Operand) string {
	var out printer
	out.operand(o)
	return out.String()
}

func (out *printer) values(values []value.Value, separator string) {
	for i, v := range values {
		if i > 0 {
			out.WriteString(separator)
		}
		out.WriteString(printLoose(v))
	}
}

// printPath prints a path of a descriptor.
func printPath(p *Path) string {
	text := printOperand(p)
	if p.Key != nil {
		text += "[" + printKey(*p.Key) + "]"
	}
	return text
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
