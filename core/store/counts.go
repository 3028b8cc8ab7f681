package store

import (
	"maps"
	"slices"
)

// How many objects each class has, in the file, so that it is known without walking through the class: a row of store_meta per class, id
// countBase + class id. They are right while the row 3 holds the version counter of the file: who changes objects and doesn't know of
// counts moves the version only. A class without row has not been counted.
const countBase = 1 << 32

// countChanges is by how much the open write transaction changes the counts, by class id.
type countChanges struct {
	by   map[uint32]*int64
	last uint32 // the class that was changed last, and its number
	at   *int64
}

func (k *countChanges) forget() { *k = countChanges{} }

func (k *countChanges) add(class uint32, n int64) {
	if k.at == nil || k.last != class {
		if k.by == nil {
			k.by = map[uint32]*int64{}
		}
		if k.by[class] == nil {
			k.by[class] = new(int64)
		}
		k.last, k.at = class, k.by[class]
	}
	*k.at += n
}

func (k *countChanges) of(class uint32) int64 {
	if by := k.by[class]; by != nil {
		return *by
	}
	return 0
}

const countsAreRight = "(SELECT value FROM store_meta WHERE id=1)=(SELECT value FROM store_meta WHERE id=3)"

// count returns how many objects a class has; false when it has to be counted.
func (c *Conn) count(cl *Class) (int64, bool, error) {
	n, known, err := c.queryInt("SELECT value FROM store_meta WHERE id=? AND "+countsAreRight, countBase+int64(cl.ID))
	return n + c.counts.of(cl.ID), known, err
}

// settleCounts writes the counts that the transaction has changed.
func (c *Conn) settleCounts() error {
	if c.counts.by == nil {
		return nil
	}
	defer c.counts.forget()
	right, err := c.controlInt("SELECT " + countsAreRight)
	if err != nil {
		return err
	}
	if right == 0 { // also when the file is of before there were counts
		if _, err := c.exec("DELETE FROM store_meta WHERE id>=?", countBase); err != nil {
			return err
		}
		if err := c.control("INSERT OR REPLACE INTO store_meta SELECT 3, value FROM store_meta WHERE id=1"); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.counts.by)) {
		cl, by := c.catalog.byID[id], c.counts.of(id)
		if by == 0 || cl == nil || !cl.built {
			continue
		}
		changed, err := c.exec("UPDATE store_meta SET value=value+? WHERE id=?", by, countBase+int64(id))
		if err == nil && changed == 0 {
			_, err = c.exec("INSERT INTO store_meta SELECT ?, count(*) FROM "+cl.name, countBase+int64(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetCount makes the count of a class unknown, with what the transaction has changed.
func (c *Conn) forgetCount(cl *Class) error {
	c.counts.add(cl.ID, -c.counts.of(cl.ID))
	_, err := c.exec("DELETE FROM store_meta WHERE id=?", countBase+int64(cl.ID))
	return err
}
