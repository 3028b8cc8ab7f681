package statetest

import (
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// unlink makes the instructions that remove all links to an object before it is erased (spec/changeset.md section 6.10).
func unlink(st *memstate.State, class string, key value.Key) (out []changeset.Instruction) {
	u := unlinker{schema: st.Schema(), class: class, key: key}
	for _, c := range u.schema.Classes() {
		for _, owner := range st.Keys(c.Name) {
			if c.Name == class && owner == key {
				continue // its own links go with it
			}
			for i := range c.Properties {
				p := &c.Properties[i]
				if n, err := st.Node(c.Name, owner, p.Name); err == nil && p.Name != c.PrimaryKey {
					u.node(changeset.Instruction{Table: c.Name, Key: owner, Field: p.Name}, p, n)
				}
			}
		}
	}
	return u.out
}

type unlinker struct {
	schema *schema.Schema
	class  string
	key    value.Key
	out    []changeset.Instruction
}

func (u *unlinker) links(n memstate.Node) bool {
	return n.Value.Kind() == value.KindLink && n.Value.Link() == (value.Link{Class: u.class, Key: u.key})
}

// node goes through what is at the place that in leads to. Lists are gone through from their ends, so that positions stay right.
func (u *unlinker) node(in changeset.Instruction, p *schema.Property, n memstate.Node) {
	switch n.Value.Kind() {
	case value.KindLink:
		if u.links(n) {
			in.Op = changeset.Update
			u.out = append(u.out, in)
		}
	case value.KindList:
		size := len(n.Elements)
		for i, element := range slices.Backward(n.Elements) {
			if !u.links(element) {
				u.node(at(in, i), p, element)
				continue
			}
			erase := at(in, i)
			erase.Op, erase.PriorSize = changeset.ArrayErase, uint32(size)
			size--
			u.out = append(u.out, erase)
		}
	case value.KindSet:
		for _, element := range n.Elements {
			if u.links(element) {
				in.Op, in.Value = changeset.SetErase, element.Value
				u.out = append(u.out, in)
			}
		}
	case value.KindDictionary:
		for _, key := range slices.Sorted(maps.Keys(n.Entries)) {
			u.node(below(in, changeset.Step{Key: key}), p, n.Entries[key])
		}
	case value.KindObject:
		class := u.schema.Class(p.LinkTarget)
		for i := range class.Properties {
			q := &class.Properties[i]
			if inner, ok := n.Entries[q.Name]; ok {
				u.node(below(in, changeset.Step{Key: q.Name}), q, inner)
			}
		}
	}
}
