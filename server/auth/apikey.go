package auth

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxKeysPerUser = 20  // app-services 7.2
	maxKeyName     = 128 // characters
)

// APIKey is one of a user's API keys, in the form of the wire (app-services 7.2).
type APIKey struct {
	ID       string `json:"_id"`
	Key      string `json:"key,omitempty"` // only when it was made just now: its digest is all that is kept
	Name     string `json:"name"`
	Disabled bool   `json:"disabled"`
}

var errKeyExists = &Error{Status: http.StatusConflict, Code: "APIKeyAlreadyExists", Text: "API key already exists"}

func checkKeyName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxKeyName || strings.ContainsFunc(name, unicode.IsControl) {
		return errBadRequest("the name of an API key must be between 1 and %d characters", maxKeyName)
	}
	return nil
}

func newKey(name string, now time.Time) APIKey {
	return APIKey{ID: NewObjectID(now), Key: newSecret(), Name: name}
}

func addKey(ctx context.Context, tx *sql.Tx, app *App, user string, k APIKey, now time.Time) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO api_keys (id, app_id, user_id, name, digest, disabled, created) VALUES (?,?,?,?,?,0,?)",
		k.ID, app.ID, user, k.Name, digestOf(k.Key), now.UnixNano()) // earlier builds wrote seconds, which sort before
	return err
}

// CreateKey makes an API key for the user of a session. Anonymous users, and those of server API keys, have none.
func (s *Service) CreateKey(ctx context.Context, c Bearer, name string) (APIKey, error) {
	if err := checkKeyName(name); err != nil {
		return APIKey{}, err
	}
	now := s.now()
	k := newKey(name, now)
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		var named, keys, same int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM identities WHERE user_id = ? AND provider NOT IN (?,?)", c.UserID, ProviderAnonymous, ProviderAPIKey).Scan(&named); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = ?) FROM api_keys WHERE user_id = ?", name, c.UserID).Scan(&keys, &same); err != nil {
			return err
		}
		switch {
		case named == 0:
			return errBadRequest("anonymous users cannot have API keys")
		case same > 0:
			return errKeyExists
		case keys >= maxKeysPerUser:
			return errBadRequest("a user can have at most %d API keys", maxKeysPerUser)
		}
		return addKey(ctx, tx, c.App, c.UserID, k, now)
	})
	if err != nil {
		return APIKey{}, wrap("making an API key", err)
	}
	return k, nil
}

// Keys returns the API keys of a user, oldest first.
func (s *Service) Keys(ctx context.Context, c Bearer) ([]APIKey, error) {
	return s.keys(ctx, "SELECT id, name, disabled FROM api_keys WHERE user_id = ? ORDER BY created, id", c.UserID)
}

func (s *Service) keys(ctx context.Context, query string, args ...any) ([]APIKey, error) {
	rows, err := s.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap("reading API keys", err)
	}
	defer rows.Close()
	out := []APIKey{}
	for rows.Next() {
		var k APIKey
		if err := rows.Scan(&k.ID, &k.Name, &k.Disabled); err != nil {
			return nil, wrap("reading API keys", err)
		}
		out = append(out, k)
	}
	return out, wrap("reading API keys", rows.Err())
}

// keyNotFound says of a row that is not there that the key is not.
func keyNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrKeyNotFound
	}
	return err
}

// Key returns one API key, or ErrKeyNotFound.
func (s *Service) Key(ctx context.Context, c Bearer, id string) (k APIKey, err error) {
	err = s.db.read.QueryRowContext(ctx, "SELECT id, name, disabled FROM api_keys WHERE user_id = ? AND id = ?", c.UserID, id).Scan(&k.ID, &k.Name, &k.Disabled)
	return k, wrap("reading an API key", keyNotFound(err))
}

// DeleteKey removes an API key, or returns ErrKeyNotFound. The sessions that it opened end, but for the one that asks.
func (s *Service) DeleteKey(ctx context.Context, c Bearer, id string) error {
	return s.changeKey(ctx, c, id, true, "DELETE FROM api_keys WHERE user_id = ? AND id = ?", c.UserID, id)
}

// SetKeyDisabled disables or enables an API key, or returns ErrKeyNotFound. Disabling it ends the sessions that it opened, but for the one that asks; enabling it
// brings none back.
func (s *Service) SetKeyDisabled(ctx context.Context, c Bearer, id string, disabled bool) error {
	return s.changeKey(ctx, c, id, disabled, "UPDATE api_keys SET disabled = ?3 WHERE user_id = ?1 AND id = ?2", c.UserID, id, disabled)
}

// changeKey changes an API key of a user, and if that ends its life, its sessions too: whoever disables a key that is no secret any more means those who
// have used it, and not the client that says so: a login by a key of the user who is logged in takes the place of that user's session in original clients, and they go on
// to look at their keys. All connections of the user are closed then, as by RevokeSession.
func (s *Service) changeKey(ctx context.Context, c Bearer, id string, ends bool, statement string, args ...any) error {
	var ended int64
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, statement, args...))
		switch {
		case err != nil:
			return err
		case n == 0:
			return ErrKeyNotFound
		case !ends:
			return nil
		}
		if ended, err = changed(tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND api_key = ? AND id <> ?", c.UserID, id, c.SessionID)); err != nil || ended == 0 {
			return err
		}
		return revoke(ctx, tx, Revocation{c.App.ID, c.UserID, SessionsRevoked})
	})
	if err != nil {
		return wrap("changing an API key", err)
	}
	if ended > 0 {
		s.revoked(ctx)
	}
	return nil
}

var errInvalidKey = &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: "invalid API key"}

// mustBeGoodKey refuses a login by a key that was disabled or deleted since it was checked.
func mustBeGoodKey(ctx context.Context, q querier, id string) error {
	var disabled bool
	err := q.QueryRowContext(ctx, "SELECT disabled FROM api_keys WHERE id = ?", id).Scan(&disabled)
	if errors.Is(err, sql.ErrNoRows) || err == nil && disabled {
		return errInvalidKey
	}
	return err
}

// checkKey returns the id of an API key and its user. It is found by its digest: what is compared is not the secret.
func (s *Service) checkKey(ctx context.Context, app *App, key string) (id, user string, err error) {
	var disabled bool
	err = s.db.read.QueryRowContext(ctx, "SELECT id, user_id, disabled FROM api_keys WHERE digest = ? AND app_id = ?", digestOf(key), app.ID).Scan(&id, &user, &disabled)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && disabled:
		return "", "", errInvalidKey
	case err != nil:
		return "", "", wrap("looking for an API key", err)
	}
	return id, user, nil
}
