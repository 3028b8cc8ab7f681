package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// A schema has bounds, whoever changes it, and however it is loaded.
func TestSchemaBounds(t *testing.T) {
	f, _ := withT(t, nil)
	write := func(n int, make func(i int) changeset.Instruction) error {
		_, err := f.Write(t.Context(), func(*Writing) (*changeset.Changeset, error) {
			c := &changeset.Changeset{}
			for i := range n {
				c.Instructions = append(c.Instructions, make(i))
			}
			return c, nil
		})
		return err
	}
	column := func(class string) func(int) changeset.Instruction {
		return func(i int) changeset.Instruction {
			return addColumn(class, fmt.Sprint("extra", i), value.KindInt, false)
		}
	}
	table := func(i int) changeset.Instruction {
		return changeset.Instruction{Op: changeset.AddTable, Table: fmt.Sprint("U", i), Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}}
	}
	refused := func(err error, text string) {
		t.Helper()
		requireCode(t, InvalidSchemaChange, err)
		require.ErrorContains(t, err, text)
	}
	has := len(f.Catalog().Class("T").Properties)
	refused(write(maxProperties-has+1, column("T")), "at most 1000 properties")
	require.NoError(t, write(maxProperties-has, column("T")))
	require.NoError(t, write(maxProperties-has, column("T")), "they are there")
	require.NoError(t, write(19, table))
	for i := range 19 {
		require.NoError(t, write(maxProperties-1, column(fmt.Sprint("U", i))))
	}
	require.Equal(t, maxAllProperties, f.Catalog().fields)
	f.restart()
	require.Equal(t, maxAllProperties, f.Catalog().fields)
	refused(write(20, table), "20000 properties together")
	require.NoError(t, write(1, func(int) changeset.Instruction {
		return changeset.Instruction{Op: changeset.EraseTable, Table: "U3"}
	}))
	require.NoError(t, write(maxClasses-2, table), "there is room again")
	refused(write(maxClasses, table), "at most 1000 classes")
	f.restart()
	refused(write(maxClasses, table), "at most 1000 classes")

	many := &changeset.Changeset{}
	for range maxSchemaInstructions + 1 {
		many.Instructions = append(many.Instructions, table(0))
	}
	b, err := changeset.Encode(many)
	require.NoError(t, err)
	_, err = DecodeUploaded(b)
	requireCode(t, BadChangeset, err)
}
