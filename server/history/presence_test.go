package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server that was down for weeks, or whose clock was wrong when it started, expires nobody for that: devices could not come. Time in which it runs counts, and
// time in which it was closed up to two hours.
func TestClosedTimeIsNotAway(t *testing.T) {
	for name, closed := range map[string]time.Duration{"down for weeks": 60 * 24 * time.Hour, "a clock that is years ahead": 50_000 * time.Hour, "a clock that went back": -1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			f, d := withT(t, nil)
			d.write(create(1))
			f.clock.Move(closed)
			f.restart()
			trim := func() int { return f.trim(Retention{Offline: 24 * time.Hour}).Expired }
			require.Zero(t, trim())
			f.clock.Move(22 * time.Hour)
			require.Zero(t, trim())
			f.clock.Move(-closed) // somebody puts it right
			f.restart()
			require.Zero(t, trim())
			_, err := f.Identify(t.Context(), d.claim())
			require.NoError(t, err)
			f.clock.Move(26 * time.Hour)
			require.Equal(t, 1, trim())
		})
	}
}

// What a file is given as the time when it was seen doesn't go back when an app is opened again, and the clock of the machine is taken where it can be right.
func TestPresence(t *testing.T) {
	at := time.UnixMilli(epoch + 10*seenEvery)
	var p presence
	begin := func(seen uint64) uint64 {
		p.begin(func() time.Time { return at }, seen)
		return p.now()
	}
	require.EqualValues(t, 10*seenEvery, begin(0))
	require.EqualValues(t, 10*seenEvery, begin(9*seenEvery))
	require.EqualValues(t, 10*seenEvery, begin(8*seenEvery))
	require.EqualValues(t, 9*seenEvery, begin(7*seenEvery))
	require.EqualValues(t, 12*seenEvery, begin(12*seenEvery))
	at = at.Add(1500 * time.Microsecond)
	require.EqualValues(t, 12*seenEvery+1, p.now())
	at = at.Add(500 * time.Microsecond)
	require.EqualValues(t, 12*seenEvery+2, p.now())
	at = at.Add(-time.Hour)
	require.EqualValues(t, 12*seenEvery+2, p.now())
}
