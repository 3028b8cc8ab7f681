package rql

import (
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// FlexibleSyncCheck tells whether a bound query may be a subscription (spec/query-language.md section 11,
// spec/sync-semantics.md section 4.4): it must refer to the object alone, because membership is decided on the object
// alone. The error is of class ErrNotSyncable and names what is refused.
func FlexibleSyncCheck(b *Bound) error {
	if b.Class.Kind != schema.TopLevel {
		return notSyncable("the class '%s' is %s: only top-level classes can be subscribed to", b.Class.Name, b.Class.Kind)
	}
	if len(b.Descriptors) > 0 {
		return noDescriptors()
	}
	return walk(b.Root, b.syncable)
}

// syncable refuses operands whose value depends on other objects than the one that is tested, or that the original refuses.
func (b *Bound) syncable(part any) error {
	switch o := part.(type) {
	case *FullText:
		return notSyncable("TEXT is not allowed in a subscription")
	case *Aggregate:
		return notSyncable("%s is not allowed in a subscription", o.Op)
	case *Subquery:
		return notSyncable("SUBQUERY is not allowed in a subscription")
	case *Path, *KeyPath:
		p := asKeyPath(o.(Operand))
		outside := p.End.Property < 0 || p.End.Backlink
		for _, h := range p.Hops {
			outside = outside || h.Backlink || !b.isEmbedded(h)
		}
		if outside {
			return notSyncable("the key path '%s' leads into another object: a subscription may refer to properties of the class only", printOperand(o.(Operand)))
		}
	}
	return nil
}

// isEmbedded tells whether a link leads to embedded objects, which are part of the object that is tested.
func (b *Bound) isEmbedded(h Hop) bool {
	target := b.Schema.Class(h.Link().LinkTarget)
	return target != nil && target.Kind == schema.Embedded
}

// CheckQueryable tells whether a bound query refers only to fields that are queryable; the primary key always is. The
// error is of class ErrNotSyncable.
func CheckQueryable(b *Bound, queryable func(property string) bool) error {
	return walk(b.Root, func(part any) error {
		hop, ok := firstHop(part)
		if !ok {
			return nil
		}
		name := hop.Link().Name
		if name == b.Class.PrimaryKey || queryable(name) {
			return nil
		}
		return notSyncable(`"TopLevel": key "%s" is not a queryable field`, name)
	})
}

// Properties returns the indexes of the root class's properties that the predicate reads, ascending: a change of any other
// property can't change what Match says. Paths through links count with their first link only, backlinks not at all.
func (b *Bound) Properties() []int {
	var out []int
	_ = walk(b.Root, func(part any) error {
		if hop, ok := firstHop(part); ok {
			out = append(out, hop.Property)
		}
		return nil
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// PropertiesButPoints is Properties without those that are read only as points, by GEOWITHIN on an embedded object that the property itself holds.
func (b *Bound) PropertiesButPoints() []int {
	var out []int
	var point *KeyPath
	_ = walk(b.Root, func(part any) error {
		if geo, ok := part.(*GeoWithin); ok {
			if len(geo.Path.Hops) == 0 && geo.Path.Prop().Collection == schema.Single {
				point = geo.Path // visited next
			}
			return nil
		}
		if path, ok := part.(*KeyPath); ok && path == point {
			point = nil
			return nil
		}
		if hop, ok := firstHop(part); ok {
			out = append(out, hop.Property)
		}
		return nil
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// firstHop returns the property of the root class that a path begins with.
func firstHop(part any) (Hop, bool) {
	o, _ := part.(Operand)
	p := asKeyPath(o)
	if p == nil {
		return Hop{}, false
	}
	first := p.End
	if len(p.Hops) > 0 {
		first = p.Hops[0]
	}
	return first, !first.Backlink && first.Property >= 0
}

// notSyncable builds the error of FlexibleSyncCheck. Clients look for the words of the original (spec section 11).
func notSyncable(format string, args ...any) *Error {
	return fail(ErrNotSyncable, -1, "Invalid query: "+format, args...)
}

func noDescriptors() *Error {
	return notSyncable("SORT, DISTINCT and LIMIT are not allowed in a subscription: it says which objects are synced, and queries of the app sort and limit them")
}

// walk visits the *FullText and *GeoWithin nodes and the operands of a predicate, those that operands are made of included, and stops at the
// first error. The
// bodies of subqueries, which are about other objects, are left out.
func walk(n Node, visit func(part any) error) error {
	switch n := n.(type) {
	case *And:
		return walkAll(n.Nodes, visit)
	case *Or:
		return walkAll(n.Nodes, visit)
	case *Not:
		return walk(n.Node, visit)
	case *In:
		return visit(n.Path)
	case *Between:
		return visit(n.Path)
	case *FullText:
		if err := visit(n); err != nil {
			return err
		}
		return visit(n.Path)
	case *GeoWithin:
		if err := visit(n); err != nil {
			return err
		}
		return visit(n.Path)
	case *Comparison:
		return walkOperands(visit, n.Left, n.Right)
	}
	return nil
}

func walkOperands(visit func(part any) error, operands ...Operand) error {
	for _, o := range operands {
		if err := visit(o); err != nil {
			return err
		}
		var inner []Operand
		switch o := o.(type) {
		case *Aggregate:
			inner = []Operand{o.Path}
		case *Subquery:
			inner = []Operand{o.Path}
		case *Arithmetic:
			inner = []Operand{o.Left, o.Right}
		}
		if err := walkOperands(visit, inner...); err != nil {
			return err
		}
	}
	return nil
}

func walkAll(nodes []Node, visit func(part any) error) error {
	for _, n := range nodes {
		if err := walk(n, visit); err != nil {
			return err
		}
	}
	return nil
}

// EqualityKey says that an object can match only if a property has one of a few values.
type EqualityKey struct {
	Property int           // index in the class
	Name     string        // of the property
	Values   []value.Value // of the property's kind, or null; at least one; may have duplicates
}

// EqualityKeys returns the equality conditions that every matching object meets: property == constant and property IN
// {...} that stand alone or are joined to everything else by AND, and those that all operands of an OR have in common.
// Only properties whose values are equal exactly when they are identical take part: int, bool, string, timestamp,
// objectId and uuid. An object index by these values finds the queries that a changed object can match, without
// evaluating them. The order is that of the properties.
func EqualityKeys(b *Bound) []EqualityKey {
	found := equalities(b.Root)
	out := make([]EqualityKey, 0, len(found))
	for property, values := range found {
		out = append(out, EqualityKey{property, b.Class.Properties[property].Name, values})
	}
	slices.SortFunc(out, func(a, b EqualityKey) int { return a.Property - b.Property })
	return out
}

// equalities maps properties to the values that they are confined to.
func equalities(n Node) map[int][]value.Value {
	switch n := n.(type) {
	case *And:
		out := map[int][]value.Value{}
		for _, term := range n.Nodes {
			for property, values := range equalities(term) {
				// Of two conditions on one property either is true on its own: keep the narrower.
				if known, ok := out[property]; !ok || len(values) < len(known) {
					out[property] = values
				}
			}
		}
		return out
	case *Or:
		out := equalities(n.Nodes[0])
		for property, values := range out {
			out[property] = slices.Clone(values) // those of an In are shared, and will be appended to
		}
		for _, term := range n.Nodes[1:] {
			other := equalities(term)
			for property, values := range out {
				if more, ok := other[property]; ok {
					out[property] = append(values, more...)
				} else {
					delete(out, property)
				}
			}
		}
		return out
	case *In:
		if n.FoldCase {
			return nil
		}
		return map[int][]value.Value{n.Path.Property: n.Values}
	case *Comparison:
		path, ok := n.Left.(*Path)
		constant, isConstant := n.Right.(*Constant)
		if !ok {
			path, ok = n.Right.(*Path)
			constant, isConstant = n.Left.(*Constant)
		}
		if !ok || !isConstant || !path.IsDirect() || n.Op != OpEqual || n.FoldCase || !hasIdentity(path.Prop().Type) {
			return nil
		}
		if v := constant.Value; v.IsNull() || v.Kind() == path.Prop().Type {
			return map[int][]value.Value{path.Property: {v}}
		}
	}
	return nil
}

// hasIdentity tells whether values of a kind are equal exactly when they are identical.
func hasIdentity(k value.Kind) bool {
	switch k {
	case value.KindInt, value.KindBool, value.KindString, value.KindTimestamp, value.KindObjectID, value.KindUUID:
		return true
	default:
		return false
	}
}
