package memstate

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

func base(t testing.TB) (*State, *vectortest.State) {
	t.Helper()
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var file struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &file))
	form, err := vectortest.ParseState(file.State)
	require.NoError(t, err)
	s, err := FromForm(form)
	require.NoError(t, err)
	return s, form
}

// strip removes the texts for readers from JSON.
func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "approx")
		for k := range v {
			v[k] = strip(v[k])
		}
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
	}
	return v
}

// The canonical state comes out as the original wrote it, order of objects and set members included.
func TestJSONIsCanonical(t *testing.T) {
	s, form := base(t)
	var got, want any
	require.NoError(t, json.Unmarshal(s.JSON(), &got))
	raw, err := json.Marshal(form)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &want))
	require.Equal(t, strip(want), got)
	again, err := Parse(s.JSON())
	require.NoError(t, err)
	require.Equal(t, string(s.JSON()), string(again.JSON()))
	require.Equal(t, string(s.JSON()), string(s.Clone().JSON()))
}

func TestRollback(t *testing.T) {
	s, _ := base(t)
	before := string(s.JSON())
	one := value.IntKey(1)
	for name, change := range map[string]func() error{
		"erase":           func() error { return s.Erase("Item", one) },
		"create":          func() error { return s.Create("Item", value.IntKey(99)) },
		"set":             func() error { return s.Set("Item", one, "m", value.Int(1)) },
		"set embedded":    func() error { return s.Set("Item", one, "e", value.Null()) },
		"add class":       func() error { return s.AddClass(schema.Class{Name: "New", Kind: schema.Embedded}) },
		"add property":    func() error { return s.AddProperty("Emb", schema.Property{Name: "new", Type: value.KindInt}) },
		"remove class":    func() error { return s.RemoveClass("Thing") },
		"remove property": func() error { return s.RemoveProperty("Item", "le") },
		"remove embedded": func() error { return s.RemoveProperty("Emb", "li") },
		"remove deeper":   func() error { return s.RemoveProperty("Sub", "x") },
	} {
		s.Begin()
		require.NoError(t, change(), name)
		changed := string(s.JSON())
		require.NotEqual(t, before, changed, name)
		back, err := Parse([]byte(changed))
		require.NoError(t, err, name)
		require.Equal(t, changed, string(back.JSON()), name)
		s.Rollback()
		require.Equal(t, before, string(s.JSON()), name)
	}
	s.Begin()
	require.NoError(t, s.RemoveProperty("Sub", "x"))
	require.NoError(t, s.AddProperty("Sub", schema.Property{Name: "x", Type: value.KindInt}))
	require.NotContains(t, string(s.JSON()), `"x":{"int":"77"}`, "the values of a removed property don't come back with a new one")
	require.NoError(t, s.RemoveClass("Thing"))
	require.NoError(t, s.AddClass(schema.Class{Name: "Thing"}))
	require.NoError(t, s.Create("Thing", value.GlobalKey(1, 2)))
	s.Rollback()
	require.Equal(t, before, string(s.JSON()))
	require.Panics(t, func() { s.Begin(); s.Begin() })
}

// What Apply never asks for is an error, not a surprise.
func TestMisuse(t *testing.T) {
	s, _ := base(t)
	one := value.IntKey(1)
	v, err := s.Get("Item", one, "e")
	require.NoError(t, err)
	require.Equal(t, value.KindObject, v.Kind())
	v, err = s.Get("Item", one, "m")
	require.NoError(t, err)
	require.Equal(t, value.KindList, v.Kind())
	v, err = s.Get("Item", one, "_id")
	require.NoError(t, err)
	require.Equal(t, value.Int(1), v)
	require.Error(t, s.Create("Item", one))
	require.Error(t, s.Create("Nothing", one))
	require.Error(t, s.Erase("Item", value.IntKey(99)))
	require.Error(t, s.Set("Item", one, "_id", value.Int(2)))
	require.Error(t, s.Set("Item", one, "li", value.Int(2)))
	require.Error(t, s.Set("Item", one, "i", value.Marker(value.KindErased)))
	require.Error(t, s.Set("Item", value.IntKey(99), "i", value.Int(2)))
	require.Error(t, s.AddClass(schema.Class{Name: "Item"}))
	require.Error(t, s.RemoveClass("Nothing"))
	require.Error(t, s.AddProperty("Item", schema.Property{Name: "i"}))
	require.Error(t, s.RemoveProperty("Item", "nothing"))
	_, err = Parse([]byte(`{"schema":{},"objects":{"X":[]}}`))
	require.Error(t, err)
}

func TestApplyRollsBack(t *testing.T) {
	s, _ := base(t)
	before := string(s.JSON())
	require.ErrorIs(t, s.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{
		{Op: changeset.EraseObject, Table: "Item", Key: value.IntKey(1)}, {Op: changeset.EraseTable, Table: "Nothing"}}}), changeset.ErrBadChangeset)
	require.Equal(t, before, string(s.JSON()))
	require.NoError(t, s.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{{Op: changeset.EraseObject, Table: "Item", Key: value.IntKey(2)}}}))
	require.Contains(t, string(s.JSON()), `"dangling":true`)
}
