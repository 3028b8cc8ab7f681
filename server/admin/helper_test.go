package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/server/appconfig"
	"realmsync/server/applog"
	"realmsync/server/auth"
	"realmsync/server/functions"
	"realmsync/server/rules"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	syncing "realmsync/server/sync"
	"realmsync/tests/clock"
	"realmsync/tests/logs"
	"realmsync/tests/request"
)

func TestMain(m *testing.M) {
	functions.Hook()
	goleak.VerifyTestMain(m)
}

var cheap = auth.PasswordCost{MemoryKiB: 64, Passes: 1, Lanes: 1}

// fixture is a server with all that the admin API works on.
type fixture struct {
	t         *testing.T
	dir       string
	clock     *clock.Clock
	log       *logs.Buffer
	logs      *applog.Store
	accounts  *Accounts
	users     *auth.Service
	configs   *appconfig.Store
	sync      *syncing.Server
	deletions *Deletions
	http      *httptest.Server
	token     string
	group     string
	app       string // internal id
	client    string // client app id
	letters   func(n int) string
}

func open(t *testing.T, dev bool) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), letters: letters, clock: clock.At(time.Unix(1_700_000_000, 0)), log: &logs.Buffer{}}
	plain := slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})
	f.logs = applog.Open(applog.Config{Dir: f.dir, Keep: time.Hour, Lines: 1000, Logger: slog.New(plain)})
	log := slog.New(f.logs.Handler(plain))
	ctx := t.Context()
	var err error
	f.configs, err = appconfig.Open(ctx, appconfig.StoreConfig{Dir: f.dir, Check: rules.Check, Now: f.clock.Now, Logger: log})
	require.NoError(t, err)
	f.accounts, err = OpenAccounts(ctx, AccountsConfig{Dir: f.dir, Dev: dev, PasswordCost: cheap, Now: f.clock.Now, Logger: log})
	require.NoError(t, err)
	f.users, err = auth.Open(ctx, auth.Config{Dir: f.dir, Dev: dev, PasswordCost: cheap, Now: f.clock.Now, Logger: log,
		Configs: f.configs, Group: f.accounts.Group(), OnRevoke: func(r auth.Revocation) { f.sync.Revoke(r) }})
	require.NoError(t, err)
	f.sync, err = syncing.New(syncing.Config{Auth: f.users, Dev: dev, SpoolDir: f.dir, Logger: log, Store: func(ctx context.Context, app string) (store.Store, error) {
		return sqlite.Open(ctx, filepath.Join(f.dir, "apps", app, "sync.db"))
	}})
	require.NoError(t, err)
	f.deletions = NewDeletions(f.users, f.configs, f.sync)
	server, err := New(Config{Accounts: f.accounts, Users: f.users, Configs: f.configs, Sync: f.sync, Deletions: f.deletions, Logs: f.logs, Version: "1.2.3", Now: f.clock.Now, Logger: log,
		letters: func(n int) string { return f.letters(n) }})
	require.NoError(t, err)
	f.http = httptest.NewServer(server)
	t.Cleanup(func() {
		f.http.Close()
		require.NoError(t, f.sync.Close())
		require.NoError(t, f.users.Close())
		require.NoError(t, f.accounts.Close())
		require.NoError(t, f.configs.Close())
		require.NoError(t, f.logs.Close())
	})
	return f
}

// answer is what a call got.
type answer struct {
	t      *testing.T
	status int
	body   []byte
	header http.Header
}

// call sends a request with the text as its body. A path that begins with P is the app's.
func (f *fixture) call(method, path, body string) answer {
	f.t.Helper()
	return f.callAs(f.token, method, path, body)
}

func (f *fixture) callAs(token, method, path, body string) answer {
	f.t.Helper()
	switch {
	case strings.HasPrefix(path, "P/"):
		path = "/api/admin/v3.0/groups/" + f.group + "/apps/" + f.app + path[1:]
	case path == "P", path == "G":
		path = map[string]string{"P": "/api/admin/v3.0/groups/" + f.group + "/apps/" + f.app, "G": "/api/admin/v3.0/groups/" + f.group + "/apps"}[path]
	}
	got := request.Request{Method: method, URL: f.http.URL + path, Token: token, Body: body}.Do(f.t)
	if len(got.Body) > 0 {
		require.Equal(f.t, "application/json", got.Header.Get("Content-Type"))
		require.True(f.t, json.Valid(got.Body), "%s", got.Body)
	}
	if method == http.MethodPost && got.Status < 300 && !strings.HasPrefix(path, privatePrefix) && !strings.HasSuffix(path, "/allowed_request_origins") { // which realm-cpp doesn't call
		require.NotEmpty(f.t, got.Body, "realm-cpp parses the body of every POST")
	}
	return answer{f.t, got.Status, got.Body, got.Header}
}

// want checks the status and returns the answer.
func (a answer) want(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	if status == http.StatusNoContent {
		require.Empty(a.t, a.body)
	}
	return a
}

// refused checks status, text and code of an error.
func (a answer) refused(status int, text, code string) {
	a.t.Helper()
	a.want(status)
	require.Contains(a.t, a.get("error"), text)
	if code == "" {
		require.NotContains(a.t, string(a.body), "error_code")
	} else {
		require.Equal(a.t, code, a.get("error_code"))
	}
}

// get returns a member that is a string.
func (a answer) get(name string) string {
	a.t.Helper()
	var o map[string]any
	require.NoError(a.t, json.Unmarshal(a.body, &o), "%s", a.body)
	s, ok := o[name].(string)
	require.True(a.t, ok, "%s in %s", name, a.body)
	return s
}

func (a answer) into(v any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(a.body, v), "%s", a.body)
}

// login opens a session with the account of development mode.
func (f *fixture) login() *fixture {
	f.t.Helper()
	a := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login", fmt.Sprintf(`{"username":%q,"password":%q}`, SeedEmail, SeedPassword)).want(200)
	f.token = a.get("access_token")
	var p struct {
		Roles []struct {
			Group string `json:"group_id"`
		} `json:"roles"`
	}
	f.call("GET", "/api/admin/v3.0/auth/profile", "").want(200).into(&p)
	require.NotEmpty(f.t, p.Roles)
	f.group = p.Roles[0].Group
	return f
}

// create makes an app, which the paths with P are about from then on.
func (f *fixture) create(name string) *fixture {
	f.t.Helper()
	a := f.call("POST", "G", fmt.Sprintf(`{"name":%q}`, name)).want(201)
	f.app, f.client = a.get("_id"), a.get("client_app_id")
	return f
}

// config is the app's configuration.
func (f *fixture) config() *appconfig.Config {
	f.t.Helper()
	c, err := f.configs.Current(f.t.Context(), f.client)
	require.NoError(f.t, err)
	return c
}
