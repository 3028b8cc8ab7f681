// Package clock is the time of tests.
package clock

import (
	"sync"
	"time"
)

// Clock stands still until a test moves it. Any goroutine may use it.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// At returns a clock that shows a time.
func At(at time.Time) *Clock { return &Clock{at: at} }

// Now is what the code under test is given for time.Now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move puts the clock forward.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
