package realm

import (
	"slices"
	"unsafe"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
)

// Add adds a value to a set. It returns its position, and whether it is new.
func (c *Collection) Add(cell unsafe.Pointer) (i int, added bool, err error) {
	v, err := c.argument(cell)
	if err != nil {
		return 0, false, err
	}
	err = c.change(schema.Set, func(l *store.Collection) error {
		a, err := c.address(l)
		if err != nil {
			return err
		}
		raw := 0
		if raw, added, err = l.AddAt(v); err != nil {
			return err
		}
		if added {
			if err := c.recordValue(a, changeset.Instruction{Op: changeset.SetInsert}, v); err != nil {
				return err
			}
		}
		h, err := c.hiddenIn(l)
		before, _ := slices.BinarySearch(h, raw)
		i = raw - before
		return err
	})
	return i, added, err
}

// Remove removes a value from a set and returns whether it was there.
func (c *Collection) Remove(cell unsafe.Pointer) (removed bool, err error) {
	v, err := c.argument(cell)
	if err != nil {
		return false, err
	}
	err = c.change(schema.Set, func(l *store.Collection) error {
		removed, err = c.remove(l, v)
		return err
	})
	return removed, err
}

func (c *Collection) remove(l *store.Collection, v *store.Cell) (bool, error) {
	a, err := c.address(l)
	if err != nil {
		return false, err
	}
	removed, err := l.Remove(v)
	if err != nil || !removed {
		return false, err
	}
	return true, c.recordValue(a, changeset.Instruction{Op: changeset.SetErase}, v)
}

// eraseMember removes the element at a position of a set.
func (c *Collection) eraseMember(i int) error {
	return c.change(schema.Set, func(l *store.Collection) error {
		raw, err := c.rawIndex(l, i, false)
		if err != nil {
			return err
		}
		b, err := l.Load(raw, 1)
		if err != nil {
			return err
		}
		defer b.Release()
		_, err = c.remove(l, &b.Row(0)[0])
		return err
	})
}
