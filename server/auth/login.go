package auth

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Credentials are what a user logs in with. Which fields count is the provider's matter.
type Credentials struct {
	Provider string
	Username string // local-userpass: the e-mail
	Password string // local-userpass
	Token    string // custom-token
	Key      string // api-key
	DeviceID string // from an earlier login, or empty
	Remote   string // the client's address, for counting attempts; not stored
}

// Login is a session that was opened (app-services 4.2).
type Login struct {
	AccessToken  string
	RefreshToken string
	UserID       string
	DeviceID     string
}

// resolved is whom credentials name.
type resolved struct {
	provider   string // its type
	providerID string
	identity   string            // unique within the app and the provider
	data       map[string]string // for the profile
	userID     string            // api-key: the user; otherwise the identity decides
	account    bool              // the identity is an e-mail account, which must still be there
}

// Login checks credentials and opens a session; the user is created if the credentials are new and allow that. Refusals
// are *Error or *ErrUnknownApp.
func (s *Service) Login(ctx context.Context, app *App, c Credentials) (Login, error) {
	who, err := s.resolve(ctx, app, c)
	if err != nil {
		s.refused(app, c.Provider, err)
		return Login{}, err
	}
	now := s.now()
	if !isObjectID(c.DeviceID) {
		c.DeviceID = NewObjectID(now)
	}
	session := sessionRow{id: NewObjectID(now), app: app, device: c.DeviceID}
	var out Login
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		user, err := s.userFor(ctx, tx, app, who, now)
		if err != nil {
			return err
		}
		session.user = user
		out = Login{UserID: user, DeviceID: c.DeviceID}
		if out.AccessToken, err = s.accessToken(session, now); err != nil {
			return err
		}
		if out.RefreshToken, err = s.refreshToken(session, who, now); err != nil {
			return err
		}
		// A few of those that have expired go with each that comes.
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires < ? LIMIT 64)", now.Unix()); err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(out.RefreshToken))
		_, err = tx.ExecContext(ctx, "INSERT INTO sessions (id, app_id, user_id, device_id, digest, created, expires) VALUES (?,?,?,?,?,?,?)",
			session.id, app.ID, user, session.device, digest[:], now.Unix(), now.Add(s.cfg.RefreshLife).Unix())
		return err
	})
	if err != nil {
		s.refused(app, c.Provider, err)
		return Login{}, wrap("logging in", err)
	}
	return out, nil
}

// Link adds credentials to the user of an access token and returns a fresh access token (app-services 4.6). The session
// of the token must still be open: a revoked one is not prolonged.
func (s *Service) Link(ctx context.Context, app *App, accessToken string, c Credentials) (string, error) {
	caller, err := s.Access(ctx, accessToken)
	if err != nil {
		return "", err
	}
	if caller.App != app {
		return "", ErrForbidden
	}
	if c.Provider == ProviderAnonymous || c.Provider == ProviderAPIKey {
		return "", errBadRequest("credentials of provider '%s' cannot be linked", c.Provider)
	}
	who, err := s.resolve(ctx, app, c)
	if err != nil {
		s.refused(app, c.Provider, err)
		return "", err
	}
	now := s.now()
	var session sessionRow
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		if session, err = s.liveSession(ctx, tx, caller.SessionID); err != nil {
			return err
		}
		owner, err := ownerOf(ctx, tx, app, who)
		switch {
		case err != nil:
			return err
		case owner == "":
			return addIdentity(ctx, tx, app, who, caller.UserID, now)
		case owner != caller.UserID:
			return ErrIdentityTaken
		}
		return nil
	})
	if err != nil {
		return "", wrap("linking", err)
	}
	return s.accessToken(session, now)
}

// Attempt counts a request of a client's address that could be one guess of many, and refuses it with ErrTooMany. Login and
// Register count by themselves.
func (s *Service) Attempt(remote string) error {
	if !s.remotes.allow(remote) {
		return ErrTooMany
	}
	return nil
}

// resolve checks credentials and says whom they name. It changes nothing, except that it renews an outdated hash.
func (s *Service) resolve(ctx context.Context, app *App, c Credentials) (resolved, error) {
	who := resolved{provider: c.Provider, data: map[string]string{}}
	err := s.Attempt(c.Remote)
	if err != nil {
		return who, err
	}
	if who.providerID, err = s.provider(ctx, app, c.Provider); err != nil {
		return who, err
	}
	switch c.Provider {
	case ProviderAnonymous:
		who.identity = NewObjectID(s.now()) // a new user each time: reuse is the client's (app-services 4.3)
	case ProviderUserpass:
		who.account = true
		who.data["email"] = c.Username
		who.identity, err = s.checkPassword(ctx, app, c.Username, c.Password)
	case ProviderCustom:
		who.identity, err = s.customSubject(app, c.Token)
	case ProviderAPIKey:
		who.identity, who.userID, err = s.checkKey(ctx, app, c.Key)
	default:
		err = errProvider(c.Provider)
	}
	return who, err
}

// userFor returns the user that the credentials name, and makes it if they are new.
func (s *Service) userFor(ctx context.Context, tx *sql.Tx, app *App, who resolved, now time.Time) (string, error) {
	user := who.userID
	if user == "" {
		var err error
		if user, err = ownerOf(ctx, tx, app, who); err != nil {
			return "", err
		}
	}
	if user == "" {
		user = NewObjectID(now)
		if _, err := tx.ExecContext(ctx, "INSERT INTO users (id, app_id, disabled, created) VALUES (?,?,0,?)", user, app.ID, now.Unix()); err != nil {
			return "", err
		}
		return user, addIdentity(ctx, tx, app, who, user, now)
	}
	disabled, exists, err := userState(ctx, tx, app, user)
	switch {
	case err != nil:
		return "", err
	case !exists:
		return "", ErrInvalidPassword // an API key whose user was deleted just now
	case disabled:
		return "", ErrUserDisabled
	}
	return user, nil
}

// ownerOf returns the user that has the identity, "" if nobody does. An e-mail account must still exist.
func ownerOf(ctx context.Context, tx *sql.Tx, app *App, who resolved) (user string, err error) {
	if who.account {
		var one int
		err := tx.QueryRowContext(ctx, "SELECT 1 FROM accounts WHERE id = ? AND app_id = ?", who.identity, app.ID).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return "", ErrInvalidPassword // deleted since the password was checked
		} else if err != nil {
			return "", err
		}
	}
	err = tx.QueryRowContext(ctx, "SELECT user_id FROM identities WHERE app_id = ? AND provider = ? AND identity = ?", app.ID, who.provider, who.identity).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return user, err
}

func addIdentity(ctx context.Context, tx *sql.Tx, app *App, who resolved, user string, now time.Time) error {
	data, err := json.Marshal(who.data)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO identities (app_id, provider, identity, user_id, data, created) VALUES (?,?,?,?,?,?)",
		app.ID, who.provider, who.identity, user, string(data), now.Unix())
	return err
}

// userState looks a user up.
func userState(ctx context.Context, q querier, app *App, user string) (disabled, exists bool, err error) {
	err = q.QueryRowContext(ctx, "SELECT disabled FROM users WHERE id = ? AND app_id = ?", user, app.ID).Scan(&disabled)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	return disabled, err == nil, err
}

func (s *Service) refused(app *App, provider string, err error) {
	s.log.Debug("login refused", "app", app.ID, "provider", clip(provider, 64), "reason", err)
}

// wrap leaves refusals as they are and says of other errors what was being done.
func wrap(doing string, err error) error {
	var refusal *Error
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	return fmt.Errorf("auth: %s: %w", doing, err)
}
