package script

import (
	"container/heap"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// loop is what the goroutine of a call does between pieces of JavaScript: it waits for operations and timers. Operations on data run one
// after the other, in the order in which they were asked for; requests run beside each other, up to maxRequests.
type loop struct {
	c       *call
	done    chan func() error // what to do on the call's goroutine, one for each operation
	workers sync.WaitGroup
	waiting int // operations that were asked for and have not come back
	lanes   [2]lane
	timers  timerHeap
	byID    map[int64]*timer
	lastID  int64
}

// lane is a queue of operations of which so many run at once.
type lane struct {
	most, running int
	queue         []func()
}

const (
	laneData = iota
	laneHTTP
)

const maxRequests = 6 // at once, of one call

func (l *loop) init(c *call) {
	l.c = c
	l.byID = map[int64]*timer{}
	l.done = make(chan func() error)
	l.lanes = [2]lane{{most: 1}, {most: maxRequests}}
}

// close waits for what is running. The call's context has ended.
func (l *loop) close() {
	l.workers.Wait()
	for _, t := range l.timers {
		delete(l.byID, t.id)
	}
}

// start asks for an operation and returns the promise of it. work runs on another goroutine and must not touch the runtime; what it
// returns does, and runs on the call's.
func (l *loop) start(which int, work func(ctx context.Context) (func() goja.Value, error)) goja.Value {
	c := l.c
	if l.waiting+len(l.timers) >= c.Limits.Pending {
		panic(c.vm.NewTypeError("more than %d operations are pending", c.Limits.Pending))
	}
	promise, resolve, reject := c.vm.NewPromise()
	asked := c.vm.CaptureCallStack(maxCallers, nil)
	l.waiting++
	lane := &l.lanes[which]
	lane.queue = append(lane.queue, func() {
		value, err := work(c.ctx)
		settle := func() error {
			l.waiting--
			lane.running--
			l.next(lane)
			if err != nil {
				return reject(c.askedAt(c.errorOf(err), asked))
			}
			return resolve(value())
		}
		select {
		case l.done <- settle:
		case <-c.ctx.Done():
		}
	})
	l.next(lane)
	return c.vm.ToValue(promise)
}

// maxCallers is how many functions are told of those that asked for what failed.
const maxCallers = 10

// askedAt gives an error of an operation the stack of those who asked for it: by itself it has none, for nothing of JavaScript runs when it is made.
func (c *call) askedAt(failed goja.Value, asked []goja.StackFrame) goja.Value {
	var stack strings.Builder
	stack.WriteString("Error: " + c.textOf(failed))
	for _, frame := range asked {
		if at := frame.Position(); at.Line > 0 {
			fmt.Fprintf(&stack, "\n\tat %s (%s)", frame.FuncName(), at)
		}
	}
	c.must(failed.ToObject(c.vm).Set("stack", stack.String()))
	return failed
}

func (l *loop) next(lane *lane) {
	for len(lane.queue) > 0 && lane.running < lane.most {
		work := lane.queue[0]
		lane.queue[0] = nil
		lane.queue = lane.queue[1:]
		lane.running++
		l.workers.Go(work)
	}
}

// step waits for the next thing to happen, and lets it happen.
func (l *loop) step() error {
	var clock <-chan time.Time
	if len(l.timers) > 0 {
		t := time.NewTimer(time.Until(l.timers[0].at))
		defer t.Stop()
		clock = t.C
	} else if l.waiting == 0 {
		return thrown("the function waits for a promise that nothing is left to settle")
	}
	select {
	case settle := <-l.done:
		return l.c.enter(settle)
	case <-clock:
		return l.c.enter(l.fire)
	case <-l.c.ctx.Done():
		return context.Cause(l.c.ctx)
	}
}

// timer is one of setTimeout and setInterval.
type timer struct {
	id    int64
	at    time.Time
	every time.Duration // 0: once
	fn    goja.Callable
	args  []goja.Value
	index int // in the heap; -1: not there
}

const minInterval = time.Millisecond

// fire runs the timer that is due first.
func (l *loop) fire() error {
	t := l.timers[0]
	if t.every > 0 {
		t.at = time.Now().Add(t.every)
		heap.Fix(&l.timers, 0)
	} else {
		l.drop(t)
	}
	_, err := t.fn(goja.Undefined(), t.args...)
	return err
}

func (l *loop) drop(t *timer) {
	delete(l.byID, t.id)
	if t.index >= 0 {
		heap.Remove(&l.timers, t.index)
	}
}

// timeouts makes setTimeout, setInterval and what clears them.
func (l *loop) timeouts(global *goja.Object) error {
	add := func(repeat bool) func(goja.FunctionCall) goja.Value {
		return func(f goja.FunctionCall) goja.Value {
			vm := l.c.vm
			fn, ok := goja.AssertFunction(f.Argument(0))
			if !ok {
				panic(vm.NewTypeError("the first argument must be a function"))
			}
			if l.waiting+len(l.timers) >= l.c.Limits.Pending {
				panic(vm.NewTypeError("more than %d operations are pending", l.c.Limits.Pending))
			}
			wait := time.Duration(min(max(f.Argument(1).ToInteger(), 0), 1<<31)) * time.Millisecond
			l.lastID++
			t := &timer{id: l.lastID, at: time.Now().Add(wait), fn: fn}
			if len(f.Arguments) > 2 {
				t.args = append(t.args, f.Arguments[2:]...) // the slice is goja's
			}
			if repeat {
				t.every = max(wait, minInterval)
			}
			l.byID[t.id] = t
			heap.Push(&l.timers, t)
			return vm.ToValue(t.id)
		}
	}
	cancel := func(f goja.FunctionCall) goja.Value {
		if t := l.byID[f.Argument(0).ToInteger()]; t != nil {
			l.drop(t)
		}
		return goja.Undefined()
	}
	return l.c.define(global, map[string]any{
		"setTimeout": add(false), "setInterval": add(true), "clearTimeout": cancel, "clearInterval": cancel,
	})
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].id < h[j].id
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer) //nolint:forcetypeassert // only timers are pushed
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
