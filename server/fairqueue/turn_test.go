package fairqueue

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Of what goes on for long no more works at a time than there are slots, whoever is many; everybody gets on; what is short waits for nobody.
func TestLongWorkTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, steps = 2, 100
		q := New(slots, 1, 1) // it isn't bounded here
		var working, most atomic.Int32
		var running sync.WaitGroup
		done := map[string]time.Duration{}
		var mu sync.Mutex
		began := time.Now()
		work := func(group string) {
			running.Go(func() {
				turn := q.Turn(group, false)
				defer turn.End()
				for range steps {
					if err := turn.Pause(t.Context(), 10*time.Millisecond); err != nil {
						t.Error(err)
					}
					if turn.leave != nil {
						most.Store(max(most.Load(), working.Add(1)))
					}
					time.Sleep(10 * time.Millisecond) // it computes
					if turn.leave != nil {
						working.Add(-1)
					}
				}
				mu.Lock()
				done[group] = max(done[group], time.Since(began))
				mu.Unlock()
			})
		}
		for range 20 {
			work("many")
		}
		synctest.Wait()
		work("few")
		time.Sleep(50 * time.Millisecond)
		short := q.Turn("short", false)
		before := time.Now()
		require.NoError(t, short.Pause(t.Context(), slice-1))
		short.End()
		require.Equal(t, before, time.Now(), "it has not waited")
		running.Wait()
		require.EqualValues(t, slots, most.Load())
		require.Less(t, done["few"], done["many"]/4, "one of another group has every other turn")
		require.Equal(t, slots, q.free)
	})
}

// Long work that is bounded is refused when too many wait, but never once it has begun; while it rests others have its slot.
func TestTurnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 1, 1)
		long := func() *Turn {
			turn := q.Turn("app", true)
			turn.left = 0 // it has been at work for so long
			return turn
		}
		first := long()
		require.NoError(t, first.Pause(t.Context(), 1))
		ctx, cancel := context.WithCancel(t.Context())
		waits := make(chan error)
		go func() {
			second := long()
			waits <- second.Pause(ctx, 1)
		}()
		synctest.Wait()
		third := long()
		require.ErrorIs(t, third.Pause(t.Context(), 1), ErrFull)
		cancel()
		require.ErrorIs(t, <-waits, context.Canceled)

		RestIn(first.With(t.Context()))
		RestIn(t.Context())
		require.NoError(t, third.Pause(t.Context(), 1), "the first one rests")
		go func() { waits <- long().Pause(t.Context(), 1) }() // as many as may wait
		synctest.Wait()
		again := make(chan error)
		go func() { again <- first.Pause(t.Context(), 1) }()
		synctest.Wait()
		third.End()
		require.NoError(t, <-waits)
		select {
		case err := <-again:
			t.Fatalf("it has a slot that another one has: %v", err)
		default:
		}
		q.leave() // the one that waited
		require.NoError(t, <-again, "it was not refused")
		first.End()
		require.Equal(t, 1, q.free)
	})
}

// Without a queue nobody waits.
func TestNoQueue(t *testing.T) {
	var q *Queue
	turn := q.Turn("app", true)
	require.NoError(t, turn.Pause(t.Context(), 1))
	turn.Rest()
	turn.End()
	require.Equal(t, t.Context(), turn.With(t.Context()))
}
