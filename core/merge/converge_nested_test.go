package merge

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/statetest"
)

// nestedSimulation has everything: collections, embedded objects, collections in mixed, links in all of them; under the constraints of
// section 13.2, 7, without which the original's rules diverge.
func nestedSimulation(t *testing.T, seed uint64) *simulation {
	s := newSimulation(t, seed, statetest.World())
	last := map[uint64]uint64{}
	s.write = func(c *simClient) {
		w := &statetest.Writer{Rand: s.Rand, State: c.state, Keys: 3, Name: fmt.Sprintf("own%d", c.ident)}
		all := &changeset.Changeset{}
		for range 1 + s.IntN(4) {
			one := &changeset.Changeset{Instructions: w.Operation()}
			require.NoError(t, c.state.Apply(one), "seed %d", seed)
			all.Instructions = append(all.Instructions, one.Instructions...)
		}
		last[c.ident] = max(last[c.ident], s.clock+s.Uint64N(8)) // (f)
		c.commit(last[c.ident], all)
		s.clock += s.Uint64N(3)
	}
	return s
}

// P5 and P8 with nested collections. And merging with the history that touches the same objects only equals merging with all of it.
func TestNestedConvergence(t *testing.T) {
	for seed := range uint64(150) {
		var histories [2][]simEntry
		for k := range histories {
			s := nestedSimulation(t, seed)
			s.server.indexed = k == 0
			for range 10 + s.IntN(50) {
				s.step()
			}
			s.finish()
			histories[k] = s.server.history
		}
		require.Equal(t, len(histories[0]), len(histories[1]), "seed %d", seed)
		for v := range histories[0] {
			require.Equal(t, texts([]*Entry{{Changeset: histories[0][v].main}}), texts([]*Entry{{Changeset: histories[1][v].main}}), "seed %d, version %d", seed, v+1)
		}
	}
}
