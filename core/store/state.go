package store

/*
#include "shim.h"
*/
import "C"

import (
	"strings"
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// State is what instructions act on (changeset.State): the realm in its write transaction. It keeps the object named last
// with its changes, and writes them as one row when another object is named, when anything is read, or at the commit.
type State struct {
	conn *Conn
	// The object named last, if any.
	cl     *Class
	key    value.Key
	rowid  int64
	exists bool // a live object; false is remembered too
	known  bool // cl, key, rowid and exists are right
	loaded bool // values hold the whole row

	pending bool // there is something to write
	fresh   bool // the row has to be inserted
	values  []value.Value
	dirty   []int // properties to write, in order of their first change; of a fresh row too
	isDirty []bool
	arena   arena
}

var _ changeset.State = (*State)(nil)

// State returns the realm as instructions see it. It is valid in write transactions of this connection.
func (c *Conn) State() *State { return &c.state }

// flush writes what was put off: by the State, and elements that wait.
func (c *Conn) flush() error {
	if c.appends.of != nil {
		c.appends.of = nil
		if err := c.writeAppends(); err != nil {
			return err
		}
	}
	if !c.state.pending {
		return nil
	}
	return c.state.write()
}

func (s *State) forget() {
	s.cl, s.known, s.pending, s.fresh = nil, false, false, false
	s.clean()
}

func (s *State) clean() {
	for _, i := range s.dirty {
		s.isDirty[i] = false
	}
	s.dirty = s.dirty[:0]
}

// write brings the pending row to the table.
func (s *State) write() error {
	c, cl := s.conn, s.cl
	s.pending = false
	s.arena.reset()
	cells := s.arena.scratch(max(1, len(cl.cols)))
	for i := range cl.cols {
		cells[i] = Cell{Type: CellAbsent}
		if s.isDirty[i] {
			if err := c.setValue(&cells[i], s.values[i], &s.arena); err != nil {
				return err
			}
		}
	}
	defer s.clean()
	if s.fresh {
		s.fresh = false
		return s.insert(cells)
	}
	return s.update(cells)
}

func (s *State) insert(cells []Cell) error {
	c, cl := s.conn, s.cl
	if !cl.keyless {
		cells[cl.KeyIndex].set(s.key.Value(), &s.arena)
		rowid, err := c.insert(cl, &cells[0], len(cl.cols))
		s.rowid = rowid
		return err
	}
	return s.insertKeyless(cells)
}

// insertKeyless makes an object with a given global key. (0, n) is the row id if it is free, any other is kept in gk.
func (s *State) insertKeyless(cells []Cell) error {
	c, cl := s.conn, s.cl
	c.revived = c.revived[:0]
	next, err := c.takeRowID(cl)
	if err != nil {
		return err
	}
	rowid, explicit := next, true
	if hi, lo := s.key.Global(); hi == 0 && int64(lo) > 0 {
		if taken, err := c.exists(cl, int64(lo)); err != nil {
			return err
		} else if !taken {
			rowid, explicit = int64(lo), false
		}
	}
	rc := C.rlm_insert(cl.table, C.int64_t(rowid), (*C.rlm_cell)(unsafe.Pointer(&cells[0])), C.int(len(cl.cols)))
	if rc != 0 {
		return c.failRow(rc, cl, "creating an object")
	}
	cl.nextRow = max(next, rowid+1)
	s.rowid = rowid
	c.touchedCreated(cl, rowid)
	if explicit {
		if _, err := c.exec("UPDATE "+cl.name+" SET gk=? WHERE id=?", globalBytes(s.key), rowid); err != nil {
			return err
		}
	}
	return c.reviveKey(cl, rowid, s.key)
}

func (s *State) update(cells []Cell) error {
	c, cl := s.conn, s.cl
	var changes C.int
	var cols uint64
	for _, i := range s.dirty {
		cols |= columnBit(i)
	}
	if len(s.dirty) == 1 {
		i := s.dirty[0]
		if rc := C.rlm_update(cl.table, C.int64_t(s.rowid), C.int(i), (*C.rlm_cell)(unsafe.Pointer(&cells[i])), &changes); rc != 0 {
			return c.failRow(rc, cl, "setting a property")
		}
	} else {
		// A statement per combination of properties: few in practice, and the cache is bounded.
		var sql strings.Builder
		list := make([]C.int32_t, len(s.dirty))
		sql.WriteString("UPDATE " + cl.name + " SET ")
		for k, i := range s.dirty {
			if k > 0 {
				sql.WriteByte(',')
			}
			sql.WriteString(cl.cols[i].name + "=?")
			list[k] = C.int32_t(i)
		}
		sql.WriteString(" WHERE id=?")
		st, err := c.statement(sql.String())
		if err != nil {
			return err
		}
		defer c.done(st)
		rc := C.rlm_update_many(cl.table, st.raw, C.int64_t(s.rowid), &list[0], C.int(len(list)), (*C.rlm_cell)(unsafe.Pointer(&cells[0])), &changes)
		if rc != 0 {
			return c.failRow(rc, cl, "setting properties")
		}
	}
	if changes == 0 {
		return c.noObject(cl, s.rowid)
	}
	c.touchedModified(cl, s.rowid, cols)
	return nil
}

// look makes (class, key) the object named last.
func (s *State) look(class string, key value.Key) error {
	if s.known && s.key == key && s.cl.Def.Name == class && !s.cl.outdate {
		return nil
	}
	c := s.conn
	if err := c.needWrite("applying a changeset"); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	s.known = false
	cl := c.catalog.byName[class]
	if cl == nil {
		return c.errorf(ErrSchema, "class '%s' doesn't exist", class)
	}
	cl, err := c.current(cl)
	if err != nil {
		return err
	}
	rowid, ok, err := c.find(cl, key)
	if err != nil {
		return err
	}
	s.name(cl, key, rowid, ok)
	return nil
}

func (s *State) name(cl *Class, key value.Key, rowid int64, exists bool) {
	s.cl, s.key, s.rowid, s.exists, s.known, s.loaded = cl, key, rowid, exists, true, false
	s.values = append(s.values[:0], make([]value.Value, len(cl.cols))...)
	if n := len(cl.cols); len(s.isDirty) < n {
		s.isDirty = append(s.isDirty, make([]bool, n-len(s.isDirty))...)
	}
}

// Schema implements changeset.State.
func (s *State) Schema() *schema.Schema { return s.conn.Schema() }

// AddClass implements changeset.State.
func (s *State) AddClass(class schema.Class) error { return s.reshape(s.conn.AddClass(class)) }

// RemoveClass implements changeset.State.
func (s *State) RemoveClass(name string) error { return s.reshape(s.conn.RemoveClass(name)) }

// AddProperty implements changeset.State.
func (s *State) AddProperty(class string, p schema.Property) error {
	return s.reshape(s.conn.AddProperty(class, p))
}

// RemoveProperty implements changeset.State.
func (s *State) RemoveProperty(class, property string) error {
	return s.reshape(s.conn.RemoveProperty(class, property))
}

// reshape forgets the object named last: its class may have other columns now. It has been written by the change.
func (s *State) reshape(err error) error {
	s.known = false
	return err
}

// Exists implements changeset.State.
func (s *State) Exists(class string, key value.Key) (bool, error) {
	if err := s.look(class, key); err != nil {
		return false, err
	}
	return s.exists, nil
}

// Create implements changeset.State. The row is written with the values that are set next.
func (s *State) Create(class string, key value.Key) error {
	if err := s.look(class, key); err != nil {
		return err
	}
	if s.exists {
		return s.conn.errorf(ErrKeyExists, "an object of class '%s' with primary key %v exists", class, key)
	}
	for i := range s.cl.Def.Properties {
		s.values[i] = defaultValue(&s.cl.Def.Properties[i])
	}
	if s.cl.KeyIndex >= 0 {
		s.values[s.cl.KeyIndex] = key.Value()
	}
	s.exists, s.fresh, s.pending, s.loaded = true, true, true, true
	return nil
}

// defaultValue is changeset.md 5.9.
func defaultValue(p *schema.Property) value.Value {
	if p.Nullable || p.Collection != schema.Single {
		return value.Null()
	}
	switch p.Type {
	case value.KindInt:
		return value.Int(0)
	case value.KindBool:
		return value.Bool(false)
	case value.KindString:
		return value.String("")
	case value.KindBinary:
		return value.BinaryString("")
	case value.KindTimestamp:
		return value.FromTimestamp(value.Timestamp{})
	case value.KindFloat:
		return value.Float(0)
	case value.KindDouble:
		return value.Double(0)
	case value.KindDecimal:
		return value.FromDecimal(value.Decimal{Hi: 6176 << 49}) // exponent 0 has the bias 6176
	case value.KindObjectID:
		return value.FromObjectID(value.ObjectID{})
	case value.KindUUID:
		return value.FromUUID(value.UUID{})
	default:
		return value.Null()
	}
}

// Erase implements changeset.State.
func (s *State) Erase(class string, key value.Key) error {
	if err := s.look(class, key); err != nil {
		return err
	}
	if !s.exists {
		return s.conn.errorf(ErrNoObject, "no object of class '%s' has primary key %v", class, key)
	}
	if err := s.conn.flush(); err != nil { // sets rowid, if the object is new
		return err
	}
	return s.conn.Delete(s.cl, s.rowid)
}

func (s *State) property(class string, key value.Key, property string) (int, error) {
	if err := s.look(class, key); err != nil {
		return 0, err
	}
	if !s.exists {
		return 0, s.conn.errorf(ErrNoObject, "no object of class '%s' has primary key %v", class, key)
	}
	i := s.cl.Property(property)
	if i < 0 || !s.cl.cols[i].stored {
		return 0, s.conn.errorf(ErrSchema, "class '%s' has no single property '%s'", class, property)
	}
	return i, nil
}

// Get implements changeset.State.
func (s *State) Get(class string, key value.Key, property string) (value.Value, error) {
	i, err := s.property(class, key, property)
	if err != nil {
		return value.Value{}, err
	}
	if !s.loaded && !s.isDirty[i] {
		if err := s.load(); err != nil {
			return value.Value{}, err
		}
	}
	return s.values[i], nil
}

// load reads the row, once per object. What was set and isn't written yet stays: what was there before may be gone already.
func (s *State) load() error {
	b, err := s.conn.loadRows(s.cl, []int64{s.rowid})
	if err != nil {
		return err
	}
	defer b.Release()
	if !b.Present(0) {
		return s.conn.noObject(s.cl, s.rowid)
	}
	for k, cells := 0, b.Row(0); k < len(cells); k++ {
		if s.isDirty[k] {
			continue
		}
		if s.values[k], err = s.plain(&cells[k]); err != nil {
			return err
		}
	}
	s.loaded = true
	return nil
}

// Set implements changeset.State.
func (s *State) Set(class string, key value.Key, property string, v value.Value) error {
	i, err := s.property(class, key, property)
	if err != nil {
		return err
	}
	if i == s.cl.KeyIndex {
		return s.conn.errorf(ErrType, "the primary key '%s.%s' can't be changed", class, property)
	}
	if err := s.fits(i, v); err != nil {
		return err
	}
	if !s.isDirty[i] {
		if !s.fresh {
			if err := s.vacate(i); err != nil {
				return err
			}
		}
		s.isDirty[i] = true
		s.dirty = append(s.dirty, i)
	}
	s.values[i] = v
	s.pending = true
	return nil
}

// vacate discards the container in a property that is about to be set.
func (s *State) vacate(i int) error {
	child, err := s.conn.childOf(s.cl, s.rowid, i)
	if err != nil || child.IsZero() {
		return err
	}
	return s.conn.discard(child)
}

// fits refuses here what the table would refuse later, when another instruction could be blamed.
func (s *State) fits(i int, v value.Value) error {
	p := &s.cl.Def.Properties[i]
	switch {
	case v.IsNull():
		if !p.Nullable && p.Type != value.KindLink && p.Type != value.KindMixed {
			return s.conn.errorf(ErrNotNullable, "property '%s.%s' is required, it can't be null", s.cl.Def.Name, p.Name)
		}
	case p.Type != value.KindMixed && v.Kind() != p.Type, !v.Kind().IsValue(), p.Type == value.KindLink && v.Link().Class != p.LinkTarget:
		return s.conn.errorf(ErrType, "a value of type %v for property '%s.%s'", v.Kind(), s.cl.Def.Name, p.Name)
	}
	return nil
}
