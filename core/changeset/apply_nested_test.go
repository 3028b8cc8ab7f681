package changeset_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

func insertAt(field string, v value.Value, prior uint32, path ...any) changeset.Instruction {
	return at(changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: one, Field: field, Value: v, PriorSize: prior}, path...)
}

// Collections in mixed nest to 100 levels, embedded objects start anew.
func TestApplyLevels(t *testing.T) {
	st := statetest.World()
	list := value.Marker(value.KindList)
	require.NoError(t, apply(st, set("T", one, "m", list)))
	var path []any
	for level := 2; ; level++ {
		err := apply(st, insertAt("m", list, 0, append(path, 0)...))
		if level > changeset.MaxLevels {
			require.ErrorContains(t, err, string(changeset.ReasonLevels))
			break
		}
		require.NoError(t, err, "level %d", level)
		path = append(path, 0)
	}
	require.NoError(t, apply(st, insertAt("m", value.Int(1), 0, append(path, 0)...)))
	deep := at(changeset.Instruction{Table: "T", Key: one, Field: "m"}, append(path, 0)...)
	deep.Op, deep.Collection = changeset.Clear, schema.List
	refused(t, st, changeset.ReasonLevels, deep)
	deep.Op, deep.Value = changeset.Update, list
	refused(t, st, changeset.ReasonLevels, deep)
	deep.Path = deep.Path[:len(deep.Path)-1]
	deep.Op = changeset.Clear
	require.NoError(t, apply(st, deep))

	require.NoError(t, apply(st, set("T", one, "e", value.Marker(value.KindObject)), at(set("T", one, "e", list), "m"), insertAt("e", list, 0, "m", 0)))
}

// 21 and 22: what making something does where there is something.
func TestApplyMakesOnce(t *testing.T) {
	st := statetest.World()
	object, list, dictionary := value.Marker(value.KindObject), value.Marker(value.KindList), value.Marker(value.KindDictionary)
	node := func(field string) memstate.Node {
		n, err := st.Node("T", one, field)
		require.NoError(t, err)
		return n
	}
	x := value.Int(7)
	require.NoError(t, apply(st, set("T", one, "e", object), at(set("T", one, "e", x), "x"), set("T", one, "e", object)))
	require.Equal(t, x, node("e").Entries["x"].Value, "a property keeps its object")
	require.NoError(t, apply(st, insertAt("el", object, 0, 0), at(set("T", one, "el", x), 0, "x"), at(set("T", one, "el", object), 0)))
	require.Equal(t, x, node("el").Elements[0].Entries["x"].Value, "an element keeps its object")
	require.NoError(t, apply(st, at(set("T", one, "ed", object), "k"), at(set("T", one, "ed", x), "k", "x"), at(set("T", one, "ed", object), "k")))
	require.Empty(t, node("ed").Entries["k"].Entries, "an entry doesn't")
	require.NoError(t, apply(st, at(set("T", one, "ed", value.Null()), "k")))
	require.Contains(t, node("ed").Entries, "k")

	require.NoError(t, apply(st, set("T", one, "m", list), insertAt("m", x, 0, 0), set("T", one, "m", list)))
	require.Len(t, node("m").Elements, 1)
	clear := changeset.Instruction{Op: changeset.Clear, Table: "T", Key: one, Field: "m", Collection: schema.List}
	require.NoError(t, apply(st, clear))
	require.Empty(t, node("m").Elements)
	require.NoError(t, apply(st, set("T", one, "m", x), clear))
	require.Equal(t, value.KindList, node("m").Value.Kind())
	require.NoError(t, apply(st, set("T", one, "m", dictionary), at(set("T", one, "m", x), "k"), set("T", one, "m", list)))
	require.Empty(t, node("m").Entries)
}

// faultyNested is a state whose containers fail after some calls.
type faultyNested struct {
	*memstate.State
	left *int
}

func (f faultyNested) Open(class string, key value.Key, p string) (changeset.Node, error) {
	if *f.left--; *f.left < 0 {
		return nil, errDisk
	}
	node, err := f.State.Open(class, key, p)
	if list, ok := node.(changeset.ListNode); ok {
		return faultyList{list, f.left}, err
	}
	return node, err
}

type faultyList struct {
	changeset.ListNode
	left *int
}

func (f faultyList) Len() (int, error) {
	if *f.left--; *f.left < 0 {
		return 0, errDisk
	}
	return f.ListNode.Len()
}

func (f faultyList) Insert(i int, v value.Value) error {
	if *f.left--; *f.left < 0 {
		return errDisk
	}
	return f.ListNode.Insert(i, v)
}

// The containers' errors pass through; and a list that changes many times in a row is opened once.
func TestErrorsOfNodesPassThrough(t *testing.T) {
	c := &changeset.Changeset{Instructions: []changeset.Instruction{insertAt("l", value.Int(1), 0, 0), insertAt("l", value.Int(2), 1, 1), insertAt("l", value.Int(3), 2, 0),
		{Op: changeset.Clear, Table: "T", Key: one, Field: "l"}, insertAt("l", value.Int(4), 0, 0)}}
	for calls := 0; ; calls++ {
		left := calls
		err := changeset.Apply(faultyNested{statetest.World(), &left}, c)
		if err == nil {
			require.Equal(t, 9, calls, "opened once; size and insertion four times")
			break
		}
		require.True(t, errors.Is(err, errDisk) && !errors.Is(err, changeset.ErrBadChangeset))
	}
}
