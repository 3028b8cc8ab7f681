package realm

import (
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// changeList runs a change of a list at a position: i as the store counts, n elements and the address. behind allows the end.
func (c *Collection) changeList(i int, behind bool, f func(l *store.Collection, i, n int, a address) error) error {
	return c.change(schema.List, func(l *store.Collection) error {
		raw, err := c.rawIndex(l, i, behind)
		if err != nil {
			return err
		}
		n, err := l.Len()
		if err != nil {
			return err
		}
		a, err := c.address(l)
		if err != nil {
			return err
		}
		return f(l, raw, n, a)
	})
}

// Insert puts a value into a list in front of the element at a position; at Len it appends.
func (c *Collection) Insert(i int, cell unsafe.Pointer) error {
	v, err := c.argument(cell)
	if err != nil {
		return err
	}
	return c.changeList(i, true, func(l *store.Collection, i, n int, a address) error {
		if err := l.Insert(i, v); err != nil {
			return err
		}
		c.hidden.inserted(i, c.realm.conn.Stamp())
		return c.recordValue(a.position(i), changeset.Instruction{Op: changeset.ArrayInsert, PriorSize: uint32(n)}, v)
	})
}

// Set replaces an element of a list.
func (c *Collection) Set(i int, cell unsafe.Pointer) error {
	v, err := c.argument(cell)
	if err != nil {
		return err
	}
	return c.changeList(i, false, func(l *store.Collection, i, n int, a address) error {
		if err := l.Set(i, v); err != nil {
			return err
		}
		c.hidden.kept(c.realm.conn.Stamp())
		return c.recordValue(a.position(i), changeset.Instruction{Op: changeset.Update, PriorSize: uint32(n)}, v)
	})
}

// Move takes an element of a list out and puts it back so that it is at position to.
func (c *Collection) Move(from, to int) error {
	return c.changeList(from, false, func(l *store.Collection, i, n int, a address) error {
		j, err := c.rawIndex(l, to, false)
		if err != nil || i == j {
			return err
		}
		if err := l.Move(i, j); err != nil {
			return err
		}
		c.hidden.moved(i, j, c.realm.conn.Stamp())
		return c.record(a.position(i), changeset.Instruction{Op: changeset.ArrayMove, Dest: uint32(j), PriorSize: uint32(n)})
	})
}

// Erase removes an element of a list, or that at a position of a set or dictionary.
func (c *Collection) Erase(i int) error {
	switch c.kind {
	case schema.Set:
		return c.eraseMember(i)
	case schema.Dictionary:
		return c.eraseEntry(i)
	default:
		return c.changeList(i, false, c.eraseAt)
	}
}

func (c *Collection) eraseAt(l *store.Collection, i, n int, a address) error {
	if err := l.Erase(i); err != nil {
		return err
	}
	c.hidden.erased(i, c.realm.conn.Stamp())
	return c.record(a.position(i), changeset.Instruction{Op: changeset.ArrayErase, PriorSize: uint32(n)})
}

// Assign makes n cells the elements of a list, by as few changes as the original makes: what is too much goes from the end, the rest is set,
// what is new comes behind (changeset.md 6.5).
func (c *Collection) Assign(cells unsafe.Pointer, n int) error {
	if n < 0 || n > 0 && cells == nil {
		return errorf(store.ErrRange, "a list can't have %d elements", n)
	}
	all := unsafe.Slice((*store.Cell)(cells), n)
	have, err := c.Len()
	if err != nil {
		return err
	}
	for ; have > n; have-- {
		if err := c.Erase(have - 1); err != nil {
			return err
		}
	}
	for i := range all {
		set := c.Insert
		if i < have {
			set = c.Set
		}
		if err := set(i, unsafe.Pointer(&all[i])); err != nil {
			return err
		}
	}
	return nil
}

// InsertNew is Insert of something new and empty: KindObject into lists of embedded objects, KindList and KindDictionary into lists of mixed.
func (c *Collection) InsertNew(i int, kind value.Kind) (made New, err error) {
	err = c.changeList(i, true, func(l *store.Collection, i, n int, a address) error {
		if err := c.realm.checkDepth(l, kind); err != nil {
			return err
		}
		child, err := l.InsertNew(i, kind)
		if err != nil {
			return err
		}
		in := changeset.Instruction{Op: changeset.ArrayInsert, Value: value.Marker(kind), PriorSize: uint32(n)}
		if err := c.record(a.position(i), in); err != nil {
			return err
		}
		made = c.realm.handOut(child)
		return nil
	})
	return made, err
}

// SetNew is Set with something new and empty, as the function SetNew.
func (c *Collection) SetNew(i int, kind value.Kind) (made New, err error) {
	err = c.changeList(i, false, func(l *store.Collection, i, n int, a address) error {
		if err := c.realm.checkDepth(l, kind); err != nil {
			return err
		}
		child, err := l.Child(i)
		if err != nil {
			return err
		}
		if child.Collection == nil || child.Collection.Kind() != kind { // one of that kind stays (changeset.md 5.5)
			if child, err = l.SetNew(i, kind); err != nil {
				return err
			}
		}
		if kind == value.KindObject { // the old one goes first: for receivers a new object is a no-op where there is one
			if err := c.record(a.position(i), changeset.Instruction{Op: changeset.ArrayErase, PriorSize: uint32(n)}); err != nil {
				return err
			}
			in := changeset.Instruction{Op: changeset.ArrayInsert, Value: value.Marker(kind), PriorSize: uint32(n - 1)}
			err = c.record(a.position(i), in)
		} else {
			in := changeset.Instruction{Op: changeset.Update, Value: value.Marker(kind), PriorSize: uint32(n)}
			err = c.record(a.position(i), in)
		}
		if err == nil {
			made = c.realm.handOut(child)
		}
		return err
	})
	return made, err
}
