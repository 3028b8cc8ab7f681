package functions

import (
	"context"
	"net/http"
	"sync"
	"time"

	"realmsync/server/apierror"
	"realmsync/server/functions/worker"
)

// maxWaiting is how many calls of one app wait for their turn: each has its arguments in memory, up to 4 MiB of extended JSON.
const maxWaiting = 100

// errBusy is what a call is told that waited too long, or would be one too many to wait.
var errBusy = &apierror.Error{Status: http.StatusTooManyRequests, Text: "too many functions are running, try again later", Retry: 10 * time.Second}

// place is what a call holds, and the calls within it: one of the app's places, and a worker. It has both from when one of them first runs.
// Its methods may be called concurrently.
type place struct {
	s   *Service
	app *app
	id  string // of the app

	mu      sync.Mutex
	got     *worker.Lease     // nil: none yet
	settled []<-chan struct{} // what must be over before the app has its place back
}

// stack is where a call is, in its context: how many it is within, and what they hold.
type stack struct {
	depth int
	at    *place
}

type stackKey struct{}

// lease waits for the app's turn and for a worker, unless it is there.
func (p *place) lease(ctx context.Context) (*worker.Lease, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.got != nil {
		return p.got, nil
	}
	if p.app.waiting.Add(1) > maxWaiting {
		p.app.waiting.Add(-1)
		return nil, errBusy
	}
	defer p.app.waiting.Add(-1)
	ctx, cancel := context.WithTimeoutCause(ctx, p.s.cfg.Limits.Wall, errBusy)
	defer cancel()
	select {
	case p.app.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l, err := p.s.pool.Lease(ctx, p.id)
	if err != nil {
		<-p.app.slots
		return nil, err
	}
	p.got = l
	return l, nil
}

// wait puts off when the app has its place back.
func (p *place) wait(settled <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(p.settled, settled)
}

// leave gives back what is held.
func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.got == nil {
		return
	}
	p.got.Release()
	if len(p.settled) == 0 {
		<-p.app.slots
		return
	}
	p.s.running.Go(func() {
		for _, s := range p.settled {
			<-s
		}
		<-p.app.slots
	})
}
