package history

import (
	"errors"
	"slices"

	"realmsync/core/value"
)

// element is what a property, a list position, a set or a dictionary entry holds: a value, or the marker of the container that inner is.
type element struct {
	value value.Value
	inner *container
}

// container is a list, set, dictionary or embedded object inside of a row.
//
// Lists, sets (ordered by value.Compare) and dictionaries (ordered by key) are cut into pieces of at most maxPiece elements, which are
// stored apart from the document when there is much in them (document.go). So what a change costs is the piece that it changes and the
// list of pieces, not the collection, in memory and in the store.
//
// Containers, pieces and leaves are shared by all rows that contain them, and immutable, except to the changeset that made them: its
// number is their stamp.
type container struct {
	kind    value.Kind // KindList, KindSet, KindDictionary or KindObject
	stamp   uint64
	object  *Row // of KindObject; its key is null
	count   int
	pieces  []piece
	catalog *Catalog // by which pieces that are not in memory are read; nil if all are
}

// piece is a part of a collection.
type piece struct {
	count int
	id    uint64 // in the store, 0: not there
	leaf  *leaf  // nil: to be read from the store
}

// leaf is the content of a piece.
type leaf struct {
	stamp    uint64
	keys     []string // of dictionaries
	elements []element
	size     int // bytes of texts, about
}

// A piece is cut in two when it has more elements, or, if they are long, more bytes.
const (
	maxPiece      = 256
	maxContainers = 32 // of elements that are containers themselves
	maxPieceBytes = 16 << 10
)

var errPieces = errors.New("history: a stored collection is damaged")

func newContainer(kind value.Kind, stamp uint64) *container {
	return &container{kind: kind, stamp: stamp}
}

// copy returns a container that the changeset may change.
func (c *container) copy(stamp uint64) *container {
	out := *c
	out.stamp = stamp
	out.pieces = append(make([]piece, 0, len(c.pieces)+1), c.pieces...)
	if c.object != nil {
		out.object = c.object.clone(c.object.Class)
	}
	return &out
}

// leaf returns the content of a piece, for reading.
func (c *container) leaf(k int) (*leaf, error) {
	if p := &c.pieces[k]; p.leaf != nil {
		return p.leaf, nil
	}
	out, err := c.read(k, k+1)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// read reads pieces from the store, those with from <= k < to as far as they are not in memory.
func (c *container) read(from, to int) ([]*leaf, error) {
	var ids []uint64
	for _, p := range c.pieces[from:to] {
		if p.leaf == nil {
			ids = append(ids, p.id)
		}
	}
	bodies, err := c.catalog.load(ids)
	if err != nil {
		return nil, err
	}
	out := make([]*leaf, 0, to-from)
	for _, p := range c.pieces[from:to] {
		l := p.leaf
		if l == nil {
			if l, err = decodeLeaf(c.catalog, c.kind, p.count, bodies[0]); err != nil {
				return nil, err
			}
			bodies = bodies[1:]
		}
		out = append(out, l)
	}
	return out, nil
}

// each calls f for every element, in order; key is that of a dictionary's entry.
func (c *container) each(f func(key string, e element) error) error {
	const ahead = 16 // pieces that are read at once
	for k := 0; k < len(c.pieces); k += ahead {
		leaves, err := c.read(k, min(k+ahead, len(c.pieces)))
		if err != nil {
			return err
		}
		for _, l := range leaves {
			for i, e := range l.elements {
				key := ""
				if l.keys != nil {
					key = l.keys[i]
				}
				if err := f(key, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// locate finds the piece of a position and the place in it. The position may be the end: that is behind the last element of a piece.
func (c *container) locate(i int) (k, j int) {
	if i > c.count/2 {
		k, j = len(c.pieces)-1, c.count
		for ; k > 0; k-- {
			if j -= c.pieces[k].count; j <= i {
				return k, i - j
			}
		}
		return 0, i
	}
	for k < len(c.pieces)-1 && i >= c.pieces[k].count {
		i -= c.pieces[k].count
		k++
	}
	return k, i
}

// at returns the element at a position.
func (c *container) at(i int) (element, error) {
	k, j := c.locate(i)
	l, err := c.leaf(k)
	if err != nil {
		return element{}, err
	}
	return l.elements[j], nil
}

// search finds the first element that is not before what is sought: compare tells how an element of a leaf relates to that.
func (c *container) search(compare func(l *leaf, i int) int) (k, j int, found bool, err error) {
	if len(c.pieces) == 0 {
		return 0, 0, false, nil
	}
	// The last piece whose first element is not behind it.
	low, high := 0, len(c.pieces)-1
	for low < high {
		middle := (low + high + 1) / 2
		l, err := c.leaf(middle)
		if err != nil {
			return 0, 0, false, err
		}
		if compare(l, 0) <= 0 {
			low = middle
		} else {
			high = middle - 1
		}
	}
	l, err := c.leaf(low)
	if err != nil {
		return 0, 0, false, err
	}
	from, to := 0, len(l.elements)
	for from < to {
		middle := (from + to) / 2
		if compare(l, middle) < 0 {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return low, from, from < len(l.elements) && compare(l, from) == 0, nil
}

// find looks for an element of a set.
func (c *container) find(v value.Value) (k, j int, found bool, err error) {
	return c.search(func(l *leaf, i int) int { return value.Compare(l.elements[i].value, v) })
}

// findKey looks for an entry of a dictionary.
func (c *container) findKey(key string) (k, j int, found bool, err error) {
	return c.search(func(l *leaf, i int) int {
		switch at := l.keys[i]; {
		case at < key:
			return -1
		case at > key:
			return 1
		}
		return 0
	})
}

// edit returns the content of a piece of a container of its own, for changing: the piece is not what is stored any more.
func (c *container) edit(k int) (*leaf, error) {
	l, err := c.leaf(k)
	if err != nil {
		return nil, err
	}
	if l.stamp != c.stamp {
		old := l
		l = &leaf{stamp: c.stamp, size: old.size, elements: append(make([]element, 0, len(old.elements)+1), old.elements...)}
		if c.kind == value.KindDictionary {
			l.keys = append(make([]string, 0, len(old.keys)+1), old.keys...)
		}
	}
	c.pieces[k].leaf, c.pieces[k].id = l, 0
	return l, nil
}

// The methods below change a container that the changeset at work has made.

// insert puts an element before the one at a place.
func (c *container) insert(k, j int, key string, e element) error {
	if len(c.pieces) == 0 {
		c.pieces = append(c.pieces, piece{leaf: &leaf{stamp: c.stamp}})
	}
	l, err := c.edit(k)
	if err != nil {
		return err
	}
	l.elements = slices.Insert(l.elements, j, e)
	if c.kind == value.KindDictionary {
		l.keys = slices.Insert(l.keys, j, key)
	}
	l.size += len(key) + len(e.value.Str())
	c.count++
	c.pieces[k].count++
	if n := len(l.elements); n > maxPiece || n > maxContainers && e.inner != nil || n > 1 && l.size > maxPieceBytes {
		c.split(k, j == n-1)
	}
	return nil
}

// split cuts a piece in two: in the middle, or before its last element, when that was appended.
func (c *container) split(k int, appended bool) {
	l := c.pieces[k].leaf
	at := len(l.elements) / 2
	if appended {
		at = len(l.elements) - 1
	}
	right := &leaf{stamp: c.stamp, elements: slices.Clone(l.elements[at:])}
	clear(l.elements[at:])
	l.elements = l.elements[:at]
	if c.kind == value.KindDictionary {
		right.keys = slices.Clone(l.keys[at:])
		clear(l.keys[at:])
		l.keys = l.keys[:at]
	}
	l.measure()
	right.measure()
	c.pieces[k].count = at
	c.pieces = slices.Insert(c.pieces, k+1, piece{count: len(right.elements), leaf: right})
}

// measure sums up the texts.
func (l *leaf) measure() {
	l.size = 0
	for i := range l.elements {
		l.size += len(l.elements[i].value.Str())
	}
	for _, key := range l.keys {
		l.size += len(key)
	}
}

// replace puts another element at a place.
func (c *container) replace(k, j int, e element) error {
	l, err := c.edit(k)
	if err != nil {
		return err
	}
	l.size += len(e.value.Str()) - len(l.elements[j].value.Str())
	l.elements[j] = e
	if n := len(l.elements); n > 1 && l.size > maxPieceBytes {
		c.split(k, false)
	}
	return nil
}

// remove takes an element out and returns it.
func (c *container) remove(k, j int) (element, error) {
	l, err := c.edit(k)
	if err != nil {
		return element{}, err
	}
	out := l.elements[j]
	l.size -= len(out.value.Str())
	l.elements = slices.Delete(l.elements, j, j+1)
	if c.kind == value.KindDictionary {
		l.size -= len(l.keys[j])
		l.keys = slices.Delete(l.keys, j, j+1)
	}
	c.count--
	if c.pieces[k].count--; c.pieces[k].count == 0 {
		c.pieces = slices.Delete(c.pieces, k, k+1)
		return out, nil
	}
	return out, c.join(k)
}

// join appends a piece to the one before, or the one behind to it, when both have become small.
func (c *container) join(k int) error {
	if c.pieces[k].count > maxPiece/4 {
		return nil
	}
	switch {
	case k > 0 && c.pieces[k-1].count+c.pieces[k].count <= maxPiece/2:
		k--
	case k+1 < len(c.pieces) && c.pieces[k].count+c.pieces[k+1].count <= maxPiece/2:
	default:
		return nil
	}
	right, err := c.leaf(k + 1)
	if err != nil {
		return err
	}
	left, err := c.edit(k)
	if err != nil {
		return err
	}
	if left.size+right.size > maxPieceBytes/2 {
		return nil
	}
	left.elements = append(left.elements, right.elements...)
	left.keys = append(left.keys, right.keys...)
	left.size += right.size
	c.pieces[k].count += c.pieces[k+1].count
	c.pieces = slices.Delete(c.pieces, k+1, k+2)
	return nil
}

// clear removes all elements.
func (c *container) clear() { c.pieces, c.count, c.catalog = nil, 0, nil }

// size estimates the memory that is the container's alone: what must be read from the store anew is not.
func (c *container) size() int {
	n := 96 + 32*len(c.pieces)
	if c.object != nil {
		n += c.object.size()
	}
	for i := range c.pieces {
		l := c.pieces[i].leaf
		if l == nil {
			continue
		}
		n += 96 + 56*len(l.elements) + 16*len(l.keys) + l.size
		for j := range l.elements {
			if inner := l.elements[j].inner; inner != nil {
				n += inner.size()
			}
		}
	}
	return n
}
