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
