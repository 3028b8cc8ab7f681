package merge

import (
	"realmsync/core/changeset"
	"realmsync/core/value"
)

// The relations of section 4.

func sameTable(x, y *node) bool { return x.table == y.table }

func sameObject(x, y *node) bool { return x.object == y.object && x.object != unknown }

// sameField is for two path instructions.
func sameField(x, y *node) bool { return sameObject(x, y) && x.field == y.field }

// sameProperty is for the property of a class, in any object.
func sameProperty(x, y *node) bool {
	return x.table == y.table && x.field == y.field && x.field != unknown
}

func startsWith(path, start []changeset.Step) bool {
	for i := range start {
		if path[i] != start[i] {
			return false
		}
	}
	return true
}

func samePath(x, y *node) bool {
	return sameField(x, y) && len(x.in.Path) == len(y.in.Path) && startsWith(x.in.Path, y.in.Path)
}

// sameContainer tells whether both paths differ at most in their last elements.
func sameContainer(x, y *node) bool {
	n := len(x.in.Path)
	return sameField(x, y) && n == len(y.in.Path) && (n == 0 || startsWith(x.in.Path, y.in.Path[:n-1]))
}

// inside tells whether the inner instruction addresses something below what the outer one addresses ("prefix" in section 4).
func inside(outer, inner *node) bool {
	return sameField(outer, inner) && startsWith(inner.in.Path, outer.in.Path) // outer's path is shorter
}

// insideContainer tells whether the inner instruction addresses something below an element of the container that the outer one
// addresses an element of ("container_prefix" in section 4).
func insideContainer(outer, inner *node) bool {
	n := len(outer.in.Path)
	return n > 0 && sameField(outer, inner) && startsWith(inner.in.Path, outer.in.Path[:n-1])
}

// older tells whether the change of x came before that of y.
func older(x, y *node) bool { return x.owner.entry.older(y.owner.entry) }

// discardOlder discards the older of both.
func discardOlder(l, r *node) {
	if older(l, r) {
		l.discard()
	} else {
		r.discard()
	}
}

func discardBoth(l, r *node) {
	l.discard()
	r.discard()
}

// sameValue tells whether two set operations are about the same element: same type and same content. It is not value.Equal, for
// which numbers of different types can be equal; NaN is no element's equal.
func sameValue(v, w value.Value) bool { return v.Kind() == w.Kind() && !v.IsNaN() && value.Equal(v, w) }

// remap returns where position g is after an element has been moved.
func remap(g, from, to uint32) uint32 {
	if g == from {
		return to
	}
	if g > from {
		g--
	}
	if g >= to {
		g++
	}
	return g
}
