package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/value"
)

// setPlace finds the place of an element of a set, or the place for it. The key lives until the arena is reset.
func (l *Collection) setPlace(e *elements, owner int64, cell *Cell) (key []byte, found bool, err error) {
	c := l.conn
	mixed := e.mixed()
	key = appendSetKey(nil, cell, mixed)
	if !e.built {
		return key, false, nil
	}
	_, found, err = c.queryInt("SELECT 1 FROM "+e.name+" WHERE owner=? AND k=?", owner, key)
	if found || err != nil || !mixed || !cell.Kind().IsNumeric() {
		return key, found, err
	}
	// A number of another type may be equal without having the same key.
	v := cell.Value()
	low, high := mixedNumber(v)
	sql := "SELECT k,v FROM " + e.name + " WHERE owner=? AND k BETWEEN ? AND ?"
	if v.Kind() != value.KindDecimal && !v.IsNaN() {
		sql += " AND substr(v,1,1)=x'08'"
	}
	err = c.query(sql, []any{owner, low, high}, func(r *Row) error {
		if w, ok := mixedNumberOf(r.bytes(1)); ok && !found && value.Equal(v, w) {
			key, found = r.Blob(0), true
		}
		return nil
	})
	return key, found, err
}

func (l *Collection) asSet(what string) (*elements, int64, error) {
	if l.kind != value.KindSet {
		return nil, 0, l.conn.errorf(ErrType, "%s: the collection is a %v, not a %v", what, l.kind, value.KindSet)
	}
	return l.table()
}

// Has tells whether a set has an element that equals the cell.
func (l *Collection) Has(cell *Cell) (bool, error) {
	e, owner, err := l.asSet("looking for an element")
	if err != nil {
		return false, err
	}
	_, found, err := l.setPlace(e, owner, cell)
	return found, err
}

// setIndex is IndexOf of a set.
func (l *Collection) setIndex(cell *Cell) (int, bool, error) {
	e, owner, err := l.asSet("looking for an element")
	if err != nil {
		return 0, false, err
	}
	key, found, err := l.setPlace(e, owner, cell)
	if err != nil || !found {
		return 0, false, err
	}
	i, err := l.keyIndex(e, owner, key)
	return i, true, err
}

// keyIndex returns how many elements are in front of a key.
func (l *Collection) keyIndex(e *elements, owner int64, key []byte) (int, error) {
	st, err := l.known(e, owner)
	if err != nil {
		return 0, err
	}
	r, err := l.ranked(e, owner, st)
	if err != nil {
		return 0, err
	}
	if r != nil {
		return r.index(alias(key)), nil
	}
	n, _, err := l.conn.queryInt("SELECT count(*) FROM "+e.name+" WHERE owner=? AND k<?", owner, key)
	return int(n), err
}

// Add adds a value to a set and tells whether it is new: if an equal one is there, that stays.
func (l *Collection) Add(cell *Cell) (added bool, err error) {
	if err := l.element(cell); err != nil {
		return false, err
	}
	_, added, err = l.add(cell)
	return added, err
}

// AddAt is Add that also tells the index at which the value, or the equal one, is.
func (l *Collection) AddAt(cell *Cell) (i int, added bool, err error) {
	if err := l.element(cell); err != nil {
		return 0, false, err
	}
	key, added, err := l.add(cell)
	if err != nil {
		return 0, false, err
	}
	e, owner, err := l.table()
	if err != nil {
		return 0, false, err
	}
	i, err = l.keyIndex(e, owner, key)
	return i, added, err
}

// add also returns the key at which the value, or the equal one, is.
func (l *Collection) add(cell *Cell) (key []byte, added bool, err error) {
	e, owner, err := l.tableToWrite(value.KindSet, "adding an element")
	if err != nil {
		return nil, false, err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil {
		return nil, false, err
	}
	c := l.conn
	raw := c.openElements(e)
	if kind := value.Kind(raw.col.kind); kind != value.KindMixed && cell.Kind() != kind && cell.Kind() != value.KindNull {
		return nil, false, l.fail(C.RLM_E_TYPE, "adding an element")
	}
	if e.mixed() && cell.Kind().IsNumeric() {
		found := false
		if key, found, err = l.setPlace(e, owner, cell); err != nil || found {
			return key, false, err
		}
	} else {
		key = appendSetKey(nil, cell, e.mixed())
	}
	c.arena.reset()
	rc := C.rlm_element_insert(raw, C.int64_t(owner), l.place(key), (*C.rlm_cell)(unsafe.Pointer(cell)))
	switch {
	case int(rc)&0xff == sqliteConstr && rc < C.RLM_E_TYPE: // it is there
		return key, false, nil
	case rc != 0:
		return nil, false, l.fail(rc, "adding an element")
	}
	st.added(alias(key))
	l.touched()
	return key, true, nil
}

// Remove removes a value from a set and tells whether it was there.
func (l *Collection) Remove(cell *Cell) (removed bool, err error) {
	e, owner, err := l.tableToWrite(value.KindSet, "removing an element")
	if err != nil {
		return false, err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil {
		return false, err
	}
	key, found := []byte(nil), false
	if e.mixed() {
		if key, found, err = l.setPlace(e, owner, cell); err != nil || !found {
			return false, err
		}
	} else {
		key = appendSetKey(nil, cell, false)
	}
	return l.eraseKey(e, owner, st, key)
}

// eraseKey removes the element at a key of a set, if there is one.
func (l *Collection) eraseKey(e *elements, owner int64, st *collectionState, key []byte) (erased bool, err error) {
	c := l.conn
	c.arena.reset()
	var changes C.int
	if rc := C.rlm_element_erase(c.openElements(e), C.int64_t(owner), l.place(key), &changes); rc != 0 {
		return false, l.fail(rc, "removing an element")
	}
	if changes == 0 {
		return false, nil
	}
	st.erased(alias(key))
	l.touched()
	return true, nil
}
