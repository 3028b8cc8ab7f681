package client

import (
	"context"
	"time"

	"realmsync/core/app"
	"realmsync/core/session"
)

// User is a user of an App with a share of the App: as long as somebody has the User its calls reach the server.
type User struct {
	*app.User
	share *app.App
}

// NewUser returns u with a share of its App. The caller releases it.
func NewUser(u *app.User) *User { return &User{u, u.App().Retain()} }

// Retain returns another User of the same user. The caller releases it.
func (u *User) Retain() *User { return NewUser(u.User) }

// Release gives the share of the App back.
func (u *User) Release() { u.share.Close() }

// key tells users apart among all apps.
func key(u *app.User) string { return u.App().ID() + "/" + u.ID() }

// sessionUser is a user as a session sees it.
type sessionUser struct{ user *app.User }

var _ session.User = sessionUser{}

func (u sessionUser) ID() string                { return key(u.user) }
func (u sessionUser) LoggedIn() bool            { return u.user.IsLoggedIn() }
func (u sessionUser) Removed() bool             { return u.user.State() == app.Removed }
func (u sessionUser) Route() (string, bool)     { return u.user.App().SyncRoute() }
func (u sessionUser) ConfirmRoute(route string) { u.user.App().ConfirmSyncRoute(route) }
func (u sessionUser) AccessToken() string       { return u.user.AccessToken() }

func (u sessionUser) TokenExpired(now time.Time) bool { return u.user.AccessTokenExpired(now) }

func (u sessionUser) Refresh(ctx context.Context, location bool) error {
	if location {
		if err := u.user.App().RefreshLocation(ctx); err != nil {
			return err
		}
	}
	return u.user.RefreshAccessToken(ctx)
}

func (u sessionUser) Fatal(err error) bool { return app.EndsSession(err) }

// LogOut forgets the tokens. What can't be saved is in force all the same until the program ends, and App has logged it.
func (u sessionUser) LogOut(error) { _ = u.user.ForceLogOut() }

func (u sessionUser) Observe(f func()) (stop func()) {
	return u.user.Observe(func(c app.UserChange) {
		if c.Event != app.UserProfileUpdated {
			f()
		}
	})
}
