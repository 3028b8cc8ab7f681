package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/app"
	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noServer is an App Services server that answers logins, and nobody else.
type noServer struct {
	mu     sync.Mutex
	logins int
	fail   bool // no answer to anything
}

func (s *noServer) Send(_ context.Context, r *app.Request) (*app.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return nil, errors.New("unplugged")
	}
	body := "{}"
	switch {
	case strings.HasSuffix(r.URL, "/location"):
		body = `{"deployment_model":"GLOBAL","location":"US-VA","hostname":"http://127.0.0.1:1","ws_hostname":"ws://127.0.0.1:1"}`
	case strings.HasSuffix(r.URL, "/login"):
		s.logins++
		body = fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"user_id":"user-%d","device_id":"d"}`, token("a"), token("r"), s.logins)
	case strings.HasSuffix(r.URL, "/session") && r.Method == "POST":
		body = fmt.Sprintf(`{"access_token":%q}`, token("b"))
	case strings.HasSuffix(r.URL, "/profile"):
		body = `{"user_id":"u","identities":[{"id":"i","provider_type":"local-userpass"}],"data":{}}`
	}
	return &app.Response{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: []byte(body)}, nil
}

func token(name string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	now := time.Now().Unix()
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"name":%q,"iat":%d,"exp":%d}`, name, now, now+1800)) + "." + part("x")
}

// unplugged is the network between the client and its server.
type unplugged struct{}

func (unplugged) Dial(context.Context, string) (session.Socket, error) {
	return nil, errors.New("unplugged")
}

// rig is a client with an app and a user that is logged in, offline.
type rig struct {
	t      *testing.T
	client *Client
	server *noServer
	dir    string
	app    *app.App
	user   *User
	thread int // the thread that realms see
}

func newRig(t *testing.T) *rig {
	runtime.LockOSThread()
	objects, instances := realm.LiveObjects(), realm.LiveInstances()
	r := &rig{t: t, client: New(Options{Session: session.Options{Dialer: unplugged{}}}), server: &noServer{}, dir: t.TempDir(),
		thread: 1}
	r.app = r.openApp()
	u, err := r.app.LogIn(t.Context(), app.EmailPassword("a", "b"))
	require.NoError(t, err)
	r.user = NewUser(u)
	t.Cleanup(func() {
		r.user.Release()
		r.app.Close()
		r.client.Close()
		require.Empty(t, r.client.links)
		require.Equal(t, objects, realm.LiveObjects())
		require.Equal(t, instances, realm.LiveInstances())
		runtime.UnlockOSThread()
	})
	return r
}

func (r *rig) openApp() *app.App {
	a, err := r.client.OpenApp(app.Config{AppID: "test-app", BaseURL: "http://127.0.0.1:1", Dir: r.dir, Transport: r.server}, false)
	require.NoError(r.t, err)
	return a
}

func (r *rig) path() string {
	path, err := r.user.RealmPath()
	require.NoError(r.t, err)
	return path
}

var people = schema.New(schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt}, {Name: "age", Type: value.KindInt}}})

// config is that of the user's realm.
func (r *rig) config() Config {
	return Config{
		Realm: realm.Config{Path: r.path(), Schema: people, SchemaMode: realm.AdditiveDiscovered,
			ThreadID: func() int { return r.thread }},
		User:       r.user,
		StopPolicy: session.Immediately,
	}
}

func (r *rig) open(cfg Config) *realm.Realm {
	r.t.Helper()
	re, err := r.client.Open(cfg)
	require.NoError(r.t, err)
	return re
}

func (r *rig) session(re *realm.Realm) *Session {
	r.t.Helper()
	s, err := r.client.SessionOf(re)
	require.NoError(r.t, err)
	return s
}

// handler is an ErrorHandler that counts.
type handler struct {
	mu     sync.Mutex
	booms  int // errors named Boom; there may be others, of the connection
	closed int
}

func (h *handler) SyncError(_ *Session, e *session.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Name == "Boom" {
		h.booms++
	}
}

func (h *handler) heard() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.booms
}

func (h *handler) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
}

func (h *handler) closes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// create makes a person in the open write transaction.
func create(re *realm.Realm, id int64) error {
	class, err := re.Class("Person")
	if err != nil {
		return err
	}
	cells := []store.Cell{store.IntCell(id), store.IntCell(1)}
	o, _, err := re.Create(class.ID, unsafe.Pointer(&cells[0]), len(cells), false)
	if err == nil {
		realm.ReleaseObject(o)
	}
	return err
}

func localPath(t *testing.T) string { return filepath.Join(t.TempDir(), "local.realm") }
