package script

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
	"golang.org/x/text/collate"

	"realmsync/server/excerpt"
)

// call is one running call. Only its goroutine touches it, except what says otherwise.
type call struct {
	Call

	ctx    context.Context // ends with the call: what waits stops
	host   Host
	vm     *goja.Runtime
	loop   loop
	log    logger
	cpu    meter
	bson   classes
	buffer *goja.Object // the class Buffer; nil: it has not been made
	node   *goja.Object // the modules of node.js; nil: they have not been made
	loaded map[moduleKey]*module

	// The runtime's own, whatever a function does to its globals.
	newDate    goja.Constructor
	dateValue  goja.Callable
	isArray    goja.Callable
	errorClass *goja.Object

	asyncIterator *goja.Symbol // Symbol.asyncIterator
	collators     map[collation]*collate.Collator
}

// Run runs a function to its end: until its result, or the promise that it returned, is settled; whatever it started and did not wait
// for is given up then. It does not panic.
func Run(ctx context.Context, host Host, what Call) (out Outcome) {
	what.Limits = what.Limits.WithDefaults()
	if what.Now == nil {
		what.Now = time.Now
	}
	ctx, cancel := context.WithTimeoutCause(ctx, what.Limits.Wall, &LimitError{"execution time limit exceeded"})
	c := &call{Call: what, ctx: ctx, host: host, vm: goja.New(), loaded: map[moduleKey]*module{}}
	c.log.to, c.log.left = host.Log, what.Limits.Log
	c.loop.init(c)
	// In this order: what waits is told, it is waited for, then nothing of the call runs any more.
	defer func() { out.Failed = c.log.failed }()
	defer c.loop.close()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.vm.Interrupt(context.Cause(ctx)) })
	defer stop()
	defer watchMemory(c)()
	c.cpu.init(what.Limits.CPU, func() { c.vm.Interrupt(&LimitError{"execution time limit exceeded: too much processor time"}) })
	defer c.cpu.stop()

	defer func() {
		if p := recover(); p != nil {
			out.Value, out.Err = nil, fmt.Errorf("script: panic in function %s: %v\n%s", what.Function.Name, p, debug.Stack())
		}
	}()
	out.Value, out.Err = c.run()
	if out.Err != nil {
		out.Value, out.Err = nil, c.explain(out.Err)
	}
	return out
}

func (c *call) run() (any, error) {
	var result *goja.Promise
	err := c.enter(func() error {
		c.vm.SetMaxCallStackSize(c.Limits.Frames)
		c.vm.SetParserOptions(parser.WithDisableSourceMaps)
		c.vm.SetTimeSource(c.Now)
		if err := c.globals(); err != nil {
			return err
		}
		fn, err := c.load(c.Function)
		if err != nil {
			return err
		}
		args := make([]goja.Value, len(c.Args))
		for i, a := range c.Args {
			args[i] = c.toJS(a)
		}
		v, err := fn(goja.Undefined(), args...)
		if err != nil {
			return err
		}
		// Whatever can be awaited is.
		promise, resolve, _ := c.vm.NewPromise()
		if err := resolve(v); err != nil {
			return err
		}
		result = promise
		return nil
	})
	if err != nil {
		return nil, err
	}
	for {
		// Reactions of promises run when a call from outside returns.
		if err := c.enter(c.drain); err != nil {
			return nil, err
		}
		if result.State() != goja.PromiseStatePending {
			break
		}
		if err := c.loop.step(); err != nil {
			return nil, err
		}
	}
	if result.State() == goja.PromiseStateRejected {
		return nil, &rejection{result.Result()}
	}
	var out any
	err = c.enter(func() (err error) {
		out, err = c.result(result.Result())
		return err
	})
	return out, err
}

// rejection is the reason of a promise that was the function's result.
type rejection struct{ reason goja.Value }

// Error implements error.
func (r *rejection) Error() string { return "rejected" }

// enter runs f as if JavaScript had called it: exceptions and interrupts that it panics with become its error. The time counts as the
// function's.
func (c *call) enter(f func() error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	c.cpu.start()
	defer c.cpu.pause()
	var failed error
	fn, _ := goja.AssertFunction(c.vm.ToValue(func(goja.FunctionCall) goja.Value {
		failed = f()
		return goja.Undefined()
	}))
	if _, err := fn(goja.Undefined()); err != nil {
		return err
	}
	return failed
}

func (c *call) drain() error { return nil }

// explain turns an error of goja into one of this package.
func (c *call) explain(err error) error {
	var interrupted *goja.InterruptedError
	if errors.As(err, &interrupted) {
		if cause, ok := interrupted.Value().(error); ok {
			return cause
		}
		return &LimitError{fmt.Sprint(interrupted.Value())}
	}
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		return thrown("RangeError: Maximum call stack size exceeded")
	}
	var rejected *rejection
	if errors.As(err, &rejected) {
		return c.describe(rejected.reason, "")
	}
	var exception *goja.Exception
	if errors.As(err, &exception) {
		// Not its String: that asks what was thrown for its text.
		var stack strings.Builder
		for _, frame := range exception.Stack() {
			fmt.Fprintf(&stack, "at %s (%s)\n", frame.FuncName(), frame.Position())
		}
		return c.describe(exception.Value(), stack.String())
	}
	return err
}

// describe says what was thrown. Asking a value for its text may run the function's code again.
func (c *call) describe(v goja.Value, stack string) error {
	e := &ThrownError{Stack: stack}
	err := c.enter(func() error {
		e.Text = c.textOf(v)
		if o, ok := v.(*goja.Object); ok && e.Stack == "" && o.ClassName() == "Error" {
			e.Stack = stringOr(o.Get("stack"), "")
		}
		return nil
	})
	if err != nil {
		var interrupted *goja.InterruptedError
		if errors.As(err, &interrupted) || c.ctx.Err() != nil {
			return c.explainOnce(err)
		}
		e.Text = "an error that has no text"
	}
	if e.Text = clip(e.Text, maxThrown); e.Text == "" {
		e.Text = "an error without a text"
	}
	e.Stack = clip(e.Stack, maxThrown)
	return e
}

func (c *call) explainOnce(err error) error {
	var interrupted *goja.InterruptedError
	if errors.As(err, &interrupted) {
		if cause, ok := interrupted.Value().(error); ok {
			return cause
		}
	}
	return err
}

const maxThrown = 4096 // bytes of what is told of an exception

// textOf is the text of something thrown: the message of an Error, with its name unless that is Error; a string as it is; of anything
// else its extended JSON.
func (c *call) textOf(v goja.Value) string {
	if o, ok := v.(*goja.Object); ok {
		if o.ClassName() == "Error" || c.vm.InstanceOf(o, c.errorClass) {
			name, message := stringOr(o.Get("name"), "Error"), stringOr(o.Get("message"), "")
			switch {
			case name == "Error" || name == "":
				return message
			case message == "":
				return name
			}
			return name + ": " + message
		}
	}
	return c.inspect(v)
}

func stringOr(v goja.Value, other string) string {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return other
	}
	return v.String()
}

func clip(s string, most int) string { return excerpt.Of(s, most) }

// meter adds up the time in which JavaScript runs, and says when it is too much. Of the time that goes by while it runs, only what the
// process computes counts, where that is known: on a busy machine a function waits for a processor, and that is not its doing.
type meter struct {
	mu        sync.Mutex
	left      time.Duration
	timer     *time.Timer
	processor func() (used time.Duration, ok bool) // of the whole process: never less than the function's
	since     time.Time
	used      time.Duration // what the processor said at since
	depth     int
	stopped   bool
}

func (m *meter) init(most time.Duration, over func()) {
	if m.processor == nil {
		m.processor = processorTime
	}
	m.left = most
	m.timer = time.AfterFunc(most, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		// A timer that fired while it was being stopped is not one that counts.
		if m.stopped || m.depth == 0 {
			return
		}
		if left := m.left - m.gone(); left > 0 {
			m.timer.Reset(max(left, time.Millisecond))
			return
		}
		over()
	})
	m.timer.Stop()
}

// gone is what counts since JavaScript runs. Other threads of the process compute as well, so it is never more than what the clock says.
func (m *meter) gone() time.Duration {
	gone := time.Since(m.since)
	if used, ok := m.processor(); ok {
		gone = min(gone, used-m.used)
	}
	return gone
}

func (m *meter) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.depth++; m.depth == 1 {
		m.since = time.Now()
		m.used, _ = m.processor()
		m.timer.Reset(m.left)
	}
}

func (m *meter) pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.depth--; m.depth == 0 {
		m.timer.Stop()
		// What is left is never nothing: the timer must be what ends the call.
		m.left = max(m.left-m.gone(), time.Millisecond)
	}
}

func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	m.timer.Stop()
}
