package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// An app that is deleted goes from several files, one after the other. auth.db says that it is going (auth.DeleteApp), and whoever serves the directory
// finishes it, however much of it is there. So such a directory is whole, and a copy of it is, as long as its auth.db says so too.

// being is what auth.db has of an app.
type being struct {
	internal string
	going    bool // it is being deleted
}

// beings returns the apps of an auth.db by id; nil if it is of a version that doesn't write deletions down.
func beings(ctx context.Context, db *sql.DB) (out map[string]being, err error) {
	known := false
	if err := rows(ctx, db, "SELECT name FROM sqlite_schema WHERE name = 'deletions'", func(string) { known = true }); err != nil || !known {
		return nil, err
	}
	out = map[string]being{}
	err = rows(ctx, db, "SELECT internal_id || '=' || id FROM apps UNION ALL SELECT '=' || app_id FROM deletions", func(text string) {
		internal, id, _ := strings.Cut(text, "=")
		out[id] = being{internal, internal == ""}
	})
	return out, err
}

// Leftovers returns the ids of the apps of a data directory, or a backup, that are being deleted, and those under which there is data of no app: versions
// before deletions were written down left some, when they were killed.
func Leftovers(ctx context.Context, dir string) (going, stray []string, err error) {
	db, err := openDatabase(filepath.Join(dir, usersName))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	apps, err := beings(ctx, db)
	if apps == nil || err != nil {
		return nil, nil, err
	}
	paths, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		if id := appOf(path); id != "" && apps[id] == (being{}) {
			stray = append(stray, id)
		}
	}
	for id, app := range apps {
		if app.going {
			going = append(going, id)
		}
	}
	slices.Sort(going)
	slices.Sort(stray)
	return going, slices.Compact(stray), nil
}

// appOf returns the id of the app that a file belongs to; "" for those of the server.
func appOf(path string) string {
	rest, ok := strings.CutPrefix(path, "apps/")
	id, _, below := strings.Cut(rest, "/")
	if !ok || !below {
		return ""
	}
	return id
}

// settle writes down in the copy of auth.db which apps were deleted while the files before it were copied: what the copy has of them is not to be found by
// another app of the same id. before are the apps that there were at first.
func settle(ctx context.Context, path string, before map[string]being) (err error) {
	if before == nil {
		return nil
	}
	db, err := openWritable(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	after, err := beings(ctx, db)
	if err != nil {
		return err
	}
	for id, was := range before {
		switch is, there := after[id]; {
		case is == was || is.going:
		case there:
			return fmt.Errorf("app %s was deleted and made again while the backup was made; make it again", id)
		default:
			if _, err := db.ExecContext(ctx, "INSERT INTO deletions (app_id, begun) VALUES (?, unixepoch())", id); err != nil {
				return err
			}
		}
	}
	return nil
}
