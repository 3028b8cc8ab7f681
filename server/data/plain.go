package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/dbfile"
	"realmsync/server/mql"
)

// Bounds on plain collections.
const (
	maxDocument    = 16 << 20 // bytes of one document, as in MongoDB
	maxKey         = 4 << 10  // bytes of an _id
	maxName        = 120      // bytes of the name of a database or a collection
	maxCollections = 1000     // of one app
	plainBatch     = 1000     // documents that are written at once
)

// documentsKind is the form of documents.db ("RSdo").
var documentsKind = dbfile.Kind{
	ApplicationID: 0x5253646f,
	Migrations: []string{
		// 1
		`CREATE TABLE collections (
			id INTEGER PRIMARY KEY,
			database TEXT NOT NULL,
			name TEXT NOT NULL,
			UNIQUE (database, name)
		);
		CREATE TABLE documents (
			seq INTEGER PRIMARY KEY AUTOINCREMENT,
			collection INTEGER NOT NULL REFERENCES collections,
			key BLOB NOT NULL,
			body BLOB NOT NULL
		);
		CREATE UNIQUE INDEX documents_key ON documents (collection, key);
		CREATE INDEX documents_order ON documents (collection, seq);
		CREATE TABLE indexes (
			id INTEGER PRIMARY KEY,
			collection INTEGER NOT NULL REFERENCES collections,
			field TEXT NOT NULL,
			UNIQUE (collection, field)
		);
		CREATE TABLE entries (
			idx INTEGER NOT NULL REFERENCES indexes,
			digest BLOB NOT NULL,
			seq INTEGER NOT NULL,
			PRIMARY KEY (idx, digest, seq)
		) WITHOUT ROWID;
		CREATE INDEX entries_seq ON entries (seq);
		CREATE TABLE progress (
			name TEXT PRIMARY KEY,
			value INTEGER NOT NULL
		) WITHOUT ROWID`,
	},
}

// plain is a collection of documents.db. file is nil if there is none yet: then it is empty. make opens it for writing.
type plain struct {
	name  Collection
	first bool // its data source is the one that is meant when none is named
	file  *dbfile.File
	make  func(ctx context.Context) (*dbfile.File, error)
	now   func() time.Time
	// pinned is a transaction that reads are made in (Export); nil: each page sees the newest.
	pinned querier
}

func (p *plain) idField() string { return "_id" }

func seqText(seq int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(seq))) }

func seqOf(after string) int64 {
	if len(after) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64([]byte(after)))
}

// querier is the file, or a transaction on it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// reading makes a file a querier.
type reading struct{ *dbfile.File }

func (r reading) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return r.QueryRow(ctx, query, args...)
}

func (r reading) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return r.Query(ctx, query, args...)
}

// ofSource is between the names of a data source and of a database in the column database. In earlier versions the data source is missing.
const ofSource = "\x1f"

// database is the text of the column.
func (p *plain) database() string { return p.name.Service + ofSource + p.name.Database }

// id returns the number of the collection, 0 if there is none. One that doesn't say whose it is belongs to the first data source.
func (p *plain) id(ctx context.Context, q querier) (id int64, err error) {
	own, other := p.database(), p.database()
	if p.first {
		other = p.name.Database
	}
	err = q.QueryRowContext(ctx, "SELECT id FROM collections WHERE database IN (?1, ?2) AND name = ?3 ORDER BY database = ?1 DESC LIMIT 1", own, other, p.name.Name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, err
}

// Bounds on the documents that are read at once.
const (
	scanDocuments = 256
	scanBytes     = 1 << 20
)

// scan reads by pages and has no connection while f works: f may call functions of the app, which read in their turn.
func (p *plain) scan(ctx context.Context, filter *mql.Filter, after string, f visitor) error {
	if p.file == nil {
		return nil
	}
	q := querier(reading{p.file})
	if p.pinned != nil {
		q = p.pinned
	}
	id, err := p.id(ctx, q)
	if id == 0 || err != nil {
		return err
	}
	for last := seqOf(after); ; {
		page, more, err := p.page(ctx, q, id, filter, last)
		if err != nil {
			return err
		}
		for _, s := range page {
			if more, err := f(s.document, seqText(s.seq)); !more || err != nil {
				return err
			}
			last = s.seq
		}
		if !more {
			return nil
		}
	}
}

// stored is a document and its place.
type stored struct {
	seq      int64
	document bson.D
}

// page reads the next documents after a place. more tells that there may be others.
func (p *plain) page(ctx context.Context, q querier, id int64, filter *mql.Filter, after int64) (page []stored, more bool, err error) {
	query, args, err := p.choose(ctx, q, id, filter, after)
	if err != nil {
		return nil, false, err
	}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, false, fmt.Errorf("data: reading documents: %w", err)
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		if len(page) >= scanDocuments || size >= scanBytes {
			return page, true, nil
		}
		var s stored
		var body sql.RawBytes
		if err := rows.Scan(&s.seq, &body); err != nil {
			return nil, false, err
		}
		if err := bson.Unmarshal(body, &s.document); err != nil {
			return nil, false, fmt.Errorf("data: a stored document is damaged: %w", err)
		}
		size += len(body)
		page = append(page, s)
	}
	return page, false, rows.Err()
}

// choose finds the way to the documents: by _id, by an index, or all.
func (p *plain) choose(ctx context.Context, q querier, id int64, filter *mql.Filter, after int64) (string, []any, error) {
	const ordered = " AND collection = ? AND seq > ? ORDER BY seq"
	tail := []any{id, after}
	if filter == nil {
		return "SELECT seq, body FROM documents WHERE 1" + ordered, tail, nil
	}
	if ids, ok := filter.Values("_id"); ok && len(ids) <= 500 {
		query, args := "SELECT seq, body FROM documents WHERE key IN (", []any{}
		for i, v := range ids {
			if i > 0 {
				query += ","
			}
			query += "?"
			args = append(args, mql.StoredKey(v))
		}
		return query + ")" + ordered, append(args, tail...), nil
	}
	indexes, err := p.indexes(ctx, q, id)
	if err != nil {
		return "", nil, err
	}
	for idx, field := range indexes {
		values, ok := filter.Values(field)
		if !ok || len(values) != 1 {
			continue
		}
		return "SELECT seq, body FROM documents WHERE seq IN (SELECT seq FROM entries WHERE idx = ? AND digest = ?)" + ordered, append([]any{idx, digest(values[0])}, tail...), nil
	}
	return "SELECT seq, body FROM documents WHERE 1" + ordered, tail, nil
}

// digest is how an index knows a value.
func digest(v any) []byte {
	sum := sha256.Sum256(mql.StoredKey(v))
	return sum[:16]
}

func (p *plain) indexes(ctx context.Context, q querier, id int64) (map[int64]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, field FROM indexes WHERE collection = ?", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]string{}
	for rows.Next() {
		var idx int64
		var field string
		if err := rows.Scan(&idx, &field); err != nil {
			return nil, err
		}
		out[idx] = field
	}
	return out, rows.Err()
}

// index makes an index on a field, which must not be _id, if there is none.
func (p *plain) index(ctx context.Context, field string) error {
	if p.file == nil {
		return nil
	}
	id, err := p.id(ctx, reading{p.file})
	if id == 0 || err != nil {
		return err
	}
	var n int
	if err := p.file.QueryRow(ctx, "SELECT count(*) FROM indexes WHERE collection = ? AND field = ?", id, field).Scan(&n); n > 0 || err != nil {
		return err
	}
	return p.file.Update(ctx, func(tx *sql.Tx) error {
		id, err := p.id(ctx, tx)
		if id == 0 || err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO indexes (collection, field) VALUES (?, ?)", id, field)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); n == 0 || err != nil {
			return err
		}
		idx, err := r.LastInsertId()
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT OR IGNORE INTO entries (idx, digest, seq) VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		rows, err := tx.QueryContext(ctx, "SELECT seq, body FROM documents WHERE collection = ?", id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var seq int64
			var body sql.RawBytes
			var d bson.D
			if err := rows.Scan(&seq, &body); err != nil {
				return err
			}
			if err := bson.Unmarshal(body, &d); err != nil {
				return err
			}
			for _, v := range indexed(d, field) {
				if _, err := insert.ExecContext(ctx, idx, digest(v), seq); err != nil {
					return err
				}
			}
		}
		return rows.Err()
	})
}

// indexed returns the values under which an index knows a document.
func indexed(d bson.D, field string) []any {
	v, _ := mql.Get(d, field)
	if a, ok := v.(bson.A); ok {
		return append([]any{v}, a...)
	}
	return []any{v}
}

// leaving: nothing links to plain documents.
func (p *plain) leaving(context.Context, *mql.Meter, []any) error { return nil }

func (p *plain) write(ctx context.Context, f func(writer) error) error {
	for _, name := range []string{p.name.Database, p.name.Name} {
		if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			return invalid("the names of a database and of a collection have 1 to %d bytes, of which none is a control character", maxName)
		}
	}
	file, err := p.make(ctx)
	if err != nil {
		return err
	}
	p.file = file
	return file.Update(ctx, func(tx *sql.Tx) error {
		id, err := p.id(ctx, tx)
		if err != nil {
			return err
		}
		w := &plainWriter{plain: p, ctx: ctx, tx: tx, collection: id}
		if w.fields, err = p.indexes(ctx, tx, id); err != nil {
			return err
		}
		return f(w)
	})
}

type plainWriter struct {
	*plain
	ctx        context.Context
	tx         *sql.Tx
	collection int64 // 0: not there yet
	fields     map[int64]string
	count      int
}

func (w *plainWriter) full() bool { return w.count >= plainBatch }

func (w *plainWriter) get(id any) (bson.D, error) {
	var body []byte
	err := w.tx.QueryRowContext(w.ctx, "SELECT body FROM documents WHERE collection = ? AND key = ?", w.collection, mql.StoredKey(id)).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d bson.D
	return d, bson.Unmarshal(body, &d)
}

// encode gives a document its stored form.
func encode(d bson.D) ([]byte, error) {
	body, err := bson.Marshal(d)
	if err != nil {
		return nil, invalid("the document can't be stored: %s", clip(err.Error()))
	}
	if len(body) > maxDocument {
		return nil, invalid("a document can have at most %d bytes", maxDocument)
	}
	return body, nil
}

func (w *plainWriter) insert(d bson.D) (bson.D, bool, error) {
	id, ok := mql.Get(d, "_id")
	switch id.(type) {
	case bson.A, bson.Regex:
		return nil, false, invalid("the '_id' must not be an array or a regular expression")
	}
	if !ok {
		id = bson.NewObjectIDFromTimestamp(w.now())
	}
	if !ok || d[0].Key != "_id" { // it is a document's first field
		rest := slices.DeleteFunc(slices.Clone(d), func(e bson.E) bool { return e.Key == "_id" })
		d = append(bson.D{{Key: "_id", Value: id}}, rest...)
	}
	key := mql.StoredKey(id)
	if len(key) > maxKey {
		return nil, false, invalid("the '_id' can have at most %d bytes", maxKey)
	}
	if there, err := w.get(id); there != nil || err != nil {
		return there, true, err
	}
	body, err := encode(d)
	if err != nil {
		return nil, false, err
	}
	if w.collection == 0 {
		if err := w.create(); err != nil {
			return nil, false, err
		}
	}
	r, err := w.tx.ExecContext(w.ctx, "INSERT INTO documents (collection, key, body) VALUES (?, ?, ?)", w.collection, key, body)
	if err != nil {
		return nil, false, err
	}
	seq, err := r.LastInsertId()
	if err != nil {
		return nil, false, err
	}
	w.count++
	return d, false, w.enter(seq, d)
}

func (w *plainWriter) create() error {
	var n int
	if err := w.tx.QueryRowContext(w.ctx, "SELECT count(*) FROM collections").Scan(&n); err != nil {
		return err
	}
	if n >= maxCollections {
		return invalid("an app can have at most %d collections", maxCollections)
	}
	r, err := w.tx.ExecContext(w.ctx, "INSERT INTO collections (database, name) VALUES (?, ?)", w.database(), w.name.Name)
	if err == nil {
		w.collection, err = r.LastInsertId()
	}
	return err
}

// enter puts a document into the indexes.
func (w *plainWriter) enter(seq int64, d bson.D) error {
	for idx, field := range w.fields {
		for _, v := range indexed(d, field) {
			if _, err := w.tx.ExecContext(w.ctx, "INSERT OR IGNORE INTO entries (idx, digest, seq) VALUES (?, ?, ?)", idx, digest(v), seq); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave takes a document out of the indexes.
func (w *plainWriter) leave(id any) (seq int64, err error) {
	if err := w.tx.QueryRowContext(w.ctx, "SELECT seq FROM documents WHERE collection = ? AND key = ?", w.collection, mql.StoredKey(id)).Scan(&seq); err != nil {
		return 0, err
	}
	_, err = w.tx.ExecContext(w.ctx, "DELETE FROM entries WHERE seq = ?", seq)
	return seq, err
}

func (w *plainWriter) put(before, after bson.D, _ increments) (bson.D, error) {
	id, _ := mql.Get(before, "_id")
	body, err := encode(after)
	if err != nil {
		return nil, err
	}
	seq, err := w.leave(id)
	if err != nil {
		return nil, err
	}
	if _, err := w.tx.ExecContext(w.ctx, "UPDATE documents SET body = ? WHERE seq = ?", body, seq); err != nil {
		return nil, err
	}
	w.count++
	return after, w.enter(seq, after)
}

func (w *plainWriter) remove(d bson.D) error {
	id, _ := mql.Get(d, "_id")
	seq, err := w.leave(id)
	if err != nil {
		return err
	}
	_, err = w.tx.ExecContext(w.ctx, "DELETE FROM documents WHERE seq = ?", seq)
	w.count++
	return err
}
