package reset

import (
	"fmt"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// copyList makes a list of the fresh copy what it is in the local realm, by instructions. If one of both has no such list any more, nothing is done.
func (r *Recovery) copyList(id objectID, steps []string) error {
	local, p, err := listAt(r.local, id, steps)
	if err != nil || local == nil {
		return err
	}
	fresh, q, err := listAt(r.fresh, id, steps)
	if err != nil || fresh == nil {
		return err
	}
	if p.Type != q.Type || p.LinkTarget != q.LinkTarget {
		return nil // Fits will say so
	}
	in := changeset.Instruction{Op: changeset.Clear, Table: id.class, Key: id.key, Field: steps[0], Collection: schema.List}
	for _, s := range steps[1:] {
		in.Path = append(in.Path, changeset.Step{Key: s})
	}
	if err := r.apply(&in); err != nil {
		return err
	}
	return r.fill(in, local)
}

// listAt finds a list; nil if there is none, or something else.
func listAt(realm changeset.Nested, id objectID, steps []string) (changeset.ListNode, *schema.Property, error) {
	class := realm.Schema().Class(id.class)
	if class == nil {
		return nil, nil, nil
	}
	if exists, err := realm.Exists(id.class, id.key); err != nil || !exists {
		return nil, nil, err
	}
	var node changeset.Node = topObject{realm, id.class, id.key}
	var p *schema.Property
	var err error
	for _, step := range steps {
		switch n := node.(type) {
		case changeset.ObjectNode:
			if class = realm.Schema().Class(n.Class()); class == nil {
				return nil, nil, nil
			}
			if p = class.Property(step); p == nil {
				return nil, nil, nil
			}
			node, err = n.Open(step)
		case changeset.DictionaryNode:
			node, err = n.Child(step)
		default:
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	list, _ := node.(changeset.ListNode)
	return list, p, nil
}

// fill records what fills an empty container of the fresh copy, to which the path of at leads, with the contents of a local one. Links to objects that
// the fresh copy lacks become null, or are left out where null can't be.
func (r *Recovery) fill(at changeset.Instruction, from changeset.Node) error {
	if o, ok := from.(changeset.ObjectNode); ok {
		return r.fillObject(at, o)
	}
	all, err := elements(from)
	if err != nil {
		return err
	}
	size := uint32(0)
	for i, e := range all {
		in := below(at)
		in.Value = e.Value
		lost, err := r.linkLost(e.Value)
		if err != nil {
			return err
		}
		var child changeset.Node
		switch n := from.(type) {
		case changeset.SetNode:
			in.Op, in.Path = changeset.SetInsert, at.Path
		case changeset.DictionaryNode:
			in.Op = changeset.Update
			in.Path = append(in.Path, changeset.Step{Key: e.Key})
			if lost {
				in.Value, lost = value.Null(), false
			}
			if !e.Value.Kind().IsValue() {
				child, err = n.Child(e.Key)
			}
		case changeset.ListNode:
			in.Op, in.PriorSize = changeset.ArrayInsert, size
			in.Path = append(in.Path, changeset.Step{Pos: size, IsPos: true})
			if !e.Value.Kind().IsValue() {
				child, err = n.Child(i)
			}
		}
		if err != nil {
			return err
		}
		if lost {
			continue
		}
		size++
		if err := r.put(in, child); err != nil {
			return err
		}
	}
	return nil
}

// put records an instruction that puts a value into the fresh copy, and what fills it, if it is a container.
func (r *Recovery) put(in changeset.Instruction, child changeset.Node) error {
	if err := r.apply(&in); err != nil || child == nil {
		return err
	}
	return r.fill(in, child)
}

// fillObject does so with an embedded object.
func (r *Recovery) fillObject(at changeset.Instruction, from changeset.ObjectNode) error {
	class := r.local.Schema().Class(from.Class())
	if class == nil {
		return fmt.Errorf("reset: an embedded object of the unknown class '%s'", from.Class())
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		in := below(at)
		in.Path = append(in.Path, changeset.Step{Key: p.Name})
		if p.Collection != schema.Single {
			child, err := from.Open(p.Name)
			if err != nil {
				return err
			}
			if err := r.fill(in, child); err != nil {
				return err
			}
			continue
		}
		v, err := from.Get(p.Name)
		if err != nil {
			return err
		}
		if lost, err := r.linkLost(v); err != nil {
			return err
		} else if lost {
			v = value.Null()
		}
		if v.IsNull() {
			continue // that is what a new one has
		}
		var child changeset.Node
		if !v.Kind().IsValue() {
			if child, err = from.Open(p.Name); err != nil {
				return err
			}
		}
		in.Op, in.Value = changeset.Update, v
		if err := r.put(in, child); err != nil {
			return err
		}
	}
	return nil
}

// below is an instruction about what is below the path of another one.
func below(at changeset.Instruction) changeset.Instruction {
	return changeset.Instruction{Table: at.Table, Key: at.Key, Field: at.Field, Path: slices.Clip(at.Path)}
}
