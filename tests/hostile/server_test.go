package hostile

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"realmsync/server/admin"
	"realmsync/server/api"
	"realmsync/server/appconfig"
	"realmsync/server/applog"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/fairqueue"
	"realmsync/server/functions"
	"realmsync/server/functions/script"
	"realmsync/server/history"
	"realmsync/server/rules"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	syncing "realmsync/server/sync"
	"realmsync/tests/request"
)

// net/http waits half a second after it has refused a body, so that the answer arrives; goleak waits less.
func TestMain(m *testing.M) {
	functions.Hook()
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const (
	shop      = "shop-abcde"
	other     = "other-fghij"
	clientAPI = "/api/client/v2.0/"
	adminAPI  = "/api/admin/v3.0/"
	password  = "p4ssw0rd-of-a-test"
	adminMail = "root@example.com"
	patience  = time.Minute // for one thing that must come
)

// server is all of realm-sync-server in this process, wired as cmd/realm-sync-server does it.
type server struct {
	t       *testing.T
	dir     string
	addr    string
	base    string
	users   *auth.Service
	configs *appconfig.Store
	sync    *syncing.Server
	admin   string // an admin's access token
	group   string
	gauges  *prometheus.Registry
	front   *http.Server
	turns   *fairqueue.Queue // of long work
}

// longWork is how much long work goes on at once, and longWaiting how much of an app's programs may wait.
const (
	longWork    = 2
	longWaiting = 8
)

// settings are what a test may change of a server.
type settings struct {
	api  *api.Config
	sync *syncing.Config
	send *int // how much the kernel takes of what is sent on a connection, in bytes, about; 0: what it likes
}

// open starts a server with two apps. dev: attempts aren't counted.
func open(t *testing.T, dev bool, change ...func(settings)) *server {
	t.Helper()
	return openTrusting(t, dev, nil, change...)
}

// openTrusting is open, with the authorities that sign the certificates of identity providers.
func openTrusting(t *testing.T, dev bool, roots *x509.CertPool, change ...func(settings)) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), gauges: prometheus.NewRegistry(), turns: fairqueue.New(longWork, longWaiting, 2*longWaiting)}
	require.NoError(t, os.MkdirAll(s.dir, 0o700))
	ctx := t.Context()
	cheap := auth.PasswordCost{MemoryKiB: 64, Passes: 1, Lanes: 1} // what that costs in earnest is a test of server/auth
	logs := applog.Open(applog.Config{Dir: s.dir, Keep: time.Hour, Lines: 1000})
	log := slog.New(logs.Handler(slog.NewTextHandler(io.Discard, nil)))
	var err error
	s.configs, err = appconfig.Open(ctx, appconfig.StoreConfig{Dir: s.dir, Logger: log, Check: func(c *appconfig.Config) error {
		return errors.Join(rules.Check(c), functions.CheckConfig(c))
	}})
	require.NoError(t, err)
	accounts, err := admin.OpenAccounts(ctx, admin.AccountsConfig{Dir: s.dir, PasswordCost: cheap, Logger: log})
	require.NoError(t, err)
	s.users, err = auth.Open(ctx, auth.Config{Dir: s.dir, Dev: dev, KnownApps: true, Roots: roots, PasswordCost: cheap, Configs: s.configs, Group: accounts.Group(), Logger: log,
		OnRevoke: func(r auth.Revocation) { s.sync.Revoke(r) }})
	require.NoError(t, err)
	ruled := data.NewRuled(rules.NewSets(s.configs))
	documents, err := data.Open(data.Config{
		Apps: s.configs, Permissions: ruled, Turns: s.turns, Logger: log, Steps: 5_000_000, Path: func(app string) string { return filepath.Join(s.dir, "apps", app, "documents.db") },
		Engine: func(ctx context.Context, id string) (*history.Engine, func(), error) {
			return s.sync.Engine(ctx, id, false)
		},
	})
	require.NoError(t, err)
	s.users.SetCustomData(documents)
	live := rules.NewLive(rules.LiveConfig{Configs: s.configs, Caller: func(ctx context.Context, app, user string) (*auth.Caller, error) {
		a, err := s.users.App(ctx, app)
		if err != nil {
			return nil, err
		}
		return s.users.Caller(ctx, a, user)
	}})
	endpoint := syncing.Config{
		Auth: s.users, SpoolDir: s.dir, Rules: live, Turns: s.turns, Opened: documents.Opened, Committed: documents.Committed, Logger: log, WriteTimeout: 5 * time.Second, Registry: s.gauges,
		Store: func(ctx context.Context, app string) (store.Store, error) {
			return sqlite.Open(ctx, filepath.Join(s.dir, "apps", app, "sync.db"))
		},
	}
	web, buffer := api.Config{Auth: s.users, Registry: s.gauges, Logger: log}, 0
	for _, f := range change {
		f(settings{&web, &endpoint, &buffer})
	}
	s.sync, err = syncing.New(endpoint)
	require.NoError(t, err)
	scripts, err := functions.New(functions.Config{Apps: s.configs, Data: documents, Logger: log, Limits: script.Limits{Wall: 5 * time.Second, CPU: time.Second, Memory: 64 << 20}})
	require.NoError(t, err)
	s.users.SetFunctions(scripts)
	ruled.SetFunctions(scripts)
	live.SetFunctions(scripts)
	administration, err := admin.New(admin.Config{Accounts: accounts, Users: s.users, Configs: s.configs, Sync: s.sync, Logs: logs, Version: "test", Logger: log})
	require.NoError(t, err)
	web.Sync, web.Admin, web.Functions, web.Collections, web.Data = s.sync, administration, scripts, documents, documents
	front, err := api.New(web)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().String()
	s.base = "http://" + s.addr
	s.front = front.HTTPServer()
	if buffer > 0 {
		s.front.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			_ = c.(*net.TCPConn).SetWriteBuffer(buffer)
			return ctx
		}
	}
	var group errgroup.Group
	group.Go(func() error { return s.front.Serve(l) })
	t.Cleanup(func() {
		require.NoError(t, s.sync.Close())
		require.NoError(t, s.front.Close())
		require.ErrorIs(t, group.Wait(), http.ErrServerClosed)
		require.NoError(t, scripts.Close())
		require.NoError(t, documents.Close())
		require.NoError(t, s.users.Close())
		require.NoError(t, accounts.Close())
		require.NoError(t, s.configs.Close())
		require.NoError(t, logs.Close())
		require.Zero(t, logs.Lost())
	})
	for _, id := range []string{shop, other} {
		_, _, err := s.users.CreateApp(ctx, id)
		require.NoError(t, err)
	}
	require.NoError(t, accounts.Create(ctx, adminMail, password))
	var in struct {
		Token string `json:"access_token"`
	}
	s.ask("POST", adminAPI+"auth/providers/local-userpass/login", "", `{"username":"`+adminMail+`","password":"`+password+`"}`).into(200, &in)
	s.admin, s.group = in.Token, accounts.Group()
	return s
}

// answer is what a request got.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// ask sends a request with a JSON body.
func (s *server) ask(method, path, token, body string) answer {
	s.t.Helper()
	return s.askWith(method, path, token, body, nil)
}

func (s *server) askWith(method, path, token, body string, header http.Header) answer {
	s.t.Helper()
	got := request.Request{Method: method, URL: s.base + path, Token: token, Body: body, Header: header}.Do(s.t)
	what := method + " " + path[:min(len(path), 100)] + " " + body[:min(len(body), 100)]
	return answer{s.t, what, got.Status, got.Header, got.Body}
}

func (a answer) into(status int, out any) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s: %s", a.what, a.body)
	require.NoError(a.t, json.Unmarshal(a.body, out), "%s: %s", a.what, a.body)
}

// fixed are the texts that app-services 2.4 has for codes; those that name something end behind that.
var fixed = map[string]string{
	"AccountNameInUse": "name already in use", "InvalidPassword": "invalid username/password", "UserDisabled": "user disabled",
	"UserpassTokenInvalid": "userpass token is expired or invalid", "UserAlreadyConfirmed": "already confirmed", "UserNotFound": "user not found",
	"MissingAuthReq": "must authenticate first", "APIKeyNotFound": "API key not found", "InvalidSession": "invalid session",
	"ServiceNotFound": "service not found: '", "FunctionNotFound": "function not found: '",
}

// refused requires an error in the documented shape (app-services 2.1), with a status and a code, and the text that is documented for it.
func (a answer) refused(status int, code string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s: %s", a.what, a.body[:min(len(a.body), 300)])
	a.shaped()
	var e struct {
		Error string
		Code  *string `json:"error_code"`
	}
	require.NoError(a.t, json.Unmarshal(a.body, &e))
	if code == "" {
		require.Nil(a.t, e.Code, "%s: %s", a.what, a.body)
		return
	}
	require.NotNil(a.t, e.Code, "%s: %s", a.what, a.body)
	require.Equal(a.t, code, *e.Code, "%s: %s", a.what, a.body)
	switch text := fixed[code]; {
	case strings.HasSuffix(text, "'"):
		require.True(a.t, strings.HasPrefix(e.Error, text) && strings.HasSuffix(e.Error, "'"), "%s: %s", a.what, a.body)
	case text != "":
		require.Equal(a.t, text, e.Error, a.what)
	}
}

// shaped requires an error of the client's doing, whichever: with a text, and nothing of the server's inside.
func (a answer) shaped() {
	a.t.Helper()
	require.True(a.t, a.status >= 400 && a.status < 500, "%s: %d %s", a.what, a.status, a.body[:min(len(a.body), 300)])
	require.Equal(a.t, "application/json", a.header.Get("Content-Type"), a.what)
	var e struct {
		Error string `json:"error"`
	}
	require.NoError(a.t, json.Unmarshal(a.body, &e), "%s: %s", a.what, a.body)
	require.NotEmpty(a.t, e.Error, a.what)
	require.Less(a.t, len(a.body), 16<<10, a.what)
	for _, inside := range []string{"SQL", "goroutine ", ".go:", "/tmp/", "panic"} {
		require.False(a.t, bytes.Contains(a.body, []byte(inside)), "%s: %s", a.what, a.body)
	}
}

// login is a user's tokens.
type login struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	UserID  string `json:"user_id"`
}

func (s *server) anonymous(app string) (l login) {
	s.t.Helper()
	s.ask("POST", clientAPI+"app/"+app+"/auth/providers/anon-user/login", "", `{}`).into(200, &l)
	return l
}

func (s *server) configure(app string, change func(*appconfig.Config)) {
	s.t.Helper()
	_, err := s.configs.Update(s.t.Context(), app, func(c *appconfig.Config) error { change(c); return nil })
	require.NoError(s.t, err)
}

// frugal requires that what f does leaves less than so many MiB more in memory, and that it allocates no more than four times that at once,
// as far as samples tell.
func frugal(t *testing.T, mib uint64, f func()) {
	t.Helper()
	used := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before := used()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		most := before
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				most = max(most, used())
			}
		}
	}()
	most := uint64(0)
	func() {
		defer func() { // f may end the test
			close(stop)
			most = <-peak
		}()
		f()
	}()
	runtime.GC()
	require.Less(t, used(), before+mib<<20, "memory that stays")
	require.Less(t, most, before+4*mib<<20, "memory on the way")
}
