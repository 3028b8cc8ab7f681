package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"realmsync/core/merge"
	"realmsync/core/realm/history"
	"realmsync/core/session"
)

type wallClock = time.Time

func unixMilli(ms int64) time.Time { return time.UnixMilli(ms) }

// world is one run. The driver is the one goroutine that calls its methods, but for those that say that machines call them.
type world struct {
	dir     string
	seed    uint64
	rules   merge.Rules
	nested  bool // clients write inside of objects too
	large   int  // sync.Config.LargeVersion
	server  *server
	clients []*client

	mu      sync.Mutex // guards what machines use: gates, links, faults, failures and the fields that say so
	gates   []*gate
	links   []*link
	acted   int // actions so far
	faults  map[string]int
	failure []string
	trace   strings.Builder
	log     logs

	full map[*machine]int // steps until the disk has room again
}

// failf notes that an invariant is broken. world.mu is held.
func (w *world) failf(format string, args ...any) {
	if len(w.failure) < 5 {
		w.failure = append(w.failure, fmt.Sprintf(format, args...))
	}
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failf(format, args...)
}

// note counts something that has happened.
func (w *world) note(fault string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[fault]++
}

// tracef adds a line to the trace of the run.
func (w *world) tracef(format string, args ...any) {
	fmt.Fprintf(&w.trace, format, args...)
	w.trace.WriteByte('\n')
}

func (w *world) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failure) == 0 {
		return nil
	}
	return errors.New(strings.Join(w.failure, "\n"))
}

func newWorld(dir string, c runCase) (*world, error) {
	rules, err := merge.ParseRules(c.rules)
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, seed: c.seed, rules: rules, nested: c.seed%4 != 0, faults: map[string]int{}, full: map[*machine]int{}}
	if c.seed%5 == 1 || c.seed%5 == 4 {
		w.large = 150
	}
	w.log.w = w
	if w.server, err = newServer(w); err != nil {
		return w, err
	}
	for i := range c.clients {
		client, err := newClient(w, i)
		if client != nil {
			w.clients = append(w.clients, client)
		}
		if err != nil {
			return w, err
		}
		w.rest()
	}
	return w, nil
}

// rest lets everything run until it waits for the driver, and deals with machines that have stopped meanwhile.
func (w *world) rest() {
	synctest.Wait()
	for _, c := range w.clients {
		if c.disk.dead() {
			w.revive(&c.machine, 0)
		}
	}
	if w.server.disk.dead() {
		w.revive(&w.server.machine, 0)
	}
}

// revive restarts a machine that has stopped.
func (w *world) revive(m *machine, r uint64) {
	random := rand.New(rand.NewPCG(r, w.seed^uint64(w.acted)))
	w.note("crash of the " + strings.TrimRight(m.name, "0123456789"))
	w.bring(m, random)
}

// bring stops a machine and starts it anew: after a crash if its disk is dead, or else properly, in which case it may crash while it stops.
func (w *world) bring(m *machine, random *rand.Rand) {
	var stop, start func() error
	if m == &w.server.machine {
		w.server.sever(random.IntN(3) == 0)
		stop, start = w.server.stop, w.server.start
	} else {
		c := w.clients[w.indexOf(m)]
		if l := w.present(c); l != nil {
			w.cut(l, []uint64{cutBoth, cutClient, cutDeaf}[random.IntN(3)])
		}
		stop, start = c.stop, c.start
	}
	err := stop()
	synctest.Wait()
	dead := m.disk.dead()
	if err != nil && !dead && w.full[m] == 0 {
		w.fail("%s can't be closed: %v", m.name, err)
	}
	if m.disk.torn() {
		w.note("storage operation torn")
	}
	lose := dead && random.IntN(2) == 0
	undone := m.disk.revive(lose, random.Uint64N(1000))
	delete(w.full, m)
	if lose {
		w.note("power lost")
		if undone > 0 {
			w.mu.Lock()
			w.faults["unsynced write lost"] += undone
			w.mu.Unlock()
		}
	}
	w.tracef("restart %s dead=%v undone=%d", m.name, dead, undone)
	if err := start(); err != nil {
		w.fail("%s can't be opened: %v", m.name, err)
	}
	synctest.Wait()
}

func (w *world) indexOf(m *machine) int {
	for i, c := range w.clients {
		if m == &c.machine {
			return i
		}
	}
	return -1
}

// act lets something happen, as the random number says. It tells whether there was something.
func (w *world) act(n uint64) bool {
	actions := w.actions()
	w.mu.Lock()
	w.acted++
	for _, l := range w.links {
		l.up.held, l.down.held = max(0, l.up.held-1), max(0, l.down.held-1)
	}
	w.mu.Unlock()
	if len(actions) == 0 {
		return false
	}
	actions[n%uint64(len(actions))].do()
	w.rest()
	return true
}

// settle ends all troubles and lets everything arrive.
func (w *world) settle() {
	for _, m := range w.machines() {
		m.disk.setFull(false)
		m.disk.arm(0, 0)
	}
	clear(w.full)
	for _, c := range w.clients {
		w.mu.Lock()
		c.refuse = 0
		w.mu.Unlock()
		c.session.Resume()
	}
	w.rest()
	for round := range 4 { // what one uploads last the others must be told; what is taken back, too
		waiting := 0 // guarded by mu
		done := func(what string, c *client) func(error) {
			w.mu.Lock()
			waiting++
			w.mu.Unlock()
			return func(err error) {
				w.mu.Lock()
				waiting--
				if err != nil {
					w.failf("%s: waiting for %s: %v", c.name, what, err)
				}
				w.mu.Unlock()
			}
		}
		for _, c := range w.clients {
			set := w.latestSet(c)
			c.session.WaitForUpload(done("upload", c))
			c.session.WaitForDownload(done("download", c))
			sets := done("subscriptions", c)
			c.session.WaitForSet(set, func(_ session.SetState, err error) { sets(err) })
			synctest.Wait()
		}
		for quiet := 0; ; {
			w.mu.Lock()
			left := waiting
			w.mu.Unlock()
			if w.act(uint64(w.acted)) {
				continue
			}
			if left == 0 {
				break
			}
			if quiet++; quiet > 3000 {
				w.fail("it doesn't settle (round %d, %d waits)", round, left)
				return
			}
			time.Sleep(time.Second)
			w.rest()
		}
		if w.failed() != nil {
			return
		}
	}
}

func (w *world) machines() []*machine {
	out := []*machine{}
	for _, c := range w.clients {
		out = append(out, &c.machine)
	}
	return append(out, &w.server.machine)
}

// latestSet returns the version of the newest subscription set of a client.
func (w *world) latestSet(c *client) int64 {
	var version int64
	err := c.conn.BeginRead()
	if err == nil {
		var set *history.Set
		if set, err = history.LatestSet(c.conn); err == nil {
			version = set.Version
		}
		err = errors.Join(err, c.conn.EndRead())
	}
	if err != nil {
		w.fail("%s: %v", c.name, err)
	}
	return version
}

// close ends everything and frees the disks.
func (w *world) close() {
	for _, c := range w.clients {
		w.release(&c.machine)
	}
	w.release(&w.server.machine)
	for _, c := range w.clients {
		if c.manager != nil {
			c.manager.Close()
		}
		if c.conn != nil {
			_ = c.conn.Close()
		}
	}
	if w.server != nil && w.server.endpoint != nil {
		_ = w.server.stop()
	}
	time.Sleep(time.Second) // core/store keeps files open for half a second after they were closed
	synctest.Wait()
	for _, m := range w.machines() {
		m.disk.free()
	}
}
