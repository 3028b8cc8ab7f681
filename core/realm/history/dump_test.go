package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// place is where a value goes: a property of an object or an element of a collection.
type place struct {
	set  func(value.Value) error
	make func(value.Kind) error
	open func() (changeset.Node, error)
}

// dumper copies what a file holds to memory.
type dumper struct {
	t    testing.TB
	conn *store.Conn
}

func (d dumper) row(cl *store.Class, row int64, cells []store.Cell, at func(property string) place) {
	for i := range cells {
		p := &cl.Def.Properties[i]
		switch to := at(p.Name); {
		case i == cl.KeyIndex:
		case p.Collection == schema.Single:
			child, err := d.conn.ChildOf(cl, row, i)
			require.NoError(d.t, err)
			d.value(&cells[i], child, to)
		default:
			l, err := d.conn.Collection(cl, row, i)
			require.NoError(d.t, err)
			node, err := to.open()
			require.NoError(d.t, err)
			d.collection(l, node)
		}
	}
}

func (d dumper) value(cell *store.Cell, child store.Child, to place) {
	if child.IsZero() {
		v, err := d.conn.ValueOf(cell)
		require.NoError(d.t, err)
		require.NoError(d.t, to.set(v))
		return
	}
	kind := value.KindObject
	if child.Collection != nil {
		kind = child.Collection.Kind()
	}
	require.NoError(d.t, to.make(kind))
	node, err := to.open()
	require.NoError(d.t, err)
	if child.Collection != nil {
		d.collection(child.Collection, node)
		return
	}
	object := node.(changeset.ObjectNode)
	rows, err := d.conn.LoadRows(child.Class, []int64{child.Row})
	require.NoError(d.t, err)
	defer rows.Release()
	require.True(d.t, rows.Present(0))
	d.row(child.Class, child.Row, rows.Row(0), func(p string) place {
		return place{
			func(v value.Value) error { return object.Set(p, v) },
			func(k value.Kind) error { return object.SetNew(p, k) },
			func() (changeset.Node, error) { return object.Open(p) },
		}
	})
}

func (d dumper) collection(l *store.Collection, node changeset.Node) {
	n, err := l.Len()
	require.NoError(d.t, err)
	for i := range n {
		b, err := l.Load(i, 1)
		require.NoError(d.t, err)
		child, err := l.Child(i)
		require.NoError(d.t, err)
		var to place
		switch node := node.(type) {
		case changeset.ListNode:
			to.set = func(v value.Value) error { return node.Insert(i, v) }
			to.make = func(k value.Kind) error { return node.InsertNew(i, k) }
			to.open = func() (changeset.Node, error) { return node.Child(i) }
		case changeset.DictionaryNode:
			key := string(b.Row(0)[1].Bytes())
			to.set = func(v value.Value) error { return node.Put(key, v) }
			to.make = func(k value.Kind) error { return node.PutNew(key, k) }
			to.open = func() (changeset.Node, error) { return node.Child(key) }
		case changeset.SetNode:
			to.set = node.Add
		}
		d.value(&b.Row(0)[0], child, to)
		b.Release()
	}
}

func dumpClass(t testing.TB, conn *store.Conn, cl *store.Class, state *memstate.State) {
	for from := int64(-1 << 62); ; {
		rows, err := conn.LoadFrom(cl, from, store.MaxBatch)
		require.NoError(t, err)
		for i := range rows.Len() {
			key, err := conn.KeyOf(cl, rows.RowID(i))
			require.NoError(t, err)
			name := cl.Def.Name
			require.NoError(t, state.Create(name, key))
			dumper{t, conn}.row(cl, rows.RowID(i), rows.Row(i), func(p string) place {
				return place{
					func(v value.Value) error { return state.Set(name, key, p, v) },
					func(k value.Kind) error { return state.SetNew(name, key, p, k) },
					func() (changeset.Node, error) { return state.Open(name, key, p) },
				}
			})
			from = rows.RowID(i) + 1
		}
		n := rows.Len()
		rows.Release()
		if n < store.MaxBatch {
			return
		}
	}
}
