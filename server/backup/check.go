package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"realmsync/server/history"
	"realmsync/server/store/sqlite"
)

// Problem is something that is wrong with data.
type Problem struct {
	Path string // of the file
	Text string
}

// Error implements error.
func (p Problem) Error() string { return p.Path + ": " + p.Text }

// Check checks the databases of a data directory that no server uses, or of a backup: SQLite's own integrity, then the data of each app
// (history.Verify). It changes nothing. The error is one of reading. What is left of apps that are being deleted (Leftovers) is not looked at.
func Check(ctx context.Context, dir string, report func(Problem)) error {
	paths, err := list(dir)
	if err != nil {
		return err
	}
	going, _, err := Leftovers(ctx, dir)
	if err != nil {
		going = nil // what is wrong with the file is reported when its turn comes
	}
	for _, path := range paths {
		if classify(path) != database || slices.Contains(going, appOf(path)) {
			continue
		}
		sound := true
		say := func(text string) {
			sound = false
			report(Problem{path, text})
		}
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := integrity(ctx, full, say); err != nil {
			say("SQLite can't read it: " + err.Error())
		}
		if sound && filepath.Base(path) == "sync.db" {
			if err := verify(ctx, full, say); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// integrity asks SQLite, which looks at every page and every index.
func integrity(ctx context.Context, path string, say func(string)) (err error) {
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	trees, err := treesOf(ctx, db)
	if err != nil {
		return err
	}
	for _, pragma := range []string{"PRAGMA integrity_check(20)", "PRAGMA foreign_key_check"} {
		if err := rows(ctx, db, pragma, func(text string) {
			if text != "ok" {
				say(named(text, trees))
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// treesOf returns what is stored in which tree of pages, by the number of its root.
func treesOf(ctx context.Context, db *sql.DB) (map[string]string, error) {
	out := map[string]string{}
	return out, rows(ctx, db, "SELECT rootpage || '=' || type || ' ' || name FROM sqlite_schema WHERE rootpage > 0", func(text string) {
		root, name, _ := strings.Cut(text, "=")
		out[root] = name
	})
}

var treeNumber = regexp.MustCompile(`\bTree (\d+)\b`)

// named says of the trees in a text of SQLite what they are. That pages are not used follows on a tree that can't be read, and isn't said besides.
func named(text string, trees map[string]string) string {
	lines := strings.Split(text, "\n")
	if treeNumber.MatchString(text) {
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasSuffix(line, ": never used") || strings.HasPrefix(line, "***")
		})
	}
	return treeNumber.ReplaceAllStringFunc(strings.Join(lines, "\n"), func(tree string) string {
		if name := trees[strings.TrimPrefix(tree, "Tree ")]; name != "" {
			return tree + " (" + name + ")"
		}
		return tree
	})
}

func rows(ctx context.Context, db *sql.DB, query string, f func(text string)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		texts := make([]sql.NullString, len(columns))
		for i := range values {
			values[i] = &texts[i]
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		if len(columns) == 1 {
			f(texts[0].String)
			continue
		}
		f(fmt.Sprintf("row %s of %s refers to nothing in %s", texts[1].String, texts[0].String, texts[2].String))
	}
	return rows.Err()
}

// verify checks the data of an app. Of a copy that holds no journal, so that nothing is left beside a file of a backup.
func verify(ctx context.Context, path string, say func(string)) (err error) {
	temporary, err := os.MkdirTemp("", "realm-sync-check-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	working := filepath.Join(temporary, "sync.db")
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", working)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, working)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return history.Verify(ctx, s, say)
}
