package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Whichever way links are looked for, all places where one can be are found, and only live ones.
func TestLinking(t *testing.T) {
	c := openTemp(t)
	links := func(kind schema.Collection, name string) schema.Property {
		return schema.Property{Name: name, Type: value.KindLink, Collection: kind, LinkTarget: "T", Nullable: kind == schema.Single || kind == schema.Dictionary}
	}
	mixed := func(kind schema.Collection, name string) schema.Property {
		return schema.Property{Name: name, Type: value.KindMixed, Collection: kind, Nullable: true}
	}
	classes := schema.New(
		schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}},
		schema.Class{Name: "Other", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}},
		schema.Class{Name: "H", PrimaryKey: "_id", Properties: []schema.Property{
			{Name: "_id", Type: value.KindInt}, links(schema.Single, "k"), links(schema.List, "kl"), links(schema.Set, "ks"), links(schema.Dictionary, "kd"),
			mixed(schema.Single, "m"), mixed(schema.List, "ml"), mixed(schema.Set, "ms"), mixed(schema.Dictionary, "md"),
		}},
	)
	require.NoError(t, c.BeginWrite())
	addAll(t, c, classes)
	s := c.State()
	for i := range int64(12) {
		require.NoError(t, s.Create("T", value.IntKey(i)))
		require.NoError(t, s.Create("H", value.IntKey(100+i)))
	}
	require.NoError(t, s.Create("Other", value.IntKey(1)))
	to := func(i int64) value.Value { return value.FromLink("T", value.IntKey(i)) }
	require.NoError(t, s.Set("H", value.IntKey(100), "k", to(0)))
	for i, property := range []string{"kl", "ml"} {
		putIn(t, s, int64(101+4*i), property, func(n any) error { return n.(changeset.ListNode).Insert(0, to(int64(1+4*i))) })
	}
	for i, property := range []string{"ks", "ms"} {
		putIn(t, s, int64(102+4*i), property, func(n any) error { return n.(changeset.SetNode).Add(to(int64(2 + 4*i))) })
	}
	for i, property := range []string{"kd", "md"} {
		putIn(t, s, int64(103+4*i), property, func(n any) error { return n.(changeset.DictionaryNode).Put("x", to(int64(3+4*i))) })
	}
	require.NoError(t, s.Set("H", value.IntKey(104), "m", to(4)))
	require.NoError(t, s.SetNew("H", value.IntKey(108), "m", value.KindList))
	putIn(t, s, 108, "m", func(n any) error { return n.(changeset.ListNode).Insert(0, to(8)) })
	require.NoError(t, s.Set("H", value.IntKey(109), "m", value.FromLink("Other", value.IntKey(1))))
	require.NoError(t, s.Set("H", value.IntKey(110), "k", to(10)))
	require.NoError(t, s.Set("H", value.IntKey(111), "m", to(10)))
	require.NoError(t, s.Erase("T", value.IntKey(10)))
	target, holder := c.Class("T"), c.Class("H")
	every := func(uint32) bool { return true }
	for _, many := range []int{1, 1000} {
		for i := range int64(12) {
			have, err := c.linking(target, []int64{i, 1000}, every, many)
			require.NoError(t, err)
			var want []int64
			if i < 9 {
				want = []int64{100 + i}
			}
			require.Equal(t, want, have[holder.ID], fmt.Sprint(many, " ", i))
		}
		have, err := c.linking(target, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, every, many)
		require.NoError(t, err)
		require.Equal(t, map[uint32][]int64{holder.ID: {100, 101, 102, 103, 104, 105, 106, 107, 108}}, have)
		have, err = c.linking(target, []int64{0, 8}, func(class uint32) bool { return class != holder.ID }, many)
		require.NoError(t, err)
		require.Empty(t, have, "nobody asked for them")
	}
	require.NoError(t, c.Rollback())
}

func putIn(t *testing.T, s interface {
	Open(class string, key value.Key, property string) (changeset.Node, error)
}, key int64, property string, put func(n any) error) {
	t.Helper()
	n, err := s.Open("H", value.IntKey(key), property)
	require.NoError(t, err)
	require.NoError(t, put(n))
}
