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
	if in.isMixed() {
		return mixedLink(cl.ID, 1, rowid), mixedLink(cl.ID, 0, tombstone)
	}
	return rowid, blobArg(binary.BigEndian.AppendUint64(nil, uint64(tombstone)))
}

func mixedLink(class uint32, live byte, id int64) blobArg {
	b := append(binary.BigEndian.AppendUint32([]byte{byte(value.KindLink)}, class), live)
	return blobArg(binary.BigEndian.AppendUint64(b, uint64(id)^1<<63))
}

// holders returns the places of a property that hold this link. The condition is one that the property's index serves.
func (c *Conn) holders(in linkColumn, form any) (out []holder, err error) {
	table, col := in.table(c)
	if table == "" {
		return nil, nil
	}
	if in.class == nil {
		if some, err := c.hasContainers(); err != nil || !some {
			return nil, err
		}
	}
	what := "id,NULL"
	if in.elements(c) != nil {
		what = "owner,k"
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s=?", what, table, col)
	if in.isMixed() {
		sql += " AND " + in.isLink(c, col)
	}
	err = c.query(sql, []any{form}, func(r *Row) error {
		out = append(out, holder{r.Int(0), placeIn(r, 1)})
		return nil
	})
	return out, err
}

// relink stores another form of a link in these places. link is the cell of that form.
func (c *Conn) relink(in linkColumn, at []holder, form any, link *Cell) error {
	table, col := in.table(c)
	e := in.elements(c)
	for _, h := range at {
		var err error
		_, isSet := h.k.(blobArg)
		switch {
		case e == nil:
			_, err = c.exec(fmt.Sprintf("UPDATE %s SET %s=? WHERE id=?", table, col), form, h.owner)
		case isSet: // the key of a set's element says whether it is live
			k := appendSetKey(nil, link, in.isMixed())
			_, err = c.exec(fmt.Sprintf("UPDATE %s SET v=?, k=? WHERE owner=? AND k=?", table), form, k, h.owner, h.k)
			class, property := e.names()
			c.collections.drop(collectionKey{class, property, h.owner})
		default:
			_, err = c.exec(fmt.Sprintf("UPDATE %s SET v=? WHERE owner=? AND k=?", table), form, h.owner, h.k)
		}
		if err != nil {
			return err
		}
		if err := c.touchedHolder(in, h); err != nil {
			return err
		}
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
		at, err := c.holders(in, live)
		if err != nil {
			return err
		}
		if len(at) == 0 {
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
		if err := c.relink(in, at, dangling, danglingCell(cl, tomb)); err != nil {
			return err
		}
	}
	return nil
}

func danglingCell(cl *Class, tomb int64) *Cell {
	cell := LinkCell(cl.ID, tomb)
	cell.Flags = FlagDangling
	return &cell
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
		at, err := c.holders(in, dangling)
		if err != nil {
			return err
		}
		link := LinkCell(cl.ID, rowid)
		if err := c.relink(in, at, live, &link); err != nil {
			return err
		}
		if c.revived, err = c.appendReferences(c.revived, in, at); err != nil {
			return err
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
		table, col := in.table(c)
		if in.class == cl || table == "" {
			continue
		}
		sql := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND substr(%s,1,6)=?", col, table, in.isLink(c, col), col)
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
			at, err := c.holders(in, live)
			if err != nil {
				return err
			}
			if err := c.relink(in, at, dangling, danglingCell(cl, tomb)); err != nil {
				return err
			}
		}
	}
	return nil
}
