package handle

import (
	"sync"
	"sync/atomic"
)

// Handle is the number. 0, C's NULL, is no handle.
type Handle uintptr

// The parts of a Handle, from the top: mark (4 bits), kind (4), use of the slot (28), slot (27), and a one.
const (
	mark      = 0xA // 0xA... is not canonical
	markShift = 60
	kindShift = 56
	useShift  = 28
	useMask   = 1<<28 - 1
	slotShift = 1
	slotMask  = 1<<27 - 1

	chunkBits = 8
	chunkSize = 1 << chunkBits
	// maxChunks bounds a table to 2 million handles.
	maxChunks = 1 << 13
	// maxKind is the greatest kind.
	maxKind = 15
)

// Table holds the things of one kind. All methods may be called concurrently; Get takes no lock.
type Table[T any] struct {
	kind   uint64
	live   atomic.Int64
	chunks [maxChunks]atomic.Pointer[chunk[T]]

	mu   sync.Mutex
	free []uint32 // slots to use again
	uses []uint32 // the present or next use of each slot there has been
}

type chunk[T any] [chunkSize]atomic.Pointer[entry[T]]

// entry is what a slot holds while it is in use. Immutable.
type entry[T any] struct {
	use   uint32
	value *T
}

// NewTable returns a table of a kind: a number from 1 to 15 that no other table has.
func NewTable[T any](kind int) *Table[T] {
	if kind < 1 || kind > maxKind {
		panic("handle: no such kind")
	}
	return &Table[T]{kind: uint64(kind)}
}

// Add returns a handle of v, 0 when there are too many.
func (t *Table[T]) Add(v *T) Handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	var slot uint32
	if n := len(t.free); n > 0 {
		slot = t.free[n-1]
		t.free = t.free[:n-1]
	} else if len(t.uses) < maxChunks*chunkSize {
		slot = uint32(len(t.uses))
		t.uses = append(t.uses, 0)
	} else {
		return 0
	}
	c := t.chunks[slot>>chunkBits].Load()
	if c == nil {
		c = new(chunk[T])
		t.chunks[slot>>chunkBits].Store(c)
	}
	use := t.uses[slot]
	c[slot&(chunkSize-1)].Store(&entry[T]{use, v})
	t.live.Add(1)
	return Handle(mark<<markShift | t.kind<<kindShift | uint64(use)<<useShift | uint64(slot)<<slotShift | 1)
}

// Get returns what the handle stands for, nil if it is none of this table.
func (t *Table[T]) Get(h Handle) *T {
	place, use, ok := t.place(h)
	if !ok {
		return nil
	}
	e := place.Load()
	if e == nil || e.use != use {
		return nil
	}
	return e.value
}

// Remove takes the handle out and returns what it stood for, nil if it is none of this table. Of several that try at the same
// time one gets it.
func (t *Table[T]) Remove(h Handle) *T {
	place, use, ok := t.place(h)
	if !ok {
		return nil
	}
	e := place.Load()
	if e == nil || e.use != use || !place.CompareAndSwap(e, nil) {
		return nil
	}
	t.live.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := slotOf(h)
	// A slot whose uses are used up is not used again: a number must never mean two things.
	if use < useMask {
		t.uses[slot] = use + 1
		t.free = append(t.free, slot)
	}
	return e.value
}

// Live returns how many handles there are.
func (t *Table[T]) Live() int64 { return t.live.Load() }

func (t *Table[T]) place(h Handle) (place *atomic.Pointer[entry[T]], use uint32, ok bool) {
	n := uint64(h)
	if n&1 == 0 || n>>kindShift != mark<<(markShift-kindShift)|t.kind {
		return nil, 0, false
	}
	slot := slotOf(h)
	if slot >= maxChunks*chunkSize {
		return nil, 0, false
	}
	c := t.chunks[slot>>chunkBits].Load()
	if c == nil {
		return nil, 0, false
	}
	return &c[slot&(chunkSize-1)], uint32(n >> useShift & useMask), true
}

func slotOf(h Handle) uint32 { return uint32(uint64(h) >> slotShift & slotMask) }
