package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The keys in memory are those of a sorted list, whatever is added and removed.
func TestCounted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var want []string
	r := newCounted[string](nil)
	for range 20_000 {
		key := fmt.Sprintf("%d", rnd.IntN(6000))
		i, found := slices.BinarySearch(want, key)
		switch {
		case rnd.IntN(3) > 0:
			if require.Equal(t, !found, r.insert(key)); !found {
				want = slices.Insert(want, i, key)
			}
		default:
			if require.Equal(t, found, r.remove(key)); found {
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
		require.True(t, r.remove(key))
	}
	require.Equal(t, &counted[string]{&countedNode[string]{keys: []string{}}}, r)
}

func lowerBound(keys []string, key string) int {
	i, _ := slices.BinarySearch(keys, key)
	return i
}

// A tree that is made of many keys at once is the same as one that grew, also when whole parts of it are taken out.
func TestCountedBulk(t *testing.T) {
	const n = 40_000
	keys := make([]int, n)
	for i := range keys {
		keys[i] = 3 * i
	}
	r := newCounted(keys)
	for i := 10_000; i < 30_000; i++ {
		require.True(t, r.remove(3*i))
	}
	require.Equal(t, 20_000, r.root.len())
	for i := range 20_000 {
		key := 3 * i
		if i >= 10_000 {
			key += 60_000
		}
		require.Equal(t, key, r.at(i))
		require.Equal(t, i, r.index(key))
	}
	for i := 29_999; i >= 10_000; i-- {
		require.True(t, r.insert(3*i))
	}
	for i := 0; i < n; i += 7 {
		require.Equal(t, 3*i, r.at(i))
		require.Equal(t, i+1, r.index(3*i+1))
	}
}
