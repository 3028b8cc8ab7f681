package realm

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func elementsOf(s string) []element {
	out := make([]element, 0, len(s))
	for i := range len(s) {
		out = append(out, element{id: uint64(s[i])})
	}
	return out
}

// Each line is old, new, and what is told of it.
func TestDiffOfElements(t *testing.T) {
	for _, c := range []struct {
		old, new                            string
		deletions, insertions, modification []int
		moves                               []Move
	}{
		{"", "", nil, nil, nil, nil},
		{"abc", "abc", nil, nil, nil, nil},
		{"", "ab", nil, []int{0, 1}, nil, nil},
		{"ab", "", []int{0, 1}, nil, nil, nil},
		{"abc", "abcd", nil, []int{3}, nil, nil},
		{"abc", "xabc", nil, []int{0}, nil, nil},
		{"abc", "ac", []int{1}, nil, nil, nil},
		{"abc", "axc", nil, nil, []int{1}, nil},
		{"aaa", "aa", []int{2}, nil, nil, nil},
		{"aba", "ba", []int{0}, nil, nil, nil},
		{"abcd", "bcda", []int{0}, []int{3}, nil, []Move{{0, 3}}},
		{"abcd", "dabc", []int{3}, []int{0}, nil, []Move{{3, 0}}},
		{"abcde", "xbcdy", nil, nil, []int{0, 4}, nil},
		{"abc", "xyz", nil, nil, []int{0, 1, 2}, nil},
	} {
		d := diffElements(elementsOf(c.old), elementsOf(c.new), true)
		require.Equal(t, CollectionChanges{Deletions: c.deletions, Insertions: c.insertions, Modifications: c.modification, Moves: c.moves,
			ModificationsAfter: d.ModificationsAfter}, d, "%s to %s", c.old, c.new)
	}
}

// Whatever happened, the old list with the changes made is the new one, and what is told is in order.
func TestDiffOfRandomElements(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		letters := "abcdefghij"[:1+rnd.IntN(10)]
		word := func() string {
			b := make([]byte, rnd.IntN(12))
			for i := range b {
				b[i] = letters[rnd.IntN(len(letters))]
			}
			return string(b)
		}
		a, b := word(), word()
		d := diffElements(elementsOf(a), elementsOf(b), rnd.IntN(2) == 0)
		require.True(t, d.ascending(), "%s to %s: %+v", a, b, d)
		have := []byte(a)
		for k, i := range d.Modifications {
			have[i] = b[d.ModificationsAfter[k]]
		}
		for k := len(d.Deletions) - 1; k >= 0; k-- {
			i := d.Deletions[k]
			have = append(have[:i], have[i+1:]...)
		}
		for _, i := range d.Insertions {
			have = append(have[:i], append([]byte{b[i]}, have[i:]...)...)
		}
		require.Equal(t, b, string(have), "%s: %+v", a, d)
	}
}
