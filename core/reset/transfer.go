package reset

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Counts says how much Transfer has changed.
type Counts struct{ Erased, Created, Updated int }

// Transfer makes the realm to hold what from holds (sync-semantics 7.4): objects that from lacks are erased, those that to lacks are created,
// and of the others only what differs is changed, so that accessors stay valid and observers hear of real differences. Asymmetric classes have no
// objects. Errors: *FailedError when the schemas don't fit, before anything has changed; those of the realms.
func Transfer(from, to Realm) (Counts, error) {
	t := transfer{from: from, to: to}
	if err := Fits(from.Schema(), to.Schema(), Additions{}); err != nil {
		return t.counts, err
	}
	if err := extend(from, to); err != nil {
		return t.counts, err
	}
	// All erasures and creations come before values: otherwise links would dangle for a while.
	for _, step := range []func(class *schema.Class) error{t.erase, t.create, t.update} {
		for _, class := range from.Schema().Classes() {
			if class.Kind != schema.TopLevel {
				continue
			}
			if err := step(class); err != nil {
				return t.counts, err
			}
		}
	}
	return t.counts, nil
}

type transfer struct {
	from, to Realm
	counts   Counts
	changed  bool // the object at hand
}

func (t *transfer) erase(class *schema.Class) error {
	return t.to.Each(class.Name, func(key value.Key) error {
		if kept, err := t.from.Exists(class.Name, key); err != nil || kept {
			return err
		}
		t.counts.Erased++
		return t.to.Erase(class.Name, key)
	})
}

func (t *transfer) create(class *schema.Class) error {
	return t.from.Each(class.Name, func(key value.Key) error {
		if have, err := t.to.Exists(class.Name, key); err != nil || have {
			return err
		}
		t.counts.Created++
		return t.to.Create(class.Name, key)
	})
}

func (t *transfer) update(class *schema.Class) error {
	return t.from.Each(class.Name, func(key value.Key) error {
		t.changed = false
		err := t.object(class, topObject{t.from, class.Name, key}, topObject{t.to, class.Name, key})
		if t.changed {
			t.counts.Updated++
		}
		if err != nil {
			return fmt.Errorf("object %v of class '%s': %w", key, class.Name, err)
		}
		return nil
	})
}

// topObject is a top-level object as an ObjectNode.
type topObject struct {
	realm changeset.Nested
	class string
	key   value.Key
}

func (o topObject) Kind() value.Kind                      { return value.KindObject }
func (o topObject) Class() string                         { return o.class }
func (o topObject) Get(p string) (value.Value, error)     { return o.realm.Get(o.class, o.key, p) }
func (o topObject) Set(p string, v value.Value) error     { return o.realm.Set(o.class, o.key, p, v) }
func (o topObject) Open(p string) (changeset.Node, error) { return o.realm.Open(o.class, o.key, p) }
func (o topObject) SetNew(p string, kind value.Kind) error {
	return o.realm.SetNew(o.class, o.key, p, kind)
}

// object makes the properties of one object those of another.
func (t *transfer) object(class *schema.Class, from, to changeset.ObjectNode) error {
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Name == class.PrimaryKey && class.Kind != schema.Embedded {
			continue
		}
		if err := t.property(p, from, to); err != nil {
			return fmt.Errorf("'%s': %w", p.Name, err)
		}
	}
	return nil
}

func (t *transfer) property(p *schema.Property, from, to changeset.ObjectNode) error {
	if p.Collection == schema.Single {
		v, err := from.Get(p.Name)
		if err != nil {
			return err
		}
		old, err := to.Get(p.Name)
		switch {
		case err != nil:
			return err
		case v.Kind().IsValue() && v.Identical(old):
			return nil
		case v.Kind().IsValue():
			t.changed = true
			return to.Set(p.Name, v)
		case v.Kind() != old.Kind():
			t.changed = true
			if err := to.SetNew(p.Name, v.Kind()); err != nil {
				return err
			}
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
	return t.node(source, target)
}

// node makes the contents of a container those of another of its kind.
func (t *transfer) node(from, to changeset.Node) error {
	switch to := to.(type) {
	case changeset.ObjectNode:
		from, ok := from.(changeset.ObjectNode)
		if !ok {
			return differentKinds(from, to)
		}
		class := t.from.Schema().Class(from.Class())
		if class == nil {
			return fmt.Errorf("reset: an embedded object of the unknown class '%s'", from.Class())
		}
		return t.object(class, from, to)
	case changeset.ListNode:
		if from, ok := from.(changeset.ListNode); ok {
			return t.list(from, to)
		}
	case changeset.SetNode:
		if from, ok := from.(changeset.SetNode); ok {
			return t.set(from, to)
		}
	case changeset.DictionaryNode:
		if from, ok := from.(changeset.DictionaryNode); ok {
			return t.dictionary(from, to)
		}
	}
	return differentKinds(from, to)
}

func differentKinds(a, b changeset.Node) error {
	return fmt.Errorf("reset: containers of different kinds, %T and %T", a, b)
}

// elements reads a collection.
func elements(n changeset.Node) ([]changeset.Element, error) {
	l, ok := n.(changeset.Listed)
	if !ok {
		return nil, fmt.Errorf("reset: the contents of a %T can't be listed", n)
	}
	return l.Elements()
}

// list leaves what is equal at both ends alone. In between, as many elements as there were are changed in their places; otherwise they are
// replaced.
func (t *transfer) list(from, to changeset.ListNode) error {
	a, err := elements(from)
	if err != nil {
		return err
	}
	b, err := elements(to)
	if err != nil {
		return err
	}
	same := func(i, j int) (bool, error) { return t.sameElement(from, to, a, b, i, j) }
	n, head, tail := min(len(a), len(b)), 0, 0
	for equal := true; equal && head < n; {
		if equal, err = same(head, head); err != nil {
			return err
		} else if equal {
			head++
		}
	}
	for equal := true; equal && tail < n-head; {
		if equal, err = same(len(a)-1-tail, len(b)-1-tail); err != nil {
			return err
		} else if equal {
			tail++
		}
	}
	if head == len(a) && head == len(b) {
		return nil
	}
	if len(a) == len(b) {
		for i := head; i < len(a)-tail; i++ {
			if err := t.item(from, to, a[i].Value, b[i].Value, i); err != nil {
				return err
			}
		}
		return nil
	}
	t.changed = true
	for j := len(b) - tail - 1; j >= head; j-- {
		if err := to.Erase(j); err != nil {
			return err
		}
	}
	for i := head; i < len(a)-tail; i++ {
		if err := t.insert(from, to, a[i].Value, i); err != nil {
			return err
		}
	}
	return nil
}

// item makes an element that is there another one.
func (t *transfer) item(from, to changeset.ListNode, v, old value.Value, i int) error {
	kind := v.Kind()
	switch {
	case kind.IsValue() && v.Identical(old):
		return nil
	case kind == value.KindObject && old.Kind() != kind || kind.IsValue() && old.Kind() == value.KindObject:
		return fmt.Errorf("reset: a list of both values and embedded objects")
	case kind.IsValue():
		t.changed = true
		return to.Set(i, v)
	case kind != old.Kind():
		t.changed = true
		if err := to.SetNew(i, kind); err != nil {
			return err
		}
	}
	return t.children(from.Child, to.Child, i)
}

func (t *transfer) insert(from, to changeset.ListNode, v value.Value, i int) error {
	if v.Kind().IsValue() {
		return to.Insert(i, v)
	}
	if err := to.InsertNew(i, v.Kind()); err != nil {
		return err
	}
	return t.children(from.Child, to.Child, i)
}

// children makes a container in a list another one.
func (t *transfer) children(from, to func(int) (changeset.Node, error), i int) error {
	source, err := from(i)
	if err != nil {
		return err
	}
	target, err := to(i)
	if err != nil {
		return err
	}
	return t.node(source, target)
}

func (t *transfer) sameElement(from, to changeset.ListNode, a, b []changeset.Element, i, j int) (bool, error) {
	v, w := a[i].Value, b[j].Value
	if v.Kind().IsValue() || v.Kind() != w.Kind() {
		return v.Identical(w), nil
	}
	x, err := from.Child(i)
	if err != nil {
		return false, err
	}
	y, err := to.Child(j)
	if err != nil {
		return false, err
	}
	return t.sameNode(x, y)
}

func (t *transfer) set(from, to changeset.SetNode) error {
	a, err := elements(from)
	if err != nil {
		return err
	}
	b, err := elements(to)
	if err != nil {
		return err
	}
	for _, e := range b {
		if has, err := from.Has(e.Value); err != nil {
			return err
		} else if !has {
			t.changed = true
			if err := to.Remove(e.Value); err != nil {
				return err
			}
		}
	}
	for _, e := range a {
		if has, err := to.Has(e.Value); err != nil {
			return err
		} else if !has {
			t.changed = true
			if err := to.Add(e.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *transfer) dictionary(from, to changeset.DictionaryNode) error {
	a, err := elements(from)
	if err != nil {
		return err
	}
	b, err := elements(to)
	if err != nil {
		return err
	}
	for _, e := range b {
		if _, ok, err := from.Get(e.Key); err != nil {
			return err
		} else if !ok {
			t.changed = true
			if err := to.Remove(e.Key); err != nil {
				return err
			}
		}
	}
	for _, e := range a {
		if err := t.entry(from, to, e); err != nil {
			return fmt.Errorf("key %q: %w", e.Key, err)
		}
	}
	return nil
}

func (t *transfer) entry(from, to changeset.DictionaryNode, e changeset.Element) error {
	old, ok, err := to.Get(e.Key)
	switch kind := e.Value.Kind(); {
	case err != nil:
		return err
	case kind.IsValue() && ok && e.Value.Identical(old):
		return nil
	case kind.IsValue():
		t.changed = true
		return to.Put(e.Key, e.Value)
	case !ok || kind != old.Kind():
		t.changed = true
		if err := to.PutNew(e.Key, kind); err != nil {
			return err
		}
	}
	source, err := from.Child(e.Key)
	if err != nil {
		return err
	}
	target, err := to.Child(e.Key)
	if err != nil {
		return err
	}
	return t.node(source, target)
}
