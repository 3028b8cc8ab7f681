package history

import (
	"maps"
	"math"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// A property whose type changes (Engine.Declare) is a new one, with a number of its own, that takes the place of the one before. Documents are not
// rewritten for that: one that has nothing under the new number is read with what it has under the old one, as far as that fits, and is written with
// the new number when it is next changed. So a change of type costs the same for any number of objects, and nothing is between the two.

// retype returns the instructions that remove the properties which have another type in the schema to come, and the additions that make up what is
// then lacking. The error is that of schema.Diff if there is more in the way than types.
func retype(have, next *schema.Schema) (remove []changeset.Instruction, add []schema.Change, err error) {
	left := have
	for _, c := range next.Classes() {
		old := have.Class(c.Name)
		if old == nil {
			continue
		}
		rest := *old
		rest.Properties = slices.DeleteFunc(slices.Clone(old.Properties), func(p schema.Property) bool {
			q := c.Property(p.Name)
			return q != nil && p.Name != old.PrimaryKey && (p.TypeString() != q.TypeString() || p.Nullable != q.Nullable)
		})
		for i := range old.Properties {
			if name := old.Properties[i].Name; rest.Property(name) == nil {
				remove = append(remove, changeset.Instruction{Op: changeset.EraseColumn, Table: c.Name, Field: name})
			}
		}
		left = left.With(rest)
	}
	add, err = schema.Diff(left, next)
	return remove, add, err
}

// inherit makes the newest property, which has the name, take the place of the one that the version removed, if it did.
func (c *Class) inherit(name string, version uint64) {
	for i := range c.gone {
		if g := &c.gone[i]; g.Name == name && g.Until == version {
			c.was = maps.Clone(c.was)
			if c.was == nil {
				c.was = map[uint32]uint32{}
			}
			c.was[c.ids[len(c.ids)-1]] = g.ID
		}
	}
}

// retyped returns the newest version that has changed the type of a property that is there, 0 if none has.
func (c *Class) retyped() (version uint64) {
	for id := range c.was {
		if i, ok := c.at[id]; ok {
			version = max(version, c.since[i])
		}
	}
	return version
}

// inherits tells whether a property, by its index, took the place of another.
func (c *Class) inherits(property int) bool {
	if len(c.was) == 0 {
		return false
	}
	_, ok := c.was[c.ids[property]]
	return ok
}

// describe returns a property by its number, which may be one that was removed.
func (c *Class) describe(id uint32) (p schema.Property, ok bool) {
	if i, ok := c.at[id]; ok {
		return c.Properties[i], true
	}
	for i := range c.gone {
		if c.gone[i].ID == id {
			return c.gone[i].property(), true
		}
	}
	return p, false
}

// inherited returns what a property has in an object that has nothing under its number: what the one before has, if it took the place of one, or else
// what a new object has. held tells what the object has.
func (c *Class) inherited(id uint32, held func(id uint32) (element, bool)) element {
	p, ok := c.describe(id)
	if !ok {
		return element{}
	}
	was, ok := c.was[id]
	if !ok {
		return element{value: Default(&p)}
	}
	before, ok := c.describe(was)
	if !ok {
		return element{value: Default(&p)}
	}
	e, ok := held(was)
	if !ok {
		e = c.inherited(was, held)
	}
	return refit(e, &before, &p)
}

// earlier returns what a property of class has in a row that was made before the class had it.
func (r *Row) earlier(class *Class, property int) element {
	if !class.inherits(property) || r.Class.ID != class.ID {
		return element{value: Default(&class.Properties[property])}
	}
	return class.inherited(class.ids[property], func(id uint32) (e element, ok bool) {
		i, ok := r.Class.at[id]
		if ok {
			e.value = r.values[i]
			if r.inner != nil {
				e.inner = r.inner[i]
			}
		}
		return e, ok
	})
}

// inherit fills in what a document doesn't have of the properties that took the place of others.
func (r *Row) inherit(held map[uint32]element) {
	for i := range r.Class.Properties {
		id := r.Class.ids[i]
		if _, ok := held[id]; ok || !r.Class.inherits(i) {
			continue
		}
		r.set(i, r.Class.inherited(id, func(id uint32) (element, bool) {
			e, ok := held[id]
			return e, ok
		}))
	}
}

// refit returns what is left of what a property had when its type changes: all of it where the new type has it too, numbers as numbers of the new type
// (only digits of fractions may get lost), or else what a new object has.
func refit(e element, from, to *schema.Property) element {
	fresh := element{value: Default(to)}
	embedded := e.inner != nil && e.inner.kind == value.KindObject
	switch {
	case from.Collection != to.Collection:
		return fresh
	case to.Collection != schema.Single:
		same := from.Type == to.Type && from.LinkTarget == to.LinkTarget && (to.Nullable || !from.Nullable)
		if e.inner == nil || same {
			return e
		}
		return fresh
	case embedded && to.Type == value.KindLink && to.LinkTarget == from.LinkTarget,
		e.inner != nil && !embedded && to.Type == value.KindMixed:
		return e
	case e.inner != nil:
		return fresh
	}
	v, ok := refitValue(e.value, to)
	if !ok {
		return fresh
	}
	return element{value: v}
}

func refitValue(v value.Value, to *schema.Property) (value.Value, bool) {
	kind := v.Kind()
	switch {
	case kind == value.KindNull:
		return v, to.Nullable
	case kind == value.KindLink:
		return v, to.Type == value.KindMixed || to.Type == value.KindLink && to.LinkTarget == v.Link().Class
	case kind == to.Type, to.Type == value.KindMixed:
		return v, true
	case !kind.IsNumeric():
		return v, false
	}
	f := floatOf(v)
	switch to.Type {
	case value.KindInt:
		if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
			return v, false
		}
		out := value.Int(int64(f))
		return out, value.Equal(v, out)
	case value.KindFloat:
		return value.Float(float32(f)), true
	case value.KindDouble:
		return value.Double(f), true
	case value.KindDecimal:
		if kind == value.KindInt {
			return value.FromDecimal(value.DecimalFromInt64(v.Int())), true
		}
		return value.FromDecimal(value.DecimalFromFloat64(f)), true
	}
	return v, false
}

// floatOf returns the number nearest to a value that is one.
func floatOf(v value.Value) float64 {
	switch v.Kind() {
	case value.KindInt:
		return float64(v.Int())
	case value.KindDecimal:
		return v.Decimal().Float64()
	case value.KindFloat:
		return float64(v.Float())
	default:
		return v.Double()
	}
}
