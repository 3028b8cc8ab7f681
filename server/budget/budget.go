// Package budget bounds what the caches of all apps hold together. Nobody is asked what is in which cache: what is put into one stays until as many bytes as the
// budget has were put into any of them after it. So together they hold no more, and what goes first is what was put in longest ago, whichever app's it is.
package budget

import (
	"sync"
	"sync/atomic"
)

// sweeps is how many times in the life of what is put into a cache the caches that nobody uses are swept: so much more than the budget they may hold.
const sweeps = 16

// Cache is one that has a part in a budget.
type Cache interface {
	// Sweep gives up what is older than Budget.Floor. A cache does the same when something is put into it; this is for those into which nothing is. It may be called while
	// the cache's other methods are.
	Sweep()
}

// Budget is memory that caches share. Its methods may be called concurrently; a nil one has no end.
type Budget struct {
	limit uint64

	put  atomic.Uint64 // bytes, of all time
	last atomic.Uint64 // put when the sweep before was due

	mu     sync.Mutex
	caches map[Cache]struct{}

	due   chan struct{} // has room for one
	stop  chan struct{}
	ended chan struct{}
}

// New makes a budget of so many bytes, at least 1. Close it.
func New(bytes int64) *Budget {
	b := &Budget{limit: uint64(max(bytes, 1)), caches: map[Cache]struct{}{}, due: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		for {
			select {
			case <-b.due:
				b.sweep()
			case <-b.stop:
				return
			}
		}
	}()
	return b
}

// Close ends the sweeping.
func (b *Budget) Close() {
	close(b.stop)
	<-b.ended
}

// Join makes the caches swept, until leave is called.
func (b *Budget) Join(caches ...Cache) (leave func()) {
	if b == nil {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range caches {
		b.caches[c] = struct{}{}
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range caches {
			delete(b.caches, c)
		}
	}
}

// Put counts bytes that are put into a cache, and returns its stamp.
func (b *Budget) Put(bytes int) (stamp uint64) {
	if b == nil {
		return 0
	}
	stamp = b.put.Add(uint64(bytes))
	if last := b.last.Load(); stamp > last+b.limit/sweeps && b.last.CompareAndSwap(last, stamp) {
		select {
		case b.due <- struct{}{}:
		default:
		}
	}
	return stamp
}

// Floor is the stamp below which nothing is kept.
func (b *Budget) Floor() uint64 { return b.floor(1) }

// HalfFloor is the stamp below which something was put in so long ago that half of the budget was put in since.
func (b *Budget) HalfFloor() uint64 { return b.floor(2) }

func (b *Budget) floor(part uint64) uint64 {
	if b == nil {
		return 0
	}
	if put := b.put.Load(); put > b.limit/part {
		return put - b.limit/part
	}
	return 0
}

func (b *Budget) sweep() {
	b.mu.Lock()
	list := make([]Cache, 0, len(b.caches))
	for c := range b.caches {
		list = append(list, c)
	}
	b.mu.Unlock()
	for _, c := range list {
		c.Sweep()
	}
}
