package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// SessionInfo is an open session, as an administrator sees it.
type SessionInfo struct {
	ID       string
	UserID   string
	DeviceID string
	Device   Device // what the client said of it at the login
	Created  time.Time
	Expires  time.Time
}

// ErrSessionNotFound: there is no such session, or it has ended.
var ErrSessionNotFound = &Error{Status: 404, Code: "InvalidSession", Text: "session not found"}

// Sessions returns up to limit open sessions of an app with an id above after, by id: those of a user, or of all users for "".
func (s *Service) Sessions(ctx context.Context, app *App, user, after string, limit int) ([]SessionInfo, error) {
	rows, err := s.db.read.QueryContext(ctx, `SELECT s.id, s.user_id, s.device_id, coalesce(d.info, '{}'), s.created, s.expires
		FROM sessions s LEFT JOIN devices d ON d.user_id = s.user_id AND d.id = s.device_id
		WHERE s.app_id = ?1 AND (?2 = '' OR s.user_id = ?2) AND s.id > ?3 AND s.expires > ?4 ORDER BY s.id LIMIT ?5`, app.ID, user, after, s.now().Unix(), limit)
	if err != nil {
		return nil, wrap("listing sessions", err)
	}
	defer rows.Close()
	out := []SessionInfo{}
	for rows.Next() {
		var i SessionInfo
		var device string
		var created, expires int64
		if err := rows.Scan(&i.ID, &i.UserID, &i.DeviceID, &device, &created, &expires); err != nil {
			return nil, wrap("listing sessions", err)
		}
		if i.Device, err = parseDevice(device); err != nil {
			return nil, wrap("listing sessions", err)
		}
		i.Created, i.Expires = time.Unix(created, 0), time.Unix(expires, 0)
		out = append(out, i)
	}
	return out, wrap("listing sessions", rows.Err())
}

// RevokeSession ends one session, of the user if user is not "", or returns ErrSessionNotFound. All connections of its user are closed, since they
// don't say by which session they came: clients whose sessions are good come back by themselves.
func (s *Service) RevokeSession(ctx context.Context, app *App, user, id string) error {
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		owner := ""
		err := tx.QueryRowContext(ctx, "DELETE FROM sessions WHERE id = ?1 AND app_id = ?2 AND (?3 = '' OR user_id = ?3) RETURNING user_id", id, app.ID, user).Scan(&owner)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrSessionNotFound
		case err != nil:
			return err
		}
		return revoke(ctx, tx, Revocation{app.ID, owner, SessionsRevoked})
	})
	if err != nil {
		return wrap("revoking a session", err)
	}
	s.revoked(ctx)
	return nil
}

// RevokeApp ends all sessions of all users of an app, and says how many there were.
func (s *Service) RevokeApp(ctx context.Context, app *App) (n int64, err error) {
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		if n, err = changed(tx.ExecContext(ctx, "DELETE FROM sessions WHERE app_id = ?", app.ID)); err != nil {
			return err
		}
		return revoke(ctx, tx, Revocation{app.ID, "", SessionsRevoked})
	})
	if err != nil {
		return 0, wrap("revoking sessions", err)
	}
	s.log.Info("all sessions of an app are revoked", "app", app.ID, "sessions", n)
	s.revoked(ctx)
	return n, nil
}

// MaintainKeys does what is due with the keys that sign tokens: if the newest is older than Config.KeyLife, another takes its place, and those are
// dropped whose tokens have all ended. Refresh tokens don't change while their sessions last, since clients of the original have no place for another
// one (app-services 5.3); so a key stays as long as there is a session that it has signed.
func (s *Service) MaintainKeys(ctx context.Context) error {
	path := s.keyPath()
	if life := s.cfg.KeyLife; life > 0 {
		due := func(k *keyring) bool { return !s.now().Before(k.lines[0].made.Add(life)) }
		if _, err := rotate(path, s.now(), due); err != nil {
			return err
		}
	}
	if err := s.ReloadKeys(); err != nil {
		return err
	}
	used := map[string]bool{}
	rows, err := s.db.read.QueryContext(ctx, "SELECT DISTINCT kid FROM sessions WHERE expires > ?", s.now().Unix())
	if err != nil {
		return wrap("looking for the keys in use", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kid string
		if err := rows.Scan(&kid); err != nil {
			return wrap("looking for the keys in use", err)
		}
		used[kid] = true
	}
	if err := rows.Err(); err != nil {
		return wrap("looking for the keys in use", err)
	}
	if used[""] {
		return nil // sessions of earlier versions don't say which key they need
	}
	dropped := 0
	err = changeKeys(path, func(k *keyring) ([]keyLine, error) {
		kept := k.lines[:1:1]
		for i, line := range k.lines[1:] {
			// Access tokens were signed until its successor came, and by servers that had not read the file again until then.
			replaced := k.lines[i].made
			if used[line.id] || s.now().Before(replaced.Add(s.cfg.AccessLife+leeway+keyMargin)) {
				kept = append(kept, line)
			}
		}
		dropped = len(k.lines) - len(kept)
		return kept, nil
	})
	if err != nil || dropped == 0 {
		return err
	}
	s.log.Info("token keys dropped, whose tokens have ended", "keys", dropped)
	return s.ReloadKeys()
}

// minKeyLife keeps keys from pushing one another out of the file.
const minKeyLife = 24 * time.Hour

// keyMargin is how long a server may go on with the key that it has read.
const keyMargin = 24 * time.Hour
