package store

import (
	"encoding/binary"
	"fmt"

	"realmsync/core/value"
)

// A link is to a class and a primary key; it is dangling while no object has that key (changeset.md 5.6). In the file a
// live link holds the target's row id. A dangling one holds, in another SQLite type, the id of a tombstone: a row of
// store_tombstone that keeps the class and the key. So reading a link and comparing it with null or with an object needs
// no look at the target, and joins never meet dangling links.
//
// The price is paid when it is due: erasing an object turns the links to it into dangling ones, creating an object whose
// key has a tombstone turns them back. Both find the links by the indexes that link and mixed properties have.

// keyBytes is a key as a tombstone keeps it: its kind, then its bytes.
func keyBytes(key value.Key) []byte {
	b := []byte{byte(key.Kind())}
	switch key.Kind() {
	case value.KindInt:
		return binary.BigEndian.AppendUint64(b, uint64(key.Int()))
	case value.KindString:
		return append(b, key.Str()...)
	case value.KindObjectID:
		id := key.ObjectID()
		return append(b, id[:]...)
	case value.KindUUID:
		id := key.UUID()
		return append(b, id[:]...)
	case value.KindGlobalKey:
		return append(b, globalBytes(key)...)
	default:
		return b
	}
}

func keyFromBytes(b []byte) (value.Key, bool) {
	if len(b) == 0 {
		return value.Key{}, false
	}
	kind, rest := value.Kind(int8(b[0])), b[1:]
	switch {
	case kind == value.KindNull && len(rest) == 0:
		return value.NullKey(), true
	case kind == value.KindInt && len(rest) == 8:
		return value.IntKey(int64(binary.BigEndian.Uint64(rest))), true
	case kind == value.KindString:
		return value.StringKey(string(rest)), true
	case kind == value.KindObjectID && len(rest) == 12:
		return value.ObjectIDKey(value.ObjectID(rest)), true
	case kind == value.KindUUID && len(rest) == 16:
		return value.UUIDKey(value.UUID(rest)), true
	case kind == value.KindGlobalKey && len(rest) == 16:
		return value.GlobalKey(binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])), true
	default:
		return value.Key{}, false
	}
}

// tombstone returns the id of the tombstone of a key, making it if necessary.
func (c *Conn) tombstone(cl *Class, key value.Key) (int64, error) {
	b := keyBytes(key)
	id, ok, err := c.queryInt("SELECT id FROM store_tombstone WHERE class=? AND key=?", cl.ID, b)
	if err != nil || ok {
		return id, err
	}
	if _, err := c.exec("INSERT INTO store_tombstone(class, key) VALUES(?,?)", cl.ID, b); err != nil {
		return 0, err
	}
	cl.tombstones = yes
	return c.controlInt("SELECT last_insert_rowid()")
}

// buried returns what a tombstone keeps.
func (c *Conn) buried(id int64) (link value.Link, err error) {
	found := false
	err = c.query("SELECT t.key, s.name FROM store_tombstone t JOIN store_class s ON s.id=t.class WHERE t.id=?", []any{id}, func(r *Row) error {
		link.Class = r.Text(1)
		link.Key, found = keyFromBytes(r.bytes(0))
		return nil
	})
	if err == nil && !found {
		err = c.errorf(ErrFormat, "the key of a dangling link is missing (tombstone %d)", id)
	}
	return link, err
}

// linkForms returns how a link to an object is stored while it is live and while it dangles, in a property of this type.
func linkForms(in linkColumn, cl *Class, rowid, tombstone int64) (live, dangling any) {
	if in.class.Def.Properties[in.property].Type == value.KindLink {
		return rowid, blobArg(binary.BigEndian.AppendUint64(nil, uint64(tombstone)))
	}
	return mixedLink(cl.ID, 1, rowid), mixedLink(cl.ID, 0, tombstone)
}

func mixedLink(class uint32, live byte, id int64) blobArg {
	b := append(binary.BigEndian.AppendUint32([]byte{byte(value.KindLink)}, class), live)
	return blobArg(binary.BigEndian.AppendUint64(b, uint64(id)^1<<63))
}

// holders returns the rows whose property holds this link. The condition is one that the property's index serves.
func (c *Conn) holders(in linkColumn, form any) (rows []int64, err error) {
	if !in.class.built {
		return nil, nil
	}
	col := in.class.cols[in.property].name
	sql := fmt.Sprintf("SELECT id FROM %s WHERE %s=?", in.class.name, col)
	if in.class.Def.Properties[in.property].Type == value.KindMixed {
		sql += " AND " + mixedIsLink(col)
	}
	err = c.query(sql, []any{form}, func(r *Row) error {
		rows = append(rows, r.Int(0))
		return nil
	})
	return rows, err
}

// relink stores another form of a link in these rows.
func (c *Conn) relink(in linkColumn, rows []int64, form any) error {
	sql := fmt.Sprintf("UPDATE %s SET %s=? WHERE id=?", in.class.name, in.class.cols[in.property].name)
	for _, row := range rows {
		if _, err := c.exec(sql, form, row); err != nil {
			return err
		}
		c.touchedModified(in.class, row, columnBit(in.property))
	}
	return nil
}

// linkColumns returns every property that may hold a link to an object of the class.
func (c *Conn) linkColumns(cl *Class) []linkColumn {
	if len(cl.incoming) == 0 {
		return c.catalog.mixed
	}
	return append(cl.incoming[:len(cl.incoming):len(cl.incoming)], c.catalog.mixed...)
}

// orphanLinks makes the links to a row dangling, before the row is erased.
func (c *Conn) orphanLinks(cl *Class, rowid int64) error {
	tomb := int64(0)
	for _, in := range c.linkColumns(cl) {
		live, _ := linkForms(in, cl, rowid, 0)
		rows, err := c.holders(in, live)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		if tomb == 0 {
			key, err := c.keyOf(cl, rowid)
			if err != nil {
				return err
			}
			if tomb, err = c.tombstone(cl, key); err != nil {
				return err
			}
		}
		_, dangling := linkForms(in, cl, rowid, tomb)
		if err := c.relink(in, rows, dangling); err != nil {
			return err
		}
	}
	return nil
}

// revive makes the links to a key live, after a row with the key has been created.
func (c *Conn) revive(cl *Class, rowid int64, cell *Cell) error {
	key := value.GlobalKey(0, uint64(rowid))
	if cell != nil {
		key, _ = value.KeyOf(cell.Value())
	}
	return c.reviveKey(cl, rowid, key)
}

func (c *Conn) reviveKey(cl *Class, rowid int64, key value.Key) error {
	if cl.tombstones == unknown {
		any, err := c.controlInt(fmt.Sprintf("SELECT EXISTS(SELECT 1 FROM store_tombstone WHERE class=%d)", cl.ID))
		if err != nil {
			return err
		}
		if cl.tombstones = no; any != 0 {
			cl.tombstones = yes
		}
	}
	if cl.tombstones == no {
		return nil
	}
	tomb, ok, err := c.queryInt("SELECT id FROM store_tombstone WHERE class=? AND key=?", cl.ID, keyBytes(key))
	if err != nil || !ok {
		return err
	}
	for _, in := range c.linkColumns(cl) {
		live, dangling := linkForms(in, cl, rowid, tomb)
		rows, err := c.holders(in, dangling)
		if err != nil {
			return err
		}
		if err := c.relink(in, rows, live); err != nil {
			return err
		}
		for _, row := range rows {
			c.revived = append(c.revived, Reference{in.class, row, in.property})
		}
	}
	_, err = c.exec("DELETE FROM store_tombstone WHERE id=?", tomb)
	return err
}

// Revived returns the links that the last Insert made live again, because they were to the new object's key. The slice is valid until the
// next change.
func (c *Conn) Revived() []Reference { return c.revived }

// orphanMixedLinks makes the links from mixed properties of other classes to a class that is about to go dangling.
func (c *Conn) orphanMixedLinks(cl *Class) error {
	prefix := string(mixedLink(cl.ID, 1, 0)[:6])
	for _, in := range c.catalog.mixed {
		if in.class == cl || !in.class.built {
			continue
		}
		col := in.class.cols[in.property].name
		sql := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND substr(%s,1,6)=?", col, in.class.name, mixedIsLink(col), col)
		targets := map[int64]bool{}
		if err := c.query(sql, []any{blobArg(prefix)}, func(r *Row) error {
			if b := r.bytes(0); len(b) == 14 {
				targets[int64(binary.BigEndian.Uint64(b[6:])^1<<63)] = true
			}
			return nil
		}); err != nil {
			return err
		}
		for rowid := range targets {
			key, err := c.keyOf(cl, rowid)
			if err != nil {
				return err
			}
			tomb, err := c.tombstone(cl, key)
			if err != nil {
				return err
			}
			live, dangling := linkForms(in, cl, rowid, tomb)
			rows, err := c.holders(in, live)
			if err != nil {
				return err
			}
			if err := c.relink(in, rows, dangling); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reference is a link to an object: the row and property that hold it.
type Reference struct {
	Class    *Class
	Row      int64
	Property int
}

// Incoming returns the live links to a row, of single link and mixed properties, in order of class id, property, row.
func (c *Conn) Incoming(cl *Class, rowid int64) ([]Reference, error) {
	cl, err := c.readyToRead(cl, "looking for links")
	if err != nil {
		return nil, err
	}
	var out []Reference
	for _, in := range c.linkColumns(cl) {
		live, _ := linkForms(in, cl, rowid, 0)
		rows, err := c.holders(in, live)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			out = append(out, Reference{in.class, row, in.property})
		}
	}
	sortReferences(out)
	return out, nil
}
