package history

import (
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/store"
)

// localHistory is the local history in a write transaction, as merging sees it (merge.md 9.3).
type localHistory struct {
	conn   *store.Conn
	ident  uint64
	window *window
}

var (
	_ merge.History = localHistory{}
	_ merge.Finder  = localHistory{}
)

// NextAfter implements merge.History.
func (h localHistory) NextAfter(after, upTo uint64) (uint64, bool, error) {
	v, ok := h.window.next(after, upTo)
	return v, ok, nil
}

// Window implements merge.Finder.
func (h localHistory) Window(after, upTo uint64, t merge.Touched) ([]uint64, error) {
	return h.window.find(after, upTo, t), nil
}

// Reciprocal implements merge.History.
func (h localHistory) Reciprocal(version uint64) (merge.Entry, error) {
	e := merge.Entry{FileIdent: h.ident}
	const sql = `SELECT timestamp, coalesce(reciprocal, changeset) FROM sync_history WHERE version=?`
	err := h.conn.Query(sql, []any{version}, func(row *store.Row) (err error) {
		e.Timestamp = row.Uint64(0)
		e.Changeset, err = changeset.Decode(row.Blob(1))
		return err
	})
	switch {
	case err != nil:
		return e, damaged(h.conn, version, err)
	case e.Changeset == nil:
		return e, damaged(h.conn, version, errors.New("it is missing"))
	default:
		return e, nil
	}
}

// damaged says that a changeset of this file can't be read. It doesn't wrap a *BadChangesetError: no DOWNLOAD is to blame.
func damaged(conn *store.Conn, version uint64, err error) error {
	if errors.Is(err, changeset.ErrBadChangeset) {
		err = errors.New(err.Error())
	}
	return fmt.Errorf("history: the changeset of version %d in '%s' can't be read: %w", version, conn.Path(), err)
}

// StoreReciprocal implements merge.History.
func (h localHistory) StoreReciprocal(version uint64, c *changeset.Changeset) error {
	data, err := changeset.Encode(c)
	if err != nil {
		return err
	}
	// Empty is not the same as none.
	return h.conn.Exec(`UPDATE sync_history SET reciprocal=coalesce(?, x'') WHERE version=?`, data, version)
}
