package worker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config says how a Pool works. The zero value of each field means the default.
type Config struct {
	Workers int           // at most so many at once, of all apps together; 32
	Idle    time.Duration // how long one is kept that nobody needs; 1 minute
	Memory  int64         // what one may use, in bytes; 256 MiB. The kernel ends it at 256 MiB more
	// Grace is how much longer than a limit a worker has to say so itself; 1 s. After that it is killed.
	Grace  time.Duration
	Logger *slog.Logger // default: none
}

// Pool has the workers of a server. No worker runs code of two apps. Its methods may be called concurrently.
type Pool struct {
	cfg Config

	mu      sync.Mutex
	closed  bool
	places  int              // workers, those that start and those that end among them
	ending  int              // of those: workers that were told to end so that there is room
	idle    []*idle          // the one that has been longest first
	busy    map[string]int   // leases by app
	waiting []*waiter        // in the order in which they came
	lives   map[*process]any // those that were started
	ended   sync.WaitGroup   // a place each
}

// idle is a worker that nobody has.
type idle struct {
	w     *process
	timer *time.Timer
}

// waiter is somebody who wants a worker. What it is given is a worker, or nil for the place to start one.
type waiter struct {
	app  string
	give chan *process // has room for one; closed: the pool is
}

// ErrClosed is why nothing runs any more.
var ErrClosed = errors.New("worker: the pool is closed")

// New makes a Pool. It has no workers until they are needed. Close it.
func New(cfg Config) *Pool {
	if cfg.Workers <= 0 {
		cfg.Workers = 32
	}
	if cfg.Idle <= 0 {
		cfg.Idle = time.Minute
	}
	if cfg.Memory <= 0 {
		cfg.Memory = 256 << 20
	}
	if cfg.Grace <= 0 {
		cfg.Grace = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Pool{cfg: cfg, busy: map[string]int{}, lives: map[*process]any{}}
}

// Close ends all workers, and waits until nothing is left of them. Calls that run come to a CrashError or the like.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, w := range p.waiting {
		close(w.give)
	}
	p.waiting = nil
	for _, i := range p.idle {
		i.timer.Stop()
	}
	p.idle = nil
	for w := range p.lives {
		w.kill(ErrClosed)
	}
	p.mu.Unlock()
	p.ended.Wait()
}

// Lease is a worker that a call has, and the calls within it. Release it.
type Lease struct {
	p *Pool
	w *process
}

// Lease waits for a worker for an app. Apps that have fewer come first, and then who came first. It ends with the context.
func (p *Pool) Lease(ctx context.Context, app string) (*Lease, error) {
	me := &waiter{app, make(chan *process, 1)}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.waiting = append(p.waiting, me)
	p.dispatch()
	p.mu.Unlock()
	select {
	case w, open := <-me.give:
		if !open {
			return nil, ErrClosed
		}
		if w == nil {
			return p.start(app)
		}
		return &Lease{p, w}, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.Index(p.waiting, me); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
		return nil, context.Cause(ctx)
	}
	if w, open := <-me.give; open { // it was given what nobody waits for now
		p.back(app, w)
	}
	return nil, context.Cause(ctx)
}

// start starts a worker in the place that was given for it.
func (p *Pool) start(app string) (*Lease, error) {
	w, err := start(app, p.cfg, p.gone)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.back(app, nil)
		return nil, err
	}
	if w.alive() { // else gone has been, or is about to
		p.lives[w] = nil
	}
	if p.closed {
		w.kill(ErrClosed)
	}
	return &Lease{p, w}, nil
}

// back takes a worker back, or the place for one. mu is held.
func (p *Pool) back(app string, w *process) {
	if p.busy[app]--; p.busy[app] == 0 {
		delete(p.busy, app)
	}
	switch {
	case w == nil:
		p.places--
		p.ended.Done()
	case p.closed || !w.alive(): // it is ending
	case w.worn():
		w.kill(errRetired)
	default:
		i := &idle{w: w}
		i.timer = time.AfterFunc(p.cfg.Idle, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if at := slices.Index(p.idle, i); at >= 0 {
				p.idle = slices.Delete(p.idle, at, at+1)
				w.kill(errRetired)
			}
		})
		p.idle = append(p.idle, i)
	}
	p.dispatch()
}

// gone is called when a worker has ended.
func (p *Pool) gone(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lives, w)
	if at := slices.IndexFunc(p.idle, func(i *idle) bool { return i.w == w }); at >= 0 {
		p.idle[at].timer.Stop()
		p.idle = slices.Delete(p.idle, at, at+1)
	}
	p.ending = max(p.ending-1, 0)
	p.places--
	p.dispatch()
	p.ended.Done()
}

// dispatch gives workers, and places for them, to those who wait. mu is held.
func (p *Pool) dispatch() {
	for len(p.waiting) > 0 && !p.closed {
		next := slices.MinFunc(p.waiting, func(a, b *waiter) int { return cmp.Compare(p.busy[a.app], p.busy[b.app]) })
		var give *process
		// The one that was used last: the others come to their end.
		at := -1
		for i := range p.idle {
			if p.idle[i].w.app == next.app && p.idle[i].w.alive() {
				at = i
			}
		}
		switch {
		case at >= 0:
			give = p.idle[at].w
			p.idle[at].timer.Stop()
			p.idle = slices.Delete(p.idle, at, at+1)
		case p.places < p.cfg.Workers:
			p.places++
			p.ended.Add(1)
		default:
			// Another app's makes room, when it has ended.
			for len(p.idle) > 0 && p.ending < len(p.waiting) {
				p.idle[0].timer.Stop()
				p.idle[0].w.kill(errRetired)
				p.idle = slices.Delete(p.idle, 0, 1)
				p.ending++
			}
			return
		}
		p.busy[next.app]++
		p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool { return w == next })
		next.give <- give // has room for one
	}
}

// Run runs a call. Calls within it may be run with the same lease, while it runs.
func (l *Lease) Run(ctx context.Context, host Host, c Call) Outcome { return l.w.run(ctx, host, c) }

// Release gives the worker back.
func (l *Lease) Release() {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.back(l.w.app, l.w)
}
