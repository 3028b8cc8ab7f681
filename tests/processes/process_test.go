package processes

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// patient is longer than any wait of a test, unless something is broken.
const patient = 60 * time.Second

const roleEnv = "REALM_PROCESSES_ROLE"

func TestMain(m *testing.M) {
	if arguments := os.Getenv(roleEnv); arguments != "" {
		runtime.LockOSThread()
		parts := strings.Split(arguments, "\n")
		if err := roles[parts[0]](&control{lines: bufio.NewScanner(os.Stdin)}, parts[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// roles are the programs that other processes run.
var roles = map[string]func(c *control, arguments []string) error{}

// control is how a role talks to the test: lines of text.
type control struct{ lines *bufio.Scanner }

// say tells the test something.
func (c *control) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// hear waits for a line of the test.
func (c *control) hear() string {
	c.lines.Scan()
	return c.lines.Text()
}

// process is another process.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser
	lines chan string // what it says
	errs  *strings.Builder
	long  time.Duration // beside patient, how long it may take to say something
}

func (p *process) deadline(work time.Duration) { p.long = work }

// start starts a role. It is killed with the test.
func start(t *testing.T, role string, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0]), lines: make(chan string, 1024), errs: &strings.Builder{}}
	// The race detector makes a process sleep for a second before it ends, unless it is told otherwise.
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"), roleEnv+"="+strings.Join(append([]string{role}, arguments...), "\n"))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = p.errs
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.input, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	// Pdeathsig is sent when the thread ends that started the process.
	runtime.LockOSThread()
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// hear waits for the next line, which must begin with a word, and returns the rest.
func (p *process) hear(word string) string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			err := p.cmd.Wait()
			p.cmd = nil
			p.t.Fatalf("a process ended instead of saying %q: %v\n%s", word, err, p.errs)
		}
		rest, found := strings.CutPrefix(line, word)
		require.True(p.t, found, "%q instead of %q", line, word)
		return strings.TrimSpace(rest)
	case <-time.After(patient + p.long):
		p.t.Fatalf("a process doesn't say %q", word)
		return ""
	}
}

// tell sends a line.
func (p *process) tell(line string) {
	p.t.Helper()
	_, err := io.WriteString(p.input, line+"\n")
	require.NoError(p.t, err)
}

// finish waits for the process to end well.
func (p *process) finish() {
	p.t.Helper()
	for range p.lines { // to the end
	}
	err := p.cmd.Wait()
	p.cmd = nil
	require.NoError(p.t, err, p.errs)
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended
	for range p.lines {      // to the end
	}
	_ = p.cmd.Wait() // killed, it says
	p.cmd = nil
}
