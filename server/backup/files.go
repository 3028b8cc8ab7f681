package backup

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"
)

// kindOf tells how a file of a data directory is copied; skip: it belongs to the running process, or it is log lines, which are no data, and not to be kept for
// longer than the server keeps them.
type kindOf uint8

const (
	skip kindOf = iota
	plain
	database
)

func classify(path string) kindOf {
	name := filepath.Base(path)
	switch {
	case path == "lock", path == manifestName, strings.HasPrefix(path, "logs.db"), strings.HasSuffix(name, "-wal"), strings.HasSuffix(name, "-shm"), strings.HasSuffix(name, "-journal"), strings.HasSuffix(name, ".tmp"):
		return skip
	case strings.HasSuffix(name, ".db"):
		return database
	default:
		return plain
	}
}

// rank is the order of copying: see the package.
func rank(path string) int {
	switch {
	case filepath.Base(path) == "sync.db":
		return 0
	case strings.HasPrefix(path, "apps/"):
		return 1
	case path == "config.db":
		return 2
	case strings.HasSuffix(path, ".db"):
		return 3
	default:
		return 4
	}
}

// list lists what is to be copied, in order, as slash-separated paths below dir.
func list(dir string) (out []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was there a moment ago
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if rel = filepath.ToSlash(rel); err == nil && classify(rel) != skip {
			out = append(out, rel)
		}
		return err
	})
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return out, err
}

// openDatabase opens a database for reading.
func openDatabase(path string) (*sql.DB, error) {
	how := "?mode=ro&_busy_timeout=10000"
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		if _, err := os.Stat(path + "-shm"); err != nil {
			how += "&immutable=1" // nobody has it open, and reading must leave nothing beside it
		}
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()+how)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// openWritable opens a database that a server may open at any time, or one that is to be changed.
func openWritable(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()+"?mode=rw&_busy_timeout=10000")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// usersName is the file that says which apps there are.
const usersName = "auth.db"

// copyDatabase writes one state of a database, without what it has given up, to a new file.
func copyDatabase(ctx context.Context, from, to string) error {
	db, err := openWritable(from)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return os.Chmod(to, 0o600)
}

// copyPlain copies a file that is not a database.
func copyPlain(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// syncPath makes a file or directory durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
