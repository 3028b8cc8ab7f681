package merge

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// updateUpdate is R7.
func updateUpdate(_ *merger, l, r *node) error {
	if !samePath(l, r) {
		return nil
	}
	var defaultL, defaultR bool
	if l.in.IsArrayUpdate() { // then r is one, too
		if l.in.PriorSize != r.in.PriorSize {
			return failSizes("R7", l, r)
		}
	} else {
		defaultL, defaultR = l.in.Default, r.in.Default
	}
	kindL, kindR := l.in.Value.Kind(), r.in.Value.Kind()
	switch {
	case kindL != kindR && kindL == value.KindObject: // a new embedded object loses to any other value
		l.discard()
	case kindL != kindR && kindR == value.KindObject:
		r.discard()
	case kindL == kindR && (kindL == value.KindList || kindL == value.KindDictionary) && (l.tail == nil || r.tail == nil): // their contents merge
	case defaultL && !defaultR:
		l.discard()
	case defaultR && !defaultL:
		r.discard()
	default:
		discardOlder(l, r)
	}
	return nil
}

// addIntegerUpdate is R8: an increment that is newer than the value is added to it, and stays.
func addIntegerUpdate(_ *merger, l, r *node) error {
	if !samePath(l, r) {
		return nil
	}
	if !older(r, l) && (r.in.IsArrayUpdate() || !r.in.Default) {
		l.discard()
		return nil
	}
	switch r.in.Value.Kind() {
	case value.KindNull:
	case value.KindInt:
		if l.in.Add != 0 {
			r.edit().Value = value.Int(r.in.Value.Int() + l.in.Add) // wraps around at 64 bits
		}
	default:
		l.discard()
	}
	return nil
}

// clearUpdate is R13. That the update may be a default is ignored.
func clearUpdate(_ *merger, l, r *node) error {
	if !l.follows && samePath(l, r) && (changeset.CollectionKind(l.in.Collection) != r.in.Value.Kind() || r.tail != nil) {
		discardOlder(l, r)
		if r.dead && r.in.Value.Kind() == value.KindErased {
			l.owner.entry.Remakes = true
		}
	}
	return nil
}

// clearAddInteger is R14.
func clearAddInteger(_ *merger, l, r *node) error {
	if !l.follows && samePath(l, r) {
		r.discard()
	}
	return nil
}

// clearClear is R24. The collection types are not compared.
func clearClear(_ *merger, l, r *node) error {
	if !l.follows && !r.follows && samePath(l, r) {
		discardOlder(l, r)
	}
	return nil
}
