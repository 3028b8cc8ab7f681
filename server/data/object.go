package data

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/mql"
	"realmsync/server/store"
)

// reader is what the objects of one query share.
type reader struct {
	snapshot *history.Snapshot
	meter    *mql.Meter
	// access returns the caller's access to the collection of a class: links lead to objects for which other rules hold. It is asked once for each.
	access   func(class string) (Access, error)
	classes  map[string]Access // its answers
	failed   *failures
	embedded uint64 // number of the last embedded object that was handed out
}

// open returns an object as the caller sees it; nil if it doesn't.
func (r *reader) open(class *history.Class, row *history.Row) (*object, error) {
	x := &object{reader: r, row: row, class: class, key: row.Key}
	access, ok := r.classes[class.Name]
	if !ok {
		var err error
		if access, err = r.access(class.Name); err != nil {
			return nil, err
		}
		r.classes[class.Name] = access
	}
	if access == nil {
		return x, nil
	}
	d, err := document(r.snapshot.Catalog, class, row)
	if err != nil {
		return nil, err
	}
	seen, ok := access.readable(d)
	if err := r.failed.err(); !ok || err != nil {
		return nil, err
	}
	return x.confined(d, seen), nil
}

// lookup is what following a link costs, in steps.
const lookup = 100

// target returns the object of a link, nil if it isn't there.
func (r *reader) target(v value.Value) (*object, error) {
	if v.Kind() != value.KindLink {
		return nil, nil
	}
	if err := r.meter.Step(lookup); err != nil {
		return nil, err
	}
	link := v.Link()
	class := r.snapshot.Catalog.Class(link.Class)
	if class == nil {
		return nil, nil
	}
	row, err := r.snapshot.Row(store.ObjectRef{Class: class.ID, Key: history.EncodeKey(link.Key)})
	if row == nil || err != nil {
		return nil, err
	}
	return r.open(class, row)
}

func (r *reader) inner(class string, row *history.Row) *object {
	r.embedded++
	of := r.snapshot.Catalog.Class(class)
	if of == nil {
		of = row.Class
	}
	return &object{reader: r, row: row, class: of, key: value.GlobalKey(1, r.embedded)}
}

// object is a row as package rql evaluates it. Links lead to their targets in the same snapshot. What the caller doesn't see is as if it were not
// there: properties read as null, links to objects lead nowhere. A collection of which it doesn't see all is empty.
type object struct {
	*reader
	row   *history.Row
	class *history.Class
	key   value.Key
	all   bson.D // it as a document; nil: the caller sees all of it
	seen  bson.D // what the caller sees of that
}

// confined notes how much of the object the caller sees.
func (o *object) confined(all, seen bson.D) *object {
	if !mql.Identical(all, seen) {
		o.all, o.seen = all, seen
	}
	return o
}

// of returns a property in the two documents, and whether the caller sees anything of it.
func (o *object) of(property int) (all, seen any, ok bool) {
	if o.all == nil {
		return nil, nil, true
	}
	name := o.class.Properties[property].Name
	all, _ = mql.Get(o.all, name)
	seen, ok = mql.Get(o.seen, name)
	return all, seen, ok
}

var _ rql.Navigable = (*object)(nil)

// Get implements rql.Object.
func (o *object) Get(property int) (value.Value, error) {
	if _, _, ok := o.of(property); !ok {
		return value.Null(), nil
	}
	v := o.row.At(o.class, property)
	if v.Kind() == value.KindLink {
		target, err := o.target(v)
		if target == nil || err != nil {
			return value.Null(), err
		}
	}
	return v, nil
}

// Follow implements rql.Object.
func (o *object) Follow(property int) (rql.Object, error) {
	all, seen, ok := o.of(property)
	if !ok {
		return nil, nil
	}
	if row := o.row.Embedded(o.class, property); row != nil {
		inner := o.inner(o.class.Properties[property].LinkTarget, row)
		if part, ok := seen.(bson.D); ok {
			whole, _ := all.(bson.D)
			inner.confined(whole, part)
		}
		return inner, nil
	}
	target, err := o.target(o.row.At(o.class, property))
	if target == nil || err != nil {
		return nil, err
	}
	return target, nil
}

// Identity implements rql.Navigable.
func (o *object) Identity() value.Link { return value.Link{Class: o.class.Name, Key: o.key} }

// Collection implements rql.Navigable.
func (o *object) Collection(property int) (rql.Collection, error) {
	in, ok := o.row.Collection(o.class, property)
	all, seen, sees := o.of(property)
	if !ok || in.Len() == 0 || !sees || !mql.Identical(all, seen) {
		return nil, nil
	}
	p := &o.class.Properties[property]
	c := &collected{reader: o.reader, in: in, target: p.LinkTarget}
	if target := o.snapshot.Catalog.Class(p.LinkTarget); target == nil || target.Kind == schema.Embedded || p.Collection == schema.Dictionary {
		return c, nil
	}
	c.live = []int{} // links to what is gone are as if they were not there
	for i := range in.Len() {
		v, _, err := in.At(i)
		if err != nil {
			return nil, err
		}
		there, err := o.reader.target(v)
		if err != nil {
			return nil, err
		}
		if there != nil {
			c.live = append(c.live, i)
		}
	}
	return c, nil
}

// Backlinks implements rql.Navigable: there is no index of them, and to look at all objects for each would never end.
func (o *object) Backlinks(*schema.Class, int) (rql.Collection, error) { return nil, errBacklinks }

// BacklinkCount implements rql.Navigable.
func (o *object) BacklinkCount() (int64, error) { return 0, errBacklinks }

var errBacklinks = invalid("queries over backlinks are not supported here: ask the class that the links are in")

// collected is a collection of an object.
type collected struct {
	*reader
	in     history.Inside
	target string
	live   []int // the elements that count; nil: all
}

func (c *collected) at(i int) int {
	if c.live != nil {
		return c.live[i]
	}
	return i
}

// Size implements rql.Collection.
func (c *collected) Size() int {
	if c.live != nil {
		return len(c.live)
	}
	return c.in.Len()
}

// Value implements rql.Collection.
func (c *collected) Value(i int) (value.Value, error) {
	v, _, err := c.in.At(c.at(i))
	if err == nil && v.Kind() == value.KindLink && c.live == nil {
		var there *object
		if there, err = c.reader.target(v); there == nil {
			return value.Null(), err
		}
	}
	return v, err
}

// Object implements rql.Collection.
func (c *collected) Object(i int) (rql.Object, error) {
	i = c.at(i)
	row, err := c.in.Embedded(i)
	if err != nil {
		return nil, err
	}
	if row != nil {
		return c.inner(c.target, row), nil
	}
	v, _, err := c.in.At(i)
	if err != nil {
		return nil, err
	}
	o, err := c.reader.target(v)
	if o == nil || err != nil {
		return nil, err
	}
	return o, nil
}

// Nested implements rql.Collection.
func (c *collected) Nested(i int) (rql.Collection, error) {
	v, inner, err := c.in.At(c.at(i))
	if err != nil || (v.Kind() != value.KindList && v.Kind() != value.KindDictionary) || inner.Len() == 0 {
		return nil, err
	}
	return &collected{reader: c.reader, in: inner}, nil
}

// Key implements rql.Collection.
func (c *collected) Key(i int) string {
	key, err := c.in.Key(c.at(i))
	if err != nil {
		return ""
	}
	return key
}

// Find implements rql.Collection.
func (c *collected) Find(key string) (int, error) { return c.in.Find(key) }

// queryArguments makes the arguments of a query in RQL of values: scalars and arrays of them.
func queryArguments(values bson.A) ([]rql.Arg, error) {
	out := make([]rql.Arg, 0, len(values))
	scalars := func(values ...any) ([]value.Value, error) {
		list := make([]value.Value, 0, len(values))
		for _, v := range values {
			one, ok := natural(v)
			if !ok && v != nil {
				return nil, invalid("an argument of the query has a type that objects don't have")
			}
			list = append(list, one)
		}
		return list, nil
	}
	for _, v := range values {
		if a, ok := v.(bson.A); ok {
			list, err := scalars(a...)
			if err != nil {
				return nil, err
			}
			out = append(out, rql.List(list...))
			continue
		}
		one, err := scalars(v)
		if err != nil {
			return nil, err
		}
		out = append(out, rql.Scalar(one[0]))
	}
	return out, nil
}
