package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/wire"
	"realmsync/server/functions"
	"realmsync/tests/logs"
	"realmsync/tests/request"
)

// asServer makes the test binary be the server.
const asServer = "SERVER_TEST_MAIN"

func TestMain(m *testing.M) {
	functions.Hook()
	if os.Getenv(asServer) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come. It is no limit that a busy machine should reach.
const patience = time.Minute

// process is a running server.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	base   string // "http://127.0.0.1:port"
	stderr *logs.Buffer
	once   sync.Once
	err    error // of Wait
}

func command(args ...string) (*exec.Cmd, *logs.Buffer) {
	cmd := exec.Command(os.Args[0], args...)
	// The race detector makes a process sleep for a second before it ends, unless it is told otherwise.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"), asServer+"=1")
	log := &logs.Buffer{}
	cmd.Stderr = log
	return cmd, log
}

// serve starts a server on a free port and waits for its start-up line, which is the first.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	cmd, log := command(append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--dev"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{t: t, cmd: cmd, stderr: log}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		p.wait()
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err, "%s", log)
	base, ok := strings.CutPrefix(line, "listening on ")
	require.True(t, ok, line)
	p.base = strings.TrimSpace(base)
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9][0-9]*$`, p.base)
	return p
}

func (p *process) wait() error {
	p.once.Do(func() { p.err = p.cmd.Wait() })
	return p.err
}

// stop sends SIGTERM and waits for the orderly end.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(p.t, p.wait(), "%s", p.stderr)
}

// request makes an HTTP request and returns the status and the body.
func (p *process) request(method, path, body string) (int, []byte) {
	p.t.Helper()
	a := request.Request{Method: method, URL: p.base + path, Body: body}.Do(p.t)
	return a.Status, a.Body
}

// dial logs a user in and opens a sync connection.
func (p *process) dial(app string) *websocket.Conn {
	p.t.Helper()
	status, body := p.request(http.MethodPost, "/api/client/v2.0/app/"+app+"/auth/providers/anon-user/login", `{}`)
	require.Equal(p.t, 200, status, "%s", body)
	var login struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(p.t, json.Unmarshal(body, &login))
	return p.dialAs(app, login.AccessToken)
}

func (p *process) dialAs(app, token string) *websocket.Conn {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	url := "ws" + strings.TrimPrefix(p.base, "http") + wire.RoutePrefix + app + wire.RouteSuffix + "?baas_at=" + token
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: wire.OfferedSubprotocols()})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func send(t *testing.T, ws *websocket.Conn, m wire.ClientMessage) {
	t.Helper()
	b, err := m.Append(nil)
	require.NoError(t, err)
	require.NoError(t, ws.Write(t.Context(), websocket.MessageBinary, b))
}

func receive[M wire.ServerMessage](t *testing.T, ws *websocket.Conn) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, b, err := ws.Read(ctx)
	require.NoError(t, err)
	m, err := wire.ParseServerMessage(b, wire.Limits{})
	require.NoError(t, err)
	out, ok := m.(M)
	require.True(t, ok, "%q", b)
	return out
}

// bind makes a client file and takes its first bootstrap in.
func bind(t *testing.T, ws *websocket.Conn) (*wire.ServerIdent, *wire.Download) {
	t.Helper()
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	ident := receive[*wire.ServerIdent](t, ws)
	send(t, ws, &wire.Ident{Session: 1, FileIdent: ident.FileIdent, Salt: ident.Salt, Query: []byte("{}")})
	return ident, receive[*wire.Download](t, ws)
}

// The whole way: start-up line, health, metrics, login, sync; SIGTERM sends clients away and ends the process well; what was there
// is there after a restart, also after kill -9.
func TestServe(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data)
	status, _ := p.request(http.MethodGet, "/healthz", "")
	require.Equal(t, 200, status)
	ws := p.dial("my-app")
	ident, download := bind(t, ws)
	require.GreaterOrEqual(t, ident.FileIdent, uint64(2))
	require.Equal(t, wire.LastInBatch, download.BatchState)
	_, metrics := p.request(http.MethodGet, "/metrics", "")
	require.Contains(t, string(metrics), "realm_sync_sessions 1")

	// A second instance keeps its hands off.
	second, log := command("serve", "--listen", "127.0.0.1:0", "--data", data, "--dev")
	require.Error(t, second.Run())
	require.Contains(t, log.String(), "another realm-sync-server is using")

	p.stop()
	_, _, err := ws.Read(t.Context())
	require.Equal(t, websocket.StatusCode(wire.CloseInternalError), websocket.CloseStatus(err), "%v", err)
	require.Contains(t, p.stderr.String(), "stopped")
	require.NotContains(t, p.stderr.String(), "baas_at", "tokens are not logged")

	for range 2 {
		p = serve(t, data)
		status, body := p.request(http.MethodGet, "/api/client/v2.0/app/my-app/location", "")
		require.Equal(t, 200, status)
		require.Contains(t, string(body), p.base)
		next, _ := bind(t, p.dial("my-app"))
		require.Greater(t, next.FileIdent, ident.FileIdent, "idents are never given out twice")
		ident = next
		require.NoError(t, p.cmd.Process.Kill())
		require.Error(t, p.wait())
	}
}

// A client file is known after kill -9: it was durable before it was given out.
func TestFileSurvivesKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data)
	status, body := p.request(http.MethodPost, "/api/client/v2.0/app/a/auth/providers/anon-user/login", `{}`)
	require.Equal(t, 200, status)
	var login struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(body, &login))
	ident, download := bind(t, p.dialAs("a", login.AccessToken))
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.wait())
	p = serve(t, data)
	ws := p.dialAs("a", login.AccessToken)
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil)})
	send(t, ws, &wire.Ident{Session: 1, FileIdent: ident.FileIdent, Salt: ident.Salt, Download: download.Progress.Download, Latest: download.Progress.Latest, Query: []byte("{}")})
	require.Equal(t, wire.SteadyState, receive[*wire.Download](t, ws).BatchState)
}

// Wrong use is told on standard error, with a status that says so.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := l.Addr().String()
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"serve", "--listen", "nowhere", "--data", t.TempDir()}, "HOST:PORT"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", file}, "making the data directory"},
		{[]string{"serve", "--log-level", "loud"}, "log-level"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--base-url", "ftp://x"}, "base URL"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--program-delay", "1s"}, "--program-delay works with --dev only"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--known-apps"}, "--known-apps works with --dev only"},
		{[]string{"config", "check", "--data", "x", "--known-apps"}, "--known-apps works with --dev only"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--log-keep", "-1h"}, "--log-keep"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--rules", "strict"}, "app create --rules strict"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--memory", "1"}, "--memory must be at least 64"},
		{[]string{"serve", "--listen", taken, "--data", t.TempDir()}, "--listen " + taken + ": listen tcp " + taken + ": bind: address already in use; another process listens there"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", taken, "--data", t.TempDir()}, "--admin-listen " + taken + ": listen"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", taken, "--data", t.TempDir()}, "--metrics-listen " + taken + ": listen"},
		{[]string{"serve", "--listen", "192.0.2.1:1", "--data", t.TempDir()}, "this machine doesn't have that address"},
		{[]string{"nonsense"}, "nonsense"},
	} {
		cmd, log := command(c.args...)
		out, err := cmd.Output()
		require.Error(t, err, "%v", c.args)
		require.Contains(t, log.String(), c.text)
		require.NotContains(t, string(out), "listening on", "%v", c.args)
		require.NotContains(t, log.String(), "msg=serving", "%v", c.args)
		require.Less(t, strings.Count(string(out)+log.String(), "\n"), 8, "the error is not lost in the help: %s%s", out, log)
	}
	cmd, _ := command("version")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintln("realm-sync-server", version), string(out))
}
