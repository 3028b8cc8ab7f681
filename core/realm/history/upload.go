package history

import (
	"errors"
	"iter"

	"realmsync/core/merge"
	"realmsync/core/store"
	"realmsync/core/wire"
)

// NextUpload implements session.File.
func (f *File) NextUpload(cursor wire.UploadCursor, end uint64) (entries []wire.UploadEntry, next wire.UploadCursor, err error) {
	err = f.read(func() error {
		s, err := readSyncFile(f.conn)
		if err != nil {
			return err
		}
		version, err := newest(f.conn)
		if err != nil {
			return err
		}
		from := merge.UploadCursor(cursor)
		if from.ClientVersion < s.base.ClientVersion {
			// What lies between has been trimmed: it was passed, with what was integrated there.
			from.ClientVersion, from.ServerVersion = s.base.ClientVersion, max(from.ServerVersion, s.base.ServerVersion)
		}
		found, to, err := merge.UploadScan(from, s.base.ClientVersion, min(end, version), f.scan(s))
		if err != nil {
			return err
		}
		next = wire.UploadCursor(to)
		entries, err = f.load(found)
		return err
	})
	if err != nil {
		return nil, cursor, err
	}
	return entries, next, nil
}

// errEnough ends a query.
var errEnough = errors.New("enough")

// scan gives the entries for merge.Scan, without reading changesets. Of those that are not uploaded the last is enough, which tells
// what was integrated at the end.
func (f *File) scan(s syncFile) merge.Scan[merge.LocalEntry] {
	return func(after, upTo uint64) iter.Seq2[merge.LocalEntry, error] {
		return func(yield func(merge.LocalEntry, error) bool) {
			err := f.conn.Query(`SELECT version, remote_version, timestamp, length(changeset) FROM sync_history
				WHERE version>? AND version<=? ORDER BY version`, []any{after, upTo}, func(row *store.Row) error {
				e := merge.LocalEntry{Version: row.Uint64(0), RemoteVersion: row.Uint64(1), Timestamp: row.Uint64(2), Upload: true}
				e.Size = int(row.Int(3))
				if !yield(e, nil) {
					return errEnough
				}
				return nil
			})
			if errors.Is(err, errEnough) {
				return
			}
			last := merge.LocalEntry{Version: upTo}
			if err == nil {
				last.RemoteVersion, err = f.serverAt(s, upTo)
			}
			yield(last, err)
		}
	}
}

// load reads the changesets as they were recorded.
func (f *File) load(found []merge.LocalEntry) ([]wire.UploadEntry, error) {
	if len(found) == 0 {
		return nil, nil
	}
	entries := make([]wire.UploadEntry, 0, len(found))
	err := f.conn.Query(`SELECT changeset FROM sync_history WHERE version>=? AND version<=? ORDER BY version`,
		[]any{found[0].Version, found[len(found)-1].Version}, func(row *store.Row) error {
			e := found[len(entries)]
			entries = append(entries, wire.UploadEntry{
				ClientVersion: e.Version, ServerVersion: e.RemoteVersion, OriginTimestamp: e.Timestamp, Changeset: row.Blob(0),
			})
			return nil
		})
	return entries, err
}
