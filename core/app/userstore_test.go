package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Checklist 39.
func TestUsersSurviveARestart(t *testing.T) {
	f := newFake(t)
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	a := f.open(dir)
	creds := f.mustRegister(a, "a@b.c")
	one := f.mustLogIn(a, creds)
	f.custom[one.ID()] = `{"html":"<&>"}`
	require.NoError(t, one.RefreshCustomData(bg))
	two := f.mustLogIn(a, NewAnonymous())
	gone := f.mustLogIn(a, f.mustRegister(a, "x@b.c"))
	require.NoError(t, gone.LogOut(bg))
	require.NoError(t, a.SwitchUser(one))
	a.Close()

	f.forget()
	b := f.open(dir)
	require.Len(t, b.Users(), 3)
	again := b.CurrentUser()
	require.Equal(t, one.ID(), again.ID())
	require.Equal(t, one.AccessToken(), again.AccessToken())
	require.Equal(t, one.RefreshToken(), again.RefreshToken())
	require.Equal(t, one.Identities(), again.Identities())
	require.Equal(t, one.Profile(), again.Profile())
	require.Equal(t, one.DeviceID(), again.DeviceID())
	require.Equal(t, `{"html":"<&>"}`, string(again.CustomData()))
	require.Equal(t, two.ID(), b.Users()[1].ID())
	require.True(t, b.Users()[1].IsAnonymous())
	require.Equal(t, LoggedOut, b.Users()[2].State())
	require.Empty(t, b.Users()[2].RefreshToken())
	require.Empty(t, f.calls(""), "starting contacts nobody")
	require.NoError(t, again.RefreshProfile(bg))

	info, err := os.Stat(userFilePath(dir))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	for p := filepath.Dir(userFilePath(dir)); p != filepath.Dir(filepath.Dir(dir)); p = filepath.Dir(p) {
		info, err := os.Stat(p)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), p)
	}
	left, err := filepath.Glob(userFilePath(dir) + "?*")
	require.NoError(t, err)
	require.Empty(t, left, "no temporary file stays")
}

func TestStoredTokensThatDoNotParse(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	good := jwt(`{"exp":1,"iat":1}`, "x")
	write(t, dir, `{"format":"realmsync users","version":1,"current":"bad","users":[
		{"id":"bad","state":1,"access_token":"x.y.z","refresh_token":"`+good+`"},
		{"id":"half","state":1,"access_token":"`+good+`"},
		{"id":"fine","state":1,"access_token":"`+good+`","refresh_token":"`+good+`"}]}`)
	a := f.open(dir)
	require.Len(t, a.Users(), 3)
	require.Equal(t, LoggedOut, a.Users()[0].State())
	require.Equal(t, LoggedOut, a.Users()[1].State())
	require.Equal(t, "fine", a.CurrentUser().ID())
	require.True(t, IsCode(a.SwitchUser(a.Users()[0]), CodeClientUserNotLoggedIn))
}

func write(t *testing.T, dir, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(userFilePath(dir)), 0o700))
	require.NoError(t, os.WriteFile(userFilePath(dir), []byte(content), 0o644))
}

// A file that isn't ours, or is damaged, is an error and stays as it is.
func TestForeignUserFiles(t *testing.T) {
	const head = `{"format":"realmsync users","version":1,`
	for name, content := range map[string]string{
		"empty":         "",
		"not JSON":      "SQLite format 3\x00",
		"another JSON":  `{"users":[]}`,
		"newer":         `{"format":"realmsync users","version":2,"users":17}`,
		"cut":           head + `"users":[{"id":"a"`,
		"wrong type":    head + `"users":{}}`,
		"no id":         head + `"users":[{"state":1}]}`,
		"twice":         head + `"users":[{"id":"a"},{"id":"a"}]}`,
		"unknown state": head + `"users":[{"id":"a","state":3}]}`,
		"garbage after": head + `"users":[]}x`,
	} {
		for _, key := range [][]byte{nil, bytes.Repeat([]byte("k"), 64)} {
			dir := t.TempDir()
			write(t, dir, content)
			_, err := New(Config{AppID: testApp, Dir: dir, MetadataKey: key})
			require.ErrorIs(t, err, ErrCorruptFile, name)
			var file *FileError
			require.ErrorAs(t, err, &file)
			require.Equal(t, userFilePath(dir), file.Path)
			require.Contains(t, err.Error(), "move it away")
			now, err := os.ReadFile(userFilePath(dir))
			require.NoError(t, err)
			require.Equal(t, content, string(now), name)
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(userFilePath(dir), 0o700))
	_, err := New(Config{AppID: testApp, Dir: dir})
	require.ErrorIs(t, err, ErrCorruptFile, "a directory")

	dir = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	_, err = New(Config{AppID: testApp, Dir: dir})
	var file *FileError
	require.ErrorAs(t, err, &file)
	require.Contains(t, file.Path, dir)
}

// The file breaking while an App runs costs nothing that isn't saved again once it is readable.
func TestUserFileBreaksMeanwhile(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a := f.open(dir)
	stay, leave := f.mustLogIn(a, NewAnonymous()), f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	good, err := os.ReadFile(userFilePath(dir))
	require.NoError(t, err)
	write(t, dir, "garbage")
	require.Same(t, leave, a.CurrentUser())
	require.NoError(t, stay.RefreshAccessToken(bg), "a token that isn't saved is in force")
	err = leave.LogOut(bg)
	require.ErrorIs(t, err, ErrCorruptFile)
	require.Equal(t, LoggedOut, leave.State())
	require.Same(t, stay, a.CurrentUser())
	fresh, err := a.LogIn(bg, NewAnonymous())
	require.ErrorIs(t, err, ErrCorruptFile, "says that the user won't be there after a restart")
	require.Equal(t, LoggedIn, fresh.State())
	require.Equal(t, []*User{stay, leave, fresh}, a.Users())
	now, err := os.ReadFile(userFilePath(dir))
	require.NoError(t, err)
	require.Equal(t, "garbage", string(now), "not overwritten")

	write(t, dir, string(good))
	token := stay.AccessToken()
	require.Equal(t, LoggedOut, leave.State())
	require.Len(t, a.Users(), 3, "reading the old contents takes nothing back")
	require.Equal(t, LoggedOut, leave.State())
	require.Equal(t, token, stay.AccessToken())
	require.NoError(t, a.SwitchUser(stay))
	a.Close()
	b := f.open(dir)
	require.Equal(t, LoggedOut, b.Users()[1].State())
	require.Equal(t, token, b.CurrentUser().AccessToken())
	require.Equal(t, fresh.ID(), b.Users()[2].ID())
	require.Equal(t, LoggedIn, b.Users()[2].State())
}

// The metadata key: a wrong one gives an empty store, as the original's.
func TestEncryptedUserFile(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	key := func(b byte) func(*Config) {
		return func(c *Config) { c.MetadataKey = bytes.Repeat([]byte{b}, MetadataKeySize) }
	}
	a := f.open(dir, key(1))
	u := f.mustLogIn(a, Anonymous())
	data, err := os.ReadFile(userFilePath(dir))
	require.NoError(t, err)
	require.NotContains(t, string(data), u.ID())
	require.NotContains(t, string(data), u.RefreshToken())
	a.Close()
	require.Equal(t, u.AccessToken(), f.open(dir, key(1)).CurrentUser().AccessToken())

	// Damage is not a wrong key.
	for _, i := range []int{len(sealMagic) + 20, len(data) - 1, len(data)} {
		damaged := bytes.Clone(data)
		if i < len(data) {
			damaged[i] ^= 1
		} else {
			damaged = damaged[:len(sealMagic)+16]
		}
		write(t, dir, string(damaged))
		_, err := New(Config{AppID: testApp, Dir: dir, MetadataKey: bytes.Repeat([]byte{1}, 64)})
		require.ErrorIs(t, err, ErrCorruptFile)
	}
	write(t, dir, string(data))
	require.Nil(t, f.open(dir).CurrentUser(), "no key")
	b := f.open(dir, key(2))
	require.Nil(t, b.CurrentUser(), "another key")
	now, _ := os.ReadFile(userFilePath(dir))
	require.Equal(t, data, now, "nothing is discarded before something is written")
	f.mustLogIn(b, Anonymous())
	require.Nil(t, f.open(dir, key(1)).CurrentUser())

	t.Setenv("REALM_DISABLE_METADATA_ENCRYPTION", "")
	c := f.open(t.TempDir(), key(1))
	f.mustLogIn(c, Anonymous())
	plain, err := os.ReadFile(userFilePath(c.cfg.Dir))
	require.NoError(t, err)
	require.Contains(t, string(plain), c.CurrentUser().ID())
}

// Several Apps on one directory see each other's users and don't undo each other's work.
func TestAppsOnOneDirectory(t *testing.T) {
	f := newFake(t)
	dir := t.TempDir()
	a, b := f.open(dir), f.open(dir)
	ua := f.mustLogIn(a, f.mustRegister(a, "a@b.c"))
	ub := b.CurrentUser()
	require.Equal(t, ua.ID(), ub.ID())
	require.Equal(t, ua.AccessToken(), ub.AccessToken())
	seen := watch(ub)

	require.NoError(t, ua.RefreshAccessToken(bg))
	require.Same(t, ub, b.CurrentUser())
	require.Equal(t, []UserEvent{UserTokenUpdated}, seen.take())
	require.Equal(t, ua.AccessToken(), ub.AccessToken())

	// A new login in one is what the other refreshes with.
	f.mustLogIn(a, EmailPassword("a@b.c", "secret1"))
	require.NoError(t, ub.RefreshAccessToken(bg))
	b.Users()
	a.Users()
	require.Equal(t, ua.AccessToken(), ub.AccessToken())
	seen.take()

	require.NoError(t, ua.LogOut(bg))
	require.True(t, IsCode(ub.RefreshAccessToken(bg), CodeClientUserNotLoggedIn), "its token is gone")
	require.Equal(t, []UserEvent{UserLoggedOut}, seen.take())
	require.NoError(t, ua.Remove(bg))
	require.Empty(t, b.Users())
	require.Equal(t, Removed, ub.State())
	require.Equal(t, []UserEvent{UserRemoved}, seen.take())

	// All at once: nothing is lost.
	apps := []*App{a, b, f.open(dir), f.open(dir)}
	var wg sync.WaitGroup
	for _, x := range apps {
		for range 5 {
			wg.Go(func() {
				u, err := x.LogIn(bg, NewAnonymous())
				if err == nil {
					err = u.RefreshAccessToken(bg)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for _, x := range apps {
		require.Len(t, x.Users(), 20)
		for i, u := range x.Users() {
			require.Equal(t, a.Users()[i].ID(), u.ID())
			require.Equal(t, a.Users()[i].AccessToken(), u.AccessToken())
			require.Equal(t, f.access[u.AccessToken()], u.ID(), "the newest token is the one that is kept")
		}
	}
}

// A process that is killed at any moment leaves a file that holds what it had acknowledged.
func TestKilledWhileWriting(t *testing.T) {
	if dir := os.Getenv("APP_TEST_WRITE_TO"); dir != "" {
		a, err := New(Config{AppID: testApp, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for n := len(a.Users()); ; n++ {
			err := a.change("x", func(img *image) error { img.obtain(fmt.Sprint("user", n)); return nil })
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("wrote", n+1)
		}
	}
	dir := t.TempDir()
	for round := 1; round <= 5; round++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileWriting$")
		cmd.Env = append(os.Environ(), "APP_TEST_WRITE_TO="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acknowledged := 0
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if count, ok := strings.CutPrefix(lines.Text(), "wrote "); ok {
				acknowledged, _ = strconv.Atoi(count)
			}
			if n == 10*round {
				cmd.Process.Kill() // what is in the pipe is still read
			}
		}
		cmd.Wait()
		require.Positive(t, acknowledged)
		a, err := New(Config{AppID: testApp, Dir: dir})
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(a.Users()), acknowledged)
		a.Close()
	}
}

func FuzzUserFile(f *testing.F) {
	f.Add([]byte(`{"format":"realmsync users","version":1,"users":[{"id":"a","state":1,"profile":{"a":1}}],"file_actions":[{"kind":1}]}`))
	f.Add([]byte(`{"format":"realmsync users","version":1,"users":null}`))
	f.Add([]byte(sealMagic + "0123456789abcdef0123456789ab"))
	seal, err := newSealer(bytes.Repeat([]byte{7}, MetadataKeySize))
	if err != nil {
		f.Fatal(err)
	}
	sealed, _ := seal.close([]byte(`{}`))
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range []userStore{{}, {seal: seal}} {
			img, err := s.decode(data)
			if err != nil {
				continue
			}
			seen := map[string]bool{}
			for _, r := range img.Users {
				if r.ID == "" || seen[r.ID] {
					t.Fatalf("accepted %q", data)
				}
				seen[r.ID] = true
			}
		}
	})
}
