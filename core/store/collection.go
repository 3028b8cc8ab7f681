package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Collection is a list, set or dictionary: that of a property of an object, or one inside of a mixed value. It is a name for it, and there may
// be any number of names for one collection. It stays good across transactions of its Conn. When the collection is gone, reading and changing
// one inside of mixed is ErrNoObject; that of a property counts as empty, and changing it is ErrNoObject.
//
// Errors of all calls: ErrTransaction; ErrType for calls of another kind of collection, and for elements of another type; ErrNotNullable;
// ErrNoObject also for links to rows that don't exist; ErrRange for indexes out of range; ErrSchema when the property has been removed.
// Every change is one of the object that holds the property: Changes tells it as a Modification of the property.
type Collection struct {
	conn      *Conn
	class     *Class
	row       int64
	property  uint32 // id of the property's column: its index may change
	kind      value.Kind
	container int64 // of one inside of mixed

	state      *collectionState
	generation uint64 // of conn.collections when state was right
}

// Child is what a place in an object or a collection holds: an embedded object, or a collection inside of mixed. The zero Child stands for
// neither.
type Child struct {
	Class      *Class // of an embedded object
	Row        int64
	Collection *Collection
}

// IsZero tells that there is no child.
func (ch Child) IsZero() bool { return ch.Class == nil && ch.Collection == nil }

// collectionState is what is known of a collection in the current snapshot.
type collectionState struct {
	sequence sequence // of lists
	n        int      // of sets and dictionaries
	// The place behind the last element that was loaded, of sets and dictionaries: loading them in order needs no search.
	next     int
	nextAt   []byte
	haveNext bool
	// Of sets and dictionaries: the keys in order once indexes have been asked for that often.
	ranks  *counted[string]
	counts int
}

// collectionKey names a collection: for one inside of mixed its id and nothing else.
type collectionKey struct {
	class, property uint32
	owner           int64
}

// collectionStates keeps what is known of collections.
type collectionStates struct {
	states     map[collectionKey]*collectionState
	generation uint64 // moves when states are dropped
	positions  int    // in ragged lists, roughly
	// Whether there are any collections inside of mixed, and any ragged lists.
	containers, ragged tristate
}

const (
	maxCollectionStates = 4096
	maxKeptPositions    = 8 << 20
)

func (k *collectionStates) forget() {
	*k = collectionStates{generation: k.generation + 1}
}

func (k *collectionStates) drop(key collectionKey) {
	if _, ok := k.states[key]; ok {
		delete(k.states, key)
		k.generation++
	}
}

// Collection returns the collection in a property of a row: a list, set or dictionary, or the one that a mixed value holds, nil if it holds
// none. Whether the row exists is not looked at for the former. Errors: ErrType for other properties, ErrNoObject.
func (c *Conn) Collection(cl *Class, row int64, property int) (*Collection, error) {
	cl, err := c.readyToRead(cl, "opening a collection")
	if err != nil {
		return nil, err
	}
	if property < 0 || property >= len(cl.cols) {
		return nil, c.errorf(ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
	}
	p := &cl.Def.Properties[property]
	if p.Collection != schema.Single {
		return c.collection(cl, row, property), nil
	}
	if p.Type != value.KindMixed {
		return nil, c.errorf(ErrType, "property '%s.%s' is not a collection", cl.Def.Name, p.Name)
	}
	child, err := c.childOf(cl, row, property)
	return child.Collection, err
}

func (c *Conn) collection(cl *Class, row int64, property int) *Collection {
	l := &Collection{conn: c, class: cl, row: row, property: cl.cols[property].id}
	switch cl.Def.Properties[property].Collection {
	case schema.Set:
		l.kind = value.KindSet
	case schema.Dictionary:
		l.kind = value.KindDictionary
	default:
		l.kind = value.KindList
	}
	return l
}

// Kind returns KindList, KindSet or KindDictionary.
func (l *Collection) Kind() value.Kind { return l.kind }

// Container returns the id of a collection inside of mixed, 0 for that of a property. Ids are never used again.
func (l *Collection) Container() int64 { return l.container }

// Root returns the property that the collection is in, directly or deep inside, and its object; false when the property is gone.
func (l *Collection) Root() (cl *Class, row int64, property int, ok bool) {
	cl = l.class
	if cl.outdate {
		if cl = l.conn.catalog.byID[cl.ID]; cl == nil {
			return nil, 0, 0, false
		}
		l.class = cl
	}
	for i := range cl.cols {
		if cl.cols[i].id == l.property {
			return cl, l.row, i, true
		}
	}
	return nil, 0, 0, false
}

// Same tells whether both are the same collection.
func (l *Collection) Same(o *Collection) bool {
	return o != nil && l.conn == o.conn && l.kind == o.kind && l.key() == o.key()
}

func (l *Collection) key() collectionKey {
	if l.container != 0 {
		return collectionKey{owner: l.container}
	}
	return collectionKey{l.class.ID, l.property, l.row}
}

// Element describes the elements: type, nullability and target. It is undefined when the property is gone.
func (l *Collection) Element() schema.Property {
	cl, _, i, ok := l.Root()
	if !ok || l.container != 0 {
		return schema.Property{Type: value.KindMixed, Nullable: true}
	}
	p := cl.Def.Properties[i]
	p.Nullable = p.Nullable || p.Type == value.KindMixed || p.Type == value.KindLink && p.Collection == schema.Dictionary
	return p
}

// Exists tells whether the collection is still there: its object, or for one inside of mixed, the collection itself.
func (l *Collection) Exists() (bool, error) {
	if l.appending() {
		return true, nil
	}
	c := l.conn
	cl, err := c.readyToRead(l.class, "looking for a collection")
	if err != nil {
		return false, err
	}
	if _, _, _, ok := l.Root(); !ok {
		return false, nil
	}
	if l.state != nil && l.generation == c.collections.generation { // what is known of a collection goes when it goes
		return true, nil
	}
	if l.container == 0 {
		return c.exists(cl, l.row)
	}
	return c.containerExists(l.container)
}

// table returns the table with the elements and the owner in it, for reading.
func (l *Collection) table() (*elements, int64, error) {
	c := l.conn
	if c.tx < txRead {
		return nil, 0, c.needRead("reading a collection")
	}
	if err := c.flush(); err != nil {
		return nil, 0, err
	}
	if l.container != 0 {
		return &c.catalog.nested, l.container, nil
	}
	if l.class.outdate || l.class.table == nil {
		cl, err := c.current(l.class)
		if err != nil {
			return nil, 0, err
		}
		l.class = cl
	}
	for i := range l.class.cols {
		if l.class.cols[i].id == l.property {
			return l.class.elems[i], l.row, nil
		}
	}
	return nil, 0, c.errorf(ErrSchema, "the property has been removed from class '%s'", l.class.Def.Name)
}

// tableToWrite is table before a change.
func (l *Collection) tableToWrite(kind value.Kind, what string) (*elements, int64, error) {
	c := l.conn
	if c.tx != txWrite {
		return nil, 0, c.needWrite(what)
	}
	if l.kind != kind {
		return nil, 0, c.errorf(ErrType, "%s: the collection is a %v, not a %v", what, l.kind, kind)
	}
	e, owner, err := l.table()
	if err != nil {
		return nil, 0, err
	}
	c.state.known = false
	if !e.built {
		if err := c.buildElements(e); err != nil {
			return nil, 0, err
		}
	}
	return e, owner, nil
}

func (l *Collection) gone() error {
	return l.conn.errorf(ErrNoObject, "the collection's object of class '%s' was deleted, or the collection was replaced", l.class.Def.Name)
}

// knownToWrite is known for a change: then the owner must exist.
func (l *Collection) knownToWrite(e *elements, owner int64) (*collectionState, error) {
	st, err := l.known(e, owner)
	if err == nil && l.state == nil {
		err = l.gone()
	}
	return st, err
}

// known returns the state, read if necessary. An owner that doesn't exist has no state that is kept.
func (l *Collection) known(e *elements, owner int64) (*collectionState, error) {
	k := &l.conn.collections
	if l.state != nil && l.generation == k.generation {
		return l.state, nil
	}
	key := l.key()
	st := k.states[key]
	if st == nil {
		var err error
		if st, err = l.read(e, owner); err != nil {
			return nil, err
		}
		if l.size(st) == 0 { // whose elements there are exists itself
			ok, err := l.Exists()
			switch {
			case err != nil:
				return nil, err
			case !ok && l.container != 0:
				return nil, l.gone()
			case !ok:
				l.state = nil
				return st, nil
			}
		}
		if len(k.states) >= maxCollectionStates || k.positions > maxKeptPositions {
			k.forget()
		}
		if k.states == nil {
			k.states = map[collectionKey]*collectionState{}
		}
		k.states[key] = st
	}
	l.state, l.generation = st, k.generation
	return st, nil
}

// read learns what there is.
func (l *Collection) read(e *elements, owner int64) (*collectionState, error) {
	c, st := l.conn, &collectionState{}
	if !e.built {
		return st, nil
	}
	if l.kind != value.KindList {
		n, _, err := c.queryInt("SELECT count(*) FROM "+e.name+" WHERE owner=?", owner)
		st.n = int(n)
		return st, err
	}
	ragged, err := c.isRagged(e, owner)
	if err != nil {
		return nil, err
	}
	if ragged {
		positions, err := c.rowIDs("SELECT k FROM "+e.name+" WHERE owner=? ORDER BY k", []any{owner})
		if err != nil {
			return nil, err
		}
		st.sequence = newRagged(positions)
		c.collections.positions += len(positions)
		return st, nil
	}
	first, ok, err := c.queryInt("SELECT k FROM "+e.name+" WHERE owner=? ORDER BY k LIMIT 1", owner)
	if err != nil || !ok {
		return st, err
	}
	last, _, err := c.queryInt("SELECT k FROM "+e.name+" WHERE owner=? ORDER BY k DESC LIMIT 1", owner)
	st.sequence = sequence{n: int((last-first)/stride) + 1, first: first}
	return st, err
}

// Len returns the number of elements, dangling links included.
func (l *Collection) Len() (int, error) {
	if l.appending() {
		return l.state.sequence.n, nil
	}
	e, owner, err := l.table()
	if err != nil {
		return 0, err
	}
	st, err := l.known(e, owner)
	if err != nil {
		return 0, err
	}
	return l.size(st), nil
}

func (l *Collection) size(st *collectionState) int {
	if l.kind == value.KindList {
		return st.sequence.n
	}
	return st.n
}

// Load reads elements from index first on, at most count and MaxBatch, fewer only at the end: a cell each, and for dictionaries the key as a
// second cell. The row ids of the batch are the indexes. Reading from front to end is fast; so is any index of a list. The caller releases the
// batch.
func (l *Collection) Load(first, count int) (Batch, error) {
	e, owner, err := l.table()
	if err != nil {
		return Batch{}, err
	}
	st, err := l.known(e, owner)
	if err != nil {
		return Batch{}, err
	}
	n := l.size(st)
	if first < 0 || count < 0 || first > n {
		return Batch{}, l.conn.errorf(ErrRange, "index %d, count %d: the %v has %d elements", first, count, l.kind, n)
	}
	return l.load(e, owner, st, first, min(count, MaxBatch, n-first))
}

func (l *Collection) load(e *elements, owner int64, st *collectionState, first, count int) (Batch, error) {
	c := l.conn
	if count == 0 || !e.built {
		b := Batch{C.rlm_batch_new(0, C.int(l.columns()))}
		if b.raw == nil {
			panic("store: out of memory")
		}
		return b, nil
	}
	c.arena.reset()
	var at C.rlm_place
	after := C.int(0)
	switch {
	case l.kind == value.KindList:
		at = placeOf(st.sequence.at(first))
	case first == 0:
		at = l.place(nil)
	case st.haveNext && st.next == first:
		at, after = l.place(st.nextAt), 1
	default:
		r, err := l.ranked(e, owner, st)
		if err != nil {
			return Batch{}, err
		}
		var key []byte
		if r != nil {
			at = l.place([]byte(r.at(first)))
			break
		}
		if err := c.query("SELECT k FROM "+e.name+" WHERE owner=? ORDER BY k LIMIT 1 OFFSET ?", []any{owner, first}, func(r *Row) error {
			key = r.Blob(0)
			return nil
		}); err != nil {
			return Batch{}, err
		}
		at = l.place(key)
	}
	var b Batch
	rc := C.rlm_elements_load(c.openElements(e), C.int64_t(owner), at, after, C.int(count), C.int(l.columns()-1), C.int64_t(first), &b.raw)
	if rc != 0 {
		return Batch{}, l.fail(rc, "reading a collection")
	}
	if l.kind != value.KindList {
		l.remember(st, first+count, b)
	}
	return b, nil
}

// remember notes where the next element is.
func (l *Collection) remember(st *collectionState, next int, b Batch) {
	st.haveNext = false
	n := b.Len()
	if n == 0 {
		return
	}
	row := b.Row(n - 1)
	st.next, st.haveNext = next, true
	if l.kind == value.KindDictionary {
		st.nextAt = append(st.nextAt[:0], row[1].Bytes()...)
	} else {
		st.nextAt = appendSetKey(st.nextAt[:0], &row[0], l.isMixed())
	}
}

func (l *Collection) isMixed() bool {
	p := l.Element()
	return p.Type == value.KindMixed
}

// columns is the number of cells of an element.
func (l *Collection) columns() int {
	if l.kind == value.KindDictionary {
		return 2
	}
	return 1
}

// placeOf is the place of an element of a list.
func placeOf(position int64) C.rlm_place {
	return C.rlm_place{_type: C.RLM_INT, position: C.int64_t(position)}
}

// place is the place of a key in a set or dictionary. The bytes go into the connection's arena.
func (l *Collection) place(key []byte) C.rlm_place {
	at := C.rlm_place{_type: C.RLM_BINARY, size: C.uint32_t(len(key))}
	if l.kind == value.KindDictionary {
		at._type = C.RLM_STRING
	}
	if len(key) > 0 {
		at.data = (*C.char)(l.conn.arena.put(unsafe.String(unsafe.SliceData(key), len(key))))
	}
	return at
}

// fail is Conn.failRow for elements.
func (l *Collection) fail(rc C.int, what string) error {
	cl, _, i, ok := l.Root()
	name := "?"
	if ok {
		name = cl.Def.Name + "." + cl.Def.Properties[i].Name
	}
	switch rc {
	case C.RLM_E_TYPE:
		return l.conn.errorf(ErrType, "%s: a value of the wrong type for an element of '%s'", what, name)
	case C.RLM_E_VALUE:
		return l.conn.errorf(ErrType, "%s: a malformed value for an element of '%s'", what, name)
	case C.RLM_E_NOT_NULL:
		return l.conn.errorf(ErrNotNullable, "%s: the elements of '%s' are required, they can't be null", what, name)
	case C.RLM_E_FORMAT:
		return l.conn.errorf(ErrFormat, "%s: a stored element of '%s' is damaged, or of a newer version", what, name)
	default:
		return l.conn.fail(rc, what)
	}
}

// touched notes a change of the collection.
func (l *Collection) touched() {
	if cl, row, i, ok := l.Root(); ok {
		l.conn.touchedModified(cl, row, columnBit(i))
	}
}

// element checks a cell that is to become an element: links are to rows that exist, embedded objects and collections are made in place.
func (l *Collection) element(cell *Cell) error {
	c := l.conn
	switch kind := cell.Kind(); {
	case cell.Type == CellAbsent:
		return c.errorf(ErrType, "an absent value for an element of a %v", l.kind)
	case kind == value.KindList || kind == value.KindDictionary:
		return c.errorf(ErrType, "a collection can't be an element as a value: it is made in its place")
	case kind != value.KindLink:
		return nil
	}
	cl, _, i, ok := l.Root()
	if !ok {
		return c.errorf(ErrSchema, "the property has been removed from class '%s'", l.class.Def.Name)
	}
	return c.checkLink(cl, i, cell)
}

// Clear removes all elements, embedded objects and collections in them included.
func (l *Collection) Clear() error {
	e, owner, err := l.tableToWrite(l.kind, "clearing a collection")
	if err != nil {
		return err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil || l.size(st) == 0 {
		return err
	}
	if err := l.conn.clearElements(e, owner); err != nil {
		return err
	}
	l.conn.collections.drop(l.key())
	l.touched()
	return nil
}
