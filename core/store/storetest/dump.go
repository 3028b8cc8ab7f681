package storetest

import (
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Dump reads a whole realm into memory, by the calls that a program reads it with. classes is what the state gets as its schema; nil: that of
// the file.
func Dump(conn *store.Conn, classes *schema.Schema) (out *memstate.State, err error) {
	if err := conn.BeginRead(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.EndRead()) }()
	return DumpHere(conn, classes)
}

// DumpHere is Dump in the transaction that is open.
func DumpHere(conn *store.Conn, classes *schema.Schema) (*memstate.State, error) {
	if classes == nil {
		classes = conn.Schema()
	}
	d := dumper{conn, memstate.New(classes)}
	for _, cl := range conn.Classes() {
		if cl.Def.Kind == schema.Embedded {
			continue
		}
		for from, more := int64(-1<<62), true; more; {
			rows, err := conn.LoadFrom(cl, from, store.MaxBatch)
			if err != nil {
				return nil, err
			}
			ids := []int64{}
			for i := range rows.Len() {
				ids = append(ids, rows.RowID(i))
				from = rows.RowID(i) + 1
			}
			more = rows.Len() == store.MaxBatch
			rows.Release()
			for _, id := range ids {
				if err := d.object(cl, id); err != nil {
					return nil, fmt.Errorf("reading %s, row %d: %w", cl.Def.Name, id, err)
				}
			}
		}
	}
	return d.out, nil
}

type dumper struct {
	conn *store.Conn
	out  *memstate.State
}

func (d *dumper) object(cl *store.Class, row int64) error {
	key, err := d.conn.KeyOf(cl, row)
	if err == nil {
		err = d.out.Create(cl.Def.Name, key)
	}
	if err != nil {
		return err
	}
	return d.properties(cl, row, topLevel{d.out, cl.Def.Name, key})
}

// topLevel is an object of a memstate as an ObjectNode.
type topLevel struct {
	s     *memstate.State
	class string
	key   value.Key
}

func (t topLevel) Kind() value.Kind                       { return value.KindObject }
func (t topLevel) Class() string                          { return t.class }
func (t topLevel) Get(p string) (value.Value, error)      { return t.s.Get(t.class, t.key, p) }
func (t topLevel) Set(p string, v value.Value) error      { return t.s.Set(t.class, t.key, p, v) }
func (t topLevel) Open(p string) (changeset.Node, error)  { return t.s.Open(t.class, t.key, p) }
func (t topLevel) SetNew(p string, kind value.Kind) error { return t.s.SetNew(t.class, t.key, p, kind) }

// properties copies what is in a row into an object.
func (d *dumper) properties(cl *store.Class, row int64, to changeset.ObjectNode) error {
	for i := range cl.Def.Properties {
		p := &cl.Def.Properties[i]
		if p.Name == cl.Def.PrimaryKey {
			continue
		}
		if err := d.property(cl, row, i, to); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func (d *dumper) property(cl *store.Class, row int64, i int, to changeset.ObjectNode) error {
	p := &cl.Def.Properties[i]
	if p.Collection != schema.Single {
		from, err := d.conn.Collection(cl, row, i)
		if err != nil {
			return err
		}
		node, err := to.Open(p.Name)
		if err != nil {
			return err
		}
		return d.collection(from, node)
	}
	child, err := d.conn.ChildOf(cl, row, i)
	if err != nil {
		return err
	}
	if child.IsZero() {
		v, err := d.conn.Value(cl, row, i)
		if err != nil {
			return err
		}
		return to.Set(p.Name, v)
	}
	if err := to.SetNew(p.Name, kindOf(child)); err != nil {
		return err
	}
	node, err := to.Open(p.Name)
	if err != nil {
		return err
	}
	return d.child(child, node)
}

func kindOf(c store.Child) value.Kind {
	if c.Collection != nil {
		return c.Collection.Kind()
	}
	return value.KindObject
}

func (d *dumper) child(from store.Child, to changeset.Node) error {
	if from.Collection != nil {
		return d.collection(from.Collection, to)
	}
	return d.properties(from.Class, from.Row, to.(changeset.ObjectNode))
}

func (d *dumper) collection(from *store.Collection, to changeset.Node) error {
	n, err := from.Len()
	if err != nil {
		return err
	}
	for i := range n {
		key, v, err := d.element(from, i)
		if err != nil {
			return err
		}
		var child store.Child
		if from.Kind() == value.KindDictionary {
			child, err = from.ChildKey(key)
		} else {
			child, err = from.Child(i)
		}
		if err != nil {
			return err
		}
		if err := d.put(to, i, key, v, child); err != nil {
			return fmt.Errorf("element %d %q: %w", i, key, err)
		}
	}
	return nil
}

// element reads one element; v means nothing if there is a container.
func (d *dumper) element(from *store.Collection, i int) (key string, v value.Value, err error) {
	b, err := from.Load(i, 1)
	if err != nil {
		return "", v, err
	}
	defer b.Release()
	cells := b.Row(0)
	if len(cells) > 1 {
		key = string(cells[1].Bytes())
	}
	v, err = d.conn.ValueOf(&cells[0])
	return key, v, err
}

// put adds an element to a container.
func (d *dumper) put(to changeset.Node, i int, key string, v value.Value, child store.Child) error {
	var node changeset.Node
	var err error
	switch to := to.(type) {
	case changeset.ListNode:
		if child.IsZero() {
			return to.Insert(i, v)
		}
		if err = to.InsertNew(i, kindOf(child)); err == nil {
			node, err = to.Child(i)
		}
	case changeset.DictionaryNode:
		if child.IsZero() {
			return to.Put(key, v)
		}
		if err = to.PutNew(key, kindOf(child)); err == nil {
			node, err = to.Child(key)
		}
	case changeset.SetNode:
		return to.Add(v)
	default:
		return fmt.Errorf("storetest: a container %T", to)
	}
	if err != nil {
		return err
	}
	return d.child(child, node)
}
