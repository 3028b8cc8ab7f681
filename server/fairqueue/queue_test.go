package fairqueue

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Groups take turns, whoever is many; in a group those who came first are first.
func TestGroupsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 10, 100)
		leave, err := q.Enter(t.Context(), "many")
		require.NoError(t, err)
		var mu sync.Mutex
		var order []string
		var running sync.WaitGroup
		come := func(group, name string) {
			running.Go(func() {
				leave, err := q.Enter(t.Context(), group)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				leave()
			})
			synctest.Wait()
		}
		come("many", "m1")
		come("many", "m2")
		come("many", "m3")
		come("few", "f1")
		come("other", "o1")
		come("few", "f2")
		leave()
		running.Wait()
		require.Equal(t, []string{"m1", "f1", "o1", "m2", "f2", "m3"}, order)
		require.Empty(t, q.groups)
		require.Empty(t, q.ring)
		require.Equal(t, 1, q.free)
	})
}

// What waits is bounded for each group and for all, and one group that is full keeps no other out.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2, 2, 3)
		var leaves []func()
		for range 2 {
			leave, err := q.Enter(t.Context(), "a")
			require.NoError(t, err)
			leaves = append(leaves, leave)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		wait := func(group string) {
			running.Go(func() {
				if _, err := q.Enter(ctx, group); err == nil {
					t.Error("it was let in")
				}
			})
			synctest.Wait()
		}
		wait("a")
		wait("a")
		_, err := q.Enter(ctx, "a")
		require.ErrorIs(t, err, ErrFull)
		wait("b")
		_, err = q.Enter(ctx, "c")
		require.ErrorIs(t, err, ErrFull)
		cancel() // who doesn't wait any more makes room
		running.Wait()
		require.Empty(t, q.groups)
		require.Zero(t, q.waiting)
		for _, leave := range leaves {
			leave()
		}
		require.Equal(t, 2, q.free)
	})
}

// A slot that is given to one who has stopped waiting goes to the next.
func TestGivenUp(t *testing.T) {
	for range 200 { // the two ends race
		q := New(1, 10, 10)
		leave, err := q.Enter(t.Context(), "a")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if leave, err := q.Enter(ctx, "b"); err == nil {
				leave()
			}
		})
		running.Go(cancel)
		leave()
		running.Wait()
		require.Equal(t, 1, q.free)
		require.Empty(t, q.ring)
	}
}
