package api

import (
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	javascript "realmsync/server/functions"
	"realmsync/tests/clock"
	"realmsync/tests/logs"
)

func TestMain(m *testing.M) {
	javascript.Hook()
	goleak.VerifyTestMain(m)
}

const (
	testApp   = "test-abcde"
	jwtSecret = "My_very_confidential_secretttttt" // that of the upstream suites
)

// setup is what a test may change before the server is made.
type setup struct {
	auth   auth.Config
	api    Config
	listen string
}

// fixture is a server on a port of its own, with one app. What all tests check at their end: no secret that went in or
// out is in the log or in a file.
type fixture struct {
	t        testing.TB
	auth     *auth.Service
	api      *Server
	clock    *clock.Clock
	log      *logs.Buffer
	registry *prometheus.Registry
	configs  *appconfig.Store
	programs functions // of the app
	letters  letters   // that were sent
	app      *auth.App
	addr     string // host and port
	base     string // as clients are configured

	mu      sync.Mutex
	secrets map[string]bool // text that must not be found anywhere
	ids     map[string]bool // of requests: each is another
}

// open makes a server in development mode. Passwords are hashed cheaply: what that costs in earnest is a test of server/auth.
func open(t testing.TB, change func(*setup)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: clock.At(time.Unix(1_700_000_000, 0)), log: &logs.Buffer{}, registry: prometheus.NewRegistry(),
		programs: functions{}, secrets: map[string]bool{jwtSecret: true}, ids: map[string]bool{}}
	logger := slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := setup{
		auth: auth.Config{Dir: t.TempDir(), Dev: true, CustomJWTSecret: []byte(jwtSecret), Now: f.clock.Now, Logger: logger,
			PasswordCost: auth.PasswordCost{MemoryKiB: 64, Passes: 1, Lanes: 1}, Functions: f.programs, Mailer: &f.letters},
		api:    Config{Registry: f.registry, Logger: logger, Functions: f.programs},
		listen: "127.0.0.1:0",
	}
	if change != nil {
		change(&s)
	}
	var err error
	f.configs, err = appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: s.auth.Dir, Now: f.clock.Now, Logger: logger})
	require.NoError(t, err)
	s.auth.Configs = f.configs
	f.auth, err = auth.Open(t.Context(), s.auth)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = f.auth.Close() // a test may have closed it
		require.NoError(t, f.configs.Close())
		f.nothingSecret(s.auth.Dir)
	})
	f.app, _, err = f.auth.CreateApp(t.Context(), testApp)
	require.NoError(t, err)
	s.api.Auth = f.auth
	f.api, err = New(s.api)
	require.NoError(t, err)
	f.serve(s.listen)
	return f
}

// production is a server that creates nothing by itself and counts attempts.
func production(s *setup) { s.auth.Dev, s.auth.CustomJWTSecret = false, nil }

func (f *fixture) serve(listen string) {
	f.t.Helper()
	l, err := net.Listen("tcp", listen)
	require.NoError(f.t, err)
	f.addr = l.Addr().String()
	f.base = "http://" + f.addr
	server := f.api.HTTPServer()
	var group errgroup.Group
	group.Go(func() error { return server.Serve(l) })
	f.t.Cleanup(func() {
		require.NoError(f.t, server.Close())
		require.ErrorIs(f.t, group.Wait(), http.ErrServerClosed)
	})
}

// secret names a text that must not be found in the log and not in a file, and returns it.
func (f *fixture) secret(text string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secrets[text] = true
	return text
}

func (f *fixture) nothingSecret(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	places := map[string]string{"the log": f.log.String()}
	require.NoError(f.t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		places[path] = string(text)
		return err
	}))
	for place, text := range places {
		require.NotContains(f.t, text, "baas_at", place)
		for secret := range f.secrets {
			require.Empty(f.t, found(secret, text), place)
		}
	}
}

// found returns the beginning of a secret that is in a text.
func found(secret, text string) string {
	if !strings.Contains(text, secret) {
		return ""
	}
	return "a secret: " + secret[:min(len(secret), 12)] + "..."
}
