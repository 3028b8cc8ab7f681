package history

import "realmsync/core/value"

// Inside is a collection that a property or an element of a row holds, for reading: elements are numbered from 0 to Len()-1, lists in their
// order, sets by value, dictionaries by key. It belongs to its row and is as immutable.
type Inside struct{ c *container }

// Collection returns the collection in the property with that index in class, which is the row's class at this or another time; false if there is
// none, which for a list, set or dictionary property means that it has no elements.
func (r *Row) Collection(class *Class, property int) (Inside, bool) {
	c := r.container(class, property)
	return Inside{c}, c != nil && c.kind != value.KindObject
}

// Kind returns KindList, KindSet or KindDictionary.
func (in Inside) Kind() value.Kind { return in.c.kind }

// Len returns the number of elements.
func (in Inside) Len() int { return in.c.count }

// At returns an element: its value, or the marker of the kind of what it holds, and that if it is a collection. The error is one of reading the
// store.
func (in Inside) At(i int) (v value.Value, inner Inside, err error) {
	e, err := in.c.at(i)
	if err != nil || e.inner == nil {
		return e.value, Inside{}, err
	}
	return value.Marker(e.inner.kind), Inside{e.inner}, nil
}

// Key returns the key of a dictionary's element.
func (in Inside) Key(i int) (string, error) {
	k, j := in.c.locate(i)
	l, err := in.c.leaf(k)
	if err != nil || l.keys == nil {
		return "", err
	}
	return l.keys[j], nil
}

// Find returns the index of a key in a dictionary, -1 if it isn't there.
func (in Inside) Find(key string) (int, error) {
	if in.c.kind != value.KindDictionary {
		return -1, nil
	}
	k, j, found, err := in.c.findKey(key)
	if err != nil || !found {
		return -1, err
	}
	for _, p := range in.c.pieces[:k] {
		j += p.count
	}
	return j, nil
}
