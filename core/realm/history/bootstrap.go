package history

import (
	"bytes"
	"errors"

	"realmsync/core/merge"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/wire"
)

// maxStored is the size that no changeset of a bootstrap reaches (sync-semantics.md 3.5). In steady state there is no such limit:
// what another client has written in one transaction, however big, can't be divided.
const maxStored = 16777216

// AddBootstrap implements session.File. The progress of a message counts only with the last one, but all are checked against the
// state before the bootstrap (wire-protocol.md 6.3).
//
// The last message of a bootstrap that is stored whole may come again: when applying it failed for want of space, a session tries
// both once more.
//
// A lower query version than one whose bootstrap has begun is refused until ApplyBootstrap has cleared what arrived of it: otherwise
// the rest of the higher one would pass for the whole.
func (f *File) AddBootstrap(d *wire.Download) error {
	err := f.write(func() (uint64, error) {
		s, err := readSyncFile(f.conn)
		if err != nil {
			return 0, err
		}
		current, err := newest(f.conn)
		if err != nil {
			return 0, err
		}
		if err := f.check(s, d, current); err != nil {
			return 0, err
		}
		set, err := f.bootstrapSet(d.QueryVersion)
		if err != nil {
			return 0, err
		}
		if d.QueryVersion < f.began {
			return 0, refuse(wire.CodeOtherSessionError, "a bootstrap for query version %d, after one for version %d has begun",
				d.QueryVersion, f.began)
		}
		stored, whole, err := f.storedBootstrap()
		if err != nil {
			return 0, err
		}
		if whole {
			if again, err := f.isStored(d); err != nil {
				return 0, err
			} else if again {
				return 0, errUnchanged
			}
		}
		if stored >= 0 && (stored != d.QueryVersion || whole) {
			if err := f.dropStored(); err != nil {
				return 0, err
			}
		}
		if err := f.store(d); err != nil {
			return 0, err
		}
		// Version 0 is never seen to be bootstrapping, nor is one that comes in a single message (wire-protocol.md 7.1).
		if d.BatchState == wire.MoreToCome && set.State == Pending && set.Version > 0 {
			if err := setState(f.conn, set.Version, Bootstrapping, ""); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	if err == nil {
		f.began = d.QueryVersion
	}
	return f.told(err)
}

// bootstrapSet returns the set that a bootstrap is for, if there may be one: the active one or a later one that hasn't failed.
func (f *File) bootstrapSet(version int64) (*Set, error) {
	active, err := ActiveSet(f.conn)
	if err != nil {
		return nil, err
	}
	if version < active.Version {
		return nil, refuse(wire.CodeOtherSessionError, "a bootstrap for query version %d, but version %d is active",
			version, active.Version)
	}
	set, err := FindSet(f.conn, version)
	switch {
	case errors.Is(err, ErrNoSuchSet) || err == nil && set.State == Superseded:
		return nil, refuse(wire.CodeOtherSessionError, "a bootstrap for query version %d, which doesn't exist", version)
	case err == nil && set.State == Failed:
		return nil, refuse(wire.CodeOtherSessionError, "a bootstrap for query version %d, which the server has refused before", version)
	default:
		return set, err
	}
}

// storedBootstrap returns the query version of the stored bootstrap, -1 if there is none, and whether it is whole.
func (f *File) storedBootstrap() (version int64, whole bool, err error) {
	version = -1
	note := func(row *store.Row) error {
		version, whole = row.Int(0), row.Bool(1)
		return nil
	}
	err = f.conn.Query(`SELECT query_version, 1 FROM sync_bootstrap_end WHERE id=1`, nil, note)
	if err == nil && version < 0 {
		err = f.conn.Query(`SELECT query_version, 0 FROM sync_bootstrap ORDER BY place LIMIT 1`, nil, note)
	}
	return version, whole, err
}

// isStored tells whether a message is the last one of the whole bootstrap that is stored.
func (f *File) isStored(d *wire.Download) (bool, error) {
	stored, _, err := f.storedBootstrap()
	if err != nil || d.BatchState != wire.LastInBatch || stored != d.QueryVersion {
		return false, err
	}
	end, err := f.storedEnd()
	if err != nil || end != fromWire(d.Progress) {
		return false, err
	}
	same, left := true, len(d.Entries)
	err = f.conn.Query(`SELECT server_version, client_version, timestamp, origin, changeset FROM sync_bootstrap
		ORDER BY place DESC LIMIT ?`, []any{left}, func(row *store.Row) error {
		left--
		e := &d.Entries[left]
		same = same && row.Uint64(0) == e.ServerVersion && row.Uint64(1) == e.ClientVersion && row.Uint64(2) == e.OriginTimestamp &&
			row.Uint64(3) == e.OriginFileIdent && bytes.Equal(row.Blob(4), e.Changeset)
		return nil
	})
	return same && left == 0, err
}

func (f *File) dropStored() error {
	if err := f.conn.Exec(`DELETE FROM sync_bootstrap`); err != nil {
		return err
	}
	return f.conn.Exec(`DELETE FROM sync_bootstrap_end`)
}

// store appends the changesets of a message, and the progress if it is the last one.
func (f *File) store(d *wire.Download) error {
	for i := range d.Entries {
		e := &d.Entries[i]
		if len(e.Changeset) >= maxStored {
			return refuse(wire.CodeBadChangesetSize, "a changeset of a bootstrap has %d bytes, the limit is %d",
				len(e.Changeset), maxStored)
		}
		if err := f.conn.Exec(`INSERT INTO sync_bootstrap (query_version, server_version, client_version, timestamp, origin, changeset)
			VALUES (?, ?, ?, ?, ?, coalesce(?, x''))`, d.QueryVersion, e.ServerVersion, e.ClientVersion, e.OriginTimestamp, e.OriginFileIdent, e.Changeset); err != nil {
			return err
		}
	}
	if d.BatchState != wire.LastInBatch {
		return nil
	}
	return f.conn.Exec(`INSERT INTO sync_bootstrap_end
		(query_version, id, download_server, download_client, latest_version, latest_salt, upload_client, upload_server)
		VALUES (?, 1, ?, ?, ?, ?, ?, ?)`, append([]any{d.QueryVersion}, progressArgs(fromWire(d.Progress))...)...)
}

// ApplyBootstrap implements session.File. Where the original commits each batch and keeps the lock, here all of it is one
// transaction, decoded in batches: other writers are excluded in the same way, readers see either the old data or the new, and
// what can't be applied leaves nothing behind.
func (f *File) ApplyBootstrap() (applied bool, err error) {
	found := false
	if err := f.read(func() error {
		f.began = 0
		stored, _, err := f.storedBootstrap()
		found = stored >= 0
		return err
	}); err != nil || !found {
		return false, err
	}
	err = f.write(func() (version uint64, err error) {
		stored, whole, err := f.storedBootstrap()
		switch {
		case err != nil:
			return 0, err
		case stored < 0:
			return 0, errUnchanged
		case whole:
			applied = true
			return f.applyStored(stored)
		default:
			return 0, f.dropStored()
		}
	})
	var bad *session.IntegrationError
	if errors.As(err, &bad) {
		// What matters is why it was refused. If dropping fails, it is refused once more when the file is opened again.
		_ = f.write(func() (uint64, error) { return 0, f.dropStored() })
	}
	return applied && err == nil, f.told(err)
}

// applyStored applies a whole bootstrap, within the transaction.
func (f *File) applyStored(queryVersion int64) (version uint64, err error) {
	s, err := readSyncFile(f.conn)
	if err != nil {
		return 0, err
	}
	current, err := newest(f.conn)
	if err != nil {
		return 0, err
	}
	set, err := f.bootstrapSet(queryVersion)
	if err != nil {
		return 0, err
	}
	changesets := 0
	for place := int64(0); ; {
		entries, last, err := f.readStored(place)
		if err != nil {
			return 0, err
		}
		if len(entries) == 0 {
			break
		}
		batch, err := decode(entries)
		if err != nil {
			return 0, refused(err)
		}
		if err := f.merge(s, batch, current); err != nil {
			return 0, err
		}
		place, changesets = last, changesets+len(entries)
	}
	next, err := f.storedEnd()
	if err != nil {
		return 0, err
	}
	if err := f.saveProgress(s, next, current); err != nil {
		return 0, refused(err)
	}
	if err := f.dropStored(); err != nil {
		return 0, err
	}
	if err := f.bootstrapped(set); err != nil {
		return 0, err
	}
	return f.noteIntegration(next.Download.ServerVersion, changesets)
}

// readStored returns the next stored changesets behind a place, of about the size of a batch, and the place of the last one.
func (f *File) readStored(after int64) (entries []wire.DownloadEntry, last int64, err error) {
	size := 0
	err = f.conn.Query(`SELECT place, server_version, client_version, timestamp, origin, changeset FROM sync_bootstrap
		WHERE place>? ORDER BY place`, []any{after}, func(row *store.Row) error {
		e := wire.DownloadEntry{
			ServerVersion: row.Uint64(1), ClientVersion: row.Uint64(2),
			OriginTimestamp: row.Uint64(3), OriginFileIdent: row.Uint64(4), Changeset: row.Blob(5),
		}
		entries, last = append(entries, e), row.Int(0)
		if size += len(e.Changeset); size >= f.batch {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return entries, last, err
}

func (f *File) storedEnd() (p merge.Progress, err error) {
	err = f.conn.Query(`SELECT download_server, download_client, latest_version, latest_salt, upload_client, upload_server
		FROM sync_bootstrap_end WHERE id=1`, nil, func(row *store.Row) error {
		p = readProgress(row)
		return nil
	})
	return p, err
}

// bootstrapped changes the state of a set after its bootstrap (sync-semantics.md 3.2). One that is active stays as it is (3.6).
func (f *File) bootstrapped(set *Set) error {
	switch {
	case set.State == Complete || set.State == AwaitingMark:
		return nil
	case set.Version == 0:
		return setState(f.conn, 0, Complete, "")
	default:
		return setState(f.conn, set.Version, AwaitingMark, "")
	}
}
