package store

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Embedded objects are rows of their class like others; the one link to such a row is in the property or element that owns it. Collections
// inside of mixed are numbered; the mixed value holds the number. Whatever removes or replaces the value discards what is inside, at once.

// embedded returns the embedded class whose objects a property holds, nil for other properties.
func (c *Conn) embedded(p *schema.Property) *Class {
	if p.Type != value.KindLink {
		return nil
	}
	if target := c.catalog.byName[p.LinkTarget]; target != nil && target.Def.Kind == schema.Embedded {
		return target
	}
	return nil
}

// hasContainers tells whether there is any collection inside of mixed.
func (c *Conn) hasContainers() (bool, error) {
	if c.collections.containers == unknown {
		c.collections.containers = no
		if c.catalog.tables[nestedTable] {
			found, err := c.controlInt("SELECT EXISTS(SELECT 1 FROM store_container)")
			if err != nil {
				c.collections.containers = unknown
				return false, err
			}
			if found != 0 {
				c.collections.containers = yes
			}
		}
	}
	return c.collections.containers == yes, nil
}

func (c *Conn) containerExists(id int64) (bool, error) {
	if some, err := c.hasContainers(); err != nil || !some {
		return false, err
	}
	_, ok, err := c.queryInt("SELECT 1 FROM store_container WHERE id=?", id)
	return ok, err
}

func (c *Conn) hasRagged() (bool, error) {
	if c.collections.ragged == unknown {
		c.collections.ragged = no
		if c.catalog.tables["store_ragged"] {
			found, err := c.controlInt("SELECT EXISTS(SELECT 1 FROM store_ragged)")
			if err != nil {
				c.collections.ragged = unknown
				return false, err
			}
			if found != 0 {
				c.collections.ragged = yes
			}
		}
	}
	return c.collections.ragged == yes, nil
}

func (c *Conn) isRagged(e *elements, owner int64) (bool, error) {
	if some, err := c.hasRagged(); err != nil || !some {
		return false, err
	}
	class, property := e.names()
	_, ok, err := c.queryInt("SELECT 1 FROM store_ragged WHERE class=? AND property=? AND owner=?", class, property, owner)
	return ok, err
}

func (c *Conn) markRagged(e *elements, owner int64) error {
	if err := c.buildNested(); err != nil {
		return err
	}
	class, property := e.names()
	_, err := c.exec("INSERT OR IGNORE INTO store_ragged VALUES(?,?,?)", class, property, owner)
	c.collections.ragged = yes
	return err
}

func (c *Conn) unmarkRagged(e *elements, owner int64) error {
	if some, err := c.hasRagged(); err != nil || !some {
		return err
	}
	class, property := e.names()
	_, err := c.exec("DELETE FROM store_ragged WHERE class=? AND property=? AND owner=?", class, property, owner)
	return err
}

// make makes something new for an element of the collection, and the cell that holds it.
func (l *Collection) make(kind value.Kind) (Child, Cell, error) {
	cl, row, i, ok := l.Root()
	if !ok {
		return Child{}, Cell{}, l.conn.errorf(ErrSchema, "the property has been removed from class '%s'", l.class.Def.Name)
	}
	if l.container != 0 && kind == value.KindObject {
		return Child{}, Cell{}, l.conn.errorf(ErrType, "an embedded object for '%s.%s', which is mixed", cl.Def.Name, cl.Def.Properties[i].Name)
	}
	return l.conn.makeChild(cl, row, i, l.container, kind)
}

// makeChild makes an embedded object or a collection for a place in a property.
func (c *Conn) makeChild(cl *Class, row int64, i int, parent int64, kind value.Kind) (Child, Cell, error) {
	p := &cl.Def.Properties[i]
	switch kind {
	case value.KindObject:
		target := c.embedded(p)
		if target == nil {
			return Child{}, Cell{}, c.errorf(ErrType, "an embedded object for '%s.%s', which holds none", cl.Def.Name, p.Name)
		}
		target, err := c.current(target)
		if err != nil {
			return Child{}, Cell{}, err
		}
		id, err := c.insert(target, nil, 0)
		return Child{Class: target, Row: id}, LinkCell(target.ID, id), err
	case value.KindList, value.KindDictionary:
		if p.Type != value.KindMixed || p.Collection == schema.Set {
			return Child{}, Cell{}, c.errorf(ErrType, "a %v for '%s.%s', which doesn't hold mixed values that may be one", kind, cl.Def.Name, p.Name)
		}
		if err := c.buildNested(); err != nil {
			return Child{}, Cell{}, err
		}
		if _, err := c.exec("INSERT INTO store_container(class, property, row, parent) VALUES(?,?,?,?)", cl.ID, cl.cols[i].id, row, parent); err != nil {
			return Child{}, Cell{}, err
		}
		id, err := c.controlInt("SELECT last_insert_rowid()")
		c.collections.containers = yes
		l := &Collection{conn: c, class: cl, row: row, property: cl.cols[i].id, kind: kind, container: id}
		return Child{Collection: l}, Cell{Type: uint8(kind), u: [2]uint64{uint64(id)}}, err
	default:
		return Child{}, Cell{}, c.errorf(ErrType, "something new of kind %v", kind)
	}
}

// childIn returns what a cell of one of the elements holds.
func (l *Collection) childIn(cell *Cell) Child {
	switch cell.Kind() {
	case value.KindList, value.KindDictionary:
		return Child{Collection: &Collection{conn: l.conn, class: l.class, row: l.row, property: l.property, kind: cell.Kind(), container: cell.Int()}}
	case value.KindLink:
		if target := l.conn.catalog.byID[cell.Size]; target != nil && target.Def.Kind == schema.Embedded {
			return Child{Class: target, Row: cell.Int()}
		}
	}
	return Child{}
}

// childAt returns what the element at a place holds. Where that can't be anything it doesn't look.
func (c *Conn) childAt(l *Collection, e *elements, owner int64, at C.rlm_place) (Child, error) {
	if e.mixed() {
		if some, err := c.hasContainers(); err != nil || !some {
			return Child{}, err
		}
	} else if c.embedded(&e.class.Def.Properties[e.property]) == nil {
		return Child{}, nil
	}
	var b Batch
	if rc := C.rlm_element_get(c.openElements(e), C.int64_t(owner), at, 0, &b.raw); rc != 0 {
		return Child{}, l.fail(rc, "reading an element")
	}
	defer b.Release()
	if b.Len() == 0 {
		return Child{}, nil
	}
	return l.childIn(&b.Row(0)[0]), nil
}

// ChildOf returns the embedded object or the collection in a single property; the zero Child if it holds neither.
func (c *Conn) ChildOf(cl *Class, row int64, property int) (Child, error) {
	cl, err := c.readyToRead(cl, "reading a property")
	if err != nil {
		return Child{}, err
	}
	if property < 0 || property >= len(cl.cols) || !cl.cols[property].stored {
		return Child{}, c.errorf(ErrSchema, "class '%s' has no single property number %d", cl.Def.Name, property)
	}
	return c.childOf(cl, row, property)
}

// childOf is ChildOf without the checks, for a class with its table.
func (c *Conn) childOf(cl *Class, row int64, i int) (child Child, err error) {
	p := &cl.Def.Properties[i]
	target := c.embedded(p)
	if target == nil {
		if p.Type != value.KindMixed {
			return Child{}, nil
		}
		if some, err := c.hasContainers(); err != nil || !some {
			return Child{}, err
		}
	}
	err = c.query("SELECT "+cl.cols[i].name+" FROM "+cl.name+" WHERE id=?", []any{row}, func(r *Row) error {
		if target != nil {
			if !r.IsNull(0) && r.bytes(0) == nil {
				child = Child{Class: target, Row: r.Int(0)}
			}
			return nil
		}
		if kind, id, ok := containerIn(r.bytes(0)); ok {
			child.Collection = &Collection{conn: c, class: cl, row: row, property: cl.cols[i].id, kind: kind, container: id}
		}
		return nil
	})
	return child, err
}

// containerIn decodes a collection in a stored mixed value.
func containerIn(b []byte) (kind value.Kind, id int64, ok bool) {
	if len(b) != 9 {
		return 0, 0, false
	}
	kind = value.Kind(b[0])
	return kind, int64(binary.BigEndian.Uint64(b[1:]) ^ 1<<63), kind == value.KindList || kind == value.KindDictionary
}

// SetNew puts something new and empty into a single property: KindObject an embedded object with default values, KindList or KindDictionary a
// collection into a mixed one. What was there is discarded with all that is inside. Errors: ErrType, ErrNoObject.
func (c *Conn) SetNew(cl *Class, row int64, property int, kind value.Kind) (Child, error) {
	cl, err := c.readyToWrite(cl, "setting a property")
	if err != nil {
		return Child{}, err
	}
	if property < 0 || property >= len(cl.cols) || !cl.cols[property].stored {
		return Child{}, c.errorf(ErrSchema, "class '%s' has no single property number %d", cl.Def.Name, property)
	}
	if ok, err := c.exists(cl, row); err != nil || !ok {
		return Child{}, firstError(err, c.noObject, cl, row)
	}
	old, err := c.childOf(cl, row, property)
	if err != nil {
		return Child{}, err
	}
	child, cell, err := c.makeChild(cl, row, property, 0, kind)
	if err != nil {
		return Child{}, err
	}
	if cl, err = c.current(cl); err != nil { // making the first collection may have changed what is known
		return Child{}, err
	}
	var changes C.int
	if rc := C.rlm_update(cl.table, C.int64_t(row), C.int(property), (*C.rlm_cell)(unsafe.Pointer(&cell)), &changes); rc != 0 {
		return Child{}, c.failRow(rc, cl, "setting a property")
	}
	c.touchedModified(cl, row, columnBit(property))
	return child, c.discard(old)
}

// discard removes what was in a place that something else is in now.
func (c *Conn) discard(child Child) error {
	switch {
	case child.Collection != nil:
		return c.discardContainer(child.Collection.container)
	case child.Class != nil:
		return c.discardEmbedded(child.Class, child.Row)
	default:
		return nil
	}
}

func (c *Conn) discardContainer(id int64) error {
	if err := c.clearElements(&c.catalog.nested, id); err != nil {
		return err
	}
	c.collections.drop(collectionKey{owner: id})
	_, err := c.exec("DELETE FROM store_container WHERE id=?", id)
	return err
}

// discardEmbedded removes an embedded object that no place holds any more.
func (c *Conn) discardEmbedded(cl *Class, row int64) error {
	cl, err := c.current(cl)
	if err != nil {
		return err
	}
	if _, err := c.takeRowID(cl); err != nil { // remember the id before the row is gone
		return err
	}
	if err := c.discardContents(cl, row); err != nil {
		return err
	}
	var changes C.int
	if rc := C.rlm_erase(cl.table, C.int64_t(row), &changes); rc != 0 {
		return c.failRow(rc, cl, "removing an embedded object")
	}
	if changes > 0 {
		cl.nextMoved = true
		c.touchedDeleted(cl, row)
	}
	return nil
}

// discardContents removes what a row owns: the elements of its collections, embedded objects, collections in mixed.
func (c *Conn) discardContents(cl *Class, row int64) error {
	for i := range cl.cols {
		if err := c.discardProperty(cl, row, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) discardProperty(cl *Class, row int64, i int) error {
	if e := cl.elems[i]; e != nil {
		c.collections.drop(collectionKey{cl.ID, cl.cols[i].id, row})
		if !e.built {
			return nil
		}
		return c.clearElements(e, row)
	}
	child, err := c.childOf(cl, row, i)
	if err != nil {
		return err
	}
	return c.discard(child)
}

// clearElements removes all elements of a collection, with what is inside. The caller drops what is known of the collection.
func (c *Conn) clearElements(e *elements, owner int64) error {
	if e.mixed() {
		some, err := c.hasContainers()
		if err != nil {
			return err
		}
		if some {
			var inside []int64
			if err := c.query("SELECT v FROM "+e.name+" WHERE owner=? AND "+mixedIsCollection("v"), []any{owner}, func(r *Row) error {
				if _, id, ok := containerIn(r.bytes(0)); ok {
					inside = append(inside, id)
				}
				return nil
			}); err != nil {
				return err
			}
			for _, id := range inside {
				if err := c.discardContainer(id); err != nil {
					return err
				}
			}
		}
	} else if target := c.embedded(&e.class.Def.Properties[e.property]); target != nil {
		rows, err := c.rowIDs("SELECT v FROM "+e.name+" WHERE owner=? AND v IS NOT NULL", []any{owner})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := c.discardEmbedded(target, row); err != nil {
				return err
			}
		}
	}
	if _, err := c.exec("DELETE FROM "+e.name+" WHERE owner=?", owner); err != nil {
		return err
	}
	return c.unmarkRagged(e, owner)
}

func mixedIsCollection(col string) string { return fmt.Sprintf("substr(%s,1,1) IN (x'fb',x'fd')", col) }

// discardColumn removes what all rows of a class own through a property, before the property is removed.
func (c *Conn) discardColumn(cl *Class, i int) error {
	if !cl.built {
		return nil
	}
	p := &cl.Def.Properties[i]
	if c.embedded(p) == nil && p.Type != value.KindMixed {
		return nil // elements go with their table
	}
	sql := "SELECT id FROM " + cl.name
	if e := cl.elems[i]; e != nil {
		if !e.built {
			return nil
		}
		sql = "SELECT DISTINCT owner FROM " + e.name
	}
	rows, err := c.rowIDs(sql, nil)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.discardProperty(cl, row, i); err != nil {
			return err
		}
	}
	return nil
}

// disown empties the place that owns an embedded object, which removes the object; false if no place does.
func (c *Conn) disown(cl *Class, row int64) (bool, error) {
	owner, ok, err := c.Owner(cl, row)
	if err != nil || !ok {
		return false, err
	}
	var null Cell
	if len(owner.Path) == 0 {
		return true, c.SetCell(owner.Class, owner.Row, owner.Property, &null)
	}
	l := c.collection(owner.Class, owner.Row, owner.Property)
	if step := owner.Path[0]; step.IsKey {
		return true, l.put(step.Key, &null)
	}
	return true, l.Erase(owner.Path[0].Index)
}
