// Package dbfile opens the SQLite files of the data directory that hold who may and what is configured, rather than what is synced: one
// connection that writes, a few that read, numbered migrations, and files of others or of newer versions left untouched.
package dbfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3" // registers the driver "sqlite3" too
)

// ErrNewer is returned by Open when the file was written by a newer version of this program. Nothing was changed.
var ErrNewer = errors.New("it was written by a newer version of realm-sync-server; run that version, nothing was changed")

// ErrForeign is returned by Open when the file is not of its kind. Nothing was changed.
var ErrForeign = errors.New("it is not a file of realm-sync-server; choose another data directory, nothing was changed")

// Full says whether an error means that there is no room left on the disk, of this package's files or of others.
func Full(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.As(err, &e) && e.Code == sqlite3.ErrFull
}

// readers is the number of connections that read; each read is a few indexed lookups.
const readers = 4

// Idle is how long a connection that nobody uses stays open: its cache of pages is memory, and opening another takes less than a millisecond.
const Idle = 5 * time.Second

// Kind is what a file holds.
type Kind struct {
	// ApplicationID marks the file in the header that SQLite reserves for it.
	ApplicationID int32
	// Migrations lead from one version of the tables (PRAGMA user_version) to the next. Released ones are never edited.
	Migrations []string
	// Lossy says that when the machine fails (not the process), the newest transactions may be lost: it spares the disk. The file stays whole.
	Lossy bool
}

// File is an open file. Its methods may be called concurrently.
type File struct {
	write *sql.DB
	read  *sql.DB
}

// Open opens the file, and makes it, readable by its owner only, if it doesn't exist. Close it.
func Open(ctx context.Context, path string, kind Kind) (*File, error) {
	f, err := open(ctx, path, kind)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return f, nil
}

func open(ctx context.Context, path string, kind Kind) (*File, error) {
	if err := inspect(ctx, path, kind); err != nil {
		return nil, err
	}
	// SQLite gives the files beside it the mode of this one.
	created, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	_ = created.Close()
	f := &File{}
	if f.write, err = sql.Open("sqlite3", dsn(path, kind)+"&_txlock=immediate&_journal_mode=WAL"); err != nil {
		return nil, err
	}
	f.write.SetMaxOpenConns(1)
	f.write.SetConnMaxIdleTime(Idle)
	if err := f.migrate(ctx, kind); err != nil {
		return nil, errors.Join(err, f.write.Close())
	}
	if f.read, err = sql.Open("sqlite3", dsn(path, kind)+"&_query_only=1"); err != nil {
		return nil, errors.Join(err, f.write.Close())
	}
	f.read.SetMaxOpenConns(readers)
	f.read.SetMaxIdleConns(readers)
	f.read.SetConnMaxIdleTime(Idle)
	return f, nil
}

// dsn: what was answered is durable, hence FULL.
func dsn(path string, kind Kind) string {
	synchronous := "FULL"
	if kind.Lossy {
		synchronous = "NORMAL"
	}
	name := url.URL{Scheme: "file", Opaque: url.PathEscape(path)}
	return name.String() + "?mode=rw&_busy_timeout=10000&_synchronous=" + synchronous + "&_foreign_keys=1"
}

// inspect refuses a file that must not be touched before anything could change it: opening it in WAL mode would.
func inspect(ctx context.Context, path string, kind Kind) error {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil
	} else if err != nil {
		return err
	}
	// The system says better than SQLite what keeps us out. Not by opening it: closing it would drop the locks that this process may have on it.
	const readWrite = 6
	if err := syscall.Access(path, readWrite); err != nil {
		return &os.PathError{Op: "access", Path: path, Err: err}
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer db.Close()
	var id int32
	var version, schema, pages int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		var e sqlite3.Error
		if errors.As(err, &e) && e.Code == sqlite3.ErrNotADB {
			return fmt.Errorf("%w (%w)", ErrForeign, err)
		}
		return err // it can't be read, whatever it is
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
	case id != kind.ApplicationID:
		return ErrForeign
	case version > len(kind.Migrations):
		return fmt.Errorf("%w (its version is %d, this one knows %d)", ErrNewer, version, len(kind.Migrations))
	}
	return nil
}

// migrate runs the migrations that the file has not seen, all in one transaction.
func (f *File) migrate(ctx context.Context, kind Kind) error {
	return f.Update(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version >= len(kind.Migrations) {
			return nil
		}
		for i := version; i < len(kind.Migrations); i++ {
			if _, err := tx.ExecContext(ctx, kind.Migrations[i]); err != nil {
				return fmt.Errorf("migration %d: %w", i+1, err)
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", kind.ApplicationID, len(kind.Migrations)))
		return err
	})
}

// Update runs f in a transaction that holds the writer's lock from its beginning. When it returns nil, what f wrote is durable.
func (f *File) Update(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := f.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// QueryRow reads one row.
func (f *File) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return f.read.QueryRowContext(ctx, query, args...)
}

// Query reads rows. Close them.
func (f *File) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return f.read.QueryContext(ctx, query, args...)
}

// Reader is the connections that read, for code that reads from them or in a transaction alike.
func (f *File) Reader() *sql.DB { return f.read }

// Writer is the connection that writes, for single statements.
func (f *File) Writer() *sql.DB { return f.write }

// Close releases the file. Calls after it fail.
func (f *File) Close() error { return errors.Join(f.read.Close(), f.write.Close()) }
