package memstate

import (
	"fmt"
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

var _ changeset.Nested = (*State)(nil)

// Open implements changeset.Nested.
func (s *State) Open(class string, key value.Key, property string) (changeset.Node, error) {
	o, p, err := s.place(class, key, property)
	if err != nil {
		return nil, err
	}
	return s.open(p, func() Node { return nodeOf(o, p) }, func(n Node) { s.put(o, property, n) }), nil
}

// SetNew implements changeset.Nested.
func (s *State) SetNew(class string, key value.Key, property string, kind value.Kind) error {
	o, p, err := s.place(class, key, property)
	if err != nil {
		return err
	}
	n, err := s.empty(p, kind)
	if err == nil {
		s.put(o, property, n)
	}
	return err
}

// put replaces what a property of a top-level object holds.
func (s *State) put(o object, property string, n Node) {
	old, had := o[property]
	o[property] = n
	s.onRollback(func() {
		if had {
			o[property] = old
		} else {
			delete(o, property)
		}
	})
}

// empty makes a new container for a value of property p.
func (s *State) empty(p *schema.Property, kind value.Kind) (Node, error) {
	target := s.schema.Class(p.LinkTarget)
	embeds := p.Type == value.KindLink && target != nil && target.Kind == schema.Embedded
	collection := kind == value.KindList || kind == value.KindDictionary
	if kind == value.KindObject && embeds || collection && p.Type == value.KindMixed {
		return Node{Value: value.Marker(kind)}, nil
	}
	return Node{}, fmt.Errorf("memstate: a property of type %s can't hold a new %v", p.TypeString(), kind)
}

// open makes a container of a place, nil if there is none. A container changes by making a new node and putting it in the place of the
// old one, which changes the container around it, and so on up to the property of a top-level object.
func (s *State) open(p *schema.Property, load func() Node, store func(Node)) changeset.Node {
	c := container{s, p, load, store}
	switch load().Value.Kind() {
	case value.KindList:
		return list{c}
	case value.KindSet:
		return set{c}
	case value.KindDictionary:
		return dictionary{c}
	case value.KindObject:
		return embedded{c}
	default:
		return nil
	}
}

// container is what all kinds have in common.
type container struct {
	s     *State
	p     *schema.Property // what its values, or it itself, are a value of
	load  func() Node
	store func(Node)
}

func (c container) Kind() value.Kind { return c.load().Value.Kind() }

// Clear is for collections.
func (c container) Clear() error {
	c.store(Node{Value: c.load().Value})
	return nil
}

func stored(v value.Value) (Node, error) {
	if !v.Kind().IsValue() {
		return Node{}, fmt.Errorf("memstate: %v is not a value", v)
	}
	return Node{Value: v}, nil
}

// Elements implements changeset.Listed.
func (c container) Elements() (out []changeset.Element, _ error) {
	n := c.load()
	for _, e := range n.Elements {
		out = append(out, changeset.Element{Value: e.Value})
	}
	for _, key := range slices.Sorted(maps.Keys(n.Entries)) {
		out = append(out, changeset.Element{Key: key, Value: n.Entries[key].Value})
	}
	return out, nil
}

// list implements changeset.ListNode.
type list struct{ container }

func (l list) Len() (int, error) { return len(l.load().Elements), nil }

func (l list) check(i, limit int) error {
	if i < 0 || i >= limit {
		return fmt.Errorf("memstate: position %d of a list with %d elements", i, len(l.load().Elements))
	}
	return nil
}

func (l list) At(i int) (value.Value, error) {
	if err := l.check(i, len(l.load().Elements)); err != nil {
		return value.Null(), err
	}
	return l.load().Elements[i].Value, nil
}

func (l list) Child(i int) (changeset.Node, error) {
	if err := l.check(i, len(l.load().Elements)); err != nil {
		return nil, err
	}
	return l.s.open(l.p, func() Node { return l.load().Elements[i] }, func(n Node) { _ = l.replace(i, n, nil) }), nil
}

// replace and insert take the error of making the node, so that it gets through.
func (l list) replace(i int, n Node, err error) error {
	if err == nil {
		err = l.check(i, len(l.load().Elements))
	}
	if err == nil {
		out := l.load()
		out.Elements = slices.Clone(out.Elements)
		out.Elements[i] = n
		l.store(out)
	}
	return err
}

func (l list) insert(i int, n Node, err error) error {
	if err == nil {
		err = l.check(i, len(l.load().Elements)+1)
	}
	if err == nil {
		out := l.load()
		out.Elements = slices.Insert(slices.Clone(out.Elements), i, n)
		l.store(out)
	}
	return err
}

func (l list) Insert(i int, v value.Value) error {
	n, err := stored(v)
	return l.insert(i, n, err)
}

func (l list) InsertNew(i int, kind value.Kind) error {
	n, err := l.s.empty(l.p, kind)
	return l.insert(i, n, err)
}

func (l list) Set(i int, v value.Value) error {
	n, err := stored(v)
	return l.replace(i, n, err)
}

func (l list) SetNew(i int, kind value.Kind) error {
	n, err := l.s.empty(l.p, kind)
	return l.replace(i, n, err)
}

func (l list) Erase(i int) error {
	if err := l.check(i, len(l.load().Elements)); err != nil {
		return err
	}
	out := l.load()
	out.Elements = slices.Delete(slices.Clone(out.Elements), i, i+1)
	l.store(out)
	return nil
}

func (l list) Move(from, to int) error {
	out := l.load()
	if err := l.check(from, len(out.Elements)); err != nil {
		return err
	}
	if err := l.check(to, len(out.Elements)); err != nil {
		return err
	}
	n := out.Elements[from]
	out.Elements = slices.Insert(slices.Delete(slices.Clone(out.Elements), from, from+1), to, n)
	l.store(out)
	return nil
}

// set implements changeset.SetNode.
type set struct{ container }

func (s set) Len() (int, error) { return len(s.load().Elements), nil }

func (s set) find(v value.Value) int {
	return slices.IndexFunc(s.load().Elements, func(n Node) bool { return value.Equal(n.Value, v) })
}

func (s set) Has(v value.Value) (bool, error) { return s.find(v) >= 0, nil }

func (s set) Add(v value.Value) error {
	n, err := stored(v)
	if err != nil || s.find(v) >= 0 {
		return err
	}
	out := s.load()
	out.Elements = append(slices.Clip(out.Elements), n)
	s.store(out)
	return nil
}

func (s set) Remove(v value.Value) error {
	if i := s.find(v); i >= 0 {
		out := s.load()
		out.Elements = slices.Delete(slices.Clone(out.Elements), i, i+1)
		s.store(out)
	}
	return nil
}

// dictionary implements changeset.DictionaryNode.
type dictionary struct{ container }

func (d dictionary) Len() (int, error) { return len(d.load().Entries), nil }

func (d dictionary) Get(key string) (value.Value, bool, error) {
	n, ok := d.load().Entries[key]
	return n.Value, ok, nil
}

func (d dictionary) Child(key string) (changeset.Node, error) {
	return d.s.open(d.p, func() Node { return d.load().Entries[key] }, func(n Node) { _ = d.replace(key, n, nil) }), nil
}

func (d dictionary) replace(key string, n Node, err error) error {
	if err == nil {
		d.store(d.load().with(key, n))
	}
	return err
}

// with returns the node with one entry or property replaced.
func (n Node) with(key string, inner Node) Node {
	n.Entries = maps.Clone(n.Entries)
	if n.Entries == nil {
		n.Entries = map[string]Node{}
	}
	n.Entries[key] = inner
	return n
}

func (d dictionary) Put(key string, v value.Value) error {
	n, err := stored(v)
	return d.replace(key, n, err)
}

func (d dictionary) PutNew(key string, kind value.Kind) error {
	n, err := d.s.empty(d.p, kind)
	return d.replace(key, n, err)
}

func (d dictionary) Remove(key string) error {
	out := d.load()
	if _, ok := out.Entries[key]; ok {
		out.Entries = maps.Clone(out.Entries)
		delete(out.Entries, key)
		d.store(out)
	}
	return nil
}

// embedded implements changeset.ObjectNode.
type embedded struct{ container }

func (e embedded) Class() string { return e.p.LinkTarget }

func (e embedded) property(name string) (*schema.Property, error) {
	if class := e.s.schema.Class(e.p.LinkTarget); class != nil && class.Property(name) != nil {
		return class.Property(name), nil
	}
	return nil, fmt.Errorf("memstate: no property %s in objects of class %s", name, e.p.LinkTarget)
}

func (e embedded) Get(property string) (value.Value, error) {
	p, err := e.property(property)
	if err != nil {
		return value.Null(), err
	}
	return nodeOf(e.load().Entries, p).Value, nil
}

func (e embedded) Set(property string, v value.Value) error {
	p, err := e.property(property)
	if err != nil {
		return err
	}
	n, err := stored(v)
	if err != nil || p.Collection != schema.Single {
		return fmt.Errorf("memstate: Set: %s.%s can't be set to %v", e.p.LinkTarget, property, v)
	}
	e.store(e.load().with(property, n))
	return nil
}

func (e embedded) Open(property string) (changeset.Node, error) {
	p, err := e.property(property)
	if err != nil {
		return nil, err
	}
	return e.s.open(p, func() Node { return nodeOf(e.load().Entries, p) }, func(n Node) { e.store(e.load().with(property, n)) }), nil
}

func (e embedded) SetNew(property string, kind value.Kind) error {
	p, err := e.property(property)
	if err != nil {
		return err
	}
	n, err := e.s.empty(p, kind)
	if err == nil {
		e.store(e.load().with(property, n))
	}
	return err
}
