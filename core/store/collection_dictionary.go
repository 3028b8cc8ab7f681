package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/value"
)

// dictionary is what every call of a dictionary begins with.
func (l *Collection) dictionary(what string) (*elements, int64, *collectionState, error) {
	if l.kind != value.KindDictionary {
		return nil, 0, nil, l.conn.errorf(ErrType, "%s: the collection is a %v, not a %v", what, l.kind, value.KindDictionary)
	}
	e, owner, err := l.table()
	if err != nil {
		return nil, 0, nil, err
	}
	st, err := l.known(e, owner)
	return e, owner, st, err
}

// GetKey returns what is at a key: a batch of one row, of the value and the key, which the caller releases. Without the key there is none.
func (l *Collection) GetKey(key string) (b Batch, found bool, err error) {
	e, owner, _, err := l.dictionary("reading a dictionary")
	if err != nil || !e.built {
		return Batch{}, false, err
	}
	c := l.conn
	c.arena.reset()
	if rc := C.rlm_element_get(c.openElements(e), C.int64_t(owner), l.place([]byte(key)), 1, &b.raw); rc != 0 {
		return Batch{}, false, l.fail(rc, "reading a dictionary")
	}
	if b.Len() == 0 {
		b.Release()
		return Batch{}, false, nil
	}
	return b, true, nil
}

// KeyIndex returns the index of a key in the order of keys.
func (l *Collection) KeyIndex(key string) (int, bool, error) {
	e, owner, st, err := l.dictionary("reading a dictionary")
	if err != nil || !e.built {
		return 0, false, err
	}
	_, found, err := l.conn.queryInt("SELECT 1 FROM "+e.name+" WHERE owner=? AND k=?", owner, key)
	if err != nil || !found {
		return 0, false, err
	}
	r, err := l.ranked(e, owner, st)
	if err != nil {
		return 0, false, err
	}
	if r != nil {
		return r.index(key), true, nil
	}
	n, _, err := l.conn.queryInt("SELECT count(*) FROM "+e.name+" WHERE owner=? AND k<?", owner, key)
	return int(n), true, err
}

// Put sets the value at a key, with or without one there; what was there is discarded with all that is inside.
func (l *Collection) Put(key string, cell *Cell) error {
	if err := l.element(cell); err != nil {
		return err
	}
	return l.put(key, cell)
}

func (l *Collection) put(key string, cell *Cell) error {
	e, owner, err := l.tableToWrite(value.KindDictionary, "setting an entry")
	if err != nil {
		return err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil {
		return err
	}
	c := l.conn
	if _, err := c.hasContainers(); err != nil { // known from here on: nothing uses the arena before the key has been used
		return err
	}
	c.arena.reset()
	at := l.place([]byte(key))
	discard, err := c.childAt(l, e, owner, at)
	if err != nil {
		return err
	}
	v := (*C.rlm_cell)(unsafe.Pointer(cell))
	rc := C.rlm_element_insert(c.openElements(e), C.int64_t(owner), at, v)
	switch {
	case rc == 0:
		st.added(key)
	case int(rc)&0xff == sqliteConstr && rc < C.RLM_E_TYPE: // the key is there
		var changes C.int
		rc = C.rlm_element_update(c.openElements(e), C.int64_t(owner), at, v, &changes)
	}
	if rc != 0 {
		return l.fail(rc, "setting an entry")
	}
	l.touched()
	return c.discard(discard)
}

// PutNew is Put of something new and empty: KindObject into a dictionary of embedded objects, KindList or KindDictionary into one of mixed.
func (l *Collection) PutNew(key string, kind value.Kind) (Child, error) {
	if _, _, err := l.tableToWrite(value.KindDictionary, "setting an entry"); err != nil {
		return Child{}, err
	}
	child, cell, err := l.make(kind)
	if err != nil {
		return Child{}, err
	}
	return child, l.put(key, &cell)
}

// RemoveKey removes a key, with all that is inside, and tells whether it was there.
func (l *Collection) RemoveKey(key string) (removed bool, err error) {
	e, owner, err := l.tableToWrite(value.KindDictionary, "removing an entry")
	if err != nil {
		return false, err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil {
		return false, err
	}
	c := l.conn
	if _, err := c.hasContainers(); err != nil { // known from here on: nothing uses the arena before the key has been used
		return false, err
	}
	c.arena.reset()
	at := l.place([]byte(key))
	discard, err := c.childAt(l, e, owner, at)
	if err != nil {
		return false, err
	}
	before := st.n
	if err := l.removeAt(e, owner, st, key, at); err != nil || st.n == before {
		return false, err
	}
	return true, c.discard(discard)
}

func (l *Collection) removeAt(e *elements, owner int64, st *collectionState, key string, at C.rlm_place) error {
	var changes C.int
	if rc := C.rlm_element_erase(l.conn.openElements(e), C.int64_t(owner), at, &changes); rc != 0 {
		return l.fail(rc, "removing an entry")
	}
	if changes > 0 {
		st.erased(key)
		l.touched()
	}
	return nil
}

// ChildKey returns the embedded object or the collection at a key; the zero Child if it is a value, or there is no such key.
func (l *Collection) ChildKey(key string) (Child, error) {
	b, found, err := l.GetKey(key)
	if err != nil || !found {
		return Child{}, err
	}
	defer b.Release()
	return l.childIn(&b.Row(0)[0]), nil
}
