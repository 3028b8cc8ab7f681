package auth

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupIsOne(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *Config) { c.Group = "0123456789abcdef01234567" })
	require.Equal(t, "0123456789abcdef01234567", f.app.GroupID)
	other, _, err := f.CreateApp(t.Context(), "other")
	require.NoError(t, err)
	require.Equal(t, f.app.GroupID, other.GroupID)
	group, err := f.Group(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.app.GroupID, group)
}

func TestDeleteApp(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	l := f.anonymous()
	found, err := f.AppByInternalID(t.Context(), f.app.InternalID)
	require.NoError(t, err)
	require.Same(t, f.app, found)
	require.NoError(t, f.DeleteApp(t.Context(), f.app))
	found, err = f.AppByInternalID(t.Context(), f.app.InternalID)
	require.NoError(t, err)
	require.Nil(t, found)
	var unknown *ErrUnknownApp
	_, err = f.App(t.Context(), f.app.ID)
	require.ErrorAs(t, err, &unknown)
	_, err = f.Access(t.Context(), l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
}

func TestUsersAreListed(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.register("a@b.c")
	first, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	f.clock.Move(time.Second)
	second := f.anonymous()
	require.NoError(t, f.SetUserDisabled(t.Context(), f.app, second.UserID, true))
	users, err := f.Users(t.Context(), f.app, "", 10)
	require.NoError(t, err)
	require.Len(t, users, 2)
	require.Equal(t, first.UserID, users[0].UserID)
	require.Equal(t, "local-userpass", users[0].Identities[0].ProviderType)
	require.False(t, users[0].Disabled)
	require.True(t, users[1].Disabled)
	require.Equal(t, int64(1_700_000_001), users[1].Created.Unix())
	users, err = f.Users(t.Context(), f.app, first.UserID, 10)
	require.NoError(t, err)
	require.Len(t, users, 1)
	one, err := f.User(t.Context(), f.app, second.UserID)
	require.NoError(t, err)
	require.Equal(t, users[0], one)
	_, err = f.User(t.Context(), f.app, "0123456789abcdef01234567")
	require.ErrorIs(t, err, ErrUserNotFound)
}

func TestInspect(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	l := f.anonymous()
	info, expired, err := f.Inspect(t.Context(), f.app, l.AccessToken)
	require.NoError(t, err)
	require.False(t, expired)
	require.Equal(t, l.UserID, info.UserID)
	require.Equal(t, int64(1_700_000_000), info.Issued.Unix())
	require.Equal(t, int64(1_700_001_800), info.Expires.Unix())
	other, _, err := f.CreateApp(t.Context(), "other")
	require.NoError(t, err)
	for _, token := range []string{"", "x", l.RefreshToken, l.AccessToken + "x"} {
		_, _, err := f.Inspect(t.Context(), f.app, token)
		require.ErrorIs(t, err, ErrInvalidSession)
	}
	_, _, err = f.Inspect(t.Context(), other, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	f.clock.Move(time.Hour)
	_, expired, err = f.Inspect(t.Context(), f.app, l.AccessToken)
	require.NoError(t, err)
	require.True(t, expired)
}

// The suites of the original log in to an app that must not exist (app-services 2.4).
func TestKnownApps(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *Config) { c.KnownApps = true })
	_, err := f.App(t.Context(), "NA")
	require.EqualError(t, err, "cannot find app using Client App ID 'NA'")
	_, err = f.Authenticate(t.Context(), "NA", "token")
	require.EqualError(t, err, "cannot find app using Client App ID 'NA'")
	_, err = f.App(t.Context(), f.app.ID)
	require.NoError(t, err)
}

// An app that was deleted keeps its id until the deletion is finished; the next of the id is another one, which a late deletion of the first leaves alone.
func TestDeletionIsPending(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	old := f.app
	require.NoError(t, f.CanCreate(t.Context(), old.ID))
	require.NoError(t, f.DeleteApp(t.Context(), old))
	pending, err := f.Deletions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{old.ID}, pending)
	var refused *Error
	require.ErrorAs(t, f.CanCreate(t.Context(), old.ID), &refused)
	require.Equal(t, 503, refused.Status)
	_, _, err = f.CreateApp(t.Context(), old.ID)
	require.ErrorAs(t, err, &refused)
	_, err = f.App(t.Context(), old.ID)
	require.ErrorAs(t, err, &refused, "not in development mode either")

	require.NoError(t, f.FinishDeletion(t.Context(), old.ID))
	next, created, err := f.CreateApp(t.Context(), old.ID)
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, old.InternalID, next.InternalID)
	require.NoError(t, f.DeleteApp(t.Context(), old))
	found, err := f.ExistingApp(t.Context(), old.ID)
	require.NoError(t, err)
	require.Same(t, next, found)
	pending, err = f.Deletions(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)
}

// What was read of an app before it was deleted is not remembered after that.
func TestDeletedAppIsForgotten(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	read, before := *f.app, f.deleted
	require.NoError(t, f.DeleteApp(t.Context(), f.app))
	require.Nil(t, f.remember(&read, before))
	_, err := f.ExistingApp(t.Context(), read.ID)
	require.Error(t, err)
}
