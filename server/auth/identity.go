package auth

import (
	"context"
	"errors"
	"time"
)

// Identity is who is at the other end of a sync connection.
type Identity struct {
	AppID     string
	UserID    string
	SessionID string
	Strict    bool // see App.Strict
	// Expires is when the connection is to be closed with 4001, so that the client refreshes its token (app-services 8.4).
	// The leeway is included.
	Expires time.Time
}

// Authenticate decides over the upgrade of a sync connection (app-services 8.4, wire-protocol 1.5):
//
//   - *ErrUnknownApp: 404. In development mode no app is unknown, and none is created here: tokens are made by a login,
//     which creates the app.
//   - ErrInvalidSession: 401. The token is missing, malformed, forged or expired, its session revoked or its user
//     disabled; the client refreshes its token, and if that is refused, logs its user out.
//   - ErrForbidden: 403. The token is good, and for another app, or its user was deleted; the client logs its user out.
//
// Any other error is the server's: 500.
func (s *Service) Authenticate(ctx context.Context, appID, accessToken string) (Identity, error) {
	app, err := s.lookupApp(ctx, appID)
	var unknown *ErrUnknownApp
	if err != nil && (!errors.As(err, &unknown) || !s.cfg.Dev || s.cfg.KnownApps || !ValidAppID(appID)) {
		return Identity{}, err
	}
	c, owner, err := s.check(ctx, accessToken, typeAccess)
	if err != nil {
		return Identity{}, err
	}
	if owner != app {
		return Identity{}, ErrForbidden
	}
	disabled, exists, err := userState(ctx, s.db.read, app, c.Subject)
	switch {
	case err != nil:
		return Identity{}, wrap("looking for a user", err)
	case !exists:
		return Identity{}, ErrForbidden.Because(errors.New("the user was deleted"))
	case disabled:
		return Identity{}, ErrInvalidSession.Because(errors.New("the user is disabled"))
	}
	if r, err := s.liveSession(ctx, s.db.read, c.Issuer); err != nil {
		return Identity{}, wrap("looking for a session", err)
	} else if r.app != app || r.user != c.Subject {
		return Identity{}, ErrInvalidSession.Because(errors.New("the token is not of its session"))
	}
	return Identity{AppID: app.ID, UserID: c.Subject, SessionID: c.Issuer, Strict: app.Strict, Expires: c.ExpiresAt.Add(leeway)}, nil
}
