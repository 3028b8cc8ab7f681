package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
	"realmsync/tests/request"
)

// launch starts a server with exactly these arguments, and returns its first lines, as many as asked for.
func launch(t *testing.T, lines int, args ...string) (*process, []string) {
	t.Helper()
	cmd, log := command(append([]string{"serve"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{t: t, cmd: cmd, stderr: log}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = p.wait()
	})
	reader := bufio.NewReader(out)
	var said []string
	for range lines {
		line, err := reader.ReadString('\n')
		require.NoError(t, err, "%s", log)
		said = append(said, strings.TrimSpace(line))
	}
	return p, said
}

// One server listens on several addresses; localhost is both loopback addresses on one port. Who asks is answered on each, with the address that it
// came to, and limits of connections count over all of them.
func TestListenAddresses(t *testing.T) {
	t.Parallel()
	two, said := launch(t, 2, "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--data", t.TempDir(), "--dev", "--max-connections", "1")
	for _, line := range said {
		base, ok := strings.CutPrefix(line, "listening on ")
		require.True(t, ok, line)
		two.base = base
		require.EventuallyWithT(t, func(c *assert.CollectT) { // the connection before this one may still be counted
			a, err := request.Request{Method: http.MethodGet, URL: base + "/api/client/v2.0/app/x/location"}.Try(t.Context())
			assert.NoError(c, err)
			assert.Contains(c, string(a.Body), base)
		}, patience, 10*time.Millisecond)
	}
	held, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimPrefix(said[0], "listening on "), "http://"))
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) { // as soon as the first was accepted
		conn, err := net.Dial("tcp", strings.TrimPrefix(two.base, "http://"))
		if !assert.NoError(c, err) {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
		assert.ErrorIs(c, err, io.EOF, "one too many is closed at once")
	}, patience, 10*time.Millisecond)
	require.NoError(t, held.Close())
	two.stop()

	if !hasLoopback6() {
		t.Log("there is no ::1 here: localhost is one address")
		return
	}
	both, said := launch(t, 2, "--listen", "localhost:0", "--data", t.TempDir(), "--dev")
	four, six := strings.TrimPrefix(said[0], "listening on http://127.0.0.1:"), strings.TrimPrefix(said[1], "listening on http://[::1]:")
	require.Equal(t, four, six)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		both.base = "http://" + host + ":" + four
		status, _ := both.request(http.MethodGet, "/healthz", "")
		require.Equal(t, 200, status)
	}
	both.stop()
}

// The server serves HTTPS, and a renewed certificate after SIGHUP, without a restart; settings of the environment are those of the process.
func TestServesTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir, 1)
	t.Setenv("REALM_SYNC_TLS_CERT", cert)
	t.Setenv("REALM_SYNC_TLS_KEY", key)
	t.Setenv("REALM_SYNC_LISTEN", "127.0.0.1:0")
	p, said := launch(t, 1, "--data", filepath.Join(dir, "data"), "--dev")
	address, ok := strings.CutPrefix(said[0], "listening on https://")
	require.True(t, ok, said[0])
	serial := func() (int64, error) {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		_, err = fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if err != nil {
			return 0, err
		}
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK") {
			return 0, fmt.Errorf("%q, %w", answer, err)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	n, err := serial()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	selfSigned(t, dir, 2)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		n, err := serial()
		assert.NoError(c, err)
		assert.EqualValues(c, 2, n)
	}, patience, 10*time.Millisecond)
	p.stop()
}

// What operators count is there under its name: sessions, uploads, downloads, histograms of times, length of histories, sizes of views, times of stores.
func TestMetricsOfAServer(t *testing.T) {
	t.Parallel()
	p := serve(t, t.TempDir())
	ws := p.dial("my-app")
	bind(t, ws)
	want := []string{
		"realm_sync_connections 1", "realm_sync_sessions 1", "realm_sync_apps_open 1", "realm_sync_subscription_sets 1", "realm_sync_queries 0",
		`realm_sync_messages_received_total{name="ident"} 1`, `realm_sync_messages_sent_total{name="download"} 1`,
		"realm_sync_bootstrap_seconds_count 1", "realm_sync_history_versions ", "realm_sync_versions_kept ", "realm_sync_changesets_total 0",
		"realm_sync_merge_seconds_bucket{le=", "realm_sync_group_seconds_bucket{le=", "realm_sync_group_uploads_bucket{le=", "realm_sync_trim_seconds_bucket{le=",
		"realm_sync_received_bytes_total ", "realm_sync_sent_bytes_total ",
		`realm_http_request_seconds_bucket{route="app/:app/auth/providers/:provider/login",le=`, `realm_http_requests_total{method="POST",route="app/:app/auth/providers/:provider/login",status="200"} 1`,
		"go_memstats_heap_alloc_bytes ", "process_resident_memory_bytes ", "process_open_fds ",
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) { // what is sent is counted a moment later
		status, body := p.request(http.MethodGet, "/metrics", "")
		assert.Equal(c, 200, status)
		for _, line := range want {
			assert.True(c, strings.Contains(string(body), "\n"+line), line)
		}
	}, patience, 10*time.Millisecond)
	require.NoError(t, ws.CloseNow())
	p.stop()
}

// The id of a request is in its answer, in its line of the log, and in every line of the sync connection that it became; lines are JSON.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	p, said := launch(t, 1, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev", "--log-level", "debug", "--log-format", "json")
	p.base = strings.TrimPrefix(said[0], "listening on ")
	id := request.Request{Method: http.MethodGet, URL: p.base + "/api/client/v2.0/app/my-app/location"}.Do(t).Header.Get("X-Appservices-Request-Id")
	require.Regexp(t, "^[0-9a-f]{24}$", id)
	ws := p.dial("my-app")
	bind(t, ws)
	require.NoError(t, ws.CloseNow())
	p.stop()
	byMessage := map[string]map[string]any{}
	upgrade := ""
	for line := range strings.Lines(p.stderr.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		byMessage[fmt.Sprint(fields["msg"], " ", fields["request"])] = fields
		if fields["msg"] == "request" && strings.HasSuffix(fmt.Sprint(fields["path"]), "/realm-sync") {
			upgrade = fmt.Sprint(fields["request"])
		}
	}
	require.Equal(t, "/api/client/v2.0/app/my-app/location", byMessage["request "+id]["path"])
	require.NotEmpty(t, upgrade)
	for _, message := range []string{"connected", "disconnected"} {
		require.Equal(t, "my-app", byMessage[message+" "+upgrade]["app"], message)
	}
}

// The log lines of an app are there after a restart, also one by kill -9, and the link in an error leads to those of the request; they are in no backup, and
// a file of them that is damaged keeps nobody from starting.
func TestLogsOfAnApp(t *testing.T) {
	t.Parallel()
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	p := serve(t, data)
	// refused makes an error, and returns where its link leads.
	refused := func() *url.URL {
		status, body := p.request(http.MethodPost, "/api/client/v2.0/app/my-app/auth/providers/local-userpass/login", `{"username":"a@b.c","password":"wrong password"}`)
		require.Equal(t, 401, status)
		var e struct{ Link string }
		require.NoError(t, json.Unmarshal(body, &e))
		require.True(t, strings.HasPrefix(e.Link, p.base+"/groups/"), e.Link)
		link, err := url.Parse(e.Link)
		require.NoError(t, err)
		return link
	}
	// administer asks as an administrator.
	administer := func(method, path string, out any) {
		_, body := p.request(http.MethodPost, "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`)
		var session struct {
			Token string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal(body, &session))
		r, err := http.NewRequestWithContext(t.Context(), method, p.base+"/api/admin/v3.0"+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+session.Token)
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Less(t, response.StatusCode, 300)
		if out != nil {
			require.NoError(t, json.NewDecoder(response.Body).Decode(out))
		}
	}
	link := refused()
	type page struct{ Logs []struct{ Error string } }
	logs := func() (out page) {
		administer(http.MethodGet, link.RequestURI(), &out)
		return out
	}
	for _, kill := range []bool{false, true} {
		got := logs()
		require.Len(t, got.Logs, 1)
		require.Contains(t, got.Logs[0].Error, "invalid username/password")
		if kill {
			require.NoError(t, p.cmd.Process.Kill())
			require.Error(t, p.wait())
		} else {
			p.stop()
		}
		p = serve(t, data)
	}
	require.Len(t, logs().Logs, 1)
	_, log, err := ran(t, "backup", "--data", data, out)
	require.NoError(t, err, log)
	require.NoFileExists(t, filepath.Join(out, "logs.db"))
	// An app that is deleted takes its lines along: another of its name doesn't have them.
	administer(http.MethodDelete, strings.TrimSuffix(link.Path, "/logs"), nil)
	link.Path = refused().Path
	require.Empty(t, logs().Logs)
	p.stop()

	require.NoError(t, os.WriteFile(filepath.Join(data, "logs.db"), []byte("damaged, and no database at all"), 0o600))
	_, log, err = ran(t, "fsck", "--data", data)
	require.NoError(t, err, log)
	p = serve(t, data)
	p.stderr.Await(t, "nothing but log lines is lost")
	require.Empty(t, logs().Logs)
	_, metrics := p.request(http.MethodGet, "/metrics", "")
	require.Contains(t, string(metrics), "realm_app_log_lines_lost_total 0")
	p.stop()
	p, _ = launch(t, 1, "--listen", "127.0.0.1:0", "--data", data, "--dev", "--log-keep", "0")
	p.stop()
	for _, name := range []string{"logs.db", "logs.db.damaged"} {
		require.NoFileExists(t, filepath.Join(data, name))
	}
}

// How long a client may be away is what its app says, or else the server's setting.
func TestMaxOffline(t *testing.T) {
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, configs.Close()) }()
	_, err = configs.Update(t.Context(), "theirs", func(c *appconfig.Config) error {
		c.Services[0].FlexibleSync = &appconfig.FlexibleSync{State: "enabled", DatabaseName: "db", ClientMaxOfflineDays: 5}
		return nil
	})
	require.NoError(t, err)
	var c serveCommand
	parser, err := kong.New(&c, kong.Vars{"version": version})
	require.NoError(t, err)
	_, err = parser.Parse([]string{"--data", t.TempDir(), "--max-offline-days", "7"})
	require.NoError(t, err)
	of := c.maxOffline(configs)
	require.Equal(t, 5*24*time.Hour, of(context.Background(), "theirs"))
	require.Equal(t, 7*24*time.Hour, of(context.Background(), "another"))
	c = serveCommand{}
	_, err = parser.Parse([]string{"--data", t.TempDir()})
	require.NoError(t, err)
	require.Equal(t, 30*24*time.Hour, c.maxOffline(configs)(context.Background(), "another"), "the default")
}

// The Debian package has the program, its unit, its configuration, which dpkg keeps when it was changed, and the guide.
func TestDebianPackage(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("there is no dpkg-deb")
	}
	file := filepath.Join(t.TempDir(), "server.deb")
	build := exec.Command("bash", "../../scripts/deb.sh", file)
	build.Env = append(os.Environ(), "REALM_SYNC_SERVER=/bin/true")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("dpkg-deb", "--contents", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, path := range []string{"./usr/bin/realm-sync-server", "./lib/systemd/system/realm-sync-server.service", "./etc/realm-sync-server/server.yaml", "./usr/share/doc/realm-sync-server/server.md"} {
		require.Contains(t, string(out), path+"\n")
	}
	out, err = exec.Command("dpkg-deb", "--info", file, "conffiles").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "/etc/realm-sync-server/server.yaml\n", string(out))
	// The container runs the same program, as no root.
	text, err := os.ReadFile("../../packaging/Containerfile")
	require.NoError(t, err)
	for _, line := range []string{"scripts/goserver.sh /out/realm-sync-server", "USER 10001", `CMD ["serve", "--data", "/data"`} {
		require.Contains(t, string(text), line)
	}
}

// Profiles and memory are for who is on this machine.
func TestDebugListen(t *testing.T) {
	t.Parallel()
	p, said := launch(t, 2, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev", "--debug-listen", "127.0.0.1:0")
	p.base = strings.TrimPrefix(said[1], "debugging on ")
	status, body := p.request(http.MethodGet, "/debug/memory", "")
	require.Equal(t, 200, status)
	var m memoryState
	require.NoError(t, json.Unmarshal(body, &m))
	require.Greater(t, m.Heap, uint64(100_000))
	require.Greater(t, m.SQLite, uint64(10_000))
	require.Greater(t, m.Resident, m.Heap+m.SQLite)
	require.Greater(t, m.Goroutines, 5)
	require.Greater(t, m.Files, 5)
	status, _ = p.request(http.MethodGet, "/debug/pprof/heap?debug=1", "")
	require.Equal(t, 200, status)
	p.base = strings.TrimPrefix(said[0], "listening on ")
	status, _ = p.request(http.MethodGet, "/debug/memory", "")
	require.Equal(t, 404, status)
	p.stop()
	cmd, log := command("serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev", "--debug-listen", "0.0.0.0:0")
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "only a loopback address")
}
