package realm

import (
	"unsafe"

	"realmsync/core/rql"
	"realmsync/core/store"
	"realmsync/core/value"
)

// rowSource is where results get their objects from, if not all objects of a class. Its methods run under the lock of the instance.
type rowSource interface {
	// rows returns the rows in order; one may be there several times. The slice is the caller's.
	rows(r *Realm) ([]int64, error)
	// page returns the rows from position first on, at most count, and how many there are in all, without looking at the others; false when
	// that can't be had.
	page(r *Realm, first, count int) (rows []int64, all int, ok bool, err error)
	// concerned tells whether changes may have touched which rows there are, or their order.
	concerned(r *Realm, changes *changesSince) bool
}

// Results returns the objects that a collection of links or embedded objects has at the moment they are asked for, in its order; with a query
// text those of them that it finds. They can be sorted. The arguments are n cells. They are live, and belong to the caller. When the
// collection is gone, there are none.
func (c *Collection) Results(text string, args unsafe.Pointer, n int) (*Results, error) {
	r := c.realm
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	l, err := c.current()
	if err != nil {
		return nil, err
	}
	if c.element.Class == 0 {
		return nil, errorf(store.ErrType, "the elements of this collection are no objects, they can't be queried")
	}
	rs := &Results{realm: r, class: c.element.Class, source: listSource{l}}
	if text != "" {
		values, err := r.arguments(args, n)
		if err != nil {
			return nil, err
		}
		if rs.query, err = rql.Parse(text, values...); err != nil {
			return nil, err
		}
		if _, err := rs.bound(); err != nil {
			return nil, err
		}
	}
	return rs.kept(), nil
}

// Backlinks returns the objects of a class that link to an object with that property: a link, or a list, set or dictionary of links. Each is
// there as often as it has such links. They are live, and belong to the caller. When the object is gone, there are none.
func Backlinks(o Object, class uint32, property int) (*Results, error) {
	r, p, err := owner(o)
	if err != nil {
		return nil, err
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	from, err := r.classByID(class)
	if err != nil {
		return nil, err
	}
	if property < 0 || property >= len(from.Def.Properties) {
		return nil, errorf(store.ErrSchema, "class '%s' has no property number %d", from.Def.Name, property)
	}
	to, err := r.classByID(uint32(p.class_key))
	if err != nil {
		return nil, err
	}
	name := from.Def.Properties[property].Name
	if from.Def.Properties[property].LinkTarget != to.Def.Name {
		return nil, errorf(store.ErrType, "'%s.%s' is no link to class '%s'", from.Def.Name, name, to.Def.Name)
	}
	rs := &Results{realm: r, class: class, source: backlinks{class: to.ID, row: int64(p.object_key), from: class, property: name}}
	return rs.kept(), nil
}

// listSource is the objects in a collection.
type listSource struct{ stored *store.Collection }

func (s listSource) rows(r *Realm) ([]int64, error) {
	l, err := s.stored.On(r.conn)
	if err != nil {
		return nil, err
	}
	if ok, err := l.Exists(); err != nil || !ok {
		return nil, err
	}
	n, err := l.Len()
	if err != nil {
		return nil, err
	}
	out := make([]int64, 0, n)
	for first := 0; first < n; first += store.MaxBatch {
		b, err := l.Load(first, store.MaxBatch)
		if err != nil {
			return nil, err
		}
		out = append(out, linkedRows(b)...)
		b.Release()
	}
	return out, nil
}

func (s listSource) page(r *Realm, first, count int) (rows []int64, all int, ok bool, err error) {
	l, err := s.stored.On(r.conn)
	if err != nil || l.Kind() == value.KindDictionary { // which may have nulls
		return nil, 0, false, err
	}
	if ok, err := l.Exists(); err != nil || !ok {
		return nil, 0, false, err
	}
	if hidden, err := l.Dangling(); err != nil || len(hidden) > 0 {
		return nil, 0, false, err
	}
	if all, err = l.Len(); err != nil {
		return nil, 0, false, err
	}
	b, err := l.Load(min(first, all), count)
	if err != nil {
		return nil, 0, false, err
	}
	defer b.Release()
	return linkedRows(b), all, true, nil
}

func (s listSource) concerned(r *Realm, changes *changesSince) bool {
	l, err := s.stored.On(r.conn)
	return err != nil || collectionTouched(l, changes)
}

// backlinks is the objects that link to a row by a property.
type backlinks struct {
	class    uint32
	row      int64
	from     uint32
	property string
}

func (s backlinks) rows(r *Realm) ([]int64, error) {
	to, err := r.classByID(s.class)
	if err != nil {
		return nil, err
	}
	from, err := r.classByID(s.from)
	if err != nil {
		return nil, err
	}
	property := from.Property(s.property)
	if property < 0 {
		return nil, errorf(store.ErrSchema, "Invalid column key for origin property.")
	}
	return r.conn.IncomingFrom(to, s.row, from, property)
}

func (s backlinks) page(*Realm, int, int) (rows []int64, all int, ok bool, err error) {
	return nil, 0, false, nil
}

func (s backlinks) concerned(_ *Realm, changes *changesSince) bool {
	for _, c := range changes.list {
		if c.Of(s.from) != nil || c.Of(s.class) != nil {
			return true
		}
	}
	return !changes.complete
}

// sourcePage returns some rows of results that have a source, and how many there are in all.
func (rs *Results) sourcePage(first, count int) (rows []int64, all int, err error) {
	if rs.query == nil && len(rs.order) == 0 {
		rows, all, ok, err := rs.source.page(rs.realm, first, count)
		if ok || err != nil {
			return rows, all, err
		}
	}
	if rows, err = rs.sourceRows(); err != nil {
		return nil, 0, err
	}
	first = min(first, len(rows))
	return rows[first : first+min(count, len(rows)-first)], len(rows), nil
}

// sourceRows returns the rows of results that have a source: looked up anew when data has changed.
func (rs *Results) sourceRows() ([]int64, error) {
	r := rs.realm
	stamp := uint64(r.c.stamp)
	if rs.known && rs.knownAt == stamp {
		return rs.rows, nil
	}
	rows, err := rs.source.rows(r)
	if err != nil {
		return nil, err
	}
	if rs.query != nil || len(rs.order) > 0 {
		bound, err := rs.bound()
		if err != nil {
			return nil, err
		}
		if rows, err = r.conn.Among(bound, rows); err != nil {
			return nil, err
		}
	}
	rs.rows, rs.known, rs.knownAt = rows, true, stamp
	return rows, nil
}
