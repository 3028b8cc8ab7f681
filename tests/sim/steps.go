package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/synctest"
	"time"
)

// step is something that happens. Its numbers mean something for whatever there is when it happens, so that any part of a list of steps is a
// run of its own.
type step struct {
	do   string
	a, b uint64
}

// runCase is all that decides a run.
type runCase struct {
	rules   string
	seed    uint64
	clients int
	steps   []step
}

// weights say how often a step is chosen.
var weights = []struct {
	do string
	n  int
}{
	{"io", 42}, {"write", 22}, {"pass", 7}, {"cut", 7}, {"hold", 5}, {"refuse", 3}, {"crash", 5}, {"kill", 2}, {"restart", 2}, {"full", 3},
	{"subscribe", 4}, {"pause", 2}, {"resume", 3}, {"skew", 2}, {"schema", 1}, {"burst", 3}, {"doubt", 2},
}

// generate makes the case of a seed.
func generate(seed uint64, rules string, length int) runCase {
	r := rand.New(rand.NewPCG(seed, 2026))
	c := runCase{rules: rules, seed: seed, clients: 2 + r.IntN(2)}
	total := 0
	for _, w := range weights {
		total += w.n
	}
	// A first part in which everybody gets to know the server, mostly without trouble.
	for range 3 + r.IntN(8) {
		c.steps = append(c.steps, step{"io", 10 + r.Uint64N(20), r.Uint64N(1 << 20)})
	}
	for range length/2 + r.IntN(length) {
		n := r.IntN(total)
		for _, w := range weights {
			if n -= w.n; n < 0 {
				c.steps = append(c.steps, step{w.do, r.Uint64N(1 << 16), r.Uint64N(1 << 20)})
				break
			}
		}
	}
	return c
}

// take does a step.
func (w *world) take(s step) {
	w.tracef("= %s %d %d", s.do, s.a, s.b)
	c := w.clients[s.a%uint64(len(w.clients))]
	machines := w.machines()
	m := machines[s.a%uint64(len(machines))]
	r := rand.New(rand.NewPCG(s.b, 3))
	switch s.do {
	case "io":
		for range s.a % 40 {
			if !w.act(r.Uint64()) {
				break
			}
		}
	case "write":
		w.local(c, func() error { return c.write(s.b) })
	case "burst": // so that there is something to merge with
		for range 2 + s.b%6 {
			w.local(c, func() error { return c.write(r.Uint64()) })
		}
	case "doubt": // a commit whose caller never learns that it is there
		c.disk.armSync(true)
		w.local(c, func() error { return c.write(s.b) })
		c.disk.armSync(false)
	case "schema":
		w.local(c, func() error { return c.extend(s.b) })
	case "subscribe":
		w.local(c, func() error { return c.subscribe(max(0, int(s.b%uint64(2*len(views)-1))-len(views)+1)) })
		w.note("subscription change")
	case "pass":
		time.Sleep(time.Duration(r.Uint64N([]uint64{10, 1000, 60_000, 200_000}[s.a%4])) * time.Millisecond)
		w.note("time passes")
	case "cut":
		if l := w.present(c); l != nil {
			w.cut(l, s.b)
			w.note("disconnect")
		}
	case "hold":
		if l := w.present(c); l != nil {
			w.mu.Lock()
			if s.b%2 == 0 {
				l.up.held = int(5 + s.b%80)
			} else {
				l.down.held = int(5 + s.b%80)
			}
			w.mu.Unlock()
			w.note("connection stalls")
		}
	case "refuse":
		w.mu.Lock()
		c.refuse = int(1 + s.b%3)
		w.mu.Unlock()
	case "crash":
		m.disk.arm(1+s.b%14, r.Uint64N(257))
		w.note("crash at a storage operation to come")
	case "kill":
		m.disk.kill()
		w.note("kill")
	case "restart":
		if s.b%2 == 0 {
			m.disk.arm(1+s.b/2%8, r.Uint64N(257)) // it may crash while it stops
		}
		w.note("restart")
		w.bring(m, r)
	case "full":
		m.disk.setFull(true)
		w.full[m] = int(1 + s.b%12)
		w.note("disk fills up")
	case "pause":
		c.session.Pause()
		w.note("pause")
	case "resume":
		c.session.Resume()
	case "skew":
		c.skew = int64(s.b%6000) - 3000
		w.note("clock changed")
	}
	w.rest()
	for _, m := range machines {
		if w.full[m] > 0 {
			if w.full[m]--; w.full[m] == 0 {
				m.disk.setFull(false)
				delete(w.full, m)
			}
		}
	}
	synctest.Wait()
}

// local is something that a client's program does. The disk may stop it.
func (w *world) local(c *client, do func() error) {
	err := do()
	synctest.Wait()
	switch {
	case err == nil:
		w.note("commit")
	case c.disk.dead() || w.full[&c.machine] > 0:
		w.note("commit failed")
	default:
		w.fail("%s: a commit failed: %v", c.name, err)
	}
}

// format is a case as text, parse the reverse.
func (c runCase) format() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seed %d clients %d\n", c.rules, c.seed, c.clients)
	for _, s := range c.steps {
		fmt.Fprintf(&b, "%s %d %d\n", s.do, s.a, s.b)
	}
	return b.String()
}

func parse(text string) (c runCase, err error) {
	first := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if first {
			if _, err := fmt.Sscanf(line, "%s seed %d clients %d", &c.rules, &c.seed, &c.clients); err != nil {
				return c, fmt.Errorf("%q: %w", line, err)
			}
			first = false
			continue
		}
		var s step
		if _, err := fmt.Sscanf(line, "%s %d %d", &s.do, &s.a, &s.b); err != nil {
			return c, fmt.Errorf("%q: %w", line, err)
		}
		c.steps = append(c.steps, s)
	}
	return c, nil
}
