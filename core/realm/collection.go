package realm

import (
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Collection is a live list, set or dictionary: the one in a property of an object, or one inside of a mixed value. It keeps its instance
// open until Release, and belongs to its thread unless that is frozen. It stays that collection whatever moves around it; when its owner is
// deleted, or the mixed value is replaced, it is invalid for good.
//
// Positions count what an application sees: links to objects that don't exist are left out (changeset.md 5.6). Sets and dictionaries are in
// ascending order of values or keys, and can be read by position too. An embedded object in a collection is read as a link to it.
//
// Errors of all calls: ErrClosed, ErrInvalidHandle, store.ErrNoObject when it is invalid; store.ErrType for calls of another kind of
// collection; of changes also ErrNotInTransaction, ErrWrongThread, store.ErrType, ErrNotNullable, ErrNoObject, ErrRange.
type Collection struct {
	realm *Realm
	kind  schema.Collection

	// Guarded by realm.mu.
	released bool
}

// Element is what the elements of a collection are.
type Element struct {
	Type     value.Kind // value.KindMixed: of any kind
	Nullable bool
	Class    uint32 // of links and embedded objects; 0 otherwise
	Embedded bool   // the elements are embedded objects
}

// New is what InsertNew and its like have made: an embedded object, which the caller releases with ReleaseObject, or a collection.
type New struct {
	Object     Object      // of KindObject
	Collection *Collection // of KindList and KindDictionary
}

func unsupported(what string) error {
	return &changeset.UnsupportedError{Text: what + " can't be used by this version"}
}

// OpenCollection returns the collection in a property of an object: a list, set or dictionary property, or a property of type mixed that
// holds a collection at the moment; nil if it holds none.
func OpenCollection(o Object, property int) (*Collection, error) {
	return nil, unsupported("collections")
}

// SetNew puts something new and empty into a single property: KindObject an embedded object, where an old one goes with all that is in it;
// KindList or KindDictionary a collection into a mixed one, where a collection of the same kind stays as it is.
func SetNew(o Object, property int, kind value.Kind) (New, error) {
	return New{}, unsupported("collections")
}

// Clone returns another handle on the same collection.
func (c *Collection) Clone() (*Collection, error) { return nil, unsupported("collections") }

// Release gives the handle up. Releasing twice is allowed. Any thread.
func (c *Collection) Release() {}

// Valid tells whether the collection exists in its realm's snapshot.
func (c *Collection) Valid() bool { return false }

// Kind tells what it is: List, Set or Dictionary.
func (c *Collection) Kind() schema.Collection { return c.kind }

// Element tells what its elements are.
func (c *Collection) Element() Element { return Element{} }

// Realm returns the instance, without adding a handle.
func (c *Collection) Realm() *Realm { return c.realm }

// Owner returns the object whose property holds the collection, directly or deep inside of a mixed value, and the property. The caller
// releases the object.
func (c *Collection) Owner() (o Object, property int, err error) {
	return nil, 0, unsupported("collections")
}

// Len returns how many elements there are.
func (c *Collection) Len() (int, error) { return 0, unsupported("collections") }

// Load reads elements from position first on, at most count and at most store.MaxBatch; fewer at the end only. Each row of the batch is a
// cell, the value, and for a dictionary a second cell, the key. The caller releases the batch. A collection in an element is a cell of type
// store.CellList or CellDictionary, to be opened with Child.
func (c *Collection) Load(first, count int) (store.Batch, error) {
	return store.Batch{}, unsupported("collections")
}

// LoadObjects makes objects of the elements of a collection of links or embedded objects, as Results.Load does. Null values of dictionaries
// come as nil.
func (c *Collection) LoadObjects(first, count int, out unsafe.Pointer) (n int, err error) {
	return 0, unsupported("collections")
}

// IndexOf returns the position of the first element that equals a cell (*rlm_cell).
func (c *Collection) IndexOf(cell unsafe.Pointer) (int, bool, error) {
	return 0, false, unsupported("collections")
}

// Child returns the collection that the element at a position (of a dictionary: in order of keys) holds; nil if it holds none.
func (c *Collection) Child(i int) (*Collection, error) { return nil, unsupported("collections") }

// ChildKey is Child of a dictionary by key.
func (c *Collection) ChildKey(key string) (*Collection, error) {
	return nil, unsupported("collections")
}

// Insert puts a value into a list in front of the element at a position; at Len it appends.
func (c *Collection) Insert(i int, cell unsafe.Pointer) error { return unsupported("collections") }

// InsertNew is Insert of something new and empty: KindObject into lists of embedded objects, KindList and KindDictionary into lists of mixed.
func (c *Collection) InsertNew(i int, kind value.Kind) (New, error) {
	return New{}, unsupported("collections")
}

// Set replaces an element of a list.
func (c *Collection) Set(i int, cell unsafe.Pointer) error { return unsupported("collections") }

// SetNew is Set with something new and empty, as the function SetNew.
func (c *Collection) SetNew(i int, kind value.Kind) (New, error) {
	return New{}, unsupported("collections")
}

// Move takes an element of a list out and puts it back so that it is at position to.
func (c *Collection) Move(from, to int) error { return unsupported("collections") }

// Erase removes an element of a list, or that at a position of a set or dictionary.
func (c *Collection) Erase(i int) error { return unsupported("collections") }

// Clear removes all elements. Objects that are linked to stay, embedded ones go.
func (c *Collection) Clear() error { return unsupported("collections") }

// Assign makes n cells the elements of a list, as few changes as the original makes: what is too much goes from the end, the rest is set, what
// is new comes behind (changeset.md 6.5).
func (c *Collection) Assign(cells unsafe.Pointer, n int) error { return unsupported("collections") }

// Add adds a value to a set. It returns its position, and whether it is new.
func (c *Collection) Add(cell unsafe.Pointer) (i int, added bool, err error) {
	return 0, false, unsupported("collections")
}

// Remove removes a value from a set and returns whether it was there.
func (c *Collection) Remove(cell unsafe.Pointer) (bool, error) {
	return false, unsupported("collections")
}

// Get returns the value under a key of a dictionary as a batch of one row (value, key), which the caller releases; false if there is none.
func (c *Collection) Get(key string) (store.Batch, bool, error) {
	return store.Batch{}, false, unsupported("collections")
}

// IndexOfKey returns the position of a key of a dictionary.
func (c *Collection) IndexOfKey(key string) (int, bool, error) {
	return 0, false, unsupported("collections")
}

// Put sets the value under a key of a dictionary, whether there is one or not.
func (c *Collection) Put(key string, cell unsafe.Pointer) error { return unsupported("collections") }

// PutNew is Put of something new and empty, as the function SetNew; an embedded object replaces what is there.
func (c *Collection) PutNew(key string, kind value.Kind) (New, error) {
	return New{}, unsupported("collections")
}

// RemoveKey removes a key of a dictionary and returns whether it was there.
func (c *Collection) RemoveKey(key string) (bool, error) { return false, unsupported("collections") }

// Results returns the objects that a list or set of links, or a list of embedded objects, has at the moment they are asked for, in its order;
// with a query text those of them that it finds. They can be sorted. The arguments are n cells. They are live and belong to the caller.
func (c *Collection) Results(text string, args unsafe.Pointer, n int) (*Results, error) {
	return nil, unsupported("collections")
}

// Resolve returns the same collection in another instance of the file; nil if it doesn't exist there. A live target that lags behind is
// moved to the newest version first.
func (c *Collection) Resolve(target *Realm) (*Collection, error) {
	return nil, unsupported("collections")
}

// ObserveCollection has f called on the instance's thread: once for the beginning, then after each change of the elements, of their order, or
// of objects that they are or link to, when the instance advances. The collection may be released. Errors: ErrFrozenObserve,
// ErrObserveAfterChange.
func ObserveCollection(c *Collection, f func(CollectionChanges)) (*Token, error) {
	return nil, unsupported("collections")
}

// Backlinks returns the objects of a class that link to an object with that property: a link, or a list, set or dictionary of links. Each comes
// as often as it has such links. They are live and belong to the caller.
func Backlinks(o Object, class uint32, property int) (*Results, error) {
	return nil, unsupported("backlinks")
}
