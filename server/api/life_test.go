package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"realmsync/core/app"
	"realmsync/server/auth"
)

func (f *fixture) client(dir string) *app.App {
	f.t.Helper()
	a, err := app.New(app.Config{AppID: testApp, BaseURL: f.base, Dir: dir})
	require.NoError(f.t, err)
	return a
}

// note makes a client's tokens secrets.
func (f *fixture) note(u *app.User) {
	f.secret(u.AccessToken())
	f.secret(u.RefreshToken())
}

func requireCode(t *testing.T, err error, code app.Code, status int) {
	t.Helper()
	var e *app.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", err)
	require.Equal(t, status, e.Status, "%v", err)
}

// The life of a user, as our own client lives it.
func TestLifeOfAUser(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	require.NoError(t, f.auth.SetProviderDisabled(ctx, f.app, "api-key", false))
	f.secret(password)
	dir := t.TempDir()
	a := f.client(dir)
	defer func() { a.Close() }()

	// Before the first login.
	require.NoError(t, a.RegisterEmail(ctx, "a@b.c", password))
	requireCode(t, a.RegisterEmail(ctx, "a@b.c", password), app.CodeAccountNameInUse, 409)
	requireCode(t, a.ResendConfirmation(ctx, "a@b.c"), app.CodeUserAlreadyConfirmed, 400)
	requireCode(t, a.RetryCustomConfirmation(ctx, "who@b.c"), app.CodeUserNotFound, 404)
	requireCode(t, a.ConfirmEmail(ctx, "x", "y"), app.CodeBadRequest, 400)
	requireCode(t, a.ResetPassword(ctx, "new-password", "x", "y"), app.CodeBadRequest, 400)
	requireCode(t, a.SendPasswordReset(ctx, "a@b.c"), app.CodeBadRequest, 400)
	requireCode(t, a.CallResetPassword(ctx, "who@b.c", "new-password", []byte(`[]`)), app.CodeUserNotFound, 404)
	_, err := a.LogIn(ctx, app.EmailPassword("a@b.c", "wrong-password"))
	requireCode(t, err, app.CodeInvalidPassword, 401)
	var refused *app.Error
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.LogsURL, f.base+"/groups/"+f.app.GroupID)
	_, err = a.LogIn(ctx, app.Function([]byte(`{"token":5}`)))
	requireCode(t, err, app.CodeAuthProviderNotFound, 404)

	// Login, profile, a second session with the same account.
	u, err := a.LogIn(ctx, app.EmailPassword("a@b.c", password))
	require.NoError(t, err)
	f.note(u)
	require.True(t, u.HasDeviceID())
	require.Equal(t, "a@b.c", u.Profile().Text("email"))
	require.Len(t, u.Identities(), 1)
	require.Equal(t, "local-userpass", u.Identities()[0].ProviderType)

	// Tokens run out and are renewed without being asked for.
	old := u.AccessToken()
	f.clock.Move(auth.DefaultAccessLife + time.Minute)
	require.NoError(t, u.RefreshProfile(ctx))
	f.note(u)
	require.NotEqual(t, old, u.AccessToken())
	old = u.AccessToken()
	require.NoError(t, u.RefreshAccessToken(ctx))
	f.note(u)
	require.NotEqual(t, old, u.AccessToken())
	require.Nil(t, u.CustomData())

	// Functions that are not there leave the user logged in.
	_, err = u.CallFunction(ctx, "sumFunc", []byte(`[{"$numberInt":"1"}]`))
	requireCode(t, err, app.CodeFunctionNotFound, 404)
	_, err = u.CallServiceFunction(ctx, "BackingDB", "find", []byte(`[{"database":"db"}]`))
	requireCode(t, err, app.CodeServiceNotFound, 404)
	require.True(t, u.IsLoggedIn())

	// API keys.
	k, err := u.CreateAPIKey(ctx, "nm")
	require.NoError(t, err)
	f.secret(k.Key)
	keys, err := u.APIKeys(ctx)
	require.NoError(t, err)
	require.Equal(t, []app.APIKeyInfo{{ID: k.ID, Name: "nm"}}, keys)
	one, err := u.APIKey(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, keys[0], one)
	require.NoError(t, u.DisableAPIKey(ctx, k.ID))
	_, err = a.LogIn(ctx, app.APIKey(k.Key))
	requireCode(t, err, app.CodeAuthError, 401)
	require.NoError(t, u.EnableAPIKey(ctx, k.ID))
	same, err := a.LogIn(ctx, app.APIKey(k.Key))
	require.NoError(t, err)
	f.note(same)
	require.Same(t, u, same)
	require.NoError(t, u.DeleteAPIKey(ctx, k.ID))
	_, err = u.APIKey(ctx, k.ID)
	requireCode(t, err, app.CodeAPIKeyNotFound, 404)

	// A restart of the program.
	a.Close()
	a = f.client(dir)
	u = a.CurrentUser()
	require.NotNil(t, u)
	require.NoError(t, u.RefreshProfile(ctx))
	id := u.ID()

	// Logout and another login.
	require.NoError(t, u.LogOut(ctx))
	require.Equal(t, app.LoggedOut, u.State())
	u, err = a.LogIn(ctx, app.EmailPassword("a@b.c", password))
	require.NoError(t, err)
	f.note(u)
	require.Equal(t, id, u.ID())

	// The server ends the session: the next call with the refresh token logs out.
	require.NoError(t, f.auth.RevokeSessions(ctx, f.app, id))
	requireCode(t, u.RefreshAccessToken(ctx), app.CodeInvalidSession, 401)
	require.True(t, u.IsLoggedIn())
	_, err = u.APIKeys(ctx)
	requireCode(t, err, app.CodeInvalidSession, 401)
	require.False(t, u.IsLoggedIn())

	// Deleted, and what is left.
	u, err = a.LogIn(ctx, app.EmailPassword("a@b.c", password))
	require.NoError(t, err)
	f.note(u)
	require.NoError(t, u.Delete(ctx))
	require.Equal(t, app.Removed, u.State())
	_, err = a.LogIn(ctx, app.EmailPassword("a@b.c", password))
	requireCode(t, err, app.CodeInvalidPassword, 401)
	require.Empty(t, a.Users())
}

func TestLifeOfAnAnonymousUser(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	a := f.client(t.TempDir())
	defer a.Close()
	u, err := a.LogIn(ctx, app.Anonymous())
	require.NoError(t, err)
	f.note(u)
	require.True(t, u.IsAnonymous())
	again, err := a.LogIn(ctx, app.Anonymous())
	require.NoError(t, err)
	require.Same(t, u, again)
	other, err := a.LogIn(ctx, app.NewAnonymous())
	require.NoError(t, err)
	f.note(other)
	require.NotEqual(t, u.ID(), other.ID())
	_, err = u.CreateAPIKey(ctx, "k")
	requireCode(t, err, app.CodeBadRequest, 400)

	// It gets a name, and stays who it is.
	require.NoError(t, a.RegisterEmail(ctx, "a@b.c", f.secret(password)))
	require.NoError(t, u.LinkCredentials(ctx, app.EmailPassword("a@b.c", password)))
	require.NoError(t, u.LinkCredentials(ctx, app.CustomJWT(f.subject("me"))))
	f.note(u)
	require.False(t, u.IsAnonymous())
	require.Len(t, u.Identities(), 3)
	require.Equal(t, "anon-user", u.Identities()[0].ProviderType)
	require.NoError(t, u.LogOut(ctx))
	back, err := a.LogIn(ctx, app.CustomJWT(f.subject("me")))
	require.NoError(t, err)
	f.note(back)
	require.Equal(t, u.ID(), back.ID())
	requireCode(t, other.LinkCredentials(ctx, app.EmailPassword("a@b.c", password)), app.CodeAuthError, 409)
	require.NoError(t, other.LogOut(ctx))
	require.Equal(t, app.Removed, other.State())
}

func TestClientOfAnUnknownApp(t *testing.T) {
	f := open(t, production)
	a, err := app.New(app.Config{AppID: "NA", BaseURL: f.base, Dir: t.TempDir()})
	require.NoError(t, err)
	defer a.Close()
	_, err = a.LogIn(t.Context(), app.Anonymous())
	requireCode(t, err, app.CodeAppUnknownError, 404)
	require.ErrorContains(t, err, "cannot find app using Client App ID 'NA'")
}

// Throttled clients are told so and stay logged in.
func TestThrottledClient(t *testing.T) {
	f := open(t, production)
	ctx := t.Context()
	a := f.client(t.TempDir())
	defer a.Close()
	u, err := a.LogIn(ctx, app.Anonymous())
	require.NoError(t, err)
	f.note(u)
	for {
		other, err := a.LogIn(ctx, app.EmailPassword("who@b.c", "wrong-password"))
		require.Nil(t, other)
		if !app.IsCode(err, app.CodeInvalidPassword) {
			requireCode(t, err, app.CodeAppUnknownError, 429)
			break
		}
	}
	require.NoError(t, u.RefreshAccessToken(ctx))
	f.note(u)
	require.True(t, u.IsLoggedIn())
}

// Many at once: nobody gets another's tokens, and one address is registered once.
func TestManyClients(t *testing.T) {
	f := open(t, nil)
	f.secret(password)
	group, ctx := errgroup.WithContext(t.Context())
	registered := make(chan error, 8)
	for range cap(registered) {
		dir := t.TempDir()
		group.Go(func() error {
			a, err := app.New(app.Config{AppID: testApp, BaseURL: f.base, Dir: dir})
			if err != nil {
				return err
			}
			defer a.Close()
			registered <- a.RegisterEmail(ctx, "a@b.c", password)
			u, err := a.LogIn(ctx, app.NewAnonymous())
			if err != nil {
				return err
			}
			return errors.Join(u.RefreshAccessToken(ctx), u.RefreshProfile(ctx), logOut(ctx, u))
		})
	}
	require.NoError(t, group.Wait())
	close(registered)
	fine := 0
	for err := range registered {
		if err == nil {
			fine++
		} else {
			requireCode(t, err, app.CodeAccountNameInUse, http.StatusConflict)
		}
	}
	require.Equal(t, 1, fine)
}

func logOut(ctx context.Context, u *app.User) error {
	if u.State() != app.LoggedIn || len(u.Identities()) != 1 {
		return errors.New("a client has another's user")
	}
	return u.LogOut(ctx)
}
