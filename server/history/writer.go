package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"realmsync/server/store"
)

// ErrClosed is returned by an engine that was closed.
var ErrClosed = errors.New("history: the engine is closed")

// job is one piece of work for the writer.
type job interface {
	// run does the work on the group. What it returns says whether the job succeeded; if it fails it has changed nothing.
	run(g *group) error
	// finish is called once, after the group is durable, or with the error that prevented it.
	finish(error)
	// alone tells that everything before must be durable, and that the job shares its group with nothing.
	alone() bool
	// size is the amount of data in bytes.
	size() int
}

// batch is what a commit leaves to be announced.
type batch struct {
	jobs    []job
	errs    []error
	entries []*Entry
}

// submit queues a job. It never blocks; callers bound what they have in the queue.
func (e *Engine) submit(j job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.queue = append(e.queue, j)
	e.signal()
	return nil
}

func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// take returns the jobs of the next group, nil when the engine is closed and nothing is left to do.
func (e *Engine) take() []job {
	for {
		e.mu.Lock()
		n, bytes := 0, 0
		for n < len(e.queue) && (n == 0 || bytes < e.cfg.GroupBytes) {
			if e.queue[n].alone() {
				n = max(n, 1)
				break
			}
			bytes += e.queue[n].size()
			n++
		}
		jobs := append([]job(nil), e.queue[:n]...)
		e.queue = e.queue[n:]
		closed := e.closed
		e.mu.Unlock()
		if n > 0 {
			return jobs
		}
		if closed {
			return nil
		}
		<-e.wake
	}
}

// write is the writer: it makes one group after the other durable. Its only way to end is Close.
func (e *Engine) write() {
	defer close(e.publish)
	for {
		jobs := e.take()
		if jobs == nil {
			return
		}
		e.publish <- e.commit(jobs)
	}
}

// announce tells the results, apart from the writer, so that telling and writing overlap.
func (e *Engine) announce() {
	for b := range e.publish {
		for i, j := range b.jobs {
			j.finish(b.errs[i])
		}
		if len(b.entries) > 0 && e.cfg.Committed != nil {
			e.cfg.Committed(b.entries)
		}
	}
}

// commit runs a group.
func (e *Engine) commit(jobs []job) batch {
	start := e.cfg.Now()
	out := batch{jobs: jobs, errs: make([]error, len(jobs))}
	err := e.attempt(&out)
	if err != nil {
		// Nothing of the group is durable, so nobody may be told otherwise. Clients repeat what was not acknowledged.
		e.cfg.Log.Error("a group of uploads could not be committed", slog.String("app", e.cfg.App), slog.Int("jobs", len(jobs)), slog.Any("error", err))
		out.entries = nil
		for i := range out.errs {
			out.errs[i] = fmt.Errorf("history: app %s: %w", e.cfg.App, err)
		}
		return out
	}
	e.cfg.Observe.Grouped(len(jobs), e.cfg.Now().Sub(start))
	return out
}

func (e *Engine) attempt(out *batch) error {
	tx, err := e.cfg.Store.Begin(context.Background())
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	g := &group{
		engine: e, tx: tx, state: newWorkspace(tx, e.catalog), files: map[uint64]*fileState{},
		reciprocals: map[store.FileVersion]reciprocal{}, version: e.version.Load(),
	}
	for i, j := range out.jobs {
		out.errs[i] = j.run(g)
	}
	changes, err := g.changes()
	if err != nil {
		return err
	}
	if changes.Empty() {
		return nil
	}
	if len(g.entries) > 0 && !e.salted {
		if changes.Salt, err = e.drawSalt(g.entries[0].Version); err != nil {
			return err
		}
	}
	if err := tx.Commit(changes); err != nil {
		return err
	}
	e.state.Lock()
	if changes.Salt != nil {
		e.salts, e.salted = append(e.salts, *changes.Salt), true
	}
	e.catalog = g.state.catalog
	e.recent.add(g.entries)
	e.version.Store(g.version)
	e.state.Unlock()
	e.nextFile = max(e.nextFile, g.nextFile)
	out.entries = g.entries
	return nil
}

// group is the work of one transaction.
type group struct {
	engine   *Engine
	tx       store.Tx
	state    *workspace
	version  uint64 // newest, with the entries of this group
	entries  []*Entry
	files    map[uint64]*fileState
	nextFile uint64
	extra    store.Changes // what jobs add directly

	reciprocals map[store.FileVersion]reciprocal // newest ones of this group
}

// fileState is a client file within a group.
type fileState struct {
	store.File
	was store.File
}

// file returns a client file, as the group has it.
func (g *group) file(ident uint64) (*fileState, error) {
	if f := g.files[ident]; f != nil {
		return f, nil
	}
	record, err := g.tx.File(ident)
	if err != nil {
		return nil, err
	}
	f := &fileState{record, record}
	g.files[ident] = f
	return f, nil
}

// entry returns a version of this group or an older one, with the images of at least the wanted objects.
func (g *group) entry(version uint64, want func(store.ObjectRef) bool) (*Entry, error) {
	if len(g.entries) > 0 && version >= g.entries[0].Version {
		return g.entries[version-g.entries[0].Version], nil
	}
	if e := g.engine.recent.get(version); e != nil {
		return e, nil
	}
	r, err := g.tx.Entry(version, true)
	if err != nil {
		return nil, err
	}
	return entryOf(g.state.catalog, &r, want)
}

// changes collects what must be written.
func (g *group) changes() (*store.Changes, error) {
	c := &g.extra
	var err error
	if c.Classes, err = g.state.classes(g.engine.catalog); err != nil {
		return nil, err
	}
	for _, class := range g.state.dropped {
		c.DropClasses = append(c.DropClasses, class.ID)
	}
	for _, e := range g.entries {
		c.Entries = append(c.Entries, e.record())
	}
	c.Objects = g.state.objects()
	for _, f := range g.files {
		if f.File != f.was {
			c.Files = append(c.Files, f.File)
		}
		if f.BaseVersion > f.was.BaseVersion {
			at := store.FileVersion{File: f.Ident, Version: f.BaseVersion}
			c.DropReciprocal = append(c.DropReciprocal, at)
			c.DropResets = append(c.DropResets, at)
		}
	}
	for at, r := range g.reciprocals {
		if at.Version > g.files[at.File].BaseVersion {
			c.Reciprocals = append(c.Reciprocals, store.Reciprocal{File: at.File, Version: at.Version, Changeset: r.encoded})
		}
	}
	return c, nil
}

// call is a job that runs alone and is waited for.
type call struct {
	work func(*group) error
	done chan error
	solo bool
	err  error
}

func (c *call) run(g *group) error { return c.work(g) }
func (c *call) finish(err error)   { c.done <- err }
func (c *call) alone() bool        { return c.solo }
func (c *call) size() int          { return 0 }

// do runs work in the writer and waits until it is durable. If solo, everything submitted before is durable when it runs.
func (e *Engine) do(ctx context.Context, solo bool, work func(*group) error) error {
	c := &call{work: work, done: make(chan error, 1), solo: solo}
	if err := e.submit(c); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// since returns the time since a moment of the configured clock.
func (e *Engine) since(t time.Time) time.Duration { return e.cfg.Now().Sub(t) }
