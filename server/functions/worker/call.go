package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/functions/script"
)

// Function is one function of an app, as the server has it.
type Function struct {
	Name, Source string
	System       bool // it runs as the server itself
}

// Call is what is run, and for whom.
type Call struct {
	Function *Function
	Args     bson.A
	Caller   *auth.Caller
	// App is the client app id, AppName its name. Environment is the tag of the environment, with its values as extended JSON.
	App, AppName      string
	Environment       string
	EnvironmentValues map[string]string
	Services          []string // the names of the app's data sources
	Limits            script.Limits
}

// Host answers what a function asks for, in the server, with the rights of the call that it was made for. Its methods may be called
// concurrently, and keep to their context.
type Host interface {
	// Function returns another function of the app that is about to be called with args, or nil; an error means that this caller may not
	// call it.
	Function(ctx context.Context, name string, args bson.A) (*Function, error)
	// Module returns another function of the app whose source is about to be a part of the one that requires it, or nil.
	Module(ctx context.Context, name string) (*Function, error)
	// Data runs an operation on a collection (app-services 7.4); system says that rules don't apply.
	Data(ctx context.Context, system bool, service, method string, arg bson.D) (any, error)
	// Value returns a value of the app, and whether there is one.
	Value(name string) (any, bool)
	// HTTP makes a request.
	HTTP(ctx context.Context, r script.HTTPRequest) (script.HTTPResponse, error)
}

// Outcome is what a call came to.
type Outcome struct {
	Value any // BSON; nil for none
	Log   []script.Line
	// Failed is what went wrong in the server or the worker, of which the function was told no more than that.
	Failed []string
	// Err is *script.ThrownError, *script.LimitError, *CrashError, the cause of the context's end, or another for what went wrong in the
	// server.
	Err error
	// Settled is closed when nothing of the call runs any more: operations that do not keep to their context may go on after it.
	Settled <-chan struct{}
}

const (
	// maxAtOnce is what a call may ask for before it has answers. Package script waits for each but HTTP requests, of which it makes six.
	maxAtOnce = 16
)

// running is a call in the server.
type running struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	host   Host
	limits script.Limits
	done   chan Outcome // has room for one

	mu     sync.Mutex
	asks   sync.WaitGroup // those that are being answered
	atOnce int
	asked  int
	system bool // a function that runs as the system is part of the call
	failed []string
	log    []script.Line
	left   int // bytes of log
}

// run runs a call in a worker, to its end or its limits.
func (w *process) run(ctx context.Context, host Host, c Call) Outcome {
	c.Limits = c.Limits.WithDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := &script.LimitError{What: "execution time limit exceeded"}
	ctx, stop := context.WithTimeoutCause(ctx, c.Limits.Wall, late)
	defer stop()
	r := &running{
		ctx: ctx, cancel: cancel, host: host, limits: c.Limits, done: make(chan Outcome, 1),
		system: c.Function.System || c.Caller.System, left: c.Limits.Log + 2*lineCost + len(dropped),
	}
	number, err := w.begin(r)
	if err != nil {
		return Outcome{Err: err, Settled: r.settled()}
	}
	out := r.wait(w, number, c)
	switch cause := context.Cause(ctx); {
	case out.Err == nil:
	case cause != nil && !errors.Is(cause, context.Canceled):
		out.Err = cause // the worker knows only that it was told to end
	case cause != nil && !isCrash(out.Err):
		out.Err = cause
	}
	var limit *script.LimitError
	if errors.As(out.Err, &limit) {
		w.strained.Store(true)
	}
	cancel(nil)
	out.Settled = r.settled()
	select {
	case <-out.Settled:
	case <-time.After(w.cfg.Grace):
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out.Log, out.Failed = r.log, append(r.failed, out.Failed...)
	return out
}

func isCrash(err error) bool {
	var crash *CrashError
	return errors.As(err, &crash)
}

// wait sends the call and waits for its outcome. What the worker doesn't end in time itself, the server ends with it.
func (r *running) wait(w *process, number uint32, c Call) Outcome {
	// Sending waits for the worker as well, so this does not wait for that.
	var stuck deadline
	stuck.set(r.limits.Wall+w.cfg.Grace, func() { w.kill(&script.LimitError{What: "execution time limit exceeded"}) })
	defer stuck.stop()
	stopWatch := w.watchProcessor(r.limits.CPU)
	defer stopWatch()
	leave := context.AfterFunc(r.ctx, func() {
		if stuck.reset(w.cfg.Grace) {
			_ = w.send(kindCancel, number, nil) // a worker that is gone has ended the call
		}
	})
	defer leave()
	f, err := w.known(c.Function)
	if err == nil {
		err = w.send(kindCall, number, callBody{
			Function: *f, Args: c.Args, Caller: c.Caller, App: c.App, AppName: c.AppName, Environment: c.Environment,
			EnvironmentValues: c.EnvironmentValues, Services: c.Services, Limits: c.Limits,
		})
	}
	var form formError
	if errors.As(err, &form) && w.withdraw(number) {
		return Outcome{Err: &script.ThrownError{Text: "the arguments cannot be given to a function: " + form.Error()}}
	}
	return <-r.done // any other error is that of a worker that ended
}

// withdraw takes back a call that was not sent, and says whether it was still there.
func (w *process) withdraw(number uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, there := w.running[number]
	delete(w.running, number)
	return there
}

// deadline is a timer that stays stopped.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
}

func (d *deadline) set(after time.Duration, f func()) {
	d.timer = time.AfterFunc(after, f)
}

// reset sets another time, unless it was stopped.
func (d *deadline) reset(after time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer == nil {
		return false
	}
	d.timer.Reset(after)
	return true
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
	d.timer = nil
}

// watchProcessor kills the worker when it has computed for longer than a call may, whatever it says. Its time is asked of the kernel; where
// that does not tell, the limit on the time in all holds.
func (w *process) watchProcessor(most time.Duration) (stop func()) {
	pid := w.cmd.Process.Pid
	from, ok := processorTime(pid)
	if !ok {
		return func() {}
	}
	most = processor*most + w.cfg.Grace // the collector computes as well
	var mu sync.Mutex
	var timer *time.Timer
	stopped := false
	check := func() {
		mu.Lock()
		defer mu.Unlock()
		now, ok := processorTime(pid)
		if stopped || !ok {
			return
		}
		left := most - time.Duration(now-from)
		if left <= 0 {
			w.kill(&script.LimitError{What: "execution time limit exceeded: too much processor time"})
			return
		}
		timer.Reset(max(left/processor, 10*time.Millisecond))
	}
	mu.Lock()
	timer = time.AfterFunc(most/processor, check)
	mu.Unlock()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

// settled is closed when everything that the call asked for was answered. Nothing more is asked: the call is over.
func (r *running) settled() <-chan struct{} {
	settled := make(chan struct{})
	r.mu.Lock()
	none := r.atOnce == 0
	r.mu.Unlock()
	if none {
		close(settled)
		return settled
	}
	go func() {
		r.asks.Wait()
		close(settled)
	}()
	return settled
}

// ask answers what a function asks for. The error is of a worker that does what package script does not.
func (r *running) ask(w *process, number uint32, a *askBody) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return nil // the worker has been told
	}
	if r.asked++; r.asked > r.limits.Asks {
		r.cancel(&script.LimitError{What: fmt.Sprintf("the function asks the server for more than %d things", r.limits.Asks)})
		return nil
	}
	if r.atOnce++; r.atOnce > maxAtOnce {
		return fmt.Errorf("more than %d things are asked for at once", maxAtOnce)
	}
	r.asks.Go(func() {
		defer func() {
			r.mu.Lock()
			r.atOnce--
			r.mu.Unlock()
		}()
		var form formError
		if err := w.send(kindReply, number, r.answer(w, a)); errors.As(err, &form) {
			refusal := &errorBody{Kind: errorRefused, Code: "ReadSizeLimitExceeded", Text: "the answer cannot be given to a function: " + form.Error()}
			_ = w.send(kindReply, number, replyBody{Error: refusal}) // it may be gone
		}
	})
	return nil
}

func (r *running) answer(w *process, a *askBody) (reply replyBody) {
	var err error
	switch a.What {
	case askFunction, askModule:
		var f *Function
		if a.What == askFunction {
			args, _ := a.Args.(bson.A)
			f, err = r.host.Function(r.ctx, a.Name, args)
		} else {
			f, err = r.host.Module(r.ctx, a.Name)
		}
		if f != nil && err == nil {
			if a.What == askFunction && f.System {
				r.mu.Lock()
				r.system = true
				r.mu.Unlock()
			}
			reply.Function, err = w.known(f)
		}
	case askValue:
		reply.Value, reply.Found = r.host.Value(a.Name)
	case askData:
		arg, _ := a.Args.(bson.D)
		r.mu.Lock()
		system := a.System && r.system
		r.mu.Unlock()
		reply.Value, err = r.host.Data(r.ctx, system, a.Service, a.Method, arg)
	case askHTTP:
		if a.HTTP == nil {
			a.HTTP = &script.HTTPRequest{}
		}
		var response script.HTTPResponse
		response, err = r.host.HTTP(r.ctx, *a.HTTP)
		reply.HTTP = &response
	default:
		err = fmt.Errorf("worker: %q is asked for", clip(a.What))
	}
	if err == nil {
		return reply
	}
	body := bodyOf(err, true)
	if body.Kind == errorInternal && r.ctx.Err() == nil {
		r.mu.Lock()
		r.failed = append(r.failed, err.Error())
		r.mu.Unlock()
	}
	return replyBody{Error: body}
}

const (
	lineCost = 32 // bytes that a line costs beside its text, as package script counts
	dropped  = "the function logged more than is kept: the rest is dropped"
)

var levels = map[string]bool{"debug": true, "info": true, "warn": true, "error": true}

// logged keeps a line. Package script bounds what a call logs: the error is of a worker that doesn't.
func (r *running) logged(l script.Line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left -= len(l.Text) + lineCost; r.left < 0 || !levels[l.Level] {
		return errors.New("it logs what no function does")
	}
	r.log = append(r.log, l)
	return nil
}
