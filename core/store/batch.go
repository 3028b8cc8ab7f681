package store

/*
#include "shim.h"
*/
import "C"

import (
	"math"
	"unsafe"
)

// MaxBatch is the greatest number of rows that one call loads.
const MaxBatch = 256

// Batch is rows decoded into C memory (rlm_batch in cell.h). It stays valid, and unchanged, whatever happens to the
// connection, until its last reference is released; C code may hold references of its own (rlm_batch_retain).
type Batch struct{ raw *C.rlm_batch }

// Len returns the number of rows.
func (b Batch) Len() int { return int(b.raw.n) }

// Columns returns the number of cells per row.
func (b Batch) Columns() int { return int(b.raw.n_cols) }

// RowID returns the row id of row i.
func (b Batch) RowID(i int) int64 {
	return int64(unsafe.Slice(b.raw.rowids, b.raw.n)[i])
}

// Present tells whether row i exists; if not, its cells are null.
func (b Batch) Present(i int) bool { return unsafe.Slice(b.raw.present, b.raw.n)[i] != 0 }

// Row returns the cells of row i. Don't change them.
func (b Batch) Row(i int) []Cell {
	n := int(b.raw.n_cols)
	return unsafe.Slice((*Cell)(unsafe.Pointer(b.raw.cells)), n*int(b.raw.n))[i*n : i*n+n : i*n+n]
}

// Pointer returns the rlm_batch, for C code. The reference stays the caller's.
func (b Batch) Pointer() unsafe.Pointer { return unsafe.Pointer(b.raw) }

// Release gives up the reference that the loading call returned.
func (b Batch) Release() { C.rlm_batch_release(b.raw) }

// LoadRows decodes these rows, at most MaxBatch, in one crossing. Row ids in ascending order without large gaps load
// fastest. The caller releases the batch.
func (c *Conn) LoadRows(cl *Class, rowids []int64) (Batch, error) {
	cl, err := c.readyToRead(cl, "loading objects")
	if err != nil {
		return Batch{}, err
	}
	if len(rowids) > MaxBatch {
		return Batch{}, c.errorf(ErrRange, "loading %d objects at once, at most %d are allowed", len(rowids), MaxBatch)
	}
	return c.loadRows(cl, rowids)
}

func (c *Conn) loadRows(cl *Class, rowids []int64) (Batch, error) {
	var b Batch
	rc := C.rlm_load_rows(cl.table, (*C.int64_t)(unsafe.SliceData(rowids)), C.int(len(rowids)), &b.raw)
	if rc != 0 {
		return Batch{}, c.failRow(rc, cl, "loading objects")
	}
	return b, nil
}

// LoadFrom decodes the first rows, at most limit and MaxBatch, whose id is at least from, in ascending order. The caller
// releases the batch.
func (c *Conn) LoadFrom(cl *Class, from int64, limit int) (Batch, error) {
	cl, err := c.readyToRead(cl, "loading objects")
	if err != nil {
		return Batch{}, err
	}
	var b Batch
	rc := C.rlm_load_range(cl.table, C.int64_t(from), math.MaxInt64, C.int(max(0, min(limit, MaxBatch))), &b.raw)
	if rc != 0 {
		return Batch{}, c.failRow(rc, cl, "loading objects")
	}
	return b, nil
}
