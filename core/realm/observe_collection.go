package realm

import (
	"cmp"
	"hash/maphash"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// ObserveCollection has f called on the instance's thread: once for the beginning, then after each change of the elements, of their order, or
// of the content of the objects that they are (as in ObserveResults; links in mixed are values, whatever they lead to), when the instance advances. When the collection is gone, f is told so once and never again. The
// collection may be released; the token keeps what it needs. Errors: ErrFrozenObserve, ErrObserveAfterChange, store.ErrNoObject.
//
// Elements have no identity; equal ones are taken for each other. In dictionaries, sets and lists of embedded objects every element has one.
func ObserveCollection(c *Collection, f func(CollectionChanges)) (*Token, error) {
	if c.realm.frozen {
		return nil, ErrFrozenObserve
	}
	w := &collectionObserver{f: f, kind: c.kind, element: c.element}
	if err := c.readExisting(func(l *store.Collection) error {
		w.stored = l
		return nil
	}); err != nil {
		return nil, err
	}
	return c.realm.observe(w)
}

type collectionObserver struct {
	stored  *store.Collection
	kind    schema.Collection
	element Element
	f       func(CollectionChanges)
	begun   bool
	gone    bool
	// What the observer was told last: elements of a list or set, entries of a dictionary.
	elements []element
	entries  []entry
}

func (w *collectionObserver) drop() { w.elements, w.entries = nil, nil }

// collectionTouched tells whether changes touch which elements a collection has: those of its property count, whatever is inside.
func collectionTouched(l *store.Collection, changes *changesSince) bool {
	cl, row, property, ok := l.Root()
	if !ok || !changes.complete {
		return true
	}
	for _, c := range changes.list {
		cc := c.Of(cl.ID)
		if cc == nil {
			continue
		}
		if _, deleted := slices.BinarySearch(cc.Deleted, row); deleted || cc.Removed {
			return true
		}
		i, ok := slices.BinarySearchFunc(cc.Modified, row, func(m store.Modification, row int64) int { return cmp.Compare(m.Row, row) })
		if ok && cc.Modified[i].Has(property) {
			return true
		}
	}
	return false
}

func (w *collectionObserver) concerned(r *Realm, changes *changesSince) bool {
	return collectionTouched(w.stored, changes) || w.element.Class != 0 && len(r.touched(w.element.Class, changes)) > 0
}

func (w *collectionObserver) after(r *Realm, changes *changesSince) delivery {
	if w.gone {
		return nil
	}
	if l, err := w.stored.On(r.conn); err == nil {
		w.stored = l
		if w.begun && !w.concerned(r, changes) {
			return nil
		}
	}
	elements, entries, exists, err := w.read(r, changes)
	if err != nil {
		r.logger.Warn("a collection could not be read for its observer", "path", r.path, "version", r.version, "error", err)
		return nil // it is told with the next change
	}
	if !w.begun {
		w.begun, w.elements, w.entries = true, elements, entries
		return &resultsDelivery{w.f, CollectionChanges{Initial: true}}
	}
	var d CollectionChanges
	if w.kind == schema.Dictionary {
		d = diffKeys(w.entries, entries)
	} else {
		// In a list of values, what has gone and what has come in its place is one element with another value.
		d = diffElements(w.elements, elements, w.kind == schema.List && !w.element.Embedded)
	}
	w.elements, w.entries, w.gone = elements, entries, !exists
	d.RootDeleted = !exists
	if d.empty() && exists {
		return nil
	}
	return &resultsDelivery{w.f, d}
}

// read reads what an observer compares.
func (w *collectionObserver) read(r *Realm, changes *changesSince) (elements []element, entries []entry, exists bool, err error) {
	l, err := w.stored.On(r.conn)
	if err != nil {
		return nil, nil, false, nil //nolint:nilerr // the class is gone
	}
	w.stored = l
	if exists, err = l.Exists(); err != nil || !exists {
		return nil, nil, false, err
	}
	n, err := l.Len()
	if err != nil {
		return nil, nil, false, err
	}
	var touched map[int64]struct{}
	if w.element.Class != 0 {
		touched = r.touched(w.element.Class, changes)
	}
	for first := 0; first < n; first += store.MaxBatch {
		b, err := l.Load(first, store.MaxBatch)
		if err != nil {
			return nil, nil, false, err
		}
		for i := range b.Len() {
			row := b.Row(i)
			e := element{id: identity(&row[0])}
			if row[0].Kind() == value.KindLink && w.element.Class != 0 {
				_, target := row[0].Link()
				_, e.modified = touched[target]
				e.modified = e.modified || touched == nil
			}
			if e.inside, err = contentAt(l, first+i, row); err != nil {
				b.Release()
				return nil, nil, false, err
			}
			switch {
			case w.kind == schema.Dictionary:
				entries = append(entries, entry{string(row[1].Bytes()), e})
			case w.element.Class != 0 && row[0].Kind() != value.KindLink: // dangling: not seen
			default:
				elements = append(elements, e)
			}
		}
		b.Release()
	}
	return elements, entries, true, nil
}

// contentAt returns a number that stands for what is in the collection that an element is; 0 for other elements.
func contentAt(l *store.Collection, i int, row []store.Cell) (uint64, error) {
	if kind := row[0].Kind(); kind != value.KindList && kind != value.KindDictionary {
		return 0, nil
	}
	var child store.Child
	var err error
	if l.Kind() == value.KindDictionary {
		child, err = l.ChildKey(string(row[1].Bytes()))
	} else {
		child, err = l.Child(i)
	}
	if err != nil || child.Collection == nil {
		return 0, err
	}
	return contentOfNested(child.Collection)
}

func contentOfNested(l *store.Collection) (uint64, error) {
	var h maphash.Hash
	h.SetSeed(identitySeed)
	n, err := l.Len()
	if err != nil {
		return 0, err
	}
	maphash.WriteComparable(&h, [2]int{int(l.Kind()), n})
	for first := 0; first < n; first += store.MaxBatch {
		b, err := l.Load(first, store.MaxBatch)
		if err != nil {
			return 0, err
		}
		for i := range b.Len() {
			row := b.Row(i)
			inside, err := contentAt(l, first+i, row)
			if err != nil {
				b.Release()
				return 0, err
			}
			if len(row) > 1 {
				maphash.WriteComparable(&h, string(row[1].Bytes()))
			}
			maphash.WriteComparable(&h, [2]uint64{identity(&row[0]), inside})
		}
		b.Release()
	}
	return h.Sum64(), nil
}

var identitySeed = maphash.MakeSeed()

// identity is a number that cells share if they hold the same value, and hardly others.
func identity(c *store.Cell) uint64 {
	var h maphash.Hash
	h.SetSeed(identitySeed)
	_ = h.WriteByte(c.Type)
	switch c.Kind() {
	case value.KindString, value.KindBinary:
		_, _ = h.Write(c.Bytes())
	case value.KindLink:
		class, row := c.Link()
		maphash.WriteComparable(&h, [2]int64{int64(class), row})
	case value.KindNull:
	case value.KindList, value.KindDictionary, value.KindInt, value.KindBool:
		maphash.WriteComparable(&h, c.Int())
	default:
		v := c.Value()
		maphash.WriteComparable(&h, v)
	}
	return h.Sum64()
}

// sourceObserver is the observer of results that have a source.
type sourceObserver struct {
	results  *Results // without a handle: the token has one
	f        func(CollectionChanges)
	begun    bool
	elements []element
}

func (w *sourceObserver) drop() { w.elements = nil }

func (w *sourceObserver) after(r *Realm, changes *changesSince) delivery {
	rs := w.results
	if w.begun && changes.complete && !w.concerned(r, changes) {
		return nil
	}
	rows, err := rs.currentRows()
	if err != nil {
		r.logger.Warn("results could not be evaluated for their observer", "path", r.path, "version", r.version, "error", err)
		return nil // it is told with the next change
	}
	touched := r.touched(rs.class, changes)
	elements := make([]element, len(rows))
	for i, row := range rows {
		_, modified := touched[row]
		elements[i] = element{id: uint64(row), modified: modified || touched == nil}
	}
	old := w.elements
	w.elements = elements
	if !w.begun {
		w.begun = true
		return &resultsDelivery{w.f, CollectionChanges{Initial: true}}
	}
	d := diffElements(old, elements, false)
	if d.empty() {
		return nil
	}
	return &resultsDelivery{w.f, d}
}

// concerned tells whether there may be something to tell. A query may also follow links, to any class.
func (w *sourceObserver) concerned(r *Realm, changes *changesSince) bool {
	rs := w.results
	if rs.source.concerned(r, changes) || len(r.touched(rs.class, changes)) > 0 {
		return true
	}
	for _, c := range changes.list {
		if (rs.query != nil || len(rs.order) > 0) && !c.Empty() {
			return true
		}
	}
	return false
}
