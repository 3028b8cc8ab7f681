package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serverBinary builds the server once for all tests of the package; TestMain removes it.
var serverBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "e2e-server")
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
	if arguments := os.Getenv(workerEnv); arguments != "" {
		if err := runWorker(arguments); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if builtDir != "" {
		_ = os.RemoveAll(builtDir) // a temporary folder
	}
	os.Exit(code)
}

// server is a running realm-sync-server.
type server struct {
	t    *testing.T
	data string
	addr string // where it listens; kept over restarts, so that clients find it again
	args []string
	cmd  *exec.Cmd
	done chan error
	log  *tail

	strict bool // not in development mode
	tls    bool // its arguments name a certificate

	debugging bool   // serves /debug/memory too ...
	debug     string // ... at this URL
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
		if s.cmd != nil {
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
	// The address of a killed server may be taken for a moment.
	for deadline := time.Now().Add(patient); ; {
		line, err := s.try()
		if addr, ok := strings.CutPrefix(line, "listening on "); ok {
			_, s.addr, _ = strings.Cut(addr, "://")
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server did not start: %v; its first line was %q\n%s", err, line, s.log.String())
		}
	}
}

// try starts the program and returns its first line, or its end.
func (s *server) try() (string, error) {
	binary, err := serverBinary()
	require.NoError(s.t, err)
	args := append([]string{"serve", "--listen", s.addr, "--data", s.data, "--log-level", "debug"}, s.args...)
	if !s.strict {
		args = append(args, "--dev")
	}
	if s.debugging {
		args = append(args, "--debug-listen", "127.0.0.1:0")
	}
	cmd := exec.Command(binary, args...)
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	cmd.Stderr = s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	first, second, done, log := make(chan string, 1), make(chan string, 1), make(chan error, 1), s.log
	go func() {
		// The kernel sends Pdeathsig when the thread that has started the program ends, and Go ends threads: this one stays until it is over.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			first <- ""
			done <- err
			return
		}
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n')
		first <- line
		if s.debugging {
			line, _ = lines.ReadString('\n')
			second <- line
		}
		_, _ = lines.WriteTo(log) // until the program ends
		done <- cmd.Wait()
	}()
	line := <-first
	if line == "" {
		return "", <-done
	}
	s.cmd, s.done = cmd, done
	if s.debugging {
		s.debug = strings.TrimSpace(strings.TrimPrefix(<-second, "debugging on "))
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// stop ends the server with SIGTERM and requires that it stops cleanly.
func (s *server) stop() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	select {
	case err := <-s.done:
		require.NoError(s.t, err, "the server did not stop cleanly")
	case <-ctx.Done():
		s.kill()
		s.t.Error("the server did not stop in time after SIGTERM")
	}
	s.cmd = nil
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
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
