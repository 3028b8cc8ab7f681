package mql

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Meter counts what evaluating costs, in steps: a comparison of two values is one. It belongs to one goroutine, and so does what is evaluated
// with it at a time: it holds the values of variables, too.
type Meter struct {
	ctx   context.Context
	steps int   // that are left
	bytes int   // of results and of what is held for them, that are left
	next  int   // steps at which the context is looked at again
	vars  []any // the variables of the expressions that are being evaluated, outermost first
	now   any   // $$NOW, nil if it isn't known

	// Pause, if set, is called after each pauseTime of work, about: what goes on for long waits there until it may. Its errors end what is evaluated.
	Pause func(ctx context.Context, worked time.Duration) error
}

// NewMeter returns a meter that ends with the context, after so many steps, or when so many bytes are held.
func NewMeter(ctx context.Context, steps, bytes int) *Meter {
	return &Meter{ctx: ctx, steps: steps, bytes: bytes, next: steps}
}

// At says what time it is, for $$NOW. It returns the meter.
func (m *Meter) At(now time.Time) *Meter {
	m.now = bson.NewDateTimeFromTime(now)
	return m
}

// checkEvery is after how many steps the context is looked at.
const checkEvery = 1 << 14

// pauseTime is how long so many steps take, about, with the reading of what is evaluated.
const pauseTime = 4 * time.Millisecond

// Free gives bytes back that are held no more.
func (m *Meter) Free(n int) { m.bytes += n }

// Step counts steps. The error is ErrBudget or that of the context.
func (m *Meter) Step(n int) error {
	if m.steps -= n; m.steps < 0 {
		m.steps = 0
		return ErrBudget
	}
	if m.steps > m.next {
		return nil
	}
	m.next = m.steps - checkEvery
	if m.Pause != nil {
		if err := m.Pause(m.ctx, pauseTime); err != nil {
			return err
		}
	}
	return m.ctx.Err()
}

// Hold counts bytes that stay in memory. The error is ErrMemory.
func (m *Meter) Hold(n int) error {
	if m.bytes -= n; m.bytes < 0 {
		m.bytes = 0
		return ErrMemory
	}
	return nil
}

// made counts a value that an expression or a stage has made. One that is too large is refused before anything goes through it again: its parts
// may be shared, so that a few steps make one that nothing can go through.
func (m *Meter) made(v any) error {
	n := Size(v)
	if n >= maxSize {
		return ErrMemory
	}
	return m.Step(1 + n/64)
}
