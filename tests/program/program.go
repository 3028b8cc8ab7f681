// Package program runs realm-sync-server for tests, as a program of its own that doesn't outlive the test's.
package program

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is longer than any start or end takes, unless something is broken.
const patience = time.Minute

var built string // the folder of the program; "": there is none

// Binary builds the program, once for all tests of a package, and returns its path. Call Remove in the end.
var Binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "realm-sync-server")
	if err != nil {
		return "", err
	}
	built = dir
	binary := filepath.Join(dir, "realm-sync-server")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "sqlite_omit_load_extension", "-o", binary, "realmsync/cmd/realm-sync-server")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return binary, nil
})

// Remove removes what Binary has built. TestMain calls it when all tests are over.
func Remove() {
	if built != "" {
		_ = os.RemoveAll(built) // a temporary folder
	}
}

// Server is a server that has said where it listens. One goroutine uses it.
type Server struct {
	Addr  string // "host:port"
	Debug string // the base URL that --debug-listen opened; "": without

	cmd  *exec.Cmd
	done chan error
}

// Start starts "realm-sync-server serve" and waits for its first lines; all that it says goes to log. The error is its end, if it ends before.
func Start(log io.Writer, args ...string) (*Server, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, append([]string{"serve"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, done := make(chan string, 2), make(chan error, 1)
	expected := 1
	if slices.Contains(args, "--debug-listen") {
		expected = 2
	}
	go func() {
		// The kernel sends Pdeathsig when the thread that has started the program ends, and Go ends threads: this one stays until it is over.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			lines := bufio.NewReader(out)
			for range expected {
				line, _ := lines.ReadString('\n') // "" when the program ends
				said <- strings.TrimSuffix(line, "\n")
			}
			_, _ = lines.WriteTo(log) // until the program ends
			err = cmd.Wait()
		}
		close(said)
		done <- err
	}()
	s := &Server{cmd: cmd, done: done}
	line := <-said
	address, ok := strings.CutPrefix(line, "listening on ")
	if !ok {
		if line != "" {
			_ = cmd.Process.Kill() // it runs, and says something else
		}
		return nil, fmt.Errorf("the server did not start: its first line is %q, its end: %v", line, <-done)
	}
	_, s.Addr, _ = strings.Cut(address, "://")
	if expected > 1 {
		s.Debug = strings.TrimPrefix(<-said, "debugging on ")
	}
	return s, nil
}

// Await is Start again and again, for a minute: the address of a killed server may be taken for a moment.
func Await(log io.Writer, args ...string) (*Server, error) {
	if _, err := Binary(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; {
		s, err := Start(log, args...)
		if err == nil || time.Now().After(deadline) {
			return s, err
		}
	}
}

// Signal sends the program a signal.
func (s *Server) Signal(signal os.Signal) error { return s.cmd.Process.Signal(signal) }

// Stop ends the server with SIGTERM. It is an error if it fails on the way, or takes more than a minute: it is killed then.
func (s *Server) Stop() error {
	if err := s.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-s.done:
		return err
	case <-timer.C:
		s.Kill()
		return fmt.Errorf("the server did not stop within %v after SIGTERM", patience)
	}
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.done
}
