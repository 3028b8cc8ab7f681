package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

func rowChanges(rows int) *store.Changes {
	return &store.Changes{Classes: []store.ClassChanges{{Class: 1, Deleted: make([]int64, rows)}}}
}

// logged is what the log of a hub says, without the trail of its file.
func logged(h *hub, after, upTo uint64) *changesSince {
	return inOrder(h.known(after, upTo), after, upTo)
}

func TestHubForgetsWhatEverybodyKnows(t *testing.T) {
	h := &hub{file: tempPath(t), observing: map[*Realm]uint64{}}
	note := func(version uint64) { h.committing(version, func() *store.Changes { return rowChanges(1) }) }
	a, b := &Realm{}, &Realm{}
	note(2)
	require.Empty(t, h.log, "nobody observes")
	h.observe(a, true, 2)
	h.observe(b, true, 2)
	for v := uint64(3); v <= 6; v++ {
		note(v)
	}
	require.True(t, logged(h, 2, 6).complete)
	require.Len(t, logged(h, 2, 6).list, 4)
	require.Len(t, logged(h, 4, 5).list, 1)
	require.Empty(t, logged(h, 6, 6).list)
	require.True(t, logged(h, 6, 6).complete)
	require.False(t, logged(h, 1, 6).complete, "before anybody observed")
	require.Len(t, logged(h, 1, 6).list, 4, "what is known is told")
	require.False(t, logged(h, 5, 7).complete, "a commit of another process")
	h.told(a, 6)
	require.Len(t, h.log, 4, "the other one doesn't know yet")
	h.told(b, 4)
	require.Len(t, h.log, 2)
	note(7)
	h.committing(7, nil)
	require.False(t, logged(h, 6, 7).complete, "it failed, and another process may have made it")
	require.Equal(t, 2, h.weight)
	h.observe(b, false, 0)
	note(7)
	h.told(a, 7)
	require.Empty(t, h.log)
	require.Zero(t, h.weight)
	h.observe(a, false, 0)
	require.Nil(t, h.noTrail)
}

func TestHubIsBounded(t *testing.T) {
	h := &hub{observing: map[*Realm]uint64{{}: 1}}
	for v := uint64(2); v < 3*maxLog; v++ {
		h.note(v, rowChanges(1))
		require.LessOrEqual(t, len(h.log), maxLog)
	}
	last := uint64(3*maxLog - 1)
	require.True(t, logged(h, last-100, last).complete, "the newest are kept")
	require.False(t, logged(h, 1, last).complete)
	h.note(last+1, rowChanges(maxLogWeight+1))
	require.LessOrEqual(t, h.weight, maxLogWeight+maxLog)
	for v := range h.log {
		h.forget(v)
	}
	require.Zero(t, h.weight)
}
