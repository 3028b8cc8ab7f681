package realm

/*
#include "object.h"
*/
import "C"

import (
	"cmp"
	"slices"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// ObjectChanges is what an object's observer is told.
type ObjectChanges struct {
	Deleted    bool
	Properties []int            // that changed, ascending
	Old        []unsafe.Pointer // per changed property the cell (*rlm_cell) that this instance saw before; valid during the call
}

// ObserveObject has f called on the instance's thread after each change of an object, when the instance advances. Changes of objects that
// it links to don't count. Errors: ErrFrozenObserve, ErrObserveAfterChange, store.ErrNoObject.
func ObserveObject(o Object, f func(ObjectChanges)) (*Token, error) {
	r, p, err := owner(o)
	if err != nil {
		return nil, err
	}
	if r.frozen {
		return nil, ErrFrozenObserve
	}
	if err := LoadObject(o); err != nil {
		return nil, err
	}
	return r.observe(&objectObserver{class: uint32(p.class_key), row: int64(p.object_key), f: f})
}

type objectObserver struct {
	class uint32
	row   int64
	f     func(ObjectChanges)
	old   *store.Batch // the row that was seen last (observers.look)
	gone  bool
}

func (w *objectObserver) drop() {
	release(w.old)
	w.old = nil
}

func release(b *store.Batch) {
	if b != nil {
		b.Release()
	}
}

func (w *objectObserver) load(r *Realm) *store.Batch {
	cl := r.conn.ClassByID(w.class)
	if cl == nil {
		return nil
	}
	b, err := r.conn.LoadRows(cl, []int64{w.row})
	if err != nil {
		return nil
	}
	if !b.Present(0) {
		b.Release()
		return nil
	}
	return &b
}

// look takes up the row that the instance sees.
func (w *objectObserver) look(r *Realm) {
	if !w.gone {
		w.drop()
		w.old = w.load(r)
	}
}

// touched tells whether the changes touch the object, and which properties they set.
func (w *objectObserver) touched(changes *changesSince) (columns uint64, touched bool) {
	for _, c := range changes.list {
		cc := c.Of(w.class)
		if cc == nil {
			continue
		}
		if _, deleted := slices.BinarySearch(cc.Deleted, w.row); deleted || cc.Removed {
			return ^uint64(0), true // even if it has been made anew
		}
		i, ok := slices.BinarySearchFunc(cc.Modified, w.row, func(m store.Modification, row int64) int { return cmp.Compare(m.Row, row) })
		if ok {
			columns |= cc.Modified[i].Columns
			touched = true
		}
	}
	return columns, touched
}

func (w *objectObserver) after(r *Realm, changes *changesSince) delivery {
	if w.gone {
		return nil
	}
	columns, touched := w.touched(changes)
	if !touched && changes.complete {
		return nil
	}
	now := w.load(r)
	if now == nil {
		w.gone = true
		w.drop()
		return &objectDelivery{f: w.f, changes: ObjectChanges{Deleted: true}}
	}
	old := w.old
	if old != nil && old.Columns() != now.Columns() { // the class has other properties now
		w.drop()
		old = nil
	}
	row := now.Row(0)
	var out ObjectChanges
	properties := r.conn.ClassByID(w.class).Def.Properties
	for i := range row {
		changed := columns&(1<<i) != 0
		switch {
		case properties[i].Collection != schema.Single: // can't be compared
			changed = !changes.complete || columns&(1<<min(i, store.LastColumn)) != 0
		case i >= store.LastColumn || !changed && !changes.complete: // compare what isn't known
			changed = old != nil && !old.Row(0)[i].Same(&row[i]) ||
				!comparable(row[i].Kind()) && (!changes.complete || columns>>store.LastColumn != 0)
		}
		if changed {
			out.Properties = append(out.Properties, i)
		}
	}
	if len(out.Properties) == 0 {
		now.Release()
		return nil
	}
	if old != nil {
		for _, i := range out.Properties {
			out.Old = append(out.Old, unsafe.Pointer(&old.Row(0)[i]))
		}
	}
	w.old = now
	return &objectDelivery{f: w.f, changes: out, old: old}
}

// comparable is false for what is in a mixed while the cell stays: collections.
func comparable(kind value.Kind) bool { return kind != value.KindList && kind != value.KindDictionary }

type objectDelivery struct {
	f       func(ObjectChanges)
	changes ObjectChanges
	old     *store.Batch // holds the old cells
}

func (d *objectDelivery) run() {
	defer d.drop()
	d.f(d.changes)
}

func (d *objectDelivery) drop() {
	release(d.old)
	d.old = nil
}
