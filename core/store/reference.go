package store

import (
	"cmp"
	"encoding/binary"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// linkColumn is where links can be: a property of a class, single or a collection, or store_nested.
type linkColumn struct {
	class    *Class // nil: store_nested
	property int
}

// isMixed tells that links are stored as in mixed.
func (in linkColumn) isMixed() bool {
	return in.class == nil || in.class.Def.Properties[in.property].Type == value.KindMixed
}

// elements returns the table of elements, nil for a single property.
func (in linkColumn) elements(c *Conn) *elements {
	if in.class == nil {
		return &c.catalog.nested
	}
	return in.class.elems[in.property]
}

// table returns table and column; no table when it doesn't exist yet.
func (in linkColumn) table(c *Conn) (table, col string) {
	e := in.elements(c)
	switch {
	case e != nil && e.built:
		return e.name, "v"
	case e == nil && in.class.built:
		return in.class.name, in.class.cols[in.property].name
	default:
		return "", ""
	}
}

// isLink is the condition under which a mixed value is looked for as a link: the one that the index has.
func (in linkColumn) isLink(c *Conn, col string) string {
	if in.elements(c) != nil {
		return mixedLeads(col)
	}
	return mixedIsLink(col)
}

// holder is a place that holds a link: a row, for elements the owner of the collection and the element's place.
type holder struct {
	owner int64
	k     any // int64: position in a list; string: key of a dictionary; blobArg: of a set
}

func placeIn(r *Row, i int) any {
	switch r.cells[i].Kind() {
	case value.KindInt:
		return r.Int(i)
	case value.KindString:
		return r.Text(i)
	case value.KindBinary:
		return blobArg(r.Text(i))
	default:
		return nil
	}
}

// Step leads from a property, or from a collection, to what is inside.
type Step struct {
	Index int
	Key   string
	IsKey bool // Key counts, not Index
}

// Reference is a link to an object: the row and property that hold it, and where in the property.
type Reference struct {
	Class    *Class
	Row      int64
	Property int
	Path     []Step // none for a single property and for elements of a set
}

func sortReferences(refs []Reference) {
	slices.SortFunc(refs, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Class.ID, b.Class.ID), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Row, b.Row),
			slices.CompareFunc(a.Path, b.Path, func(a, b Step) int { return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Key, b.Key)) }))
	})
}

// touchedHolder notes that the link in a place has become another.
func (c *Conn) touchedHolder(in linkColumn, h holder) error {
	cl, row, property := in.class, h.owner, in.property
	if cl == nil {
		l, err := c.container(h.owner)
		if err != nil {
			return err
		}
		var ok bool
		if cl, row, property, ok = l.Root(); !ok {
			return nil
		}
	}
	c.touchedModified(cl, row, columnBit(property))
	return nil
}

// container returns a collection inside of mixed by its id. Its kind is not known.
func (c *Conn) container(id int64) (l *Collection, err error) {
	err = c.query("SELECT class, property, row FROM store_container WHERE id=?", []any{id}, func(r *Row) error {
		if cl := c.catalog.byID[uint32(r.Int(0))]; cl != nil {
			l = &Collection{conn: c, class: cl, row: r.Int(2), property: uint32(r.Int(1)), container: id}
		}
		return nil
	})
	if err == nil && l == nil {
		err = c.errorf(ErrFormat, "a collection inside of mixed (%d) is unknown", id)
	}
	return l, err
}

// appendReferences appends the references that these places are.
func (c *Conn) appendReferences(refs []Reference, in linkColumn, at []holder) ([]Reference, error) {
	for _, h := range at {
		if in.elements(c) == nil {
			refs = append(refs, Reference{Class: in.class, Row: h.owner, Property: in.property})
			continue
		}
		l := &Collection{conn: c}
		var path []Step
		if in.class == nil {
			var err error
			if l, err = c.container(h.owner); err != nil {
				return nil, err
			}
			if path, err = c.PathOf(l); err != nil {
				return nil, err
			}
		} else {
			l = c.collection(in.class, h.owner, in.property)
		}
		step, ok, err := l.step(in.elements(c), h)
		if err != nil {
			return nil, err
		}
		if ok {
			path = append(path, step)
		}
		cl, row, property, ok := l.Root()
		if !ok {
			continue
		}
		refs = append(refs, Reference{Class: cl, Row: row, Property: property, Path: path})
	}
	return refs, nil
}

// step is the step from a collection to one of its elements; false for sets.
func (l *Collection) step(e *elements, h holder) (Step, bool, error) {
	switch k := h.k.(type) {
	case int64:
		l.kind = value.KindList
		st, err := l.known(e, h.owner)
		if err != nil {
			return Step{}, false, err
		}
		return Step{Index: st.sequence.find(k)}, true, nil
	case string:
		return Step{Key: k, IsKey: true}, true, nil
	default:
		return Step{}, false, nil
	}
}

// PathOf returns the steps from the property to a collection inside of mixed; none for one that the property is, or whose mixed value is the
// property.
func (c *Conn) PathOf(l *Collection) ([]Step, error) {
	var path []Step
	for id := l.container; id != 0; {
		parent := int64(0)
		known := false
		if err := c.query("SELECT parent FROM store_container WHERE id=?", []any{id}, func(r *Row) error {
			parent, known = r.Int(0), true
			return nil
		}); err != nil {
			return nil, err
		}
		cl, row, i, ok := l.Root()
		if !known || !ok {
			return nil, l.gone()
		}
		var in *Collection
		var e *elements
		owner := parent
		switch {
		case parent != 0:
			e, in = &c.catalog.nested, &Collection{conn: c, class: cl, row: row, property: l.property, container: parent}
		case cl.Def.Properties[i].Collection == schema.Single:
			slices.Reverse(path)
			return path, nil
		default:
			e, in, owner = cl.elems[i], c.collection(cl, row, i), row
		}
		var h holder
		sql := "SELECT k FROM " + e.name + " WHERE v IN (?,?) AND " + mixedLeads("v") + " AND owner=?"
		if err := c.query(sql, []any{containerValue(value.KindList, id), containerValue(value.KindDictionary, id), owner}, func(r *Row) error {
			h = holder{owner, placeIn(r, 0)}
			return nil
		}); err != nil {
			return nil, err
		}
		step, ok, err := in.step(e, h)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, l.gone()
		}
		path = append(path, step)
		id = parent
	}
	slices.Reverse(path)
	return path, nil
}

func containerValue(kind value.Kind, id int64) blobArg {
	return blobArg(binary.BigEndian.AppendUint64([]byte{byte(kind)}, uint64(id)^1<<63))
}

// Incoming returns the live links to a row, wherever they are, in order of class id, property, row and path. A row that holds several links
// is there several times. The indexes in paths are those of now: whoever erases the links goes from the last to the first.
func (c *Conn) Incoming(cl *Class, rowid int64) ([]Reference, error) {
	cl, err := c.readyToRead(cl, "looking for links")
	if err != nil {
		return nil, err
	}
	var out []Reference
	for _, in := range c.linkColumns(cl) {
		live, _ := linkForms(in, cl, rowid, 0)
		at, err := c.holders(in, live)
		if err != nil {
			return nil, err
		}
		if out, err = c.appendReferences(out, in, at); err != nil {
			return nil, err
		}
	}
	sortReferences(out)
	return out, nil
}

// IncomingFrom returns the rows whose property links to a row, in ascending order: a row as often as it has such links. Of mixed properties
// collections inside don't count.
func (c *Conn) IncomingFrom(cl *Class, rowid int64, from *Class, property int) ([]int64, error) {
	cl, err := c.readyToRead(cl, "looking for links")
	if err != nil {
		return nil, err
	}
	if from, err = c.current(from); err != nil {
		return nil, err
	}
	in := linkColumn{from, property}
	live, _ := linkForms(in, cl, rowid, 0)
	at, err := c.holders(in, live)
	if err != nil {
		return nil, err
	}
	rows := make([]int64, len(at))
	for i := range at {
		rows[i] = at[i].owner
	}
	slices.Sort(rows)
	return rows, nil
}

// Owner returns the place that owns an embedded object; false if none does.
func (c *Conn) Owner(cl *Class, row int64) (Reference, bool, error) {
	refs, err := c.Incoming(cl, row)
	if err != nil || len(refs) == 0 {
		return Reference{}, false, err
	}
	return refs[0], true, nil
}
