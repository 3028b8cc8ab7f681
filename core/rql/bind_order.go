package rql

import (
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// descriptors binds SORT, DISTINCT and LIMIT. Of directly consecutive SORTs the later becomes the more significant.
func (b *binder) descriptors(clauses []clause) []Descriptor {
	var out []Descriptor
	for _, c := range clauses {
		switch c := c.(type) {
		case *sortClause:
			keys := make([]SortKey, 0, len(c.keys))
			for _, k := range c.keys {
				keys = append(keys, SortKey{b.orderPath(k.path, "sort"), k.ascending})
			}
			if len(out) > 0 {
				if previous, ok := out[len(out)-1].(*Sort); ok {
					previous.Keys = append(keys, previous.Keys...)
					continue
				}
			}
			out = append(out, &Sort{keys})
		case *distinctClause:
			d := &Distinct{}
			for _, p := range c.paths {
				d.Paths = append(d.Paths, b.orderPath(p, "distinct"))
			}
			out = append(out, d)
		case *limitClause:
			out = append(out, &Limit{c.count})
		}
	}
	return out
}

// orderPath resolves a path of SORT or DISTINCT: to-one links, then a scalar property.
func (b *binder) orderPath(p *path, clause string) *Path {
	if p.elements[0].kind == elementPathArg {
		panic(fail(ErrInvalidArgument, p.pos, "Missing property"))
	}
	elements := b.expand(p.elements)
	out := &Path{Class: b.class, Property: -1}
	for i, e := range elements {
		if i > 0 {
			prop := out.Prop()
			switch {
			case prop.Collection == schema.Dictionary && (e.kind == elementName || e.kind == elementKey):
				if !b.navigation {
					panic(unsupported(e.pos, "dictionary keys in "+strings.ToUpper(clause)))
				}
				out.Key = &e.text
				continue
			case prop.Type == value.KindLink && (e.kind == elementName || e.kind == elementKey):
				if prop.Collection != schema.Single && b.late == nil {
					b.late = fail(ErrInvalidArgument, e.pos, "All but last property must be a link")
				}
				target := b.schema.Class(prop.LinkTarget)
				if target == nil {
					panic(fail(ErrInvalidQuery, e.pos, "Property '%s.%s' links to the unknown type '%s'", out.Class.Name, prop.Name, prop.LinkTarget))
				}
				out.Hops = append(out.Hops, Hop{Class: out.Class, Property: out.Property})
				out.Class = target
			default:
				panic(notOrderable(e, elements[i:], out.Class, clause))
			}
		}
		index := -1
		if e.isKey() {
			index = propertyIndex(out.Class, b.translate(out.Class, e))
		}
		if index < 0 {
			panic(notOrderable(e, elements[i:], out.Class, clause))
		}
		out.Property = index
	}
	if out.Prop().Collection != schema.Single && out.Key == nil && b.late == nil {
		b.late = fail(ErrInvalidArgument, p.pos, "Cannot sort on a collection property")
	}
	return out
}

func notOrderable(e element, rest []element, class *schema.Class, clause string) *Error {
	name := e.text
	if e.kind != elementName && e.kind != elementKey {
		name = "[" + e.indexText() + "]"
	}
	if name == "@links" && len(rest) > 2 {
		name += "." + rest[1].text + "." + rest[2].text
	}
	return fail(ErrInvalidQuery, e.pos, "No property '%s' found on object type '%s' specified in '%s' clause", clip(name), class.Name, clause)
}
