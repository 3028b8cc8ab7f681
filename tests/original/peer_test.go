package original

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// peerEnv names the program; see scripts/original.sh.
const peerEnv = "REALM_ORIGINAL"

// patient is how long a test waits for what must come.
const patient = time.Minute

// peer is a process with the original's client in it: one device.
type peer struct {
	t       testing.TB
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan answer
	log     logs.Buffer // the client's

	mu     sync.Mutex
	events []event
	more   chan struct{} // closed when there is one more
}

// answer is a line that answers a command.
type answer struct {
	OK      json.RawMessage
	Error   *string
	Refused *refusal
}

// refusal is an error that the original's App gave to its caller.
type refusal struct {
	Code, Reason, Link string
	ServerError        string   `json:"server_error"`
	Status             int      // of HTTP; 0 if there is none
	Kinds              []string // the predicates that hold
}

func (r *refusal) Error() string { return r.Code + ": " + r.Reason }

// event is what the client tells by itself.
type event struct {
	Event       string
	Realm       string
	Code, Text  string
	Fatal       bool
	Action      int
	ClientReset bool `json:"client_reset"`
	Unknown     bool
	Recovered   bool
	Compensated []struct{ Class, Key, Reason string } `json:"compensating_writes"`

	Direction                 string
	Transferred, Transferable int64
	Estimate                  float64
}

// object is a JSON object.
type object = map[string]any

// startPeer starts a device whose files are in dir. It ends with the test.
func startPeer(t testing.TB, url, app, dir string) *peer {
	t.Helper()
	program := os.Getenv(peerEnv)
	if program == "" {
		t.Skip("without the original's client: see scripts/original.sh")
	}
	require.NoError(t, os.MkdirAll(dir, 0o700))
	p := &peer{t: t, cmd: exec.Command(program, url, app, dir), answers: make(chan answer), more: make(chan struct{})}
	p.cmd.Stderr = &p.log
	if os.Getenv("PEER_LOG") != "" {
		if os.Getenv("REALM_ORIGINAL_LOGS") == "" {
			p.cmd.Stderr = io.MultiWriter(os.Stderr, &p.log)
		}
	} else {
		p.cmd.Env = append(os.Environ(), "PEER_LOG=debug")
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.listen(out)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text := p.log.String()
			if kept := os.Getenv("REALM_ORIGINAL_LOGS"); kept != "" { // the whole of it
				_ = os.WriteFile(filepath.Join(kept, strings.ReplaceAll(t.Name()+"-"+filepath.Base(dir), "/", "-")+fmt.Sprintf("-%d.log", p.cmd.Process.Pid)), []byte(text), 0o600)
			}
			t.Logf("the log of the client in %s ends with:\n%s", dir, text[max(0, len(text)-8<<10):])
		}
	})
	return p
}

func (p *peer) listen(out io.Reader) {
	defer close(p.answers)
	for lines := bufio.NewReaderSize(out, 1<<20); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var e event
		if json.Unmarshal(line, &e) == nil && e.Event != "" {
			p.mu.Lock()
			p.events = append(p.events, e)
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
			continue
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			text := fmt.Sprintf("the peer said %q", line)
			a.Error = &text
		}
		p.answers <- a
	}
}

// kill ends the process as kill -9 does.
func (p *peer) kill() {
	_ = p.cmd.Process.Kill()
	for range p.answers {
	}
	_ = p.cmd.Wait()
}

// try tells a command and returns its answer.
func (p *peer) try(command object) (json.RawMessage, error) {
	line, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("the original's client has died: %w", err)
	}
	select {
	case a, alive := <-p.answers:
		if !alive {
			return nil, fmt.Errorf("the original's client has died of %v", command["do"])
		}
		if a.Refused != nil {
			return nil, a.Refused
		}
		if a.Error != nil {
			return nil, errors.New(*a.Error)
		}
		return a.OK, nil
	case <-time.After(2 * patient):
		return nil, fmt.Errorf("no answer to %v", command["do"])
	}
}

// do is try of what must succeed.
func (p *peer) do(command object) json.RawMessage {
	p.t.Helper()
	out, err := p.try(command)
	require.NoError(p.t, err, "%v", command["do"])
	return out
}

// await waits for an event that matches, takes it and those before it.
func (p *peer) await(matches func(event) bool) event {
	p.t.Helper()
	for deadline := time.After(patient); ; {
		p.mu.Lock()
		for i, e := range p.events {
			if matches(e) {
				p.events = p.events[i+1:]
				p.mu.Unlock()
				return e
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			p.t.Fatalf("the event did not come; there are %v", p.said())
		}
	}
}

// becomes repeats a command until its answer is want: for what comes by itself.
func (p *peer) becomes(command object, want string) {
	p.t.Helper()
	for deadline := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		have := string(p.do(command))
		if have == want {
			return
		}
		if time.Now().After(deadline) {
			require.Equal(p.t, want, have, "%v", command)
		}
	}
}

// refused is try of what must fail, and returns why.
func (p *peer) refused(command object) string {
	p.t.Helper()
	out, err := p.try(command)
	require.Error(p.t, err, "%v succeeded: %s", command["do"], out)
	return err.Error()
}

// said returns the events that nobody took.
func (p *peer) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, len(p.events))
	for i, e := range p.events {
		out[i] = strings.TrimSpace(e.Event + " " + e.Code + " " + e.Text)
	}
	return out
}
