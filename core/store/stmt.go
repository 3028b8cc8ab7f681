package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"container/list"
	"math"
	"unsafe"

	"realmsync/core/value"
)

// stmt is a prepared statement. SQLite prepares it anew by itself when the layout of the file changes.
type stmt struct {
	sql  string
	raw  *C.sqlite3_stmt
	busy bool // is being stepped: not to be handed out again
}

// stmtCacheSize bounds how many statements with changing texts a connection keeps.
const stmtCacheSize = 128

// stmtCache keeps the statements used last, by text.
type stmtCache struct {
	byText map[string]*list.Element
	order  list.List // of *stmt, the one used last in front
}

// statement returns the prepared statement of a text; release it with done.
func (c *Conn) statement(sql string) (*stmt, error) {
	if e := c.stmts.byText[sql]; e != nil {
		if s := e.Value.(*stmt); !s.busy {
			c.stmts.order.MoveToFront(e)
			s.busy = true
			return s, nil
		}
	}
	text := C.CString(sql)
	defer C.free(unsafe.Pointer(text))
	s := &stmt{sql: sql, busy: true}
	if rc := C.rlm_prepare(c.db, text, C.int(len(sql)), &s.raw); rc != 0 {
		return nil, c.fail(rc, "preparing "+clip(sql))
	}
	return s, nil
}

// done gives a statement back. One that isn't in the cache yet goes there, unless its text is there already.
func (c *Conn) done(s *stmt) {
	s.busy = false
	if e := c.stmts.byText[s.sql]; e != nil {
		if e.Value != any(s) {
			C.rlm_finalize(s.raw)
		}
		return
	}
	if c.stmts.byText == nil {
		c.stmts.byText = map[string]*list.Element{}
	}
	c.stmts.byText[s.sql] = c.stmts.order.PushFront(s)
	for e := c.stmts.order.Back(); e != nil && c.stmts.order.Len() > stmtCacheSize; {
		old, prev := e.Value.(*stmt), e.Prev()
		if !old.busy {
			C.rlm_finalize(old.raw)
			delete(c.stmts.byText, old.sql)
			c.stmts.order.Remove(e)
		}
		e = prev
	}
}

func (s *stmtCache) free() {
	for e := s.order.Front(); e != nil; e = e.Next() {
		C.rlm_finalize(e.Value.(*stmt).raw)
	}
	*s = stmtCache{}
}

// args puts arguments into C memory. They live until the arena is reset, so nothing may reset it while a statement with
// bound arguments runs: Query gives every run its own arena.
func (a *arena) args(args []any) (*C.rlm_cell, bool) {
	cells := a.scratch(max(1, len(args)))
	for i, arg := range args {
		if !cells[i].setArg(arg, a) {
			return nil, false
		}
	}
	return (*C.rlm_cell)(unsafe.Pointer(&cells[0])), true
}

// control runs a statement that has no result and concerns no table of objects.
func (c *Conn) control(sql string) error {
	s, err := c.statement(sql)
	if err != nil {
		return err
	}
	defer c.done(s)
	var changes C.int
	if rc := C.rlm_run(s.raw, nil, 0, &changes); rc != 0 {
		return c.fail(rc, clip(sql))
	}
	return nil
}

func (c *Conn) controlInt(sql string) (int64, error) {
	v, _, err := c.queryInt(sql)
	return v, err
}

// Exec runs a statement, in the open transaction. Arguments are nil, int, int64, uint32, uint64 (kept as int64 with the
// same bits), bool, float64 (not NaN), string (TEXT), []byte (BLOB; nil is NULL). Statements are prepared once.
func (c *Conn) Exec(sql string, args ...any) error {
	_, err := c.ExecChanges(sql, args...)
	return err
}

// ExecChanges is Exec that also returns how many rows the statement changed.
func (c *Conn) ExecChanges(sql string, args ...any) (int, error) {
	if err := c.needWrite(clip(sql)); err != nil {
		return 0, err
	}
	return c.exec(sql, args...)
}

func (c *Conn) exec(sql string, args ...any) (int, error) {
	s, err := c.statement(sql)
	if err != nil {
		return 0, err
	}
	defer c.done(s)
	c.arena.reset()
	cells, ok := c.arena.args(args)
	if !ok {
		return 0, c.errorf(ErrType, "an argument of %s has a type that can't be stored", clip(sql))
	}
	var changes C.int
	if rc := C.rlm_run(s.raw, cells, C.int(len(args)), &changes); rc != 0 {
		return 0, c.fail(rc, clip(sql))
	}
	return int(changes), nil
}

// queryInt returns the first column of the first row, and whether there is a row.
func (c *Conn) queryInt(sql string, args ...any) (int64, bool, error) {
	s, err := c.statement(sql)
	if err != nil {
		return 0, false, err
	}
	defer c.done(s)
	c.arena.reset()
	cells, ok := c.arena.args(args)
	if !ok {
		return 0, false, c.errorf(ErrType, "an argument of %s has a type that can't be stored", clip(sql))
	}
	var out C.int64_t
	var found C.int
	if rc := C.rlm_int64(s.raw, cells, C.int(len(args)), &out, &found); rc != 0 {
		return 0, false, c.fail(rc, clip(sql))
	}
	return int64(out), found != 0, nil
}

// Row is the current row of a Query. It is valid during the callback.
type Row struct{ cells []Cell }

// Len returns the number of columns.
func (r *Row) Len() int { return len(r.cells) }

// IsNull tells whether column i is NULL.
func (r *Row) IsNull(i int) bool { return r.cells[i].Type == 0 }

// Int returns column i as an integer, 0 when it isn't one.
func (r *Row) Int(i int) int64 {
	if r.cells[i].Kind() != value.KindInt {
		return 0
	}
	return r.cells[i].Int()
}

// Uint64 returns an integer that was stored from a uint64.
func (r *Row) Uint64(i int) uint64 { return uint64(r.Int(i)) }

// Bool tells whether column i is an integer other than 0.
func (r *Row) Bool(i int) bool { return r.Int(i) != 0 }

// Float returns column i as a float, 0 when it isn't one.
func (r *Row) Float(i int) float64 {
	if r.cells[i].Kind() != value.KindDouble {
		return 0
	}
	return math.Float64frombits(r.cells[i].u[0])
}

// Text returns a copy of column i, "" when it is neither TEXT nor BLOB.
func (r *Row) Text(i int) string { return string(r.bytes(i)) }

// Blob returns a copy of column i; nil when it is neither TEXT nor BLOB, not nil when it is empty.
func (r *Row) Blob(i int) []byte {
	if k := r.cells[i].Kind(); k != value.KindString && k != value.KindBinary {
		return nil
	}
	return append([]byte{}, r.bytes(i)...)
}

func (r *Row) bytes(i int) []byte {
	if k := r.cells[i].Kind(); k != value.KindString && k != value.KindBinary {
		return nil
	}
	return r.cells[i].Bytes()
}

// Query runs a statement and calls fn with each row until it returns an error, which Query returns. The callback may use
// the connection, also for other statements.
func (c *Conn) Query(sql string, args []any, fn func(row *Row) error) error {
	if err := c.needRead(clip(sql)); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.query(sql, args, fn)
}

func (c *Conn) query(sql string, args []any, fn func(row *Row) error) error {
	s, err := c.statement(sql)
	if err != nil {
		return err
	}
	defer c.done(s)
	var own arena
	defer own.free()
	cells, ok := own.args(args)
	if !ok {
		return c.errorf(ErrType, "an argument of %s has a type that can't be stored", clip(sql))
	}
	defer C.rlm_reset(s.raw)
	if rc := C.rlm_bind(s.raw, cells, C.int(len(args))); rc != 0 {
		return c.fail(rc, clip(sql))
	}
	n := int(C.sqlite3_column_count(s.raw))
	row := Row{cells: own.scratch(max(1, n))[:n]} // the arguments' cells are bound: their memory may serve again
	for {
		switch rc := C.rlm_step(s.raw, (*C.rlm_cell)(unsafe.Pointer(unsafe.SliceData(row.cells))), C.int(n)); rc {
		case sqliteRow:
			if err := fn(&row); err != nil {
				return err
			}
		case sqliteDone:
			return nil
		default:
			return c.fail(rc, clip(sql))
		}
	}
}

// clip keeps error texts readable.
func clip(sql string) string {
	if len(sql) > 80 {
		return sql[:80] + "..."
	}
	return sql
}
