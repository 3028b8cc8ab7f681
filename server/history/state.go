package history

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// State calls emit for the instructions that make the object as it is: its creation, and everything that a new object doesn't have, with
// its collections and embedded objects. The instructions follow the rules for clients (spec/merge.md section 8.2): a collection in a
// mixed property or dictionary entry is cleared when it is made, one in a list is not.
//
// The catalog is that of the version at which the instructions are told: rows may be older than the newest properties, and may still
// hold what was removed since.
//
// They come one by one, because a row may have collections that are larger than what should be in memory at once.
func (r *Row) State(catalog *Catalog, class string, emit func(changeset.Instruction) error) error {
	err := emit(changeset.Instruction{Op: changeset.CreateObject, Table: class, Key: r.Key})
	if err != nil {
		return err
	}
	w := stateWriter{catalog: catalog, at: changeset.Instruction{Table: class, Key: r.Key}, emit: emit}
	return w.properties(r, nil)
}

// stateWriter tells what is in one object.
type stateWriter struct {
	catalog *Catalog
	at      changeset.Instruction // what is the same in all instructions on the property at work
	emit    func(changeset.Instruction) error
}

// update emits what puts a value at a path. A path that ends in a position is one of a list: its elements are inserted.
func (w *stateWriter) update(path []changeset.Step, v value.Value) error {
	in := w.at
	in.Op, in.Path, in.Value = changeset.Update, path, v
	if in.IsArrayUpdate() {
		in.Op, in.PriorSize = changeset.ArrayInsert, path[len(path)-1].Pos
	}
	return w.emit(in)
}

// properties tells what is in a row. path leads to it, nil if it is the object itself.
func (w *stateWriter) properties(r *Row, path []changeset.Step) error {
	class := w.catalog.ClassByID(r.Class.ID)
	if class == nil {
		return nil // it is gone, with everything that could hold its objects
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		v, c := r.At(class, i), r.container(class, i)
		if p.Name == class.PrimaryKey || c == nil && v.Identical(Default(p)) {
			continue
		}
		at := path
		if path == nil {
			w.at.Field = p.Name
		} else {
			at = below(path, changeset.Step{Key: p.Name})
		}
		var err error
		if p.Collection != schema.Single {
			if c != nil {
				err = w.elements(c, at)
			}
		} else {
			err = w.element(element{v, c}, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// element tells what is at a path, which is not the path of a collection's own property.
func (w *stateWriter) element(e element, path []changeset.Step) error {
	if err := w.update(path, e.value); err != nil || e.inner == nil {
		return err
	}
	if e.inner.kind == value.KindObject {
		if path == nil {
			path = []changeset.Step{}
		}
		return w.properties(e.inner.object, path)
	}
	if n := len(path); n == 0 || !path[n-1].IsPos {
		in := w.at
		in.Op, in.Path, in.Collection = changeset.Clear, path, schema.List
		if e.inner.kind == value.KindDictionary {
			in.Collection = schema.Dictionary
		}
		if err := w.emit(in); err != nil {
			return err
		}
	}
	return w.elements(e.inner, path)
}

// elements tells what is in a collection.
func (w *stateWriter) elements(c *container, path []changeset.Step) error {
	i := uint32(0)
	return c.each(func(key string, e element) error {
		switch c.kind {
		case value.KindSet:
			in := w.at
			in.Op, in.Path, in.Value = changeset.SetInsert, path, e.value
			return w.emit(in)
		case value.KindList:
			i++
			return w.element(e, below(path, changeset.Step{IsPos: true, Pos: i - 1}))
		default:
			return w.element(e, below(path, changeset.Step{Key: key}))
		}
	})
}

// below returns a path with one more step, which shares nothing with the old one.
func below(path []changeset.Step, step changeset.Step) []changeset.Step {
	return append(append(make([]changeset.Step, 0, len(path)+1), path...), step)
}

// AppendState appends what State tells.
func (r *Row) AppendState(to []changeset.Instruction, catalog *Catalog, class string) ([]changeset.Instruction, error) {
	err := r.State(catalog, class, func(in changeset.Instruction) error {
		to = append(to, in)
		return nil
	})
	return to, err
}
