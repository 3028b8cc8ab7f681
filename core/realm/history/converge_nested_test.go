package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
)

// writeNested commits a few random operations on everything that objects can hold.
func (s *simulation) writeNested(d *simDevice) {
	s.t.Helper()
	state := dump(s.t, d.conn)
	w := &statetest.Writer{Rand: s.Rand, State: state, Keys: 4, Name: fmt.Sprint("d", d.ident)}
	var all []changeset.Instruction
	for range 1 + s.IntN(6) {
		operation := w.Operation()
		require.NoError(s.t, state.Apply(&changeset.Changeset{Instructions: operation}), "seed %d", s.seed)
		all = append(all, operation...)
	}
	d.program.write(all...)
	require.True(s.t, string(state.JSON()) == string(dump(s.t, d.conn).JSON()), "seed %d: the file differs from the state in memory", s.seed)
}

// Collections, embedded objects and collections in mixed converge as single values do.
func TestConvergenceOfCollections(t *testing.T) {
	changes, err := schema.Diff(nil, statetest.World().Schema())
	require.NoError(t, err)
	first := changeset.SchemaInstructions(changes)
	for seed := range uint64(15) {
		s := newSimulation(t, seed, first)
		s.nested = true
		s.run()
	}
}
