package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"

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
	// abandon is called by the writer before it goes on, when the group that the job was run in could not be made durable.
	abandon()
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
		jobs := slices.Clone(e.queue[:n])
		clear(e.queue[:n])
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
		for i, j := range jobs {
			j.abandon()
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
	if e.doubtful {
		if out.entries, err = e.catchUp(tx); err != nil {
			return err
		}
	}
	g := &group{
		engine: e, tx: tx, state: newWorkspace(tx, e.catalog), files: map[uint64]*fileState{},
		reciprocals: map[store.FileVersion]reciprocal{}, version: e.version.Load(),
	}
	for i, j := range out.jobs {
		out.errs[i] = g.run(j)
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
		e.doubtful = true
		return err
	}
	e.clients.remember(g.files)
	e.pieces.add(changes.Pieces)
	e.state.Lock()
	if changes.Salt != nil {
		e.salts, e.salted = append(e.salts, *changes.Salt), true
	}
	e.catalog = g.state.catalog
	e.recent.add(g.entries)
	if changes.Floor > 0 {
		e.recent.forget(changes.Floor)
	}
	e.version.Store(g.version)
	e.state.Unlock()
	e.floor.Store(max(e.floor.Load(), changes.Floor))
	e.noteFlagged(g.entries)
	e.nextFile = max(e.nextFile, g.nextFile)
	out.entries = append(out.entries, g.entries...)
	return nil
}

// catchUp is called after a commit that failed. The store has said that nothing was written, but the connection to it may have
// been lost after the commit and before the answer: then there is history that this engine has not announced.
func (e *Engine) catchUp(tx store.Tx) ([]*Entry, error) {
	version, err := tx.Version()
	if err != nil {
		return nil, err
	}
	maxFile, err := tx.MaxFile()
	if err != nil {
		return nil, err
	}
	e.nextFile = max(e.nextFile, maxFile+1)
	floor, err := tx.Floor()
	if err != nil {
		return nil, err
	}
	e.floor.Store(floor)
	known := e.version.Load()
	e.clients.forget()
	if version == known {
		e.doubtful = false
		return nil, nil
	}
	classes, err := tx.Classes()
	if err != nil {
		return nil, err
	}
	catalog, err := e.loadCatalog(classes, newest)
	if err != nil {
		return nil, err
	}
	salts, err := tx.Salts()
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	err = tx.Entries(known, version, true, func(r *store.Entry) (bool, error) {
		entry, err := entryOf(catalog, r, nil)
		if err != nil {
			return false, err
		}
		entry.enlarge(e.cfg.LargeVersion)
		entry.measure()
		entries = append(entries, entry)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	e.state.Lock()
	defer e.state.Unlock()
	e.salted = e.salted || len(salts) > len(e.salts)
	e.catalog, e.salts, e.doubtful = catalog, salts, false
	e.recent.add(entries)
	e.version.Store(version)
	e.noteFlagged(entries)
	return entries, nil
}

func (e *Engine) noteFlagged(entries []*Entry) {
	for _, entry := range entries {
		if entry.flags != 0 {
			e.flagged = append(e.flagged, entry.Version)
		}
	}
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

// run runs a job. A defect that one client's data brings to light must not end the service of all others.
func (g *group) run(j job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			g.engine.cfg.Log.Error("a defect was met; what was asked for is refused", slog.String("app", g.engine.cfg.App), slog.Any("panic", p),
				slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("history: app %s: internal error: %v", g.engine.cfg.App, p)
		}
	}()
	return j.run(g)
}

// fileState is a client file within a group.
type fileState struct {
	store.File
	was    store.File
	resets []store.Reset // that it is not known to have seen, with those of this group; ascending by version
}

// clients are the files that were at work last, so that their next uploads need not read them.
type clients struct {
	byIdent map[uint64]client
	resets  int // of all together
}

type client struct {
	file   store.File
	resets []store.Reset
}

const (
	maxClients      = 1 << 13
	maxClientResets = 1 << 10 // of one file
	maxResets       = 1 << 16 // of all together: some 8 MiB
)

// remember takes over what a group has made of its files, when that is durable.
func (c *clients) remember(files map[uint64]*fileState) {
	if c.byIdent == nil || len(c.byIdent)+len(files) > maxClients || c.resets > maxResets {
		c.forget()
	}
	for ident, f := range files {
		resets := slices.DeleteFunc(f.resets, func(r store.Reset) bool { return r.Version <= f.BaseVersion })
		c.resets -= len(c.byIdent[ident].resets)
		if len(resets) > maxClientResets {
			delete(c.byIdent, ident)
			continue
		}
		c.byIdent[ident] = client{f.File, slices.Clone(resets)} // cloned: most of them may have been deleted
		c.resets += len(resets)
	}
}

// forget gives up what is remembered, and its memory.
func (c *clients) forget() { c.byIdent, c.resets = map[uint64]client{}, 0 }

// file returns a client file, as the group has it.
func (g *group) file(ident uint64) (*fileState, error) {
	if f := g.files[ident]; f != nil {
		return f, nil
	}
	if c, ok := g.engine.clients.byIdent[ident]; ok {
		f := &fileState{c.file, c.file, c.resets}
		g.files[ident] = f
		return f, nil
	}
	record, err := g.tx.File(ident)
	if err != nil {
		return nil, err
	}
	resets, err := g.tx.Resets(ident, record.BaseVersion)
	if err != nil {
		return nil, err
	}
	f := &fileState{record, record, resets}
	g.files[ident] = f
	return f, nil
}

// entry returns a version of this group or an older one, with the images of at least the wanted objects.
func (g *group) entry(version uint64, want func(store.ObjectRef) bool) (*Entry, error) {
	if len(g.entries) > 0 && version >= g.entries[0].Version {
		return g.entries[version-g.entries[0].Version], nil
	}
	if e := g.engine.remembered(version); e != nil {
		return e, nil
	}
	r, err := g.tx.Entry(version, true)
	if err != nil {
		return nil, err
	}
	e, err := entryOf(g.state.catalog, &r, want)
	if err != nil {
		return nil, err
	}
	e.enlarge(g.engine.cfg.LargeVersion)
	return e, nil
}

// changes collects what must be written.
func (g *group) changes() (*store.Changes, error) {
	c := &g.extra
	var err error
	if c.Classes, err = g.state.classes(g.engine.catalog); err != nil {
		return nil, err
	}
	for _, d := range g.state.dropped {
		c.DropClasses = append(c.DropClasses, d.class.ID)
	}
	enc := &encoder{next: &g.engine.nextPiece, limit: g.engine.cfg.inline}
	for _, e := range g.entries {
		c.Entries = append(c.Entries, e.record(enc))
	}
	c.Objects = g.state.objects(enc)
	c.Pieces = enc.pieces
	for _, ident := range slices.Sorted(maps.Keys(g.files)) {
		f := g.files[ident]
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
	// A driver is always given the same for the same uploads.
	slices.SortFunc(c.Reciprocals, func(a, b store.Reciprocal) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Version, b.Version))
	})
	return c, nil
}

// call is a job that is waited for. What it returns is the caller's when done has been closed, and only then: a caller that
// has waited long enough leaves it behind.
type call[T any] struct {
	work   func(*group) (T, error)
	solo   bool
	done   chan struct{}
	result T
	err    error
}

func (c *call[T]) run(g *group) (err error) {
	c.result, err = c.work(g)
	return err
}

func (c *call[T]) finish(err error) {
	c.err = err
	close(c.done)
}

func (c *call[T]) abandon()    {}
func (c *call[T]) alone() bool { return c.solo }
func (c *call[T]) size() int   { return 0 }

// do runs work in the writer and waits until it is durable. If solo, everything submitted before is durable when it runs.
func do[T any](ctx context.Context, e *Engine, solo bool, work func(*group) (T, error)) (none T, err error) {
	c := &call[T]{work: work, solo: solo, done: make(chan struct{})}
	if err := e.submit(c); err != nil {
		return none, err
	}
	select {
	case <-c.done:
		if c.err != nil {
			return none, c.err
		}
		return c.result, nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
