package original

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/program"
)

// run runs another command of the server's program.
func (s *server) run(args ...string) {
	s.t.Helper()
	binary, err := program.Binary()
	require.NoError(s.t, err)
	out, err := exec.Command(binary, args...).CombinedOutput()
	require.NoError(s.t, err, "%s: %s", strings.Join(args, " "), out)
}

// terminate terminates sync, and enables it again.
func (o *operator) terminate() {
	o.t.Helper()
	o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":""}}`, 204)
	o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":"enabled"}}`, 204)
}

// modes are the ways to reset, each with what the device has in the end, and whether it recovers.
var modes = []struct {
	mode, has string
	recovered bool
}{
	{"manual", "1:1 2:2 3:3", false},
	{"discard", "1:1 2:2 3:3", false},
	{"recover", "1:11 2:2 4:4", true},
	{"recover_or_discard", "1:11 2:2 4:4", true},
}

// diverge makes a device with three synced objects, which changes one, erases one and makes one while it is offline.
func diverge(t *testing.T, srv *server, app, mode, dir string) *peer {
	p := startPeer(t, srv.url(), app, dir)
	p.do(object{"do": "login"})
	p.open(object{"reset": mode})
	p.subscribe("Item")
	for i := 1; i <= 3; i++ {
		p.item(i, i)
	}
	p.sync()
	p.r("pause")
	p.write(set(1, "n", integer(11)))
	p.write(erase(3), create(4), set(4, "n", integer(4)))
	return p
}

// reset waits until the device has reset itself, or opens its file again if it leaves that to its program, and returns the device as it is then.
func (p *peer) reset(srv *server, app, mode, dir string, recovered bool) *peer {
	p.t.Helper()
	if mode == "manual" {
		e := p.await(func(e event) bool { return e.Event == "error" })
		require.True(p.t, e.ClientReset, "%s %s", e.Code, e.Text)
		require.True(p.t, e.Fatal)
		require.Equal(p.t, "1:11 2:2 4:4", p.items(), "the old file is as it was")
		p.kill()
		p = startPeer(p.t, srv.url(), app, dir)
		p.open(object{"reset": mode})
		p.subscribe("Item")
		return p
	}
	p.await(func(e event) bool { return e.Event == "before_reset" })
	e := p.await(func(e event) bool { return e.Event == "after_reset" || e.Event == "error" })
	require.Equal(p.t, "after_reset", e.Event, "%s %s", e.Code, e.Text)
	require.Equal(p.t, recovered, e.Recovered)
	return p
}

// settled requires that the device goes on as any other, and is told nothing more.
func (p *peer) settled(want string) {
	p.t.Helper()
	p.sync()
	require.Equal(p.t, want, p.items())
	p.item(9, 9)
	p.sync()
	require.Equal(p.t, want+" 9:9", p.items())
	p.r("pause")
	p.r("resume")
	p.sync()
	require.Empty(p.t, p.said())
}

// Sync that is terminated and enabled again resets all devices, each in its own way.
func TestResetAfterTermination(t *testing.T) {
	for _, m := range modes {
		t.Run(m.mode, func(t *testing.T) {
			srv := startServer(t)
			dir := filepath.Join(t.TempDir(), "files")
			p := diverge(t, srv, "terminated", m.mode, dir)
			operate(t, srv, "terminated").terminate()
			p.r("resume")
			p = p.reset(srv, "terminated", m.mode, dir, m.recovered)
			p.settled(m.has)
		})
	}
}

// A server that was restored from a backup knows less than its devices.
func TestResetAfterRestore(t *testing.T) {
	for _, m := range modes {
		t.Run(m.mode, func(t *testing.T) {
			srv := startServer(t)
			dir := filepath.Join(t.TempDir(), "files")
			p := startPeer(t, srv.url(), "restored", dir)
			p.do(object{"do": "login"})
			p.open(object{"reset": m.mode})
			p.subscribe("Item")
			for i := 1; i <= 3; i++ {
				p.item(i, i)
			}
			p.sync()
			backup := filepath.Join(t.TempDir(), "backup")
			srv.run("backup", "--data", srv.data, backup)
			p.item(5, 5)
			p.write(set(2, "n", integer(22)))
			p.sync()
			p.r("pause")
			p.write(set(1, "n", integer(11)))
			p.write(erase(3), create(4), set(4, "n", integer(4)), erase(5), set(2, "n", integer(2)))
			srv.kill()
			srv.data = filepath.Join(t.TempDir(), "restored")
			srv.run("restore", "--data", srv.data, backup)
			srv.start()
			p.r("resume")
			p = p.reset(srv, "restored", m.mode, dir, m.recovered)
			p.settled(m.has)
		})
	}
}

// An administrator resets one file while it is connected; and again, before and after its reset has come to an end.
func TestResetOfOneFile(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "one")
	other := newPeer(t, srv, "one")
	other.open(nil)
	other.subscribe("Item")
	dir := filepath.Join(t.TempDir(), "files")
	p := diverge(t, srv, "one", "recover", dir)
	p.r("resume")
	p.sync()
	for range 3 {
		ident := fileIdent(p)
		o.call("PUT", "/sync/force_reset", `{"file_ident":`+ident+`}`, 204)
		p.reset(srv, "one", "recover", dir, true)
		p.sync()
	}
	p.settled("1:11 2:2 4:4")
	other.r("download")
	require.Equal(t, "1:11 2:2 4:4 9:9", other.items())
	other.quiet()
}

// fileIdent is the identity of the client file, as its log has it.
func fileIdent(p *peer) string {
	text := p.log.String()
	const mark = "IDENT(client_file_ident="
	at := strings.LastIndex(text, mark)
	require.GreaterOrEqual(p.t, at, 0)
	ident, _, _ := strings.Cut(text[at+len(mark):], ",")
	return ident
}

// Where recovery is not allowed, who insists on it is told, and who doesn't loses what was not synced.
func TestResetWithoutRecovery(t *testing.T) {
	srv := startServer(t)
	for _, mode := range []string{"recover", "recover_or_discard"} {
		t.Run(mode, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "files")
			app := "norecovery-" + mode
			p := diverge(t, srv, app, mode, dir)
			o := operate(t, srv, app)
			o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":"enabled","is_recovery_mode_disabled":true}}`, 204)
			o.terminate()
			p.r("resume")
			if mode == "recover_or_discard" {
				p = p.reset(srv, app, mode, dir, false)
				p.settled("1:1 2:2 3:3")
				return
			}
			e := p.await(func(e event) bool { return e.Event == "error" })
			require.Equal(t, "AutoClientResetFailed", e.Code, e.Text)
			require.True(t, e.ClientReset)
			p.kill()
			p = startPeer(t, srv.url(), app, dir)
			p.open(object{"reset": mode})
			p.subscribe("Item")
			p.settled("1:1 2:2 3:3")
		})
	}
}

// The type of a property changes: programs of before can't go on, programs of now can.
func TestResetAfterBreakingChange(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "breaking")
	o.itemClasses()
	o.strict(`["n"]`)
	dir := filepath.Join(t.TempDir(), "files")
	p := diverge(t, srv, "breaking", "recover_or_discard", dir)
	o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":""}}`, 204)
	schemas := decoded[[]struct {
		ID       string `json:"_id"`
		Metadata struct{ Collection string }
	}](t, o.call("GET", "/schemas", "", 200))
	for _, s := range schemas {
		if s.Metadata.Collection == "Item" {
			o.call("PUT", "/schemas/"+s.ID, `{"schema":{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"double"},"owner":{"bsonType":"string"}},"required":["_id","n"]}}`, 204)
		}
	}
	o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":"enabled"}}`, 204)
	p.r("resume")
	e := p.await(func(e event) bool { return e.Event == "error" })
	require.Equal(t, "AutoClientResetFailed", e.Code, e.Text)
	require.True(t, e.ClientReset)
	t.Log(e.Text)
	p.kill()
	p = startPeer(t, srv.url(), "breaking", dir)
	now := strings.Replace(string(itemSchema), `"n": {"type": "Int"}, "owner"`, `"n": {"type": "Double"}, "owner"`, 1)
	p.open(object{"reset": "recover_or_discard", "schema": json.RawMessage(now)})
	p.subscribe("Item")
	require.Equal(t, "3", string(p.do(object{"do": "query", "realm": "r", "class": "Item", "query": "n > 0.5"})))
	require.Empty(t, p.said())
}

// A file that came after the backup was made has an identity that the restored server gives to others. What it has not uploaded, and the subscriptions that it has not
// asked for yet, are there after its reset. Users who came after the backup are unknown, and logged out.
func TestResetOfAFileThatTheBackupDoesNotKnow(t *testing.T) {
	srv := startServer(t)
	old := newPeer(t, srv, "unknown")
	old.open(nil)
	old.subscribe("Item")
	old.item(1, 1)
	old.sync()
	old.r("close")
	p := newPeer(t, srv, "unknown")
	backup := filepath.Join(t.TempDir(), "backup")
	srv.run("backup", "--data", srv.data, backup)

	p.open(object{"reset": "recover"})
	p.subscribe("Item:n < 5")
	p.item(2, 2)
	p.sync()
	p.r("pause")
	p.item(3, 3)
	p.do(object{"do": "subscribe", "realm": "r", "wait": false, "replace": false, "subscriptions": subscriptions("Item:n > 50", "Other")})
	p.item(60, 60)
	late := newPeer(t, srv, "unknown")
	late.open(nil)
	late.subscribe("Item")
	srv.kill()
	srv.data = filepath.Join(t.TempDir(), "restored")
	srv.run("restore", "--data", srv.data, backup)
	srv.start()
	e := late.await(func(e event) bool { return e.Event == "error" && e.Fatal })
	require.Equal(t, "AuthError", e.Code, e.Text)
	for i := range 2 {
		other := newPeer(t, srv, "unknown")
		other.open(nil)
		other.subscribe("Item")
		other.item(70+i, 70+i)
		other.sync()
	}
	p.r("resume")
	require.Equal(t, "after_reset", p.await(func(e event) bool { return e.Event == "after_reset" || e.ClientReset }).Event)
	require.Equal(t, `"complete"`, string(p.r("await_set")))
	p.sync()
	require.Len(t, p.active().Subscriptions, 3)
	require.Equal(t, "1:1 3:3 60:60 70:70 71:71", p.items(), "2 was uploaded, and is lost with what the backup does not have")
}
