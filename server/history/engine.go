package history

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"realmsync/core/merge"
	"realmsync/server/budget"
	"realmsync/server/store"
)

// Epoch of the protocol's clock: 2015-01-01T00:00:00Z in Unix milliseconds.
const epoch = 1420070400000

// Config is what an Engine needs. Store is required; everything else has a default.
type Config struct {
	App   string
	Store store.Store // the engine closes it
	// Committed is called for the entries of each commit, ascending, by one goroutine, after the commit is durable and the
	// uploads that led to it were answered. It must not call the engine.
	Committed func([]*Entry)
	// FixedSchema refuses uploads that change the schema (225); otherwise the schema follows the clients.
	FixedSchema bool
	// Rules are those by which the app's clients merge: it must always be opened with the same.
	Rules merge.Rules
	// MaxDocument is the largest content of one object, in bytes, about; a write that makes one larger is taken back. Default: no limit.
	MaxDocument int
	RecentBytes int            // memory for the newest entries; default 64 MiB
	PieceBytes  int            // memory for parts of large collections; default 16 MiB
	Budget      *budget.Budget // what these two share with other apps; the owner of both lets the engine join it. Default: nothing is shared
	GroupBytes  int            // size of uploads at which a group is committed without waiting for more; default 8 MiB
	// LargeVersion is how many bytes the changeset of a version has, encoded, that is large: objects that come to be in it enter views (Image.Change).
	// Default DefaultLargeVersion; an app must always be opened with the same, but in tests.
	LargeVersion int
	Random       io.Reader        // salts; default crypto/rand
	Now          func() time.Time // default time.Now
	Log          *slog.Logger     // default: none
	Observe      Observer         // default: none

	inline int // maxInline, less in tests
}

// DefaultLargeVersion is the default of Config.LargeVersion, in bytes: as much as an upload to App Services could have, so that what devices of existing
// applications write is merged as it was there.
const DefaultLargeVersion = 16 << 20

// Observer is told what the engine does, for metrics. Its methods may be called by any goroutine and must not block.
type Observer interface {
	Merged(changesets int, bytes int, took time.Duration) // one upload was integrated
	Grouped(uploads int, took time.Duration)              // one group was made durable
}

type noObserver struct{}

func (noObserver) Merged(int, int, time.Duration) {}
func (noObserver) Grouped(int, time.Duration)     {}

// Engine is the only writer of an app's data. Its methods may be called by several goroutines at once.
type Engine struct {
	cfg Config

	mu      sync.Mutex
	queue   []job
	closed  bool
	wake    chan struct{} // one token: there is something in the queue
	done    chan struct{} // closed when the writer and the publisher have ended
	publish chan batch

	// The writer owns these; others read them under state. Of recent others give something up (Sweep): the writer, too, reads it under state.
	state   sync.RWMutex
	catalog *Catalog
	salts   []store.Salt
	recent  recent
	version atomic.Uint64 // newest durable version
	floor   atomic.Uint64 // store.Reader.Floor

	reading reading // open snapshots

	flagged  []uint64 // versions that change the schema, ascending
	clients  clients
	salted   bool // this engine has drawn its salt
	doubtful bool // the last commit failed: the store may hold more than is known here
	nextFile uint64

	nextPiece uint64 // number of the next piece; those of commits that failed are not used again
	pieces    *pieceCache

	trimmed  atomic.Uint64 // the version when Trim came last
	presence presence
}

// Open brings up an app's data and starts the writer. Close ends it.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.RecentBytes == 0 {
		cfg.RecentBytes = 64 << 20
	}
	if cfg.PieceBytes == 0 {
		cfg.PieceBytes = 16 << 20
	}
	if cfg.inline == 0 {
		cfg.inline = maxInline
	}
	if cfg.GroupBytes == 0 {
		cfg.GroupBytes = 8 << 20
	}
	if cfg.LargeVersion == 0 {
		cfg.LargeVersion = DefaultLargeVersion
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = noObserver{}
	}
	e := &Engine{
		cfg: cfg, wake: make(chan struct{}, 1), done: make(chan struct{}), publish: make(chan batch, 16),
		recent: recent{limit: cfg.RecentBytes, budget: cfg.Budget}, pieces: newPieceCache(cfg.Store, cfg.PieceBytes, cfg.Budget),
	}
	if err := e.load(ctx); err != nil {
		return nil, errors.Join(err, cfg.Store.Close())
	}
	var running sync.WaitGroup
	running.Go(e.write)
	running.Go(e.announce)
	go func() {
		running.Wait()
		close(e.done)
	}()
	return e, nil
}

// load reads what the writer keeps in memory, and gives a new app its baseline version 1: a bootstrap needs a version to
// describe.
func (e *Engine) load(ctx context.Context) error {
	tx, err := e.cfg.Store.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	version, err := tx.Version()
	if err != nil {
		return err
	}
	classes, err := tx.Classes()
	if err != nil {
		return err
	}
	if e.catalog, err = e.loadCatalog(classes, newest); err != nil {
		return err
	}
	floor, err := tx.Floor()
	if err != nil {
		return err
	}
	e.floor.Store(floor)
	maxPiece, err := tx.MaxPiece()
	if err != nil {
		return err
	}
	e.nextPiece = maxPiece + 1
	if e.salts, err = tx.Salts(); err != nil {
		return err
	}
	if e.flagged, err = tx.FlaggedVersions(0, version, flagSchema|flagErase); err != nil {
		return err
	}
	maxFile, err := tx.MaxFile()
	if err != nil {
		return err
	}
	e.nextFile = max(maxFile+1, FirstFile)
	seen, err := tx.LastSeen()
	if err != nil {
		return err
	}
	e.presence.begin(e.cfg.Now, seen)
	if version == 0 {
		changes := &store.Changes{Entries: []store.Entry{{Version: 1, Origin: Server, Timestamp: e.now()}}}
		if changes.Salt, err = e.drawSalt(1); err != nil {
			return err
		}
		if err := tx.Commit(changes); err != nil {
			return err
		}
		e.salts, e.salted, version = append(e.salts, *changes.Salt), true, 1
	}
	e.version.Store(version)
	return nil
}

// Close finishes the work that is queued, ends the writer and closes the store.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		<-e.done
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	e.signal()
	<-e.done
	return e.cfg.Store.Close()
}

// Version returns the newest durable version.
func (e *Engine) Version() uint64 { return e.version.Load() }

// Floor returns the version up to which the history has been given up: no live client needs it (Trim). Of the versions at or below
// it only those that change the schema can still be read, without images.
func (e *Engine) Floor() uint64 { return e.floor.Load() }

// Catalog returns the schema as of the newest durable version.
func (e *Engine) Catalog() *Catalog {
	e.state.RLock()
	defer e.state.RUnlock()
	return e.catalog
}

// Salt returns the salt of a version: that of the first life of the store in which the version existed.
func (e *Engine) Salt(version uint64) int64 {
	e.state.RLock()
	defer e.state.RUnlock()
	return saltOf(e.salts, version)
}

func saltOf(salts []store.Salt, version uint64) int64 {
	for i := len(salts) - 1; i >= 0; i-- {
		if salts[i].From <= version {
			return salts[i].Value
		}
	}
	return 0
}

func (e *Engine) drawSalt(from uint64) (*store.Salt, error) {
	v, err := e.random()
	return &store.Salt{From: from, Value: v}, err
}

// random draws a number in 1 .. 2^63-1.
func (e *Engine) random() (int64, error) {
	var b [8]byte
	for {
		if _, err := io.ReadFull(e.cfg.Random, b[:]); err != nil {
			return 0, fmt.Errorf("history: drawing a salt: %w", err)
		}
		if v := int64(binary.BigEndian.Uint64(b[:]) >> 1); v != 0 {
			return v, nil
		}
	}
}

// now returns the time in ms since 2015, never 0.
func (e *Engine) now() uint64 { return sinceEpoch(e.cfg.Now()) }

// remembered returns an entry that is in memory, or nil.
func (e *Engine) remembered(version uint64) *Entry {
	e.state.RLock()
	defer e.state.RUnlock()
	return e.recent.get(version)
}

// Sweep implements budget.Cache.
func (e *Engine) Sweep() {
	e.state.Lock()
	e.recent.trim()
	e.state.Unlock()
	e.pieces.sweep()
}

// Entries calls f for the entries with from < version <= to, ascending, until it returns false: from memory as far as they
// are there, else from the store.
func (e *Engine) Entries(ctx context.Context, from, to uint64, f func(*Entry) (bool, error)) error {
	return e.entries(ctx, nil, from, to, f)
}

// entries is Entries; what must come from the store is read from the snapshot, or from one of its own if that is nil.
func (e *Engine) entries(ctx context.Context, s *Snapshot, from, to uint64, f func(*Entry) (bool, error)) error {
	for from < to {
		entry := e.remembered(from + 1)
		if entry == nil {
			break
		}
		if more, err := f(entry); err != nil || !more {
			return err
		}
		from++
	}
	if from >= to {
		return nil
	}
	if s == nil {
		var err error
		if s, err = e.Snapshot(ctx); err != nil {
			return err
		}
		defer s.Close()
	}
	return s.Snapshot.Entries(from, to, true, func(r *store.Entry) (bool, error) {
		entry, err := entryOf(s.known(), r, nil)
		if err != nil {
			return false, err
		}
		entry.enlarge(e.cfg.LargeVersion)
		return f(entry)
	})
}
