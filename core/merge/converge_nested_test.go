package merge

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/statetest"
)

// nestedSimulation has everything: collections, embedded objects, collections in mixed, links in all of them. With compatible rules it
// keeps the constraints of section 13.2, 7, without which they diverge; with strict ones only (a), that what is assigned is cleared.
func nestedSimulation(t *testing.T, seed uint64, rules Rules) *simulation {
	s := newSimulation(t, seed, statetest.World())
	s.server.rules = rules
	for _, c := range s.clients {
		c.rules = rules
	}
	free := rules == Strict
	last := map[uint64]uint64{}
	s.write = func(c *simClient) {
		w := &statetest.Writer{Rand: s.Rand, State: c.state, Keys: 3, Name: fmt.Sprintf("own%d", c.ident), Items: free, Moves: free, Again: free, Strict: free}
		all := &changeset.Changeset{}
		for range 1 + s.IntN(4) {
			one := &changeset.Changeset{Instructions: w.Operation()}
			require.NoError(t, applyTo(c.state, rules, one), "seed %d", seed)
			all.Instructions = append(all.Instructions, one.Instructions...)
		}
		now := s.clock + s.Uint64N(8)
		if !free { // (f): clocks never go back
			now = max(last[c.ident], now)
			last[c.ident] = now
		}
		c.commit(now, all)
		s.clock += s.Uint64N(3)
	}
	return s
}

// P5 and P8 with nested collections. And merging with the history that touches the same objects only equals merging with all of it.
func TestNestedConvergence(t *testing.T) { testNestedConvergence(t, Compatible) }

func TestStrictConvergence(t *testing.T) { testNestedConvergence(t, Strict) }

// seeds is the number of simulations: as many as the environment variable MERGE_TEST_SEEDS says.
func seeds(usual uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("MERGE_TEST_SEEDS"), 10, 64); err == nil {
		return n
	}
	return usual
}

func testNestedConvergence(t *testing.T, rules Rules) {
	for seed := range seeds(150) {
		var histories [2][]simEntry
		for k := range histories {
			s := nestedSimulation(t, seed, rules)
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
