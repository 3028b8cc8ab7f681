package worker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"realmsync/server/functions/script"
)

// maxSources is how many bytes of sources a worker is given before it is replaced: it keeps what it compiled.
const maxSources = 16 << 20

// process is a worker as the server sees it. Its methods may be called concurrently.
type process struct {
	app string
	cfg Config // of the pool
	cmd *exec.Cmd
	in  *os.File // the server's ends of the pipes: to the worker
	out *os.File // and from it
	err head
	end chan struct{} // closed when the process is gone, and nothing is left of it

	write    sync.Mutex // orders frames, and guards programs. Who has it waits for the worker: so nobody who has another lock takes it
	programs map[[sha256.Size]byte]uint32
	sources  atomic.Int64 // bytes
	strained atomic.Bool  // a call passed a limit: what it left is garbage that nobody may ever collect
	strays   int          // frames of no call since the last one that was of one; the reader's

	mu      sync.Mutex
	last    uint32 // number of a call
	running map[uint32]*running
	dead    error // why nothing more is run; nil: it lives
	killed  error // why the server ended it
}

// start starts a worker for an app. gone is called when it has ended.
func start(app string, cfg Config, gone func(*process)) (*process, error) {
	if !hooked.Load() {
		return nil, errors.New("worker: main does not begin with Hook: functions cannot run in this program")
	}
	path, err := program()
	if err != nil {
		return nil, err
	}
	fromHere, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer fromHere.Close()
	out, toHere, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer toHere.Close()
	w := &process{
		app: app, cfg: cfg, in: in, out: out, end: make(chan struct{}),
		programs: map[[sha256.Size]byte]uint32{}, running: map[uint32]*running{},
	}
	w.cmd = &exec.Cmd{
		Path: path, Args: []string{os.Args[0], Command, strconv.FormatInt(cfg.Memory, 10)}, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{fromHere, toHere}, Stderr: &w.err, SysProcAttr: attributes(),
	}
	keepDescriptors()
	started := make(chan error)
	go w.own(started, gone)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("worker: %w", errors.Join(err, in.Close(), out.Close()))
	}
	return w, nil
}

// own is the goroutine of a process, from its start to its end. It stays on its thread: the kernel ends the process with the thread that
// started it, and the runtime ends threads.
func (w *process) own(started chan<- error, gone func(*process)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := w.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	read := make(chan struct{})
	go func() {
		defer close(read)
		if err := w.read(); err != nil {
			w.kill(fmt.Errorf("worker: it broke the rules of the pipe: %w", err))
		}
	}()
	_ = w.cmd.Wait() // its state says more
	<-read
	_ = w.in.Close()
	_ = w.out.Close()
	w.bury()
	gone(w)
	close(w.end)
}

// kill ends the process, for a reason that its calls are told.
func (w *process) kill(why error) {
	w.mu.Lock()
	if w.killed == nil {
		w.killed = why
	}
	w.mu.Unlock()
	_ = w.cmd.Process.Kill() // it may have ended
}

// errRetired is why a worker ends that nobody needs.
var errRetired = errors.New("worker: not needed any more")

// bury tells the calls of a process that has ended why it has.
func (w *process) bury() {
	said, state := w.err.String(), w.cmd.ProcessState.String()
	w.mu.Lock()
	switch {
	case w.killed != nil:
		w.dead = w.killed
	case strings.Contains(said, "stack exceeds"), strings.Contains(said, "stack overflow"):
		w.dead = &script.ThrownError{Text: "RangeError: Maximum call stack size exceeded"}
	case outOfMemory.MatchString(said):
		w.dead = &script.LimitError{What: "memory limit exceeded"}
	default:
		w.dead = &CrashError{State: state}
	}
	dead := w.dead
	for number, r := range w.running {
		delete(w.running, number)
		r.done <- Outcome{Err: dead} // has room for one
	}
	w.mu.Unlock()
	if !errors.Is(dead, errRetired) && !errors.Is(dead, ErrClosed) {
		w.cfg.Logger.Error("a worker of functions has ended", "app", w.app, "error", dead, "state", state, "said", said)
	}
}

// outOfMemory is what the runtime, and the C library beneath it, say when the kernel gives no more memory.
var outOfMemory = regexp.MustCompile(`(?i)out of memory|cannot allocate|failed to (reserve|allocate)|pthread_create failed`)

// CrashError is what is known of a worker that ended in the middle of a call.
type CrashError struct{ State string }

// Error implements error.
func (e *CrashError) Error() string { return "the process that ran the function ended: " + e.State }

// alive says whether more can be run.
func (w *process) alive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead == nil && w.killed == nil
}

// worn says whether the process should be replaced.
func (w *process) worn() bool { return w.strained.Load() || w.sources.Load() > maxSources }

// send writes a frame. It waits for the worker to read, which it always does: one that does not is killed by who watches the call.
func (w *process) send(k kind, number uint32, body any) error {
	b, err := frame(k, number, body, maxToWorker)
	if err != nil {
		return err
	}
	w.write.Lock()
	defer w.write.Unlock()
	_, err = w.in.Write(b)
	return err
}

// known returns what a worker calls a function, after it has been given the source.
func (w *process) known(f *Function) (*functionBody, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(f.Name), f.Name, f.Source)
	key := [sha256.Size]byte(h.Sum(nil))
	w.write.Lock()
	defer w.write.Unlock()
	number := w.programs[key]
	if number == 0 {
		number = uint32(len(w.programs) + 1) //nolint:gosec // of 16 MiB of sources
		b, err := frame(kindProgram, number, programBody{f.Name, f.Source}, maxToWorker)
		if err != nil {
			return nil, err
		}
		if _, err := w.in.Write(b); err != nil {
			return nil, err
		}
		w.programs[key] = number
		w.sources.Add(int64(len(f.Source)))
	}
	return &functionBody{Name: f.Name, System: f.System, Program: number}, nil
}

// begin counts a call.
func (w *process) begin(r *running) (uint32, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead != nil {
		return 0, w.dead
	}
	w.last++
	w.running[w.last] = r
	return w.last, nil
}

// read takes the worker's frames until it ends. Nothing of it is believed: the error is of a worker that must be ended.
func (w *process) read() error {
	in := bufio.NewReaderSize(w.out, 64<<10)
	for {
		kind, number, body, err := readFrame(in, maxFromWorker)
		if err != nil {
			return nil //nolint:nilerr // it has ended; what was cut off is not there
		}
		if err := w.take(kind, number, body); err != nil {
			return err
		}
	}
}

func (w *process) take(kind kind, number uint32, body []byte) error {
	switch kind {
	case kindDone:
		w.mu.Lock()
		r := w.running[number]
		delete(w.running, number)
		w.mu.Unlock()
		if r == nil {
			return fmt.Errorf("there is no call %d", number)
		}
		var d doneBody
		if err := unmarshal(body, &d); err != nil {
			r.done <- Outcome{Err: err}
			return err
		}
		r.done <- Outcome{Value: d.Value, Failed: d.Failed, Err: d.Error.err()}
	case kindAsk:
		var a askBody
		if err := unmarshal(body, &a); err != nil {
			return err
		}
		r := w.call(a.Call)
		if r == nil {
			return w.stray()
		}
		return r.ask(w, number, &a)
	case kindLog:
		var l logBody
		if err := unmarshal(body, &l); err != nil {
			return err
		}
		r := w.call(number)
		if r == nil {
			return w.stray()
		}
		return r.logged(script.Line{Level: l.Level, Text: l.Text})
	default:
		return fmt.Errorf("a frame of kind %d", kind)
	}
	return nil
}

func (w *process) call(number uint32) *running {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.running[number]
	if r != nil {
		w.strays = 0
	}
	return r
}

// stray takes a frame of a call that ended, or was given up, while the frame was on its way. There are few of those.
func (w *process) stray() error {
	if w.strays++; w.strays > maxStrays {
		return errors.New("it speaks of calls that it does not have")
	}
	return nil
}

const maxStrays = 10_000 // a function may log for a moment before it is told to end

// compile asks the worker whether a source can be compiled. It must be the only thing that the worker does.
func (w *process) compile(ctx context.Context, name, source string) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	r := &running{ctx: over, done: make(chan Outcome, 1)} // nothing can be asked for
	number, err := w.begin(r)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { w.kill(&script.SyntaxError{Text: "it takes too long to compile"}) })
	defer stop()
	var form formError
	if err := w.send(kindCompile, number, programBody{name, source}); errors.As(err, &form) {
		return &script.SyntaxError{Text: form.Error()}
	}
	return (<-r.done).Err // also when it has ended before it read
}

// head keeps the beginning of what is written: what a process says when it breaks begins with why.
type head struct {
	mu   sync.Mutex
	text []byte
}

const maxHead = 2 << 10 // bytes

// Write implements io.Writer.
func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), maxHead-len(h.text))]...)
	return len(b), nil
}

// String is what was kept.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.ToValidUTF8(string(h.text), "?")
}
