package app

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func touch(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	for _, suffix := range realmCompanions {
		require.NoError(t, os.WriteFile(path+suffix, []byte("content"+suffix), 0o600))
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range realmCompanions {
		_, err := os.Lstat(path + suffix)
		require.ErrorIs(t, err, os.ErrNotExist, path+suffix)
	}
}

// Checklist 25 of cpp-surface.
func TestRealmPath(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	path, err := u.RealmPath()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "mongodb-realm", testApp, u.ID(), "flx_sync_default.realm"), path)
	require.DirExists(t, filepath.Dir(path))
	again, err := u.RealmPath()
	require.NoError(t, err)
	require.Equal(t, path, again)
	require.Equal(t, []string{path}, u.rec.RealmPaths)

	long := &User{app: a, id: strings.Repeat("x", 300)}
	a.change("x", func(img *image) error { img.obtain(long.id); return nil })
	path, err = long.RealmPath()
	require.NoError(t, err)
	require.Regexp(t, `/test-abcde/[0-9a-f]{64}\.realm$`, path)
	for id, want := range map[string]string{"": "%", ".": "%2E", "..": "%2E%2E", "a/b": "a%2Fb", "server-utility": "%server-utility",
		"recovered-realms": "%recovered-realms", "é": "%C3%A9", "a.b~c_d-e": "a.b~c_d-e", "%server-utility": "%25server-utility"} {
		require.Equal(t, want, userDirName(id))
	}

	require.NoError(t, u.Remove(bg))
	_, err = u.RealmPath()
	require.True(t, IsCode(err, CodeClientUserNotFound))
	require.True(t, IsCode(u.AddRealmPath("x"), CodeClientUserNotFound))
}

// A removed user's realms go at the next launch: when the last App on the directory has been closed.
func TestRemovedUsersFiles(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	creds := f.mustRegister(a, "a@b.c")
	u, keep := f.mustLogIn(a, creds), f.mustLogIn(a, f.mustRegister(a, "b@b.c"))
	path, err := u.RealmPath()
	require.NoError(t, err)
	kept, err := keep.RealmPath()
	require.NoError(t, err)
	elsewhere := filepath.Join(t.TempDir(), "own.realm")
	require.NoError(t, u.AddRealmPath(elsewhere))
	for _, p := range []string{path, kept, elsewhere} {
		touch(t, p)
	}
	f.forget()
	require.NoError(t, u.Remove(bg))
	require.Equal(t, []string{"DELETE /api/client/v2.0/auth/session R"}, f.calls(""))
	require.Equal(t, Removed, u.State())
	require.Equal(t, []*User{keep}, a.Users())
	require.FileExists(t, path)

	second := f.open(dir)
	require.FileExists(t, path, "another App is there, which may have it open")
	a.Close()
	second.Close()
	third := f.open(dir)
	gone(t, path)
	gone(t, elsewhere)
	require.NoDirExists(t, filepath.Dir(path))
	require.FileExists(t, kept)
	require.Len(t, third.Users(), 1)
	data, err := os.ReadFile(userFilePath(dir))
	require.NoError(t, err)
	require.NotContains(t, string(data), u.ID())

	// Who logs in again in time keeps the files.
	v := f.mustLogIn(third, creds)
	path, err = v.RealmPath()
	require.NoError(t, err)
	touch(t, path)
	require.NoError(t, v.Remove(bg))
	w := f.mustLogIn(third, creds)
	require.NotSame(t, v, w)
	require.Equal(t, v.ID(), w.ID())
	require.Equal(t, Removed, v.State())
	third.Close()
	require.Len(t, f.open(dir).Users(), 2)
	require.FileExists(t, path)
}

func TestDeleteUser(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	u := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	path, err := u.RealmPath()
	require.NoError(t, err)
	touch(t, path)
	f.on("DELETE /auth/delete", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	require.Error(t, u.Delete(bg))
	require.Equal(t, LoggedIn, u.State(), "on success only")
	require.FileExists(t, path)
	delete(f.special, "DELETE /auth/delete")

	f.expireAccess()
	f.forget()
	require.NoError(t, u.Delete(bg))
	require.Equal(t, []string{"DELETE /api/client/v2.0/auth/delete A", "POST /api/client/v2.0/auth/session R", "DELETE /api/client/v2.0/auth/delete A"}, f.calls(""))
	require.Equal(t, Removed, u.State())
	gone(t, path)
	require.Empty(t, a.Users())
	require.Empty(t, a.store.last.Users)
	require.True(t, IsCode(u.Delete(bg), CodeClientUserNotFound))
}

func TestDeletionThatFailsIsTriedAgain(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	var busy error = errors.New("busy")
	var deleted []string
	hook := func(c *Config) {
		c.DeleteRealm = func(path string) error {
			deleted = append(deleted, path)
			return busy
		}
	}
	a := f.open(dir, hook)
	u := f.mustLogIn(a, Anonymous())
	path, err := u.RealmPath()
	require.NoError(t, err)
	require.NoError(t, u.Delete(bg), "the user is deleted; the file waits")
	require.Equal(t, []string{path}, deleted)
	require.Empty(t, a.Users())
	a.Close()
	f.open(dir, hook).Close()
	require.Len(t, deleted, 2)
	busy = nil
	f.open(dir, hook).Close()
	require.Len(t, deleted, 3)
	f.open(dir, hook).Close()
	require.Len(t, deleted, 3)
}

func TestFileActions(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"delete", "backup", "now"} {
		touch(t, at(name))
	}
	to, err := a.NewRecoveryPath()
	require.NoError(t, err)
	require.Regexp(t, `/mongodb-realm/test-abcde/recovered-realms/recovered_realm-\d{8}-\d{6}-\w{12}$`, to)
	require.ErrorIs(t, a.AddFileAction(FileAction{DeleteRealm, "relative", ""}), ErrConfig)
	require.ErrorIs(t, a.AddFileAction(FileAction{BackUpThenDeleteRealm, at("backup"), ""}), ErrConfig)
	require.NoError(t, a.AddFileAction(FileAction{DeleteRealm, at("backup"), ""}))
	require.NoError(t, a.AddFileAction(FileAction{BackUpThenDeleteRealm, at("backup"), to}), "in place of the earlier")
	require.NoError(t, a.AddFileAction(FileAction{DeleteRealm, at("delete"), ""}))
	require.NoError(t, a.AddFileAction(FileAction{DeleteRealm, at("never was"), ""}))
	require.NoError(t, a.AddFileAction(FileAction{BackUpThenDeleteRealm, at("now"), to}))

	ran, err := a.RunFileAction(at("now"))
	require.NoError(t, err)
	require.True(t, ran)
	gone(t, at("now"))
	require.FileExists(t, to)
	ran, err = a.RunFileAction(at("now"))
	require.NoError(t, err)
	require.False(t, ran)
	require.FileExists(t, at("delete"))

	a.Close()
	b := f.open(dir)
	gone(t, at("delete"))
	gone(t, at("backup"))
	for _, suffix := range realmCompanions {
		data, err := os.ReadFile(to + "-2" + suffix)
		require.NoError(t, err, "a backup that exists is not overwritten")
		require.Equal(t, "content"+suffix, string(data))
	}
	require.Empty(t, b.store.last.Actions)
}
