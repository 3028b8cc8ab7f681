package mql

import "context"

// Meter counts what evaluating costs, in steps: a comparison of two values is one. It belongs to one goroutine.
type Meter struct {
	ctx   context.Context
	steps int // that are left
	bytes int // of results and of what is held for them, that are left
	next  int // steps at which the context is looked at again
}

// NewMeter returns a meter that ends with the context, after so many steps, or when so many bytes are held.
func NewMeter(ctx context.Context, steps, bytes int) *Meter {
	return &Meter{ctx: ctx, steps: steps, bytes: bytes, next: steps}
}

// checkEvery is after how many steps the context is looked at.
const checkEvery = 1 << 14

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
