package data

import (
	"slices"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
)

// node is a value of a property with all that is inside: what a document is taken apart to before it is compared with the object that it is about.
type node struct {
	kind     value.Kind // KindObject, KindList, KindSet, KindDictionary; anything else is a value
	value    value.Value
	class    *schema.Class // of an embedded object
	elements []*node       // of a list or set; of a dictionary, by key; of an object, by property of its class
	keys     []string      // of a dictionary, ascending
}

func scalar(v value.Value) *node { return &node{kind: v.Kind(), value: v} }

func (n *node) container() bool { return n.kind.IsMarker() }

// same tells whether two values are the same to a program. It sees milliseconds of a time.
func same(v, w value.Value) bool {
	if v.Kind() == value.KindTimestamp && w.Kind() == value.KindTimestamp {
		return v.Timestamp().UnixMilli() == w.Timestamp().UnixMilli()
	}
	return v.Identical(w)
}

// equal compares with all that is inside.
func (n *node) equal(o *node) bool {
	if n.kind != o.kind || len(n.elements) != len(o.elements) || !slices.Equal(n.keys, o.keys) {
		return false
	}
	if !n.container() {
		return same(n.value, o.value)
	}
	for i := range n.elements {
		if !n.elements[i].equal(o.elements[i]) {
			return false
		}
	}
	return true
}

// defaultNode is what a property has in a new object.
func defaultNode(p *schema.Property) *node {
	switch p.Collection {
	case schema.List:
		return &node{kind: value.KindList}
	case schema.Set:
		return &node{kind: value.KindSet}
	case schema.Dictionary:
		return &node{kind: value.KindDictionary}
	default:
		return scalar(history.Default(p))
	}
}

// rowNode reads a property of an object.
func rowNode(catalog *history.Catalog, class *history.Class, row *history.Row, i int) (*node, error) {
	p := &class.Properties[i]
	if o := row.Embedded(class, i); o != nil {
		return objectNode(catalog, p.LinkTarget, o)
	}
	if in, ok := row.Collection(class, i); ok {
		return insideNode(catalog, p.LinkTarget, in)
	}
	if p.Collection != schema.Single {
		return defaultNode(p), nil
	}
	return scalar(row.At(class, i)), nil
}

func objectNode(catalog *history.Catalog, name string, row *history.Row) (*node, error) {
	class := catalog.Class(name)
	if class == nil {
		class = row.Class
	}
	n := &node{kind: value.KindObject, class: &class.Class, elements: make([]*node, len(class.Properties))}
	for i := range class.Properties {
		var err error
		if n.elements[i], err = rowNode(catalog, class, row, i); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func insideNode(catalog *history.Catalog, target string, in history.Inside) (*node, error) {
	n := &node{kind: in.Kind(), elements: make([]*node, in.Len())}
	for i := range n.elements {
		if n.kind == value.KindDictionary {
			key, err := in.Key(i)
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, key)
		}
		v, inner, err := in.At(i)
		if err != nil {
			return nil, err
		}
		switch v.Kind() {
		case value.KindObject:
			var row *history.Row
			if row, err = in.Embedded(i); err == nil {
				n.elements[i], err = objectNode(catalog, target, row)
			}
		case value.KindList, value.KindDictionary:
			n.elements[i], err = insideNode(catalog, "", inner)
		default:
			n.elements[i] = scalar(v)
		}
		if err != nil {
			return nil, err
		}
	}
	return n, nil
}

// sortDictionary orders the entries by key.
func (n *node) sortDictionary() {
	type entry struct {
		key  string
		node *node
	}
	entries := make([]entry, len(n.keys))
	for i := range n.keys {
		entries[i] = entry{n.keys[i], n.elements[i]}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for i, e := range entries {
		n.keys[i], n.elements[i] = e.key, e.node
	}
}
