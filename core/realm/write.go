package realm

import (
	"context"
	"log/slog"

	"realmsync/core/realm/history"
	"realmsync/core/store"
)

// BeginWrite opens a write transaction: it waits for other writers of the file and moves to the newest version; then observers
// are told what changed up to there. Errors: ErrFrozenWrite, ErrInTransaction, ErrWrongThread, ErrClosed, and store's.
func (r *Realm) BeginWrite() error {
	if r.frozen {
		return ErrFrozenWrite
	}
	if err := r.enterOnThread(); err != nil {
		return err
	}
	if err := r.mayBegin(); err != nil {
		r.leave()
		return err
	}
	r.beforeAdvance()
	err := r.moveOn()
	if err == nil {
		err = r.conn.BeginWrite()
	}
	if err == nil {
		r.recorder.reset()
		r.begun = r.conn.Stamp()
		if err = r.arrived(); err != nil {
			_ = r.conn.Rollback() // the first error counts
		}
	}
	if err != nil {
		r.drifted = !r.conn.InRead()
		r.leave()
		return err
	}
	calls := r.afterAdvance()
	r.leave()
	r.deliver(calls)
	return nil
}

// mayBegin refuses a write transaction that would wait for itself.
func (r *Realm) mayBegin() error {
	switch {
	case r.conn.InWrite():
		return ErrInTransaction
	case r.mutableSet != 0 && r.mutableSet == r.threadID():
		return errorf(ErrInTransaction, "The Realm can't be changed while its subscriptions are being changed: commit the subscription set first.")
	default:
		return nil
	}
}

// Commit makes the changes of the write transaction durable and visible: rows, changeset and version in one SQLite transaction. When
// it fails, nothing was changed and the transaction is closed.
func (r *Realm) Commit() error {
	if err := r.enterOnThread(); err != nil {
		return err
	}
	if !r.conn.InWrite() {
		r.leave()
		return ErrNoTransaction
	}
	version, err := r.commit()
	conn := r.conn
	if err == nil && version != r.version {
		if r.logger.Enabled(context.Background(), slog.LevelDebug) {
			r.logger.Debug("committed", "path", r.path, "version", version)
		}
		// The lock of the instance must not be held for telling others. Its connection is nobody else's: this is its thread.
		r.leave()
		history.Announce(r.file, version, conn)
		if err = r.enter(); err != nil {
			return err
		}
	}
	defer r.leave()
	if arrived := r.arriveAfterWrite(); err == nil {
		err = arrived
	}
	return err
}

// commit writes version and changeset and commits. It returns the version that is newest then: the old one when nothing was changed.
// On failure the transaction is rolled back.
func (r *Realm) commit() (uint64, error) {
	version, err := r.version, error(nil)
	if r.conn.Stamp() != r.begun || r.recorder.rec.Len() > 0 { // some instructions say what is so already
		version, err = r.record()
	}
	if err != nil {
		_ = r.conn.Rollback() // the first error counts
		return 0, err
	}
	return version, r.conn.Commit()
}

// record makes the transaction a new version.
func (r *Realm) record() (uint64, error) {
	if !r.config.Synced {
		return nextVersion(r.conn)
	}
	if err := r.recorder.failed; err != nil {
		return 0, errorf(err, "The transaction can't be committed: a change could not be recorded for upload: %v", err)
	}
	if err := r.fade(); err != nil {
		return 0, err
	}
	return history.AppendLocal(r.conn, r.recorder.rec.Bytes(), r.clock())
}

// nextVersion makes the open write transaction of a file that isn't synced a new version. A fresh file is at version 1.
func nextVersion(conn *store.Conn) (uint64, error) {
	version, err := conn.Version()
	if err != nil {
		return 0, err
	}
	version = max(version, 1) + 1
	return version, conn.SetVersion(version)
}

// Cancel closes the write transaction and undoes its changes.
func (r *Realm) Cancel() error {
	if err := r.enterOnThread(); err != nil {
		return err
	}
	defer r.leave()
	if !r.conn.InWrite() {
		return ErrNoTransaction
	}
	err := r.conn.Rollback()
	if arrived := r.arriveAfterWrite(); err == nil {
		err = arrived
	}
	return err
}

// arriveAfterWrite opens the snapshot that follows a write transaction.
func (r *Realm) arriveAfterWrite() error {
	r.recorder.reset()
	if err := r.conn.BeginRead(); err != nil {
		r.drifted = true // the next call tries again
		return err
	}
	return r.arrived()
}

// Refresh moves the snapshot to the newest version and tells observers what changed. It returns whether the version moved. In a
// write transaction it does nothing.
func (r *Realm) Refresh() (bool, error) {
	if r.frozen {
		return false, nil
	}
	if err := r.enterOnThread(); err != nil {
		return false, err
	}
	if r.conn.InWrite() {
		r.leave()
		return false, nil
	}
	was := r.version
	r.beforeAdvance()
	err := r.moveOn()
	if err == nil {
		err = r.conn.EndRead()
	}
	if err == nil {
		r.drifted = true
		err = r.arrive()
	}
	if err != nil {
		r.leave()
		return false, err
	}
	moved := r.version != was
	calls := r.afterAdvance()
	r.leave()
	r.deliver(calls)
	return moved, nil
}

func (r *Realm) hasDrifted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drifted
}

// Invalidate gives the snapshot up; the next use moves to the newest version.
func (r *Realm) Invalidate() error {
	if err := r.enterOnThread(); err != nil {
		return err
	}
	defer r.leave()
	if r.frozen {
		return nil
	}
	if r.conn.InWrite() {
		if err := r.conn.Rollback(); err != nil {
			return err
		}
		r.recorder.reset()
	} else if err := r.moveOn(); err != nil {
		return err
	} else if err := r.conn.EndRead(); err != nil {
		return err
	}
	r.drifted = true
	r.c.stamp++
	return nil
}
