package reset

import "slices"

// tracker maps positions in a list as the program saw it to positions in the list of the fresh copy. It knows only the elements that recovered
// changes have inserted themselves; where the others went nobody knows, and a change of one of these makes the whole list be copied
// (sync-semantics 7.6).
type tracker struct {
	own   []ownElement // ascending by here
	whole bool         // to be copied; instructions don't count until a Clear
	last  int          // the changeset that has touched it last, while whole
}

// ownElement is one that was inserted by a recovered change. there is -1 for one that could not be inserted.
type ownElement struct{ here, there int }

const absent = -1

// find returns the index in own of the element at a position.
func (t *tracker) find(here int) (i int, ok bool) {
	return slices.BinarySearchFunc(t.own, here, func(e ownElement, p int) int { return e.here - p })
}

// insert makes room for a new element before the position here, in a list of size elements there, and returns its place there. An element
// next to one of ours stays next to it; the order of ours is kept.
func (t *tracker) insert(here, size int) (there int) {
	i, at := t.find(here)
	there = min(here, size)
	low, high := 0, size
	for _, e := range t.own[:i] {
		if e.there != absent {
			low = e.there + 1
		}
	}
	for _, e := range slices.Backward(t.own[i:]) {
		if e.there != absent {
			high = e.there
		}
	}
	switch {
	case i > 0 && t.own[i-1].here == here-1 && t.own[i-1].there != absent:
		there = t.own[i-1].there + 1
	case at && t.own[i].there != absent:
		there = t.own[i].there
	}
	there = max(low, min(high, there))
	for j := range t.own {
		e := &t.own[j]
		if e.here >= here {
			e.here++
		}
		if e.there >= there {
			e.there++
		}
	}
	t.own = slices.Insert(t.own, i, ownElement{here, there})
	return there
}

// insertAbsent notes an element that is not inserted there.
func (t *tracker) insertAbsent(here int) {
	i, _ := t.find(here)
	for j := range t.own[i:] {
		t.own[i+j].here++
	}
	t.own = slices.Insert(t.own, i, ownElement{here, absent})
}

// erase forgets the element own[i], as it is erased on both sides.
func (t *tracker) erase(i int) {
	gone := t.own[i]
	t.own = slices.Delete(t.own, i, i+1)
	for j := range t.own {
		e := &t.own[j]
		if e.here > gone.here {
			e.here--
		}
		if gone.there != absent && e.there > gone.there {
			e.there--
		}
	}
}

// copyWhole gives up following the list: at the end it is copied.
func (t *tracker) copyWhole(changeset int) { t.own, t.whole, t.last = nil, true, changeset }
