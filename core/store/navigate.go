package store

import (
	"slices"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

var _ rql.Navigable = (*object)(nil)

// Identity implements rql.Navigable.
func (o *object) Identity() value.Link {
	key, err := o.conn.keyOf(o.class, o.row)
	if err != nil {
		key = value.GlobalKey(0, uint64(o.row)) // only of a file that is damaged: the row was just read
	}
	return value.Link{Class: o.class.Def.Name, Key: key}
}

// Collection implements rql.Navigable.
func (o *object) Collection(property int) (rql.Collection, error) {
	if o.class.Def.Properties[property].Collection != schema.Single {
		return o.view(o.conn.collection(o.class, o.row, property))
	}
	cell := &o.cells[property]
	if kind := cell.Kind(); kind != value.KindList && kind != value.KindDictionary {
		return nil, nil
	}
	return o.view(&Collection{conn: o.conn, class: o.class, row: o.row, property: o.class.cols[property].id, kind: cell.Kind(), container: cell.Int()})
}

// Backlinks implements rql.Navigable.
func (o *object) Backlinks(class *schema.Class, property int) (rql.Collection, error) {
	from := o.conn.catalog.byName[class.Name]
	if from == nil {
		return nil, nil
	}
	rows, err := o.conn.IncomingFrom(o.class, o.row, from, property)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rowsView{conn: o.conn, class: from, rows: rows, owner: o.owner}, nil
}

// BacklinkCount implements rql.Navigable.
func (o *object) BacklinkCount() (int64, error) {
	refs, err := o.conn.Incoming(o.class, o.row)
	return int64(len(refs)), err
}

// target loads the object that a cell links to; nil when there is none.
func (o *object) target(cell *Cell) (*object, error) {
	if cell.Kind() != value.KindLink || cell.Flags&FlagDangling != 0 {
		return nil, nil
	}
	id, row := cell.Link()
	cl := o.conn.catalog.byID[id]
	if cl == nil {
		return nil, o.conn.errorf(ErrFormat, "a link is to an unknown class (%d)", id)
	}
	cl, err := o.conn.current(cl)
	if err != nil {
		return nil, err
	}
	targets, err := o.owner.load(o.conn, cl, []int64{row})
	if err != nil || len(targets) == 0 {
		return nil, err
	}
	return &targets[0], nil
}

// view opens a collection for rql.
func (o *object) view(l *Collection) (rql.Collection, error) {
	size, err := l.Len()
	if err != nil || size == 0 {
		return nil, err
	}
	v := &collectionView{of: o, list: l, size: size}
	if p := l.Element(); p.Type == value.KindLink && l.kind != value.KindDictionary {
		if err := v.leaveOutDangling(); err != nil || v.size == 0 {
			return nil, err
		}
	}
	return v, nil
}

// collectionView is a collection as rql reads it: in windows of MaxBatch elements, which mostly pass by in order.
type collectionView struct {
	of   *object
	list *Collection
	size int   // of those that rql sees
	live []int // their indexes in the list; nil: all

	batch   Batch
	first   int // index in the list of the window's first element
	loaded  int // elements in the window
	objects []*object
}

// leaveOutDangling drops the links whose objects don't exist.
func (v *collectionView) leaveOutDangling() error {
	dangling, err := v.list.Dangling()
	if err != nil || len(dangling) == 0 {
		return err
	}
	v.live = make([]int, 0, v.size-len(dangling))
	for i := range v.size {
		if _, gone := slices.BinarySearch(dangling, i); !gone {
			v.live = append(v.live, i)
		}
	}
	v.size = len(v.live)
	return nil
}

func (v *collectionView) Size() int { return v.size }

// cells returns an element: value, and key of a dictionary. It reads the window that has it.
func (v *collectionView) cells(i int) ([]Cell, error) {
	if v.live != nil {
		i = v.live[i]
	}
	if i < v.first || i-v.first >= v.loaded {
		b, err := v.list.Load(i/MaxBatch*MaxBatch, MaxBatch)
		if err != nil {
			return nil, err
		}
		v.of.owner.batches = append(v.of.owner.batches, b)
		v.batch, v.first, v.loaded, v.objects = b, i/MaxBatch*MaxBatch, b.Len(), nil
	}
	return v.batch.Row(i - v.first), nil
}

// Value implements rql.Collection.
func (v *collectionView) Value(i int) (value.Value, error) {
	cells, err := v.cells(i)
	if err != nil || cells[0].Flags&FlagDangling != 0 {
		return value.Null(), err
	}
	return v.of.conn.ValueOf(&cells[0])
}

// Object implements rql.Collection. Elements of one class are loaded together.
func (v *collectionView) Object(i int) (rql.Object, error) {
	cells, err := v.cells(i)
	if err != nil {
		return nil, err
	}
	var found *object
	if v.list.isMixed() {
		found, err = v.of.target(&cells[0])
	} else {
		if v.objects == nil {
			if err := v.loadObjects(); err != nil {
				return nil, err
			}
		}
		if v.live != nil {
			i = v.live[i]
		}
		found = v.objects[i-v.first]
	}
	if found == nil || err != nil {
		return nil, err
	}
	return found, nil
}

// loadObjects loads the objects that the elements of the window link to.
func (v *collectionView) loadObjects() error {
	v.objects = make([]*object, v.loaded)
	c := v.of.conn
	target := c.catalog.byName[v.list.Element().LinkTarget]
	if target == nil {
		return nil
	}
	target, err := c.current(target)
	if err != nil {
		return err
	}
	ids, at := make([]int64, 0, v.loaded), make([]int, 0, v.loaded)
	for i := range v.loaded {
		if cell := &v.batch.Row(i)[0]; cell.Kind() == value.KindLink && cell.Flags&FlagDangling == 0 {
			_, row := cell.Link()
			ids, at = append(ids, row), append(at, i)
		}
	}
	b, err := c.loadRows(target, ids)
	if err != nil {
		return err
	}
	owner := v.of.owner
	owner.batches = append(owner.batches, b)
	for n, i := range at {
		if b.Present(n) {
			v.objects[i] = &object{conn: c, class: target, row: ids[n], cells: b.Row(n), owner: owner}
		}
	}
	return nil
}

// Nested implements rql.Collection.
func (v *collectionView) Nested(i int) (rql.Collection, error) {
	cells, err := v.cells(i)
	if err != nil {
		return nil, err
	}
	child := v.list.childIn(&cells[0])
	if child.Collection == nil {
		return nil, nil
	}
	return v.of.view(child.Collection)
}

// Key implements rql.Collection.
func (v *collectionView) Key(i int) string {
	cells, err := v.cells(i)
	if err != nil || len(cells) < 2 {
		return "" // Value of the same element has told the error
	}
	return string(cells[1].Bytes())
}

// Find implements rql.Collection.
func (v *collectionView) Find(key string) (int, error) {
	if v.list.kind != value.KindDictionary {
		return -1, nil
	}
	i, ok, err := v.list.KeyIndex(key)
	if err != nil || !ok {
		return -1, err
	}
	return i, nil
}

// rowsView is objects of a class as a list of links: those that link to an object.
type rowsView struct {
	conn    *Conn
	class   *Class
	rows    []int64
	owner   *rowPages
	objects []object // a page, from first on
	first   int
}

func (v *rowsView) Size() int { return len(v.rows) }

// Value implements rql.Collection.
func (v *rowsView) Value(i int) (value.Value, error) {
	key, err := v.conn.keyOf(v.class, v.rows[i])
	return value.FromLink(v.class.Def.Name, key), err
}

// Object implements rql.Collection.
func (v *rowsView) Object(i int) (rql.Object, error) {
	if i < v.first || i-v.first >= len(v.objects) {
		class, err := v.conn.current(v.class)
		if err != nil {
			return nil, err
		}
		first := i / MaxBatch * MaxBatch
		page := v.rows[first:min(first+MaxBatch, len(v.rows))]
		objects, err := v.owner.load(v.conn, class, page)
		if err != nil {
			return nil, err
		}
		if len(objects) != len(page) {
			return nil, v.conn.errorf(ErrFormat, "an index names a row of class '%s' that isn't there", class.Def.Name)
		}
		v.objects, v.first = objects, first
	}
	return &v.objects[i-v.first], nil
}

// Nested implements rql.Collection.
func (v *rowsView) Nested(int) (rql.Collection, error) { return nil, nil }

// Key implements rql.Collection.
func (v *rowsView) Key(int) string { return "" }

// Find implements rql.Collection.
func (v *rowsView) Find(string) (int, error) { return -1, nil }
