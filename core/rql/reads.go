package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Reads calls visit with every property, of whatever class, whose change can change which objects match or in what order
// they come; some more than once. Properties are indexes in class.Properties. It returns false if that is not all: for
// @links.@count, which every link in the store changes, and for steps into mixed values, which may follow links to any class.
// Objects that come and go count as changes of the links to them.
func (b *Bound) Reads(visit func(class *schema.Class, property int)) bool {
	r := &reader{visit: visit, complete: true}
	r.node(b.Root)
	for _, d := range b.Descriptors {
		switch d := d.(type) {
		case *Sort:
			for _, k := range d.Keys {
				r.operand(k.Path)
			}
		case *Distinct:
			for _, p := range d.Paths {
				r.operand(p)
			}
		}
	}
	return r.complete
}

type reader struct {
	visit    func(class *schema.Class, property int)
	complete bool
}

func (r *reader) node(n Node) {
	_ = walk(n, func(part any) error {
		switch part := part.(type) {
		case *GeoWithin:
			r.visit(part.class, part.kind)
			r.visit(part.class, part.coordinates)
		case Operand:
			r.operand(part)
		}
		return nil
	})
}

func (r *reader) operand(o Operand) {
	switch o := o.(type) {
	case *Aggregate:
		if o.Class != nil {
			r.visit(o.Class, o.Property)
		}
	case *Subquery:
		r.node(o.Body)
	case *Path, *KeyPath:
		p := asKeyPath(o)
		for _, h := range p.Hops {
			r.visit(h.Class, h.Property)
		}
		if p.End.Property < 0 {
			r.complete = false
			return
		}
		r.visit(p.End.Class, p.End.Property)
		if prop := p.Prop(); len(p.Steps) > 0 && prop.Type == value.KindMixed && (prop.Collection == schema.Single || len(p.Steps) > 1) {
			r.complete = false
		}
	}
}
