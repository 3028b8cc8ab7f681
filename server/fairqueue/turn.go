package fairqueue

import (
	"context"
	"time"
)

// slice is how much a caller does before it needs a slot, and before it lets others who wait have it.
const slice = 20 * time.Millisecond

// Turn is work that may be long, and that can pause: it has a slot only while it works, so that as much goes on at the same time as there are slots, and whoever has
// long work waits for it, and nobody else. What is short never waits. A nil one never waits either. It belongs to one goroutine at a time.
type Turn struct {
	q     *Queue
	group string
	began bool // it has had a slot: it is among those that wait, however many they are
	leave func()
	left  time.Duration // of its slice
}

// Turn begins work for a group. bounded says that it is refused, with ErrFull, if too many wait when it turns out to be long; otherwise something else must bound how many
// there are. End it. On a nil queue it is nil.
func (q *Queue) Turn(group string, bounded bool) *Turn {
	if q == nil {
		return nil
	}
	return &Turn{q: q, group: group, began: !bounded, left: slice}
}

// Pause is called by the work every few milliseconds at most, says how long it has worked since, about, and returns when it may go on. What it says is an estimate
// and not what a clock says: on a machine that is busy, short work takes long. The error is ErrFull or that of the context.
func (t *Turn) Pause(ctx context.Context, worked time.Duration) error {
	if t == nil {
		return nil
	}
	if t.left -= worked; t.left > 0 {
		return nil
	}
	if t.leave != nil && !t.q.wanted() {
		t.left = slice
		return nil
	}
	t.Rest()
	leave, err := t.q.enter(ctx, t.group, !t.began)
	if err != nil {
		return err
	}
	t.leave, t.began, t.left = leave, true, slice
	return nil
}

// Rest gives the slot back until the next Pause, before the work waits for something else.
func (t *Turn) Rest() {
	if t != nil && t.leave != nil {
		t.leave()
		t.leave, t.left = nil, 0
	}
}

// End ends the work.
func (t *Turn) End() { t.Rest() }

type turnKey struct{}

// With returns a context in which RestIn finds the turn.
func (t *Turn) With(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, turnKey{}, t)
}

// RestIn is Rest for the turn of a context, if it has one. It is for the goroutine that the turn belongs to.
func RestIn(ctx context.Context) {
	t, _ := ctx.Value(turnKey{}).(*Turn)
	t.Rest()
}
