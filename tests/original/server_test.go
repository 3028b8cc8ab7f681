package original

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/logs"
	"realmsync/tests/program"
)

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// server is a running realm-sync-server. It keeps its address over restarts, so that clients find it again.
type server struct {
	t       testing.TB
	data    string
	addr    string
	args    []string
	program *program.Server // nil: it doesn't run
	log     logs.Buffer
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
	p, err := program.Await(&s.log, append([]string{"--listen", s.addr, "--data", s.data, "--log-level", "debug"}, s.args...)...)
	require.NoError(s.t, err, &s.log)
	s.program, s.addr = p, p.Addr
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	if s.program != nil {
		s.program.Kill()
		s.program = nil
	}
}
