package history

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

// The simulation runs clients against an engine: what each does is a list of steps, which are numbers, so that any part of the list
// can be run by itself. In the end every client must have exactly what its view shows of the server's state, and that must be what
// the history leads to.

// step is something that happens. Its numbers mean something for whatever there is when it happens.
type step struct {
	do   string
	a, b uint64
}

// simulation is one run.
type simulation struct {
	dir      string
	engine   *Engine
	views    bool // clients have views that change; otherwise everyone sees everything
	permit   bool // and may not write everything that they see (simPermission)
	memory   int
	rules    merge.Rules
	clients  []*simClient
	sessions []*simSession
	begun    [][]store.View // by client: bootstraps that were begun and have not arrived, as far as is known
	clock    uint64
	trims    *rand.Rand // trims the history at random moments, and breaks that off at others; nil: never
}

const simClients = 3

func (s *simulation) open() error {
	file, err := sqlite.Open(context.Background(), filepath.Join(s.dir, "sync.db"))
	if err != nil {
		return err
	}
	s.engine, err = Open(context.Background(), Config{App: "sim", Store: file, Rules: s.rules, RecentBytes: s.memory, inline: min(s.memory, maxInline)})
	return err
}

func (s *simulation) begin() error {
	if err := s.open(); err != nil {
		return err
	}
	start := memstate.New(schema.New())
	if err := start.Apply(&changeset.Changeset{Instructions: simSchema()}); err != nil {
		return err
	}
	for i := range simClients {
		file, err := s.engine.NewFile(context.Background(), "user", 0)
		if err != nil {
			return err
		}
		c := &simClient{file: file, state: start.Clone(), base: 1, rules: s.rules, clock: 100, queries: []Viewer{where("")}}
		c.reciprocals = make(map[uint64]*changeset.Changeset)
		s.clients, s.sessions, s.begun = append(s.clients, c), append(s.sessions, nil), append(s.begun, nil)
		if i == 0 {
			c.commit(&changeset.Changeset{Instructions: simSchema()})
		}
		if err := s.connect(i); err != nil {
			return err
		}
		if err := s.subscribe(i, 7); err != nil {
			return err
		}
	}
	return s.settle()
}

// subscribe makes a client want another view.
func (s *simulation) subscribe(i int, zones uint64) error {
	c := s.clients[i]
	view := ""
	for z := range 3 {
		if zones>>z&1 == 1 {
			view += string(rune('a' + z))
		}
	}
	c.queries = append(c.queries, where(view))
	c.wanted = uint64(len(c.queries) - 1)
	return s.ask(i)
}

func (s *simulation) step(x step) error {
	i := int(x.a % simClients)
	s.clock++
	switch x.do {
	case "write":
		return s.clients[i].write(x.b)
	case "nest":
		return s.clients[i].nest(x.b)
	case "upload": // several clients at once, so that they are committed together; some of them twice
		var waits []func() error
		for n := uint64(0); n <= x.b%4; n++ {
			wait, err := s.upload(int((x.a+n)%simClients), 1+x.b/4%3)
			if err != nil {
				return err
			}
			waits = append(waits, wait)
		}
		for _, wait := range waits {
			if err := wait(); err != nil {
				return err
			}
		}
		return nil
	case "download":
		m, ok, err := s.message(i, s.sessions[i].cursor.ServerVersion+1+x.b%6)
		if err != nil || !ok {
			return err
		}
		return s.clients[i].integrate(m)
	case "lose": // a message that doesn't arrive
		if _, _, err := s.message(i, s.sessions[i].cursor.ServerVersion+1+x.b%6); err != nil {
			return err
		}
		return s.connect(i)
	case "reconnect":
		return s.connect(i)
	case "ask": // what was lost with the connection
		return s.ask(i)
	case "subscribe":
		if !s.views {
			return nil
		}
		return s.subscribe(i, x.b%8)
	case "restart":
		if err := s.engine.Close(); err != nil {
			return err
		}
		if err := s.open(); err != nil {
			return err
		}
		for i := range s.clients {
			if err := s.connect(i); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("there is no step %q", x.do)
	}
}

// settle lets everything arrive.
func (s *simulation) settle() error {
	for range 12 {
		for i, c := range s.clients {
			if err := s.ask(i); err != nil {
				return err
			}
			for before := c.scanned; ; before = c.scanned {
				wait, err := s.upload(i, 100)
				if err == nil {
					err = wait()
				}
				if err != nil {
					return err
				}
				if c.scanned == before {
					break
				}
			}
		}
		if err := s.trim(); err != nil {
			return err
		}
		for i, c := range s.clients {
			for {
				m, ok, err := s.message(i, s.engine.Version())
				if err == nil && ok {
					err = c.integrate(m)
				}
				if err != nil {
					return fmt.Errorf("client %d: %w", i, err)
				}
				if !ok {
					break
				}
			}
		}
		quiet := true
		for i, c := range s.clients {
			_, pending, _ := c.next(max(c.progress.Upload.ClientVersion, c.base))
			quiet = quiet && !pending && s.sessions[i].cursor.ServerVersion == s.engine.Version() && c.active == c.wanted
		}
		if quiet {
			return s.compare()
		}
	}
	return fmt.Errorf("the clients don't come to rest")
}

// compare tests that everybody has what there is.
func (s *simulation) compare() error {
	snapshot, err := s.engine.Snapshot(context.Background())
	if err != nil {
		return err
	}
	defer snapshot.Close()
	class := snapshot.Catalog.Class("T")

	if s.engine.Floor() > 0 {
		return s.compareClients(snapshot, class)
	}
	replayed := memstate.New(schema.New())
	seen := map[[2]uint64]bool{}
	err = s.engine.Entries(context.Background(), 0, snapshot.At(), func(e *Entry) (bool, error) {
		if id := [2]uint64{e.Origin, e.ClientVersion}; e.Origin != Server {
			if seen[id] {
				return false, fmt.Errorf("version %d of file %d was integrated twice", e.ClientVersion, e.Origin)
			}
			seen[id] = true
		}
		return true, applyBy(s.rules, replayed, &merge.Entry{Changeset: e.Changeset})
	})
	if err != nil {
		return fmt.Errorf("replaying the history: %w", err)
	}
	if err := same(snapshot, class, all{}, replayed); err != nil {
		return fmt.Errorf("the state is not what the history leads to: %w", err)
	}
	return s.compareClients(snapshot, class)
}

func (s *simulation) compareClients(snapshot *Snapshot, class *Class) error {
	for i, c := range s.clients {
		if err := same(snapshot, class, c.queries[c.active], c.state); err != nil {
			return fmt.Errorf("client %d (file %d, view %q): %w", i, c.file.Ident, c.queries[c.active], err)
		}
		if len(c.entries) > 20 {
			return fmt.Errorf("client %d has a history of %d entries", i, len(c.entries))
		}
	}
	return nil
}

// same compares what a view shows of a snapshot with a state.
func same(snapshot *Snapshot, class *Class, view Viewer, state *memstate.State) error {
	want := memstate.New(snapshot.Catalog.Schema)
	err := snapshot.Rows(class, func(row *Row) (bool, error) {
		inside, err := sees(view, "T", row)
		if err != nil || !inside {
			return true, err
		}
		ins, err := row.AppendState(nil, snapshot.Catalog, "T")
		if err != nil {
			return false, err
		}
		return true, want.Apply(&changeset.Changeset{Instructions: ins})
	})
	if err != nil {
		return err
	}
	if got, want := state.JSON(), want.JSON(); !bytes.Equal(got, want) {
		return fmt.Errorf("the state is\n%s\nbut should be\n%s", got, want)
	}
	return nil
}

// run runs steps.
func run(dir string, rules merge.Rules, views bool, memory int, steps []step) (err error) {
	return runPermitting(dir, rules, views, false, memory, steps)
}

func runPermitting(dir string, rules merge.Rules, views, permit bool, memory int, steps []step) (err error) {
	return (&simulation{dir: dir, rules: rules, views: views, permit: permit, memory: memory}).run(steps)
}

func (s *simulation) run(steps []step) error {
	return s.runThen(steps, func() error { return nil })
}

// runThen runs steps and calls then before the engine is closed.
func (s *simulation) runThen(steps []step, then func() error) (err error) {
	defer func() {
		if s.engine != nil {
			err = cmpOr(err, s.engine.Close())
		}
	}()
	if err := s.begin(); err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	for n, x := range steps {
		if err := s.step(x); err != nil {
			return fmt.Errorf("step %d (%v): %w", n, x, err)
		}
		if err := s.trim(); err != nil {
			return fmt.Errorf("trimming after step %d (%v): %w", n, x, err)
		}
	}
	if err := s.settle(); err != nil {
		return err
	}
	return then()
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// generate makes the steps of a seed.
func generate(seed uint64) (views bool, memory int, steps []step) {
	r := rand.New(rand.NewPCG(seed, 11))
	views, memory = seed%4 != 0, []int{1, 1000, 1 << 20}[r.IntN(3)]
	for range 10 + r.IntN(50) {
		do := "write"
		switch p := r.IntN(100); {
		case p < 20:
		case p < 42:
			do = "nest"
		case p < 62:
			do = "upload"
		case p < 86:
			do = "download"
		case p < 89:
			do = "lose"
		case p < 91:
			do = "reconnect"
		case p < 94:
			do = "ask"
		case p < 99:
			do = "subscribe"
		default:
			do = "restart"
		}
		steps = append(steps, step{do, r.Uint64N(simClients), r.Uint64()})
	}
	return views, memory, steps
}

// format writes a case as text, parse reads it: one line for the circumstances, then one for each step. Lines with # are for readers.
func format(views bool, memory int, steps []step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "views %v memory %d\n", views, memory)
	for _, x := range steps {
		fmt.Fprintf(&b, "%s %d %d\n", x.do, x.a, x.b)
	}
	return b.String()
}

func parse(text string) (views bool, memory int, steps []step, err error) {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	if _, err := fmt.Sscanf(lines[0], "views %t memory %d", &views, &memory); err != nil {
		return false, 0, nil, err
	}
	for _, line := range lines[1:] {
		var x step
		if _, err := fmt.Sscanf(line, "%s %d %d", &x.do, &x.a, &x.b); err != nil {
			return false, 0, nil, fmt.Errorf("%q: %w", line, err)
		}
		steps = append(steps, x)
	}
	return views, memory, steps, nil
}

// shrink leaves steps out as long as the run fails.
func shrink(steps []step, fails func([]step) bool) []step {
	for size := len(steps) / 2; size > 0; {
		shorter := false
		for at := 0; at+size <= len(steps); {
			if less := slices.Delete(slices.Clone(steps), at, at+size); fails(less) {
				steps, shorter = less, true
			} else {
				at += size
			}
		}
		if !shorter {
			size /= 2
		}
	}
	return steps
}

// REALM_SIM_SEEDS says how many seeds to run, REALM_SIM_FROM with which to begin.
func TestConvergence(t *testing.T) {
	for _, rules := range []merge.Rules{merge.Compatible, merge.Strict} {
		t.Run(rules.String(), func(t *testing.T) { testConvergence(t, rules) })
	}
}

func testConvergence(t *testing.T, rules merge.Rules) {
	number := func(name string, without uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return without
	}
	dir := t.TempDir()
	runs := 0
	permit := false // by half of the seeds
	attempt := func(views bool, memory int, steps []step) error {
		runs++
		sub := filepath.Join(dir, strconv.Itoa(runs))
		defer os.RemoveAll(sub)
		return runPermitting(sub, rules, views, permit, memory, steps)
	}
	from := number("REALM_SIM_FROM", 0)
	for seed := from; seed < from+number("REALM_SIM_SEEDS", 40); seed++ {
		views, memory, steps := generate(seed)
		permit = seed%2 == 1
		err := attempt(views, memory, steps)
		if err == nil {
			continue
		}
		steps = shrink(steps, func(less []step) bool { return attempt(views, memory, less) != nil })
		require.FailNow(t, "no convergence", "seed %d: %v\nAfter shrinking: %v\nFor testdata/converge:\n%s", seed, err, attempt(views, memory, steps), format(views, memory, steps))
	}
}

// Cases that fail when one rule of DESIGN.md is left out; each says which. What fails in the future is added here.
func TestConvergenceCases(t *testing.T) {
	files, err := filepath.Glob("testdata/converge/*.txt")
	require.NoError(t, err)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			views, memory, steps, err := parse(string(text))
			require.NoError(t, err)
			require.NoError(t, run(t.TempDir(), merge.Compatible, views, memory, steps))
		})
	}
}
