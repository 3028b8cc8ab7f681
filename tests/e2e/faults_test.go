package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/app"
	"realmsync/core/client"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/value"
	"realmsync/tests/program"
)

// login makes an app on a folder of the test and logs in.
func login(t *testing.T, url, id string, credentials app.Credentials) (*app.User, error) {
	t.Helper()
	c := client.New(client.Options{})
	t.Cleanup(c.Close)
	a, err := c.OpenApp(app.Config{AppID: id, BaseURL: url, Dir: t.TempDir(), DefaultTimeout: patient}, false)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	return a.LogIn(ctx, credentials)
}

// Every way to get the address or the account wrong gives an error that says what is wrong.
func TestLoginRefused(t *testing.T) {
	dev := startServer(t)
	closed := startServer(t)
	address := closed.url()
	closed.stop()
	strict := startServer(t)
	strict.stop()
	strict.strict = true
	strict.start()

	for _, c := range []struct {
		name, url, app string
		credentials    app.Credentials
		code           app.Code
		network        bool
		text           string
	}{
		{"nobody listens", address, appID, app.Anonymous(), 0, true, "connection refused"},
		{"TLS at a server without", strings.Replace(dev.url(), "http://", "https://", 1), appID, app.Anonymous(), 0, true, "HTTP response to HTTPS client"},
		{"unknown app", strict.url(), "no-such-app", app.Anonymous(), 0, false, "no-such-app"},
		{"unknown user", dev.url(), appID, app.EmailPassword("nobody@example.com", "password"), app.CodeInvalidPassword, false, "invalid username/password"},
		{"no token at all", dev.url(), appID, app.CustomJWT("nonsense"), 0, false, "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := login(t, c.url, c.app, c.credentials)
			var e *app.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.network, e.IsNetwork(), err)
			if c.code != 0 {
				require.Equal(t, c.code, e.Code, err)
			}
			require.ErrorContains(t, err, c.text)
		})
	}
}

// Without --dev an app is created first; then its clients bring the schema, unless that is fixed.
func TestAppsOfTheirOwn(t *testing.T) {
	srv := startServer(t)
	srv.stop()
	srv.strict = true
	binary, err := program.Binary()
	require.NoError(t, err)
	out, err := exec.Command(binary, "app", "create", "--data", srv.data, appID).CombinedOutput()
	require.NoError(t, err, string(out))
	srv.start()
	d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs, timings: hasty})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Dog", "TRUEPREDICATE"))
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 1, "Rex") }))
	require.NoError(t, d.settle())

	srv.stop()
	srv.args = append(srv.args, "--fixed-schema")
	srv.start()
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 2, "Fido") }))
	require.NoError(t, d.settle(), "what is in the schema is taken")
	failed := make(chan *session.Error, 16)
	more := schema.New(*dogs.Class("Dog"), integers("Cat", "_id", "lives"))
	other, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: more, timings: hasty, failed: func(e *session.Error) { failed <- e }})
	require.NoError(t, err)
	defer other.close()
	select {
	case e := <-failed:
		require.Equal(t, "InvalidSchemaChange", e.Name, e)
		require.ErrorContains(t, e, "schema")
	case <-time.After(patient):
		t.Fatal("nobody was told")
	}
}

// Without a server everything local works, nothing hangs and nothing is lost.
func TestOfflineFirst(t *testing.T) {
	srv := startServer(t)
	dir := t.TempDir()
	options := deviceOptions{url: srv.url(), dir: dir, schema: dogs, timings: hasty}
	d, err := openDevice(options)
	require.NoError(t, err)
	require.NoError(t, d.subscribe("Dog", "TRUEPREDICATE"))
	d.close()
	srv.kill()

	// A program that starts without a server has its user, its data and its session.
	d, err = openDevice(options)
	require.NoError(t, err)
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 1, "Rex") }))
	state, err := d.session.State()
	require.NoError(t, err)
	require.Equal(t, session.Active, state)
	connection, err := d.session.ConnectionState()
	require.NoError(t, err)
	require.NotEqual(t, session.Connected, connection)
	require.ErrorIs(t, d.session.WaitForUploadFor(50*time.Millisecond), client.ErrTimeout)
	require.ErrorIs(t, d.session.WaitForDownloadFor(50*time.Millisecond), client.ErrTimeout)
	d.close()

	srv.start()
	d, err = openDevice(options)
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.settle())
	other, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs})
	require.NoError(t, err)
	defer other.close()
	require.NoError(t, other.subscribe("Dog", "TRUEPREDICATE"))
	rows, err := other.rows("Dog")
	require.NoError(t, err)
	require.Len(t, rows, 1)
}

// Tokens that expire are renewed without anybody noticing.
func TestTokensExpire(t *testing.T) {
	srv := startServer(t, "--access-token-life", "1s")
	d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs, timings: hasty, failed: func(e *session.Error) {
		if !unreachable(e) {
			t.Errorf("sync error: %v", e)
		}
	}})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Dog", "TRUEPREDICATE"))
	token := d.user.AccessToken()
	require.NoError(t, d.session.Pause())
	// A client renews a token when it begins to sync, if the token ended more than 5 s ago (sync-semantics 1.4).
	for deadline := time.Now().Add(patient); d.user.AccessTokenExpiry().Add(6 * time.Second).After(time.Now()); {
		require.True(t, time.Now().Before(deadline))
		time.Sleep(50 * time.Millisecond) // until a moment, not for an event
	}
	require.NoError(t, d.session.Resume())
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 1, "Rex") }))
	require.NoError(t, d.settle())
	require.NotEqual(t, token, d.user.AccessToken())
}

// A server that has lost its data knows neither the user nor the file: the user is logged out, the application is told, and what is on the device
// stays there.
func TestServerLosesEverything(t *testing.T) {
	srv := startServer(t, "--access-token-life", "1s")
	failed := make(chan *session.Error, 16)
	d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs, timings: hasty, failed: func(e *session.Error) {
		if !unreachable(e) {
			failed <- e
		}
	}})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Dog", "TRUEPREDICATE"))
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 1, "Rex") }))
	require.NoError(t, d.settle())
	srv.kill()
	require.NoError(t, os.RemoveAll(srv.data))
	srv.start()
	select {
	case e := <-failed:
		require.True(t, e.Fatal, e)
		require.Equal(t, "AuthError", e.Name, e)
	case <-time.After(patient):
		t.Fatal("nobody was told")
	}
	require.Equal(t, app.Removed, d.user.State(), "an anonymous user that is logged out is gone")
	state, err := d.session.State()
	require.NoError(t, err)
	require.Equal(t, session.Inactive, state)
	rows, err := d.rows("Dog")
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.NoError(t, d.write(func() error { return d.createNamed("Dog", 2, "Fido") }))
}

// Two programs that disagree about the type of a property: the second is told which, keeps its data, and the first one goes on.
func TestSchemaConflict(t *testing.T) {
	srv := startServer(t)
	first, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs})
	require.NoError(t, err)
	defer first.close()
	require.NoError(t, first.subscribe("Dog", "TRUEPREDICATE"))
	require.NoError(t, first.settle())

	failed := make(chan *session.Error, 16)
	other := schema.New(schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "name", Type: value.KindInt},
	}})
	second, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: other, timings: hasty, failed: func(e *session.Error) { failed <- e }})
	require.NoError(t, err)
	defer second.close()
	select {
	case e := <-failed:
		t.Log(e)
		for _, part := range []string{"Dog", "name", "string", "int"} {
			require.ErrorContains(t, e, part)
		}
	case <-time.After(patient):
		t.Fatal("nobody was told")
	}
	set, err := second.announce("Dog", "TRUEPREDICATE")
	require.NoError(t, err)
	set.Release()
	require.NoError(t, second.write(func() error { return second.create("Dog", 1, 1) }))
	rows, err := second.rows("Dog")
	require.NoError(t, err)
	require.Len(t, rows, 1)

	require.NoError(t, first.write(func() error { return first.createNamed("Dog", 2, "Rex") }))
	require.NoError(t, first.settle())
}

// A query on what no class has is refused before it goes anywhere.
func TestUnknownQueryField(t *testing.T) {
	srv := startServer(t)
	d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs})
	require.NoError(t, err)
	defer d.close()
	_, err = d.announce("Dog", "colour == 1")
	require.ErrorContains(t, err, "colour")
	_, err = d.announce("Cat", "TRUEPREDICATE")
	require.ErrorContains(t, err, "Cat")
	require.NoError(t, d.subscribe("Dog", "name == 'Rex'"), "the session goes on")
}

// A second server on the same data, and data of something else, are refused, and nothing is changed.
func TestServerData(t *testing.T) {
	srv := startServer(t)
	second := &server{t: t, data: srv.data, addr: "127.0.0.1:0", log: &tail{}}
	_, err := program.Start(second.log, second.arguments()...)
	require.Error(t, err)
	require.Contains(t, second.log.String(), srv.data)

	foreign := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	content := []byte("this is not a database, it only has its name")
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "auth.db"), content, 0o600))
	third := &server{t: t, data: foreign, addr: "127.0.0.1:0", log: &tail{}}
	_, err = program.Start(third.log, third.arguments()...)
	require.Error(t, err)
	now, err := os.ReadFile(filepath.Join(foreign, "auth.db"))
	require.NoError(t, err)
	require.Equal(t, content, now)
	require.False(t, errors.Is(err, context.Canceled))
}
