package applog

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"time"

	"realmsync/server/dbfile"
)

// MaxPage is the most lines that Lines returns.
const MaxPage = 100

// Query says which lines of an app are wanted. What is not set restricts nothing.
type Query struct {
	App       string
	Errors    bool   // those that tell of something wrong
	Request   string // those of a request
	User      string
	Functions *bool     // those of functions, or those that are not
	After     time.Time // later than this
	Until     time.Time // not later than this
	Skip      int       // so many are passed over
	Limit     int       // 1 to MaxPage
}

// Line is one that was kept.
type Line struct {
	N       int64 // counts the lines of its app
	At      time.Time
	Level   slog.Level
	Message string
	Error   string // "" for lines that tell of nothing wrong
	Request string
	User    string
	Fields  json.RawMessage // a JSON object: other attributes
}

// Function says whether the line is of a function. Inside of a text of the fields the quotes would be escaped.
func (l Line) Function() bool { return strings.Contains(string(l.Fields), `"function":`) }

// ID names the line among all of its app: 24 hexadecimal digits.
func (l Line) ID() string {
	const digits = "0123456789abcdef"
	var b [24]byte
	seconds, n := uint64(l.At.Unix()), uint64(l.N)
	for i := 23; i >= 8; i, n = i-1, n>>4 {
		b[i] = digits[n&15]
	}
	for i := 7; i >= 0; i, seconds = i-1, seconds>>4 {
		b[i] = digits[seconds&15]
	}
	return string(b[:])
}

// Lines returns lines, the newest first, and whether there are more. What was logged before the call is among them.
func (s *Store) Lines(ctx context.Context, q Query) (lines []Line, more bool, err error) {
	if !s.keeps() {
		return nil, false, nil
	}
	s.flush()
	after, until := s.oldest()-1, int64(math.MaxInt64)
	if !q.After.IsZero() {
		after = max(after, nanoseconds(q.After))
	}
	if !q.Until.IsZero() {
		until = nanoseconds(q.Until)
	}
	query, args := "SELECT n, at, level, message, error, request, user, fields FROM lines WHERE app = ? AND at > ? AND at <= ?", []any{q.App, after, until}
	if q.Errors {
		query += " AND error <> ''"
	}
	if q.Request != "" {
		query, args = query+" AND request = ?", append(args, q.Request)
	}
	if q.User != "" {
		query, args = query+" AND user = ?", append(args, q.User)
	}
	if q.Functions != nil {
		query, args = query+" AND (fields ->> 'function' IS NOT NULL) = ?", append(args, *q.Functions)
	}
	limit := max(1, min(q.Limit, MaxPage))
	query, args = query+" ORDER BY at DESC, n DESC LIMIT ? OFFSET ?", append(args, limit+1, max(0, q.Skip))
	err = s.use(ctx, func(f *dbfile.File) error {
		lines = nil // it may be the second time
		rows, err := f.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l Line
			var at int64
			var level int
			var fields string
			if err := rows.Scan(&l.N, &at, &level, &l.Message, &l.Error, &l.Request, &l.User, &fields); err != nil {
				return err
			}
			l.At, l.Level, l.Fields = time.Unix(0, at).UTC(), slog.Level(level), json.RawMessage(strings.ToValidUTF8(fields, ""))
			lines = append(lines, l)
		}
		return rows.Err()
	})
	if more = len(lines) > limit; more {
		lines = lines[:limit]
	}
	return lines, more, err
}

// nanoseconds is a time as it is stored; those that are out of its range are its ends.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
