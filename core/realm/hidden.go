package realm

/*
#include "object.h"
*/
import "C"

import (
	"slices"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// hidden is where a list or set of links has links to objects that don't exist. These count in instructions and in the store, but an
// application doesn't see them (changeset.md 5.6). There are hardly ever any.
type hidden struct {
	at    []int  // indexes as the store counts, ascending
	stamp uint64 // of the connection when they were right, plus 1; 0: never
}

// hiddenIn returns the indexes of hidden elements. The slice must not be changed.
func (c *Collection) hiddenIn(l *store.Collection) ([]int, error) {
	if c.kind == schema.Dictionary || c.element.Type != value.KindLink || c.element.Embedded {
		return nil, nil
	}
	stamp := c.realm.conn.Stamp() + 1
	if c.hidden.stamp == stamp {
		return c.hidden.at, nil
	}
	at, err := l.Dangling()
	if err != nil {
		return nil, err
	}
	c.hidden = hidden{at, stamp}
	return at, nil
}

// known tells whether a change of the list that leads to a stamp can be followed.
func (h *hidden) known(stamp uint64) bool {
	if h.stamp == 0 || h.stamp > stamp {
		h.stamp = 0
		return false
	}
	h.stamp = stamp + 1
	return true
}

func (h *hidden) inserted(i int, stamp uint64) {
	if h.known(stamp) {
		for k := range h.at {
			if h.at[k] >= i {
				h.at[k]++
			}
		}
	}
}

func (h *hidden) erased(i int, stamp uint64) {
	if h.known(stamp) {
		for k := range h.at {
			if h.at[k] > i {
				h.at[k]--
			}
		}
	}
}

// kept notes that an element that wasn't hidden has been replaced by another.
func (h *hidden) kept(stamp uint64) { h.known(stamp) }

func (h *hidden) moved(from, to int, stamp uint64) {
	if h.known(stamp) {
		for k := range h.at {
			if h.at[k] > from {
				h.at[k]--
			}
			if h.at[k] >= to {
				h.at[k]++
			}
		}
	}
}

// rawIndex returns the index of a position as the store counts. behind allows the end.
func (c *Collection) rawIndex(l *store.Collection, i int, behind bool) (int, error) {
	n, err := c.length(l)
	if err != nil {
		return 0, err
	}
	if i < 0 || i > n || i == n && !behind {
		cl, _, p, ok := l.Root()
		if !ok {
			return 0, collectionGone()
		}
		return 0, errorf(store.ErrRange, "Requested index %d calling get() on %v '%s.%s' when max is %d", i, c.kind, cl.Def.Name, cl.Def.Properties[p].Name, n-1)
	}
	for _, at := range c.hidden.at { // length has made it current
		if at > i {
			break
		}
		i++
	}
	return i, nil
}

// loadVisible loads elements of a collection that has hidden ones: at least one, if count isn't 0.
func (c *Collection) loadVisible(l *store.Collection, first, count int) (store.Batch, error) {
	raw, err := c.rawIndex(l, first, true)
	if err != nil {
		return store.Batch{}, err
	}
	b, err := l.Load(raw, store.MaxBatch)
	if err != nil {
		return store.Batch{}, err
	}
	h := c.hidden.at
	kept := 0
	for i := 0; i < b.Len() && kept < count; i++ {
		if _, is := slices.BinarySearch(h, raw+i); !is {
			b.Row(kept)[0] = b.Row(i)[0] // nobody else has seen the batch
			kept++
		}
	}
	(*C.rlm_batch)(b.Pointer()).n = C.int32_t(kept)
	for i, rows := 0, unsafe.Slice((*int64)(unsafe.Pointer((*C.rlm_batch)(b.Pointer()).rowids)), kept); i < kept; i++ {
		rows[i] = int64(first + i)
	}
	return b, nil
}

// objectsOf makes objects of the rows of a batch.
func (r *Realm) objectsOf(class uint32, b store.Batch, out unsafe.Pointer) {
	if C.rlm_objects_of_batch(r.c, C.uint32_t(class), (*C.rlm_batch)(b.Pointer()), r.c.stamp, (**C.rlm_object)(out)) != 0 {
		panic("realm: out of memory") // as cgo does
	}
}
