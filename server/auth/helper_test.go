package auth

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/tests/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cheap makes tests fast; what it costs in earnest is DefaultPasswordCost, which TestDefaultCost looks at.
var cheap = PasswordCost{MemoryKiB: 64, Passes: 1, Lanes: 1}

const secret = "My_very_confidential_secretttttt" // that of the upstream suites

// fixture is a service in development mode with one app, and what was revoked.
type fixture struct {
	*Service
	t       *testing.T
	clock   *clock.Clock
	cfg     Config
	app     *App
	revoked []Revocation
}

func open(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: clock.At(time.Unix(1_700_000_000, 0))}
	f.cfg = Config{Dir: t.TempDir(), Dev: true, CustomJWTSecret: []byte(secret), PasswordCost: cheap, Now: f.clock.Now}
	f.cfg.OnRevoke = func(r Revocation) { f.revoked = append(f.revoked, r) }
	if change != nil {
		change(&f.cfg)
	}
	f.start()
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	app, _, err := f.CreateApp(t.Context(), "app-abcde")
	require.NoError(t, err)
	f.app = app
	return f
}

func (f *fixture) start() {
	f.t.Helper()
	s, err := Open(f.t.Context(), f.cfg)
	require.NoError(f.t, err)
	f.Service = s
}

// restart closes the service and opens it again.
func (f *fixture) restart() {
	f.t.Helper()
	require.NoError(f.t, f.Close())
	f.start()
	app, err := f.App(f.t.Context(), f.app.ID)
	require.NoError(f.t, err)
	f.app = app
}

func (f *fixture) anonymous() Login {
	f.t.Helper()
	l, err := f.Login(f.t.Context(), f.app, Credentials{Provider: ProviderAnonymous})
	require.NoError(f.t, err)
	return l
}

func (f *fixture) register(email string) {
	f.t.Helper()
	require.NoError(f.t, f.Register(f.t.Context(), f.app, email, "password", ""))
}

func (f *fixture) userpass(email, password string) (Login, error) {
	return f.Login(f.t.Context(), f.app, Credentials{Provider: ProviderUserpass, Username: email, Password: password})
}

func (f *fixture) caller(l Login) Bearer {
	f.t.Helper()
	c, err := f.Access(f.t.Context(), l.AccessToken)
	require.NoError(f.t, err)
	return c
}
