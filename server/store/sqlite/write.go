package sqlite

import (
	"errors"
	"fmt"

	"realmsync/server/store"
)

// tx is the writer's transaction. It implements store.Tx.
type tx struct {
	reader
	store *Store
	done  bool
}

// Rollback implements store.Tx.
func (t *tx) Rollback() error {
	if t.done {
		return nil
	}
	return t.end("ROLLBACK")
}

// end finishes the transaction and passes the writer's place on, whatever happens: a connection that is stuck inside a
// transaction would refuse the next BEGIN with an error that says so.
func (t *tx) end(how string) error {
	t.done = true
	err := t.conn.exec(how)
	if err != nil && how != "ROLLBACK" {
		// After some errors (disk full) SQLite has rolled back on its own; then there is nothing left to roll back.
		_ = t.conn.exec("ROLLBACK")
	}
	t.store.turn <- struct{}{}
	return err
}

// Commit implements store.Tx.
func (t *tx) Commit(c *store.Changes) error {
	if t.done {
		return errors.New("sqlite: this transaction is over")
	}
	if err := t.apply(c); err != nil {
		return fmt.Errorf("sqlite: writing to %s: %w", t.store.path, errors.Join(advised(err), t.end("ROLLBACK")))
	}
	if err := t.end("COMMIT"); err != nil {
		return fmt.Errorf("sqlite: committing to %s: %w", t.store.path, advised(err))
	}
	return nil
}

func (t *tx) apply(c *store.Changes) error {
	for _, step := range []func(*store.Changes) error{t.schema, t.history, t.pieces, t.objects, t.files, t.reciprocals, t.reclaim} {
		if err := step(c); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) schema(c *store.Changes) error {
	if c.Salt != nil {
		if err := t.conn.exec("INSERT INTO salts (start, value) VALUES (?1, ?2)", int64(c.Salt.From), c.Salt.Value); err != nil {
			return err
		}
	}
	for _, id := range c.DropClasses {
		for _, query := range []string{"DELETE FROM objects WHERE class = ?1", "DELETE FROM classes WHERE id = ?1"} {
			if err := t.conn.exec(query, int64(id)); err != nil {
				return err
			}
		}
	}
	for _, class := range c.Classes {
		if err := t.conn.exec("INSERT OR REPLACE INTO classes (id, name, definition) VALUES (?1, ?2, ?3)",
			int64(class.ID), class.Name, class.Definition); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) history(c *store.Changes) error {
	err := t.conn.insert("INSERT INTO history (version, origin, client_version, timestamp, flags, changeset)", "", len(c.Entries), 6,
		func(args []any, i int) []any {
			e := &c.Entries[i]
			return append(args, int64(e.Version), int64(e.Origin), int64(e.ClientVersion), int64(e.Timestamp), int64(e.Flags), e.Changeset)
		})
	if err != nil {
		return err
	}
	var imaged []*store.Entry
	for i := range c.Entries {
		if c.Entries[i].Images != nil {
			imaged = append(imaged, &c.Entries[i])
		}
	}
	return t.conn.insert("INSERT INTO images (version, body)", "", len(imaged), 2, func(args []any, i int) []any {
		return append(args, int64(imaged[i].Version), imaged[i].Images)
	})
}

func (t *tx) pieces(c *store.Changes) error {
	return t.conn.insert("INSERT INTO pieces (id, body)", "", len(c.Pieces), 2, func(args []any, i int) []any {
		return append(args, int64(c.Pieces[i].ID), c.Pieces[i].Body)
	})
}

func (t *tx) objects(c *store.Changes) error {
	return t.conn.insert("INSERT INTO objects (class, key, doc, version)",
		"ON CONFLICT (class, key) DO UPDATE SET doc = excluded.doc, version = excluded.version", len(c.Objects), 4,
		func(args []any, i int) []any {
			o := &c.Objects[i]
			return append(args, int64(o.Class), []byte(o.Key), nullable(o.Doc), int64(o.Version))
		})
}

// nullable keeps nil and empty apart: the driver writes an empty slice as an empty blob, a nil one as NULL.
func nullable(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func (t *tx) files(c *store.Changes) error {
	err := t.conn.insert("INSERT OR REPLACE INTO files (ident, salt, user, client_version, base_version, locked, last_seen, created, schema_version)", "", len(c.Files), 9,
		func(args []any, i int) []any {
			f := &c.Files[i]
			return append(args, int64(f.Ident), f.Salt, f.User, int64(f.ClientVersion), int64(f.BaseVersion), int64(f.Locked), int64(f.LastSeen), int64(f.Created), int64(f.SchemaVersion))
		})
	if err != nil {
		return err
	}
	for _, v := range c.Views {
		if err := t.conn.exec("INSERT OR REPLACE INTO views (file, query_version, body, snapshot, first) VALUES (?1, ?2, ?3, ?4, ?5)",
			int64(v.File), int64(v.QueryVersion), v.Body, int64(v.Snapshot), int64(v.First)); err != nil {
			return err
		}
	}
	for _, k := range c.KeepViews {
		if err := t.conn.exec("DELETE FROM views WHERE file = ?1 AND query_version < ?2", int64(k.File), int64(k.From)); err != nil {
			return err
		}
	}
	for _, d := range c.DropResets {
		if err := t.conn.exec("DELETE FROM resets WHERE file = ?1 AND version <= ?2", int64(d.File), int64(d.Version)); err != nil {
			return err
		}
	}
	return t.conn.insert("INSERT OR REPLACE INTO resets (file, version, class, key, after, client_version, reason)", "", len(c.Resets), 7,
		func(args []any, i int) []any {
			x := &c.Resets[i]
			return append(args, int64(x.File), int64(x.Version), int64(x.Object.Class), []byte(x.Object.Key), int64(x.After), int64(x.ClientVersion), x.Reason)
		})
}

func (t *tx) reciprocals(c *store.Changes) error {
	for _, d := range c.DropReciprocal {
		if err := t.conn.exec("DELETE FROM reciprocals WHERE file = ?1 AND version <= ?2", int64(d.File), int64(d.Version)); err != nil {
			return err
		}
	}
	return t.conn.insert("INSERT OR REPLACE INTO reciprocals (file, version, changeset)", "", len(c.Reciprocals), 3,
		func(args []any, i int) []any {
			x := &c.Reciprocals[i]
			changeset := x.Changeset
			if changeset == nil {
				changeset = []byte{}
			}
			return append(args, int64(x.File), int64(x.Version), changeset)
		})
}

// reclaim removes what the floor of the history has made useless, and pieces that nothing names any more.
func (t *tx) reclaim(c *store.Changes) error {
	for _, id := range c.DropPieces {
		if err := t.conn.exec("DELETE FROM pieces WHERE id = ?1", int64(id)); err != nil {
			return err
		}
	}
	if c.Floor != 0 {
		if err := t.conn.exec("UPDATE floor SET version = max(version, ?1)", int64(c.Floor)); err != nil {
			return err
		}
	}
	if c.Reclaim == 0 {
		return nil
	}
	for _, query := range []string{
		"DELETE FROM images WHERE version IN (SELECT version FROM images WHERE version <= (SELECT version FROM floor) ORDER BY version LIMIT ?1)",
		"DELETE FROM history WHERE version IN (SELECT version FROM history WHERE version <= (SELECT version FROM floor) AND flags = 0 ORDER BY version LIMIT ?1)",
		`DELETE FROM objects WHERE (class, key) IN (SELECT class, key FROM objects WHERE doc IS NULL AND version <= (SELECT version FROM floor) LIMIT ?1)`,
	} {
		if err := t.conn.exec(query, c.Reclaim); err != nil {
			return err
		}
	}
	return nil
}
