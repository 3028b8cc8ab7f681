package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"
)

// ErrNewer is returned by Open when auth.db was written by a newer version of this program. Nothing was changed.
var ErrNewer = errors.New("it was written by a newer version of realm-sync-server; run that version, nothing was changed")

// ErrForeign is returned by Open when auth.db is not ours. Nothing was changed.
var ErrForeign = errors.New("it is not a file of realm-sync-server; choose another data directory, nothing was changed")

// readers is the number of connections that read; each read is one indexed lookup.
const readers = 4

// database is auth.db: one connection that writes, a few that read.
type database struct {
	write *sql.DB
	read  *sql.DB
}

// openDatabase opens the file and makes it, readable by its owner only, if it doesn't exist.
func openDatabase(ctx context.Context, path string) (*database, error) {
	if err := inspect(ctx, path); err != nil {
		return nil, fmt.Errorf("auth: opening %s: %w", path, err)
	}
	// SQLite gives the files beside it the mode of this one.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("auth: opening %s: %w", path, err)
	}
	_ = f.Close()
	d := &database{}
	if d.write, err = sql.Open("sqlite3", dsn(path)+"&_txlock=immediate&_journal_mode=WAL"); err != nil {
		return nil, fmt.Errorf("auth: opening %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	if err := d.migrate(ctx); err != nil {
		_ = d.write.Close()
		return nil, fmt.Errorf("auth: opening %s: %w", path, err)
	}
	if d.read, err = sql.Open("sqlite3", dsn(path)+"&_query_only=1"); err != nil {
		_ = d.write.Close()
		return nil, fmt.Errorf("auth: opening %s for reading: %w", path, err)
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	return d, nil
}

// dsn: a login is acknowledged when it is durable, hence FULL.
func dsn(path string) string {
	name := url.URL{Scheme: "file", Opaque: url.PathEscape(path)}
	return name.String() + "?mode=rw&_busy_timeout=10000&_synchronous=FULL&_foreign_keys=1"
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
	var id, version int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("%w (%w)", ErrForeign, err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case id != applicationID:
		return ErrForeign
	case version > len(migrations):
		return fmt.Errorf("%w (its version is %d, this one knows %d)", ErrNewer, version, len(migrations))
	}
	return nil
}

// migrate runs the migrations that the file has not seen, all in one transaction.
func (d *database) migrate(ctx context.Context) error {
	return d.update(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version >= len(migrations) {
			return nil
		}
		for i := version; i < len(migrations); i++ {
			if _, err := tx.ExecContext(ctx, migrations[i]); err != nil {
				return fmt.Errorf("migration %d: %w", i+1, err)
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(migrations)))
		return err
	})
}

// update runs f in a transaction that holds the writer's lock from its beginning.
func (d *database) update(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (d *database) close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// querier is what a lookup needs: a transaction, or the readers.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
