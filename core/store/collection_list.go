package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/value"
)

// list is what every change of a list begins with. n is the greatest index allowed.
func (l *Collection) list(what string, i int, behind bool) (*elements, int64, *collectionState, error) {
	e, owner, err := l.tableToWrite(value.KindList, what)
	if err != nil {
		return nil, 0, nil, err
	}
	st, err := l.knownToWrite(e, owner)
	if err != nil {
		return nil, 0, nil, err
	}
	if n := st.sequence.n; i < 0 || i > n || i == n && !behind {
		return nil, 0, nil, l.conn.errorf(ErrRange, "%s: index %d of a list with %d elements", what, i, n)
	}
	return e, owner, st, nil
}

// Insert puts a value into a list in front of index i; at Len it appends.
func (l *Collection) Insert(i int, cell *Cell) error {
	if l.appending() && i == l.state.sequence.n {
		if done, err := l.wait(cell); done {
			return err
		}
	}
	if err := l.element(cell); err != nil {
		return err
	}
	return l.insert(i, cell, 1)
}

// InsertMany is Insert of n cells, one after the other. When it fails, those in front of the failing one are in the list.
func (l *Collection) InsertMany(i int, cells *Cell, n int) error {
	all := unsafe.Slice(cells, n)
	for k := range all {
		if err := l.element(&all[k]); err != nil {
			return err
		}
	}
	return l.insert(i, cells, n)
}

// insert is InsertMany without the check of the cells.
func (l *Collection) insert(i int, cells *Cell, n int) error {
	e, owner, st, err := l.list("inserting an element", i, true)
	if err != nil || n == 0 {
		return err
	}
	s := &st.sequence
	if i == s.n {
		err := l.append(e, owner, s, cells, n)
		if err == nil && n == 1 {
			l.awaitAppends(e, owner, cells)
		}
		return err
	}
	all := unsafe.Slice(cells, n)
	for k := range all {
		position, err := l.makeRoom(e, owner, s, i+k)
		if err != nil {
			return err
		}
		rc := C.rlm_element_insert(l.conn.openElements(e), C.int64_t(owner), placeOf(position), (*C.rlm_cell)(unsafe.Pointer(&all[k])))
		if rc != 0 {
			return l.fail(rc, "inserting an element")
		}
		l.inserted(s, i+k, position)
	}
	return nil
}

// append inserts at the end.
func (l *Collection) append(e *elements, owner int64, s *sequence, cells *Cell, n int) error {
	position := int64(stride)
	if s.n > 0 {
		position = s.at(s.n-1) + stride
	}
	var done C.int
	rc := C.rlm_element_append(l.conn.openElements(e), C.int64_t(owner), C.int64_t(position), stride, (*C.rlm_cell)(unsafe.Pointer(cells)), C.int(n), &done)
	if !s.ragged() {
		if s.n == 0 {
			s.first = position
		}
		s.n += int(done)
	} else {
		for k := range int64(done) {
			s.insert(s.n, position+k*stride)
		}
	}
	if done > 0 {
		l.touched()
	}
	if rc != 0 {
		return l.fail(rc, "appending an element")
	}
	return nil
}

// makeRoom returns a position for a new element in front of index i, which isn't the end.
func (l *Collection) makeRoom(e *elements, owner int64, s *sequence, i int) (int64, error) {
	if i == 0 {
		return s.at(0) - stride, nil
	}
	if err := l.becomeRagged(e, owner, s); err != nil {
		return 0, err
	}
	if position, ok := s.between(i); ok {
		return position, nil
	}
	first, last, start, step := s.crowd(i)
	if err := l.spread(e, owner, s, first, last, start, step); err != nil {
		l.conn.collections.drop(l.key()) // some have moved
		return 0, err
	}
	position, ok := s.between(i)
	if !ok {
		return 0, l.conn.errorf(ErrFormat, "the positions of a list leave no room")
	}
	return position, nil
}

// spread gives the elements from index first to last new positions. Those that move down go first, in ascending order, then those that move
// up, in descending order: so no two are ever at one position.
func (l *Collection) spread(e *elements, owner int64, s *sequence, first, last int, start, step int64) error {
	old := make([]int64, last-first+1)
	for i := range old {
		old[i] = s.at(first + i)
	}
	move := func(i int) error { return l.shift(e, owner, old[i], start+int64(i)*step) }
	for i := range old {
		if start+int64(i)*step < old[i] {
			if err := move(i); err != nil {
				return err
			}
		}
	}
	for i := len(old) - 1; i >= 0; i-- {
		if start+int64(i)*step > old[i] {
			if err := move(i); err != nil {
				return err
			}
		}
	}
	s.spread(first, last, start, step)
	return nil
}

// shift moves an element to a free position.
func (l *Collection) shift(e *elements, owner, from, to int64) error {
	var changes C.int
	if rc := C.rlm_element_move(l.conn.openElements(e), C.int64_t(owner), C.int64_t(from), C.int64_t(to), &changes); rc != 0 {
		return l.fail(rc, "moving an element")
	}
	if changes == 0 {
		return l.conn.errorf(ErrFormat, "an element of a list is missing")
	}
	return nil
}

// becomeRagged gives up the dense form, in the file too.
func (l *Collection) becomeRagged(e *elements, owner int64, s *sequence) error {
	if s.ragged() {
		return nil
	}
	if err := l.conn.markRagged(e, owner); err != nil {
		return err
	}
	s.expand()
	l.conn.collections.positions += s.n
	return nil
}

func (l *Collection) inserted(s *sequence, i int, position int64) {
	switch {
	case s.ragged():
		s.insert(i, position)
	case i == 0:
		s.first = position
		s.n++
	}
	l.touched()
}

// removed notes that index i is gone from the table.
func (l *Collection) removed(e *elements, owner int64, s *sequence, i int) error {
	switch {
	case s.ragged():
		s.remove(i)
		if s.n == 0 {
			*s = sequence{}
			return l.conn.unmarkRagged(e, owner)
		}
	case i == s.n-1:
		s.n--
	default: // the first: others have made the list ragged
		s.first += stride
		s.n--
	}
	return nil
}

// Set replaces the element at index i, with all that is inside.
func (l *Collection) Set(i int, cell *Cell) error {
	if err := l.element(cell); err != nil {
		return err
	}
	return l.set(i, cell)
}

func (l *Collection) set(i int, cell *Cell) error {
	e, owner, st, err := l.list("setting an element", i, false)
	if err != nil {
		return err
	}
	at := placeOf(st.sequence.at(i))
	discard, err := l.conn.childAt(l, e, owner, at)
	if err != nil {
		return err
	}
	var changes C.int
	if rc := C.rlm_element_update(l.conn.openElements(e), C.int64_t(owner), at, (*C.rlm_cell)(unsafe.Pointer(cell)), &changes); rc != 0 {
		return l.fail(rc, "setting an element")
	}
	l.touched()
	return l.conn.discard(discard)
}

// Move takes the element at index from out of the list and puts it back so that it is at index to.
func (l *Collection) Move(from, to int) error {
	e, owner, st, err := l.list("moving an element", from, false)
	if err != nil {
		return err
	}
	s := &st.sequence
	if to < 0 || to >= s.n {
		return l.conn.errorf(ErrRange, "moving an element: index %d of a list with %d elements", to, s.n)
	}
	if from == to {
		return nil
	}
	if err := l.becomeRagged(e, owner, s); err != nil {
		return err
	}
	// The gap is in front of the element that is at index to now, or behind it when moving up.
	i := to
	if to > from {
		i = to + 1
	}
	position := int64(0)
	switch i {
	case s.n:
		position = s.at(s.n-1) + stride
	default:
		if position, err = l.makeRoom(e, owner, s, i); err != nil {
			return err
		}
	}
	if err := l.shift(e, owner, s.at(from), position); err != nil {
		return err
	}
	s.remove(from)
	s.insert(to, position)
	l.touched()
	return nil
}

// Erase removes the element at index i of a list, with all that is inside.
func (l *Collection) Erase(i int) error {
	e, owner, st, err := l.list("erasing an element", i, false)
	if err != nil {
		return err
	}
	s := &st.sequence
	if i > 0 && i < s.n-1 {
		if err := l.becomeRagged(e, owner, s); err != nil {
			return err
		}
	}
	at := placeOf(s.at(i))
	discard, err := l.conn.childAt(l, e, owner, at)
	if err != nil {
		return err
	}
	var changes C.int
	if rc := C.rlm_element_erase(l.conn.openElements(e), C.int64_t(owner), at, &changes); rc != 0 {
		return l.fail(rc, "erasing an element")
	}
	if err := l.removed(e, owner, s, i); err != nil {
		return err
	}
	l.touched()
	return l.conn.discard(discard)
}

// InsertNew puts something new and empty in front of index i: KindObject into a list of embedded objects, KindList or KindDictionary into a
// list of mixed.
func (l *Collection) InsertNew(i int, kind value.Kind) (Child, error) {
	_, _, _, err := l.list("inserting an element", i, true)
	if err != nil {
		return Child{}, err
	}
	child, cell, err := l.make(kind)
	if err != nil {
		return Child{}, err
	}
	return child, l.insert(i, &cell, 1)
}

// SetNew replaces the element at index i, with all that is inside, by something new and empty, as InsertNew.
func (l *Collection) SetNew(i int, kind value.Kind) (Child, error) {
	_, _, _, err := l.list("setting an element", i, false)
	if err != nil {
		return Child{}, err
	}
	child, cell, err := l.make(kind)
	if err != nil {
		return Child{}, err
	}
	return child, l.set(i, &cell)
}

// Child returns the embedded object or the collection at index i; the zero Child if it is a value.
func (l *Collection) Child(i int) (Child, error) {
	if l.kind == value.KindSet {
		return Child{}, nil
	}
	b, err := l.Load(i, 1)
	if err != nil {
		return Child{}, err
	}
	defer b.Release()
	if b.Len() == 0 {
		return Child{}, l.conn.errorf(ErrRange, "index %d is behind the end", i)
	}
	return l.childIn(&b.Row(0)[0]), nil
}

// IndexOf returns the index of the first element that is the same as the cell: of sets by search, otherwise by walking.
func (l *Collection) IndexOf(cell *Cell) (int, bool, error) {
	if l.kind == value.KindSet {
		return l.setIndex(cell)
	}
	n, err := l.Len()
	if err != nil {
		return 0, false, err
	}
	for first := 0; first < n; first += MaxBatch {
		b, err := l.Load(first, MaxBatch)
		if err != nil {
			return 0, false, err
		}
		for i := range b.Len() {
			if b.Row(i)[0].Same(cell) {
				b.Release()
				return first + i, true, nil
			}
		}
		b.Release()
	}
	return 0, false, nil
}
