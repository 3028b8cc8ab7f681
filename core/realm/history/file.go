package history

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"realmsync/core/merge"
	"realmsync/core/session"
	"realmsync/core/store"
)

// ErrClosed is returned by the methods of a File that has been closed.
var ErrClosed = errors.New("history: the file has been closed")

// FileOptions say how a File works. The zero value is ready to use.
type FileOptions struct {
	// Logger gets what was integrated, at level debug, and what was refused, at level warn; nil: none of it.
	Logger *slog.Logger
	// BatchBytes is how much of a bootstrap is decoded at a time, in bytes of changesets; 0: 1 MiB. It bounds memory.
	BatchBytes int
	// Key encrypts the file, as store.Options.Key.
	Key *store.Key
	// Rules are those of the app by which changesets are merged; the zero value is those of the original. All peers must use the same.
	Rules merge.Rules
}

// File is the sync side of a realm file, for a session (session.File). It has a connection of its own.
//
// One goroutine at a time calls the methods, but for Notify, Path and Close, which any may call. Every change is one transaction,
// which waits for the write transactions of others, in this process and in others, however long they take, or until Interrupt.
type File struct {
	path   string
	opt    FileOptions
	conn   *store.Conn
	logger *slog.Logger
	batch  int
	rules  merge.Rules

	turn sync.Mutex // held by the method that runs; taken before mu

	mu      sync.Mutex // guards what follows
	running bool       // a method runs: it closes the connection if Close was called meanwhile
	closed  bool
	cancels map[int]func() // of Notify and of Peers
	next    int

	// For the method that runs:
	window window
	began  int64 // highest query version of which a bootstrap has begun to arrive since ApplyBootstrap was called last
}

var _ session.File = (*File)(nil)

// OpenFile opens the sync side of the realm file, which is made when it is missing. Errors: those of store.Open, a file whose
// sync data is of a newer format, and ErrRules. The caller closes the File.
func OpenFile(path string, opt FileOptions) (*File, error) {
	conn, err := store.Open(path, store.Options{Key: opt.Key})
	if err != nil {
		return nil, err
	}
	f := &File{path: Canonical(path), opt: opt, conn: conn, logger: opt.Logger, batch: opt.BatchBytes, rules: opt.Rules, cancels: map[int]func(){}}
	if f.logger == nil {
		f.logger = slog.New(slog.DiscardHandler)
	}
	if f.batch <= 0 {
		f.batch = 1 << 20
	}
	err = f.prepare()
	if err == nil {
		err = f.settleRules()
	}
	if err != nil {
		_ = conn.Close() // the first error counts
		return nil, err
	}
	return f, nil
}

// prepare makes the sync tables of a file that has none. Usually opening the realm did.
func (f *File) prepare() error {
	prepared := false
	if err := f.read(func() (err error) {
		if prepared, err = IsPrepared(f.conn); prepared {
			err = checkFormat(f.conn)
		}
		return err
	}); err != nil || prepared {
		return err
	}
	return f.write(func() (uint64, error) { return 0, Prepare(f.conn) })
}

// Path returns the canonical path.
func (f *File) Path() string { return f.path }

// Version returns the newest local version, 0 while the file is new (wire-protocol.md 6.1).
func (f *File) Version() (version uint64, err error) {
	err = f.read(func() error {
		version, err = newest(f.conn)
		return err
	})
	return version, err
}

// newest returns the newest local version in the current snapshot. That of a new file is 1 and is reported as 0.
func newest(conn *store.Conn) (uint64, error) {
	v, err := conn.Version()
	if v <= 1 {
		v = 0
	}
	return v, err
}

// Notify has fn called after every commit of a version in this process, also after those of the File itself, on the goroutine that
// has committed, until cancel or Close. fn must not block, nor call methods of the File other than Close.
func (f *File) Notify(fn func()) (cancel func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return func() {}
	}
	return f.keep(Listen(f.path, func(Commit) { fn() }))
}

// keep has a listener stopped by Close, or by what it returns. f.mu is held.
func (f *File) keep(stop func()) (cancel func()) {
	f.next++
	id := f.next
	f.cancels[id] = stop
	return func() {
		f.mu.Lock()
		delete(f.cancels, id)
		f.mu.Unlock()
		stop()
	}
}

// Interrupt implements session.File.
func (f *File) Interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed || f.running { // otherwise the connection is closed
		f.conn.Interrupt()
	}
}

// Close releases the file. It never waits: while a method runs, perhaps waiting for the write lock that the caller of Close holds, it
// returns at once, and the connection is closed when that method ends. A method that has not begun to change the file fails with
// ErrClosed. Closing twice is allowed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for _, stop := range f.cancels {
		stop()
	}
	clear(f.cancels)
	if f.running {
		f.conn.Interrupt()
		return nil
	}
	return f.conn.Close()
}

// enter begins a method; it ends with leave.
func (f *File) enter() error {
	f.turn.Lock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		f.turn.Unlock()
		return ErrClosed
	}
	f.running = true
	return nil
}

func (f *File) leave() {
	f.mu.Lock()
	f.running = false
	if f.closed {
		_ = f.conn.Close() // nobody is left to be told
	}
	f.mu.Unlock()
	f.turn.Unlock()
}

func (f *File) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// read runs fn in a snapshot of the newest version.
func (f *File) read(fn func() error) error {
	if err := f.enter(); err != nil {
		return err
	}
	defer f.leave()
	if err := f.conn.BeginRead(); err != nil {
		return err
	}
	err := f.contained(fn)
	if end := f.conn.EndRead(); err == nil {
		err = end
	}
	return err
}

// contained runs fn in a transaction that the caller ends. A panic, a defect of this library, becomes an error, so that it neither leaves the
// file locked nor ends the application's process: what calls the File is a goroutine of the sync client.
func (f *File) contained(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			f.logger.Error("a defect of the realm file's sync side; please report it", "path", f.path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			f.window.forget() // it may be half updated; the next merge builds it anew
			err = fmt.Errorf("history: a defect of this library, please report it: %v", p)
		}
	}()
	return fn()
}

// errUnchanged is returned by a function given to write when there is nothing to commit.
var errUnchanged = errors.New("nothing to commit")

// write runs fn in a write transaction and commits, or undoes everything if it fails. If fn returns a version, it is announced.
func (f *File) write(fn func() (version uint64, err error)) error {
	if err := f.enter(); err != nil {
		return err
	}
	defer f.leave()
	if err := f.conn.BeginWrite(); err != nil {
		if f.isClosed() {
			err = ErrClosed
		}
		return err
	}
	version, err := uint64(0), ErrClosed
	if !f.isClosed() {
		err = f.contained(func() (err error) {
			version, err = fn()
			return err
		})
	}
	if err != nil {
		undo := f.conn.Rollback()
		switch {
		case errors.Is(err, errUnchanged):
			return undo
		case undo != nil:
			return fmt.Errorf("%w; rolling back: %w", err, undo)
		default:
			return err
		}
	}
	if err := f.conn.Commit(); err != nil {
		return err
	}
	if version != 0 {
		Announce(f.path, version, f.conn)
	}
	return nil
}

// newVersion makes the open write transaction a new version and returns it.
func (f *File) newVersion() (uint64, error) {
	v, err := f.conn.Version()
	if err != nil {
		return 0, err
	}
	v = max(v, 1) + 1
	return v, f.conn.SetVersion(v)
}
