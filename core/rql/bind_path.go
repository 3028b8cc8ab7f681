package rql

import (
	"strconv"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// path resolves a key path (spec section 4).
func (b *binder) path(p *path) *Path {
	elements := b.expand(p.elements)
	out := &Path{Class: b.class}
	for i, e := range elements {
		if e.text == "@links" && e.kind == elementName {
			b.backlink(out.Class, elements[i+1:], e.pos)
		}
		if e.kind != elementName && e.kind != elementKey {
			panic(fail(ErrInvalidQuery, e.pos, "Property '%s.' does not support index '%s'", out.Class.Name, e.indexText()))
		}
		index := propertyIndex(out.Class, e.text)
		if index < 0 {
			panic(fail(ErrInvalidQuery, e.pos, "'%s' has no property '%s'", out.Class.Name, clip(e.text)))
		}
		out.Property = index
		prop, rest := out.Prop(), elements[i+1:]
		if prop.Type == value.KindLink && len(rest) > 0 {
			if prop.Collection != schema.Single {
				panic(unsupported(e.pos, "key paths through collections of links ('"+prop.Name+"')"))
			}
			target := b.schema.Class(prop.LinkTarget)
			if target == nil {
				panic(fail(ErrInvalidQuery, e.pos, "Property '%s.%s' links to the unknown type '%s'", out.Class.Name, prop.Name, prop.LinkTarget))
			}
			out.Hops = append(out.Hops, Hop{out.Class, index})
			out.Class = target
			continue
		}
		b.terminal(p, out, rest)
		return out
	}
	return out // not reached: a path has at least one element, and the last one is terminal
}

// terminal checks what follows the last property of a path.
func (b *binder) terminal(p *path, out *Path, rest []element) {
	prop := out.Prop()
	name := out.Class.Name + "." + prop.Name
	switch {
	case prop.Collection != schema.Single:
		panic(unsupported(p.pos, "collections ('"+prop.Name+"')"))
	case prop.Type == value.KindMixed && len(rest) > 0:
		panic(unsupported(p.pos, "steps into mixed values ('"+prop.Name+"')"))
	case len(rest) > 1:
		panic(fail(ErrInvalidQuery, rest[0].pos, "Only Property of type 'any' can have nested collections"))
	case len(rest) == 1:
		if e := rest[0]; e.kind == elementName || e.kind == elementKey {
			panic(fail(ErrInvalidQuery, e.pos, "Property '%s' has no property '%s'", name, clip(e.text)))
		}
		panic(fail(ErrInvalidQuery, rest[0].pos, "Property '%s' does not support index '%s'", name, rest[0].indexText()))
	case p.quantifier != QuantNone && p.post == postNone:
		panic(fail(ErrInvalidQuery, p.pos, "The keypath following '%s' must contain a list", p.quantifier))
	case p.post == postType:
		panic(unsupported(p.pos, "@type"))
	case p.post == postSize:
		switch t := typeOfProperty(prop); t {
		case TypeString, TypeBinary, TypeMixed, TypeLink:
			panic(unsupported(p.pos, p.postText))
		default:
			panic(fail(ErrInvalidQuery, p.pos, "Operation '%s' is not supported on property of type '%s'", p.postText, t))
		}
	}
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

// backlink checks @links.Class.property and refuses it.
func (b *binder) backlink(target *schema.Class, rest []element, pos int) {
	var class, property string
	if len(rest) > 0 {
		class, property = rest[0].text, rest[0].text // with only one name the original reports it twice
		if len(rest) > 1 {
			property = rest[1].text
		}
		origin := b.schema.Class(class)
		var prop *schema.Property
		if origin != nil {
			prop = origin.Property(property)
		}
		if prop == nil || prop.Type != value.KindLink || prop.LinkTarget != target.Name {
			panic(fail(ErrInvalidQuery, pos, "No property '%s' found in type '%s' which links to type '%s'", clip(property), clip(class), target.Name))
		}
	}
	panic(unsupported(pos, "backlinks"))
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
