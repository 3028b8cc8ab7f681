package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/value"
)

// maxAppends is how many elements wait at most.
const maxAppends = 64

// appends are elements that were appended to one list and are not in its table yet: written together they cost half of it. They are of a
// type that writing can't refuse. The list's state counts them already; whoever reads the file calls flush before.
type appends struct {
	of       *collectionState // nil: none
	elements *elements
	owner    int64
	first    int64 // position of the first
	cells    []Cell
}

// appending tells whether the list's next element may wait with those that wait, or alone.
func (l *Collection) appending() bool {
	c := l.conn
	return c.appends.of != nil && l.state == c.appends.of && l.generation == c.collections.generation && c.tx == txWrite && !l.class.outdate &&
		!c.state.pending
}

// canWait tells whether writing the cell to the list can fail only with the whole file.
func (l *Collection) canWait(e *elements, cell *Cell) bool {
	if e.class == nil {
		return false
	}
	kind := e.class.Def.Properties[e.property].Type
	switch kind {
	case value.KindInt, value.KindDouble:
		return cell.Type == uint8(kind)
	default:
		return false
	}
}

// wait appends to a list whose elements may wait. It returns false for an element that mustn't.
func (l *Collection) wait(cell *Cell) (bool, error) {
	c := l.conn
	a := &c.appends
	if !l.canWait(a.elements, cell) {
		return false, nil
	}
	s := &a.of.sequence
	position := s.at(s.n-1) + stride
	if len(a.cells) == 0 {
		a.first = position
	}
	a.cells = append(a.cells, *cell)
	s.n++
	c.state.known = false
	l.touched()
	if len(a.cells) < maxAppends {
		return true, nil
	}
	return true, c.writeAppends()
}

// awaitAppends lets further elements of a list wait, one of which was just appended.
func (l *Collection) awaitAppends(e *elements, owner int64, cell *Cell) {
	if l.state != nil && !l.state.sequence.ragged() && l.canWait(e, cell) {
		a := &l.conn.appends
		a.of, a.elements, a.owner, a.cells = l.state, e, owner, a.cells[:0]
	}
}

// writeAppends writes the elements that wait. If that fails the transaction can't be committed any more: the application was told
// that they are in the list.
func (c *Conn) writeAppends() error {
	a := &c.appends
	if len(a.cells) == 0 {
		return nil
	}
	var done C.int
	rc := C.rlm_element_append(c.openElements(a.elements), C.int64_t(a.owner), C.int64_t(a.first), stride, (*C.rlm_cell)(unsafe.Pointer(&a.cells[0])),
		C.int(len(a.cells)), &done)
	a.cells = a.cells[:0]
	if rc == 0 {
		return nil
	}
	err := c.fail(rc, "appending an element")
	if c.tx == txWrite {
		c.tx, c.broken = txBroken, err
	}
	return err
}

// forget drops what waits: the transaction is over.
func (a *appends) forget() { a.of, a.elements, a.cells = nil, nil, a.cells[:0] }
