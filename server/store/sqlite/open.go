package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"

	"realmsync/server/store"
)

// readers is the number of connections that read. More would not help: a server that needs more than these few cores
// for reading spends them on evaluating queries, not inside SQLite.
const readers = 8

// Store is one app's SQLite file. It implements store.Store.
type Store struct {
	path   string
	db     *sql.DB       // the readers
	writer *sql.DB       // one connection
	turn   chan struct{} // holds one token: whoever takes it writes
	write  *conn
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
	s := &Store{path: path, turn: make(chan struct{}, 1)}
	var err error
	if s.writer, err = sql.Open("sqlite3", dsn(path, "rwc")); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", path, err)
	}
	s.writer.SetMaxOpenConns(1)
	s.writer.SetMaxIdleConns(1)
	if err := s.prepare(ctx); err != nil {
		_ = s.writer.Close()
		return nil, fmt.Errorf("sqlite: opening %s: %w", path, err)
	}
	if s.db, err = sql.Open("sqlite3", dsn(path, "rw")+"&_query_only=1"); err != nil {
		_ = s.write.close()
		_ = s.writer.Close()
		return nil, fmt.Errorf("sqlite: opening %s for reading: %w", path, err)
	}
	s.db.SetMaxOpenConns(readers)
	s.db.SetMaxIdleConns(readers)
	s.turn <- struct{}{}
	return s, nil
}

// dsn builds the name under which the driver opens the file. Every connection waits for locks rather than failing: only
// checkpoints and the recovery of another process's crash ever hold one.
func dsn(path, mode string) string {
	name := url.URL{Scheme: "file", Opaque: url.PathEscape(path)}
	return name.String() + "?mode=" + mode + "&_busy_timeout=10000&_synchronous=FULL&_cache_size=-32768&_foreign_keys=0"
}

// inspect refuses a file that must not be touched before anything could change it: opening it in WAL mode would.
func inspect(ctx context.Context, path string) error {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil
	} else if err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer db.Close()
	var id, version int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("%w (%w)", store.ErrForeign, err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case id != applicationID:
		return store.ErrForeign
	case version > int64(len(migrations)):
		return fmt.Errorf("%w (its version is %d, this one knows %d)", store.ErrNewer, version, len(migrations))
	}
	return nil
}

// prepare takes the writer's connection, brings the tables to the newest version and prepares the statements.
func (s *Store) prepare(ctx context.Context) error {
	c, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	s.write = newConn(c)
	for _, pragma := range []string{"PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 4000", "PRAGMA temp_store = MEMORY"} {
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
	if err := s.write.exec("BEGIN IMMEDIATE"); err != nil {
		s.turn <- struct{}{}
		return nil, fmt.Errorf("sqlite: %s: beginning a transaction: %w", s.path, err)
	}
	return &tx{reader: reader{s.write}, store: s}, nil
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: taking a connection: %w", s.path, err)
	}
	out := &snapshot{reader: reader{newConn(c)}}
	// A deferred transaction has no snapshot until its first read.
	if err := out.conn.exec("BEGIN"); err == nil {
		_, err = out.Version()
	}
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("sqlite: %s: opening a snapshot: %w", s.path, err)
	}
	return out, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	if _, open := <-s.turn; !open {
		return nil
	}
	close(s.turn)
	return errors.Join(s.db.Close(), s.write.close(), s.writer.Close())
}

// snapshot is a reader with its own connection and an open read transaction.
type snapshot struct {
	reader
	closed bool
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.conn.exec("ROLLBACK")
	return errors.Join(err, s.conn.close())
}
