package sqlite

// applicationID marks a file as ours in the header that SQLite reserves for it ("RSsv").
const applicationID = 0x52537376

// migrations lead from one version of the tables (PRAGMA user_version) to the next. Released ones are never edited.
var migrations = []string{
	// 1
	`CREATE TABLE salts (
		start INTEGER PRIMARY KEY,
		value INTEGER NOT NULL
	);
	CREATE TABLE classes (
		id INTEGER PRIMARY KEY,
		name TEXT NOT NULL,
		definition BLOB NOT NULL
	);
	CREATE TABLE history (
		version INTEGER PRIMARY KEY,
		origin INTEGER NOT NULL,
		client_version INTEGER NOT NULL,
		timestamp INTEGER NOT NULL,
		flags INTEGER NOT NULL,
		changeset BLOB
	);
	CREATE INDEX history_origin ON history (origin, version, client_version);
	CREATE INDEX history_flags ON history (version, flags) WHERE flags <> 0;
	CREATE TABLE images (
		version INTEGER PRIMARY KEY,
		body BLOB NOT NULL
	);
	CREATE TABLE objects (
		class INTEGER NOT NULL,
		key BLOB NOT NULL,
		doc BLOB,
		version INTEGER NOT NULL,
		PRIMARY KEY (class, key)
	) WITHOUT ROWID;
	CREATE TABLE files (
		ident INTEGER PRIMARY KEY,
		salt INTEGER NOT NULL,
		user TEXT NOT NULL,
		client_version INTEGER NOT NULL,
		base_version INTEGER NOT NULL,
		locked INTEGER NOT NULL,
		last_seen INTEGER NOT NULL,
		created INTEGER NOT NULL
	);
	CREATE TABLE views (
		file INTEGER NOT NULL,
		query_version INTEGER NOT NULL,
		body TEXT NOT NULL,
		snapshot INTEGER NOT NULL,
		first INTEGER NOT NULL,
		PRIMARY KEY (file, query_version)
	) WITHOUT ROWID;
	CREATE TABLE resets (
		file INTEGER NOT NULL,
		version INTEGER NOT NULL,
		class INTEGER NOT NULL,
		key BLOB NOT NULL,
		client_version INTEGER NOT NULL,
		reason TEXT NOT NULL,
		PRIMARY KEY (file, version, class, key)
	) WITHOUT ROWID;
	CREATE TABLE reciprocals (
		file INTEGER NOT NULL,
		version INTEGER NOT NULL,
		changeset BLOB NOT NULL,
		PRIMARY KEY (file, version)
	) WITHOUT ROWID;`,
	// 2
	`CREATE TABLE pieces (
		id INTEGER PRIMARY KEY,
		body BLOB NOT NULL
	);
	ALTER TABLE resets ADD COLUMN after INTEGER NOT NULL DEFAULT 0;`,
	// 3
	`CREATE TABLE floor (
		id INTEGER PRIMARY KEY CHECK (id = 1),
		version INTEGER NOT NULL
	);
	INSERT INTO floor (id, version) VALUES (1, 0);
	CREATE INDEX objects_gone ON objects (version) WHERE doc IS NULL;`,
	// 4. The schema version that a client file was made for.
	`ALTER TABLE files ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 0;`,
}
