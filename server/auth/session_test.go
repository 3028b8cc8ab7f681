package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRefreshAndLogout(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	f.register("a@b.c")
	a, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	b, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)

	fresh, err := f.Refresh(ctx, a.RefreshToken)
	require.NoError(t, err)
	require.NotEqual(t, a.AccessToken, fresh)
	c, err := f.Access(ctx, fresh)
	require.NoError(t, err)
	require.Equal(t, a.UserID, c.UserID)

	_, err = f.Refresh(ctx, a.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession, "an access token refreshes nothing")
	_, err = f.Access(ctx, a.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	require.ErrorIs(t, f.Logout(ctx, a.AccessToken), ErrInvalidSession)

	require.NoError(t, f.Logout(ctx, a.RefreshToken))
	_, err = f.Refresh(ctx, a.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	require.ErrorIs(t, f.Logout(ctx, a.RefreshToken), ErrInvalidSession)
	_, err = f.Access(ctx, a.AccessToken)
	require.NoError(t, err, "access tokens stay good until they expire")
	_, err = f.Refresh(ctx, b.RefreshToken)
	require.NoError(t, err, "the other session of the user is another matter")
}

func TestExpiry(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	l := f.anonymous()
	f.clock.Move(DefaultAccessLife + leeway - time.Second)
	_, err := f.Access(ctx, l.AccessToken)
	require.NoError(t, err, "within the leeway")
	who, err := f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.NoError(t, err)
	require.True(t, who.Expires.After(f.clock.Now()))
	f.clock.Move(2 * time.Second)
	require.True(t, who.Expires.Before(f.clock.Now()))
	_, err = f.Access(ctx, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)

	f.clock.Move(DefaultRefreshLife - DefaultAccessLife - leeway - 2*time.Second)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.NoError(t, err)
	f.clock.Move(2 * time.Second)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	f.anonymous() // sweeps
	var n int
	require.NoError(t, f.db.read.QueryRow("SELECT count(*) FROM sessions").Scan(&n))
	require.Equal(t, 1, n, "expired sessions are swept out")
}

// A login too many ends the user's oldest session, and nobody else's.
func TestSessionsAreBounded(t *testing.T) {
	f := open(t, nil)
	other := f.anonymous()
	f.register("a@b.c")
	logIn := func() Login {
		t.Helper()
		f.clock.Move(time.Second)
		l, err := f.userpass("a@b.c", "password")
		require.NoError(t, err)
		return l
	}
	first, second := logIn(), logIn()
	// More of them, all later ones.
	f.clock.Move(maxSessions * time.Second)
	_, err := f.db.write.Exec(`WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO sessions (id, app_id, user_id, device_id, digest, created, expires, kid)
		SELECT printf('%08x%016x', ? - i, i), app_id, user_id, device_id, digest, created, expires, kid FROM n, (SELECT * FROM sessions WHERE user_id = ? LIMIT 1)`,
		maxSessions-2, f.clock.Now().Unix(), first.UserID)
	require.NoError(t, err)
	good := func(l Login) bool {
		_, err := f.Refresh(t.Context(), l.RefreshToken)
		return err == nil
	}
	require.True(t, good(first))
	third := logIn()
	require.False(t, good(first), "the oldest")
	require.True(t, good(second))
	require.True(t, good(third))
	fourth := logIn()
	require.False(t, good(second))
	require.True(t, good(third))
	require.True(t, good(fourth))
	require.True(t, good(other))
	var n int
	require.NoError(t, f.db.read.QueryRow("SELECT count(*) FROM sessions WHERE user_id = ?", first.UserID).Scan(&n))
	require.Equal(t, maxSessions, n)
	require.Empty(t, f.revoked, "connections of the other sessions go on")

	// When the clock was set back the new session isn't the one that goes.
	f.clock.Move(-2 * maxSessions * time.Second)
	back := logIn()
	require.True(t, good(back))
}

func TestAuthenticate(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	l := f.anonymous()
	who, err := f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.NoError(t, err)
	require.Equal(t, f.app.ID, who.AppID)
	require.Equal(t, l.UserID, who.UserID)

	for _, token := range []string{"", "x", "a.b.c", l.RefreshToken, strings.Repeat("a", 1<<20)} {
		_, err := f.Authenticate(ctx, f.app.ID, token)
		require.ErrorIs(t, err, ErrInvalidSession)
	}
	_, err = f.Authenticate(ctx, "never-seen", "x")
	require.ErrorIs(t, err, ErrInvalidSession, "in development mode no app is unknown")
	_, err = f.Authenticate(ctx, "never-seen", l.AccessToken)
	require.ErrorIs(t, err, ErrForbidden)
	apps, err := f.Apps(ctx)
	require.NoError(t, err)
	require.Len(t, apps, 1, "a handshake creates no app")
	_, err = f.Authenticate(ctx, "../etc", l.AccessToken)
	var unknown *ErrUnknownApp
	require.ErrorAs(t, err, &unknown)

	require.NoError(t, f.Logout(ctx, l.RefreshToken))
	_, err = f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession, "a revoked session: the refresh that follows fails and the client logs out")

	l = f.anonymous()
	require.NoError(t, f.DeleteUser(ctx, f.app, l.UserID))
	_, err = f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.ErrorIs(t, err, ErrForbidden)
}

func TestAuthenticateUnknownApp(t *testing.T) {
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	l := f.anonymous()
	var unknown *ErrUnknownApp
	_, err := f.Authenticate(t.Context(), "NA", l.AccessToken)
	require.ErrorAs(t, err, &unknown)
	require.EqualError(t, err, "cannot find app using Client App ID 'NA'")
	_, err = f.App(t.Context(), "NA")
	require.ErrorAs(t, err, &unknown)
	_, _, err = f.CreateApp(t.Context(), "NA")
	require.NoError(t, err)
	_, err = f.Authenticate(t.Context(), "NA", l.AccessToken)
	require.ErrorIs(t, err, ErrForbidden)
}

func TestDisable(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.NoError(t, f.SetUserDisabled(ctx, f.app, l.UserID, true))
	require.Equal(t, []Revocation{{f.app.ID, l.UserID, UserDisabled}}, f.revoked)
	_, err = f.Access(ctx, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Authenticate(ctx, f.app.ID, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession, "not 403: the user may be enabled again")
	_, err = f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, ErrUserDisabled)
	_, err = f.userpass("a@b.c", "wrong one")
	require.ErrorIs(t, err, ErrInvalidPassword, "only who knows the password learns of it")
	require.NoError(t, f.SetUserDisabled(ctx, f.app, l.UserID, false))
	again, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, l.UserID, again.UserID)
	require.ErrorIs(t, f.SetUserDisabled(ctx, f.app, "nobody", true), ErrUserNotFound)
}

func TestDeleteUser(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	f.register("a@b.c")
	f.register("b@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.NoError(t, f.DeleteUser(ctx, f.app, l.UserID))
	require.NoError(t, f.DeleteUser(ctx, f.app, l.UserID))
	require.Equal(t, []Revocation{{f.app.ID, l.UserID, UserDeleted}}, f.revoked)
	_, err = f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, ErrInvalidPassword)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Access(ctx, l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.userpass("b@b.c", "password")
	require.NoError(t, err)
	f.register("a@b.c") // the name is free again, and the user is another
	again, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.NotEqual(t, l.UserID, again.UserID)
}

func TestRevokeSessions(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	require.NoError(t, f.RevokeSessions(t.Context(), f.app, l.UserID))
	require.Equal(t, []Revocation{{f.app.ID, l.UserID, SessionsRevoked}}, f.revoked)
	_, err := f.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
}

func TestRestart(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	domain := f.app.DomainID
	f.restart()
	require.Equal(t, domain, f.app.DomainID)
	_, err = f.Access(t.Context(), l.AccessToken)
	require.NoError(t, err)
	_, err = f.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err)
	again, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, l.UserID, again.UserID)
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	f := open(t, nil)
	entries, err := os.ReadDir(f.cfg.Dir)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, e.Name())
	}
}

// Neither passwords nor tokens nor keys are on disk as they are.
func TestNothingIsStoredInClear(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.Register(t.Context(), f.app, "a@b.c", "the very password", ""))
	l, err := f.userpass("a@b.c", "the very password")
	require.NoError(t, err)
	k, err := f.CreateKey(t.Context(), f.caller(l), "k")
	require.NoError(t, err)
	entries, err := os.ReadDir(f.cfg.Dir)
	require.NoError(t, err)
	found := 0
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(f.cfg.Dir, e.Name()))
		require.NoError(t, err)
		found += strings.Count(string(body), "a@b.c")
		for _, s := range []string{"the very password", l.AccessToken, l.RefreshToken, k.Key} {
			require.NotContains(t, string(body), s, e.Name())
		}
	}
	require.NotZero(t, found, "this test looks at the right files")
}

func TestForeignAndNewerFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir})
	require.NoError(t, err)
	_, err = s.db.write.Exec("PRAGMA user_version = 1000")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	path := filepath.Join(dir, "auth.db")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Open(t.Context(), Config{Dir: dir})
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, path)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)

	for _, content := range []string{"this is not SQLite, and it is somewhat longer than the header of a SQLite file: one hundred bytes....", "short"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "auth.db"), []byte(content), 0o600))
		_, err = Open(t.Context(), Config{Dir: dir})
		require.ErrorIs(t, err, ErrForeign)
		kept, err := os.ReadFile(filepath.Join(dir, "auth.db"))
		require.NoError(t, err)
		require.Equal(t, content, string(kept))
		require.NoFileExists(t, filepath.Join(dir, "token-keys"))
	}
}
