package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Class is a class as a Conn stores it. The index of a property in Def.Properties is its column in rows, cells and change
// masks. A Class stays valid until the class's definition changes; Conn.Class returns the current one. Calls that are given
// an outdated Class work with the current one of the same id.
type Class struct {
	ID       uint32 // from 1; stable while the file exists, also if the class is removed and added again
	Def      *schema.Class
	KeyIndex int // index of the primary key property, -1 without one

	cols    []column
	intKey  bool // the primary key is the row id
	keyless bool
	links   []int       // indexes of single properties that can hold links: links and mixed
	elems   []*elements // of the properties that are collections; nil for the others
	name    string
	built   bool         // the table exists; before, the class is only described, in this transaction
	table   *C.rlm_table // made at first use
	outdate bool

	incoming   []linkColumn // link properties and collections of any class whose target is this class
	nextRow    int64        // next row id, 0 when not known
	nextMoved  bool         // nextRow has to be written, because rows were erased
	tombstones tristate     // whether keys of this class have tombstones
}

// column is a property's column. Collections have none.
type column struct {
	id     uint32
	name   string
	stored bool
}

type tristate uint8

const (
	unknown tristate = iota
	no
	yes
)

// Name returns the class name.
func (cl *Class) Name() string { return cl.Def.Name }

// Property returns the index of a property, -1 if there is none.
func (cl *Class) Property(name string) int {
	for i := range cl.Def.Properties {
		if cl.Def.Properties[i].Name == name {
			return i
		}
	}
	return -1
}

// newClass derives everything that follows from the description.
func newClass(id uint32, def *schema.Class, ids []uint32) *Class {
	cl := &Class{ID: id, Def: def, KeyIndex: -1, keyless: def.PrimaryKey == "", name: fmt.Sprintf("c%d_%s", id, plain(def.Name))}
	for i := range def.Properties {
		p := &def.Properties[i]
		cl.cols = append(cl.cols, column{id: ids[i], name: fmt.Sprintf("p%d_%s", ids[i], plain(p.Name)), stored: p.Collection == schema.Single})
		if p.Name == def.PrimaryKey && !cl.keyless {
			cl.KeyIndex = i
			if p.Type == value.KindInt && !p.Nullable {
				cl.intKey = true
				cl.cols[i].name = "id"
			}
		}
		if p.Collection == schema.Single && (p.Type == value.KindLink || p.Type == value.KindMixed) {
			cl.links = append(cl.links, i)
		}
		cl.elems = append(cl.elems, nil)
		if p.Collection != schema.Single {
			cl.elems[i] = &elements{class: cl, property: i, name: cl.elementsName(i)}
		}
	}
	return cl
}

// plain keeps what needs no quotes in SQL. Ids make names unique, so that it may lose the rest.
func plain(name string) string {
	if len(name) > 40 {
		name = name[:40]
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

// declaration is the SQL of a column. Its default is what objects get that exist when the property is added.
func declaration(name string, p *schema.Property) string {
	sqlType, zero := "BLOB", ""
	switch p.Type {
	case value.KindInt, value.KindBool:
		sqlType, zero = "INTEGER", "0"
	case value.KindString:
		sqlType, zero = "TEXT", "''"
	case value.KindFloat, value.KindDouble:
		zero = "0.0" // not REAL: such columns store 5.0 as 5, which loses the sign of -0.0
	case value.KindBinary:
		zero = "x''"
	case value.KindTimestamp:
		zero = "x'800000000000000080000000'"
	case value.KindDecimal: // key of zero, then 0E0: biased exponent 6176
		zero = "x'80" + strings.Repeat("00", 17) + "3040" + strings.Repeat("00", 14) + "'"
	case value.KindObjectID:
		zero = "x'" + strings.Repeat("00", 12) + "'"
	case value.KindUUID:
		zero = "x'" + strings.Repeat("00", 16) + "'"
	case value.KindLink:
		sqlType = "INTEGER"
	}
	if p.Nullable || p.Type == value.KindLink || zero == "" {
		return name + " " + sqlType
	}
	return name + " " + sqlType + " DEFAULT " + zero
}

// indexes returns the statements that make the indexes of a property: name and statement.
func (cl *Class) indexes(i int) [][2]string {
	p, col := &cl.Def.Properties[i], cl.cols[i]
	if !col.stored || cl.intKey && i == cl.KeyIndex {
		return nil
	}
	make := func(prefix, unique, where string) [2]string {
		name := fmt.Sprintf("%s_c%d_p%d", prefix, cl.ID, col.id)
		return [2]string{name, fmt.Sprintf("CREATE %sINDEX %s ON %s(%s)%s", unique, name, cl.name, col.name, where)}
	}
	switch {
	case i == cl.KeyIndex:
		return [][2]string{make("key", "UNIQUE ", "")}
	case p.Type == value.KindLink: // finds the links to an object
		return [][2]string{make("link", "", fmt.Sprintf(" WHERE %s IS NOT NULL", col.name))}
	case p.Type == value.KindMixed:
		return [][2]string{make("link", "", " WHERE "+mixedIsLink(col.name))}
	case p.Indexed && p.Type == value.KindDecimal: // by value
		name := fmt.Sprintf("idx_c%d_p%d", cl.ID, col.id)
		return [][2]string{{name, fmt.Sprintf("CREATE INDEX %s ON %s(substr(%s,1,18))", name, cl.name, col.name)}}
	case p.Indexed:
		return [][2]string{make("idx", "", "")}
	default:
		return nil
	}
}

func mixedIsLink(col string) string { return fmt.Sprintf("substr(%s,1,1)=x'09'", col) }

// build makes the table of a class that was added in this transaction: with all its properties at once, instead of one
// ALTER TABLE each.
func (c *Conn) build(cl *Class) error {
	if cl.built {
		return nil
	}
	cl.built = true
	defs := []string{"id INTEGER PRIMARY KEY"}
	if cl.keyless {
		defs = append(defs, "gk BLOB")
	}
	for i := range cl.cols {
		if cl.cols[i].stored && cl.cols[i].name != "id" {
			defs = append(defs, declaration(cl.cols[i].name, &cl.Def.Properties[i]))
		}
	}
	if err := c.control(fmt.Sprintf("CREATE TABLE %s(%s)", cl.name, strings.Join(defs, ", "))); err != nil {
		return err
	}
	if cl.keyless {
		sql := fmt.Sprintf("CREATE UNIQUE INDEX key_c%d ON %s(gk) WHERE gk IS NOT NULL", cl.ID, cl.name)
		if err := c.control(sql); err != nil {
			return err
		}
	}
	for i := range cl.cols {
		if err := c.buildIndexes(cl, i); err != nil {
			return err
		}
		if e := cl.elems[i]; e != nil {
			if err := c.buildElements(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Conn) buildIndexes(cl *Class, i int) error {
	for _, index := range cl.indexes(i) {
		if err := c.control(index[1]); err != nil {
			return err
		}
	}
	return nil
}

// current returns the class that a caller means, with its table ready.
func (c *Conn) current(cl *Class) (*Class, error) {
	if cl.outdate || cl.table == nil {
		now := c.catalog.byID[cl.ID]
		if now == nil {
			return nil, c.errorf(ErrSchema, "class '%s' has been removed", cl.Def.Name)
		}
		cl = now
		if err := c.build(cl); err != nil {
			return nil, err
		}
		if cl.table == nil {
			c.openTable(cl)
		}
	}
	return cl, nil
}

func (c *Conn) openTable(cl *Class) {
	cString := func(s string) *C.char { return C.CString(s) }
	name := cString(cl.name)
	defer C.free(unsafe.Pointer(name))
	t := C.rlm_table_new(c.db, name, C.int(len(cl.cols)))
	if t == nil {
		panic("store: out of memory") // as cgo does
	}
	for i := range cl.cols {
		p := &cl.Def.Properties[i]
		col := C.rlm_col{kind: C.uint8_t(p.Type)}
		if p.Nullable || p.Type == value.KindLink || p.Type == value.KindMixed {
			col.nullable = 1
		}
		if cl.cols[i].stored {
			col.stored = 1
		}
		if cl.cols[i].name == "id" {
			col.is_rowid = 1
		}
		if p.Type == value.KindLink {
			if target := c.catalog.byName[p.LinkTarget]; target != nil {
				col.target = C.uint32_t(target.ID)
			}
		}
		column := cString(cl.cols[i].name)
		rc := C.rlm_table_col(t, C.int(i), column, col)
		C.free(unsafe.Pointer(column))
		if rc != 0 {
			panic("store: out of memory")
		}
	}
	C.rlm_table_key(t, C.int(cl.KeyIndex))
	cl.table = t
}

func (cl *Class) closeTable() {
	if cl.table != nil {
		C.rlm_table_free(cl.table)
		cl.table = nil
	}
	for _, e := range cl.elems {
		e.free()
	}
}

func (cl *Class) free() {
	cl.closeTable()
	cl.outdate = true
}
