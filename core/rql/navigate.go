package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Navigable is an Object that gives access to more than its single properties: to collections, to what is nested in mixed
// values, to incoming links, and to its own identity. Queries that were bound with WithNavigation need it from every object
// that they are evaluated on or that they reach; Match returns an error for an object that is not one.
//
// Follow of a Navigable serves two kinds of single properties: links, embedded objects included, and mixed, where it
// returns the target of the link that the property holds (nil for every other value, or when the target is deleted).
//
// An object and the collections that it hands out are read by one goroutine at a time. They must stay valid until Match or
// Select returns; an implementation may hand out the same Collection again.
type Navigable interface {
	Object

	// Identity returns the class and primary key of the object. The class is how the query knows the properties of an object
	// that it reached through a link in a mixed value. Objects without primary key, embedded ones included, have a
	// value.GlobalKey that differs from that of every other object of the class. It equals the link values that Get and
	// Collection.Value return for links to the object.
	Identity() value.Link

	// Collection opens the list, set or dictionary of a collection property, or the list or dictionary that a single property
	// of type mixed holds (Get has then returned a marker of kind list or dictionary). An empty collection may be a nil
	// interface.
	Collection(property int) (Collection, error)

	// Backlinks returns the objects that link to this one by a link property of a class, of any collection type, as a
	// list of links: in creation order of the linking objects, and those that link n times n times. Property is an
	// index in class.Properties. None may be a nil interface.
	Backlinks(class *schema.Class, property int) (Collection, error)

	// BacklinkCount returns the number of links to this object: of any class and property, those in mixed values, at any
	// depth, included. An object that links twice counts twice.
	BacklinkCount() (int64, error)
}

// Collection is a list, a set or a dictionary as a query reads it: elements numbered from 0 to Size()-1.
//
// Lists are in their order, sets in ascending order of the values (spec section 5.1; links in creation order of their
// targets), dictionaries in ascending byte order of the keys. Elements of link lists and link sets whose target is deleted are left out of all methods, as if they were not
// there; in dictionaries and in collections of mixed such links read as null. Indexes are in range always.
type Collection interface {
	Size() int

	// Value returns an element: of the element type, or null; for mixed of any kind, with a marker of kind list or
	// dictionary for nested ones.
	Value(i int) (value.Value, error)

	// Object returns the target of an element that is a link or an embedded object; a nil interface for every other value.
	// It must be Navigable.
	Object(i int) (Object, error)

	// Nested opens an element whose value is a marker of kind list or dictionary.
	Nested(i int) (Collection, error)

	// Key returns the key of an element of a dictionary.
	Key(i int) string

	// Find returns the index of a key in a dictionary, -1 if it isn't there.
	Find(key string) (int, error)
}

// WithNavigation tells Bind that the query will be evaluated on objects that are Navigable. Without this option Bind refuses
// queries that need more than Object has, with ErrUnsupported.
func WithNavigation() BindOption {
	return func(b *binder) { b.navigation = true }
}
