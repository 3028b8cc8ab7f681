package history

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/reset"
	"realmsync/core/session"
	"realmsync/core/store"
)

// freshPath is the file that the server's state is downloaded into.
func (f *File) freshPath() string { return f.path + ".fresh" }

// FreshCopy implements session.File. What an earlier attempt has left is of no use: it may be that of another subscription set, or of another time.
func (f *File) FreshCopy() (session.File, error) {
	var active *Set
	if err := f.read(func() (err error) {
		active, err = ActiveSet(f.conn)
		return err
	}); err != nil {
		return nil, err
	}
	if err := f.DropFresh(); err != nil {
		return nil, err
	}
	fresh, err := OpenFile(f.freshPath(), f.opt)
	if err != nil {
		return nil, err
	}
	err = fresh.write(func() (uint64, error) {
		if err := CommitSet(fresh.conn, &Set{Subscriptions: active.Subscriptions}); err != nil {
			return 0, err
		}
		return fresh.newVersion()
	})
	if err != nil {
		_ = fresh.Close() // the first error counts
		return nil, err
	}
	return fresh, nil
}

// DropFresh implements session.File.
func (f *File) DropFresh() error {
	if _, err := os.Lstat(f.freshPath()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return store.Delete(f.freshPath())
}

// Reset implements session.File. kill -9 leaves the old state or the new one: all is one transaction of this file, but for the note that it was
// begun. Of the fresh copy nothing is needed after it, and a copy that is left behind is replaced by the next.
func (f *File) Reset(o session.ResetOrder) (recovered bool, err error) {
	note, err := f.beginReset(o)
	if err == nil {
		f.logger.Debug("client reset begun", "path", f.path, "attempt", note.attempts)
		recovered = note.mode == session.ResetRecover
		err = f.resetTo(note)
	}
	if err == nil {
		f.logger.Debug("client reset committed", "path", f.path)
	}
	var bad *session.ResetError
	if err != nil && !errors.As(err, &bad) {
		return false, err
	}
	if bad != nil && note != nil {
		note.state = resetFailed
		if err := f.write(func() (uint64, error) { return 0, writeResetNote(f.conn, note) }); err != nil {
			f.logger.Warn("a failed client reset could not be noted", "path", f.path, "error", err)
		}
	}
	if err := f.DropFresh(); err != nil {
		f.logger.Warn("the fresh copy of a client reset could not be deleted", "path", f.freshPath(), "error", err)
	}
	return recovered && err == nil, err
}

// beginReset decides in which mode the reset is done, and notes that it is begun.
func (f *File) beginReset(o session.ResetOrder) (note *resetNote, err error) {
	err = f.write(func() (uint64, error) {
		old, err := readResetNote(f.conn)
		if err != nil {
			return 0, err
		}
		if note, err = resetNoteFor(o, old, time.Now()); err != nil {
			return 0, err
		}
		return 0, writeResetNote(f.conn, note)
	})
	if err != nil {
		note = nil
	}
	return note, err
}

// resetTo does the reset from the fresh copy, in whose transaction, which is rolled back, changes are recovered.
func (f *File) resetTo(note *resetNote) (err error) {
	conn, err := store.Open(f.freshPath(), store.Options{Key: f.opt.Key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.BeginWrite(); err != nil {
		return err
	}
	fresh, err := readSyncFile(conn)
	if err != nil {
		return err
	}
	if fresh.ident == 0 {
		return &session.ResetError{Text: "the fresh copy has no file ident"}
	}
	return f.write(func() (uint64, error) {
		r := resetting{f: f, from: conn, fresh: fresh, recover: note.mode == session.ResetRecover}
		err := r.run()
		var bad *reset.FailedError
		if errors.As(err, &bad) {
			return 0, &session.ResetError{Text: bad.Text}
		}
		if err != nil {
			return 0, err
		}
		note.state = resetDone
		if err := writeResetNote(f.conn, note); err != nil {
			return 0, err
		}
		f.window.forget()
		f.began = 0
		return f.newVersion()
	})
}

// resetting is a reset within its transactions.
type resetting struct {
	f       *File
	from    *store.Conn // the fresh copy
	fresh   syncFile    // its
	recover bool

	local    syncFile
	versions []uint64 // of changes that were not acknowledged
}

func (r *resetting) run() (err error) {
	if r.local, err = readSyncFile(r.f.conn); err != nil {
		return err
	}
	if r.recover {
		err = r.recoverChanges()
	}
	if err != nil {
		return err
	}
	counts, err := reset.Transfer(r.from.State(), r.f.conn.State())
	if err != nil {
		return err
	}
	r.f.logger.Info("client reset", "path", r.f.path, "recover", r.recover, "changesets", len(r.versions), "file_ident", r.fresh.ident,
		"server_version", r.fresh.progress.Download.ServerVersion, "erased", counts.Erased, "created", counts.Created, "updated", counts.Updated)
	if err := r.adopt(); err != nil {
		return err
	}
	return r.sets()
}

// recoverChanges applies what was not acknowledged to the fresh copy, and puts what is left of each changeset in its place in the history.
func (r *resetting) recoverChanges() error {
	conn := r.f.conn
	const sql = `SELECT version FROM sync_history WHERE version>? ORDER BY version`
	if err := conn.Query(sql, []any{r.local.progress.Upload.ClientVersion}, func(row *store.Row) error {
		r.versions = append(r.versions, row.Uint64(0))
		return nil
	}); err != nil {
		return err
	}
	var added reset.Additions
	for _, version := range r.versions {
		c, err := r.changeset(version)
		if err != nil {
			return err
		}
		added.Note(c)
	}
	if err := reset.Fits(r.from.Schema(), conn.Schema(), added); err != nil {
		return err
	}
	recovery := reset.NewRecovery(r.from.State(), conn.State())
	recovery.Strict = r.f.rules == merge.Strict
	recovery.Log = func(text string) { r.f.logger.Info("client reset", "path", r.f.path, "dropped", text) }
	for _, version := range r.versions {
		c, err := r.changeset(version)
		if err != nil {
			return err
		}
		left, err := recovery.Apply(c)
		if err != nil {
			return err
		}
		if err := r.replace(version, left); err != nil {
			return err
		}
	}
	copied, err := recovery.Finish()
	if err != nil {
		return err
	}
	for _, c := range copied {
		version := r.versions[c.Changeset]
		left, err := r.changeset(version)
		if err != nil {
			return err
		}
		left.Instructions = append(left.Instructions, c.Instructions...)
		if err := r.replace(version, left); err != nil {
			return err
		}
	}
	return nil
}

// changeset reads a changeset of the history as it was recorded.
func (r *resetting) changeset(version uint64) (c *changeset.Changeset, err error) {
	err = r.f.conn.Query(`SELECT changeset FROM sync_history WHERE version=?`, []any{version}, func(row *store.Row) (err error) {
		c, err = changeset.Decode(row.Blob(0))
		return err
	})
	if err == nil && c == nil {
		err = errors.New("it is missing")
	}
	if err != nil {
		return nil, damaged(r.f.conn, version, err)
	}
	return c, nil
}

func (r *resetting) replace(version uint64, c *changeset.Changeset) error {
	data, err := changeset.Encode(c)
	if err != nil {
		return err
	}
	return r.f.conn.Exec(`UPDATE sync_history SET changeset=coalesce(?, x''), reciprocal=NULL, remote_version=? WHERE version=?`,
		data, r.fresh.progress.Download.ServerVersion, version)
}

// adopt takes over the ident and the progress of the fresh copy, and forgets the history that is of no use any more. Changes that were recovered keep
// their versions, and so their places before and behind the subscription sets.
func (r *resetting) adopt() error {
	conn, p := r.f.conn, r.fresh.progress
	current, err := newest(conn)
	if err != nil {
		return err
	}
	base := current
	if len(r.versions) > 0 {
		base = max(r.local.base.ClientVersion, r.local.progress.Upload.ClientVersion)
	}
	if err := r.f.trim(base); err != nil { // keeps the last timestamp
		return err
	}
	if err := conn.Exec(`DELETE FROM sync_history WHERE length(changeset)=0`); err != nil {
		return err
	}
	if err := conn.Exec(`DELETE FROM sync_integration`); err != nil {
		return err
	}
	if err := r.f.dropStored(); err != nil {
		return err
	}
	return conn.Exec(`UPDATE sync_file SET ident=?, salt=?, download_server=?, download_client=0, upload_client=0, upload_server=0,
		latest_version=?, latest_salt=?, base_version=?, base_server=? WHERE id=1`,
		r.fresh.ident, r.fresh.salt, p.Download.ServerVersion, p.Latest.Version, p.Latest.Salt, base, p.Download.ServerVersion)
}

// sets makes the active set Complete. Newer ones that wait for the server stay, if changes were recovered; otherwise they become Superseded: as the
// numbers of sets are never used twice, the active one then gets a number above theirs.
func (r *resetting) sets() error {
	conn := r.f.conn
	active, err := ActiveSet(conn)
	if err != nil {
		return err
	}
	latest, err := LatestSet(conn)
	if err != nil {
		return err
	}
	if r.recover {
		if err := conn.Exec(`UPDATE sync_set SET state=? WHERE state=?`, int64(Pending), int64(Bootstrapping)); err != nil {
			return err
		}
	} else if latest.Version > active.Version {
		if err := CommitSet(conn, active); err != nil {
			return err
		}
	}
	return setState(conn, active.Version, Complete, "")
}
