package auth

import (
	"context"
	"database/sql"
	"encoding/json"
)

// LinkedIdentity is one of the credentials that a user can log in with.
type LinkedIdentity struct {
	ID           string `json:"id"`
	ProviderType string `json:"provider_type"`
	ProviderID   string `json:"provider_id"`
}

// Profile is what is known of a user (app-services 4.5), in the form of the wire.
type Profile struct {
	UserID     string           `json:"user_id"`
	DomainID   string           `json:"domain_id"`
	Type       string           `json:"type"`       // TypeNormal, or TypeServer for a server API key's
	Identities []LinkedIdentity `json:"identities"` // first login first
	Data       Details          `json:"data"`       // where identities disagree, the first one counts
}

// Profile returns a user's profile.
func (s *Service) Profile(ctx context.Context, b Bearer) (Profile, error) {
	p := Profile{UserID: b.UserID, DomainID: b.App.DomainID, Type: TypeNormal, Identities: []LinkedIdentity{}, Data: Details{}}
	config, err := s.cfg.Configs.Current(ctx, b.App.ID)
	if err != nil {
		return p, wrap("reading an app's configuration", err)
	}
	rows, err := s.db.read.QueryContext(ctx, `SELECT u.type, coalesce(i.identity, ''), coalesce(i.provider, ''), coalesce(i.data, '{}')
		FROM users u LEFT JOIN identities i ON i.user_id = u.id WHERE u.id = ? AND u.app_id = ? ORDER BY i.seq`, b.UserID, b.App.ID)
	if err != nil {
		return p, wrap("reading a profile", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i LinkedIdentity
		var text string
		if err := rows.Scan(&p.Type, &i.ID, &i.ProviderType, &text); err != nil {
			return p, wrap("reading a profile", err)
		}
		if i.ProviderType == "" {
			continue
		}
		i.ProviderID = providerID(config, b.App, i.ProviderType)
		var data Details
		if err := json.Unmarshal([]byte(text), &data); err != nil {
			return p, wrap("reading a profile", err)
		}
		p.Identities = append(p.Identities, i)
		for name, value := range data {
			if _, ok := p.Data[name]; !ok {
				p.Data[name] = value
			}
		}
	}
	return p, wrap("reading a profile", rows.Err())
}

// Caller returns a user as rules and functions see it. ErrUserNotFound if there is none.
func (s *Service) Caller(ctx context.Context, app *App, userID string) (*Caller, error) {
	_, exists, err := userState(ctx, s.db.read, app, userID)
	if err == nil && !exists {
		err = ErrUserNotFound
	}
	if err != nil {
		return nil, wrap("looking for a user", err)
	}
	p, err := s.Profile(ctx, Bearer{App: app, UserID: userID})
	if err != nil {
		return nil, err
	}
	c := &Caller{UserID: userID, Type: p.Type, Identities: p.Identities}
	if c.Data, err = p.Data.document(); err != nil {
		return nil, wrap("reading a profile", err)
	}
	if s.cfg.CustomData != nil {
		c.CustomData, err = s.cfg.CustomData.Lookup(ctx, app.ID, userID)
	}
	return c, wrap("looking for custom user data", err)
}

// DeleteUser removes a user with its identities, e-mail accounts, API keys and sessions. It does nothing for a user that
// does not exist.
func (s *Service) DeleteUser(ctx context.Context, app *App, user string) error {
	gone := int64(0)
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM accounts WHERE app_id = ?1 AND id IN
			(SELECT identity FROM identities WHERE user_id = ?2 AND app_id = ?1 AND provider = ?3)`, app.ID, user, ProviderUserpass); err != nil {
			return err
		}
		// The rest goes with it (ON DELETE CASCADE).
		var err error
		gone, err = changed(tx.ExecContext(ctx, "DELETE FROM users WHERE id = ? AND app_id = ?", user, app.ID))
		if err == nil && gone > 0 {
			err = revoke(ctx, tx, Revocation{app.ID, user, UserDeleted})
		}
		return err
	})
	if err != nil {
		return wrap("deleting a user", err)
	}
	if gone > 0 {
		s.log.Info("user deleted", "app", app.ID, "user", user)
		s.revoked(ctx)
	}
	return nil
}

// SetUserDisabled disables a user, which revokes its sessions, or enables it again. ErrUserNotFound if there is none.
func (s *Service) SetUserDisabled(ctx context.Context, app *App, user string, disabled bool) error {
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, "UPDATE users SET disabled = ? WHERE id = ? AND app_id = ?", disabled, user, app.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrUserNotFound
		}
		if !disabled {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ?", user); err != nil {
			return err
		}
		return revoke(ctx, tx, Revocation{app.ID, user, UserDisabled})
	})
	if err != nil {
		return wrap("changing a user", err)
	}
	s.revoked(ctx)
	return nil
}

// RevokeSessions ends all sessions of a user.
func (s *Service) RevokeSessions(ctx context.Context, app *App, user string) error {
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND app_id = ?", user, app.ID); err != nil {
			return err
		}
		return revoke(ctx, tx, Revocation{app.ID, user, SessionsRevoked})
	})
	if err != nil {
		return wrap("revoking sessions", err)
	}
	s.revoked(ctx)
	return nil
}

// changed returns how many rows a statement changed.
func changed(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
