package history

import (
	"sync"
	"time"
)

// closedCounts is for how long, in ms, a time in which an app was closed counts as one in which its client files were away. LastSeen is exact to
// seenEvery, so an app that is closed and opened again within that has lost nothing of its clock.
const closedCounts = 2 * seenEvery

// presence is the clock by which client files are away (store.File.LastSeen): a clock that was wrong, or a server that was down for weeks, must not expire
// devices that could not come. It begins where the files were seen last, counts the time that has passed since then up to closedCounts, and goes on as
// time passes in this process, whatever is done to the clock of the machine. So it is never ahead of a clock that is right, and may be behind.
type presence struct {
	wall func() time.Time

	mu   sync.Mutex
	at   uint64 // ms since 2015
	last time.Time
}

// begin sets the clock; seen is the newest time that it has given to a file, 0 if there is none.
func (p *presence) begin(wall func() time.Time, seen uint64) {
	p.wall, p.last = wall, wall()
	p.at = sinceEpoch(p.last)
	if seen > 0 {
		p.at = min(max(p.at, seen), seen+closedCounts)
	}
}

// now returns the time in ms since 2015, never 0. It never goes back.
func (p *presence) now() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Times of time.Now have a monotonic reading, which Sub takes.
	if passed := p.wall().Sub(p.last).Truncate(time.Millisecond); passed > 0 {
		p.at += uint64(passed.Milliseconds())
		p.last = p.last.Add(passed)
	}
	return p.at
}

// sinceEpoch returns a time in ms since 2015, never 0.
func sinceEpoch(t time.Time) uint64 { return uint64(max(t.UnixMilli()-epoch, 1)) }
