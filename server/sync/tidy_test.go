package sync

import (
	"testing"

	"github.com/stretchr/testify/require"
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
