package store

import "fmt"

// On returns the name of the same collection for another connection to the file. Whether it exists there is not looked at.
func (l *Collection) On(c *Conn) (*Collection, error) {
	if l.conn == c {
		return l, nil
	}
	cl := c.catalog.byID[l.class.ID]
	if cl == nil {
		return nil, c.errorf(ErrSchema, "class '%s' doesn't exist in this version", l.class.Def.Name)
	}
	return &Collection{conn: c, class: cl, row: l.row, property: l.property, kind: l.kind, container: l.container}, nil
}

// Dangling returns the indexes of the links in a list or set of links whose objects don't exist, in ascending order. While there is no dangling
// link to the class anywhere, which is the rule, this takes no time; otherwise all elements are looked at.
func (l *Collection) Dangling() ([]int, error) {
	e, owner, err := l.table()
	if err != nil || !e.built || e.mixed() {
		return nil, err
	}
	c := l.conn
	target := c.catalog.byName[e.class.Def.Properties[e.property].LinkTarget]
	if target == nil {
		return nil, nil
	}
	if any, err := c.hasTombstones(target); err != nil || !any {
		return nil, err
	}
	ids, err := c.rowIDs(fmt.Sprintf(`SELECT i FROM (SELECT row_number() OVER (ORDER BY k)-1 AS i, typeof(v)='blob' AS dangling FROM %s
		WHERE owner=?) WHERE dangling`, e.name), []any{owner})
	out := make([]int, len(ids))
	for i := range ids {
		out[i] = int(ids[i])
	}
	return out, err
}

// hasTombstones tells whether there may be dangling links to objects of the class.
func (c *Conn) hasTombstones(cl *Class) (bool, error) {
	if cl.tombstones == unknown {
		any, err := c.controlInt(fmt.Sprintf("SELECT EXISTS(SELECT 1 FROM store_tombstone WHERE class=%d)", cl.ID))
		if err != nil {
			return false, err
		}
		if cl.tombstones = no; any != 0 {
			cl.tombstones = yes
		}
	}
	return cl.tombstones == yes, nil
}
