package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/program"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv(workerEnv); arguments != "" {
		if err := runWorker(arguments); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// server is a realm-sync-server and how it is started.
type server struct {
	t       *testing.T
	data    string
	addr    string // where it listens; kept over restarts, so that clients find it again
	args    []string
	program *program.Server // nil: it doesn't run
	log     *tail

	strict    bool // not in development mode
	tls       bool // its arguments name a certificate
	debugging bool // serves /debug/memory too
}

// startServer starts a development server on a free port, with its data in a folder of the test.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := serverOf(t, args...)
	s.start()
	return s
}

// serverOf is a server that is not started yet.
func serverOf(t *testing.T, args ...string) *server {
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), addr: ownLoopback() + ":0", args: args, log: &tail{}}
	t.Cleanup(func() {
		if s.program != nil {
			s.stop()
		}
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", s.log.String())
		}
	})
	return s
}

var servers atomic.Uint32

// ownLoopback is an address of this machine that nobody else listens on or connects from, so that a server that is killed and started again finds its port free. Only
// Linux has more than one such address.
func ownLoopback() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return net.IPv4(127, byte(1+pid>>8%254), byte(pid), byte(1+servers.Add(1)%254)).String()
}

// url is the server's base URL.
func (s *server) url() string {
	if s.tls {
		return "https://" + s.addr
	}
	return "http://" + s.addr
}

// start starts the program and waits for its first line.
func (s *server) start() {
	s.t.Helper()
	p, err := program.Await(s.log, s.arguments()...)
	require.NoError(s.t, err, s.log)
	s.program, s.addr = p, p.Addr
}

func (s *server) arguments() []string {
	args := append([]string{"--listen", s.addr, "--data", s.data, "--log-level", "debug"}, s.args...)
	if !s.strict {
		args = append(args, "--dev")
	}
	if s.debugging {
		args = append(args, "--debug-listen", "127.0.0.1:0")
	}
	return args
}

// stop ends the server with SIGTERM and requires that it stops cleanly.
func (s *server) stop() {
	s.t.Helper()
	p := s.program
	s.program = nil
	require.NoError(s.t, p.Stop())
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	s.program.Kill()
	s.program = nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailSize = 64 << 10

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if over := len(w.b) - tailSize; over > 0 {
		w.b = append(w.b[:0], w.b[over:]...)
	}
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
