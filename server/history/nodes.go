package history

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// The workspace implements changeset.Nested: nodes are containers of a row and their places. The first change through a node makes
// copies of everything from the row down to it, unless the changeset at work has made them already; what is beside stays shared with
// the row as it was before.

var _ changeset.Nested = (*workspace)(nil)

// Open implements changeset.Nested.
func (w *workspace) Open(class string, key value.Key, property string) (changeset.Node, error) {
	s, i, err := w.property(class, key, property)
	if err != nil {
		return nil, err
	}
	c := w.catalog.Class(class)
	p := &c.Properties[i]
	return w.node(p, s.row.container(c, i), node{w: w, slot: s, index: i, target: p.LinkTarget}), nil
}

// SetNew implements changeset.Nested.
func (w *workspace) SetNew(class string, key value.Key, property string, kind value.Kind) error {
	s, i, err := w.property(class, key, property)
	if err != nil {
		return err
	}
	e, err := w.made(kind, w.catalog.Class(class).Properties[i].LinkTarget)
	if err == nil {
		w.writable(s).set(i, e)
	}
	return err
}

// made returns a new container; target is the class of embedded objects.
func (w *workspace) made(kind value.Kind, target string) (element, error) {
	c := newContainer(kind, w.stamp)
	if kind == value.KindObject {
		class := w.catalog.Class(target)
		if class == nil {
			return element{}, fmt.Errorf("history: there is no class %q", target)
		}
		c.object = newRow(class, value.NullKey())
	}
	return element{value.Marker(kind), c}, nil
}

// node returns the node of a property, nil if there is no container.
func (w *workspace) node(p *schema.Property, c *container, at node) changeset.Node {
	if c == nil {
		switch p.Collection {
		case schema.List:
			c = newContainer(value.KindList, 0)
		case schema.Set:
			c = newContainer(value.KindSet, 0)
		case schema.Dictionary:
			c = newContainer(value.KindDictionary, 0)
		default:
			return nil
		}
	}
	at.c = c
	return at.typed()
}

// node is what all nodes have in common.
type node struct {
	w      *workspace
	c      *container // as it is now
	target string     // the class of embedded objects in it

	parent *node // nil: it is in a property of slot's row
	slot   *slot
	index  int    // property of the row or of the parent, or position in the parent
	key    string // in the parent, if that is a dictionary

	at   int // a piece that was read last, and its content
	seen *leaf
}

// typed returns the node as its kind.
func (n node) typed() changeset.Node {
	switch n.c.kind {
	case value.KindList:
		return &listNode{n}
	case value.KindSet:
		return &setNode{n}
	case value.KindDictionary:
		return &dictionaryNode{n}
	default:
		return &objectNode{n}
	}
}

// child returns the node of a container in this one, nil if there is none.
func (n *node) child(e element, index int, key string) changeset.Node {
	if e.inner == nil {
		return nil
	}
	return node{w: n.w, c: e.inner, parent: n, index: index, key: key, target: n.target}.typed()
}

// Kind implements changeset.Node.
func (n *node) Kind() value.Kind { return n.c.kind }

// edit makes the container one that may be changed.
func (n *node) edit() (*container, error) {
	n.seen = nil
	if n.c.stamp != n.w.stamp {
		c := n.c.copy(n.w.stamp)
		if err := n.put(element{value.Marker(c.kind), c}); err != nil {
			return nil, err
		}
		n.c = c
	}
	if r := n.c.object; r != nil {
		// The class is another one when a property was added since.
		if class := n.w.catalog.ClassByID(r.Class.ID); class != r.Class && class != nil {
			n.c.object = r.clone(class)
		}
	}
	return n.c, nil
}

// put stores the container in its place.
func (n *node) put(e element) error {
	if n.parent == nil {
		n.w.writable(n.slot).set(n.index, e)
		return nil
	}
	up, err := n.parent.edit()
	if err != nil {
		return err
	}
	switch up.kind {
	case value.KindObject:
		up.object.set(n.index, e)
		return nil
	case value.KindList:
		k, j := up.locate(n.index)
		return up.replace(k, j, e)
	default:
		k, j, found, err := up.findKey(n.key)
		if err != nil || !found {
			return joined(err, "history: there is no entry %q", n.key)
		}
		return up.replace(k, j, e)
	}
}

// joined returns err, or an error with the text if that is nil.
func joined(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}

// elements returns the content of a piece for reading. It is kept: reading takes one from the store's bytes each time.
func (n *node) elements(k int) (*leaf, error) {
	if n.seen == nil || n.at != k {
		l, err := n.c.leaf(k)
		if err != nil {
			return nil, err
		}
		n.at, n.seen = k, l
	}
	return n.seen, nil
}

// Len implements changeset.ListNode, SetNode and DictionaryNode.
func (n *node) Len() (int, error) { return n.c.count, nil }

// Clear implements changeset.ListNode, SetNode and DictionaryNode.
func (n *node) Clear() error {
	c, err := n.edit()
	if err == nil {
		c.clear()
	}
	return err
}

// listNode implements changeset.ListNode.
type listNode struct{ node }

var _ changeset.ListNode = (*listNode)(nil)

func (n *listNode) get(i int) (element, error) {
	if i < 0 || i >= n.c.count {
		return element{}, n.outside(i)
	}
	k, j := n.c.locate(i)
	l, err := n.elements(k)
	if err != nil {
		return element{}, err
	}
	return l.elements[j], nil
}

func (n *listNode) outside(i int) error {
	return fmt.Errorf("history: position %d of a list of %d elements", i, n.c.count)
}

// At implements changeset.ListNode.
func (n *listNode) At(i int) (value.Value, error) {
	e, err := n.get(i)
	return e.value, err
}

// Child implements changeset.ListNode.
func (n *listNode) Child(i int) (changeset.Node, error) {
	e, err := n.get(i)
	return n.child(e, i, ""), err
}

func (n *listNode) insert(i int, e element) error {
	if i < 0 || i > n.c.count {
		return n.outside(i)
	}
	c, err := n.edit()
	if err != nil {
		return err
	}
	k, j := c.locate(i)
	return c.insert(k, j, "", e)
}

// Insert implements changeset.ListNode.
func (n *listNode) Insert(i int, v value.Value) error { return n.insert(i, element{value: v}) }

// InsertNew implements changeset.ListNode.
func (n *listNode) InsertNew(i int, kind value.Kind) error {
	e, err := n.w.made(kind, n.target)
	if err != nil {
		return err
	}
	return n.insert(i, e)
}

func (n *listNode) set(i int, e element) error {
	if i < 0 || i >= n.c.count {
		return n.outside(i)
	}
	c, err := n.edit()
	if err != nil {
		return err
	}
	k, j := c.locate(i)
	return c.replace(k, j, e)
}

// Set implements changeset.ListNode.
func (n *listNode) Set(i int, v value.Value) error { return n.set(i, element{value: v}) }

// SetNew implements changeset.ListNode.
func (n *listNode) SetNew(i int, kind value.Kind) error {
	e, err := n.w.made(kind, n.target)
	if err != nil {
		return err
	}
	return n.set(i, e)
}

func (n *listNode) remove(i int) (element, error) {
	if i < 0 || i >= n.c.count {
		return element{}, n.outside(i)
	}
	c, err := n.edit()
	if err != nil {
		return element{}, err
	}
	k, j := c.locate(i)
	return c.remove(k, j)
}

// Move implements changeset.ListNode.
func (n *listNode) Move(from, to int) error {
	if to < 0 || to >= n.c.count {
		return n.outside(to)
	}
	e, err := n.remove(from)
	if err != nil {
		return err
	}
	return n.insert(to, e)
}

// Erase implements changeset.ListNode.
func (n *listNode) Erase(i int) error {
	_, err := n.remove(i)
	return err
}

// setNode implements changeset.SetNode.
type setNode struct{ node }

var (
	_ changeset.SetNode = (*setNode)(nil)
	_ changeset.Listed  = (*setNode)(nil)
)

// Has implements changeset.SetNode.
func (n *setNode) Has(v value.Value) (bool, error) {
	_, _, found, err := n.c.find(v)
	return found, err
}

// Add implements changeset.SetNode.
func (n *setNode) Add(v value.Value) error {
	k, j, found, err := n.c.find(v)
	if err != nil || found {
		return err
	}
	c, err := n.edit()
	if err != nil {
		return err
	}
	return c.insert(k, j, "", element{value: v})
}

// Remove implements changeset.SetNode.
func (n *setNode) Remove(v value.Value) error {
	k, j, found, err := n.c.find(v)
	if err != nil || !found {
		return err
	}
	c, err := n.edit()
	if err != nil {
		return err
	}
	_, err = c.remove(k, j)
	return err
}

// Elements implements changeset.Listed.
func (n *setNode) Elements() ([]changeset.Element, error) {
	out := make([]changeset.Element, 0, n.c.count)
	for i := range n.c.count {
		k, j := n.c.locate(i)
		l, err := n.elements(k)
		if err != nil {
			return nil, err
		}
		out = append(out, changeset.Element{Value: l.elements[j].value})
	}
	return out, nil
}

// dictionaryNode implements changeset.DictionaryNode.
type dictionaryNode struct{ node }

var _ changeset.DictionaryNode = (*dictionaryNode)(nil)

func (n *dictionaryNode) get(key string) (e element, found bool, err error) {
	k, j, found, err := n.c.findKey(key)
	if err != nil || !found {
		return element{}, false, err
	}
	l, err := n.elements(k)
	if err != nil {
		return element{}, false, err
	}
	return l.elements[j], true, nil
}

// Get implements changeset.DictionaryNode.
func (n *dictionaryNode) Get(key string) (value.Value, bool, error) {
	e, found, err := n.get(key)
	return e.value, found, err
}

// Child implements changeset.DictionaryNode.
func (n *dictionaryNode) Child(key string) (changeset.Node, error) {
	e, _, err := n.get(key)
	return n.child(e, 0, key), err
}

func (n *dictionaryNode) set(key string, e element) error {
	k, j, found, err := n.c.findKey(key)
	if err != nil {
		return err
	}
	c, err := n.edit()
	switch {
	case err != nil:
		return err
	case found:
		return c.replace(k, j, e)
	default:
		return c.insert(k, j, key, e)
	}
}

// Put implements changeset.DictionaryNode.
func (n *dictionaryNode) Put(key string, v value.Value) error { return n.set(key, element{value: v}) }

// PutNew implements changeset.DictionaryNode.
func (n *dictionaryNode) PutNew(key string, kind value.Kind) error {
	e, err := n.w.made(kind, n.target)
	if err != nil {
		return err
	}
	return n.set(key, e)
}

// Remove implements changeset.DictionaryNode.
func (n *dictionaryNode) Remove(key string) error {
	k, j, found, err := n.c.findKey(key)
	if err != nil || !found {
		return err
	}
	c, err := n.edit()
	if err != nil {
		return err
	}
	_, err = c.remove(k, j)
	return err
}

// objectNode implements changeset.ObjectNode.
type objectNode struct{ node }

var _ changeset.ObjectNode = (*objectNode)(nil)

// Class implements changeset.ObjectNode.
func (n *objectNode) Class() string { return n.c.object.Class.Name }

// property finds a property in the class as it is now.
func (n *objectNode) property(name string) (*Class, int, error) {
	class := n.w.catalog.ClassByID(n.c.object.Class.ID)
	if class != nil {
		if i := class.property(name); i >= 0 {
			return class, i, nil
		}
	}
	return nil, 0, fmt.Errorf("history: class %q has no property %q", n.Class(), name)
}

// Get implements changeset.ObjectNode.
func (n *objectNode) Get(property string) (value.Value, error) {
	class, i, err := n.property(property)
	if err != nil {
		return value.Value{}, err
	}
	return n.c.object.At(class, i), nil
}

func (n *objectNode) set(property string, content func(target string) (element, error)) error {
	class, i, err := n.property(property)
	if err != nil {
		return err
	}
	e, err := content(class.Properties[i].LinkTarget)
	if err != nil {
		return err
	}
	c, err := n.edit()
	if err == nil {
		c.object.set(i, e)
	}
	return err
}

// Set implements changeset.ObjectNode.
func (n *objectNode) Set(property string, v value.Value) error {
	return n.set(property, func(string) (element, error) { return element{value: v}, nil })
}

// Open implements changeset.ObjectNode.
func (n *objectNode) Open(property string) (changeset.Node, error) {
	class, i, err := n.property(property)
	if err != nil {
		return nil, err
	}
	p := &class.Properties[i]
	return n.w.node(p, n.c.object.container(class, i), node{w: n.w, parent: &n.node, index: i, target: p.LinkTarget}), nil
}

// SetNew implements changeset.ObjectNode.
func (n *objectNode) SetNew(property string, kind value.Kind) error {
	return n.set(property, func(target string) (element, error) { return n.w.made(kind, target) })
}
