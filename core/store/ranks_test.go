package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The keys in memory are those of a sorted list, whatever is added and removed.
func TestRanks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var want []string
	r := newRanks(nil)
	for range 20_000 {
		key := fmt.Sprintf("%d", rnd.IntN(6000))
		i, found := slices.BinarySearch(want, key)
		switch {
		case rnd.IntN(3) > 0:
			if r.insert(key); !found {
				want = slices.Insert(want, i, key)
			}
		default:
			if r.remove(key); found {
				want = slices.Delete(want, i, i+1)
			}
		}
		require.Equal(t, lowerBound(want, key), r.index(key))
		if len(want) > 0 {
			at := rnd.IntN(len(want))
			require.Equal(t, want[at], r.at(at))
		}
	}
	for _, key := range slices.Clone(want) {
		r.remove(key)
	}
	require.Empty(t, r.runs)
}

func lowerBound(keys []string, key string) int {
	i, _ := slices.BinarySearch(keys, key)
	return i
}
