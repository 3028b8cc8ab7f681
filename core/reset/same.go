package reset

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
)

// sameNode tells whether two containers hold the same. The schema is that of from, where both come from.
func (t *transfer) sameNode(a, b changeset.Node) (bool, error) {
	if a == nil || b == nil || a.Kind() != b.Kind() {
		return a == nil && b == nil, nil
	}
	switch a := a.(type) {
	case changeset.ObjectNode:
		return t.sameObject(a, b.(changeset.ObjectNode)) //nolint:forcetypeassert // it is of a's kind
	case changeset.ListNode:
		return t.sameList(a, b.(changeset.ListNode)) //nolint:forcetypeassert // it is of a's kind
	case changeset.SetNode:
		return t.sameSet(a, b.(changeset.SetNode)) //nolint:forcetypeassert // it is of a's kind
	case changeset.DictionaryNode:
		return t.sameDictionary(a, b.(changeset.DictionaryNode)) //nolint:forcetypeassert // it is of a's kind
	default:
		return false, differentKinds(a, b)
	}
}

func (t *transfer) sameObject(a, b changeset.ObjectNode) (bool, error) {
	class := t.from.Schema().Class(a.Class())
	if class == nil || a.Class() != b.Class() {
		return false, nil
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Collection == schema.Single {
			v, err := a.Get(p.Name)
			if err != nil {
				return false, err
			}
			w, err := b.Get(p.Name)
			switch {
			case err != nil || v.Kind() != w.Kind():
				return false, err
			case v.Kind().IsValue() && !v.Identical(w):
				return false, nil
			case v.Kind().IsValue():
				continue
			}
		}
		x, err := a.Open(p.Name)
		if err != nil {
			return false, err
		}
		y, err := b.Open(p.Name)
		if err != nil {
			return false, err
		}
		if same, err := t.sameNode(x, y); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (t *transfer) sameList(a, b changeset.ListNode) (bool, error) {
	x, err := elements(a)
	if err != nil {
		return false, err
	}
	y, err := elements(b)
	if err != nil || len(x) != len(y) {
		return false, err
	}
	for i := range x {
		if same, err := t.sameElement(a, b, x, y, i, i); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (t *transfer) sameSet(a, b changeset.SetNode) (bool, error) {
	x, err := elements(a)
	if err != nil {
		return false, err
	}
	if n, err := b.Len(); err != nil || n != len(x) {
		return false, err
	}
	for _, e := range x {
		if has, err := b.Has(e.Value); err != nil || !has {
			return false, err
		}
	}
	return true, nil
}

func (t *transfer) sameDictionary(a, b changeset.DictionaryNode) (bool, error) {
	x, err := elements(a)
	if err != nil {
		return false, err
	}
	if n, err := b.Len(); err != nil || n != len(x) {
		return false, err
	}
	for _, e := range x {
		w, ok, err := b.Get(e.Key)
		switch {
		case err != nil || !ok || e.Value.Kind() != w.Kind():
			return false, err
		case e.Value.Kind().IsValue() && !e.Value.Identical(w):
			return false, nil
		case e.Value.Kind().IsValue():
			continue
		}
		v, err := a.Child(e.Key)
		if err != nil {
			return false, err
		}
		u, err := b.Child(e.Key)
		if err != nil {
			return false, err
		}
		if same, err := t.sameNode(v, u); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}
