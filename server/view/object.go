package view

import (
	"fmt"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
)

// object is a row as package rql evaluates it. Subscriptions are about the object alone: whatever would lead to another one
// was refused when the query was bound.
type object struct {
	row    *history.Row
	class  *history.Class            // that the query is bound to
	points map[string]*history.Class // see binding
}

var _ rql.Navigable = (*object)(nil)

// Get implements rql.Object.
func (o *object) Get(property int) (value.Value, error) { return o.row.At(o.class, property), nil }

// Follow implements rql.Object. Embedded objects that are read as points come here, and links in mixed values: those lead nowhere.
func (o *object) Follow(property int) (rql.Object, error) {
	class := o.points[o.class.Properties[property].LinkTarget]
	if class == nil {
		return nil, nil
	}
	row := o.row.Embedded(o.class, property)
	if row == nil {
		return nil, nil
	}
	return &object{row: row, class: class}, nil
}

// Identity implements rql.Navigable.
func (o *object) Identity() value.Link { return value.Link{Class: o.class.Name, Key: o.row.Key} }

// Collection implements rql.Navigable.
func (o *object) Collection(property int) (rql.Collection, error) {
	in, ok := o.row.Collection(o.class, property)
	if !ok || in.Len() == 0 {
		return nil, nil
	}
	return &collection{in: in}, nil
}

// Backlinks implements rql.Navigable.
func (o *object) Backlinks(*schema.Class, int) (rql.Collection, error) { return nil, o.refused() }

// BacklinkCount implements rql.Navigable.
func (o *object) BacklinkCount() (int64, error) { return 0, o.refused() }

func (o *object) refused() error {
	return fmt.Errorf("view: a subscription to class %s leads to another object", o.class.Name)
}

// collection is a collection of a row. An error of reading the store, which keys can't tell, comes up with the value.
type collection struct{ in history.Inside }

// Size implements rql.Collection.
func (c *collection) Size() int { return c.in.Len() }

// Value implements rql.Collection.
func (c *collection) Value(i int) (value.Value, error) {
	v, _, err := c.in.At(i)
	return v, err
}

// Object implements rql.Collection: there is no way to other objects, so links in mixed values lead nowhere.
func (c *collection) Object(int) (rql.Object, error) { return nil, nil }

// Nested implements rql.Collection.
func (c *collection) Nested(i int) (rql.Collection, error) {
	v, inner, err := c.in.At(i)
	if err != nil || (v.Kind() != value.KindList && v.Kind() != value.KindDictionary) || inner.Len() == 0 {
		return nil, err
	}
	return &collection{in: inner}, nil
}

// Key implements rql.Collection.
func (c *collection) Key(i int) string {
	key, err := c.in.Key(i)
	if err != nil {
		return ""
	}
	return key
}

// Find implements rql.Collection.
func (c *collection) Find(key string) (int, error) { return c.in.Find(key) }
