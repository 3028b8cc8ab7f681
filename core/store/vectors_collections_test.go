package store

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// fill puts the elements of a collection property, or of a collection in a mixed one, into the realm file.
func (f *rqlFixture) fill(t testing.TB, o *modelObject, property int, raw rqlValue) {
	st, p := f.conn.State(), &o.class.Properties[property]
	if string(raw.V) == "[]" && p.Collection != schema.Single {
		return // never touched
	}
	key, err := f.conn.keyOf(f.conn.Class(o.class.Name), o.rowid)
	require.NoError(t, err)
	if p.Collection == schema.Single {
		kind := value.KindList
		if raw.T == "dictionary" {
			kind = value.KindDictionary
		}
		require.NoError(t, st.SetNew(o.class.Name, key, p.Name, kind))
		o.values[property] = value.Marker(kind)
	}
	node, err := st.Open(o.class.Name, key, p.Name)
	require.NoError(t, err)
	f.fillNode(t, node, raw)
}

func (f *rqlFixture) fillNode(t testing.TB, node changeset.Node, raw rqlValue) {
	if object, ok := node.(changeset.ObjectNode); ok {
		var props map[string]rqlValue
		require.NoError(t, json.Unmarshal(raw.V, &props))
		for name, v := range props {
			kind, isNew := newKind(v)
			switch single := f.schema.Class(object.Class()).Property(name).Collection == schema.Single; {
			case single && !isNew:
				require.NoError(t, object.Set(name, f.value(t, v)))
				continue
			case single:
				require.NoError(t, object.SetNew(name, kind))
			case string(v.V) == "[]":
				continue
			}
			child, err := object.Open(name)
			require.NoError(t, err)
			f.fillNode(t, child, v)
		}
		return
	}
	if raw.T == "dictionary" {
		var entries [][2]json.RawMessage
		require.NoError(t, json.Unmarshal(raw.V, &entries))
		d := node.(changeset.DictionaryNode)
		for _, e := range entries {
			var key string
			var v rqlValue
			require.NoError(t, json.Unmarshal(e[0], &key))
			require.NoError(t, json.Unmarshal(e[1], &v))
			kind, isNew := newKind(v)
			if !isNew {
				require.NoError(t, d.Put(key, f.value(t, v)))
				continue
			}
			require.NoError(t, d.PutNew(key, kind))
			child, err := d.(interface {
				Child(string) (changeset.Node, error)
			}).Child(key)
			require.NoError(t, err)
			f.fillNode(t, child, v)
		}
		return
	}
	var elements []rqlValue
	require.NoError(t, json.Unmarshal(raw.V, &elements))
	if set, ok := node.(changeset.SetNode); ok {
		for _, v := range elements {
			require.NoError(t, set.Add(f.value(t, v)))
		}
		return
	}
	list := node.(changeset.ListNode)
	for i, v := range elements {
		kind, isNew := newKind(v)
		if !isNew {
			require.NoError(t, list.Insert(i, f.value(t, v)))
			continue
		}
		require.NoError(t, list.InsertNew(i, kind))
		child, err := list.(interface {
			Child(int) (changeset.Node, error)
		}).Child(i)
		require.NoError(t, err)
		f.fillNode(t, child, v)
	}
}

// newKind tells what an element is that is made in its place.
func newKind(v rqlValue) (value.Kind, bool) {
	switch v.T {
	case "list":
		return value.KindList, true
	case "dictionary":
		return value.KindDictionary, true
	case "embedded":
		return value.KindObject, true
	default:
		return 0, false
	}
}
