package store

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomChanges are changes of some classes, at rows anywhere.
func randomChanges(rng *rand.Rand) *Changes {
	rows := func() (out []int64) {
		row := []int64{math.MinInt64, -5, 0, 1, math.MaxInt64 - 40}[rng.IntN(5)]
		for range rng.IntN(8) {
			for range 1 + rng.IntN(3) {
				out = append(out, row)
				row++
			}
			row += 1 + rng.Int64N(2)
		}
		return out
	}
	out := &Changes{}
	for class := range uint32(4) {
		cc := ClassChanges{Class: class * 1000, Removed: rng.IntN(9) == 0}
		for _, row := range rows() {
			if k := len(cc.Created); k > 0 && cc.Created[k-1].First+cc.Created[k-1].N == row {
				cc.Created[k-1].N++
			} else {
				cc.Created = append(cc.Created, Span{row, 1})
			}
		}
		for _, row := range rows() {
			cc.Modified = append(cc.Modified, Modification{row, 1 << rng.IntN(3) << (rng.IntN(2) * 61)})
		}
		cc.Deleted = rows()
		out.Classes = append(out.Classes, cc)
	}
	return out
}

func TestTrailTellsTheChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		changes := randomChanges(rng)
		b, ok := encodeTrail(changes)
		require.True(t, ok)
		back, err := decodeTrail(b, changes.Rows())
		require.NoError(t, err)
		require.Equal(t, changes, back)
		for range 20 { // damaged ones are refused, or are some changes
			cut := append([]byte{}, b[:rng.IntN(len(b))]...)
			_, _ = decodeTrail(cut, 100)
			flipped := append([]byte{}, b...)
			flipped[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
			if back, err := decodeTrail(flipped, 1000); err == nil {
				for _, cc := range back.Classes {
					require.True(t, slices.IsSorted(cc.Deleted))
				}
			}
		}
	}
	empty, ok := encodeTrail(&Changes{})
	require.True(t, ok)
	back, err := decodeTrail(empty, 0)
	require.NoError(t, err)
	require.True(t, back.Empty())
}

// A run is a few bytes, however long it is: readers count before they take memory.
func TestTrailOfManyRows(t *testing.T) {
	many := func(n int) *Changes {
		cc := ClassChanges{Class: 1}
		for row := range int64(n) {
			cc.Deleted = append(cc.Deleted, row)
		}
		return &Changes{Classes: []ClassChanges{cc}}
	}
	b, ok := encodeTrail(many(maxLeft))
	require.True(t, ok)
	require.Less(t, len(b), 20)
	_, err := decodeTrail(b, maxLeft-1)
	require.Equal(t, errTrailLong, err)
	_, ok = encodeTrail(many(maxLeft + 1))
	require.False(t, ok)

	hostile := []byte{trailFormat, 1, 0, 0} // nothing created
	hostile = binary.AppendUvarint(hostile, math.MaxInt64)
	hostile = append(hostile, 0, 1)
	_, err = decodeTrail(hostile, maxTrailRows)
	require.Equal(t, errTrailLong, err)
	for _, bad := range [][]byte{nil, {trailFormat + 1}, {trailFormat, 1}, {trailFormat, 1, 2, 0, 0, 0}, {trailFormat, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0}, {trailFormat, 1, 0, 0, 0, 1, 0, 1, 1, 0}} {
		_, err := decodeTrail(bad, maxTrailRows)
		require.Equal(t, errTrail, err, "%v", bad)
	}
}

func FuzzTrail(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		b, _ := encodeTrail(randomChanges(rng))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		changes, err := decodeTrail(b, 10_000)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(changes.Classes)*5, len(b))
		again, ok := encodeTrail(changes)
		require.True(t, ok)
		back, err := decodeTrail(again, 10_000)
		require.NoError(t, err)
		once, _ := encodeTrail(back)
		require.Equal(t, again, once)
	})
}
