package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// What a State remembers of the object named last ends with the transaction: another connection may erase the object.
func TestStateForgetsBetweenTransactions(t *testing.T) {
	a := openTemp(t)
	addClass(t, a, itemClass)
	b := openAt(t, a.Path())
	k := value.IntKey(1)
	apply := func(c *Conn, in changeset.Instruction) {
		in.Table, in.Key = "Item", k
		write(t, c, func() {
			require.NoError(t, changeset.Apply(c.State(), &changeset.Changeset{Instructions: []changeset.Instruction{in}}))
		})
	}
	apply(a, changeset.Instruction{Op: changeset.CreateObject})
	apply(b, changeset.Instruction{Op: changeset.EraseObject})
	write(t, a, func() {
		exists, err := a.State().Exists("Item", k)
		require.NoError(t, err)
		require.False(t, exists)
	})
}

// Other connections notice a new property also where it changes no table.
func TestCollectionPropertyIsNoticed(t *testing.T) {
	a := openTemp(t)
	addClass(t, a, itemClass)
	b := openAt(t, a.Path())
	write(t, a, func() {
		require.NoError(t, a.AddProperty("Item", schema.Property{Name: "tags", Type: value.KindString, Collection: schema.Set}))
	})
	require.NoError(t, b.BeginRead())
	require.NotNil(t, b.Schema().Class("Item").Property("tags"))
	require.NoError(t, b.EndRead())
}
