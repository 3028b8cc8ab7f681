package realm

import (
	"slices"
	"strings"
	"unicode/utf8"
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
// Positions count what an application sees: in lists and sets of links, links to objects that don't exist are left out (changeset.md 5.6).
// Sets and dictionaries are in ascending order of values or keys, and can be read by position too. An embedded object in a collection is read
// as a link to it.
//
// Errors of all calls: ErrClosed, ErrInvalidHandle, store.ErrNoObject when it is invalid; store.ErrType for calls of another kind of
// collection; of changes also ErrNotInTransaction, ErrWrongThread, store.ErrType, ErrNotNullable, ErrNoObject, ErrRange.
type Collection struct {
	realm   *Realm
	kind    schema.Collection
	element Element

	// Guarded by realm.mu.
	stored   *store.Collection
	released bool
	owner    address // of a collection in a property of a top-level object, where it never changes; without table: not known
	hidden   hidden
}

// Element is what the elements of a collection are.
type Element struct {
	Type     value.Kind // value.KindMixed: of any kind
	Nullable bool
	Class    uint32 // of links and embedded objects; 0 otherwise
	Embedded bool   // the elements are embedded objects
}

// OpenCollection returns the collection in a property of an object: a list, set or dictionary property, or a property of type mixed that
// holds a collection at the moment; nil if it holds none. The caller releases it.
func OpenCollection(o Object, property int) (*Collection, error) {
	r, p, err := owner(o)
	if err != nil {
		return nil, err
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	cl, err := r.classByID(uint32(p.class_key))
	if err != nil {
		return nil, err
	}
	l, err := r.conn.Collection(cl, int64(p.object_key), property)
	if err != nil || l == nil {
		return nil, err
	}
	ok, err := l.Exists()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noObject(cl, int64(p.object_key))
	}
	return r.newCollection(l), nil
}

// newCollection makes a handle, which counts as one of the instance's. The lock is held.
func (r *Realm) newCollection(l *store.Collection) *Collection {
	c := &Collection{realm: r, stored: l, kind: schema.List}
	switch l.Kind() {
	case value.KindSet:
		c.kind = schema.Set
	case value.KindDictionary:
		c.kind = schema.Dictionary
	}
	p := l.Element()
	c.element = Element{Type: p.Type, Nullable: p.Nullable}
	if p.Type == value.KindLink {
		if target := r.conn.Class(p.LinkTarget); target != nil {
			c.element.Class, c.element.Embedded = target.ID, target.Def.Kind == schema.Embedded
		}
	}
	r.handles++
	r.keep()
	return c
}

// Clone returns another handle on the same collection.
func (c *Collection) Clone() (other *Collection, err error) {
	err = c.read(func(l *store.Collection) error {
		other = c.realm.newCollection(l)
		return nil
	})
	return other, err
}

// Release gives the handle up. Releasing twice is allowed. Any thread.
func (c *Collection) Release() {
	r := c.realm
	r.mu.Lock()
	defer r.unlockAndDetach()
	if c.released {
		return
	}
	c.released = true
	r.handles--
	r.closeIfUnused()
}

// Valid tells whether the collection exists in its realm's snapshot. After Invalidate there is none, until something is read.
func (c *Collection) Valid() bool {
	if c.realm.hasDrifted() {
		return false
	}
	valid := false
	err := c.read(func(l *store.Collection) (err error) {
		valid, err = l.Exists()
		return err
	})
	return valid && err == nil
}

// Kind tells what it is: List, Set or Dictionary.
func (c *Collection) Kind() schema.Collection { return c.kind }

// Element tells what its elements are.
func (c *Collection) Element() Element { return c.element }

// Realm returns the instance, without adding a handle.
func (c *Collection) Realm() *Realm { return c.realm }

// Owner returns the object whose property holds the collection, directly or deep inside of a mixed value, and the property. The caller
// releases the object.
func (c *Collection) Owner() (o Object, property int, err error) {
	err = c.read(func(l *store.Collection) error {
		cl, row, i, ok := l.Root()
		if !ok {
			return collectionGone()
		}
		o, property = c.realm.newObject(cl.ID, row), i
		return nil
	})
	return o, property, err
}

func collectionGone() error { return errorf(store.ErrNoObject, "This collection is no longer valid.") }

// current returns the store's side for the connection of the moment: an instance changes connections.
func (c *Collection) current() (*store.Collection, error) {
	if c.released {
		return nil, errorf(ErrInvalidHandle, "this collection was released")
	}
	l, err := c.stored.On(c.realm.conn)
	if err != nil {
		return nil, err
	}
	c.stored = l
	return l, nil
}

// read runs a call that changes nothing.
func (c *Collection) read(f func(l *store.Collection) error) error {
	if err := c.realm.enter(); err != nil {
		return err
	}
	defer c.realm.leave()
	l, err := c.current()
	if err != nil {
		return err
	}
	return f(l)
}

// readExisting is read of a collection that has to exist: that of a deleted object would pass for an empty one.
func (c *Collection) readExisting(f func(l *store.Collection) error) error {
	return c.read(func(l *store.Collection) error {
		if err := c.exists(l); err != nil {
			return err
		}
		return f(l)
	})
}

func (c *Collection) exists(l *store.Collection) error {
	if ok, err := l.Exists(); err != nil || ok {
		return err
	}
	return collectionGone()
}

// change runs a change of the collection, which must be of that kind, in its write transaction.
func (c *Collection) change(kind schema.Collection, f func(l *store.Collection) error) error {
	r := c.realm
	if err := r.enterOnThread(); err != nil {
		return err
	}
	defer r.leave()
	if !r.conn.InWrite() {
		return ErrNotInTransaction
	}
	l, err := c.current()
	if err != nil {
		return err
	}
	if c.kind != kind {
		return errorf(store.ErrType, "this collection is a %v, not a %v", c.kind, kind)
	}
	if err := c.exists(l); err != nil {
		return err
	}
	defer r.moved()
	return f(l)
}

// address returns where the collection is; the zero address when nothing is recorded.
func (c *Collection) address(l *store.Collection) (address, error) {
	r := c.realm
	if !r.recorder.on {
		return address{}, nil
	}
	if c.owner.table != "" {
		return c.owner, nil
	}
	a, err := r.addressOfCollection(l)
	if err == nil && len(a.path) == 0 && l.Container() == 0 {
		c.owner = a
	}
	return a, err
}

// record records an instruction at an address, if instructions are recorded.
func (c *Collection) record(a address, in changeset.Instruction) error {
	if !c.realm.recorder.on {
		return nil
	}
	return c.realm.recordAt(a, in)
}

// recordValue records an instruction with the value of a cell.
func (c *Collection) recordValue(a address, in changeset.Instruction, cell *store.Cell) error {
	r := c.realm
	if !r.recorder.on {
		return nil
	}
	v, err := r.payload(cell)
	if err != nil {
		return r.recorder.fail(err)
	}
	in.Value = v
	return r.recordAt(a, in)
}

// argument returns the cell of a call, checked for what the store doesn't refuse.
func (c *Collection) argument(cell unsafe.Pointer) (*store.Cell, error) {
	v := (*store.Cell)(cell)
	if v == nil || v.Type == store.CellAbsent {
		return nil, errorf(store.ErrType, "a value is missing")
	}
	if c.element.Embedded && v.Kind() == value.KindLink {
		return nil, errorf(store.ErrType, "Cannot add existing embedded object to managed collection.")
	}
	if c.realm.recorder.on && v.Kind() == value.KindString && !utf8.Valid(v.Bytes()) {
		return nil, errorf(store.ErrType, "the string is not UTF-8, it can't be synced")
	}
	return v, nil
}

// checkKey refuses keys that dictionaries can't have (changeset.md section 9).
func checkKey(key string) error {
	switch {
	case strings.HasPrefix(key, "$"):
		return errorf(store.ErrType, "Dictionary::insert: key must not start with '$'")
	case strings.Contains(key, "."):
		return errorf(store.ErrType, "Dictionary::insert: key must not contain '.'")
	case !utf8.ValidString(key):
		return errorf(store.ErrType, "Dictionary::insert: key must be UTF-8")
	default:
		return nil
	}
}

// Len returns how many elements there are.
func (c *Collection) Len() (n int, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		n, err = c.length(l)
		return err
	})
	return n, err
}

func (c *Collection) length(l *store.Collection) (int, error) {
	n, err := l.Len()
	if err != nil {
		return 0, err
	}
	h, err := c.hiddenIn(l)
	return n - len(h), err
}

// Load reads elements from position first on, at most count and at most store.MaxBatch; none at the end only. Each row of the batch is a
// cell, the value, and for a dictionary a second cell, the key. The caller releases the batch. A collection in an element is a cell of type
// RLM_LIST or RLM_DICTIONARY (cell.h), to be opened with Child.
func (c *Collection) Load(first, count int) (b store.Batch, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		b, err = c.load(l, first, count)
		return err
	})
	return b, err
}

func (c *Collection) load(l *store.Collection, first, count int) (store.Batch, error) {
	n, err := c.length(l)
	if err != nil {
		return store.Batch{}, err
	}
	if first < 0 || count < 0 {
		return store.Batch{}, errorf(store.ErrRange, "Index out of range.")
	}
	first = min(first, n)
	count = min(count, n-first, store.MaxBatch)
	if len(c.hidden.at) == 0 {
		return l.Load(first, count)
	}
	return c.loadVisible(l, first, count)
}

// LoadObjects makes objects of the elements of a collection of links or embedded objects, as Results.Load does. Null values of dictionaries
// come as nil.
func (c *Collection) LoadObjects(first, count int, out unsafe.Pointer) (n int, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		n, err = c.loadObjects(l, first, count, out)
		return err
	})
	return n, err
}

func (c *Collection) loadObjects(l *store.Collection, first, count int, out unsafe.Pointer) (int, error) {
	r := c.realm
	if c.element.Class == 0 {
		return 0, errorf(store.ErrType, "the elements of this collection are no objects")
	}
	cells, err := c.load(l, first, count)
	if err != nil {
		return 0, err
	}
	defer cells.Release()
	rows := linkedRows(cells)
	cl, err := r.classByID(c.element.Class)
	if err != nil {
		return 0, err
	}
	batch, err := r.conn.LoadRows(cl, rows)
	if err != nil {
		return 0, err
	}
	defer batch.Release()
	objects := unsafe.Slice((*Object)(out), cells.Len())
	r.objectsOf(cl.ID, batch, out)
	for i, k := cells.Len()-1, len(rows); i >= 0; i-- { // from the end: each moves up
		if cells.Row(i)[0].Kind() != value.KindLink {
			objects[i] = nil
			continue
		}
		k--
		objects[i] = objects[k]
	}
	return cells.Len(), nil
}

// linkedRows returns the rows that the links among the first cells of a batch are to.
func linkedRows(cells store.Batch) []int64 {
	rows := make([]int64, 0, cells.Len())
	for i := range cells.Len() {
		if cell := &cells.Row(i)[0]; cell.Kind() == value.KindLink {
			_, row := cell.Link()
			rows = append(rows, row)
		}
	}
	return rows
}

// IndexOf returns the position of the first element that equals a cell (*rlm_cell).
func (c *Collection) IndexOf(cell unsafe.Pointer) (i int, found bool, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		if i, found, err = l.IndexOf((*store.Cell)(cell)); err != nil || !found {
			return err
		}
		h, err := c.hiddenIn(l)
		before, _ := slices.BinarySearch(h, i)
		i -= before
		return err
	})
	return i, found, err
}

// Child returns the collection that the element at a position (of a dictionary: in order of keys) holds; nil if it holds none.
func (c *Collection) Child(i int) (child *Collection, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		found, err := l.Child(i)
		if err == nil && found.Collection != nil {
			child = c.realm.newCollection(found.Collection)
		}
		return err
	})
	return child, err
}

// ChildKey is Child of a dictionary by key.
func (c *Collection) ChildKey(key string) (child *Collection, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		found, err := l.ChildKey(key)
		if err == nil && found.Collection != nil {
			child = c.realm.newCollection(found.Collection)
		}
		return err
	})
	return child, err
}

// Clear removes all elements. Objects that are linked to stay, embedded ones go.
func (c *Collection) Clear() error {
	return c.change(c.kind, func(l *store.Collection) error {
		n, err := l.Len()
		if err != nil {
			return err
		}
		if n == 0 && l.Container() == 0 { // in mixed, it settles what the value is (changeset.md 6.9)
			return nil
		}
		a, err := c.address(l)
		if err != nil {
			return err
		}
		if err := l.Clear(); err != nil {
			return err
		}
		return c.record(a, changeset.Instruction{Op: changeset.Clear, Collection: c.kind})
	})
}

// Resolve returns the same collection in another instance of the file; nil if it doesn't exist there. A live target that lags behind is
// moved to the newest version first.
func (c *Collection) Resolve(target *Realm) (*Collection, error) {
	r := c.realm
	if r.file != target.file {
		return nil, errorf(ErrMismatchedConfig, "the collection is of the realm '%s', not of '%s'", r.path, target.path)
	}
	var stored *store.Collection
	var version uint64
	if err := c.read(func(l *store.Collection) error {
		stored, version = l, r.version
		return nil
	}); err != nil {
		return nil, err
	}
	if err := target.catchUp(version); err != nil {
		return nil, err
	}
	if err := target.enter(); err != nil {
		return nil, err
	}
	defer target.leave()
	l, err := stored.On(target.conn)
	if err != nil {
		return nil, err
	}
	if ok, err := l.Exists(); err != nil || !ok {
		return nil, err
	}
	return target.newCollection(l), nil
}
