package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Credentials are what a user logs in with. Which fields count is the provider's matter.
type Credentials struct {
	Provider    string
	Username    string // local-userpass: the e-mail
	Password    string // local-userpass
	Token       string // custom-token
	Key         string // api-key
	Payload     bson.D // custom-function: what the client sent, without options
	AuthCode    string // oauth2-google, oauth2-apple: a code to exchange for an id_token
	IDToken     string // oauth2-google, oauth2-apple, oauth2-facebook
	AccessToken string // oauth2-facebook
	DeviceID    string // from an earlier login, or empty
	Device      Device // what the client says of the device it runs on
	Remote      string // the client's address, for counting attempts; not stored
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
	provider provider
	identity string  // unique within the app and the provider
	data     Details // for the profile
	userID   string  // api-key: the user; otherwise the identity decides
	account  bool    // the identity is an e-mail account, which must still be there
}

// Login checks credentials and opens a session; the user is created if the credentials are new and allow that. Refusals
// are *Error or *ErrUnknownApp.
func (s *Service) Login(ctx context.Context, app *App, c Credentials) (Login, error) {
	out, err := s.login(ctx, app, c)
	if err != nil {
		s.refused(app, c.Provider, err)
		return Login{}, wrap("logging in", err)
	}
	return out, nil
}

func (s *Service) login(ctx context.Context, app *App, c Credentials) (Login, error) {
	who, err := s.resolve(ctx, app, c)
	if err != nil {
		return Login{}, err
	}
	now := s.now()
	if !isObjectID(c.DeviceID) {
		c.DeviceID = NewObjectID(now)
	}
	session := sessionRow{id: NewObjectID(now), app: app, device: c.DeviceID}
	if c.Provider == ProviderAPIKey {
		session.apiKey = who.identity
	}
	if session.user, err = s.userOf(ctx, app, who, now); err != nil {
		return Login{}, err
	}
	out := Login{UserID: session.user, DeviceID: session.device}
	if out.AccessToken, err = s.accessToken(ctx, session, now); err != nil {
		return Login{}, err
	}
	life := s.refreshLife(who.provider.config)
	if out.RefreshToken, err = s.refreshToken(session, who, now, life); err != nil {
		return Login{}, err
	}
	session.digest, session.kid = digestOf(out.RefreshToken), keyOf(out.RefreshToken)
	return out, s.db.update(ctx, func(tx *sql.Tx) error { return s.openSession(ctx, tx, session, c.Device, now, life) })
}

// maxSessions bounds the open sessions of a user: many devices may share an account, and each login of one that forgot its session opens another.
const maxSessions = 1000

// openSession stores a session, if its user is still there. If the user has too many the oldest ends; its connections are not closed, since those
// of all sessions would be: they end with their access tokens.
func (s *Service) openSession(ctx context.Context, tx *sql.Tx, r sessionRow, device Device, now time.Time, life time.Duration) error {
	if err := mustBeThere(ctx, tx, r.app, r.user); err != nil {
		return err
	}
	if r.apiKey != "" {
		if err := mustBeGoodKey(ctx, tx, r.apiKey); err != nil {
			return err
		}
	}
	// A few of those that have expired go with each that comes.
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires < ? LIMIT 64)", now.Unix()); err != nil {
		return err
	}
	// By their ids, which begin with the time; before the new one comes, so that it stays whatever the clock says.
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ? ORDER BY id DESC LIMIT -1 OFFSET ?)", r.user, maxSessions-1); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO sessions (id, app_id, user_id, device_id, digest, created, expires, kid, api_key) VALUES (?,?,?,?,?,?,?,?,?)",
		r.id, r.app.ID, r.user, r.device, r.digest, now.Unix(), now.Add(life).Unix(), r.kid, r.apiKey); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE users SET last_login = ? WHERE id = ?", now.Unix(), r.user); err != nil {
		return err
	}
	return storeDevice(ctx, tx, r.user, r.device, device, now)
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
	leave, err := s.arrivals.enter(ctx, who.arrival(app))
	if err != nil {
		return "", wrap("linking", err)
	}
	defer leave()
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
	return s.accessToken(ctx, session, now)
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
	who := resolved{data: Details{}}
	err := s.Attempt(c.Remote)
	if err != nil {
		return who, err
	}
	if who.provider, err = s.provider(ctx, app, c.Provider); err != nil {
		return who, err
	}
	switch c.Provider {
	case ProviderAnonymous:
		who.identity = NewObjectID(s.now()) // a new user each time: reuse is the client's (app-services 4.3)
	case ProviderUserpass:
		who.account = true
		who.data.set("email", c.Username)
		who.identity, err = s.checkPassword(ctx, app, c.Username, c.Password, c.Remote)
	case ProviderCustom:
		who.identity, who.data, err = s.checkCustomJWT(ctx, app, who.provider, c.Token)
	case ProviderFunction:
		who.identity, who.data, err = s.checkFunction(ctx, app, who.provider, c.Payload)
	case ProviderGoogle, ProviderApple, ProviderFacebook:
		who.identity, who.data, err = s.checkOpenID(ctx, who.provider, c)
	case ProviderAPIKey:
		who.identity, who.userID, err = s.checkKey(ctx, app, c.Key)
	default:
		err = errProvider(c.Provider)
	}
	return who, err
}

// userFor returns the user that the credentials name, and makes it with an id if they are new. "": there is none, and no id.
func (s *Service) userFor(ctx context.Context, tx *sql.Tx, app *App, who resolved, id string, now time.Time) (user string, err error) {
	if user = who.userID; user == "" {
		if user, err = ownerOf(ctx, tx, app, who); err != nil {
			return "", err
		}
	}
	if user == "" {
		if id == "" {
			return "", nil
		}
		if err := addUser(ctx, tx, app, id, TypeNormal, now); err != nil {
			return "", err
		}
		return id, addIdentity(ctx, tx, app, who, id, now)
	}
	if err := mustBeThere(ctx, tx, app, user); err != nil {
		return "", err
	}
	if who.userID != "" {
		return user, nil
	}
	// What the issuer says of its user may have changed.
	data, err := json.Marshal(who.data)
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, "UPDATE identities SET data = ?1 WHERE app_id = ?2 AND provider = ?3 AND identity = ?4 AND data <> ?1",
		string(data), app.ID, who.provider.Type, who.identity)
	return user, err
}

// mustBeThere refuses a login of a user that is disabled, or was deleted just now.
func mustBeThere(ctx context.Context, q querier, app *App, user string) error {
	disabled, exists, err := userState(ctx, q, app, user)
	switch {
	case err != nil:
		return err
	case !exists:
		return ErrInvalidPassword
	case disabled:
		return ErrUserDisabled
	}
	return nil
}

func addUser(ctx context.Context, tx *sql.Tx, app *App, user, kind string, now time.Time) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO users (id, app_id, disabled, created, type) VALUES (?,?,0,?,?)", user, app.ID, now.Unix(), kind)
	return err
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
	err = tx.QueryRowContext(ctx, "SELECT user_id FROM identities WHERE app_id = ? AND provider = ? AND identity = ?", app.ID, who.provider.Type, who.identity).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return user, err
}

// maxIdentities bounds the identities of a user: all are read whenever rules or functions look at the user, and anybody may be able to register more.
const maxIdentities = 100

func addIdentity(ctx context.Context, tx *sql.Tx, app *App, who resolved, user string, now time.Time) error {
	var have int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM identities WHERE user_id = ?", user).Scan(&have); err != nil {
		return err
	}
	if have >= maxIdentities {
		return errBadRequest("a user can have at most %d identities", maxIdentities)
	}
	data, err := json.Marshal(who.data)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO identities (app_id, provider, identity, user_id, data, created) VALUES (?,?,?,?,?,?)",
		app.ID, who.provider.Type, who.identity, user, string(data), now.Unix())
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
