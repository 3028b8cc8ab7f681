package realm

import (
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Get returns the value under a key of a dictionary as a batch of one row (value, key), which the caller releases; false if there is none.
func (c *Collection) Get(key string) (b store.Batch, found bool, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		b, found, err = l.GetKey(key)
		return err
	})
	return b, found, err
}

// IndexOfKey returns the position of a key of a dictionary.
func (c *Collection) IndexOfKey(key string) (i int, found bool, err error) {
	err = c.readExisting(func(l *store.Collection) error {
		i, found, err = l.KeyIndex(key)
		return err
	})
	return i, found, err
}

// changeEntry runs a change of a dictionary at a key.
func (c *Collection) changeEntry(key string, f func(l *store.Collection, a address) error) error {
	return c.change(schema.Dictionary, func(l *store.Collection) error {
		if err := checkKey(key); err != nil {
			return err
		}
		a, err := c.address(l)
		if err != nil {
			return err
		}
		return f(l, a.entry(key))
	})
}

// Put sets the value under a key of a dictionary, whether there is one or not.
func (c *Collection) Put(key string, cell unsafe.Pointer) error {
	v, err := c.argument(cell)
	if err != nil {
		return err
	}
	return c.changeEntry(key, func(l *store.Collection, a address) error {
		if err := l.Put(key, v); err != nil {
			return err
		}
		return c.recordValue(a, changeset.Instruction{Op: changeset.Update}, v)
	})
}

// PutNew is Put of something new and empty, as the function SetNew; an embedded object replaces what is there.
func (c *Collection) PutNew(key string, kind value.Kind) (made New, err error) {
	err = c.changeEntry(key, func(l *store.Collection, a address) error {
		if err := c.realm.checkDepth(l, kind); err != nil {
			return err
		}
		child, err := l.ChildKey(key)
		if err != nil {
			return err
		}
		if child.Collection == nil || child.Collection.Kind() != kind { // one of that kind stays (changeset.md 5.5)
			if child, err = l.PutNew(key, kind); err != nil {
				return err
			}
		}
		if err := c.record(a, changeset.Instruction{Op: changeset.Update, Value: value.Marker(kind)}); err != nil {
			return err
		}
		made = c.realm.handOut(child)
		return nil
	})
	return made, err
}

// RemoveKey removes a key of a dictionary and returns whether it was there.
func (c *Collection) RemoveKey(key string) (removed bool, err error) {
	err = c.change(schema.Dictionary, func(l *store.Collection) error {
		removed, err = c.removeKey(l, key)
		return err
	})
	return removed, err
}

func (c *Collection) removeKey(l *store.Collection, key string) (bool, error) {
	a, err := c.address(l)
	if err != nil {
		return false, err
	}
	removed, err := l.RemoveKey(key)
	if err != nil || !removed {
		return false, err
	}
	in := changeset.Instruction{Op: changeset.Update, Value: value.Marker(value.KindErased)}
	return true, c.record(a.entry(key), in)
}

// eraseEntry removes the entry at a position of a dictionary.
func (c *Collection) eraseEntry(i int) error {
	return c.change(schema.Dictionary, func(l *store.Collection) error {
		raw, err := c.rawIndex(l, i, false)
		if err != nil {
			return err
		}
		b, err := l.Load(raw, 1)
		if err != nil {
			return err
		}
		key := string(b.Row(0)[1].Bytes())
		b.Release()
		_, err = c.removeKey(l, key)
		return err
	})
}
