package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/mattn/go-sqlite3"

	"realmsync/server/store"
)

// reader implements store.Reader on a connection with an open transaction.
type reader struct{ conn *conn }

func (r *reader) number(query string, args ...any) (n uint64, err error) {
	var got sql.NullInt64
	err = r.conn.query(func(rows *sql.Rows) (bool, error) { return false, rows.Scan(&got) }, query, args...)
	return uint64(got.Int64), err
}

// Version implements store.Reader.
func (r *reader) Version() (uint64, error) {
	v, err := r.number("SELECT max(version) FROM history")
	return v, wrap("reading the newest version", err)
}

// Salts implements store.Reader.
func (r *reader) Salts() (out []store.Salt, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var s store.Salt
		err := rows.Scan(&s.From, &s.Value)
		out = append(out, s)
		return true, err
	}, "SELECT start, value FROM salts ORDER BY start")
	return out, wrap("reading salts", err)
}

// Classes implements store.Reader.
func (r *reader) Classes() (out []store.Class, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var c store.Class
		err := rows.Scan(&c.ID, &c.Name, &c.Definition)
		out = append(out, c)
		return true, err
	}, "SELECT id, name, definition FROM classes ORDER BY id")
	return out, wrap("reading classes", err)
}

const (
	selectEntry       = "SELECT version, origin, client_version, timestamp, flags, changeset, NULL FROM history"
	selectEntryImages = "SELECT h.version, origin, client_version, timestamp, flags, changeset, body FROM history h LEFT JOIN images i ON i.version = h.version"
)

func scanEntry(rows *sql.Rows, e *store.Entry) error {
	return rows.Scan(&e.Version, &e.Origin, &e.ClientVersion, &e.Timestamp, &e.Flags, &e.Changeset, &e.Images)
}

// Entries implements store.Reader.
func (r *reader) Entries(from, to uint64, images bool, f func(*store.Entry) (bool, error)) error {
	query := selectEntry + " WHERE version > ?1 AND version <= ?2 ORDER BY version"
	if images {
		query = selectEntryImages + " WHERE h.version > ?1 AND h.version <= ?2 ORDER BY h.version"
	}
	return wrap("reading history", r.conn.query(func(rows *sql.Rows) (bool, error) {
		var e store.Entry
		if err := scanEntry(rows, &e); err != nil {
			return false, err
		}
		more, err := f(&e)
		return more, called(err)
	}, query, int64(from), int64(to)))
}

// Entry implements store.Reader.
func (r *reader) Entry(version uint64, images bool) (e store.Entry, err error) {
	found := false
	if version > 0 {
		err = r.Entries(version-1, version, images, func(got *store.Entry) (bool, error) {
			e, found = *got, true
			return false, nil
		})
	}
	if err == nil && !found {
		err = fmt.Errorf("sqlite: server version %d: %w", version, store.ErrNotFound)
	}
	return e, err
}

// Floor implements store.Reader.
func (r *reader) Floor() (uint64, error) {
	v, err := r.number("SELECT version FROM floor")
	return v, wrap("reading the floor of the history", err)
}

// Reclaimable implements store.Reader.
func (r *reader) Reclaimable() (bool, error) {
	n, err := r.number(`SELECT EXISTS (SELECT 1 FROM images WHERE version <= (SELECT version FROM floor))
		OR EXISTS (SELECT 1 FROM history WHERE version <= (SELECT version FROM floor) AND flags = 0)
		OR EXISTS (SELECT 1 FROM objects WHERE doc IS NULL AND version <= (SELECT version FROM floor))`)
	return n != 0, wrap("looking for what can be reclaimed", err)
}

// FlaggedVersions implements store.Reader.
func (r *reader) FlaggedVersions(from, to uint64, bits uint32) (out []uint64, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var v uint64
		err := rows.Scan(&v)
		out = append(out, v)
		return true, err
	}, "SELECT version FROM history WHERE flags <> 0 AND version > ?1 AND version <= ?2 AND flags & ?3 ORDER BY version",
		int64(from), int64(to), int64(bits))
	return out, wrap("reading flagged versions", err)
}

// OwnVersions implements store.Reader.
func (r *reader) OwnVersions(file, from uint64) (out []store.Own, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var o store.Own
		err := rows.Scan(&o.Version, &o.ClientVersion)
		out = append(out, o)
		return true, err
	}, "SELECT version, client_version FROM history WHERE origin = ?1 AND version > ?2 ORDER BY version", int64(file), int64(from))
	return out, wrap("reading the versions of a file", err)
}

// Objects implements store.Reader.
func (r *reader) Objects(refs []store.ObjectRef, f func(store.Object) error) error {
	byClass := map[uint32][]string{}
	for _, ref := range refs {
		byClass[ref.Class] = append(byClass[ref.Class], ref.Key)
	}
	for class, keys := range byClass {
		// In key order the tree is walked, not searched anew from its root's cold pages each time.
		slices.Sort(keys)
		for len(keys) > 0 {
			n := bundle(len(keys))
			if err := r.objects(class, keys[:n], f); err != nil {
				return wrap("reading objects", err)
			}
			keys = keys[n:]
		}
	}
	return nil
}

func (r *reader) objects(class uint32, keys []string, f func(store.Object) error) error {
	args := make([]any, 0, len(keys)+1)
	args = append(args, int64(class))
	for _, key := range keys {
		args = append(args, []byte(key))
	}
	query := "SELECT key, doc, version FROM objects WHERE class = ?1 AND key IN (" + placeholders(2, len(keys)) + ")"
	return r.conn.query(func(rows *sql.Rows) (bool, error) {
		o := store.Object{ObjectRef: store.ObjectRef{Class: class}}
		err := rows.Scan(&o.Key, &o.Doc, &o.Version)
		if err == nil {
			err = called(f(o))
		}
		return true, err
	}, query, args...)
}

// Scan implements store.Reader.
func (r *reader) Scan(class uint32, f func(key, doc []byte) (bool, error)) error {
	return r.scan(f, "SELECT key, doc FROM objects WHERE class = ?1 AND doc IS NOT NULL ORDER BY key", int64(class))
}

// ScanAfter implements store.Reader.
func (r *reader) ScanAfter(class uint32, after string, f func(key, doc []byte) (bool, error)) error {
	return r.scan(f, "SELECT key, doc FROM objects WHERE class = ?1 AND key > ?2 AND doc IS NOT NULL ORDER BY key", int64(class), []byte(after))
}

// ScanHolding implements store.Reader. SQLite looks for the texts where the documents are: what holds none of them costs a tenth of a row that is read.
func (r *reader) ScanHolding(class uint32, texts []string, beginning string, f func(key, doc []byte) (bool, error)) error {
	if len(texts) > store.MaxTexts {
		return fmt.Errorf("sqlite: %d texts are looked for, at most %d may be", len(texts), store.MaxTexts)
	}
	query := "SELECT key, doc FROM objects WHERE class = ?1 AND doc IS NOT NULL AND (?2 <> x'' AND substr(doc, 1, length(?2)) = ?2"
	args := []any{int64(class), []byte(beginning)}
	for _, text := range texts {
		args = append(args, []byte(text))
		query += " OR instr(doc, ?" + strconv.Itoa(len(args)) + ")"
	}
	return r.scan(f, query+") ORDER BY key", args...)
}

func (r *reader) scan(f func(key, doc []byte) (bool, error), query string, args ...any) error {
	var key, doc sql.RawBytes
	return wrap("scanning a class", r.conn.query(func(rows *sql.Rows) (bool, error) {
		if err := rows.Scan(&key, &doc); err != nil {
			return false, err
		}
		more, err := f(key, doc)
		return more, called(err)
	}, query, args...))
}

// Pieces implements store.Reader.
func (r *reader) Pieces(ids []uint64, f func(store.Piece) error) error {
	for len(ids) > 0 {
		n := bundle(len(ids))
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = int64(id)
		}
		err := r.conn.query(func(rows *sql.Rows) (bool, error) {
			var p store.Piece
			err := rows.Scan(&p.ID, &p.Body)
			if err == nil {
				err = called(f(p))
			}
			return true, err
		}, "SELECT id, body FROM pieces WHERE id IN ("+placeholders(1, n)+")", args...)
		if err != nil {
			return wrap("reading pieces of collections", err)
		}
		ids = ids[n:]
	}
	return nil
}

// PieceIDs implements store.Reader.
func (r *reader) PieceIDs(above uint64, limit int) (out []uint64, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var id uint64
		err := rows.Scan(&id)
		out = append(out, id)
		return true, err
	}, "SELECT id FROM pieces WHERE id > ?1 ORDER BY id LIMIT ?2", int64(above), limit)
	return out, wrap("listing pieces of collections", err)
}

// MaxPiece implements store.Reader.
func (r *reader) MaxPiece() (uint64, error) {
	v, err := r.number("SELECT max(id) FROM pieces")
	return v, wrap("reading the newest piece", err)
}

const selectFile = "SELECT ident, salt, user, client_version, base_version, locked, last_seen, created, schema_version FROM files"

func scanFile(rows *sql.Rows, file *store.File) error {
	return rows.Scan(&file.Ident, &file.Salt, &file.User, &file.ClientVersion, &file.BaseVersion, &file.Locked, &file.LastSeen, &file.Created, &file.SchemaVersion)
}

// Files implements store.Reader.
func (r *reader) Files(above uint64, limit int) (out []store.File, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		var file store.File
		err := scanFile(rows, &file)
		out = append(out, file)
		return true, err
	}, selectFile+" WHERE ident > ?1 ORDER BY ident LIMIT ?2", int64(above), limit)
	return out, wrap("listing client files", err)
}

// File implements store.Reader.
func (r *reader) File(ident uint64) (file store.File, err error) {
	found := false
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		found = true
		return false, scanFile(rows, &file)
	}, selectFile+" WHERE ident = ?1", int64(ident))
	if err == nil && !found {
		return file, fmt.Errorf("sqlite: client file %d: %w", ident, store.ErrNotFound)
	}
	return file, wrap("reading a client file", err)
}

// MaxFile implements store.Reader.
func (r *reader) MaxFile() (uint64, error) {
	v, err := r.number("SELECT max(ident) FROM files")
	return v, wrap("reading the newest file ident", err)
}

// LastSeen implements store.Reader.
func (r *reader) LastSeen() (uint64, error) {
	v, err := r.number("SELECT max(last_seen) FROM files")
	return v, wrap("reading when a client file was seen last", err)
}

// Views implements store.Reader.
func (r *reader) Views(file uint64) (out []store.View, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		v := store.View{File: file}
		err := rows.Scan(&v.QueryVersion, &v.Body, &v.Snapshot, &v.First)
		out = append(out, v)
		return true, err
	}, "SELECT query_version, body, snapshot, first FROM views WHERE file = ?1 ORDER BY query_version", int64(file))
	return out, wrap("reading views", err)
}

// Resets implements store.Reader.
func (r *reader) Resets(file, from uint64) (out []store.Reset, err error) {
	err = r.conn.query(func(rows *sql.Rows) (bool, error) {
		x := store.Reset{File: file}
		err := rows.Scan(&x.Version, &x.Object.Class, &x.Object.Key, &x.After, &x.ClientVersion, &x.Reason)
		out = append(out, x)
		return true, err
	}, "SELECT version, class, key, after, client_version, reason FROM resets WHERE file = ?1 AND version > ?2 ORDER BY version, class, key", int64(file), int64(from))
	return out, wrap("reading resets", err)
}

// Reciprocals implements store.Reader.
func (r *reader) Reciprocals(file, from uint64, f func(uint64, []byte) error) error {
	return wrap("reading reciprocals", r.conn.query(func(rows *sql.Rows) (bool, error) {
		var version uint64
		var changeset []byte
		err := rows.Scan(&version, &changeset)
		if err == nil {
			err = called(f(version, changeset))
		}
		return true, err
	}, "SELECT version, changeset FROM reciprocals WHERE file = ?1 AND version > ?2 ORDER BY version", int64(file), int64(from)))
}

// wrap says what was being done when SQLite refused. Errors of callbacks are not SQLite's.
func wrap(what string, err error) error {
	if called, ok := err.(callbackError); ok { //nolint:errorlint // not wrapped
		return called.error
	}
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return err
	}
	return fmt.Errorf("sqlite: %s: %w", what, advised(err))
}

// errDamaged says what can be done about a file that SQLite can't read.
var errDamaged = errors.New("the app's sync.db is damaged; stop the server, look at it with 'realm-sync-server fsck', and restore a backup")

// advised adds to an error of SQLite what can be done about it.
func advised(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB) {
		return fmt.Errorf("%w (%w)", err, errDamaged)
	}
	return err
}

// callbackError is an error that a callback has returned.
type callbackError struct{ error }

// called marks the error of a callback.
func called(err error) error {
	if err == nil {
		return nil
	}
	return callbackError{err}
}
