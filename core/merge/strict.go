package merge

import (
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// strict has the rules of Strict: the compatible ones, but for those that are defects.
var strict = ruleSet{flat: strictFlat(), nested: strictNested(), prepare: prepareStrict, erasesAll: true}

func strictFlat() *[ops][ops]rule {
	out := flat
	out[changeset.Clear][changeset.ArrayInsert] = clearInsert
	out[changeset.Clear][changeset.ArrayMove] = clearMove
	out[changeset.Clear][changeset.ArrayErase] = clearErase
	out[changeset.EraseColumn][changeset.AddInteger] = eraseColumnUpdate
	for op := changeset.ArrayInsert; op < ops; op++ {
		out[op][changeset.EraseColumn] = pathEraseColumn
	}
	return &out
}

func strictNested() *[ops]nestedRule {
	out := nested
	out[changeset.ArrayMove] = insideMoveStrict
	return &out
}

// insideMoveStrict is N-MOV without X2.
func insideMoveStrict(outer, inner *node) error {
	if !insideContainer(outer, inner) {
		return nil
	}
	place, position, err := slot("N-MOV", outer, inner)
	if err == nil {
		inner.setStep(place, remap(position, outer.index(), outer.in.Dest))
	}
	return err
}

// element tells whether l, a Clear, is of an element of the list that r changes (X3).
func element(rule string, l, r *node) (bool, error) {
	if !sameContainer(l, r) {
		return false, nil
	}
	return true, arrayUpdate(rule, r, l)
}

func clearInsert(_ *merger, l, r *node) error {
	ok, err := element("X3", l, r)
	if ok && err == nil && l.index() >= r.index() {
		l.setIndex(l.index() + 1)
	}
	return err
}

func clearMove(_ *merger, l, r *node) error {
	ok, err := element("X3", l, r)
	if ok && err == nil {
		l.setIndex(remap(l.index(), r.index(), r.in.Dest))
	}
	return err
}

func clearErase(_ *merger, l, r *node) error {
	ok, err := element("X3", l, r)
	switch {
	case !ok || err != nil:
	case l.index() == r.index():
		l.discard()
	case l.index() > r.index():
		l.setIndex(l.index() - 1)
	}
	return err
}

// pathEraseColumn is what is missing beside R9 (X8).
func pathEraseColumn(_ *merger, l, r *node) error {
	if sameProperty(l, r) {
		l.discard()
	}
	return nil
}

// ownerSlot is a property of an object, below which instructions follow each other.
type ownerSlot struct {
	table string
	key   value.Key
	field string
}

func slotOf(in *changeset.Instruction) ownerSlot { return ownerSlot{in.Table, in.Key, in.Field} }

func prepareStrict(w *work) error {
	if err := checkDefaults(w); err != nil {
		return err
	}
	unite(w)
	return nil
}

// makes tells whether the instruction's value makes a list or a dictionary.
func makes(in *changeset.Instruction) bool {
	kind := in.Value.Kind()
	return kind == value.KindList || kind == value.KindDictionary
}

// unite finds what is one (X4): an Update that makes a list or dictionary, and a Clear of the same kind at the same path, if nothing lies
// between them on the same property but changes inside of the new collection. What the two do is what an Update with another value
// does: so they are merged like one. The Update stands for both, the Clear only follows it through the lists that it is in.
func unite(w *work) {
	var open map[ownerSlot]*node // Updates that wait for their Clear
	for i := range w.nodes {
		n := &w.nodes[i]
		if !n.in.IsPath() {
			continue
		}
		if len(open) > 0 {
			if u := open[slotOf(n.in)]; u != nil {
				below := len(n.in.Path) - len(u.in.Path)
				same := below >= 0 && startsWith(n.in.Path, u.in.Path)
				if same && below == 0 && n.in.Op == changeset.Clear && changeset.CollectionKind(n.in.Collection) == u.in.Value.Kind() {
					u.tail, n.follows = n, true
				}
				if !same || below == 0 {
					delete(open, slotOf(n.in))
				}
			}
		}
		if n.in.Op == changeset.Update && makes(n.in) {
			if open == nil {
				open = map[ownerSlot]*node{}
			}
			open[slotOf(n.in)] = n
		}
	}
}

// places numbers the places in objects by their paths, from 1.
type places map[placeStep]int

// placeStep is the way to a place: from the one around it, or, if that is 0, from an object.
type placeStep struct {
	around int
	slot   ownerSlot
	step   changeset.Step
}

func (p places) below(around int, slot ownerSlot, step changeset.Step) int {
	key := placeStep{around, slot, step}
	if p[key] == 0 {
		p[key] = len(p) + 1
	}
	return p[key]
}

// checkDefaults refuses default values that could discard what others change inside (X9): a default loses against any other value, but
// where it was set, what was inside is gone. So it may only be set where there can't have been anything inside: in an object that the same
// changeset has made, at a place where it has made nothing.
func checkDefaults(w *work) error {
	if !slices.ContainsFunc(w.nodes, func(n node) bool { return n.in.Default }) {
		return nil
	}
	created := map[ObjectRef]bool{}
	numbers := places{}
	embedded := map[int]bool{} // places of embedded objects that were made
	holds := map[int]bool{}    // places with something inside
	for i := range w.nodes {
		in := w.nodes[i].in
		if in.Op == changeset.CreateObject {
			created[ObjectRef{in.Table, in.Key}] = true
		}
		if !in.IsPath() {
			continue
		}
		mine := created[ObjectRef{in.Table, in.Key}]
		at := numbers.below(0, slotOf(in), changeset.Step{})
		for _, step := range in.Path {
			holds[at] = true
			mine = mine || embedded[at]
			at = numbers.below(at, ownerSlot{}, step)
		}
		if in.Op == changeset.Update && in.Default && !in.IsArrayUpdate() && (!mine || holds[at]) {
			return malformed(w, in.Address(), "a default value can only be set in an object that the same changeset creates, where nothing was made before (X9)")
		}
		if in.Value.Kind() == value.KindObject {
			embedded[at] = true
		}
		holds[at] = holds[at] || in.Value.Kind().IsMarker()
	}
	return nil
}
