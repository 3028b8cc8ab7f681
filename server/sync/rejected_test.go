package sync

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// However many writes of one transaction are refused, all are taken back, and the error is one that clients can take: it names some.
func TestManyRejections(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(noDogs)
	const dogs = 150_000
	var ins []changeset.Instruction
	for i := range int64(dogs) {
		ins = append(ins, changeset.Instruction{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(i)})
	}
	d.write(ins...)
	d.upload()
	d.sync()
	require.Empty(t, d.dogs())
	require.Len(t, d.errors, 1)
	m := d.errors[0]
	data, err := m.Append(nil)
	require.NoError(t, err)
	require.Less(t, len(data), 2*rejectedBytes)
	named := len(m.Rejected.Updates)
	require.Greater(t, named, 1000)
	require.Equal(t, fmt.Sprintf("Client attempted a write that is not allowed; it has been reverted; the first %d of %d objects are named", named, dogs), m.Message)
}
