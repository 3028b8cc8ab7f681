package history

import (
	"errors"
	"time"

	"realmsync/core/store"
)

// Epoch is the origin of the timestamps that order conflicting changes: 2015-01-01T00:00:00Z, in Unix milliseconds.
const Epoch = 1420070400000

// ErrClockBeforeEpoch is returned for commits while the clock is before 2015 (SyncLocalClockBeforeEpoch).
var ErrClockBeforeEpoch = errors.New("history: this machine's clock is before 2015, so that changes can't be ordered: set the clock")

// AppendLocal makes the open write transaction a new version of the realm that holds the changeset (empty: nothing to upload), and
// returns the version. The timestamp never goes back from one commit to the next, whatever the clock does (merge.md 14, X4).
func AppendLocal(conn *store.Conn, changeset []byte, now time.Time) (uint64, error) {
	version, err := conn.Version()
	if err != nil {
		return 0, err
	}
	version = max(version, 1) + 1 // a fresh file is at version 1
	if len(changeset) > 0 {
		timestamp := now.UnixMilli() - Epoch
		if timestamp < 0 {
			return 0, ErrClockBeforeEpoch
		}
		var last, remote int64
		err := conn.Query(`SELECT max(last_timestamp, coalesce((SELECT timestamp FROM sync_history ORDER BY version DESC LIMIT 1), 0)),
			download_server FROM sync_file WHERE id=1`, nil, func(row *store.Row) error {
			last, remote = row.Int(0), row.Int(1)
			return nil
		})
		if err != nil {
			return 0, err
		}
		if err := conn.Exec(`INSERT INTO sync_history (version, timestamp, remote_version, changeset) VALUES (?, ?, ?, ?)`,
			version, max(timestamp, last), remote, changeset); err != nil {
			return 0, err
		}
	}
	return version, conn.SetVersion(version)
}

// Covered tells whether an object of the top-level class may be created: whether the latest subscription set has a subscription of
// the class (sync-semantics.md 2.9).
func Covered(conn *store.Conn, class string) (bool, error) {
	found := false
	const sql = `SELECT 1 FROM sync_subscription WHERE version=(SELECT max(version) FROM sync_set) AND class=? LIMIT 1`
	err := conn.Query(sql, []any{class}, func(*store.Row) error {
		found = true
		return nil
	})
	return found, err
}
