package sync

import (
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/store"
)

// A client that is connected and has nothing to upload does not hold the history: what it has said that it has integrated is made known by the maintenance.
func TestIdleClientHoldsNoHistory(t *testing.T) {
	f := open(t, nil)
	idle := f.device("ann").subscribed(allDogs)
	busy := f.device("ben").subscribed(allDogs)
	for i := range int64(30) {
		busy.write(create(i, "Rex", i)...)
		busy.upload()
	}
	idle.sync()
	idle.uploadOnly() // says only what it has integrated, so it is held back
	idle.sync()
	busy.sync()
	busy.uploadOnly()
	busy.sync()
	a, done := f.look("app")
	defer done()
	version := a.engine.Version()
	require.Eventually(t, func() bool {
		f.trim(t.Context(), a, false)
		return a.engine.Floor() >= version-1
	}, patience, waitStep)
	// And everybody goes on.
	idle.write(create(100, "Lassie", 4)...)
	idle.upload()
	busy.sync()
	require.Contains(t, busy.dogs(), "100 Lassie 4")
	require.Equal(t, busy.dogs(), f.device("eve").subscribed(allDogs).dogs())
}

// What a session has told its client of, it does not hold, nor the room that it took.
func TestTidySession(t *testing.T) {
	s := &session{phase: running, at: 5, own: make([]store.Own, 2, 100), resets: map[uint64][]store.Reset{3: nil, 5: {{Version: 5}}, 6: {{Version: 6}}}, todo: make([]received, 0, 50)}
	require.NoError(t, s.tidyUp())
	require.Len(t, s.resets, 3, "it was not asked to")
	s.untidy.Store(true)
	require.NoError(t, s.tidyUp())
	require.Equal(t, map[uint64][]store.Reset{6: {{Version: 6}}}, s.resets)
	require.Len(t, s.own, 2)
	require.Equal(t, 2, cap(s.own))
	require.Nil(t, s.todo)
	require.False(t, s.untidy.Load())
}

// A session that was unbound is not held by its connection: a client that pauses and goes on leaves one each time.
func TestUnboundSessionIsGone(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	for range 3 {
		d.sync()
		a, done := f.look("app")
		a.mu.Lock()
		session := weak.Make(a.files[d.ident])
		a.mu.Unlock()
		done()
		require.NotNil(t, session.Value())
		d.send(&wire.Unbind{Session: d.sid})
		expect[*wire.Unbound](d.link)
		require.Eventually(t, func() bool {
			runtime.GC()
			return session.Value() == nil
		}, patience, waitStep)
		d.bind(d.sid + 1)
	}
}
