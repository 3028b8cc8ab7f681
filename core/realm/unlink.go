package realm

import (
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// unlinker takes links to an object away one by one, before it is deleted, as the original does (changeset.md 6.10). The links were looked up
// before; erasing one from a list moves those behind it.
type unlinker struct {
	realm    *Realm
	link     store.Cell
	erased   map[string]int // how many links were erased from the list that a path leads to
	class    uint32         // of the property that erased is about
	row      int64
	property int
}

// unlink takes one link away. The links have to come in the order of store.Incoming.
func (u *unlinker) unlink(ref store.Reference) error {
	r := u.realm
	if ref.Class.ID != u.class || ref.Row != u.row || ref.Property != u.property {
		u.class, u.row, u.property, u.erased = ref.Class.ID, ref.Row, ref.Property, map[string]int{}
	}
	list := stepsText(ref.Path[:max(0, len(ref.Path)-1)])
	steps := u.shifted(ref.Path)
	a, err := r.addressToRecord(ref, steps)
	if err != nil {
		return err
	}
	single := ref.Class.Def.Properties[ref.Property].Collection == schema.Single
	if single && len(steps) == 0 {
		if err := r.conn.SetCell(ref.Class, ref.Row, ref.Property, &store.Cell{}); err != nil {
			return err
		}
		return r.recordHere(a, changeset.Instruction{Op: changeset.Update})
	}
	l, err := r.collectionAt(ref, steps)
	if err != nil {
		return err
	}
	switch l.Kind() {
	case value.KindSet:
		return u.removeFromSet(l, a)
	case value.KindDictionary:
		if err := l.Put(steps[len(steps)-1].Key, &store.Cell{}); err != nil {
			return err
		}
		return r.recordHere(a, changeset.Instruction{Op: changeset.Update})
	}
	n, err := l.Len()
	if err != nil {
		return err
	}
	if err := l.Erase(steps[len(steps)-1].Index); err != nil {
		return err
	}
	u.erased[list]++
	return r.recordHere(a, changeset.Instruction{Op: changeset.ArrayErase, PriorSize: uint32(n)})
}

func (u *unlinker) removeFromSet(l *store.Collection, a address) error {
	r := u.realm
	v, err := r.conn.ValueOf(&u.link)
	if err != nil {
		return err
	}
	if _, err := l.Remove(&u.link); err != nil {
		return err
	}
	return r.recordHere(a, changeset.Instruction{Op: changeset.SetErase, Value: v})
}

// shifted returns where a path leads now.
func (u *unlinker) shifted(path []store.Step) []store.Step {
	if len(u.erased) == 0 {
		return path
	}
	out := slices.Clone(path)
	for i := range out {
		if !out[i].IsKey {
			out[i].Index -= u.erased[stepsText(path[:i])] // all of them were in front
		}
	}
	return out
}

// stepsText names a path.
func stepsText(path []store.Step) string {
	var b []byte
	for _, s := range path {
		if s.IsKey {
			b = append(append(b, 'k'), s.Key...)
			b = append(b, 0)
		} else {
			b = append(b, 'i', byte(s.Index>>24), byte(s.Index>>16), byte(s.Index>>8), byte(s.Index))
		}
	}
	return string(b)
}

// collectionAt opens the collection that the last step of a path is in.
func (r *Realm) collectionAt(ref store.Reference, steps []store.Step) (*store.Collection, error) {
	l, err := r.conn.Collection(ref.Class, ref.Row, ref.Property)
	for i := 0; i < len(steps)-1 && err == nil && l != nil; i++ {
		var child store.Child
		if steps[i].IsKey {
			child, err = l.ChildKey(steps[i].Key)
		} else {
			child, err = l.Child(steps[i].Index)
		}
		l = child.Collection
	}
	if err == nil && l == nil {
		err = collectionGone()
	}
	return l, err
}

// addressToRecord returns the address of a link; the zero address when nothing is recorded.
func (r *Realm) addressToRecord(ref store.Reference, steps []store.Step) (address, error) {
	if !r.recorder.on {
		return address{}, nil
	}
	a, err := r.addressOf(ref.Class, ref.Row, ref.Property, nil)
	return a.down(steps), err
}

// recordHere records an instruction at an address, if instructions are recorded.
func (r *Realm) recordHere(a address, in changeset.Instruction) error {
	if !r.recorder.on {
		return nil
	}
	return r.recordAt(a, in)
}

// recordRevived records that a link has become live again, because its object was created.
func (r *Realm) recordRevived(ref store.Reference, link value.Value) error {
	a, err := r.addressToRecord(ref, ref.Path)
	if err != nil {
		return err
	}
	update := changeset.Instruction{Op: changeset.Update, Value: link}
	if ref.Class.Def.Properties[ref.Property].Collection == schema.Single && len(ref.Path) == 0 {
		return r.recordAt(a, update)
	}
	l, err := r.collectionAt(ref, ref.Path)
	if err != nil {
		return err
	}
	switch l.Kind() {
	case value.KindSet:
		if err := r.recordAt(a, changeset.Instruction{Op: changeset.SetErase, Value: link}); err != nil {
			return err
		}
		return r.recordAt(a, changeset.Instruction{Op: changeset.SetInsert, Value: link})
	case value.KindList:
		n, err := l.Len()
		if err != nil {
			return err
		}
		update.PriorSize = uint32(n)
	}
	return r.recordAt(a, update)
}
