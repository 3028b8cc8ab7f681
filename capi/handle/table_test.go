package handle

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

type thing struct{ n int }

func TestHandleFindsItsThing(t *testing.T) {
	things := NewTable[thing](3)
	a, b := &thing{1}, &thing{2}
	ha, hb := things.Add(a), things.Add(b)
	require.NotEqual(t, ha, hb)
	require.Same(t, a, things.Get(ha))
	require.Same(t, b, things.Get(hb))
	require.EqualValues(t, 2, things.Live())
	require.Same(t, a, things.Remove(ha))
	require.Nil(t, things.Get(ha))
	require.Nil(t, things.Remove(ha))
	require.Same(t, b, things.Get(hb))
	require.EqualValues(t, 1, things.Live())
}

func TestHandlesAreNoAddresses(t *testing.T) {
	things := NewTable[thing](maxKind)
	for range 1000 {
		h := uint64(things.Add(&thing{}))
		require.EqualValues(t, 1, h&1)
		require.EqualValues(t, mark, h>>markShift)
	}
}

func TestReusedSlotHasAnotherHandle(t *testing.T) {
	things := NewTable[thing](1)
	seen := map[Handle]bool{}
	for i := range 1000 {
		h := things.Add(&thing{i})
		require.False(t, seen[h])
		for old := range seen {
			require.Nil(t, things.Get(old))
		}
		seen[h] = true
		require.Equal(t, i, things.Remove(h).n)
	}
	require.Len(t, things.uses, 1, "one slot serves all")
	require.Zero(t, things.Live())
}

func TestSlotIsGivenUpBeforeAHandleComesBack(t *testing.T) {
	things := NewTable[thing](1)
	h := things.Add(&thing{})
	things.Remove(h)
	things.uses[0] = useMask
	last := things.Add(&thing{})
	require.NotNil(t, things.Remove(last))
	again := things.Add(&thing{})
	require.NotEqual(t, slotOf(last), slotOf(again))
	require.Nil(t, things.Get(h))
	require.Nil(t, things.Get(last))
}

func TestForeignNumbersFindNothing(t *testing.T) {
	things, others := NewTable[thing](1), NewTable[thing](2)
	h, other := things.Add(&thing{}), others.Add(&thing{})
	for name, number := range map[string]Handle{
		"NULL":          0,
		"one":           1,
		"all ones":      ^Handle(0),
		"an address":    0x7f0012345678,
		"another kind":  other,
		"even":          h &^ 1,
		"another use":   h + 1<<useShift,
		"another slot":  h + 1<<slotShift,
		"far slot":      h | slotMask<<slotShift,
		"without mark":  h &^ (mark << markShift),
		"another chunk": h + chunkSize<<slotShift,
	} {
		require.Nil(t, things.Get(number), name)
		require.Nil(t, things.Remove(number), name)
	}
	require.NotNil(t, things.Get(h))
	require.EqualValues(t, 1, things.Live())
}

func TestGetWhileOthersAddAndRemove(t *testing.T) {
	things := NewTable[thing](5)
	kept := &thing{42}
	h := things.Add(kept)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 3000 {
				mine := things.Add(&thing{i})
				if things.Get(mine).n != i || things.Get(h) != kept || things.Remove(mine).n != i || things.Get(mine) != nil {
					panic("a handle stood for something else")
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, things.Live())
}

func TestOneRemoverWins(t *testing.T) {
	things := NewTable[thing](5)
	for range 500 {
		h := things.Add(&thing{})
		got := make([]*thing, 4)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i] = things.Remove(h) })
		}
		wg.Wait()
		n := 0
		for _, v := range got {
			if v != nil {
				n++
			}
		}
		require.Equal(t, 1, n)
	}
	require.Zero(t, things.Live())
}

func BenchmarkGet(b *testing.B) {
	things := NewTable[thing](5)
	h := things.Add(&thing{7})
	for b.Loop() {
		if things.Get(h).n != 7 {
			b.Fatal("lost")
		}
	}
}
