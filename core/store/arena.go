package store

/*
#include <stdlib.h>
#include "cell.h"
*/
import "C"

import "unsafe"

// arena is C memory for the cells and strings that one call passes to the shim. Everything in it lives until reset.
type arena struct {
	cells   *Cell
	n       int
	chunk   unsafe.Pointer
	used    int
	size    int
	retired []unsafe.Pointer // earlier chunks of the same call
}

const arenaChunk = 16 << 10

// scratch returns n cells; their content is undefined. The next call of scratch returns the same memory.
func (a *arena) scratch(n int) []Cell {
	if n > a.n {
		C.free(unsafe.Pointer(a.cells))
		a.n = max(64, n)
		a.cells = (*Cell)(C.malloc(C.size_t(a.n * CellSize)))
	}
	return unsafe.Slice(a.cells, n)
}

// put copies a string.
func (a *arena) put(s string) unsafe.Pointer {
	if a.size-a.used < len(s) || a.chunk == nil {
		if a.chunk != nil {
			a.retired = append(a.retired, a.chunk)
		}
		a.size, a.used = max(arenaChunk, len(s)), 0
		a.chunk = C.malloc(C.size_t(a.size))
	}
	p := unsafe.Add(a.chunk, a.used)
	copy(unsafe.Slice((*byte)(p), len(s)), s)
	a.used += len(s)
	return p
}

func (a *arena) reset() {
	a.used = 0
	for _, p := range a.retired {
		C.free(p)
	}
	a.retired = a.retired[:0]
	if a.size > 64*arenaChunk { // a large value was stored: don't keep its memory
		C.free(a.chunk)
		a.chunk, a.size = nil, 0
	}
}

func (a *arena) free() {
	a.reset()
	C.free(unsafe.Pointer(a.cells))
	C.free(a.chunk)
	*a = arena{}
}
