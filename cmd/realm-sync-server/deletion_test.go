package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/tests/request"
)

// locked holds the writer's lock of a database: a server waits where it wants to write to it.
func locked(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite3", path+"?_txlock=immediate&_busy_timeout=10000")
	require.NoError(t, err)
	tx, err := db.BeginTx(context.Background(), nil)
	require.NoError(t, err)
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}
}

// count is the number that a query returns.
func count(t *testing.T, path, query string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", path+"?_busy_timeout=10000")
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// until waits for something that another process does.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		require.False(t, time.Now().After(end), "it doesn't happen")
	}
}

// doomed is a server with an app of development mode that has something in every file, and is about to be deleted.
type doomed struct {
	suite
	t    *testing.T
	data string
	at   string // path of the app in the admin API
	user string // access token
}

func (d *doomed) path(name string) string { return filepath.Join(d.data, name) }

// start starts the server on a data directory, and lets the administrator in.
func (d *doomed) start() {
	d.process, d.token = serve(d.t, d.data), ""
	d.token = d.call("POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200)["access_token"].(string)
}

// fill makes the app.
func (d *doomed) fill() {
	user := &suite{process: d.process}
	user.token = user.call("POST", "/api/client/v2.0/app/old/auth/providers/anon-user/login", `{}`, 200)["access_token"].(string)
	for _, collection := range []string{"Item/documents", "Note/documents?database=plain"} {
		user.call("POST", "/api/data/v1/app/old/collections/"+collection, `{"_id":1}`, 201)
	}
	d.user = user.token
	group := d.call("GET", "/api/admin/v3.0/auth/profile", "", 200)["roles"].([]any)[0].(map[string]any)["group_id"].(string)
	a := request.Request{Method: "GET", URL: d.base + "/api/admin/v3.0/groups/" + group + "/apps", Token: d.token}.Do(d.t)
	var apps []struct {
		ID string `json:"_id"`
	}
	require.NoError(d.t, json.Unmarshal(a.Body, &apps), "%s", a.Body)
	d.at = "/api/admin/v3.0/groups/" + group + "/apps/" + apps[0].ID
	d.call("POST", d.at+"/secrets", `{"name":"s","value":"v"}`, 201)
	d.call("GET", d.at+"/logs", "", 200) // they are written
}

// fresh requires that an app of the id has nothing of the one before.
func (d *doomed) fresh() {
	d.t.Helper()
	require.NoDirExists(d.t, d.path("apps/old"))
	require.Zero(d.t, count(d.t, d.path("config.db"), "SELECT count(*) FROM configs"))
	require.Zero(d.t, count(d.t, d.path("auth.db"), "SELECT count(*) FROM deletions"))
	d.call("GET", d.at, "", 404)
	user := &suite{process: d.process, token: d.user}
	user.call("GET", "/api/data/v1/app/old/collections/Item/documents", "", 401)
	user.token = user.call("POST", "/api/client/v2.0/app/old/auth/providers/anon-user/login", `{}`, 200)["access_token"].(string)
	for _, collection := range []string{"Item/documents", "Note/documents?database=plain"} {
		require.Empty(d.t, user.call("GET", "/api/data/v1/app/old/collections/"+collection, "", 200)["documents"])
	}
}

// A deletion of an app that is cut off by kill -9 between any two of its steps is finished by the next start, and until then nothing can have the app's id;
// fsck, backup and restore know such a directory.
func TestKilledDeletion(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(t *testing.T, d *doomed, begin func()) (unlock func()){
		"the app, and nothing else": func(t *testing.T, d *doomed, begin func()) func() {
			unlock := locked(t, d.path("logs.db"))
			begin()
			until(t, func() bool { return count(t, d.path("auth.db"), "SELECT count(*) FROM apps") == 0 })
			require.FileExists(t, d.path("apps/old/sync.db"))
			return unlock
		},
		"what it stored": func(t *testing.T, d *doomed, begin func()) func() {
			unlock := locked(t, d.path("config.db"))
			begin()
			until(t, func() bool { _, err := os.Stat(d.path("apps/old")); return err != nil })
			return unlock
		},
		"all but the note": func(t *testing.T, d *doomed, begin func()) func() {
			unlock := locked(t, d.path("config.db"))
			begin()
			until(t, func() bool { _, err := os.Stat(d.path("apps/old")); return err != nil })
			last := locked(t, d.path("auth.db"))
			unlock()
			until(t, func() bool { return count(t, d.path("config.db"), "SELECT count(*) FROM configs") == 0 })
			return last
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := &doomed{t: t, data: filepath.Join(dir, "data")}
			d.start()
			d.fill()
			answered := make(chan error, 1)
			unlock := between(t, d, func() {
				go func() {
					_, err := request.Request{Method: http.MethodDelete, URL: d.base + d.at, Token: d.token}.Try(context.Background())
					answered <- err
				}()
			})
			require.NoError(t, d.cmd.Process.Kill())
			require.Error(t, d.wait())
			require.Error(t, <-answered)
			unlock()
			require.Zero(t, count(t, d.path("auth.db"), "SELECT count(*) FROM apps"))

			_, log, err := ran(t, "app", "create", "--data", d.data, "old")
			require.Error(t, err)
			require.Contains(t, log, "app old was deleted, and not all of its data is removed yet")
			require.NoError(t, os.MkdirAll(d.path("apps/stray"), 0o700))
			require.NoError(t, os.WriteFile(d.path("apps/stray/documents.db"), nil, 0o600))
			copied, restored := filepath.Join(dir, "copy"), filepath.Join(dir, "restored")
			_, log, err = ran(t, "backup", "--data", d.data, copied)
			require.NoError(t, err, log)
			require.NoDirExists(t, filepath.Join(copied, "apps", "old"))
			_, log, err = ran(t, "restore", "--data", restored, copied)
			require.NoError(t, err, log)
			if name != "the app, and nothing else" {
				require.NoError(t, os.RemoveAll(d.data)) // one of each is enough
			}
			for _, data := range []string{d.data, restored} {
				if _, err := os.Stat(data); err != nil {
					continue
				}
				out, log, err := ran(t, "fsck", "--data", data)
				require.NoError(t, err, out+log)
				require.Contains(t, out, "apps/stray is data of no app")
				require.Contains(t, out, "app old is being deleted; the next server that is started here finishes that")
				d.data = data
				d.start()
				d.fresh()
				d.stop()
			}
		})
	}
}
