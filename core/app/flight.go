package app

import (
	"context"
	"sync"
)

// flight lets one caller at a time do something whose result suits all that ask meanwhile. The one who does it does it on its
// own goroutine with its own context; the others wait, each as long as its context lets it.
type flight struct {
	mu   sync.Mutex
	call *flightCall
}

type flightCall struct {
	done      chan struct{}
	err       error
	abandoned bool // it failed because its caller went away: no answer for the others
}

// do runs fn, or waits for the call of fn that is already under way and returns its result.
func (f *flight) do(ctx context.Context, fn func(context.Context) error) error {
	for {
		f.mu.Lock()
		c := f.call
		if c == nil {
			c = &flightCall{done: make(chan struct{}), abandoned: true}
			f.call = c
			f.mu.Unlock()
			f.lead(ctx, c, fn)
			return c.err
		}
		f.mu.Unlock()
		select {
		case <-c.done:
			if !c.abandoned {
				return c.err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lead ends the call also when fn panics: a custom transport may, and then the others try for themselves.
func (f *flight) lead(ctx context.Context, c *flightCall, fn func(context.Context) error) {
	defer func() {
		f.mu.Lock()
		f.call = nil
		f.mu.Unlock()
		close(c.done)
	}()
	c.err = fn(ctx)
	c.abandoned = c.err != nil && ctx.Err() != nil
}
