package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/api"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/rules"
	serverstore "realmsync/server/store"
	"realmsync/server/store/sqlite"
	endpoint "realmsync/server/sync"
)

// governed is a server in the test's own process, whose configurations the test changes.
type governed struct {
	t       *testing.T
	url     string
	configs *appconfig.Store
	users   *auth.Service
	sync    *endpoint.Server
}

func startGoverned(t *testing.T) *governed {
	t.Helper()
	dir := t.TempDir()
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: dir, Check: rules.Check})
	require.NoError(t, err)
	var sync *endpoint.Server
	users, err := auth.Open(t.Context(), auth.Config{Dir: dir, Dev: true, Configs: configs, OnRevoke: func(r auth.Revocation) { sync.Revoke(r) }})
	require.NoError(t, err)
	live := rules.NewLive(rules.LiveConfig{Configs: configs, Caller: func(ctx context.Context, id, user string) (*auth.Caller, error) {
		a, err := users.App(ctx, id)
		if err != nil {
			return nil, err
		}
		return users.Caller(ctx, a, user)
	}})
	sync, err = endpoint.New(endpoint.Config{Auth: users, SpoolDir: dir, Rules: live, Store: func(ctx context.Context, app string) (serverstore.Store, error) {
		return sqlite.Open(ctx, filepath.Join(dir, app, "sync.db"))
	}})
	require.NoError(t, err)
	handler, err := api.New(api.Config{Auth: users, Sync: sync})
	require.NoError(t, err)
	server := handler.HTTPServer()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until it is closed
	}()
	t.Cleanup(func() {
		require.NoError(t, sync.Close())
		require.NoError(t, server.Close())
		<-served
		require.NoError(t, users.Close())
		require.NoError(t, configs.Close())
	})
	return &governed{t: t, url: "http://" + listener.Addr().String(), configs: configs, users: users, sync: sync}
}

// roles saves the default roles of the app, with the queryable fields that they need.
func (g *governed) roles(text string) {
	g.t.Helper()
	_, err := g.configs.Update(g.t.Context(), appID, func(c *appconfig.Config) error {
		c.Sync.DevelopmentMode = false
		c.Schemas = []appconfig.Schema{{
			ID: appconfig.FixedID("Paper"), Metadata: appconfig.Metadata{DataSource: appconfig.DefaultService, Database: appconfig.DefaultDatabase, Collection: "Paper"},
			Schema: json.RawMessage(`{"title":"Paper","properties":{"_id":{"bsonType":"long"},"owner":{"bsonType":"string"},"public":{"bsonType":"long"}},"required":["_id","owner","public"]}`),
		}}
		s := c.SyncService()
		s.FlexibleSync.QueryableFieldsNames = []string{"owner", "public"}
		s.DefaultRule.Roles = nil
		return json.Unmarshal([]byte(text), &s.DefaultRule.Roles)
	})
	require.NoError(g.t, err)
}

// author is a device that keeps what it was told of its writes.
type author struct {
	*device
	t *testing.T

	mu     sync.Mutex
	errors []*session.Error
}

func (g *governed) author() *author {
	g.t.Helper()
	a := &author{t: g.t}
	class := schema.Class{Name: "Paper", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "owner", Type: value.KindString}, {Name: "public", Type: value.KindInt},
	}}
	var err error
	a.device, err = openDevice(deviceOptions{url: g.url, dir: g.t.TempDir(), schema: schema.New(class), failed: func(e *session.Error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.errors = append(a.errors, e)
	}})
	require.NoError(g.t, err)
	g.t.Cleanup(a.close)
	require.NoError(g.t, a.subscribe("Paper", "TRUEPREDICATE"))
	return a
}

// paper makes an object.
func (a *author) paper(key int64, owner string, public int64) {
	a.t.Helper()
	cl, err := a.realm.Class("Paper")
	require.NoError(a.t, err)
	var pinner runtime.Pinner
	defer pinner.Unpin()
	text := unsafe.StringData(owner)
	pinner.Pin(text)
	cells := []store.Cell{store.IntCell(key), store.IntCell(int64(uintptr(unsafe.Pointer(text)))), store.IntCell(public)}
	cells[1].Type, cells[1].Size = uint8(value.KindString), uint32(len(owner))
	require.NoError(a.t, a.write(func() error {
		o, _, err := a.realm.Create(cl.ID, unsafe.Pointer(&cells[0]), len(cells), false)
		if err == nil {
			realm.ReleaseObject(o)
		}
		return err
	}))
}

// change does something to an object.
func (a *author) change(key int64, do func(realm.Object) error) {
	a.t.Helper()
	require.NoError(a.t, a.write(func() error {
		o, err := a.find("Paper", key)
		if err != nil {
			return err
		}
		if o == nil {
			return fmt.Errorf("there is no paper %d", key)
		}
		defer realm.ReleaseObject(o)
		return do(o)
	}))
}

func (a *author) publish(key, public int64) {
	a.t.Helper()
	a.change(key, func(o realm.Object) error {
		cell := store.IntCell(public)
		return realm.SetProperty(o, 2, unsafe.Pointer(&cell))
	})
}

// papers lists "key:public".
func (a *author) papers() []string {
	a.t.Helper()
	rows, err := a.rows("Paper")
	require.NoError(a.t, err)
	out := []string{}
	for _, row := range rows {
		out = append(out, fmt.Sprintf("%d:%d", row[0], row[2]))
	}
	slices.Sort(out)
	return out
}

// becomes waits until the author has these papers, without doing anything about the connection.
func (a *author) becomes(want ...string) {
	a.t.Helper()
	for deadline := time.Now().Add(patient); ; {
		require.NoError(a.t, a.settle())
		have := a.papers()
		if slices.Equal(have, want) {
			return
		}
		require.True(a.t, time.Now().Before(deadline), "the papers are %v, not %v", have, want)
	}
}

// told waits for a compensating write, and returns the keys and the reasons.
func (a *author) told() (out []string) {
	a.t.Helper()
	for deadline := time.Now().Add(patient); ; {
		a.mu.Lock()
		list := a.errors
		a.errors = nil
		a.mu.Unlock()
		for _, e := range list {
			require.Equal(a.t, "SyncCompensatingWrite", e.Name, e.Message)
			require.Equal(a.t, wire.Warning, e.Action)
			require.False(a.t, e.Fatal)
			for _, w := range e.CompensatingWrites {
				out = append(out, fmt.Sprintf("%s %x: %s", w.Class, w.PrimaryKey, w.Reason))
			}
		}
		if len(out) > 0 {
			return out
		}
		require.True(a.t, time.Now().Before(deadline), "no compensating write was reported")
		require.NoError(a.t, a.settle())
	}
}

func (a *author) quiet() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(a.t, a.errors)
}

// Two users, whose role is "the owner reads and writes its own, others read what is public" (issue 5, Shows 2).
func TestOwnersAndReaders(t *testing.T) {
	const owners = `{"name":"owner","apply_when":{},"document_filters":{"read":{"public":1},"write":{"owner":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}`
	g := startGoverned(t)
	g.roles("[" + owners + "]")
	anna, berta := g.author(), g.author()
	a, b := anna.user.ID(), berta.user.ID()
	require.NotEqual(t, a, b)

	anna.paper(1, a, 0)
	anna.paper(2, a, 1)
	berta.paper(3, b, 0)
	anna.becomes("1:0", "2:1")
	berta.becomes("2:1", "3:0")

	// Illegal writes come back, with the right keys and reasons.
	berta.publish(2, 0)
	require.Equal(t, []string{`Paper 0102: write to 2 in table "Paper" not allowed`}, berta.told())
	berta.becomes("2:1", "3:0")
	berta.change(2, realm.DeleteObject)
	require.Equal(t, []string{`Paper 0102: write to 2 in table "Paper" not allowed`}, berta.told())
	berta.becomes("2:1", "3:0")
	berta.paper(4, a, 1)
	require.Equal(t, []string{`Paper 0104: write to 4 in table "Paper" not allowed`}, berta.told())
	berta.becomes("2:1", "3:0")
	anna.becomes("1:0", "2:1")

	// What owners do moves objects in and out of others' realms.
	anna.publish(1, 1)
	anna.publish(2, 0)
	anna.becomes("1:1", "2:0")
	berta.becomes("1:1", "3:0")

	// A change of rules moves objects in and out of live sessions, and nobody reconnects by hand.
	g.roles(`[{"name":"auditor","apply_when":{"%%user.id":"` + b + `"},"document_filters":{"read":true,"write":false},"read":true,"write":true},` + owners + `]`)
	berta.becomes("1:1", "2:0", "3:0")
	berta.publish(3, 1)
	require.Equal(t, []string{`Paper 0103: write to 3 in table "Paper" not allowed`}, berta.told())
	berta.becomes("1:1", "2:0", "3:0")
	anna.becomes("1:1", "2:0")
	g.roles("[" + owners + "]")
	berta.becomes("1:1", "3:0")
	g.roles(`[]`)
	anna.becomes()
	berta.becomes()
	g.roles("[" + owners + "]")
	anna.becomes("1:1", "2:0")
	berta.becomes("1:1", "3:0")
	berta.publish(3, 1)
	berta.becomes("1:1", "3:1")
	anna.becomes("1:1", "2:0", "3:1")
	anna.quiet() // rule changes are nothing that a program is told of
	berta.quiet()
}
