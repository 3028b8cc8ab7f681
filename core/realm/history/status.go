package history

import (
	"realmsync/core/merge"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/wire"
)

// syncFile is the row of sync_file: what the file knows of its synchronization.
type syncFile struct {
	ident    uint64
	salt     int64
	progress merge.Progress
	base     merge.UploadCursor // up to there the history has been trimmed
}

func readSyncFile(conn *store.Conn) (s syncFile, err error) {
	err = conn.Query(`SELECT download_server, download_client, latest_version, latest_salt, upload_client, upload_server,
		ident, salt, base_version, base_server FROM sync_file WHERE id=1`, nil, func(row *store.Row) error {
		s = syncFile{
			ident: row.Uint64(6), salt: row.Int(7), progress: readProgress(row),
			base: merge.UploadCursor{ClientVersion: row.Uint64(8), ServerVersion: row.Uint64(9)},
		}
		return nil
	})
	return s, err
}

// readProgress reads a progress from the first columns of a row, which are in the order of progressArgs.
func readProgress(row *store.Row) merge.Progress {
	return merge.Progress{
		Download: merge.DownloadCursor{ServerVersion: row.Uint64(0), ClientVersion: row.Uint64(1)},
		Latest:   merge.LatestVersion{Version: row.Uint64(2), Salt: row.Int(3)},
		Upload:   merge.UploadCursor{ClientVersion: row.Uint64(4), ServerVersion: row.Uint64(5)},
	}
}

func progressArgs(p merge.Progress) []any {
	return []any{
		p.Download.ServerVersion, p.Download.ClientVersion, p.Latest.Version, p.Latest.Salt,
		p.Upload.ClientVersion, p.Upload.ServerVersion,
	}
}

func fromWire(p wire.Progress) merge.Progress {
	return merge.Progress{
		Download: merge.DownloadCursor(p.Download), Latest: merge.LatestVersion(p.Latest), Upload: merge.UploadCursor(p.Upload),
	}
}

func toWire(p merge.Progress) wire.Progress {
	return wire.Progress{
		Download: wire.DownloadCursor(p.Download), Latest: wire.LatestServerVersion(p.Latest), Upload: wire.UploadCursor(p.Upload),
	}
}

// Status implements session.File.
func (f *File) Status() (status session.Status, err error) {
	err = f.read(func() error {
		s, err := readSyncFile(f.conn)
		if err != nil {
			return err
		}
		version, err := newest(f.conn)
		if err != nil {
			return err
		}
		active, err := ActiveSet(f.conn)
		if err != nil {
			return err
		}
		status = session.Status{
			Ident: s.ident, Salt: s.salt, Progress: toWire(s.progress), Version: version,
			ActiveSet: active.Version, Active: active.Body(),
		}
		note, err := readResetNote(f.conn)
		status.Reset = note != nil && note.state == resetDone
		return err
	})
	return status, err
}

// SetIdent implements session.File. What the file has acknowledged and integrated of its own under another ident counts no more
// (merge.md 9.6). Keys of objects need no rewriting: every class of a synced realm has a primary key.
func (f *File) SetIdent(ident uint64, salt int64) error {
	return f.write(func() (uint64, error) {
		err := f.conn.Exec(`UPDATE sync_file SET ident=?, salt=?, download_client=0, upload_client=0 WHERE id=1`, ident, salt)
		if err != nil {
			return 0, err
		}
		return f.newVersion()
	})
}

// NewestChangeset implements session.File.
func (f *File) NewestChangeset() (version uint64, err error) {
	err = f.read(func() error {
		return f.conn.Query(`SELECT version FROM sync_history WHERE version>(SELECT upload_client FROM sync_file WHERE id=1)
			ORDER BY version DESC LIMIT 1`, nil, func(row *store.Row) error {
			version = row.Uint64(0)
			return nil
		})
	})
	return version, err
}

// saveProgress stores the progress after s and trims what can't be needed any more (merge.md 9.5). It comes before the integration
// itself is noted, which so stays for the reports to the server until the next one.
func (f *File) saveProgress(s syncFile, next merge.Progress, newest uint64) error {
	p, err := s.progress.Advance(next)
	if err != nil {
		return err
	}
	if err := f.conn.Exec(`UPDATE sync_file SET download_server=?, download_client=?, latest_version=?, latest_salt=?,
		upload_client=?, upload_server=? WHERE id=1`, progressArgs(p)...); err != nil {
		return err
	}
	base, err := merge.TrimVersion(p, s.base.ClientVersion, newest, f.nextChangeset)
	if err != nil || base <= s.base.ClientVersion {
		return err
	}
	return f.trim(base)
}

// nextChangeset returns the first version after another that has a row in sync_history.
func (f *File) nextChangeset(after uint64) (version uint64, ok bool, err error) {
	const sql = `SELECT version FROM sync_history WHERE version>? ORDER BY version LIMIT 1`
	err = f.conn.Query(sql, []any{after}, func(row *store.Row) error {
		version, ok = row.Uint64(0), true
		return nil
	})
	return version, ok, err
}

// trim removes the rows up to the version and remembers what is needed of them: the last server version, for the reports in UPLOAD,
// and the last timestamp, so that time doesn't go back.
func (f *File) trim(base uint64) error {
	for _, sql := range []string{
		`UPDATE sync_file SET base_version=?1,
			base_server=max(base_server, coalesce(
				(SELECT server FROM sync_integration WHERE version<=?1 ORDER BY version DESC LIMIT 1), 0)),
			last_timestamp=max(last_timestamp, coalesce(
				(SELECT timestamp FROM sync_history WHERE version<=?1 ORDER BY version DESC LIMIT 1), 0))
			WHERE id=1`,
		`DELETE FROM sync_history WHERE version<=?1`,
		`DELETE FROM sync_integration WHERE version<=?1`,
	} {
		if err := f.conn.Exec(sql, base); err != nil {
			return err
		}
	}
	return nil
}

// serverAt returns the download cursor that the file had at a version that is not trimmed.
func (f *File) serverAt(s syncFile, version uint64) (server uint64, err error) {
	server = s.base.ServerVersion
	const sql = `SELECT server FROM sync_integration WHERE version<=? ORDER BY version DESC LIMIT 1`
	err = f.conn.Query(sql, []any{version}, func(row *store.Row) error {
		server = row.Uint64(0)
		return nil
	})
	return server, err
}
