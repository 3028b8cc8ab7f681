package history

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/wire"
)

// Integrate implements session.File. Decoding is done before the write lock is taken.
func (f *File) Integrate(d *wire.Download) error {
	batch, bad := decode(d.Entries)
	return f.told(f.write(func() (uint64, error) {
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
		if bad != nil {
			return 0, refused(bad)
		}
		next := fromWire(d.Progress)
		if len(d.Entries) == 0 && next == s.progress {
			return 0, errUnchanged
		}
		if err := f.merge(s, batch, current); err != nil {
			return 0, err
		}
		if err := f.saveProgress(s, next, current); err != nil {
			return 0, refused(err)
		}
		if len(d.Entries) == 0 && next.Download.ServerVersion == s.progress.Download.ServerVersion {
			return 0, nil
		}
		return f.noteIntegration(next.Download.ServerVersion, len(d.Entries))
	}))
}

// decode makes a batch of the entries. Empty changesets only count for the cursors.
func decode(entries []wire.DownloadEntry) ([]*merge.Entry, error) {
	batch := make([]*merge.Entry, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if len(e.Changeset) == 0 {
			continue
		}
		c, err := changeset.Decode(e.Changeset)
		if err != nil {
			return nil, fmt.Errorf("server version %d: %w", e.ServerVersion, err)
		}
		batch = append(batch, &merge.Entry{
			Changeset: c, Version: e.ServerVersion, LastIntegrated: e.ClientVersion,
			Timestamp: e.OriginTimestamp, FileIdent: e.OriginFileIdent,
		})
	}
	return batch, nil
}

// check is what a client checks of every DOWNLOAD (merge.md 9.2).
func (f *File) check(s syncFile, d *wire.Download, newest uint64) error {
	if s.ident == 0 {
		return violation("the file has no ident yet")
	}
	headers := make([]merge.Received, len(d.Entries))
	for i := range d.Entries {
		e := &d.Entries[i]
		headers[i] = merge.Received{ServerVersion: e.ServerVersion, ClientVersion: e.ClientVersion, FileIdent: e.OriginFileIdent}
	}
	if err := merge.CheckDownload(s.progress, fromWire(d.Progress), headers, newest, s.ident); err != nil {
		return violation(err.Error())
	}
	return nil
}

// merge merges a batch with the local changes that it doesn't know, and applies it.
func (f *File) merge(s syncFile, batch []*merge.Entry, current uint64) error {
	if len(batch) == 0 {
		return nil
	}
	if err := f.window.update(f.conn, s.ident, s.base.ClientVersion, current); err != nil {
		return err
	}
	if err := merge.Rebase(batch, s.base.ClientVersion, current); err != nil {
		return refused(err)
	}
	state := f.conn.State()
	err := f.rules.Batch(localHistory{f.conn, s.ident, &f.window}, current, batch, func(e *merge.Entry) error {
		if err := f.rules.ApplyEntry(state, e); err != nil {
			return refusedApply(e.Version, err)
		}
		return nil
	})
	return refused(err)
}

// noteIntegration makes the transaction a version that has moved the download cursor to a server version.
func (f *File) noteIntegration(server uint64, changesets int) (uint64, error) {
	version, err := f.newVersion()
	if err != nil {
		return 0, err
	}
	f.logger.Debug("integrated", "version", version, "server_version", server, "changesets", changesets)
	return version, f.conn.Exec(`INSERT INTO sync_integration (version, server) VALUES (?, ?)`, version, server)
}
