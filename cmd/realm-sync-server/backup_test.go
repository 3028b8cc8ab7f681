package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// ran runs a command to its end.
func ran(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd, log := command(args...)
	out, err := cmd.Output()
	return string(out), log.String(), err
}

// A backup of a running server is restored; a client that knows more than the restored server is told that the histories differ.
func TestBackupOfARunningServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, copied, restored := filepath.Join(dir, "data"), filepath.Join(dir, "copy"), filepath.Join(dir, "restored")
	p := serve(t, data)
	old := p.dial("my-app")
	known, download := bind(t, old)
	out, log, err := ran(t, "backup", "--data", data, copied)
	require.NoError(t, err, log)
	require.Contains(t, out, "files")
	_, log, err = ran(t, "backup", "--data", data, copied)
	require.Error(t, err, "it exists")
	require.Contains(t, log, "exists already")
	out, log, err = ran(t, "fsck", "--data", copied)
	require.NoError(t, err, log)
	require.Contains(t, out, "clean")
	_, log, err = ran(t, "fsck", "--data", data)
	require.Error(t, err)
	require.Contains(t, log, "another realm-sync-server is using")
	// After the backup.
	late := p.dial("my-app")
	lost, _ := bind(t, late)
	require.NoError(t, errors.Join(old.CloseNow(), late.CloseNow()))
	p.stop()
	out, log, err = ran(t, "fsck", "--data", data)
	require.NoError(t, err, log+out)

	out, log, err = ran(t, "restore", "--data", restored, copied)
	require.NoError(t, err, log)
	require.Contains(t, out, "from a backup of")
	_, log, err = ran(t, "restore", "--data", restored, copied)
	require.Error(t, err)
	require.Contains(t, log, "is not empty")
	require.NoFileExists(t, filepath.Join(copied, "apps", "my-app", "sync.db-wal"), "nothing is left in the backup")
	p = serve(t, restored)
	// Another user, since anonymous ones are made anew: the file's ident and salt are looked at first.
	ws := p.dial("my-app")
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	send(t, ws, &wire.Ident{Session: 1, FileIdent: lost.FileIdent, Salt: lost.Salt, Query: []byte("{}")})
	require.Equal(t, wire.CodeBadClientFileIdent, receive[*wire.JSONError](t, ws).Code)
	require.NoError(t, ws.CloseNow())
	another := p.dial("my-app")
	fresh, _ := bind(t, another)
	require.NoError(t, another.CloseNow())
	require.Equal(t, lost.FileIdent, fresh.FileIdent, "the ident is given out again ...")
	ws = p.dial("my-app")
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	send(t, ws, &wire.Ident{Session: 1, FileIdent: lost.FileIdent, Salt: lost.Salt, Query: []byte("{}")})
	require.Equal(t, wire.CodeDivergingHistories, receive[*wire.JSONError](t, ws).Code, "... with another salt")
	require.NoError(t, ws.CloseNow())
	// A client that has seen a version of another life than that of the restored server's.
	latest := download.Progress.Latest
	latest.Version++
	ws = p.dial("my-app")
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	send(t, ws, &wire.Ident{Session: 1, FileIdent: known.FileIdent, Salt: known.Salt, Download: download.Progress.Download, Latest: latest, Query: []byte("{}")})
	require.Equal(t, wire.CodeDivergingHistories, receive[*wire.JSONError](t, ws).Code)
	require.NoError(t, ws.CloseNow())
	p.stop()
}

// A backup that was damaged is not restored, and fsck finds damage.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, copied := filepath.Join(dir, "data"), filepath.Join(dir, "copy")
	p := serve(t, data)
	ws := p.dial("my-app")
	bind(t, ws)
	require.NoError(t, ws.CloseNow())
	p.stop()
	_, log, err := ran(t, "backup", "--data", data, copied)
	require.NoError(t, err, log)
	path := filepath.Join(copied, "apps", "my-app", "sync.db")
	db, err := sql.Open("sqlite3", path)
	require.NoError(t, err)
	_, err = db.Exec("DELETE FROM salts")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	out, _, err := ran(t, "fsck", "--data", copied)
	require.Error(t, err)
	require.Contains(t, out, "there are no salts")
	restored := filepath.Join(dir, "restored")
	_, log, err = ran(t, "restore", "--data", restored, copied)
	require.Error(t, err)
	require.Contains(t, log, "damaged or changed")
	require.NoDirExists(t, restored)
	require.NoError(t, os.Truncate(path, 5000))
	out, _, err = ran(t, "fsck", "--data", copied)
	require.Error(t, err)
	require.Contains(t, out, "apps/my-app/sync.db")
	// What SQLite can't read is named, as the table that it is.
	path = filepath.Join(data, "apps", "my-app", "sync.db")
	db, err = sql.Open("sqlite3", path)
	require.NoError(t, err)
	var root, size int64
	require.NoError(t, db.QueryRow("SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'files'").Scan(&root, &size))
	require.NoError(t, db.Close())
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("damage", 100)), (root-1)*size)
	require.NoError(t, errors.Join(err, file.Close()))
	out, _, err = ran(t, "fsck", "--data", data)
	require.Error(t, err)
	require.Contains(t, out, fmt.Sprintf("apps/my-app/sync.db: Tree %d (table files) page %d", root, root))
	require.NotContains(t, out, "never used")
	// The server goes on without the app, and says why.
	p = serve(t, data)
	other := p.dial("other-app")
	bind(t, other)
	require.NoError(t, other.CloseNow())
	_, body := p.request(http.MethodPost, "/api/client/v2.0/app/my-app/auth/providers/anon-user/login", `{}`)
	var login struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(body, &login))
	_, answer, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.base, "http")+wire.RoutePrefix+"my-app"+wire.RouteSuffix+"?baas_at="+login.AccessToken,
		&websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols()})
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, "clients come again")
	p.stderr.Await(t, "the app's sync.db is damaged; stop the server, look at it with 'realm-sync-server fsck', and restore a backup")
	p.stop()
	// A manifest can't name files elsewhere.
	require.NoError(t, os.WriteFile(filepath.Join(copied, "manifest.json"), []byte(`{"format":1,"files":[{"path":"../data/auth.db"}]}`), 0o600))
	_, log, err = ran(t, "restore", "--data", restored, copied)
	require.Error(t, err)
	require.Contains(t, log, "can't have")
}

// Commands keep their hands off directories that are not what they are for, and say so; fsck finds what is wrong with any file of a backup.
func TestWrongDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, copied, empty := filepath.Join(dir, "data"), filepath.Join(dir, "copy"), filepath.Join(dir, "empty")
	require.NoError(t, os.Mkdir(empty, 0o700))
	_, log, err := ran(t, "app", "create", "--data", data, "my-app")
	require.NoError(t, err, log)
	serve(t, data).stop()
	_, log, err = ran(t, "backup", "--data", data, copied)
	require.NoError(t, err, log)
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(data, link))
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"fsck", "--data", empty}, "is not the data directory of a server"},
		{[]string{"keys", "rotate", "--data", empty}, "is not the data directory of a server"},
		{[]string{"backup", "--data", data, filepath.Join(data, "backup")}, "is inside of the data directory"},
		{[]string{"backup", "--data", data, filepath.Join(link, "apps", "a", "b")}, "is inside of the data directory"},
		{[]string{"backup", "--data", data, copied}, "exists already, and is left as it is; choose another name"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", copied}, "is a backup, which a server would change; make a data directory of it with restore"},
		{[]string{"app", "create", "--data", copied, "another"}, "is a backup"},
		{[]string{"restore", "--data", data, copied}, "is not empty, and is left as it is"},
	} {
		_, log, err := ran(t, c.args...)
		require.Error(t, err, "%v", c.args)
		require.Contains(t, log, c.text, "%v", c.args)
	}
	entries, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is left behind")
	require.NoFileExists(t, filepath.Join(copied, "lock"))
	out, log, err := ran(t, "fsck", "--data", copied)
	require.NoError(t, err, log+out)

	keys := filepath.Join(copied, "token-keys")
	text, err := os.ReadFile(keys)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keys, append(text, '\n'), 0o600))
	out, _, err = ran(t, "fsck", "--data", copied)
	require.Error(t, err)
	require.Contains(t, out, "token-keys: it has been damaged or changed")
	require.NoError(t, os.Remove(keys))
	out, _, err = ran(t, "fsck", "--data", copied)
	require.Error(t, err)
	require.Contains(t, out, "token-keys: it is missing")
	_, log, err = ran(t, "restore", "--data", filepath.Join(dir, "restored"), copied)
	require.Error(t, err)
	require.Contains(t, log, "is damaged, nothing was restored")
	require.NoError(t, os.WriteFile(filepath.Join(copied, "manifest.json"), []byte("{"), 0o600))
	_, log, err = ran(t, "fsck", "--data", copied)
	require.Error(t, err)
	require.Contains(t, log, "manifest.json")
}

// Who may not read or write a data directory is told whose it must be.
func TestForbiddenDirectory(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	serve(t, data).stop()
	require.NoError(t, os.Chmod(dir, 0o755))               //nolint:gosec // nobody is to reach it
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) //nolint:gosec // as above
	require.NoError(t, os.Chmod(data, 0o777))              //nolint:gosec // as above
	require.NoError(t, os.Remove(filepath.Join(data, "lock")))
	self, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	program := filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(program, self, 0o755)) //nolint:gosec // nobody is to run it
	cmd, log := command("serve", "--listen", "127.0.0.1:0", "--data", data)
	cmd.Path, cmd.Dir = program, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "config.db: permission denied; this process runs as user 65534")
	require.NoFileExists(t, filepath.Join(data, "logs.db.damaged"), "what can't be read is not damaged")
}
