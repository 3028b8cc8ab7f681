package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// State is the data that instructions act on. Apply checks every precondition of the specification against it and
// calls only what is allowed, so an implementation stores and retrieves and decides nothing.
//
// Errors of a State are I/O errors: Apply passes them on unchanged and the caller rolls its transaction back.
// A State belongs to one goroutine. An implementation may buffer writes to the object named last (a row written
// whole), as long as reads see them.
type State interface {
	// Schema returns the current schema, which AddClass... change.
	Schema() *schema.Schema
	AddClass(class schema.Class) error // with its primary key property, if any, and no other
	RemoveClass(name string) error     // with all objects; their outgoing links disappear
	AddProperty(class string, p schema.Property) error
	RemoveProperty(class, property string) error

	// Exists tells whether a live object with the key exists.
	Exists(class string, key value.Key) (bool, error)
	// Create makes an object with default values (changeset.md 5.9); Apply has checked that it doesn't exist.
	// Dangling links to the key become live. Objects of asymmetric classes are the State's to discard when it commits.
	Create(class string, key value.Key) error
	// Erase removes a live object; its embedded objects go with it, links to it become dangling.
	Erase(class string, key value.Key) error
	// Get returns the value of a single property of a live top-level object: a scalar, null or a link (dangling
	// links included). Marker(KindObject) stands for an embedded object, Marker(KindList) and Marker(KindDictionary) for a
	// collection in a property of type mixed.
	Get(class string, key value.Key, property string) (value.Value, error)
	// Set stores a value (scalar, null or link) of the right type in a single property of a live top-level object. What the
	// property held is discarded with all that is inside: an embedded object, a collection in mixed.
	Set(class string, key value.Key, property string, v value.Value) error
}

// Nested is a State that holds lists, sets, dictionaries, embedded objects and collections in mixed. Apply refuses changesets that need one
// with *UnsupportedError if the State isn't one, before anything acts.
//
// What is said of State holds: Apply checks, the implementation stores. Every index is in range, every value is of the right type, every
// container is of the kind that the property's type says.
type Nested interface {
	State
	// Open returns the container in a property of a live top-level object: the list, set or dictionary that the property is, the embedded
	// object in it (nil if it is null), the collection in a property of type mixed (nil if it holds none).
	Open(class string, key value.Key, property string) (Node, error)
	// SetNew puts a new, empty container into a single property and discards what was there with all that is inside: KindObject (an
	// embedded object with default values), KindList or KindDictionary (in a property of type mixed).
	SetNew(class string, key value.Key, property string, kind value.Kind) error
}

// Node is a container inside of a top-level object: a ListNode, SetNode, DictionaryNode or ObjectNode, as Kind says.
//
// A Node may be used until the State changes in another way than through it or through nodes that were opened from it. Then it is to be
// opened anew. Nodes need no closing.
//
// Nodes hold scalars, null, links (dangling ones like others: they keep their places and count) and containers. Where a value is read,
// Marker(KindObject), Marker(KindList) and Marker(KindDictionary) stand for a container.
type Node interface {
	// Kind is KindList, KindSet, KindDictionary or KindObject.
	Kind() value.Kind
}

// ListNode is a list. Appending, and everything at one position, is to be O(1) or O(log n).
//
//nolint:interfacebloat // it is what a list does; halves of it would be of no use
type ListNode interface {
	Node
	Len() (int, error)
	At(i int) (value.Value, error)
	Child(i int) (Node, error) // the container at i, nil if it is a value
	// Insert and InsertNew move the elements from i on up by one; i may be Len.
	Insert(i int, v value.Value) error
	InsertNew(i int, kind value.Kind) error // KindObject, KindList or KindDictionary, empty
	// Set and SetNew discard what was at i with all that is inside.
	Set(i int, v value.Value) error
	SetNew(i int, kind value.Kind) error // KindList or KindDictionary, empty
	// Move takes the element out at from and inserts it so that it is at to. A container moves with its contents. from and to differ.
	Move(from, to int) error
	Erase(i int) error // with all that is inside
	Clear() error
}

// SetNode is a set of scalars, null and links. Elements that value.Equal finds equal are one.
type SetNode interface {
	Node
	Len() (int, error)
	Has(v value.Value) (bool, error)
	Add(v value.Value) error    // nothing if it has it; the element that was there first stays
	Remove(v value.Value) error // nothing if it doesn't have it
	Clear() error
}

// DictionaryNode is a dictionary.
type DictionaryNode interface {
	Node
	Len() (int, error)
	Get(key string) (v value.Value, ok bool, err error)
	Child(key string) (Node, error) // the container at the key, nil if it is a value or there is no such key
	// Put and PutNew discard what was at the key with all that is inside; if there was nothing, they add an entry.
	Put(key string, v value.Value) error
	PutNew(key string, kind value.Kind) error // KindObject, KindList or KindDictionary, empty
	Remove(key string) error                  // with all that is inside; nothing if there is no such key
	Clear() error
}

// Element is an element of a list or a set, or an entry of a dictionary.
type Element struct {
	Key   string // of a dictionary
	Value value.Value
}

// Listed is a ListNode, SetNode or DictionaryNode whose contents can be read as a whole. Applying doesn't need it; what compares two states does.
type Listed interface {
	Node
	// Elements returns a copy: those of a list in order, others in an order that means nothing.
	Elements() ([]Element, error)
}

// ObjectNode is an embedded object. Its methods are those of State and Nested without the class and the key.
type ObjectNode interface {
	Node
	Class() string
	Get(property string) (value.Value, error)
	Set(property string, v value.Value) error
	Open(property string) (Node, error)
	SetNew(property string, kind value.Kind) error
}
