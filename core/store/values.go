package store

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/value"
)

// ValueOf returns the value of a cell of this connection, links included: as class and primary key. A dangling link yields
// the link it is; callers for which it is null look at FlagDangling. A collection in mixed yields the marker of its kind.
func (c *Conn) ValueOf(cell *Cell) (value.Value, error) {
	switch {
	case cell.Flags&FlagDangling != 0:
		link, err := c.buried(cell.Int())
		if err != nil {
			return value.Value{}, err
		}
		return value.FromLink(link.Class, link.Key), nil
	case cell.Kind() == value.KindLink:
		id, rowid := cell.Link()
		target := c.catalog.byID[id]
		if target == nil {
			return value.Value{}, c.errorf(ErrFormat, "a link is to an unknown class (%d)", id)
		}
		key, err := c.keyOf(target, rowid)
		if err != nil {
			return value.Value{}, err
		}
		return value.FromLink(target.Def.Name, key), nil
	default:
		return cell.Value(), nil
	}
}

// setValue puts a value into a cell: links become row ids, or tombstones when there is no such object. Strings go into the
// arena, which must have been reset before.
func (c *Conn) setValue(cell *Cell, v value.Value, a *arena) error {
	if v.Kind() != value.KindLink {
		cell.set(v, a)
		return nil
	}
	link := v.Link()
	target := c.catalog.byName[link.Class]
	if target == nil {
		return c.errorf(ErrSchema, "a link is to class '%s', which doesn't exist", link.Class)
	}
	rowid, live, err := c.find(target, link.Key)
	if err != nil {
		return err
	}
	if live {
		*cell = LinkCell(target.ID, rowid)
		return nil
	}
	tomb, err := c.tombstone(target, link.Key)
	if err != nil {
		return err
	}
	*cell = LinkCell(target.ID, tomb)
	cell.Flags = FlagDangling
	return nil
}

// InsertValues is Insert with values: one per property, in order. Links may be to objects that don't exist.
func (c *Conn) InsertValues(cl *Class, values []value.Value) (int64, error) {
	cl, err := c.readyToWrite(cl, "creating an object")
	if err != nil {
		return 0, err
	}
	if len(values) > len(cl.cols) {
		return 0, c.errorf(ErrRange, "class '%s' has %d properties, %d values were given", cl.Def.Name, len(cl.cols), len(values))
	}
	var own arena
	defer own.free()
	cells := own.scratch(max(1, len(values)))
	for i, v := range values {
		if err := c.setValue(&cells[i], v, &own); err != nil {
			return 0, err
		}
	}
	return c.insert(cl, &cells[0], len(values))
}

// SetValue is SetCell with a value. A link may be to an object that doesn't exist.
func (c *Conn) SetValue(cl *Class, rowid int64, property int, v value.Value) error {
	cl, err := c.readyToWrite(cl, "setting a property")
	if err != nil {
		return err
	}
	var own arena
	defer own.free()
	cell := &own.scratch(1)[0]
	if err := c.setValue(cell, v, &own); err != nil {
		return err
	}
	if cell.Flags&FlagDangling == 0 {
		return c.SetCell(cl, rowid, property, cell)
	}
	old, err := c.childOf(cl, rowid, property)
	if err != nil {
		return err
	}
	var changes C.int
	if rc := C.rlm_update(cl.table, C.int64_t(rowid), C.int(property), (*C.rlm_cell)(unsafe.Pointer(cell)), &changes); rc != 0 {
		return c.failRow(rc, cl, "setting a property")
	}
	if changes == 0 {
		return c.noObject(cl, rowid)
	}
	c.touchedModified(cl, rowid, columnBit(property))
	return c.discard(old)
}

// Value returns a property of a row; dangling links are returned as the links they are. Errors: ErrNoObject.
func (c *Conn) Value(cl *Class, rowid int64, property int) (value.Value, error) {
	values, err := c.Values(cl, rowid)
	if err != nil {
		return value.Value{}, err
	}
	if property < 0 || property >= len(values) {
		return value.Value{}, c.errorf(ErrSchema, "class '%s' has no property number %d", cl.Def.Name, property)
	}
	return values[property], nil
}

// Values returns all properties of a row, in order; collections are null, those inside of mixed the marker of their kind.
func (c *Conn) Values(cl *Class, rowid int64) ([]value.Value, error) {
	cl, err := c.readyToRead(cl, "reading an object")
	if err != nil {
		return nil, err
	}
	b, err := c.loadRows(cl, []int64{rowid})
	if err != nil {
		return nil, err
	}
	defer b.Release()
	if !b.Present(0) {
		return nil, c.noObject(cl, rowid)
	}
	out := make([]value.Value, b.Columns())
	for i, cells := 0, b.Row(0); i < len(cells); i++ {
		if out[i], err = c.ValueOf(&cells[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
