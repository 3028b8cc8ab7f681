package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

// A running server signs with a new key after SIGHUP, and publishes the old one too.
func TestRotateKeys(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data)
	keys := func() []string {
		status, body := p.request(http.MethodGet, "/.well-known/jwks.json", "")
		require.Equal(t, 200, status)
		var set struct {
			Keys []struct {
				ID string `json:"kid"`
			} `json:"keys"`
		}
		require.NoError(t, json.Unmarshal(body, &set))
		var ids []string
		for _, k := range set.Keys {
			ids = append(ids, k.ID)
		}
		return ids
	}
	old := keys()
	require.Len(t, old, 1)
	cmd, log := command("keys", "rotate", "--data", data)
	require.NoError(t, cmd.Run(), "%s", log)
	require.Equal(t, old, keys())
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return len(keys()) == 2 }, patience, 10*time.Millisecond)
	require.Equal(t, old[0], keys()[1])
	p.stop()
}

// A server drops the accounts that nobody has confirmed in time.
func TestUnconfirmedAccounts(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	users, err := auth.Open(t.Context(), auth.Config{Dir: data, Dev: true, Now: func() time.Time { return time.Now().Add(-31 * 24 * time.Hour) }})
	require.NoError(t, err)
	app, _, err := users.CreateApp(t.Context(), "app")
	require.NoError(t, err)
	require.NoError(t, users.Register(t.Context(), app, "a@b.c", "password", ""))
	require.NoError(t, users.Register(t.Context(), app, "b@b.c", "password", ""))
	require.NoError(t, users.Close())
	db, err := sql.Open("sqlite3", filepath.Join(data, "auth.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE accounts SET confirmed = 0 WHERE email = 'a@b.c'")
	require.NoError(t, err)
	serve(t, data).stop()
	var left string
	require.NoError(t, db.QueryRow("SELECT group_concat(email) FROM accounts").Scan(&left))
	require.Equal(t, "b@b.c", left)
}

func TestMailFlags(t *testing.T) {
	t.Parallel()
	cmd, log := command("serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--smtp-server", "mail.example")
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "HOST:PORT")
	cmd, log = command("serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--smtp-server", "mail.example:587")
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "sender")
}
