package auth

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Sessions end one by one, by user, or all of an app's (issue 5, point 1).
func TestRevokeSessionsApart(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	var logins []Login
	for range 3 {
		l, err := f.userpass("a@b.c", "password")
		require.NoError(t, err)
		logins = append(logins, l)
	}
	user := logins[0].UserID
	other := f.anonymous()
	foreign, _, err := f.CreateApp(t.Context(), "other-abcde")
	require.NoError(t, err)
	elsewhere, err := f.Login(t.Context(), foreign, Credentials{Provider: ProviderAnonymous})
	require.NoError(t, err)
	session := func(l Login) string {
		t.Helper()
		b, err := f.Session(t.Context(), l.RefreshToken)
		require.NoError(t, err)
		return b.SessionID
	}

	list, err := f.Sessions(t.Context(), f.app, user, "", 10)
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, i := range list {
		require.Equal(t, user, i.UserID)
		require.Equal(t, f.clock.Now(), i.Created)
		require.True(t, i.Expires.After(i.Created))
		require.NotEmpty(t, i.DeviceID)
	}
	all, err := f.Sessions(t.Context(), f.app, "", "", 10)
	require.NoError(t, err)
	require.Len(t, all, 4)
	page, err := f.Sessions(t.Context(), f.app, "", all[1].ID, 1)
	require.NoError(t, err)
	require.Equal(t, all[2:3], page)

	// One: its access token stays good, its refresh token doesn't, the user's connections are closed, and the user's other sessions go on.
	id := session(logins[0])
	require.ErrorIs(t, f.RevokeSession(t.Context(), f.app, other.UserID, id), ErrSessionNotFound, "it is another user's")
	require.ErrorIs(t, f.RevokeSession(t.Context(), foreign, "", id), ErrSessionNotFound, "it is another app's")
	require.Empty(t, f.revoked)
	require.NoError(t, f.RevokeSession(t.Context(), f.app, user, id))
	require.Equal(t, []Revocation{{f.app.ID, user, SessionsRevoked}}, f.revoked)
	require.False(t, f.good(logins[0]))
	require.True(t, f.good(logins[1]))
	f.caller(logins[0])
	require.ErrorIs(t, f.RevokeSession(t.Context(), f.app, user, id), ErrSessionNotFound)

	// All of a user, all of an app.
	require.NoError(t, f.RevokeSessions(t.Context(), f.app, user))
	require.False(t, f.good(logins[1]))
	require.True(t, f.good(other))
	f.revoked = nil
	n, err := f.RevokeApp(t.Context(), f.app)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, []Revocation{{f.app.ID, "", SessionsRevoked}}, f.revoked)
	require.False(t, f.good(other))
	require.True(t, f.good(elsewhere))
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err, "whoever has the credentials may come back")
}

// good tells whether a login's refresh token is still good for anything.
func (f *fixture) good(l Login) bool {
	f.t.Helper()
	_, err := f.Refresh(f.t.Context(), l.RefreshToken)
	if err != nil {
		require.ErrorIs(f.t, err, ErrInvalidSession)
	}
	return err == nil
}

// The sessions that an API key has opened end when it is disabled or deleted, and no others; enabling it brings none back.
func TestKeysEndTheirSessions(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.SetProviderDisabled(t.Context(), f.app, ProviderAPIKey, false))
	f.register("a@b.c")
	owner, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	c := f.caller(owner)
	byKey := func(k APIKey) Login {
		t.Helper()
		l, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderAPIKey, Key: k.Key})
		require.NoError(t, err)
		return l
	}
	first, err := f.CreateKey(t.Context(), c, "first")
	require.NoError(t, err)
	second, err := f.CreateKey(t.Context(), c, "second")
	require.NoError(t, err)
	one, two := byKey(first), byKey(second)

	require.NoError(t, f.SetKeyDisabled(t.Context(), c, first.ID, true))
	require.False(t, f.good(one))
	require.True(t, f.good(two))
	require.True(t, f.good(owner))
	require.Equal(t, []Revocation{{f.app.ID, owner.UserID, SessionsRevoked}}, f.revoked, "its connections are closed")
	require.NoError(t, f.SetKeyDisabled(t.Context(), c, first.ID, false))
	require.False(t, f.good(one))
	require.Len(t, f.revoked, 1)

	require.NoError(t, f.DeleteKey(t.Context(), c, second.ID))
	require.False(t, f.good(two))
	require.Len(t, f.revoked, 2)
	require.NoError(t, f.DeleteKey(t.Context(), c, first.ID))
	require.Len(t, f.revoked, 2, "it had no session: nobody's connection is closed")
	require.True(t, f.good(owner))

	// The session that asks goes on, whichever key it is of.
	third, err := f.CreateKey(t.Context(), c, "third")
	require.NoError(t, err)
	asks, other := byKey(third), byKey(third)
	require.NoError(t, f.DeleteKey(t.Context(), f.caller(asks), third.ID))
	require.True(t, f.good(asks))
	require.False(t, f.good(other))
	f.revoked = f.revoked[:2]

	// Server keys.
	backend, err := f.CreateServerKey(t.Context(), f.app, "backend")
	require.NoError(t, err)
	three := byKey(backend)
	require.NoError(t, f.SetServerKeyDisabled(t.Context(), f.app, backend.ID, true))
	require.False(t, f.good(three))
	require.Equal(t, Revocation{f.app.ID, three.UserID, SessionsRevoked}, f.revoked[2])
}

// A key that is disabled while somebody logs in with it opens no session.
func TestKeyDisabledDuringLogin(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.SetProviderDisabled(t.Context(), f.app, ProviderAPIKey, false))
	k, err := f.CreateServerKey(t.Context(), f.app, "backend")
	require.NoError(t, err)
	f.SetCustomData(lookup(func() { // it is looked for between the check of the key and the session
		require.NoError(t, f.SetServerKeyDisabled(t.Context(), f.app, k.ID, true))
	}))
	_, err = f.Login(t.Context(), f.app, Credentials{Provider: ProviderAPIKey, Key: k.Key})
	require.ErrorIs(t, err, errInvalidKey)
	list, err := f.Sessions(t.Context(), f.app, "", "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

type lookup func()

func (l lookup) Lookup(context.Context, string, string) (bson.D, error) {
	l()
	return nil, nil
}

// Sessions of a version that did not write down which key they are of: those of server keys are known.
func TestSessionsOfKeysFromEarlierVersions(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.SetProviderDisabled(t.Context(), f.app, ProviderAPIKey, false))
	k, err := f.CreateServerKey(t.Context(), f.app, "backend")
	require.NoError(t, err)
	l, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderAPIKey, Key: k.Key})
	require.NoError(t, err)
	other := f.anonymous()
	_, err = f.db.write.Exec("DROP TABLE deletions; ALTER TABLE sessions DROP COLUMN api_key; PRAGMA user_version = 7")
	require.NoError(t, err)
	f.restart()
	require.NoError(t, f.SetServerKeyDisabled(t.Context(), f.app, k.ID, true))
	_, err = f.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Refresh(t.Context(), other.RefreshToken)
	require.NoError(t, err)
}

// What one process revokes, another one with the same directory is told once, in order; what was revoked before it was opened it isn't.
func TestTellRevoked(t *testing.T) {
	f := open(t, nil)
	first, second := f.anonymous(), f.anonymous()
	require.NoError(t, f.RevokeSessions(t.Context(), f.app, first.UserID))
	var told []Revocation
	cfg := f.cfg
	cfg.OnRevoke = func(r Revocation) { told = append(told, r) }
	server, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	tell := func(want ...Revocation) {
		t.Helper()
		told = nil
		require.NoError(t, server.TellRevoked(t.Context()))
		require.Equal(t, want, told)
	}
	tell()
	require.NoError(t, f.SetUserDisabled(t.Context(), f.app, first.UserID, true))
	require.NoError(t, f.SetUserDisabled(t.Context(), f.app, first.UserID, false))
	require.NoError(t, f.DeleteUser(t.Context(), f.app, second.UserID))
	require.NoError(t, f.DeleteUser(t.Context(), f.app, second.UserID), "it is gone already")
	_, err = f.RevokeApp(t.Context(), f.app)
	require.NoError(t, err)
	tell(Revocation{f.app.ID, first.UserID, UserDisabled}, Revocation{f.app.ID, second.UserID, UserDeleted}, Revocation{f.app.ID, "", SessionsRevoked})
	tell()

	// What waits is bounded, and the newest is always there.
	_, err = f.db.write.Exec("UPDATE revocations SET seq = seq + 20000 WHERE seq > 2")
	require.NoError(t, err)
	require.NoError(t, f.RevokeSessions(t.Context(), f.app, first.UserID))
	var n int
	require.NoError(t, f.db.read.QueryRow("SELECT count(*) FROM revocations").Scan(&n))
	require.Equal(t, 3, n, "the first two are too old")
}

// The keys that sign change by themselves; old ones are taken as long as there is a token that they have signed, and no longer.
func TestMaintainKeys(t *testing.T) {
	const day = 24 * time.Hour
	f := open(t, func(c *Config) { c.KeyLife, c.RefreshLife = 30*day, 60*day })
	ids := func() (out []string) {
		for _, k := range f.PublicKeys() {
			out = append(out, k.ID)
		}
		return out
	}
	maintain := func() {
		t.Helper()
		require.NoError(t, f.MaintainKeys(t.Context()))
	}
	maintain()
	first := ids()
	require.Len(t, first, 1)
	l := f.anonymous()
	f.clock.Move(30*day - time.Second)
	maintain()
	require.Equal(t, first, ids(), "it is not due")
	f.clock.Move(time.Second)
	maintain()
	require.Len(t, ids(), 2)
	require.Equal(t, first[0], ids()[1])
	require.NotEqual(t, keyOf(l.RefreshToken), keyOf(f.anonymous().RefreshToken))
	maintain()
	require.Len(t, ids(), 2)

	// A stock client never changes its refresh token (app-services 5.3): it goes on until its session ends.
	f.clock.Move(29 * day)
	maintain()
	require.Len(t, ids(), 2)
	access, err := f.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err)
	require.Equal(t, ids()[0], keyOf(access), "what is new is signed with the new key")
	f.clock.Move(day)
	maintain()
	_, err = f.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	require.NotContains(t, ids(), first[0], "its last session has ended")
	require.Len(t, ids(), 2)

	// One that was rotated by hand, on which no session depends, stays until nobody can have an access token of it.
	require.NoError(t, rotateAt(f))
	require.NoError(t, rotateAt(f))
	maintain()
	require.Len(t, ids(), 4)
	f.clock.Move(2 * day)
	maintain()
	require.Len(t, ids(), 2, "the newest, and that of the session that is open")
	f.restart()
	require.Len(t, ids(), 2)

	// Files and sessions of earlier versions: no time, no kid. A key without a time is due; nothing is dropped while such sessions are open.
	f.anonymous()
	_, err = f.db.write.ExecContext(t.Context(), "UPDATE sessions SET kid = ''")
	require.NoError(t, err)
	path := filepath.Join(f.cfg.Dir, keyFile)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	old := ""
	for line := range strings.Lines(string(text)) {
		old += strings.Join(strings.Fields(line)[:2], " ") + "\n"
	}
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	maintain()
	require.Len(t, ids(), 3)
	f.clock.Move(61 * day)
	maintain()
	f.clock.Move(2 * day)
	maintain()
	require.Len(t, ids(), 1)
	require.NoError(t, os.WriteFile(path, []byte(strings.TrimSpace(old)+" soon\n"), 0o600))
	require.ErrorContains(t, f.MaintainKeys(t.Context()), "perhaps a time")
	require.Len(t, ids(), 1, "those in use stay")
}

// rotateAt is RotateKeys by the clock of the test.
func rotateAt(f *fixture) error {
	if _, err := rotate(f.keyPath(), f.clock.Now(), func(*keyring) bool { return true }); err != nil {
		return err
	}
	return f.ReloadKeys()
}

// A rotation on the command line while the server looks after its keys: neither undoes what the other one did.
func TestKeysAreChangedByOneAtATime(t *testing.T) {
	f := open(t, nil)
	day := func(n int) time.Time { return f.clock.Now().Add(time.Duration(n) * 24 * time.Hour) }
	for range 50 {
		var lines []keyLine
		for _, made := range []time.Time{day(-10), day(-20)} { // of the second, no token is left
			k, err := parseKeyring("", []byte(newKeyLine(made)))
			require.NoError(t, err)
			lines = append(lines, k.lines...)
		}
		require.NoError(t, writeKeys(f.keyPath(), lines))
		errs := make(chan error)
		for range 3 {
			go func() { errs <- RotateKeys(f.cfg.Dir) }()
		}
		go func() { errs <- f.MaintainKeys(t.Context()) }()
		for range 4 {
			require.NoError(t, <-errs)
		}
		k, err := openKeyring(f.keyPath(), f.clock.Now())
		require.NoError(t, err)
		require.Len(t, k.lines, 4, "three new ones")
		require.Equal(t, lines[0].id, k.lines[3].id, "and that which no token needs is gone")
	}
}
