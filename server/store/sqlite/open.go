package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"

	"realmsync/server/store"
)

// idle is the number of connections that are kept for the next readers. There may be more as long as more snapshots are open.
const idle = 8

// Store is one app's SQLite file. It implements store.Store.
type Store struct {
	path   string
	writer *sql.DB       // one connection
	write  *conn         // that one
	turn   chan struct{} // holds one token: whoever takes it writes
	used   atomic.Uint64 // when it was used last, by pages.clock

	mu      sync.Mutex
	reader  *sql.DB
	free    []*conn // connections for reading that nobody uses
	closed  bool
	reading sync.WaitGroup // open snapshots
	ended   chan struct{}  // Close has done its work
	failed  error          // what came of it
}

var _ store.Store = (*Store)(nil)

// Open opens the file and makes it if it doesn't exist. Directories are made too. A file of a newer version, or one that
// is not ours, is refused (store.ErrNewer, store.ErrForeign) and not changed.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: making the data directory: %w", err)
	}
	if err := inspect(ctx, path); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", path, err)
	}
	s := &Store{path: path, turn: make(chan struct{}, 1), ended: make(chan struct{})}
	var err error
	if s.writer, err = sql.Open("sqlite3", dsn(path, "rwc", 32<<10)); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", path, err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", path, errors.Join(err, s.writer.Close()))
	}
	if s.reader, err = sql.Open("sqlite3", dsn(path, "rw", 4<<10)+"&_query_only=1"); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s for reading: %w", path, errors.Join(err, s.write.close(), s.writer.Close()))
	}
	s.reader.SetMaxIdleConns(-1) // what is closed is closed: those that are kept are in free
	s.turn <- struct{}{}
	pages.mu.Lock()
	pages.stores[s] = struct{}{}
	pages.mu.Unlock()
	return s, nil
}

// dsn builds the name under which the driver opens the file. Every connection waits for locks rather than failing: only
// checkpoints and the recovery of another process's crash ever hold one. cache is in KiB.
func dsn(path, mode string, cache int) string {
	return fmt.Sprintf("%s?mode=%s&_busy_timeout=10000&_synchronous=FULL&_cache_size=-%d&_foreign_keys=0", name(path), mode, cache)
}

// name is the path as a URI, in which no character of the path means something.
func name(path string) string {
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()
}

// inspect refuses a file that must not be touched before anything could change it: opening it in WAL mode would.
func inspect(ctx context.Context, path string) error {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil
	} else if err != nil {
		return err
	}
	how := "?mode=ro&_busy_timeout=10000"
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		how += "&immutable=1" // else reading would leave a log beside it. If there is one, what is looked for may be in it.
	}
	db, err := sql.Open("sqlite3", name(path)+how)
	if err != nil {
		return err
	}
	defer db.Close()
	var id, version, schema, pages int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("%w (%w)", store.ErrForeign, err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT schema_version, page_count FROM pragma_schema_version, pragma_page_count").Scan(&schema, &pages); err != nil {
		return err
	}
	switch {
	case id == 0 && schema == 0 && pages == 1:
		return nil // there has never been anything in it: the process that made it was killed, or lost its power, before it had made the tables
	case id != applicationID:
		return store.ErrForeign
	case version > int64(len(migrations)):
		return fmt.Errorf("%w (its version is %d, this one knows %d)", store.ErrNewer, version, len(migrations))
	}
	return nil
}

// prepare takes the writer's connection, brings the tables to the newest version and prepares the statements.
func (s *Store) prepare(ctx context.Context) error {
	s.writer.SetMaxOpenConns(1)
	c, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	s.write = newConn(c)
	for _, pragma := range []string{"PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 4000", "PRAGMA journal_size_limit = 67108864", "PRAGMA temp_store = MEMORY"} {
		if _, err := c.ExecContext(ctx, pragma); err != nil {
			_ = s.write.close()
			return err
		}
	}
	if err := migrate(ctx, c); err != nil {
		_ = s.write.close()
		return err
	}
	return nil
}

// migrate runs the migrations that the file has not seen, all in one transaction.
func migrate(ctx context.Context, c *sql.Conn) (err error) {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.ExecContext(context.Background(), "ROLLBACK")
		}
	}()
	var version int
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	for i := version; i < len(migrations); i++ {
		if _, err := c.ExecContext(ctx, migrations[i]); err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", len(migrations)),
	} {
		if _, err := c.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, "COMMIT")
	return err
}

// Begin implements store.Store.
func (s *Store) Begin(ctx context.Context) (store.Tx, error) {
	select {
	case _, open := <-s.turn:
		if !open {
			return nil, fmt.Errorf("sqlite: %s is closed", s.path)
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.use()
	if err := s.write.exec("BEGIN IMMEDIATE"); err != nil {
		s.turn <- struct{}{}
		return nil, fmt.Errorf("sqlite: %s: beginning a transaction: %w", s.path, err)
	}
	return &tx{reader: reader{s.write}, store: s}, nil
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	s.use()
	c, err := s.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: taking a connection: %w", s.path, err)
	}
	out := &snapshot{reader: reader{c}, store: s}
	// A deferred transaction has no snapshot until its first read.
	if err = c.exec("BEGIN"); err == nil {
		_, err = out.Version()
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: opening a snapshot: %w", s.path, errors.Join(err, out.Close()))
	}
	return out, nil
}

// take returns a connection for reading.
func (s *Store) take(ctx context.Context) (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the store is closed")
	}
	s.reading.Add(1)
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return c, nil
	}
	c, err := s.reader.Conn(ctx)
	if err != nil {
		s.reading.Done()
		return nil, err
	}
	return newConn(c), nil
}

// give takes a connection back. One that a transaction may be stuck on is closed.
func (s *Store) give(c *conn, usable bool) error {
	defer s.reading.Done()
	s.mu.Lock()
	keep := usable && !s.closed && len(s.free) < idle
	if keep {
		s.free = append(s.free, c)
	}
	s.mu.Unlock()
	if keep {
		return nil
	}
	return c.close()
}

// Close implements store.Store.
func (s *Store) Close() error {
	if _, open := <-s.turn; !open {
		<-s.ended
		return s.failed
	}
	close(s.turn)
	pages.mu.Lock()
	delete(pages.stores, s)
	pages.mu.Unlock()
	s.mu.Lock()
	s.closed = true
	free := s.free
	s.free = nil
	s.mu.Unlock()
	s.reading.Wait()
	var errs []error
	for _, c := range free {
		errs = append(errs, c.close())
	}
	// The writer last: the last connection that closes puts the write-ahead log back into the file, and only it may write.
	errs = append(errs, s.reader.Close(), s.write.close(), s.writer.Close())
	giveBack()
	pages.next.Store(pages.limit.Load() / 10 * 9)
	s.failed = errors.Join(errs...)
	close(s.ended)
	return s.failed
}

// snapshot is a reader with its own connection and an open read transaction.
type snapshot struct {
	reader
	store  *Store
	closed bool
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.conn.exec("ROLLBACK")
	return errors.Join(err, s.store.give(s.conn, err == nil))
}
