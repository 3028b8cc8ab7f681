// Package fairqueue decides who may do next what few may do at the same time: hashing passwords, scanning data. Groups (apps, kinds of callers) take turns, so
// that those who are many in one of them don't keep the others waiting, and what waits is bounded.
package fairqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrFull says that as many wait already as may.
var ErrFull = errors.New("fairqueue: too many are waiting")

// Queue lets a number of callers in at the same time. Make it with New. Its methods may be called concurrently.
type Queue struct {
	perGroup, all int

	mu      sync.Mutex
	free    int
	waiting int
	groups  map[string]*group // those in which somebody waits
	ring    []*group          // the same, the one whose turn is next first
}

type group struct {
	name    string
	waiting []chan struct{} // in the order in which they came; closed: it is in
}

// New makes a queue that lets slots callers in at once. Of one group perGroup may wait, of all together all.
func New(slots, perGroup, all int) *Queue {
	return &Queue{free: slots, perGroup: perGroup, all: all, groups: map[string]*group{}}
}

// Enter waits for the caller's turn: groups in which somebody waits have one after the other, and in a group those who came first. Call leave, once. The error is
// ErrFull, at once, or the context's.
func (q *Queue) Enter(ctx context.Context, name string) (leave func(), err error) {
	return q.enter(ctx, name, true)
}

// wanted tells whether somebody waits.
func (q *Queue) wanted() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting > 0
}

func (q *Queue) enter(ctx context.Context, name string, bounded bool) (leave func(), err error) {
	q.mu.Lock()
	if q.free > 0 { // then nobody waits
		q.free--
		q.mu.Unlock()
		return q.leave, nil
	}
	g := q.groups[name]
	if bounded && (q.waiting >= q.all || g != nil && len(g.waiting) >= q.perGroup) {
		q.mu.Unlock()
		return nil, ErrFull
	}
	if g == nil {
		g = &group{name: name}
		q.groups[name] = g
		q.ring = append(q.ring, g)
	}
	me := make(chan struct{})
	g.waiting = append(g.waiting, me)
	q.waiting++
	q.mu.Unlock()
	select {
	case <-me:
		return q.leave, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-me: // its turn came meanwhile
		q.next()
	default:
		q.give(g, me)
	}
	return nil, ctx.Err()
}

func (q *Queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
}

// next gives a slot to the next one. mu is held.
func (q *Queue) next() {
	if len(q.ring) == 0 {
		q.free++
		return
	}
	g := q.ring[0]
	me := g.waiting[0]
	q.ring = append(q.ring[1:], g)
	q.give(g, me)
	close(me)
}

// give takes one who waits out. mu is held.
func (q *Queue) give(g *group, me chan struct{}) {
	q.waiting--
	at := slices.Index(g.waiting, me)
	g.waiting = slices.Delete(g.waiting, at, at+1)
	if len(g.waiting) == 0 {
		delete(q.groups, g.name)
		at := slices.Index(q.ring, g)
		q.ring = slices.Delete(q.ring, at, at+1)
	}
}
