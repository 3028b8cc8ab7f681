package main

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// keyed is a set or dictionary that can be listed.
type keyed interface{ Keys() ([]string, error) }

// listed is a set that can be listed.
type listed interface{ Values() ([]value.Value, error) }

// copyNode puts what is in one container into another, an empty one of the same kind.
func copyNode(to, from changeset.Node, classes *schema.Schema) error {
	switch from := from.(type) {
	case changeset.ListNode:
		return copyList(to.(changeset.ListNode), from, classes)
	case changeset.SetNode:
		all, ok := from.(listed)
		if !ok {
			return fmt.Errorf("sim: %T can't be listed", from)
		}
		values, err := all.Values()
		for _, v := range values {
			if err == nil {
				err = to.(changeset.SetNode).Add(v)
			}
		}
		return err
	case changeset.DictionaryNode:
		return copyDictionary(to.(changeset.DictionaryNode), from, classes)
	case changeset.ObjectNode:
		return copyEmbedded(to.(changeset.ObjectNode), from, classes)
	default:
		return fmt.Errorf("sim: a container %T", from)
	}
}

func copyList(to, from changeset.ListNode, classes *schema.Schema) error {
	n, err := from.Len()
	if err != nil {
		return err
	}
	for i := range n {
		v, err := from.At(i)
		if err != nil {
			return err
		}
		if v.Kind().IsValue() {
			if err := to.Insert(i, v); err != nil {
				return err
			}
			continue
		}
		if err := to.InsertNew(i, v.Kind()); err != nil {
			return err
		}
		source, err := from.Child(i)
		if err != nil {
			return err
		}
		target, err := to.Child(i)
		if err != nil {
			return err
		}
		if err := copyNode(target, source, classes); err != nil {
			return err
		}
	}
	return nil
}

func copyDictionary(to, from changeset.DictionaryNode, classes *schema.Schema) error {
	all, ok := from.(keyed)
	if !ok {
		return fmt.Errorf("sim: %T can't be listed", from)
	}
	keys, err := all.Keys()
	if err != nil {
		return err
	}
	for _, key := range keys {
		v, _, err := from.Get(key)
		if err != nil {
			return err
		}
		if v.Kind().IsValue() {
			if err := to.Put(key, v); err != nil {
				return err
			}
			continue
		}
		if err := to.PutNew(key, v.Kind()); err != nil {
			return err
		}
		source, err := from.Child(key)
		if err != nil {
			return err
		}
		target, err := to.Child(key)
		if err != nil {
			return err
		}
		if err := copyNode(target, source, classes); err != nil {
			return err
		}
	}
	return nil
}

func copyEmbedded(to, from changeset.ObjectNode, classes *schema.Schema) error {
	class := classes.Class(from.Class())
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Collection == schema.Single {
			v, err := from.Get(p.Name)
			if err != nil {
				return err
			}
			if v.Kind().IsValue() {
				if err := to.Set(p.Name, v); err != nil {
					return err
				}
				continue
			}
			if err := to.SetNew(p.Name, v.Kind()); err != nil {
				return err
			}
		}
		source, err := from.Open(p.Name)
		if err != nil {
			return err
		}
		target, err := to.Open(p.Name)
		if err != nil {
			return err
		}
		if err := copyNode(target, source, classes); err != nil {
			return err
		}
	}
	return nil
}
