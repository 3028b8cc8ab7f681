package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// elements is the table of the elements of a collection property, c<class>_<name>_e<property>_<name>, or that of all collections inside
// of mixed, store_nested. Its rows are (owner, k, v), clustered by owner and k:
//
//	owner  the row id of the object, in store_nested the id of the collection
//	k      of lists the position (sequence.go), of sets a key that orders by value (setkey.go), of dictionaries the key
//	v      the value, as in a column of its type (shim_codec.c); of embedded objects their row id
type elements struct {
	class    *Class // nil: store_nested
	property int
	name     string
	built    bool // the table exists
	raw      *C.rlm_elements
}

// nestedTable is the elements of the collections inside of mixed, and what they are.
const nestedTable = "store_nested"

// layoutNested makes the tables that collections inside of mixed and lists with gaps need. Files get them when they are needed first.
//
// store_container has a row for each collection inside of mixed: the property that it is in, deep inside or directly, and the collection that
// holds it, 0 for none. store_ragged names the lists that aren't dense (sequence.go); class and property are 0 for those inside of mixed.
var layoutNested = []string{
	`CREATE TABLE IF NOT EXISTS store_nested(owner INTEGER NOT NULL, k NOT NULL, v BLOB, PRIMARY KEY(owner, k)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS store_nested_link ON store_nested(v) WHERE ` + mixedLeads("v"),
	`CREATE TABLE IF NOT EXISTS store_container(id INTEGER PRIMARY KEY AUTOINCREMENT, class INTEGER NOT NULL, property INTEGER NOT NULL,
		row INTEGER NOT NULL, parent INTEGER NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS store_ragged(class INTEGER NOT NULL, property INTEGER NOT NULL, owner INTEGER NOT NULL,
		PRIMARY KEY(class, property, owner)) WITHOUT ROWID`,
}

// loadTables learns which tables exist.
func (c *Conn) loadTables() error {
	c.catalog.tables = map[string]bool{}
	return c.query("SELECT name FROM sqlite_schema WHERE type='table'", nil, func(r *Row) error {
		c.catalog.tables[r.Text(0)] = true
		return nil
	})
}

// buildNested makes the tables for collections inside of mixed.
func (c *Conn) buildNested() error {
	if c.catalog.tables[nestedTable] {
		return nil
	}
	c.catalog.changed = true
	for _, sql := range layoutNested {
		if err := c.control(sql); err != nil {
			return err
		}
	}
	for _, name := range []string{nestedTable, "store_container", "store_ragged"} {
		c.catalog.tables[name] = true
	}
	c.catalog.nested.built = true
	return nil
}

// elementsName is the name of the table of a collection property.
func (cl *Class) elementsName(i int) string {
	return fmt.Sprintf("%s_e%d_%s", cl.name, cl.cols[i].id, plain(cl.Def.Properties[i].Name))
}

// buildElements makes the table of a collection property.
func (c *Conn) buildElements(e *elements) error {
	switch {
	case e.built:
		return nil
	case e.class == nil:
		return c.buildNested()
	}
	c.catalog.changed = true
	p := &e.class.Def.Properties[e.property]
	item := schema.Property{Type: p.Type, Nullable: true}
	sql := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s(owner INTEGER NOT NULL, k NOT NULL, %s, PRIMARY KEY(owner, k)) WITHOUT ROWID", e.name,
		declaration("v", &item))
	if err := c.control(sql); err != nil {
		return err
	}
	where := ""
	switch p.Type {
	case value.KindLink:
		where = "v IS NOT NULL"
	case value.KindMixed:
		where = mixedLeads("v")
	}
	if where != "" {
		name := fmt.Sprintf("link_c%d_p%d", e.class.ID, e.class.cols[e.property].id)
		if err := c.control(fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s(v) WHERE %s", name, e.name, where)); err != nil {
			return err
		}
	}
	e.built, c.catalog.tables[e.name] = true, true
	return nil
}

// mixedLeads is the condition of the index of mixed elements: that a value is a link, or a collection, so that the place of either is found. A
// query must have it to use the index.
func mixedLeads(col string) string { return fmt.Sprintf("substr(%s,1,1) IN (x'09',x'fb',x'fd')", col) }

// dropElements removes the table of a collection property.
func (c *Conn) dropElements(e *elements) error {
	e.free()
	if !e.built {
		return nil
	}
	e.built = false
	delete(c.catalog.tables, e.name)
	if c.catalog.tables["store_ragged"] {
		if _, err := c.exec("DELETE FROM store_ragged WHERE class=? AND property=?", e.class.ID, e.class.cols[e.property].id); err != nil {
			return err
		}
	}
	c.collections.forget()
	return c.control("DROP TABLE " + e.name)
}

// open returns the shim's side, made at first use.
func (c *Conn) openElements(e *elements) *C.rlm_elements {
	if e.raw != nil {
		return e.raw
	}
	col := C.rlm_col{kind: C.uint8_t(value.KindMixed), stored: 1, nullable: 1}
	if e.class != nil {
		p := &e.class.Def.Properties[e.property]
		col.kind = C.uint8_t(p.Type)
		if !p.Nullable && p.Type != value.KindMixed && !(p.Type == value.KindLink && p.Collection == schema.Dictionary) {
			col.nullable = 0
		}
		if target := c.catalog.byName[p.LinkTarget]; p.Type == value.KindLink && target != nil {
			col.target = C.uint32_t(target.ID)
		}
	}
	name := C.CString(e.name)
	defer C.free(unsafe.Pointer(name))
	if e.raw = C.rlm_elements_new(c.db, name, col); e.raw == nil {
		panic("store: out of memory") // as cgo does
	}
	return e.raw
}

func (e *elements) free() {
	if e != nil && e.raw != nil {
		C.rlm_elements_free(e.raw)
		e.raw = nil
	}
}

// mixed tells whether the elements are of type mixed, and may be collections.
func (e *elements) mixed() bool {
	return e.class == nil || e.class.Def.Properties[e.property].Type == value.KindMixed
}

// collectionOf is the class and property number by which store_container and store_ragged name a property; 0, 0 for store_nested.
func (e *elements) names() (class, property uint32) {
	if e.class == nil {
		return 0, 0
	}
	return e.class.ID, e.class.cols[e.property].id
}
