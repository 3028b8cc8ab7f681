package store

import "realmsync/core/value"

// StorageKey finds the object that a literal O5 or L2:5 of a query names (query-language.md 2): that with this place among the objects of the
// class, in creation order and counted from 0, as long as none has been deleted, which is what such a literal means in the original. The class
// is named, or given by its number if the name is "". False when there is none.
func (c *Conn) StorageKey(class string, table, object int64) (value.Link, bool, error) {
	cl := c.catalog.byName[class]
	if class == "" && table > 0 && table <= 1<<32-1 {
		cl = c.catalog.byID[uint32(table)]
	}
	if cl == nil || object < 0 {
		return value.Link{}, false, nil
	}
	cl, err := c.readyToRead(cl, "looking for an object")
	if err != nil {
		return value.Link{}, false, err
	}
	row, ok, err := c.queryInt("SELECT id FROM "+cl.name+" ORDER BY id LIMIT 1 OFFSET ?", object)
	if err != nil || !ok {
		return value.Link{}, false, err
	}
	key, err := c.keyOf(cl, row)
	return value.Link{Class: cl.Def.Name, Key: key}, err == nil, err
}
