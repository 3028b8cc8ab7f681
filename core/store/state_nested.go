package store

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// What is inside of objects isn't put off: the object is written before, and every change of a container at once.

var _ changeset.Nested = (*State)(nil)

// inside prepares for what is inside of an object: it is written, and its row id known.
func (s *State) inside(class string, key value.Key, property string) (int, error) {
	if err := s.look(class, key); err != nil {
		return 0, err
	}
	if !s.exists {
		return 0, s.conn.errorf(ErrNoObject, "no object of class '%s' has primary key %v", class, key)
	}
	i := s.cl.Property(property)
	if i < 0 {
		return 0, s.conn.errorf(ErrSchema, "class '%s' has no property '%s'", class, property)
	}
	return i, s.conn.flush()
}

// keeping runs a change inside of the object named last, which remains that. Its values are read anew.
func (s *State) keeping(change func() error) error {
	known := s.known
	err := change()
	s.known, s.loaded = known && err == nil, false
	return err
}

// Open implements changeset.Nested.
func (s *State) Open(class string, key value.Key, property string) (changeset.Node, error) {
	i, err := s.inside(class, key, property)
	if err != nil {
		return nil, err
	}
	return s.open(s.cl, s.rowid, i)
}

// SetNew implements changeset.Nested.
func (s *State) SetNew(class string, key value.Key, property string, kind value.Kind) error {
	i, err := s.inside(class, key, property)
	if err != nil {
		return err
	}
	return s.keeping(func() error {
		_, err := s.conn.SetNew(s.cl, s.rowid, i, kind)
		return err
	})
}

// open returns the container in a property of a row, nil if there is none.
func (s *State) open(cl *Class, row int64, i int) (changeset.Node, error) {
	cl, err := s.conn.current(cl)
	if err != nil {
		return nil, err
	}
	if cl.Def.Properties[i].Collection != schema.Single {
		return s.node(Child{Collection: s.conn.collection(cl, row, i)}), nil
	}
	child, err := s.conn.childOf(cl, row, i)
	if err != nil {
		return nil, err
	}
	return s.node(child), nil
}

func (s *State) node(child Child) changeset.Node {
	switch {
	case child.Class != nil:
		return &objectNode{s, child.Class, child.Row}
	case child.Collection == nil:
		return nil
	}
	n := collectionNode{s, child.Collection}
	switch child.Collection.kind {
	case value.KindSet:
		return &setNode{n}
	case value.KindDictionary:
		return &dictionaryNode{n}
	default:
		return &listNode{n}
	}
}

// plain returns the value of a cell; the marker for what is a container.
func (s *State) plain(cell *Cell) (value.Value, error) {
	if cell.Kind() == value.KindLink {
		if target := s.conn.catalog.byID[cell.Size]; target != nil && target.Def.Kind == schema.Embedded {
			return value.Marker(value.KindObject), nil
		}
	}
	return s.conn.ValueOf(cell)
}

// with calls fn with the cell of a value.
func (s *State) with(v value.Value, fn func(*Cell) error) error {
	return s.keeping(func() error {
		s.arena.reset()
		cell := &s.arena.scratch(1)[0]
		if err := s.conn.setValue(cell, v, &s.arena); err != nil {
			return err
		}
		return fn(cell)
	})
}

// withStored is with for a value that is looked for: if it is a link to a key that no link in the file is to, there is nothing to be found.
func (s *State) withStored(v value.Value, fn func(*Cell) error) error {
	if v.Kind() == value.KindLink {
		c, link := s.conn, v.Link()
		target := c.catalog.byName[link.Class]
		if target == nil {
			return nil
		}
		_, live, err := c.find(target, link.Key)
		if err != nil {
			return err
		}
		if !live {
			_, buried, err := c.queryInt("SELECT id FROM store_tombstone WHERE class=? AND key=?", target.ID, keyBytes(link.Key))
			if err != nil || !buried {
				return err
			}
		}
	}
	return s.with(v, fn)
}

type collectionNode struct {
	s *State
	l *Collection
}

// Kind implements changeset.Node.
func (n *collectionNode) Kind() value.Kind { return n.l.kind }

// Len is that of all collections.
func (n *collectionNode) Len() (int, error) { return n.l.Len() }

// Clear is that of all collections.
func (n *collectionNode) Clear() error { return n.s.keeping(n.l.Clear) }

// Elements implements changeset.Listed.
func (n *collectionNode) Elements() ([]changeset.Element, error) {
	size, err := n.l.Len()
	if err != nil {
		return nil, err
	}
	out := make([]changeset.Element, 0, size)
	for len(out) < size {
		if out, err = n.appendElements(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *collectionNode) appendElements(out []changeset.Element) ([]changeset.Element, error) {
	b, err := n.l.Load(len(out), MaxBatch)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	if b.Len() == 0 {
		return nil, n.s.conn.errorf(ErrFormat, "a collection has fewer than its %d elements", cap(out))
	}
	for i := range b.Len() {
		cells := b.Row(i)
		v, err := n.s.plain(&cells[0])
		if err != nil {
			return nil, err
		}
		e := changeset.Element{Value: v}
		if n.l.kind == value.KindDictionary {
			e.Key = string(cells[1].Bytes())
		}
		out = append(out, e)
	}
	return out, nil
}

// listNode implements changeset.ListNode.
type listNode struct{ collectionNode }

func (n *listNode) At(i int) (value.Value, error) {
	b, err := n.l.Load(i, 1)
	if err != nil {
		return value.Value{}, err
	}
	defer b.Release()
	if b.Len() == 0 {
		return value.Value{}, n.s.conn.errorf(ErrRange, "index %d is behind the end of a list", i)
	}
	return n.s.plain(&b.Row(0)[0])
}

func (n *listNode) Child(i int) (changeset.Node, error) {
	child, err := n.l.Child(i)
	if err != nil {
		return nil, err
	}
	return n.s.node(child), nil
}

func (n *listNode) Insert(i int, v value.Value) error {
	return n.s.with(v, func(cell *Cell) error { return n.l.insert(i, cell, 1) })
}

func (n *listNode) InsertNew(i int, kind value.Kind) error {
	return n.s.keeping(func() error {
		_, err := n.l.InsertNew(i, kind)
		return err
	})
}

func (n *listNode) Set(i int, v value.Value) error {
	return n.s.with(v, func(cell *Cell) error { return n.l.set(i, cell) })
}

func (n *listNode) SetNew(i int, kind value.Kind) error {
	return n.s.keeping(func() error {
		_, err := n.l.SetNew(i, kind)
		return err
	})
}

func (n *listNode) Move(from, to int) error {
	return n.s.keeping(func() error { return n.l.Move(from, to) })
}
func (n *listNode) Erase(i int) error {
	return n.s.keeping(func() error { return n.l.Erase(i) })
}

// setNode implements changeset.SetNode.
type setNode struct{ collectionNode }

func (n *setNode) Has(v value.Value) (has bool, err error) {
	err = n.s.withStored(v, func(cell *Cell) error {
		has, err = n.l.Has(cell)
		return err
	})
	return has, err
}

func (n *setNode) Add(v value.Value) error {
	return n.s.with(v, func(cell *Cell) error {
		_, _, err := n.l.add(cell)
		return err
	})
}

func (n *setNode) Remove(v value.Value) error {
	return n.s.withStored(v, func(cell *Cell) error {
		_, err := n.l.Remove(cell)
		return err
	})
}

// dictionaryNode implements changeset.DictionaryNode.
type dictionaryNode struct{ collectionNode }

func (n *dictionaryNode) Get(key string) (v value.Value, ok bool, err error) {
	b, ok, err := n.l.GetKey(key)
	if err != nil || !ok {
		return value.Value{}, false, err
	}
	defer b.Release()
	v, err = n.s.plain(&b.Row(0)[0])
	return v, err == nil, err
}

func (n *dictionaryNode) Child(key string) (changeset.Node, error) {
	child, err := n.l.ChildKey(key)
	if err != nil {
		return nil, err
	}
	return n.s.node(child), nil
}

func (n *dictionaryNode) Put(key string, v value.Value) error {
	return n.s.with(v, func(cell *Cell) error { return n.l.put(key, cell) })
}

func (n *dictionaryNode) PutNew(key string, kind value.Kind) error {
	return n.s.keeping(func() error {
		_, err := n.l.PutNew(key, kind)
		return err
	})
}

func (n *dictionaryNode) Remove(key string) error {
	return n.s.keeping(func() error {
		_, err := n.l.RemoveKey(key)
		return err
	})
}

// objectNode implements changeset.ObjectNode.
type objectNode struct {
	s   *State
	cl  *Class
	row int64
}

// Kind implements changeset.Node.
func (n *objectNode) Kind() value.Kind { return value.KindObject }

func (n *objectNode) Class() string { return n.cl.Def.Name }

func (n *objectNode) property(name string) (int, error) {
	i := n.cl.Property(name)
	if i < 0 {
		return 0, n.s.conn.errorf(ErrSchema, "class '%s' has no property '%s'", n.cl.Def.Name, name)
	}
	return i, nil
}

func (n *objectNode) Get(property string) (value.Value, error) {
	i, err := n.property(property)
	if err != nil {
		return value.Value{}, err
	}
	b, err := n.s.conn.LoadRows(n.cl, []int64{n.row})
	if err != nil {
		return value.Value{}, err
	}
	defer b.Release()
	if !b.Present(0) {
		return value.Value{}, n.s.conn.noObject(n.cl, n.row)
	}
	return n.s.plain(&b.Row(0)[i])
}

func (n *objectNode) Set(property string, v value.Value) error {
	i, err := n.property(property)
	if err != nil {
		return err
	}
	return n.s.keeping(func() error { return n.s.conn.SetValue(n.cl, n.row, i, v) })
}

func (n *objectNode) Open(property string) (changeset.Node, error) {
	i, err := n.property(property)
	if err != nil {
		return nil, err
	}
	return n.s.open(n.cl, n.row, i)
}

func (n *objectNode) SetNew(property string, kind value.Kind) error {
	i, err := n.property(property)
	if err != nil {
		return err
	}
	return n.s.keeping(func() error {
		_, err := n.s.conn.SetNew(n.cl, n.row, i, kind)
		return err
	})
}
