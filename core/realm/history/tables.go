package history

import (
	"fmt"

	"realmsync/core/store"
)

// formatVersion is the layout of the sync tables. 1: the first.
const formatVersion = 1

var tables = []string{
	// One row. The cursors of wire-protocol.md 6.2.
	`CREATE TABLE IF NOT EXISTS sync_file (
		id INTEGER PRIMARY KEY CHECK (id = 1),
		format INTEGER NOT NULL,
		ident INTEGER NOT NULL DEFAULT 0,
		salt INTEGER NOT NULL DEFAULT 0,
		download_server INTEGER NOT NULL DEFAULT 0,
		download_client INTEGER NOT NULL DEFAULT 0,
		upload_client INTEGER NOT NULL DEFAULT 0,
		upload_server INTEGER NOT NULL DEFAULT 0,
		latest_version INTEGER NOT NULL DEFAULT 0,
		latest_salt INTEGER NOT NULL DEFAULT 0,
		last_timestamp INTEGER NOT NULL DEFAULT 0,
		base_version INTEGER NOT NULL DEFAULT 0,
		base_server INTEGER NOT NULL DEFAULT 0)`,
	// Local commits with content. reciprocal: NULL when merging has not changed it.
	`CREATE TABLE IF NOT EXISTS sync_history (
		version INTEGER PRIMARY KEY,
		timestamp INTEGER NOT NULL,
		remote_version INTEGER NOT NULL,
		changeset BLOB NOT NULL,
		reciprocal BLOB)`,
	// Versions that moved the download cursor, and where to. Both tables are trimmed up to sync_file.base_version, where the cursor
	// was base_server.
	`CREATE TABLE IF NOT EXISTS sync_integration (
		version INTEGER PRIMARY KEY,
		server INTEGER NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS sync_set (
		version INTEGER PRIMARY KEY,
		state INTEGER NOT NULL,
		snapshot INTEGER NOT NULL,
		error TEXT NOT NULL DEFAULT '')`,
	// Times in milliseconds since 1970. A NULL name is no name, which differs from an empty one.
	`CREATE TABLE IF NOT EXISTS sync_subscription (
		version INTEGER NOT NULL,
		place INTEGER NOT NULL,
		id BLOB NOT NULL,
		created INTEGER NOT NULL,
		updated INTEGER NOT NULL,
		name TEXT,
		class TEXT NOT NULL,
		query TEXT NOT NULL,
		PRIMARY KEY (version, place)) WITHOUT ROWID`,
	// The bootstrap being received: its changesets in order of arrival.
	`CREATE TABLE IF NOT EXISTS sync_bootstrap (
		place INTEGER PRIMARY KEY,
		query_version INTEGER NOT NULL,
		server_version INTEGER NOT NULL,
		client_version INTEGER NOT NULL,
		timestamp INTEGER NOT NULL,
		origin INTEGER NOT NULL,
		changeset BLOB NOT NULL)`,
	// One row once the last message of the bootstrap is here: the progress to store with its last changeset.
	`CREATE TABLE IF NOT EXISTS sync_bootstrap_end (
		id INTEGER PRIMARY KEY CHECK (id = 1),
		query_version INTEGER NOT NULL,
		download_server INTEGER NOT NULL,
		download_client INTEGER NOT NULL,
		upload_client INTEGER NOT NULL,
		upload_server INTEGER NOT NULL,
		latest_version INTEGER NOT NULL,
		latest_salt INTEGER NOT NULL)`,
	`INSERT OR IGNORE INTO sync_file (id, format) VALUES (1, 1)`,
	`INSERT OR IGNORE INTO sync_set (version, state, snapshot) SELECT 0, 1, 1 WHERE NOT EXISTS (SELECT 1 FROM sync_set)`,
}

// Prepare creates the sync tables where they are missing. The connection must be in a write transaction.
func Prepare(conn *store.Conn) error {
	for _, sql := range tables {
		if err := conn.Exec(sql); err != nil {
			return err
		}
	}
	return checkFormat(conn)
}

// checkFormat refuses sync data of a newer version of the library.
func checkFormat(conn *store.Conn) error {
	var format int64
	err := conn.Query(`SELECT format FROM sync_file WHERE id=1`, nil, func(row *store.Row) error {
		format = row.Int(0)
		return nil
	})
	if err == nil && format > formatVersion {
		err = fmt.Errorf("history: the sync data of '%s' has format %d, this version of the library reads up to %d: use a newer one",
			conn.Path(), format, formatVersion)
	}
	return err
}

// IsPrepared tells whether the file has sync tables: whether it was ever opened for syncing. Needs a snapshot.
func IsPrepared(conn *store.Conn) (bool, error) {
	found := false
	err := conn.Query(`SELECT 1 FROM sqlite_schema WHERE type='table' AND name='sync_file'`, nil, func(*store.Row) error {
		found = true
		return nil
	})
	return found, err
}
