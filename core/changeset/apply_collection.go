package changeset

import (
	"fmt"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// item finds the list and the position that a list instruction changes.
func (a *applier) item(in *Instruction) (at place, size int, err error) {
	if at, err = a.resolve(in); err != nil {
		return at, 0, err
	}
	if at.kind != atItem {
		return at, 0, in.bad(ReasonBadPath, "the path doesn't lead to a position in a list")
	}
	size, err = at.list.Len()
	return at, size, err
}

func (in *Instruction) beyond(pos uint32, size int) *BadChangesetError {
	return in.bad(ReasonRange, fmt.Sprintf("position %d is beyond the end of the list, which has %d elements", pos, size))
}

// checkSize compares the size of the list with the one that the instruction was made for. Dangling links count.
func (in *Instruction) checkSize(size int) *BadChangesetError {
	if uint64(in.PriorSize) != uint64(size) {
		return in.bad(ReasonSize, fmt.Sprintf("the list has %d elements, not %d", size, in.PriorSize))
	}
	return nil
}

// arrayInsert is section 5.5, ArrayInsert.
func (a *applier) arrayInsert(in *Instruction) error {
	at, size, err := a.item(in)
	switch {
	case err != nil:
		return err
	case at.pos > in.PriorSize || uint64(at.pos) > uint64(size):
		return in.beyond(at.pos, size)
	}
	if bad := in.checkSize(size); bad != nil {
		return bad
	}
	if in.Value.Kind().IsValue() {
		if bad := a.checkValue(in, at.p); bad != nil {
			return bad
		}
		return at.list.Insert(int(at.pos), in.Value)
	}
	if bad := a.checkNew(in, &at); bad != nil {
		return bad
	}
	return at.list.InsertNew(int(at.pos), in.Value.Kind())
}

// arrayMove is section 5.5, ArrayMove.
func (a *applier) arrayMove(in *Instruction) error {
	at, size, err := a.item(in)
	switch {
	case err != nil:
		return err
	case uint64(at.pos) >= uint64(size):
		return in.beyond(at.pos, size)
	case uint64(in.Dest) >= uint64(size):
		return in.beyond(in.Dest, size)
	case at.pos == in.Dest:
		return in.bad(ReasonRange, "the element is to be moved to where it is")
	}
	if bad := in.checkSize(size); bad != nil {
		return bad
	}
	return at.list.Move(int(at.pos), int(in.Dest))
}

// arrayErase is section 5.5, ArrayErase.
func (a *applier) arrayErase(in *Instruction) error {
	at, size, err := a.item(in)
	switch {
	case err != nil:
		return err
	case at.pos >= in.PriorSize || uint64(at.pos) >= uint64(size):
		return in.beyond(at.pos, size)
	}
	if bad := in.checkSize(size); bad != nil {
		return bad
	}
	return at.list.Erase(int(at.pos))
}

// clear is section 5.5, Clear: it empties a collection; in a mixed value, whatever is there becomes an empty one.
func (a *applier) clear(in *Instruction) error {
	at, err := a.resolve(in)
	if err != nil {
		return err
	}
	if at.kind == atCollection {
		if in.Collection != at.p.Collection && in.Collection != schema.Single { // older peers don't tell
			return in.bad(ReasonKind, fmt.Sprintf("the property is a %v, not a %v", at.p.Collection, in.Collection))
		}
		return clearNode(at.node)
	}
	if at.p.Type != value.KindMixed {
		return in.bad(ReasonBadPath, "the path doesn't lead to a collection")
	}
	kind := CollectionKind(in.Collection)
	if kind == value.KindGlobalKey {
		return in.bad(ReasonKind, "a value of type mixed can't become a "+in.Collection.String())
	}
	if at.level >= MaxLevels {
		return in.bad(ReasonLevels, "collections can't be nested more deeply")
	}
	switch at.kind {
	case atProperty:
		return at.object.SetNew(at.p.Name, kind)
	case atItem:
		n, err := at.list.Len()
		switch {
		case err != nil:
			return err
		case uint64(at.pos) >= uint64(n):
			return in.beyond(at.pos, n)
		}
		return at.list.SetNew(int(at.pos), kind)
	default:
		_, ok, err := at.dictionary.Get(at.key)
		switch {
		case err != nil:
			return err
		case !ok && !a.Remake:
			return in.bad(ReasonBadPath, "the dictionary has no such key")
		case !ok:
			update := *in
			update.Op, update.Value, update.Collection = Update, value.Marker(kind), schema.Single
			a.edits = append(a.edits, edit{at: a.at, put: []Instruction{update}})
		}
		return at.dictionary.PutNew(at.key, kind)
	}
}

// CollectionKind returns the kind of the payload that makes a list or a dictionary in a mixed value; for other collections KindGlobalKey, which no
// payload has.
func CollectionKind(c schema.Collection) value.Kind {
	switch c {
	case schema.List:
		return value.KindList
	case schema.Dictionary:
		return value.KindDictionary
	default:
		return value.KindGlobalKey
	}
}

func clearNode(node Node) error {
	switch node := node.(type) {
	case ListNode:
		return node.Clear()
	case DictionaryNode:
		return node.Clear()
	case SetNode:
		return node.Clear()
	default:
		return fmt.Errorf("changeset: the state has an object where a property is a collection")
	}
}

// changeSet is section 5.5, SetInsert and SetErase. Null is erased like other values, which the original's doesn't do in every set.
func (a *applier) changeSet(in *Instruction) error {
	at, err := a.resolve(in)
	if err != nil {
		return err
	}
	set, ok := at.node.(SetNode)
	if at.kind != atCollection || !ok {
		return in.bad(ReasonBadPath, "the path doesn't lead to a set")
	}
	if bad := a.checkValue(in, at.p); bad != nil {
		return bad
	}
	switch {
	case in.Op == SetInsert:
		return set.Add(in.Value)
	case a.SpellNulls && in.Value.IsNull() && at.p.Type != value.KindMixed:
		if err := a.spellNull(in, set); err != nil {
			return err
		}
	}
	return set.Remove(in.Value)
}

// spellNull notes what does the same as the removal of null, if it is there.
func (a *applier) spellNull(in *Instruction, set SetNode) error {
	e := edit{at: a.at, instead: true}
	has, err := set.Has(in.Value)
	if err != nil {
		return err
	}
	if has {
		listed, ok := set.(Listed)
		if !ok {
			return fmt.Errorf("changeset: the state can't list the elements of a set")
		}
		elements, err := listed.Elements()
		if err != nil {
			return err
		}
		one := *in
		one.Op, one.Value, one.Collection = Clear, value.Null(), schema.Set
		e.put = append(e.put, one)
		for _, element := range elements {
			if !element.Value.IsNull() {
				one.Op, one.Value, one.Collection = SetInsert, element.Value, schema.Single
				e.put = append(e.put, one)
			}
		}
	}
	a.edits = append(a.edits, e)
	return nil
}
