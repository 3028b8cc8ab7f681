package auth

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnonymousLoginsAreNewUsers(t *testing.T) {
	f := open(t, nil)
	a, b := f.anonymous(), f.anonymous()
	require.NotEqual(t, a.UserID, b.UserID)
	for _, id := range []string{a.UserID, a.DeviceID, b.UserID, b.DeviceID} {
		require.True(t, isObjectID(id), id)
	}
	p, err := f.Profile(t.Context(), f.caller(a))
	require.NoError(t, err)
	require.Equal(t, a.UserID, p.UserID)
	require.Len(t, p.Identities, 1)
	require.Equal(t, ProviderAnonymous, p.Identities[0].ProviderType)
	require.Empty(t, p.Data)
	require.NotNil(t, p.Data, "it must be an object on the wire")
}

func TestDeviceIDIsKept(t *testing.T) {
	f := open(t, nil)
	for given, kept := range map[string]bool{
		"636aba021728b6c1c03db83f": true, "000000000000000000000000": false, "x": false, "": false, "636aba021728b6c1c03db83f00": false,
	} {
		l, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderAnonymous, DeviceID: given})
		require.NoError(t, err)
		require.Equal(t, kept, l.DeviceID == given, given)
		require.True(t, isObjectID(l.DeviceID))
	}
}

func TestEmailLogin(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	require.ErrorIs(t, f.Register(t.Context(), f.app, "a@b.c", "another", ""), ErrNameInUse)

	first, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	again, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, first.UserID, again.UserID)
	require.NotEqual(t, first.RefreshToken, again.RefreshToken)

	for _, wrong := range [][2]string{{"a@b.c", "Password"}, {"x@b.c", "password"}, {"", ""}, {"a@b.c", ""}, {"a@b.c", strings.Repeat("p", 1000)}} {
		_, err := f.userpass(wrong[0], wrong[1])
		require.ErrorIs(t, err, ErrInvalidPassword, wrong)
	}
	p, err := f.Profile(t.Context(), f.caller(first))
	require.NoError(t, err)
	require.Equal(t, Details{"email": json.RawMessage(`"a@b.c"`)}, p.Data)

	// The same e-mail in another app is another account.
	other, err := f.App(t.Context(), "other")
	require.NoError(t, err)
	_, err = f.Login(t.Context(), other, Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: "password"})
	require.ErrorIs(t, err, ErrInvalidPassword)
}

func TestRegisterRefuses(t *testing.T) {
	f := open(t, nil)
	for _, bad := range [][2]string{
		{"", "password"}, {"a@b.c", "short"}, {"a@b.c", strings.Repeat("p", 129)}, {strings.Repeat("e", 129), "password"}, {"a\n@b.c", "password"},
	} {
		err := f.Register(t.Context(), f.app, bad[0], bad[1], "")
		require.ErrorIs(t, err, errBadRequest(""), bad)
	}
	require.NoError(t, f.Register(t.Context(), f.app, strings.Repeat("é", 128), strings.Repeat("ü", 128), ""), "the limits count characters")
}

func TestLinking(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	a := f.anonymous()
	f.register("a@b.c")
	mail := Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: "password"}

	fresh, err := f.Link(ctx, f.app, a.AccessToken, mail)
	require.NoError(t, err)
	c, err := f.Access(ctx, fresh)
	require.NoError(t, err)
	require.Equal(t, a.UserID, c.UserID)
	p, err := f.Profile(ctx, c)
	require.NoError(t, err)
	require.Len(t, p.Identities, 2)
	require.Equal(t, ProviderAnonymous, p.Identities[0].ProviderType)
	require.Equal(t, ProviderUserpass, p.Identities[1].ProviderType)
	require.JSONEq(t, `"a@b.c"`, string(p.Data["email"]))

	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, a.UserID, l.UserID, "the new credentials are for the old user")
	_, err = f.Link(ctx, f.app, a.AccessToken, mail)
	require.NoError(t, err, "linking what is linked changes nothing")

	b := f.anonymous()
	_, err = f.Link(ctx, f.app, b.AccessToken, mail)
	require.ErrorIs(t, err, ErrIdentityTaken)
	_, err = f.Link(ctx, f.app, b.AccessToken, Credentials{Provider: ProviderAnonymous})
	require.ErrorIs(t, err, errBadRequest(""))
	_, err = f.Link(ctx, f.app, b.RefreshToken, mail)
	require.ErrorIs(t, err, ErrInvalidSession)
	other, err := f.App(ctx, "other")
	require.NoError(t, err)
	_, err = f.Link(ctx, other, b.AccessToken, mail)
	require.ErrorIs(t, err, ErrForbidden)
	require.NoError(t, f.Logout(ctx, b.RefreshToken))
	_, err = f.Link(ctx, f.app, b.AccessToken, mail)
	require.ErrorIs(t, err, ErrInvalidSession, "a revoked session is not prolonged")
}

func TestProvidersThatAreOff(t *testing.T) {
	f := open(t, func(c *Config) { c.CustomJWTSecret = nil })
	for _, kind := range []string{ProviderAPIKey, ProviderCustom, "oauth2-google", "custom-function", ""} {
		_, err := f.Login(t.Context(), f.app, Credentials{Provider: kind, Key: "k", Token: "t"})
		require.ErrorIs(t, err, errProvider(kind), kind)
	}
	require.NoError(t, f.SetProviderDisabled(t.Context(), f.app, ProviderUserpass, true))
	require.ErrorIs(t, f.Register(t.Context(), f.app, "a@b.c", "password", ""), errProvider(""))
	_, err := f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, errProvider(""))
	require.NoError(t, f.SetProviderDisabled(t.Context(), f.app, ProviderUserpass, false))
	f.register("a@b.c")
}

func TestAPIKeys(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	_, err := f.CreateKey(ctx, f.caller(f.anonymous()), "k")
	require.ErrorIs(t, err, errBadRequest(""), "anonymous users have none")
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	c := f.caller(l)
	k, err := f.CreateKey(ctx, c, "k")
	require.NoError(t, err)
	_, err = f.CreateKey(ctx, c, "k")
	require.Error(t, err)

	list, err := f.Keys(ctx, c)
	require.NoError(t, err)
	require.Equal(t, []APIKey{{ID: k.ID, Name: "k"}}, list, "the key itself is shown once")
	for _, name := range []string{"z", "a", "y", "b"} { // in one second
		f.clock.Move(time.Millisecond)
		_, err := f.CreateKey(ctx, c, name)
		require.NoError(t, err)
	}
	list, err = f.Keys(ctx, c)
	require.NoError(t, err)
	names := make([]string, len(list))
	for i, k := range list {
		names[i] = k.Name
	}
	require.Equal(t, []string{"k", "z", "a", "y", "b"}, names, "oldest first")
	for _, k := range list[1:] {
		require.NoError(t, f.DeleteKey(ctx, c, k.ID))
	}
	login := func() (Login, error) {
		return f.Login(ctx, f.app, Credentials{Provider: ProviderAPIKey, Key: k.Key})
	}
	_, err = login()
	require.ErrorIs(t, err, errProvider(""), "a new app's provider is off")
	require.NoError(t, f.SetProviderDisabled(ctx, f.app, ProviderAPIKey, false))
	got, err := login()
	require.NoError(t, err)
	require.Equal(t, l.UserID, got.UserID)

	require.NoError(t, f.SetKeyDisabled(ctx, c, k.ID, true))
	_, err = login()
	require.Error(t, err)
	require.NoError(t, f.SetKeyDisabled(ctx, c, k.ID, false))
	_, err = login()
	require.NoError(t, err)

	f.register("x@b.c")
	m, err := f.userpass("x@b.c", "password")
	require.NoError(t, err)
	_, err = f.Key(ctx, f.caller(m), k.ID)
	require.ErrorIs(t, err, ErrKeyNotFound)
	require.ErrorIs(t, f.DeleteKey(ctx, f.caller(m), k.ID), ErrKeyNotFound)
	require.NoError(t, f.DeleteKey(ctx, c, k.ID))
	_, err = login()
	require.Error(t, err)

	for i := range maxKeysPerUser {
		_, err := f.CreateKey(ctx, c, strings.Repeat("n", i+1))
		require.NoError(t, err)
	}
	_, err = f.CreateKey(ctx, c, "one more")
	require.ErrorIs(t, err, errBadRequest(""))
}
