package budget

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a cache of numbers of bytes.
type shelf struct {
	b      *Budget
	mu     sync.Mutex
	stamps []uint64
	sizes  []int
}

func (s *shelf) put(n int) {
	s.mu.Lock()
	s.stamps, s.sizes = append(s.stamps, s.b.Put(n)), append(s.sizes, n)
	s.mu.Unlock()
	s.Sweep()
}

func (s *shelf) Sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.stamps) > 0 && s.stamps[0] < s.b.Floor() {
		s.stamps, s.sizes = s.stamps[1:], s.sizes[1:]
	}
}

func (s *shelf) holds() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, size := range s.sizes {
		n += size
	}
	return n
}

// Caches hold no more than the budget together, and what one has not used for long makes room for the others, whether it asks or not.
func TestCachesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, piece = 1 << 20, 1 << 10
		b := New(limit)
		defer b.Close()
		shelves := make([]*shelf, 10)
		for i := range shelves {
			shelves[i] = &shelf{b: b}
			defer b.Join(shelves[i])()
		}
		all := func() (n int) {
			for _, s := range shelves {
				n += s.holds()
			}
			return n
		}
		shelves[0].put(piece)
		for i := range 10 * limit / piece {
			shelves[1+i%9].put(piece)
			synctest.Wait()
			require.LessOrEqual(t, all(), limit+limit/sweeps)
		}
		require.Zero(t, shelves[0].holds(), "nobody has used it")
		require.Greater(t, all(), limit-10*piece)
		for _, s := range shelves[1:] {
			require.InDelta(t, limit/9, s.holds(), limit/9)
		}
		// One that is alone in use has all of it.
		for range 2 * limit / piece {
			shelves[1].put(piece)
			synctest.Wait()
		}
		require.Greater(t, shelves[1].holds(), limit-2*piece)
		require.LessOrEqual(t, all(), limit+limit/sweeps)
	})
}

// Who has left is not swept any more, and is not kept.
func TestLeave(t *testing.T) {
	b := New(1 << 10)
	defer b.Close()
	s := &shelf{b: b}
	leave := b.Join(s)
	require.Len(t, b.caches, 1)
	leave()
	require.Empty(t, b.caches)
}

// Without a budget nothing is given up.
func TestNone(t *testing.T) {
	var b *Budget
	b.Join(&shelf{})()
	require.Zero(t, b.Put(1<<40))
	require.Zero(t, b.Floor())
	require.Zero(t, b.HalfFloor())
}
