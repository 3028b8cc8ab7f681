package auth

// applicationID marks auth.db as ours in the header that SQLite reserves for it ("RSau").
const applicationID = 0x52536175

// migrations lead from one version of the tables (PRAGMA user_version) to the next. Released ones are never edited.
// Times are seconds since 1970.
var migrations = []string{
	// 1
	`CREATE TABLE apps (
		id TEXT PRIMARY KEY,
		internal_id TEXT NOT NULL UNIQUE,
		group_id TEXT NOT NULL,
		domain_id TEXT NOT NULL UNIQUE,
		created INTEGER NOT NULL
	) STRICT;
	CREATE TABLE providers (
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		type TEXT NOT NULL,
		id TEXT NOT NULL UNIQUE,
		disabled INTEGER NOT NULL,
		PRIMARY KEY (app_id, type)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE users (
		id TEXT PRIMARY KEY,
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		disabled INTEGER NOT NULL,
		created INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX users_app ON users (app_id);
	CREATE TABLE identities (
		seq INTEGER PRIMARY KEY,
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		provider TEXT NOT NULL,
		identity TEXT NOT NULL,
		user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
		data TEXT NOT NULL,
		created INTEGER NOT NULL,
		UNIQUE (app_id, provider, identity)
	) STRICT;
	CREATE INDEX identities_user ON identities (user_id);
	CREATE TABLE accounts (
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		email TEXT NOT NULL,
		id TEXT NOT NULL UNIQUE,
		hash TEXT NOT NULL,
		confirmed INTEGER NOT NULL,
		created INTEGER NOT NULL,
		PRIMARY KEY (app_id, email)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE sessions (
		id TEXT PRIMARY KEY,
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
		device_id TEXT NOT NULL,
		digest BLOB NOT NULL,
		created INTEGER NOT NULL,
		expires INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX sessions_user ON sessions (user_id);
	CREATE INDEX sessions_expires ON sessions (expires);
	CREATE TABLE api_keys (
		id TEXT PRIMARY KEY,
		app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
		user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
		name TEXT NOT NULL,
		digest BLOB NOT NULL UNIQUE,
		disabled INTEGER NOT NULL,
		created INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX api_keys_user ON api_keys (user_id);`,
	// 2
	`ALTER TABLE apps ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;`,
	// 3. Providers are in the apps' configurations now: see takeover.go, which drops old_providers.
	`ALTER TABLE providers RENAME TO old_providers;
	ALTER TABLE users ADD COLUMN type TEXT NOT NULL DEFAULT 'normal';
	ALTER TABLE users ADD COLUMN last_login INTEGER NOT NULL DEFAULT 0;
	CREATE TABLE mail_tokens (
		id TEXT PRIMARY KEY,
		account TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
		purpose TEXT NOT NULL,
		digest BLOB NOT NULL,
		expires INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX mail_tokens_account ON mail_tokens (account);
	CREATE INDEX mail_tokens_expires ON mail_tokens (expires);
	CREATE TABLE devices (
		user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
		id TEXT NOT NULL,
		info TEXT NOT NULL,
		seen INTEGER NOT NULL,
		PRIMARY KEY (user_id, id)
	) STRICT, WITHOUT ROWID;`,
	// 4. A row that is written where nothing is to be written and nobody is to see that: see SendReset.
	`CREATE TABLE noise (n INTEGER NOT NULL) STRICT;
	INSERT INTO noise VALUES (0);`,
	// 5. The key that signed the refresh token; '' for sessions of earlier versions.
	`ALTER TABLE sessions ADD COLUMN kid TEXT NOT NULL DEFAULT '';
	CREATE INDEX sessions_app ON sessions (app_id, id);
	CREATE INDEX sessions_kid ON sessions (kid, expires);`,
	// 6. What was revoked, for whoever holds connections: see revocation.go.
	`CREATE TABLE revocations (
		seq INTEGER PRIMARY KEY,
		app_id TEXT NOT NULL,
		user_id TEXT NOT NULL,
		reason INTEGER NOT NULL
	) STRICT;`,
	// 7. When an account that nobody has confirmed is dropped: see DropUnconfirmed. Those of earlier versions have 30 days from now.
	`ALTER TABLE accounts ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
	UPDATE accounts SET dropped = unixepoch() + 30 * 86400 WHERE confirmed = 0;
	CREATE INDEX accounts_dropped ON accounts (dropped) WHERE confirmed = 0;`,
	// 8. The API key that opened a session, '' for none. Sessions of earlier versions don't say it, but for those of server keys, whose users have no other way in.
	`ALTER TABLE sessions ADD COLUMN api_key TEXT NOT NULL DEFAULT '';
	UPDATE sessions SET api_key = coalesce((SELECT k.id FROM api_keys k JOIN users u ON u.id = k.user_id WHERE u.id = sessions.user_id AND u.type = 'server'), '');`,
	// 9. Apps that are gone and of which something may be left outside of this file: see deletion.go.
	`CREATE TABLE deletions (
		app_id TEXT PRIMARY KEY,
		begun INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;`,
}
