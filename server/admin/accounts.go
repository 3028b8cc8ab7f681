package admin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/dbfile"
)

// The account that exists in development mode, for the suites of the original (app-services 11.1).
const (
	SeedEmail    = "unique_user@domain.com"
	SeedPassword = "password"
)

// Lifetimes of admin tokens. realm-cpp's suite uses its first access token for a whole run (app-services 11.1).
const (
	accessLife    = 30 * time.Minute
	accessLifeDev = 24 * time.Hour
	refreshLife   = 60 * 24 * time.Hour
)

const (
	maxEmail    = 128 // bytes
	maxPassword = 512 // bytes; auth.CheckPassword counts characters
	tokenBytes  = 32  // of randomness in a token
)

// accountsKind is admin.db ("RSad"). Times are seconds since 1970; digests are SHA-256.
var accountsKind = dbfile.Kind{
	ApplicationID: 0x52536164,
	Migrations: []string{
		// 1
		`CREATE TABLE groups (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
		CREATE TABLE admins (
			id TEXT PRIMARY KEY,
			email TEXT NOT NULL UNIQUE,
			hash TEXT NOT NULL,
			seeded INTEGER NOT NULL,
			created INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE TABLE sessions (
			digest BLOB PRIMARY KEY,
			admin_id TEXT NOT NULL REFERENCES admins(id) ON DELETE CASCADE,
			expires INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE INDEX sessions_expires ON sessions (expires);
		CREATE INDEX sessions_admin ON sessions (admin_id);
		CREATE TABLE tokens (
			digest BLOB PRIMARY KEY,
			session BLOB NOT NULL REFERENCES sessions(digest) ON DELETE CASCADE,
			expires INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE INDEX tokens_expires ON tokens (expires);
		CREATE INDEX tokens_session ON tokens (session);`,
	},
}

// AccountsConfig says how Accounts work. Dir is required.
type AccountsConfig struct {
	Dir string // the data directory; admin.db is made in it
	// Dev makes the account SeedEmail, which may log in from this machine only, gives tokens a day, and counts no attempts. Without it
	// that account is removed.
	Dev bool
	// KeepSeed leaves that account as it is: the process is not the server, and does not know in which mode that runs.
	KeepSeed     bool
	PasswordCost auth.PasswordCost
	Now          func() time.Time
	Logger       *slog.Logger
}

// Accounts are those who may administer a server. All of them may do everything. Its methods may be called concurrently.
type Accounts struct {
	cfg       AccountsConfig
	file      *dbfile.File
	passwords *auth.Passwords
	guesses   *auth.Guesses
	byRemote  *auth.Attempts
	group     string
}

// Admin is one account.
type Admin struct {
	ID    string
	Email string
}

// Tokens are those of a session that was opened.
type Tokens struct {
	Access  string
	Refresh string
	Admin   Admin
}

// errInvalidSession: the token is missing, or was never good, or has expired, or its session was closed.
var errInvalidSession = &apierror.Error{Status: http.StatusUnauthorized, Code: "InvalidSession", Text: "invalid session"}

// OpenAccounts opens, or makes, the accounts of a data directory. Close them.
func OpenAccounts(ctx context.Context, cfg AccountsConfig) (*Accounts, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := dbfile.Open(ctx, filepath.Join(cfg.Dir, "admin.db"), accountsKind)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	a := &Accounts{cfg: cfg, file: file, passwords: auth.NewPasswords(cfg.PasswordCost)}
	if !cfg.Dev {
		a.guesses = auth.NewGuesses(cfg.Now)
		a.byRemote = auth.NewAttempts(30, 1, cfg.Now)
	}
	if err := a.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("admin: %s: %w", filepath.Join(cfg.Dir, "admin.db"), err), file.Close())
	}
	return a, nil
}

// prepare sees to the group and to the account of development mode.
func (a *Accounts) prepare(ctx context.Context) error {
	err := a.file.Update(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT id FROM groups").Scan(&a.group)
		if errors.Is(err, sql.ErrNoRows) {
			a.group = appconfig.NewID(a.cfg.Now())
			_, err = tx.ExecContext(ctx, "INSERT INTO groups (id) VALUES (?)", a.group)
		}
		if err == nil && !a.cfg.Dev && !a.cfg.KeepSeed {
			_, err = tx.ExecContext(ctx, "DELETE FROM admins WHERE seeded")
		}
		return err
	})
	if err != nil || !a.cfg.Dev {
		return err
	}
	err = a.create(ctx, SeedEmail, SeedPassword, true)
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// Close releases the file.
func (a *Accounts) Close() error { return a.file.Close() }

// Group is the group of apps that a server without apps has, 24 hexadecimal digits: see auth.Config.Group.
func (a *Accounts) Group() string { return a.group }

var errExists = errors.New("there is an administrator with this e-mail already")

// Create makes an account.
func (a *Accounts) Create(ctx context.Context, email, password string) error {
	return a.create(ctx, email, password, false)
}

func (a *Accounts) create(ctx context.Context, email, password string, seeded bool) error {
	if at := strings.IndexByte(email, '@'); at < 1 || at == len(email)-1 || len(email) > maxEmail || strings.ContainsAny(email, " \t\r\n\x00") {
		return fmt.Errorf("%q is not an e-mail address", email)
	}
	if err := auth.CheckPassword(password); err != nil {
		return err
	}
	var n int
	if err := a.file.QueryRow(ctx, "SELECT count(*) FROM admins WHERE email = ?", email).Scan(&n); err != nil {
		return err
	} else if n > 0 {
		return errExists
	}
	hash, err := a.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	now := a.cfg.Now()
	return a.file.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "INSERT INTO admins (id, email, hash, seeded, created) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
			appconfig.NewID(now), email, hash, seeded, now.Unix())
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errExists)
		}
		return nil
	})
}

// Login opens a session. remote is the client's address. Refusals are *apierror.Error, the same for an unknown e-mail and a wrong password.
func (a *Accounts) Login(ctx context.Context, email, password, remote string) (Tokens, error) {
	if len(email) > maxEmail || len(password) > maxPassword {
		email, password = "", "" // nobody's, and not worth counting by
	}
	if !a.byRemote.Allow(remote) {
		return Tokens{}, auth.ErrTooMany
	}
	allowed, known := a.guesses.Allow(email, remote)
	if !allowed {
		return Tokens{}, auth.ErrTooMany
	}
	admin := Admin{Email: email}
	var hash string
	var seeded bool
	err := a.file.QueryRow(ctx, "SELECT id, hash, seeded FROM admins WHERE email = ?", email).Scan(&admin.ID, &hash, &seeded)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Tokens{}, err
	}
	if seeded && !isLoopback(remote) {
		hash = ""
	}
	ok, stale, err := a.passwords.Verify(ctx, known, hash, password)
	if err != nil {
		return Tokens{}, err
	}
	if !ok {
		return Tokens{}, auth.ErrInvalidPassword
	}
	a.guesses.Right(email, remote)
	if stale {
		if hash, err = a.passwords.Hash(ctx, password); err != nil {
			return Tokens{}, err
		}
	}
	out := Tokens{Access: newToken(), Refresh: newToken(), Admin: admin}
	now := a.cfg.Now()
	return out, a.file.Update(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"tokens", "sessions"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE expires < ?", now.Unix()); err != nil {
				return err
			}
		}
		if stale {
			if _, err := tx.ExecContext(ctx, "UPDATE admins SET hash = ? WHERE id = ?", hash, admin.ID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO sessions (digest, admin_id, expires) VALUES (?,?,?)",
			digest(out.Refresh), admin.ID, now.Add(refreshLife).Unix()); err != nil {
			return err
		}
		return a.addToken(ctx, tx, out.Access, digest(out.Refresh), now)
	})
}

// Refresh returns another access token of the session of a refresh token. Those before stay good.
func (a *Accounts) Refresh(ctx context.Context, refresh string) (access string, admin Admin, err error) {
	now := a.cfg.Now()
	access = newToken()
	err = a.file.Update(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT a.id, a.email FROM sessions s JOIN admins a ON a.id = s.admin_id WHERE s.digest = ? AND s.expires > ?",
			digest(refresh), now.Unix()).Scan(&admin.ID, &admin.Email)
		if errors.Is(err, sql.ErrNoRows) {
			return errInvalidSession
		}
		if err != nil {
			return err
		}
		return a.addToken(ctx, tx, access, digest(refresh), now)
	})
	return access, admin, err
}

// Logout closes the session of a refresh token, or of one of its access tokens.
func (a *Accounts) Logout(ctx context.Context, token string) error {
	return a.file.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE digest = ?1 OR digest IN (SELECT session FROM tokens WHERE digest = ?1)", digest(token))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errInvalidSession)
		}
		return nil
	})
}

// Access returns whose access token this is.
func (a *Accounts) Access(ctx context.Context, access string) (Admin, error) {
	var admin Admin
	err := a.file.QueryRow(ctx, `SELECT a.id, a.email FROM tokens t JOIN sessions s ON s.digest = t.session JOIN admins a ON a.id = s.admin_id
		WHERE t.digest = ? AND t.expires > ?`, digest(access), a.cfg.Now().Unix()).Scan(&admin.ID, &admin.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return Admin{}, errInvalidSession
	}
	return admin, err
}

func (a *Accounts) addToken(ctx context.Context, tx *sql.Tx, access string, session []byte, now time.Time) error {
	life := accessLife
	if a.cfg.Dev {
		life = accessLifeDev
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO tokens (digest, session, expires) VALUES (?,?,?)", digest(access), session, now.Add(life).Unix())
	return err
}

// newToken returns 256 random bits as text.
func newToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// digest is what is stored of a token, and what it is looked up by: the comparison tells nothing about the token.
func digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func isLoopback(remote string) bool {
	ip, err := netip.ParseAddr(remote)
	return err == nil && ip.Unmap().IsLoopback()
}
