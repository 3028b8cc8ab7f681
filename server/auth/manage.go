package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Group returns the group that all apps of this server are in, 24 hexadecimal digits.
func (s *Service) Group(ctx context.Context) (string, error) { return s.group(ctx, s.db.read) }

// group is that of the apps that there are, or Config.Group, or a new one.
func (s *Service) group(ctx context.Context, q querier) (id string, err error) {
	err = q.QueryRowContext(ctx, "SELECT group_id FROM apps LIMIT 1").Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	if s.cfg.Group != "" {
		return s.cfg.Group, nil
	}
	return NewObjectID(s.now()), nil
}

// ExistingApp returns the app with a client app id, or *ErrUnknownApp; it creates none.
func (s *Service) ExistingApp(ctx context.Context, id string) (*App, error) {
	return s.lookupApp(ctx, id)
}

// AppByInternalID returns an app by the id that admin routes use; nil when there is none.
func (s *Service) AppByInternalID(ctx context.Context, id string) (*App, error) {
	app, err := s.seen(ctx, "internal_id", id)
	if err != nil {
		return nil, fmt.Errorf("auth: looking for app %s: %w", clip(id, 64), err)
	}
	return app, nil
}

// UserInfo is a user as an administrator sees it.
type UserInfo struct {
	Profile

	Disabled bool
	Created  time.Time
}

// Users returns up to limit users of an app with an id above after, by id.
func (s *Service) Users(ctx context.Context, app *App, after string, limit int) ([]UserInfo, error) {
	rows, err := s.db.read.QueryContext(ctx, "SELECT id, disabled, created FROM users WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?", app.ID, after, limit)
	if err != nil {
		return nil, wrap("listing users", err)
	}
	defer rows.Close()
	out := []UserInfo{}
	for rows.Next() {
		var u UserInfo
		var created int64
		if err := rows.Scan(&u.UserID, &u.Disabled, &created); err != nil {
			return nil, wrap("listing users", err)
		}
		u.Created = time.Unix(created, 0)
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, wrap("listing users", err)
	}
	for i := range out {
		if err := s.fillProfile(ctx, app, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// User returns one user of an app, or ErrUserNotFound.
func (s *Service) User(ctx context.Context, app *App, id string) (UserInfo, error) {
	u := UserInfo{Profile: Profile{UserID: id}}
	var created int64
	err := s.db.read.QueryRowContext(ctx, "SELECT disabled, created FROM users WHERE id = ? AND app_id = ?", id, app.ID).Scan(&u.Disabled, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return u, ErrUserNotFound
	}
	if err != nil {
		return u, wrap("looking for a user", err)
	}
	u.Created = time.Unix(created, 0)
	return u, s.fillProfile(ctx, app, &u)
}

func (s *Service) fillProfile(ctx context.Context, app *App, u *UserInfo) (err error) {
	u.Profile, err = s.Profile(ctx, Bearer{App: app, UserID: u.UserID})
	return err
}

// TokenInfo is what a valid access token says.
type TokenInfo struct {
	UserID    string
	SessionID string
	DeviceID  string
	Issued    time.Time
	Expires   time.Time
}

// Inspect says what an access token of an app's user says. expired is true for one that was good and has expired; one that is bad in any
// other way, or for another app, or whose user is disabled or deleted, is ErrInvalidSession.
func (s *Service) Inspect(ctx context.Context, app *App, token string) (info TokenInfo, expired bool, err error) {
	c, owner, err := s.check(ctx, token, typeAccess)
	if errors.Is(err, errTokenExpired) {
		return info, true, nil
	}
	if err != nil {
		return info, false, err
	}
	if owner.ID != app.ID {
		return info, false, ErrInvalidSession.Because(errors.New("the token is another app's"))
	}
	if err := s.mustBeEnabled(ctx, owner, c.Subject); err != nil {
		return info, false, err
	}
	return TokenInfo{UserID: c.Subject, SessionID: c.Issuer, DeviceID: c.DeviceID, Issued: c.IssuedAt.Time, Expires: c.ExpiresAt.Time}, false, nil
}
