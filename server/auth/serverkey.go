package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"

	"realmsync/server/appconfig"
)

// maxServerKeys bounds the server API keys of an app.
const maxServerKeys = 100

// CreateServerKey makes an API key of an app that belongs to no user of the app: it has a user of its own, of the type server
// (app-services 4.3).
func (s *Service) CreateServerKey(ctx context.Context, app *App, name string) (APIKey, error) {
	if err := checkKeyName(name); err != nil {
		return APIKey{}, err
	}
	now := s.now()
	k := newKey(name, now)
	user := NewObjectID(now)
	who := resolved{provider: provider{Provider: &appconfig.Provider{Type: ProviderAPIKey}}, identity: k.ID, data: Details{}}
	who.data.set("name", name)
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		var keys, same int
		if err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE k.name = ?) FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.app_id = ? AND u.type = ?",
			name, app.ID, TypeServer).Scan(&keys, &same); err != nil {
			return err
		}
		switch {
		case same > 0:
			return errKeyExists
		case keys >= maxServerKeys:
			return errBadRequest("an app can have at most %d server API keys", maxServerKeys)
		}
		if err := addUser(ctx, tx, app, user, TypeServer, now); err != nil {
			return err
		}
		if err := addIdentity(ctx, tx, app, who, user, now); err != nil {
			return err
		}
		return addKey(ctx, tx, app, user, k, now)
	})
	if err != nil {
		return APIKey{}, wrap("making an API key", err)
	}
	return k, nil
}

// ServerKeys returns the server API keys of an app, oldest first.
func (s *Service) ServerKeys(ctx context.Context, app *App) ([]APIKey, error) {
	return s.keys(ctx, "SELECT k.id, k.name, k.disabled FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.app_id = ? AND u.type = ? ORDER BY k.created, k.id", app.ID, TypeServer)
}

// serverKeyUser returns the user of a server API key, or ErrKeyNotFound.
func (s *Service) serverKeyUser(ctx context.Context, app *App, id string) (Bearer, error) {
	b := Bearer{App: app}
	err := s.db.read.QueryRowContext(ctx, "SELECT u.id FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.id = ? AND k.app_id = ? AND u.type = ?", id, app.ID, TypeServer).Scan(&b.UserID)
	return b, wrap("looking for an API key", keyNotFound(err))
}

// DeleteServerKey removes a server API key with its user and sessions, or returns ErrKeyNotFound.
func (s *Service) DeleteServerKey(ctx context.Context, app *App, id string) error {
	b, err := s.serverKeyUser(ctx, app, id)
	if err != nil {
		return err
	}
	return s.DeleteUser(ctx, app, b.UserID)
}

// SetServerKeyDisabled disables or enables a server API key, or returns ErrKeyNotFound.
func (s *Service) SetServerKeyDisabled(ctx context.Context, app *App, id string, disabled bool) error {
	b, err := s.serverKeyUser(ctx, app, id)
	if err != nil {
		return err
	}
	return s.SetKeyDisabled(ctx, b, id, disabled)
}

// newSecret returns 256 random bits as hosted keys were written: 64 characters.
func newSecret() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	return hex.EncodeToString(secret[:])
}
