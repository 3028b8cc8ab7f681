package history

import (
	"errors"

	"realmsync/core/session"
	"realmsync/core/store"
)

// NextQuery implements session.File.
func (f *File) NextQuery(above int64) (q session.Query, ok bool, err error) {
	err = f.read(func() error {
		set, err := pendingSet(f.conn, above)
		if errors.Is(err, ErrNoSuchSet) {
			return nil
		}
		if err != nil {
			return err
		}
		q, ok = session.Query{Version: set.Version, Snapshot: set.Snapshot, Body: set.Body()}, true
		return nil
	})
	return q, ok, err
}

// Marked implements session.File. It takes the write lock only if there is a set to change: most marks are those of download waits,
// which an application's write transaction should not hold up.
func (f *File) Marked(queryVersion int64) error {
	version := int64(-1)
	if err := f.read(func() (err error) {
		version, err = f.awaiting(queryVersion)
		return err
	}); err != nil || version < 0 {
		return err
	}
	return f.write(func() (uint64, error) {
		version, err := f.awaiting(queryVersion)
		if err != nil {
			return 0, err
		}
		if version < 0 {
			return 0, errUnchanged
		}
		return 0, setState(f.conn, version, Complete, "")
	})
}

// awaiting returns the highest set up to a version that awaits its mark, -1 if there is none.
func (f *File) awaiting(upTo int64) (version int64, err error) {
	version = -1
	const sql = `SELECT version FROM sync_set WHERE state=? AND version<=? ORDER BY version DESC LIMIT 1`
	err = f.conn.Query(sql, []any{int64(AwaitingMark), upTo}, func(row *store.Row) error {
		version = row.Int(0)
		return nil
	})
	return version, err
}

// FailSet implements session.File. What has arrived of a bootstrap for the set is dropped.
func (f *File) FailSet(version int64, text string) (failed bool, err error) {
	err = f.write(func() (uint64, error) {
		set, err := FindSet(f.conn, version)
		switch {
		case errors.Is(err, ErrNoSuchSet):
			return 0, errUnchanged
		case err != nil:
			return 0, err
		case set.State == Complete || set.State == Superseded || set.State == Failed:
			return 0, errUnchanged
		}
		if err := setState(f.conn, version, Failed, text); err != nil {
			return 0, err
		}
		if stored, _, err := f.storedBootstrap(); err != nil {
			return 0, err
		} else if stored == version {
			if err := f.dropStored(); err != nil {
				return 0, err
			}
		}
		failed = true
		return 0, nil
	})
	return failed && err == nil, err
}

// SetState implements session.File.
func (f *File) SetState(version int64) (state SetState, text string, err error) {
	err = f.read(func() error {
		set, err := FindSet(f.conn, version)
		if err == nil {
			state, text = set.State, set.Error
		}
		return err
	})
	return state, text, err
}
