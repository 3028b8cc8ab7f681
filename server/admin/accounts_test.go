package admin

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/tests/clock"
)

func accounts(t *testing.T, dir string, dev bool, c *clock.Clock) *Accounts {
	t.Helper()
	a, err := OpenAccounts(t.Context(), AccountsConfig{Dir: dir, Dev: dev, PasswordCost: cheap, Now: c.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestSeedIsOfDevelopmentModeAndThisMachine(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), clock.At(time.Unix(1_700_000_000, 0))
	a := accounts(t, dir, true, c)
	group := a.Group()
	_, err := a.Login(t.Context(), SeedEmail, SeedPassword, "127.0.0.1")
	require.NoError(t, err)
	tokens, err := a.Login(t.Context(), SeedEmail, SeedPassword, "::1")
	require.NoError(t, err)
	_, err = a.Login(t.Context(), SeedEmail, SeedPassword, "192.0.2.1")
	require.ErrorIs(t, err, auth.ErrInvalidPassword)
	require.NoError(t, a.Close())

	a = accounts(t, dir, false, c)
	require.Equal(t, group, a.Group())
	_, err = a.Login(t.Context(), SeedEmail, SeedPassword, "127.0.0.1")
	require.ErrorIs(t, err, auth.ErrInvalidPassword)
	_, err = a.Access(t.Context(), tokens.Access)
	require.ErrorIs(t, err, errInvalidSession)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), clock.At(time.Unix(1_700_000_000, 0))
	a := accounts(t, dir, false, c)
	require.NoError(t, a.Create(t.Context(), "root@example.com", "correct horse"))
	require.ErrorIs(t, a.Create(t.Context(), "root@example.com", "another one"), errExists)
	require.Error(t, a.Create(t.Context(), "root", "correct horse"))
	require.Error(t, a.Create(t.Context(), "r@example.com", "short"))
	for _, wrong := range [][2]string{{"root@example.com", "wrong"}, {"nobody@example.com", "correct horse"}, {"", ""}, {strings.Repeat("x", 1<<20), "correct horse"}, {"root@example.com", strings.Repeat("x", 1<<20)}} {
		_, err := a.Login(t.Context(), wrong[0], wrong[1], "192.0.2.1")
		require.ErrorIs(t, err, auth.ErrInvalidPassword)
	}
	tokens, err := a.Login(t.Context(), "root@example.com", "correct horse", "192.0.2.1")
	require.NoError(t, err)
	admin, err := a.Access(t.Context(), tokens.Access)
	require.NoError(t, err)
	require.Equal(t, "root@example.com", admin.Email)
	_, err = a.Access(t.Context(), tokens.Refresh)
	require.ErrorIs(t, err, errInvalidSession, "a refresh token is no access token")
	_, _, err = a.Refresh(t.Context(), tokens.Access)
	require.ErrorIs(t, err, errInvalidSession)
	c.Move(accessLife + time.Second)
	_, err = a.Access(t.Context(), tokens.Access)
	require.ErrorIs(t, err, errInvalidSession)
	access, _, err := a.Refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err)
	_, err = a.Access(t.Context(), access)
	require.NoError(t, err)
	require.NoError(t, a.Logout(t.Context(), tokens.Refresh))
	_, err = a.Access(t.Context(), access)
	require.ErrorIs(t, err, errInvalidSession)
	require.ErrorIs(t, a.Logout(t.Context(), tokens.Refresh), errInvalidSession)

	// Neither passwords nor tokens are in the files.
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, secret := range []string{"correct horse", tokens.Access, tokens.Refresh} {
			require.False(t, bytes.Contains(text, []byte(secret)), file)
		}
	}
}

// In development mode a token lasts a day: the suites use one for a whole run (conformance item 27).
func TestDevelopmentTokensLastADay(t *testing.T) {
	t.Parallel()
	c := clock.At(time.Unix(1_700_000_000, 0))
	a := accounts(t, t.TempDir(), true, c)
	tokens, err := a.Login(t.Context(), SeedEmail, SeedPassword, "127.0.0.1")
	require.NoError(t, err)
	c.Move(24*time.Hour - time.Second)
	_, err = a.Access(t.Context(), tokens.Access)
	require.NoError(t, err)
	c.Move(time.Second)
	_, err = a.Access(t.Context(), tokens.Access)
	require.ErrorIs(t, err, errInvalidSession)
}

func TestLoginsAreCounted(t *testing.T) {
	t.Parallel()
	c := clock.At(time.Unix(1_700_000_000, 0))
	a := accounts(t, t.TempDir(), false, c)
	require.NoError(t, a.Create(t.Context(), "root@example.com", "correct horse"))
	var err error
	for range 10 {
		_, err = a.Login(t.Context(), "root@example.com", "wrong", "192.0.2.1")
		require.ErrorIs(t, err, auth.ErrInvalidPassword)
	}
	refused := func(remote string) {
		t.Helper()
		_, err = a.Login(t.Context(), "root@example.com", "correct horse", remote)
		var e *apierror.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 429, e.Status)
		require.Empty(t, e.Code)
	}
	refused("192.0.2.1")
	_, err = a.Login(t.Context(), "root@example.com", "correct horse", "192.0.2.2")
	require.NoError(t, err, "a stranger doesn't lock an administrator out")

	// From many addresses there is less, but where the administrator was before.
	for i := range 100 {
		_, _ = a.Login(t.Context(), "root@example.com", "wrong", fmt.Sprintf("198.51.100.%d", i))
	}
	refused("192.0.2.3")
	_, err = a.Login(t.Context(), "root@example.com", "correct horse", "192.0.2.2")
	require.NoError(t, err)
	c.Move(time.Minute)
	_, err = a.Login(t.Context(), "root@example.com", "correct horse", "192.0.2.1")
	require.NoError(t, err)
}

// Logins are counted by what an attacker has not as many of as he likes, and what anybody may send is small, whatever is in its header.
func TestLoginsOfStrangers(t *testing.T) {
	t.Parallel()
	f := open(t, false)
	login := func(remote, body string) int {
		r := httptest.NewRequest(http.MethodPost, "/api/admin/v3.0/auth/providers/local-userpass/login", strings.NewReader(body))
		r.RemoteAddr = remote
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		f.http.Config.Handler.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, 413, login("192.0.2.1:1", `{"username":"`+strings.Repeat("x", maxOpenBody)+`"}`))
	for i := range 10 {
		require.Equal(t, 401, login(fmt.Sprintf("[2001:db8::%x]:1", i), `{"username":"a@b.c","password":"wrong"}`))
	}
	require.Equal(t, 429, login("[2001:db8::ffff]:1", `{"username":"a@b.c","password":"wrong"}`))
	require.Equal(t, 401, login("[2001:db8:0:1::1]:1", `{"username":"a@b.c","password":"wrong"}`))
}

// Who is refused for now is told when to come again.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	f := open(t, false)
	for range 30 { // more than one address has at one account
		a := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"a@b.c","password":"wrong"}`)
		if a.status == 429 {
			require.Equal(t, "10", a.header.Get("Retry-After"))
			return
		}
		a.want(401)
	}
	t.Fatal("nobody is refused")
}
