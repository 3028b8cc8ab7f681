package changeset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// What removes null from a set of a type of its own is told to others in instructions that the original's client can apply; what a set of mixed values loses
// is told as it is.
func TestSpellNulls(t *testing.T) {
	number := schema.Property{Name: "n", Type: value.KindInt, Nullable: true, Collection: schema.Set}
	mixed := schema.Property{Name: "m", Type: value.KindMixed, Nullable: true, Collection: schema.Set}
	inner := schema.Class{Name: "In", Kind: schema.Embedded, Properties: []schema.Property{number}}
	st := memstate.New(schema.New(inner, schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, number, mixed, {Name: "in", Type: value.KindLink, LinkTarget: "In", Nullable: true},
	}}))
	in := func(op changeset.Op, field string, v value.Value, path ...changeset.Step) changeset.Instruction {
		return changeset.Instruction{Op: op, Table: "T", Key: value.IntKey(1), Field: field, Value: v, Path: path}
	}
	deep := changeset.Step{Key: "n"}
	require.NoError(t, st.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(1)},
		in(changeset.SetInsert, "n", value.Int(7)), in(changeset.SetInsert, "n", value.Null()), in(changeset.SetInsert, "m", value.Null()),
		in(changeset.Update, "in", value.Marker(value.KindObject)), in(changeset.SetInsert, "in", value.Null(), deep),
	}}))
	c := &changeset.Changeset{Instructions: []changeset.Instruction{
		in(changeset.SetInsert, "n", value.Int(8)),
		in(changeset.SetErase, "n", value.Null()),
		in(changeset.SetErase, "n", value.Null()), // it is gone
		in(changeset.SetErase, "n", value.Int(7)),
		in(changeset.SetErase, "in", value.Null(), deep),
		in(changeset.SetErase, "m", value.Null()),
	}}
	other := st.Clone()
	st.Begin()
	out, err := changeset.ApplyWith(st, c, changeset.Settings{SpellNulls: true})
	require.NoError(t, err)
	st.Commit()
	clear := func(in changeset.Instruction) changeset.Instruction {
		in.Collection = schema.Set
		return in
	}
	require.Equal(t, []changeset.Instruction{
		in(changeset.SetInsert, "n", value.Int(8)),
		clear(in(changeset.Clear, "n", value.Null())), in(changeset.SetInsert, "n", value.Int(7)), in(changeset.SetInsert, "n", value.Int(8)),
		in(changeset.SetErase, "n", value.Int(7)),
		clear(in(changeset.Clear, "in", value.Null(), deep)),
		in(changeset.SetErase, "m", value.Null()),
	}, out.Instructions)
	require.NoError(t, other.Apply(out))
	require.Equal(t, string(st.JSON()), string(other.JSON()))
	other.Begin()
	same, err := changeset.ApplyWith(other, &changeset.Changeset{Instructions: c.Instructions[:1]}, changeset.Settings{SpellNulls: true})
	require.NoError(t, err)
	require.Equal(t, c.Instructions[:1], same.Instructions)
}
