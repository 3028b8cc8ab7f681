package sync

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// No device is told that null is removed from a set of numbers: the original's client stops syncing at it, though it makes it (spec/changeset.md section 5.5).
// It is told what does the same. tests/original, TestNullInSets, has the original's client do it.
func TestNullLeavesASet(t *testing.T) {
	f := open(t, nil)
	anna := f.device("anna").subscribed(allDogs)
	anna.write(append(create(1, "one", 1),
		changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "prizes", Collection: schema.Set, Schema: &changeset.SchemaFields{Type: value.KindInt, Nullable: true}},
		prizes(changeset.SetInsert, value.Int(5)), prizes(changeset.SetInsert, value.Null()))...)
	anna.upload()
	berta := f.device("berta").subscribed(allDogs)
	anna.write(prizes(changeset.SetErase, value.Null()))
	anna.upload()
	for {
		m, ok := berta.next().(*wire.Download)
		if !ok || len(m.Entries) == 0 {
			continue
		}
		c, err := changeset.Decode(m.Entries[0].Changeset)
		require.NoError(t, err)
		clear := prizes(changeset.Clear, value.Null())
		clear.Collection = schema.Set
		require.Equal(t, []changeset.Instruction{clear, prizes(changeset.SetInsert, value.Int(5))}, c.Instructions)
		berta.download(m)
		break
	}
	anna.sync()
	require.Equal(t, string(anna.state.JSON()), string(berta.state.JSON()))
}

// prizes changes a set of dog 1.
func prizes(op changeset.Op, v value.Value) changeset.Instruction {
	return changeset.Instruction{Op: op, Table: "Dog", Key: value.IntKey(1), Field: "prizes", Value: v}
}
