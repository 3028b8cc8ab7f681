package applog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"realmsync/server/dbfile"
)

// flush writes what is queued. When it returns, what was logged before the call is written, or lost and counted.
func (s *Store) flush() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	queue, shares, lost := s.queue, s.shares, s.others
	s.queue, s.bytes, s.shares, s.others = nil, 0, nil, 0
	s.mu.Unlock()
	if len(queue) == 0 {
		return
	}
	byApp := map[string][]entry{}
	for _, e := range queue {
		byApp[e.app] = append(byApp[e.app], e)
	}
	for app, of := range shares {
		if lost += of.lost; of.lost > 0 {
			text := fmt.Sprintf("%d log lines were not kept here: they came faster than the server's disk takes them", of.lost)
			byApp[app] = append(byApp[app], entry{app: app, at: s.cfg.Now().UnixNano(), level: slog.LevelWarn, message: text, err: text})
		}
	}
	ctx := context.Background() // nobody waits for it
	err := s.use(ctx, func(f *dbfile.File) error {
		return f.Update(ctx, func(tx *sql.Tx) error { return s.insert(tx, byApp) })
	})
	if err != nil {
		s.lost.Add(uint64(len(queue)))
		lost += len(queue)
	}
	s.tell(lost, err)
}

// insert writes lines, and deletes those of the same apps that are too many now.
func (s *Store) insert(tx *sql.Tx, byApp map[string][]entry) error {
	insert, err := tx.Prepare("INSERT INTO lines (app, n, at, level, message, error, request, user, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	last := map[string]int64{}
	for app, entries := range byApp {
		var n int64
		if err := tx.QueryRow("INSERT INTO apps (app, last) VALUES (?, ?) ON CONFLICT DO UPDATE SET last = last + excluded.last RETURNING last", app, len(entries)).Scan(&n); err != nil {
			return err
		}
		last[app] = n
		for i, e := range entries {
			if _, err := insert.Exec(app, n-int64(len(entries))+int64(i)+1, e.at, int(e.level), e.message, e.err, e.request, e.user, "{"+e.fields+"}"); err != nil {
				return err
			}
		}
	}
	return s.bound(tx, last)
}

// bound deletes the oldest lines of apps that have too many. last is the newest n of each.
func (s *Store) bound(tx *sql.Tx, last map[string]int64) error {
	var apps int
	if err := tx.QueryRow("SELECT count(*) FROM apps").Scan(&apps); err != nil {
		return err
	}
	most := int64(max(1, min(s.cfg.Lines, s.cfg.total/max(1, apps))))
	for app, n := range last {
		if _, err := tx.Exec("DELETE FROM lines WHERE app = ? AND n <= ?", app, n-most); err != nil {
			return err
		}
	}
	return nil
}

// trim deletes lines that are too old, of all apps, and those that are too many.
func (s *Store) trim() {
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx := context.Background() // nobody waits for it
	err := s.use(ctx, func(f *dbfile.File) error {
		return f.Update(ctx, func(tx *sql.Tx) error {
			last, err := lastOf(tx)
			if err != nil {
				return err
			}
			for app, n := range last {
				if err := s.expire(tx, app, n); err != nil {
					return err
				}
			}
			return s.bound(tx, last)
		})
	})
	if err != nil && !errors.Is(err, errEnded) {
		s.cfg.Logger.Error("log lines of apps that are too old could not be deleted; it is tried again", "file", s.path, "error", err)
	}
}

func lastOf(tx *sql.Tx) (map[string]int64, error) {
	rows, err := tx.Query("SELECT app, last FROM apps")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	last := map[string]int64{}
	for rows.Next() {
		var app string
		var n int64
		if err := rows.Scan(&app, &n); err != nil {
			return nil, err
		}
		last[app] = n
	}
	return last, rows.Err()
}

// ahead is by how much a line may be from the future, for age: a clock that was wrong for a while must not make lines stay for years.
const ahead = 24 * time.Hour

// expire deletes the lines of an app before the first that is not too old.
func (s *Store) expire(tx *sql.Tx, app string, last int64) error {
	var young sql.NullInt64
	err := tx.QueryRow("SELECT n FROM lines WHERE app = ? AND at >= ? AND at <= ? ORDER BY n LIMIT 1", app, s.oldest(), s.cfg.Now().Add(ahead).UnixNano()).Scan(&young)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.Exec("DELETE FROM lines WHERE app = ?", app)
		if err == nil {
			_, err = tx.Exec("DELETE FROM apps WHERE app = ? AND last = ?", app, last)
		}
		return err
	}
	if err == nil {
		_, err = tx.Exec("DELETE FROM lines WHERE app = ? AND n < ?", app, young.Int64)
	}
	return err
}

// oldest is when the oldest lines that are shown were logged, in nanoseconds since 1970.
func (s *Store) oldest() int64 { return s.cfg.Now().Add(-s.cfg.Keep).UnixNano() }

// Forget deletes the lines of an app, because it is deleted. What is logged of it afterwards is kept.
func (s *Store) Forget(app string) error {
	if !s.keeps() {
		return nil
	}
	s.flush()
	ctx := context.Background()
	return s.use(ctx, func(f *dbfile.File) error {
		return f.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec("DELETE FROM lines WHERE app = ?", app)
			if err == nil {
				_, err = tx.Exec("DELETE FROM apps WHERE app = ?", app)
			}
			return err
		})
	})
}
