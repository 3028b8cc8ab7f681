package store

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Insert adds an object from n cells in property order and returns its row id. Cells beyond n and absent ones take the
// default value; the primary key must be there. Links must be to existing rows; dangling links to the new key become live.
// Errors: ErrKeyExists (nothing was changed), ErrType, ErrNotNullable, ErrNoObject (target of a link).
func (c *Conn) Insert(cl *Class, cells *Cell, n int) (int64, error) {
	cl, err := c.readyToWrite(cl, "creating an object")
	if err != nil {
		return 0, err
	}
	if err := c.checkLinks(cl, cells, n); err != nil {
		return 0, err
	}
	return c.insert(cl, cells, n)
}

// insert is Insert without the check of links.
func (c *Conn) insert(cl *Class, cells *Cell, n int) (int64, error) {
	var rowid int64
	c.revived = c.revived[:0]
	switch {
	case cl.intKey:
		if cl.KeyIndex < n {
			rowid = unsafe.Slice(cells, n)[cl.KeyIndex].Int()
		}
	default:
		var err error
		if rowid, err = c.takeRowID(cl); err != nil {
			return 0, err
		}
		// A unique index lets any number of nulls in.
		if key := keyCell(cl, cells, n); key != nil && key.Kind() == value.KindNull {
			if _, taken, err := c.findCell(cl, key); err != nil {
				return 0, err
			} else if taken {
				return 0, c.errorf(ErrKeyExists, "an object of class '%s' with primary key null exists", cl.Def.Name)
			}
		}
	}
	rc := C.rlm_insert(cl.table, C.int64_t(rowid), (*C.rlm_cell)(unsafe.Pointer(cells)), C.int(min(n, len(cl.cols))))
	if rc != 0 {
		return 0, c.failRow(rc, cl, "creating an object")
	}
	if !cl.intKey {
		cl.nextRow = rowid + 1
	}
	c.touchedCreated(cl, rowid)
	if cl.tombstones != no {
		if err := c.revive(cl, rowid, keyCell(cl, cells, n)); err != nil {
			return 0, err
		}
	}
	return rowid, nil
}

// keyCell returns the cell of the primary key, nil if there is none.
func keyCell(cl *Class, cells *Cell, n int) *Cell {
	if cl.KeyIndex < 0 || cl.KeyIndex >= n {
		return nil
	}
	return &unsafe.Slice(cells, n)[cl.KeyIndex]
}

// takeRowID returns the next row id of a class whose row ids aren't its keys. Ids of erased rows don't come back.
func (c *Conn) takeRowID(cl *Class) (int64, error) {
	if cl.nextRow == 0 {
		top, err := c.controlInt("SELECT coalesce(max(id), 0) FROM " + cl.name)
		if err != nil {
			return 0, err
		}
		kept, _, err := c.queryInt("SELECT next_row FROM store_class WHERE id=?", cl.ID)
		if err != nil {
			return 0, err
		}
		cl.nextRow = max(top+1, kept)
	}
	return cl.nextRow, nil
}

// checkLinks makes sure that every link in the cells is to a row that exists.
func (c *Conn) checkLinks(cl *Class, cells *Cell, n int) error {
	for _, i := range cl.links {
		if i >= n {
			continue
		}
		if err := c.checkLink(cl, i, &unsafe.Slice(cells, n)[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) checkLink(cl *Class, i int, cell *Cell) error {
	if kind := cell.Kind(); kind == value.KindList || kind == value.KindDictionary {
		return c.errorf(ErrType, "a collection for '%s.%s' as a value: it is made in its place", cl.Def.Name, cl.Def.Properties[i].Name)
	}
	if cell.Kind() != value.KindLink || cell.Type == CellAbsent {
		return nil
	}
	if cell.Flags != 0 {
		return c.errorf(ErrType, "the link in '%s.%s' has flags set, which are for output only", cl.Def.Name, cl.Def.Properties[i].Name)
	}
	class, rowid := cell.Link()
	target := c.catalog.byID[class]
	if target == nil {
		return c.errorf(ErrType, "the link in '%s.%s' is to an unknown class (%d)", cl.Def.Name, cl.Def.Properties[i].Name, class)
	}
	if target.Def.Kind == schema.Embedded { // it has an owner
		return c.errorf(ErrType, "an embedded object can't be put into '%s.%s' as a link: it is made in its place", cl.Def.Name, cl.Def.Properties[i].Name)
	}
	if ok, err := c.exists(target, rowid); err != nil {
		return err
	} else if !ok {
		return c.errorf(ErrNoObject, "the link in '%s.%s' is to an object of class '%s' that was deleted", cl.Def.Name, cl.Def.Properties[i].Name, target.Def.Name)
	}
	return nil
}

// SetCell sets a property of a row. Errors: ErrNoObject, ErrType, ErrNotNullable. An absent cell changes nothing. The
// primary key can't be set; embedded objects and collections are made by SetNew. What was in the property is discarded with all that is inside.
func (c *Conn) SetCell(cl *Class, rowid int64, property int, cell *Cell) error {
	cl, err := c.readyToWrite(cl, "setting a property")
	if err != nil {
		return err
	}
	if cell.Type == CellAbsent {
		return nil
	}
	if property < 0 || property >= len(cl.cols) {
		return c.errorf(ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
	}
	if property == cl.KeyIndex {
		return c.errorf(ErrType, "the primary key '%s.%s' can't be changed", cl.Def.Name, cl.Def.Properties[property].Name)
	}
	old, err := c.childOf(cl, rowid, property)
	if err != nil {
		return err
	}
	same := old.Class != nil && cell.Kind() == value.KindLink && cell.Size == old.Class.ID && cell.Int() == old.Row
	if !same {
		if err := c.checkLink(cl, property, cell); err != nil {
			return err
		}
	}
	var changes C.int
	rc := C.rlm_update(cl.table, C.int64_t(rowid), C.int(property), (*C.rlm_cell)(unsafe.Pointer(cell)), &changes)
	if rc != 0 {
		return c.failRow(rc, cl, "setting a property")
	}
	if changes == 0 {
		return c.noObject(cl, rowid)
	}
	c.touchedModified(cl, rowid, columnBit(property))
	if same {
		return nil
	}
	return c.discard(old)
}

func (c *Conn) noObject(cl *Class, rowid int64) error {
	return c.errorf(ErrNoObject, "the object of class '%s' with object key %d doesn't exist", cl.Def.Name, rowid)
}

// Delete removes a row with all that it owns: embedded objects, elements of its collections, collections in mixed. Links to it become
// dangling. An embedded object leaves its place empty: null, or in a list no element. Errors: ErrNoObject.
func (c *Conn) Delete(cl *Class, rowid int64) error {
	cl, err := c.readyToWrite(cl, "deleting an object")
	if err != nil {
		return err
	}
	if !cl.intKey { // remember the id before the row is gone
		if _, err := c.takeRowID(cl); err != nil {
			return err
		}
	}
	if cl.Def.Kind == schema.Embedded {
		if done, err := c.disown(cl, rowid); done || err != nil {
			return err
		}
	}
	if err := c.orphanLinks(cl, rowid); err != nil {
		return err
	}
	if err := c.discardContents(cl, rowid); err != nil {
		return err
	}
	var changes C.int
	if rc := C.rlm_erase(cl.table, C.int64_t(rowid), &changes); rc != 0 {
		return c.failRow(rc, cl, "deleting an object")
	}
	if changes == 0 {
		return c.noObject(cl, rowid)
	}
	cl.nextMoved = !cl.intKey
	c.touchedDeleted(cl, rowid)
	return nil
}

// Exists tells whether there is a row with this id.
func (c *Conn) Exists(cl *Class, rowid int64) (bool, error) {
	cl, err := c.readyToRead(cl, "looking for an object")
	if err != nil {
		return false, err
	}
	return c.exists(cl, rowid)
}

func (c *Conn) exists(cl *Class, rowid int64) (bool, error) {
	cl, err := c.current(cl)
	if err != nil {
		return false, err
	}
	var found C.int
	if rc := C.rlm_exists(cl.table, C.int64_t(rowid), &found); rc != 0 {
		return false, c.failRow(rc, cl, "looking for an object")
	}
	return found != 0, nil
}

// FindCell returns the row whose primary key is in the cell. Errors: ErrType when the class has no such key.
func (c *Conn) FindCell(cl *Class, key *Cell) (rowid int64, ok bool, err error) {
	if cl, err = c.readyToRead(cl, "looking for a primary key"); err != nil {
		return 0, false, err
	}
	return c.findCell(cl, key)
}

func (c *Conn) findCell(cl *Class, key *Cell) (int64, bool, error) {
	var rowid C.int64_t
	var found C.int
	if rc := C.rlm_find(cl.table, (*C.rlm_cell)(unsafe.Pointer(key)), &rowid, &found); rc != 0 {
		return 0, false, c.failRow(rc, cl, "looking for a primary key")
	}
	return int64(rowid), found != 0, nil
}

// Find returns the row with this key. A key of a kind that the class doesn't have is ErrType.
func (c *Conn) Find(cl *Class, key value.Key) (rowid int64, ok bool, err error) {
	if cl, err = c.readyToRead(cl, "looking for a primary key"); err != nil {
		return 0, false, err
	}
	return c.find(cl, key)
}

func (c *Conn) find(cl *Class, key value.Key) (rowid int64, ok bool, err error) {
	if cl, err = c.current(cl); err != nil {
		return 0, false, err
	}
	if cl.keyless {
		return c.findGlobal(cl, key)
	}
	if key.Kind() == value.KindGlobalKey {
		return 0, false, c.errorf(ErrType, "class '%s' has primary keys of its own, no global keys", cl.Def.Name)
	}
	c.arena.reset()
	cell := &c.arena.scratch(1)[0]
	cell.set(key.Value(), &c.arena)
	return c.findCell(cl, cell)
}

// findGlobal looks an object of a class without primary key up. The global key (0, n) of an object that was made here is
// its row id; other global keys are kept in column gk.
func (c *Conn) findGlobal(cl *Class, key value.Key) (int64, bool, error) {
	if key.Kind() != value.KindGlobalKey {
		return 0, false, c.errorf(ErrType, "class '%s' has no primary key", cl.Def.Name)
	}
	if hi, lo := key.Global(); hi == 0 && int64(lo) >= 0 {
		rowid, ok, err := c.queryInt("SELECT id FROM "+cl.name+" WHERE id=? AND gk IS NULL", int64(lo))
		if ok || err != nil {
			return rowid, ok, err
		}
	}
	return c.queryInt("SELECT id FROM "+cl.name+" WHERE gk=?", globalBytes(key))
}

func globalBytes(key value.Key) []byte {
	hi, lo := key.Global()
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
}

// KeyOf returns the primary key of a row. Errors: ErrNoObject.
func (c *Conn) KeyOf(cl *Class, rowid int64) (value.Key, error) {
	cl, err := c.readyToRead(cl, "reading a primary key")
	if err != nil {
		return value.Key{}, err
	}
	return c.keyOf(cl, rowid)
}

func (c *Conn) keyOf(cl *Class, rowid int64) (key value.Key, err error) {
	if cl, err = c.current(cl); err != nil {
		return value.Key{}, err
	}
	if cl.intKey {
		if ok, err := c.exists(cl, rowid); err != nil || !ok {
			return value.Key{}, firstError(err, c.noObject, cl, rowid)
		}
		return value.IntKey(rowid), nil
	}
	col := "gk"
	if !cl.keyless {
		col = cl.cols[cl.KeyIndex].name
	}
	found := false
	err = c.query("SELECT "+col+" FROM "+cl.name+" WHERE id=?", []any{rowid}, func(r *Row) error {
		found = true
		switch {
		case cl.keyless && r.IsNull(0):
			key = value.GlobalKey(0, uint64(rowid))
		case cl.keyless:
			if b := r.bytes(0); len(b) == 16 {
				key = value.GlobalKey(binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]))
			}
		default:
			key = keyFromColumn(cl.Def.Properties[cl.KeyIndex].Type, r)
		}
		return nil
	})
	if err == nil && !found {
		err = c.noObject(cl, rowid)
	}
	return key, err
}

func keyFromColumn(kind value.Kind, r *Row) value.Key {
	b := r.bytes(0)
	switch {
	case r.IsNull(0):
		return value.NullKey()
	case kind == value.KindInt:
		return value.IntKey(r.Int(0))
	case kind == value.KindString:
		return value.StringKey(string(b))
	case kind == value.KindObjectID && len(b) == 12:
		return value.ObjectIDKey(value.ObjectID(b))
	case kind == value.KindUUID && len(b) == 16:
		return value.UUIDKey(value.UUID(b))
	default:
		return value.NullKey()
	}
}

func firstError(err error, otherwise func(*Class, int64) error, cl *Class, rowid int64) error {
	if err != nil {
		return err
	}
	return otherwise(cl, rowid)
}

func (c *Conn) readyToRead(cl *Class, what string) (*Class, error) {
	if c.tx < txRead {
		return nil, c.needRead(what)
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	if cl.table != nil && !cl.outdate {
		return cl, nil
	}
	return c.current(cl)
}

func (c *Conn) readyToWrite(cl *Class, what string) (*Class, error) {
	if c.tx != txWrite {
		return nil, c.needWrite(what)
	}
	cl, err := c.readyToRead(cl, what)
	c.state.known = false // what it remembers of its object may change now
	return cl, err
}
