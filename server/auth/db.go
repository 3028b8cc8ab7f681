package auth

import (
	"context"
	"database/sql"
	"fmt"

	"realmsync/server/dbfile"
)

// ErrNewer is returned by Open when auth.db was written by a newer version of this program. Nothing was changed.
var ErrNewer = dbfile.ErrNewer

// ErrForeign is returned by Open when auth.db is not ours. Nothing was changed.
var ErrForeign = dbfile.ErrForeign

// database is auth.db.
type database struct {
	file        *dbfile.File
	read, write *sql.DB
}

// openDatabase opens the file and makes it, readable by its owner only, if it doesn't exist.
func openDatabase(ctx context.Context, path string) (*database, error) {
	f, err := dbfile.Open(ctx, path, dbfile.Kind{ApplicationID: applicationID, Migrations: migrations})
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &database{f, f.Reader(), f.Writer()}, nil
}

// update runs f in a transaction that holds the writer's lock from its beginning.
func (d *database) update(ctx context.Context, f func(*sql.Tx) error) error {
	return d.file.Update(ctx, f)
}

func (d *database) close() error { return d.file.Close() }

// querier is what a lookup needs: a transaction, or the readers.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
