package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/functions/script"
)

// Command is the argument with which this program is a worker.
const Command = "run-functions"

// The descriptors of a worker's pipes.
const (
	fromServer = 3
	toServer   = 4
)

// Codes with which a worker ends by itself.
const (
	endedWithServer = 0
	endedUnfit      = 2
)

const (
	maxStack  = 32 << 20 // bytes of a goroutine's stack: sources that nest more than that end their worker
	processor = 2        // one for JavaScript, one for what watches it
)

// hooked says that this program knows how to be a worker.
var hooked atomic.Bool

// Hook must be the first thing that main does, or TestMain, in a program that runs functions: when the program was started as a worker it
// is one, and Hook does not return. Without it no worker is started, for the program would not know that it is one.
func Hook() {
	hooked.Store(true)
	if len(os.Args) == 3 && os.Args[1] == Command {
		os.Exit(serve(os.Args[2]))
	}
}

// serve is a worker's life. memory is what it may use, in bytes.
func serve(memory string) int {
	most, err := strconv.ParseInt(memory, 10, 64)
	in, out := os.NewFile(fromServer, "from the server"), os.NewFile(toServer, "to the server")
	for _, f := range []*os.File{in, out} {
		if info, statErr := f.Stat(); err != nil || statErr != nil || info.Mode()&os.ModeNamedPipe == 0 {
			fmt.Fprintln(os.Stderr, "this command is for the server itself, which starts it to run the functions of its apps")
			return endedUnfit
		}
	}
	// A service manager tells every process of a service to end; the server decides when this one does.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	time.Local = time.UTC // there is no file to read another from
	runtime.GOMAXPROCS(processor)
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(most)
	time.NewTimer(0).Stop() // the runtime opens what it waits with now: later it could not
	if err := confine(hardMemory(most)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return endedUnfit
	}
	c := &child{out: out, pending: map[uint32]chan []byte{}, calls: map[uint32]context.CancelFunc{}, programs: map[uint32]*source{}}
	if err := c.read(bufio.NewReaderSize(in, 64<<10)); !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		return endedUnfit
	}
	return endedWithServer
}

// hardMemory is where the kernel ends a worker, for the limit that it ends its calls at by itself: in one step a built-in function can make
// much. Garbage needs no room beside it: the collector keeps the whole of the heap to the limit as long as it can.
func hardMemory(limit int64) int64 { return limit + 256<<20 }

// child is a worker, in its own process.
type child struct {
	write sync.Mutex
	out   *os.File

	mu       sync.Mutex
	asked    uint32                 // the last number of what was asked for
	pending  map[uint32]chan []byte // what is asked for
	calls    map[uint32]context.CancelFunc
	programs map[uint32]*source
}

// source is compiled by the first call that runs it.
type source struct {
	name, text string
	once       sync.Once
	compiled   *script.Program
	err        error
}

func (s *source) compile() (*script.Program, error) {
	s.once.Do(func() {
		s.compiled, s.err = script.Compile(s.name, s.text)
		s.text = ""
	})
	if s.err != nil {
		return nil, &script.ThrownError{Text: "function '" + s.name + "' cannot be compiled: " + s.err.Error()}
	}
	return s.compiled, nil
}

// read does what the server says until its end of the pipe is closed: then it returns io.EOF. Calls run on goroutines of their own: they end with the process.
func (c *child) read(in io.Reader) error {
	for {
		kind, number, body, err := readFrame(in, maxToWorker)
		if err != nil {
			return err
		}
		switch kind {
		case kindProgram:
			var p programBody
			if err := bson.Unmarshal(body, &p); err != nil {
				return err
			}
			c.mu.Lock()
			c.programs[number] = &source{name: p.Name, text: p.Source}
			c.mu.Unlock()
		case kindCall:
			ctx, cancel := context.WithCancel(context.Background())
			c.mu.Lock()
			c.calls[number] = cancel
			c.mu.Unlock()
			go c.call(ctx, number, body)
		case kindCancel:
			c.mu.Lock()
			if cancel := c.calls[number]; cancel != nil {
				cancel()
			}
			c.mu.Unlock()
		case kindReply:
			c.mu.Lock()
			if reply := c.pending[number]; reply != nil {
				reply <- body // has room for one
				delete(c.pending, number)
			}
			c.mu.Unlock()
		case kindCompile:
			go c.compile(number, body)
		default:
			return fmt.Errorf("worker: a frame of kind %d", kind)
		}
	}
}

// send writes a frame whole. The server's end of the pipe is open as long as the server wants an answer.
func (c *child) send(k kind, number uint32, body any) error {
	b, err := frame(k, number, body, maxFromWorker)
	if err != nil {
		return err
	}
	c.write.Lock()
	defer c.write.Unlock()
	_, err = c.out.Write(b)
	return err
}

func (c *child) compile(number uint32, body []byte) {
	var p programBody
	err := bson.Unmarshal(body, &p)
	if err == nil {
		_, err = script.Compile(p.Name, p.Source)
	}
	_ = c.send(kindDone, number, doneBody{Error: bodyOf(err, false)}) // the process ends with its pipe
}

func (c *child) call(ctx context.Context, number uint32, body []byte) {
	done := c.run(ctx, number, body)
	c.mu.Lock()
	c.calls[number]()
	delete(c.calls, number)
	c.mu.Unlock()
	if err := c.send(kindDone, number, done); err != nil {
		// What was to be sent has no form there. If the pipe is broken, this fails as well, and the process is about to end.
		_ = c.send(kindDone, number, doneBody{Error: &errorBody{Kind: errorThrown, Text: "the result cannot be sent: " + err.Error()}})
	}
	if held() > maxHeld {
		debug.FreeOSMemory()
	}
}

// maxHeld is what a worker may have of the kernel, in bytes, between calls: there are many, and most have nothing to do.
const maxHeld = 64 << 20

// held is what the process has of the kernel, and has not given back.
func held() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

func (c *child) run(ctx context.Context, number uint32, body []byte) doneBody {
	var m callBody
	if err := bson.Unmarshal(body, &m); err != nil {
		return doneBody{Error: bodyOf(err, false)}
	}
	h := &host{c: c, call: number, services: m.Services}
	f, err := c.function(&m.Function)
	if err != nil {
		return doneBody{Error: bodyOf(err, false)}
	}
	if m.Caller == nil {
		m.Caller = &auth.Caller{}
	}
	out := script.Run(ctx, h, script.Call{
		Function: f, Args: m.Args, Caller: m.Caller, App: m.App, AppName: m.AppName,
		Environment: m.Environment, EnvironmentValues: raw(m.EnvironmentValues), Limits: m.Limits,
	})
	done := doneBody{Value: out.Value, Error: bodyOf(out.Err, false)}
	for _, err := range out.Failed {
		done.Failed = append(done.Failed, err.Error())
	}
	return done
}

func (c *child) function(f *functionBody) (*script.Function, error) {
	c.mu.Lock()
	s := c.programs[f.Program]
	c.mu.Unlock()
	if s == nil {
		return nil, fmt.Errorf("worker: there is no program %d", f.Program)
	}
	p, err := s.compile()
	if err != nil {
		return nil, err
	}
	return &script.Function{Name: f.Name, System: f.System, Program: p}, nil
}
