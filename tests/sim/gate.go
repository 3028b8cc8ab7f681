package main

import (
	"context"
	"slices"
	"strings"
)

// machine is what fails as a whole: a client or the server.
type machine struct {
	name string
	disk *disk
	free bool // nothing of it waits for the driver: it is being shut down. Guarded by world.mu
}

// gate is an operation that waits for the driver: nothing happens in a run but what the driver has let happen, one thing at a time. That is
// what makes a run depend on its seed alone, although real goroutines are at work.
type gate struct {
	name string
	m    *machine
	ch   chan error
}

// pass waits until the driver lets the operation begin; with an error it must fail.
func (w *world) pass(ctx context.Context, m *machine, name string) error {
	w.mu.Lock()
	if m.free {
		w.mu.Unlock()
		return nil
	}
	g := &gate{m.name + "." + name, m, make(chan error, 1)}
	w.gates = append(w.gates, g)
	w.mu.Unlock()
	select {
	case err := <-g.ch:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		w.gates = slices.DeleteFunc(w.gates, func(o *gate) bool { return o == g })
		w.mu.Unlock()
		return ctx.Err()
	}
}

// release lets everything of a machine go its way, and what comes later too, until hold.
func (w *world) release(m *machine) {
	w.mu.Lock()
	m.free = true
	w.gates = slices.DeleteFunc(w.gates, func(g *gate) bool {
		if g.m == m {
			g.ch <- nil
		}
		return g.m == m
	})
	w.mu.Unlock()
}

func (w *world) hold(m *machine) {
	w.mu.Lock()
	m.free = false
	w.mu.Unlock()
}

// action is something that can happen next.
type action struct {
	name string
	do   func()
}

// actions are all that can happen next, by name: goroutines come to their gates in any order.
func (w *world) actions() (out []action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.gates {
		out = append(out, action{g.name, func() { w.open(g) }})
	}
	for _, l := range w.links {
		for _, d := range []*direction{&l.up, &l.down} {
			if d.ready() {
				out = append(out, action{d.name, func() { w.deliver(l, d) }})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b action) int { return strings.Compare(a.name, b.name) })
	return out
}

// open lets the operation of a gate begin.
func (w *world) open(g *gate) {
	w.mu.Lock()
	w.gates = slices.DeleteFunc(w.gates, func(o *gate) bool { return o == g })
	w.mu.Unlock()
	w.tracef("%s", g.name)
	g.ch <- nil
}
