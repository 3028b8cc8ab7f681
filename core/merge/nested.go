package merge

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// nestedRule transforms two live instructions of different depth.
type nestedRule func(outer, inner *node) error

// nested has the rules for instructions of different depth, by the type of the outer, shallower one (section 5). They look at no
// timestamps. After them the flat rule of the pair applies, too.
var nested = [ops]nestedRule{
	changeset.AddTable:     leave,
	changeset.EraseTable:   insideTable,
	changeset.CreateObject: leave,
	changeset.EraseObject:  insideObject,
	changeset.Update:       insideUpdate,
	changeset.AddInteger:   insideDiscard,
	changeset.AddColumn:    leave,
	changeset.EraseColumn:  leave,
	changeset.ArrayInsert:  insideInsert,
	changeset.ArrayMove:    insideMove,
	changeset.ArrayErase:   insideErase,
	changeset.Clear:        insideDiscard,
	changeset.SetInsert:    leave,
	changeset.SetErase:     leave,
}

func leave(_, _ *node) error { return nil }

// insideTable is N-ET.
func insideTable(outer, inner *node) error {
	if sameTable(outer, inner) {
		inner.discard()
	}
	return nil
}

// insideObject is N-EO. Whatever is deeper than EraseObject and on the same object is a path instruction.
func insideObject(outer, inner *node) error {
	if sameObject(outer, inner) {
		inner.discard()
	}
	return nil
}

// insideUpdate is N-U: what is inside lives on if the new value can have such insides, because creating a collection or an embedded
// object means "make sure that there is one". The next element of the path tells.
func insideUpdate(outer, inner *node) error {
	kind := outer.in.Value.Kind()
	if kind == value.KindObject || !inside(outer, inner) {
		return nil
	}
	position := inner.in.Path[len(outer.in.Path)].IsPos
	if outer.tail != nil { // strict: it empties what it makes
		inner.discard()
		return nil
	}
	if position && kind == value.KindList || !position && kind == value.KindDictionary {
		return nil
	}
	inner.discard()
	return nil
}

// insideDiscard is N-AI and N-CLR.
func insideDiscard(outer, inner *node) error {
	if !outer.follows && inside(outer, inner) {
		inner.discard()
	}
	return nil
}

// slot returns the place in the inner path of the element that lies in the container of the outer instruction, and its position.
func slot(rule string, outer, inner *node) (place int, position uint32, err error) {
	place = len(outer.in.Path) - 1
	step := inner.in.Path[place]
	if !step.IsPos {
		return 0, 0, fail(rule, outer, inner, "one takes the container for a list, the other one for a dictionary or an object")
	}
	return place, step.Pos, nil
}

// insideInsert is N-INS.
func insideInsert(outer, inner *node) error {
	if !insideContainer(outer, inner) {
		return nil
	}
	place, position, err := slot("N-INS", outer, inner)
	if err == nil && position >= outer.index() {
		inner.setStep(place, position+1)
	}
	return err
}

// insideMove is N-MOV with the original's defect X2 (section 14): the move is adjusted where the inner path should be.
func insideMove(outer, inner *node) error {
	if !insideContainer(outer, inner) {
		return nil
	}
	_, position, err := slot("N-MOV", outer, inner)
	if err == nil {
		outer.setIndex(remap(outer.index(), position, outer.in.Dest))
	}
	return err
}

// insideErase is N-DEL.
func insideErase(outer, inner *node) error {
	if inside(outer, inner) {
		inner.discard()
		return nil
	}
	if !insideContainer(outer, inner) {
		return nil
	}
	place, position, err := slot("N-DEL", outer, inner)
	if err == nil && position > outer.index() {
		inner.setStep(place, position-1)
	}
	return err
}
