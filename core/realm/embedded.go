package realm

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// New is what InsertNew and its like have made: an embedded object, which the caller releases with ReleaseObject, or a collection.
type New struct {
	Object     Object      // of KindObject
	Collection *Collection // of KindList and KindDictionary
}

func (r *Realm) handOut(child store.Child) New {
	if child.Collection != nil {
		return New{Collection: r.newCollection(child.Collection)}
	}
	return New{Object: r.newObject(child.Class.ID, child.Row)}
}

// SetNew puts something new and empty into a single property: KindObject an embedded object, where an old one goes with all that is in it;
// KindList or KindDictionary a collection into a mixed one, where a collection of the same kind stays as it is.
func SetNew(o Object, property int, kind value.Kind) (made New, err error) {
	r, p, err := owner(o)
	if err != nil {
		return New{}, err
	}
	if err := r.enterOnThread(); err != nil {
		return New{}, err
	}
	defer r.leave()
	cl, err := r.classToWrite(uint32(p.class_key))
	if err != nil {
		return New{}, err
	}
	row := int64(p.object_key)
	defer r.moved()
	old, err := r.conn.ChildOf(cl, row, property)
	if err != nil {
		return New{}, err
	}
	child := old
	if old.Collection == nil || old.Collection.Kind() != kind { // one of that kind stays (changeset.md 5.5)
		if child, err = r.conn.SetNew(cl, row, property, kind); err != nil {
			return New{}, err
		}
	} else if ok, err := r.conn.Exists(cl, row); err != nil || !ok {
		return New{}, firstError(err, noObject(cl, row))
	}
	if r.recorder.on {
		a, err := r.addressOf(cl, row, property, nil)
		if err == nil && old.Class != nil { // the old one goes first: for receivers a new object is a no-op where there is one
			err = r.recordAt(a, changeset.Instruction{Op: changeset.Update})
		}
		if err == nil {
			err = r.recordAt(a, changeset.Instruction{Op: changeset.Update, Value: value.Marker(kind)})
		}
		if err != nil {
			return New{}, r.recorder.fail(err)
		}
	}
	return r.handOut(child), nil
}

func firstError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// maxNesting is how deep collections may be inside of each other in mixed (changeset.md section 9).
const maxNesting = 100

// checkDepth refuses something new in a collection that is too deep for it.
func (r *Realm) checkDepth(in *store.Collection, kind value.Kind) error {
	if kind == value.KindObject {
		return nil
	}
	steps, err := r.conn.PathOf(in)
	if err == nil && len(steps)+2 > maxNesting { // the outermost is at level 1
		err = errorf(store.ErrRange, "Max nesting level reached")
	}
	return err
}

// deleteEmbedded deletes an embedded object: its place is left as if a link to it had gone.
func (r *Realm) deleteEmbedded(cl *store.Class, row int64) error {
	holder, ok, err := r.conn.Owner(cl, row)
	if err != nil {
		return err
	}
	if !ok {
		return noObject(cl, row)
	}
	u := unlinker{realm: r, link: store.LinkCell(cl.ID, row)}
	return u.unlink(holder)
}

// checkPlaces refuses values for properties that hold what is made in its place: embedded objects and collections.
func (r *Realm) checkPlaces(cl *store.Class, first int, cells []store.Cell) error {
	for i := range cells {
		p := &cl.Def.Properties[first+i]
		switch {
		case cells[i].Type == store.CellAbsent:
		case p.Collection != schema.Single:
			return errorf(store.ErrType, "'%s.%s' is a collection: it is filled, not set", cl.Def.Name, p.Name)
		case p.Type == value.KindLink && cells[i].Kind() == value.KindLink:
			if target := r.conn.Class(p.LinkTarget); target != nil && target.Def.Kind == schema.Embedded {
				return errorf(store.ErrType, "'%s.%s' holds an embedded object: it is made in its place, an existing one can't be put there", cl.Def.Name, p.Name)
			}
		}
	}
	return nil
}
