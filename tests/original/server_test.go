package original

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/tests/logs"
)

var serverBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "original-server")
	if err != nil {
		return "", err
	}
	builtDir = dir
	binary := filepath.Join(dir, "realm-sync-server")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "sqlite_omit_load_extension", "-o", binary, "realmsync/cmd/realm-sync-server")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return binary, nil
})

var builtDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if builtDir != "" {
		_ = os.RemoveAll(builtDir) // a temporary folder
	}
	os.Exit(code)
}

// server is a running realm-sync-server. It keeps its address over restarts, so that clients find it again.
type server struct {
	t    testing.TB
	data string
	addr string
	args []string
	cmd  *exec.Cmd
	log  logs.Buffer
}

// startServer starts a server on a free port, with its data in a folder of the test; in development mode if no arguments say otherwise.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if os.Getenv(peerEnv) == "" {
		t.Skip("without the original's client: see scripts/original.sh")
	}
	if len(args) == 0 {
		args = []string{"--dev"}
	}
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), addr: "127.0.0.1:0", args: args}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			text := s.log.String()
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-32<<10):])
		}
	})
	s.start()
	return s
}

func (s *server) url() string { return "http://" + s.addr }

// start starts the program and waits for its first line.
func (s *server) start() {
	s.t.Helper()
	binary, err := serverBinary()
	require.NoError(s.t, err)
	for deadline := time.Now().Add(20 * time.Second); ; { // the address of a killed server may be taken for a moment
		s.cmd = exec.Command(binary, append([]string{"serve", "--listen", s.addr, "--data", s.data, "--log-level", "debug"}, s.args...)...)
		s.cmd.Stderr = &s.log
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := s.cmd.StdoutPipe()
		require.NoError(s.t, err)
		require.NoError(s.t, s.cmd.Start())
		line, _ := bufio.NewReader(out).ReadString('\n')
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on "); ok {
			_, s.addr, _ = strings.Cut(address, "://")
			return
		}
		_ = s.cmd.Wait()
		require.True(s.t, time.Now().Before(deadline), "the server did not start: %s", s.log.String())
	}
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}
