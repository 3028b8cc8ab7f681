package data

import (
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// composer writes the instructions that make one state of an object of another: what a device emits that does the same, and no more than is
// needed, so that as little as possible collides with what devices do meanwhile (spec/changeset.md section 6, spec/merge.md section 8.2).
type composer struct {
	out   []changeset.Instruction
	bytes int // of their values, about
}

func (c *composer) emit(in changeset.Instruction) {
	c.out = append(c.out, in)
	c.bytes += 32 + len(in.Value.Str())
}

// spot is a place in an object.
type spot struct {
	class string
	key   value.Key
	field string
	path  []changeset.Step
}

func (s spot) at(step changeset.Step) spot {
	s.path = append(slices.Clone(s.path), step)
	return s
}

func (s spot) index(i int) spot   { return s.at(changeset.Step{Pos: uint32(i), IsPos: true}) }
func (s spot) name(k string) spot { return s.at(changeset.Step{Key: k}) }

func (s spot) instruction(op changeset.Op) changeset.Instruction {
	return changeset.Instruction{Op: op, Table: s.class, Key: s.key, Field: s.field, Path: s.path}
}

func (c *composer) update(s spot, v value.Value, size int) {
	in := s.instruction(changeset.Update)
	in.Value, in.PriorSize = v, uint32(size)
	c.emit(in)
}

func (c *composer) clear(s spot, kind schema.Collection) {
	in := s.instruction(changeset.Clear)
	in.Collection = kind
	c.emit(in)
}

// increments are the fields that were incremented, by dotted path.
type increments map[string]bool

// property changes what a property has. p is nil for what is inside of mixed values; path is the dotted name of the property.
func (c *composer) property(s spot, p *schema.Property, before, after *node, path string, added increments) {
	if before.equal(after) {
		return
	}
	if p.Collection != schema.Single {
		c.collection(s, p.Type == value.KindMixed, before, after, false)
		return
	}
	switch {
	case after.kind == value.KindObject && before.kind == value.KindObject:
		c.object(s, before, after, path, added)
	case after.kind == value.KindObject:
		c.update(s, value.Marker(value.KindObject), 0)
		c.object(s, newObject(after.class), after, path, added)
	case after.container():
		if before.kind != after.kind {
			c.fresh(s, after, 0)
			return
		}
		c.collection(s, true, before, after, true)
	case added[path] && before.kind == value.KindInt && after.kind == value.KindInt:
		// Increments of others, who have the same number to begin with, add up.
		in := s.instruction(changeset.AddInteger)
		in.Add = after.value.Int() - before.value.Int()
		c.emit(in)
	default:
		c.update(s, after.value, 0)
	}
}

// newObject is an embedded object as it is made.
func newObject(class *schema.Class) *node {
	n := &node{kind: value.KindObject, class: class, elements: make([]*node, len(class.Properties))}
	for i := range class.Properties {
		n.elements[i] = defaultNode(&class.Properties[i])
	}
	return n
}

func (c *composer) object(s spot, before, after *node, path string, added increments) {
	for i := range after.elements {
		p := &after.class.Properties[i]
		old := defaultNode(p)
		if i < len(before.elements) {
			old = before.elements[i]
		}
		c.property(s.name(p.Name), p, old, after.elements[i], path+"."+p.Name, added)
	}
}

// fresh puts a new list or dictionary into a place of a mixed value. Emptying it makes it an assignment, of which others see the newer (merge.md 8.2).
func (c *composer) fresh(s spot, n *node, size int) {
	c.update(s, value.Marker(n.kind), size)
	c.clear(s, collectionOf(n.kind))
	c.collection(s, true, &node{kind: n.kind}, n, true)
}

func collectionOf(kind value.Kind) schema.Collection {
	switch kind {
	case value.KindList:
		return schema.List
	case value.KindSet:
		return schema.Set
	default:
		return schema.Dictionary
	}
}

// collection changes a list, set or dictionary. inner says that it is in a mixed value.
func (c *composer) collection(s spot, mixed bool, before, after *node, inner bool) {
	if len(after.elements) == 0 {
		if len(before.elements) > 0 {
			c.clear(s, collectionOf(after.kind))
		}
		return
	}
	switch after.kind {
	case value.KindList:
		c.list(s, before.elements, after.elements)
	case value.KindSet:
		c.set(s, mixed, before.elements, after.elements)
	case value.KindDictionary:
		c.dictionary(s, before, after)
	}
}

// list makes one list of another: what both begin and end with stays; if one is the other with something taken out, that is taken out or put in;
// else positions are changed, and what is too much or too little at the end of the middle goes or comes.
func (c *composer) list(s spot, before, after []*node) {
	size := len(before)
	from := 0
	for from < len(before) && from < len(after) && before[from].equal(after[from]) {
		from++
	}
	tail := 0
	for tail < len(before)-from && tail < len(after)-from && before[len(before)-1-tail].equal(after[len(after)-1-tail]) {
		tail++
	}
	old, now := before[from:len(before)-tail], after[from:len(after)-tail]
	switch {
	case len(old) > len(now):
		if gone, ok := missingOf(old, now); ok {
			for _, i := range slices.Backward(gone) {
				size = c.erase(s, from+i, size)
			}
			return
		}
	case len(now) > len(old):
		if more, ok := missingOf(now, old); ok {
			for _, i := range more {
				size = c.insert(s, from+i, size, now[i])
			}
			return
		}
	}
	for i := len(old) - 1; i >= len(now); i-- {
		size = c.erase(s, from+i, size)
	}
	for i := range min(len(old), len(now)) {
		c.replace(s, from+i, size, old[i], now[i])
	}
	for i := len(old); i < len(now); i++ {
		size = c.insert(s, from+i, size, now[i])
	}
}

// missingOf returns the positions of those in long that are not in short, if short is long without them.
func missingOf(long, short []*node) (positions []int, ok bool) {
	k := 0
	for i, n := range long {
		if k < len(short) && n.equal(short[k]) {
			k++
		} else {
			positions = append(positions, i)
		}
	}
	return positions, k == len(short)
}

func (c *composer) erase(s spot, i, size int) int {
	in := s.index(i).instruction(changeset.ArrayErase)
	in.PriorSize = uint32(size)
	c.emit(in)
	return size - 1
}

func (c *composer) insert(s spot, i, size int, n *node) int {
	at := s.index(i)
	in := at.instruction(changeset.ArrayInsert)
	in.PriorSize, in.Value = uint32(size), n.value
	if n.container() {
		in.Value = value.Marker(n.kind)
	}
	c.emit(in)
	switch {
	case n.kind == value.KindObject:
		c.object(at, newObject(n.class), n, "", nil)
	case n.container():
		c.collection(at, true, &node{kind: n.kind}, n, true)
	}
	return size + 1
}

func (c *composer) replace(s spot, i, size int, old, now *node) {
	at := s.index(i)
	switch {
	case old.equal(now):
	case now.kind == value.KindObject && old.kind == value.KindObject:
		c.object(at, old, now, "", nil)
	case now.container() && now.kind == old.kind:
		c.collection(at, true, old, now, true)
	case now.container():
		c.fresh(at, now, size)
	default:
		c.update(at, now.value, size)
	}
}

func (c *composer) set(s spot, mixed bool, before, after []*node) {
	gone, come := difference(before, after), difference(after, before)
	for _, n := range gone {
		if n.value.IsNull() && !mixed {
			// Clients of the original refuse to be told that null leaves a set (changeset.md 5.5), so it is made anew.
			c.clear(s, schema.Set)
			gone, come = nil, after
			break
		}
	}
	for _, n := range gone {
		in := s.instruction(changeset.SetErase)
		in.Value = n.value
		c.emit(in)
	}
	for _, n := range come {
		in := s.instruction(changeset.SetInsert)
		in.Value = n.value
		c.emit(in)
	}
}

// difference returns the elements of a set that are not in another one.
func difference(of, without []*node) (out []*node) {
	there := slices.Clone(without)
	slices.SortFunc(there, func(a, b *node) int { return value.Compare(a.value, b.value) })
	for _, n := range of {
		i, ok := slices.BinarySearchFunc(there, n, func(a, b *node) int { return value.Compare(a.value, b.value) })
		if !ok && !near(there, i, n) {
			out = append(out, n)
		}
	}
	return out
}

// near tells whether a time is there but for a part of a millisecond.
func near(there []*node, i int, n *node) bool {
	return n.kind == value.KindTimestamp && (i > 0 && same(there[i-1].value, n.value) || i < len(there) && same(there[i].value, n.value))
}

func (c *composer) dictionary(s spot, before, after *node) {
	i := 0
	for k, key := range after.keys {
		for ; i < len(before.keys) && before.keys[i] < key; i++ {
			c.update(s.name(before.keys[i]), value.Marker(value.KindErased), 0)
		}
		old := scalar(value.Null())
		was := i < len(before.keys) && before.keys[i] == key
		if was {
			old = before.elements[i]
			i++
		}
		now, at := after.elements[k], s.name(key)
		switch {
		case was && old.equal(now):
		case was && now.kind == value.KindObject && old.kind == value.KindObject:
			c.object(at, old, now, "", nil)
		case now.kind == value.KindObject:
			c.update(at, value.Marker(value.KindObject), 0)
			c.object(at, newObject(now.class), now, "", nil)
		case now.container() && now.kind == old.kind:
			c.collection(at, true, old, now, true)
		case now.container():
			c.fresh(at, now, 0)
		default:
			c.update(at, now.value, 0)
		}
	}
	for ; i < len(before.keys); i++ {
		c.update(s.name(before.keys[i]), value.Marker(value.KindErased), 0)
	}
}
