package store

import (
	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// noteAll notes everything that the query looks at, for the parts of it that run in Go.
func (k *compiler) noteAll(b *rql.Bound) {
	k.noteNode(b.Root)
	for _, d := range b.Descriptors {
		switch d := d.(type) {
		case *rql.Sort:
			for _, key := range d.Keys {
				k.notePath(key.Path)
			}
		case *rql.Distinct:
			for _, p := range d.Paths {
				k.notePath(p)
			}
		}
	}
}

func (k *compiler) noteNode(n rql.Node) {
	switch n := n.(type) {
	case *rql.And:
		for _, inner := range n.Nodes {
			k.noteNode(inner)
		}
	case *rql.Or:
		for _, inner := range n.Nodes {
			k.noteNode(inner)
		}
	case *rql.Not:
		k.noteNode(n.Node)
	case *rql.In:
		k.notePath(n.Path)
	case *rql.Between:
		k.notePath(n.Path)
	case *rql.Comparison:
		k.noteOperand(n.Left)
		k.noteOperand(n.Right)
	case *rql.FullText:
		k.noteOperand(n.Path)
	case *rql.GeoWithin: // a point is an embedded object; which of its properties count is rql's knowledge
		k.noteOperand(n.Path)
		k.noteClass(n.Path.Prop().LinkTarget)
	}
}

func (k *compiler) noteOperand(o rql.Operand) {
	switch o := o.(type) {
	case *rql.Path:
		k.notePath(o)
	case *rql.KeyPath:
		k.noteKeyPath(o)
	case *rql.Aggregate:
		k.noteKeyPath(o.Path)
		if o.Class != nil {
			k.note(o.Class, o.Property)
		}
	case *rql.Subquery:
		k.noteKeyPath(o.Path)
		k.noteNode(o.Body)
	case *rql.Arithmetic:
		k.noteOperand(o.Left)
		k.noteOperand(o.Right)
	}
}

func (k *compiler) notePath(p *rql.Path) {
	k.noteHops(p.Hops)
	k.note(p.Class, p.Property)
}

func (k *compiler) noteKeyPath(p *rql.KeyPath) {
	k.noteHops(p.Hops)
	if p.End.Property < 0 { // @links: any link of any class may be one
		for _, cl := range k.conn.catalog.byID {
			k.noteClass(cl.Def.Name)
			k.members[cl.ID] = true
		}
		return
	}
	k.noteHops([]rql.Hop{p.End})
	if p.Prop().Type == value.KindMixed && len(p.Steps) > 0 { // which may lead through links to anything
		for _, cl := range k.conn.catalog.byID {
			k.noteClass(cl.Def.Name)
		}
	}
}

func (k *compiler) noteHops(hops []rql.Hop) {
	for _, h := range hops {
		k.note(h.Class, h.Property)
		if cl := k.conn.catalog.byName[h.Class.Name]; h.Backlink && cl != nil {
			k.members[cl.ID] = true
		}
	}
}

func (k *compiler) note(class *schema.Class, property int) {
	if cl := k.conn.catalog.byName[class.Name]; cl != nil {
		k.index(cl, class, property)
	}
}

func (k *compiler) noteClass(name string) {
	if cl := k.conn.catalog.byName[name]; cl != nil {
		k.deps[cl.ID] = ^uint64(0)
	}
}
