package rql

import (
	"slices"
	"strconv"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// path resolves a key path with what follows it (spec section 4): a *Path if it is a single property, else a *KeyPath, or a
// *TypeConstant for the @type of a property that has only one.
func (b *binder) path(p *path) Operand {
	elements := b.expand(p.elements)
	if last := elements[len(elements)-1]; last.kind == elementName && last.text == "@links" {
		c := b.follow(elements[:len(elements)-1])
		if len(c.rest) > 0 {
			b.property(&c)
			panic(noProperty(&c, c.rest[0]))
		}
		return b.navigating(p.pos, "backlinks", &KeyPath{Hops: c.hops, End: Hop{Property: -1}, Reading: ReadCount})
	}
	c := b.follow(elements)
	b.finish(&c, p)
	return b.reading(&c, p)
}

// chain is a path in the making.
type chain struct {
	hops  []Hop
	class *schema.Class // where the hops lead
	end   Hop
	steps []Step
	rest  []element // that were not taken yet
}

// follow takes links as far as they go.
func (b *binder) follow(elements []element) chain {
	c := chain{class: b.class, rest: elements}
	for len(c.rest) > 0 {
		e := c.rest[0]
		if e.isKey() {
			name := b.translate(c.class, e)
			switch {
			case e.kind == elementName && name == "@links":
				b.backlink(&c, c.rest[1:], e.pos)
				continue
			case strings.HasPrefix(name, "@links."):
				b.backlink(&c, backlinkElements(name, c.rest[1:], e.pos), e.pos)
				continue
			case name == "@values" && len(c.hops) > 0 && c.hops[len(c.hops)-1].isDictionary():
				c.rest = c.rest[1:]
				continue
			case name == "": // the variable of a subquery
				c.rest = c.rest[1:]
				continue
			}
			if index := propertyIndex(c.class, name); index >= 0 {
				if c.class.Properties[index].Type != value.KindLink {
					break
				}
				c.hops = append(c.hops, Hop{Class: c.class, Property: index})
				c.class = b.target(c.class, index, e.pos)
				c.rest = c.rest[1:]
				continue
			}
		}
		if len(c.hops) == 0 || !c.hops[len(c.hops)-1].take(e) {
			break
		}
		c.rest = c.rest[1:]
	}
	return c
}

// target returns the class that a link leads to.
func (b *binder) target(class *schema.Class, property, pos int) *schema.Class {
	prop := &class.Properties[property]
	target := b.schema.Class(prop.LinkTarget)
	if target == nil {
		panic(fail(ErrInvalidQuery, pos, "Property '%s.%s' links to the unknown type '%s'", class.Name, prop.Name, prop.LinkTarget))
	}
	return target
}

func (h Hop) isDictionary() bool { return !h.Backlink && h.Link().Collection == schema.Dictionary }

// take restricts a hop to one element of its collection, if it has such elements.
func (h *Hop) take(e element) bool {
	if h.Backlink {
		return false
	}
	collection := h.Link().Collection
	switch {
	case e.kind == elementAll:
		return collection != schema.Single
	case e.isKey():
		if collection != schema.Dictionary || h.Element.Kind != StepNone {
			return false
		}
	default:
		if collection != schema.List || h.Element.Kind != StepNone {
			return false
		}
	}
	h.Element = e.step()
	return true
}

// property takes the last property of a path.
func (b *binder) property(c *chain) *schema.Property {
	e := c.rest[0]
	if !e.isKey() {
		if len(c.hops) == 0 {
			panic(fail(ErrInvalidQuery, e.pos, "Property '%s.' does not support index '%s'", c.class.Name, e.indexText()))
		}
		panic(fail(ErrInvalidQuery, e.pos, "[%s] not expected", e.indexText()))
	}
	name := b.translate(c.class, e)
	index := propertyIndex(c.class, name)
	if index < 0 {
		panic(fail(ErrInvalidQuery, e.pos, "'%s' has no property '%s'", c.class.Name, clip(name)))
	}
	c.end, c.rest = Hop{Class: c.class, Property: index}, c.rest[1:]
	return &c.class.Properties[index]
}

// finish takes the end of a path and the steps behind it.
func (b *binder) finish(c *chain, p *path) {
	if len(c.rest) == 0 {
		if len(c.hops) == 0 { // nothing but the variable of a subquery
			panic(fail(ErrInvalidQuery, p.pos, "'%s' has no property ''", c.class.Name))
		}
		last := len(c.hops) - 1
		c.end, c.hops = c.hops[last], c.hops[:last]
		if c.end.Element.Kind == StepNone {
			return
		}
		if !c.end.isDictionary() {
			panic(fail(ErrInvalidQuery, p.pos, "Property '%s.' does not support index '%s'", c.class.Name, c.end.Element))
		}
		c.class = c.end.Class
		c.steps, c.end.Element = []Step{c.end.Element}, Step{}
		return
	}
	prop := b.property(c)
	if prop.Collection == schema.Single && len(c.rest) == 0 && p.quantifier != QuantNone && !slices.ContainsFunc(c.hops, Hop.isMany) {
		panic(fail(ErrInvalidQuery, p.pos, "The keypath following '%s' must contain a list", p.quantifier))
	}
	if prop.Collection == schema.Dictionary && len(c.rest) == 0 {
		c.steps = []Step{{Kind: StepAll}}
	}
	if len(c.rest) == 0 {
		return
	}
	first := c.rest[0]
	if len(c.rest) > 1 && prop.Type != value.KindMixed && prop.Collection != schema.Dictionary {
		panic(fail(ErrInvalidQuery, first.pos, "Only Property of type 'any' can have nested collections"))
	}
	switch {
	case prop.Collection == schema.Dictionary:
		if !first.isKey() && first.kind != elementAll {
			panic(noProperty(c, first))
		}
	case prop.Collection == schema.List:
		if first.isKey() {
			if p.post == postNone && len(c.rest) == 1 && hasLength(prop, first) {
				return // reading takes it
			}
			panic(noProperty(c, first))
		}
	case prop.Collection == schema.Set:
		if p.post == postNone && len(c.rest) == 1 && hasLength(prop, first) {
			return
		}
		panic(noProperty(c, first))
	case prop.Type != value.KindMixed:
		panic(noProperty(c, first))
	}
	for _, e := range c.rest {
		c.steps = append(c.steps, e.step())
	}
	if prop.Collection == schema.Dictionary && first.isKey() {
		switch first.text {
		case "@values":
			c.steps[0] = Step{Kind: StepAll}
		case keysStep:
			c.steps = []Step{{Kind: StepKeys}}
		}
	}
	if prop.Collection == schema.List && len(c.steps) == 1 && c.steps[0].Kind == StepAll && prop.Type != value.KindMixed {
		c.steps = nil
	}
	c.rest = nil
}

// noProperty is the error of a step that a property doesn't have.
func noProperty(c *chain, e element) *Error {
	name := c.end.Class.Name + "." + c.end.Link().Name
	if e.isKey() {
		return fail(ErrInvalidQuery, e.pos, "Property '%s' has no property '%s'", name, clip(e.text))
	}
	return fail(ErrInvalidQuery, e.pos, "Property '%s' does not support index '%s'", name, e.indexText())
}

// hasLength tells whether an element is .length on a property that has it.
func hasLength(prop *schema.Property, e element) bool {
	return e.isKey() && strings.EqualFold(e.text, "length") &&
		(prop.Type == value.KindString || prop.Type == value.KindBinary || prop.Type == value.KindMixed)
}

// reading makes the operand of a path, by what follows it.
func (b *binder) reading(c *chain, p *path) Operand {
	prop := c.end.Link()
	out := &KeyPath{Quantifier: p.quantifier, Hops: c.hops, End: c.end, Steps: c.steps}
	if len(c.rest) > 0 {
		out.Reading = ReadLength
		return b.navigating(p.pos, ".length", out)
	}
	switch {
	case p.post == postSize && b.hasSize(out):
		out.Reading = ReadCount
		return b.navigating(p.pos, p.postText, out)
	case p.post == postType && (prop.Type == value.KindMixed || prop.Collection == schema.Dictionary) && !out.isKeys():
		out.Reading = ReadType
		return b.navigating(p.pos, "@type", out)
	case p.post == postType && !out.isKeys() && (prop.Collection == schema.Single || out.EndsInLinks()):
		b.navigating(p.pos, "@type", nil)
		return &TypeConstant{Attributes: []TypeSet{typeOfKind(prop.Type)}}
	case p.post != postNone:
		name := p.postText
		if p.post == postType {
			name = "@type"
		}
		panic(fail(ErrInvalidQuery, p.pos, "Operation '%s' is not supported on property of type '%s'", name, out.operandType()))
	case prop.Collection != schema.Single:
		return b.navigating(p.pos, "collections ('"+prop.Name+"')", out)
	case len(out.Steps) > 0:
		return b.navigating(p.pos, "steps into mixed values ('"+prop.Name+"')", out)
	case out.End.Backlink:
		return b.navigating(p.pos, "backlinks", out)
	case out.manyHops():
		return b.navigating(p.pos, "key paths through collections of links or backlinks", out)
	}
	return &Path{Hops: out.Hops, Class: out.End.Class, Property: out.End.Property}
}

// hasSize tells whether what a path yields has a size.
func (b *binder) hasSize(p *KeyPath) bool {
	switch prop := p.Prop(); {
	case p.isKeys():
		return false
	case p.EndsInLinks(), prop.Collection != schema.Single:
		return true
	default:
		return prop.Type == value.KindString || prop.Type == value.KindBinary || prop.Type == value.KindMixed
	}
}

// navigating refuses what the objects may not be able to do.
func (b *binder) navigating(pos int, what string, p *KeyPath) *KeyPath {
	if !b.navigation {
		panic(unsupported(pos, what))
	}
	return p
}

// expand replaces a $K argument by the path that it holds, and [$0] by the index or key that it holds.
func (b *binder) expand(elements []element) []element {
	if first := elements[0]; first.kind == elementPathArg {
		if len(elements) > 1 {
			panic(fail(ErrInvalidQueryArg, first.pos, "Key path argument cannot be mixed with other elements"))
		}
		v := b.scalarArg(first.arg, first.pos)
		if v.Kind() != value.KindString {
			panic(fail(ErrInvalidQueryArg, first.pos, "Invalid index type for '%s'. Expected a string, but found type '%s'", first.text, typeOfValue(v)))
		}
		if strings.Count(v.Str(), ".") >= MaxPath {
			panic(fail(ErrLimit, first.pos, "the key path in argument '%s' has more than %d elements", first.text, MaxPath))
		}
		var out []element
		for name := range strings.SplitSeq(v.Str(), ".") {
			out = append(out, element{kind: elementName, text: name, pos: first.pos})
		}
		return out
	}
	var out []element
	for i, e := range elements {
		if e.kind != elementArg {
			continue
		}
		if out == nil {
			out = append(out, elements...)
		}
		arg := b.arg(e.arg, e.pos)
		switch v := arg.scalar; {
		case arg.isList || v.IsNull():
			panic(fail(ErrInvalidQuery, e.pos, "Invalid index parameter"))
		case v.Kind() == value.KindString:
			out[i] = element{kind: elementKey, text: v.Str(), pos: e.pos}
		case v.Kind() == value.KindInt && v.Int() == 0:
			out[i] = element{kind: elementFirst, pos: e.pos}
		case v.Kind() == value.KindInt:
			out[i] = element{kind: elementIndex, index: v.Int(), pos: e.pos}
		default:
			panic(fail(ErrInvalidQuery, e.pos, "Invalid index type"))
		}
	}
	if out != nil {
		return out
	}
	return elements
}

// backlink takes @links.Class.property; rest is what follows @links.
func (b *binder) backlink(c *chain, rest []element, pos int) {
	if len(rest) == 0 {
		panic(fail(ErrInvalidQuery, pos, "No property '' found in type '' which links to type '%s'", c.class.Name))
	}
	name, property := rest[0].text, rest[0].text // with only one name the original reports it twice
	origin := b.schema.Class(b.className(name))
	index := -1
	if len(rest) > 1 {
		property = rest[1].text
		if origin != nil {
			property = b.translate(origin, rest[1])
		}
	}
	if origin != nil {
		index = propertyIndex(origin, property)
	}
	if index < 0 || origin.Properties[index].Type != value.KindLink || origin.Properties[index].LinkTarget != c.class.Name {
		panic(fail(ErrInvalidQuery, pos, "No property '%s' found in type '%s' which links to type '%s'", clip(property), clip(name), c.class.Name))
	}
	c.hops = append(c.hops, Hop{Class: origin, Property: index, Backlink: true})
	c.class = origin
	c.rest = rest[min(2, len(rest)):]
}

// backlinkElements splits an alias that stands for a backlink.
func backlinkElements(name string, rest []element, pos int) []element {
	var out []element
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "@links."), ".") {
		out = append(out, element{kind: elementName, text: part, pos: pos})
	}
	return append(out, rest...)
}

// propertyIndex returns the index of a property in its class, -1 if there is none.
func propertyIndex(class *schema.Class, name string) int {
	for i := range class.Properties {
		if class.Properties[i].Name == name {
			return i
		}
	}
	return -1
}

// isKey tells whether an element is a name or a key.
func (e element) isKey() bool { return e.kind == elementName || e.kind == elementKey }

// step returns what an element stands for behind a property.
func (e element) step() Step {
	switch e.kind {
	case elementFirst:
		return Step{Kind: StepIndex}
	case elementIndex:
		return Step{Kind: StepIndex, Index: e.index}
	case elementLast:
		return Step{Kind: StepLast}
	case elementAll:
		return Step{Kind: StepAll}
	default:
		return Step{Kind: StepKey, Key: e.text}
	}
}

// String returns the step without its brackets.
func (s Step) String() string {
	switch {
	case s.Kind == StepIndex && s.Index == 0:
		return "FIRST"
	case s.Kind == StepIndex:
		return strconv.FormatInt(s.Index, 10)
	case s.Kind == StepLast:
		return "LAST"
	case s.Kind == StepAll:
		return "*"
	default:
		return s.Key
	}
}

// indexText is an index as error texts and canonical text write it.
func (e element) indexText() string {
	switch e.kind {
	case elementFirst:
		return "FIRST"
	case elementLast:
		return "LAST"
	case elementAll:
		return "*"
	case elementIndex:
		return strconv.FormatInt(e.index, 10)
	default:
		return e.text
	}
}
