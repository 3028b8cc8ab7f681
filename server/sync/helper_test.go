package sync

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = time.Minute

// doorman takes tokens of the form "user" or "user@app"; some names have a meaning.
type doorman struct{ expires time.Time }

func (d doorman) Authenticate(_ context.Context, app, token string) (auth.Identity, error) {
	switch {
	case app == "unknown-app":
		return auth.Identity{}, &auth.ErrUnknownApp{ID: app}
	case token == "" || token == "expired":
		return auth.Identity{}, auth.ErrInvalidSession
	case token == "foreign":
		return auth.Identity{}, auth.ErrForbidden
	case token == "broken":
		return auth.Identity{}, context.DeadlineExceeded
	}
	return auth.Identity{AppID: app, UserID: token, Strict: app == "strict", Expires: d.expires}, nil
}

// fixture is a server with one data directory.
type fixture struct {
	*Server
	t    testing.TB
	dir  string
	cfg  Config
	http *httptest.Server
}

func open(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	f.cfg = Config{Auth: doorman{}, Dev: true, SpoolDir: f.dir, Store: func(ctx context.Context, app string) (store.Store, error) {
		return sqlite.Open(ctx, filepath.Join(f.dir, app, "sync.db"))
	}}
	if tracing {
		f.cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&f.cfg)
	}
	f.start()
	t.Cleanup(func() {
		f.stop()
		left, err := filepath.Glob(filepath.Join(f.dir, "bootstrap-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	return f
}

func (f *fixture) start() {
	f.t.Helper()
	s, err := New(f.cfg)
	require.NoError(f.t, err)
	f.Server = s
	mux := http.NewServeMux()
	mux.Handle("GET /api/client/v2.0/app/{app}/realm-sync", s)
	f.http = httptest.NewServer(mux)
}

func (f *fixture) stop() {
	f.t.Helper()
	require.NoError(f.t, f.Server.Close())
	f.http.Close()
	// What was counted was given back: of connections that have ended nothing is held.
	require.Zero(f.t, f.inbound.total)
	require.Empty(f.t, f.inbound.conns)
	require.Equal(f.t, f.Server.cfg.MaxSpoolMemory, f.spools.memoryLeft)
	require.Equal(f.t, f.Server.cfg.MaxSpoolDisk, f.spools.diskLeft)
}

// restart ends the server and starts another one on the same data.
func (f *fixture) restart() {
	f.t.Helper()
	f.stop()
	f.start()
}

// look returns an app, to look at; call done.
func (f *fixture) look(id string) (a *app, done func()) {
	f.t.Helper()
	o, err := f.acquire(context.Background(), id, id == "strict")
	require.NoError(f.t, err)
	return o.app, func() { f.release(o) }
}

func (f *fixture) url(app, token string) string {
	return "ws" + strings.TrimPrefix(f.http.URL, "http") + "/api/client/v2.0/app/" + app + "/realm-sync?baas_at=" + token
}

// The schema of most tests: Dog(_id int, name string, age int).
const (
	allDogs = `{"Dog":"(TRUEPREDICATE)"}`
	oldDogs = `{"Dog":"(age > 3)"}`
	noDogs  = `{}`
)

func dogSchema() []changeset.Instruction {
	return []changeset.Instruction{
		{Op: changeset.AddTable, Table: "Dog", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		{Op: changeset.AddColumn, Table: "Dog", Field: "name", Schema: &changeset.SchemaFields{Type: value.KindString}},
		{Op: changeset.AddColumn, Table: "Dog", Field: "age", Schema: &changeset.SchemaFields{Type: value.KindInt}},
	}
}

// schemaOf is the schema of a collection whose classes have an integer as primary key, in a configuration.
func schemaOf(class, properties, required string) appconfig.Schema {
	return appconfig.Schema{
		ID: appconfig.FixedID("schema", class), Metadata: appconfig.Metadata{DataSource: appconfig.DefaultService, Database: appconfig.DefaultDatabase, Collection: class},
		Schema: json.RawMessage(`{"title":"` + class + `","properties":{"_id":{"bsonType":"long"},` + properties + `},"required":["_id",` + required + `]}`),
	}
}

func create(id int64, name string, age int64) []changeset.Instruction {
	return append([]changeset.Instruction{{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(id)}}, rename(id, name)[0], grow(id, age)[0])
}

func rename(id int64, name string) []changeset.Instruction {
	return []changeset.Instruction{{Op: changeset.Update, Table: "Dog", Key: value.IntKey(id), Field: "name", Value: value.String(name)}}
}

func grow(id int64, age int64) []changeset.Instruction {
	return []changeset.Instruction{{Op: changeset.Update, Table: "Dog", Key: value.IntKey(id), Field: "age", Value: value.Int(age)}}
}

func erase(id int64) []changeset.Instruction {
	return []changeset.Instruction{{Op: changeset.EraseObject, Table: "Dog", Key: value.IntKey(id)}}
}

// waitStep is how often a condition is looked at that nothing announces.
const waitStep = 2 * time.Millisecond

type property = schema.Property
