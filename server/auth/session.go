package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// sessionRow is an open session.
type sessionRow struct {
	id     string
	app    *App
	user   string
	device string
	digest []byte // of its refresh token
	kid    string // of the key that signed it
	apiKey string // id of the API key that opened it, "" for none
}

// Bearer is who made a request, by the token that came with it.
type Bearer struct {
	App       *App
	UserID    string
	SessionID string
	Expires   time.Time // when the token stops being taken, the leeway included
}

// accessToken signs an access token with the user's custom data as they are now (app-services 9). Call it outside of transactions.
func (s *Service) accessToken(ctx context.Context, r sessionRow, now time.Time) (string, error) {
	return s.tokens.sign(claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: r.user, Issuer: r.id}, DomainID: r.app.DomainID, DeviceID: r.device,
		UserData: s.userData(ctx, r.app, r.user),
	}, typeAccess, now, s.cfg.AccessLife)
}

func (s *Service) refreshToken(r sessionRow, who resolved, now time.Time, life time.Duration) (string, error) {
	identity := &tokenIdentity{ID: who.identity, ProviderType: who.provider.Type, ProviderID: who.provider.ID}
	if len(identity.ID) > 256 {
		identity.ID = clip(identity.ID, 256) // for information only, and the token goes into a header line
	}
	return s.tokens.sign(claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: r.user}, DomainID: r.app.DomainID, DeviceID: r.device,
		SessionID: r.id, OldSession: r.id, Identity: identity, OldIdentity: identity,
	}, typeRefresh, now, life)
}

// Access returns whose access token this is, or ErrInvalidSession. The token stays good when its session is revoked, and
// does not when its user is disabled or deleted (app-services 8.4).
func (s *Service) Access(ctx context.Context, token string) (Bearer, error) {
	c, app, err := s.check(ctx, token, typeAccess)
	if err != nil {
		return Bearer{}, err
	}
	if err := s.mustBeEnabled(ctx, app, c.Subject); err != nil {
		return Bearer{}, err
	}
	return Bearer{App: app, UserID: c.Subject, SessionID: c.Issuer, Expires: c.ExpiresAt.Add(leeway)}, nil
}

// Session returns whose refresh token this is, or ErrInvalidSession: it is no longer good when its session is revoked or
// its user disabled or deleted.
func (s *Service) Session(ctx context.Context, token string) (Bearer, error) {
	r, expires, err := s.session(ctx, token)
	if err != nil {
		return Bearer{}, err
	}
	return Bearer{App: r.app, UserID: r.user, SessionID: r.id, Expires: expires}, nil
}

// Refresh returns a new access token for a refresh token, or ErrInvalidSession.
func (s *Service) Refresh(ctx context.Context, token string) (string, error) {
	r, _, err := s.session(ctx, token)
	if err != nil {
		return "", err
	}
	if !s.refreshes.allow(r.id) {
		return "", ErrTooMany
	}
	return s.accessToken(ctx, r, s.now())
}

// Logout revokes the session of a refresh token, and no other.
func (s *Service) Logout(ctx context.Context, token string) error {
	r, _, err := s.session(ctx, token)
	if err != nil {
		return err
	}
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE id = ?", r.id)
		return err
	})
	return wrap("logging out", err)
}

// session returns the open session of a refresh token and the token's end.
func (s *Service) session(ctx context.Context, token string) (sessionRow, time.Time, error) {
	c, app, err := s.check(ctx, token, typeRefresh)
	if err != nil {
		return sessionRow{}, time.Time{}, err
	}
	r, err := s.liveSession(ctx, s.db.read, c.SessionID)
	if err != nil {
		return sessionRow{}, time.Time{}, wrap("looking for a session", err)
	}
	digest := sha256.Sum256([]byte(token))
	if r.app != app || r.user != c.Subject || subtle.ConstantTimeCompare(digest[:], r.digest) != 1 {
		return sessionRow{}, time.Time{}, ErrInvalidSession.Because(errors.New("the token is not that of its session"))
	}
	return r, c.ExpiresAt.Time, nil
}

// liveSession returns a session that is open and whose user is there and enabled, or ErrInvalidSession.
func (s *Service) liveSession(ctx context.Context, q querier, id string) (sessionRow, error) {
	r := sessionRow{id: id}
	var appID string
	var expires int64
	var disabled bool
	err := q.QueryRowContext(ctx, `SELECT s.app_id, s.user_id, s.device_id, s.digest, s.expires, u.disabled
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?`, id).Scan(&appID, &r.user, &r.device, &r.digest, &expires, &disabled)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, ErrInvalidSession.Because(errors.New("the session was revoked"))
	case err != nil:
		return r, err
	case disabled:
		return r, ErrInvalidSession.Because(errors.New("the user is disabled"))
	case expires <= s.now().Unix():
		return r, ErrInvalidSession.Because(errors.New("the session has expired"))
	}
	r.app, err = s.lookupApp(ctx, appID)
	return r, err
}

// check verifies a token and finds its app.
func (s *Service) check(ctx context.Context, token, kind string) (*claims, *App, error) {
	c, err := s.tokens.verify(token, kind)
	if err != nil {
		return nil, nil, ErrInvalidSession.Because(err)
	}
	app, err := s.appOfDomain(ctx, c.DomainID)
	if err != nil {
		return nil, nil, err
	}
	if app == nil {
		return nil, nil, ErrInvalidSession.Because(errors.New("the token's app does not exist"))
	}
	return c, app, nil
}

// TokenApp returns the app that a token of either type is for, or ErrInvalidSession. It says nothing of the token's user and session: Access and Session do.
func (s *Service) TokenApp(ctx context.Context, token string) (*App, error) {
	_, app, err := s.check(ctx, token, typeAccess)
	if errors.Is(err, ErrInvalidSession) {
		_, app, err = s.check(ctx, token, typeRefresh)
	}
	return app, err
}

func (s *Service) mustBeEnabled(ctx context.Context, app *App, user string) error {
	disabled, exists, err := userState(ctx, s.db.read, app, user)
	switch {
	case err != nil:
		return wrap("looking for a user", err)
	case !exists:
		return ErrInvalidSession.Because(errors.New("the user was deleted"))
	case disabled:
		return ErrInvalidSession.Because(errors.New("the user is disabled"))
	}
	return nil
}
