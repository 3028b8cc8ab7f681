package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// conn is a connection and the statements that were prepared on it. It belongs to one goroutine at a time.
type conn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newConn(c *sql.Conn) *conn { return &conn{conn: c, stmts: map[string]*sql.Stmt{}} }

// stmt returns the statement, prepared on first use. The texts are constants and groups of a few sizes, so that the map
// stays small.
func (c *conn) stmt(query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) exec(query string, args ...any) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	_, err = s.Exec(args...)
	return err
}

// query calls f for each row until it returns false or an error.
func (c *conn) query(f func(*sql.Rows) (bool, error), query string, args ...any) (err error) {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		if more, err := f(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// forget gives the prepared statements up: some 5 kB each, prepared again when they are needed.
func (c *conn) forget() {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	clear(c.stmts)
}

func (c *conn) close() error {
	c.forget()
	return c.conn.Close()
}

// group is the number of rows that go into one statement: the gain flattens out here.
const group = 64

// bundle returns the size of the next statement for n rows: each size is a statement that stays prepared.
func bundle(n int) int {
	for size := group; size > 1; size /= 4 {
		if n >= size {
			return size
		}
	}
	return 1
}

// insert writes n rows of the given width. The prefix ends before VALUES, the suffix follows the rows; row appends the
// values of row i.
func (c *conn) insert(prefix, suffix string, n, width int, row func(args []any, i int) []any) error {
	args := make([]any, 0, min(n, group)*width)
	for i := 0; i < n; {
		size := bundle(n - i)
		args = args[:0]
		for k := 0; k < size; k++ {
			args = row(args, i+k)
		}
		if err := c.exec(values(prefix, suffix, size, width), args...); err != nil {
			return err
		}
		i += size
	}
	return nil
}

// values completes the text of a statement that inserts a number of rows.
func values(prefix, suffix string, rows, width int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + ")"
	return prefix + " VALUES " + strings.TrimSuffix(strings.Repeat(one+",", rows), ",") + " " + suffix
}

// placeholders returns "?1+first,?2+first,..." for an IN list.
func placeholders(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('?')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}
