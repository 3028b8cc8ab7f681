package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/egress"
	"realmsync/server/functions/script"
	"realmsync/server/functions/worker"
)

// Data performs operations on the collections of an app. *data.Data is one.
type Data interface {
	Call(ctx context.Context, app string, caller *auth.Caller, service, method string, arg bson.D) (any, error)
}

// Config says how a Service works. Apps is required; the zero value of each other field means the default.
type Config struct {
	// Apps tells the configuration of an app. *appconfig.Store is one.
	Apps interface {
		Current(ctx context.Context, app string) (*appconfig.Config, error)
	}
	Data   Data          // nil: functions have no data
	Limits script.Limits // of each call
	// AtOnce is how many functions of one app run at the same time, those that wait for data included; 20. A call waits for its turn as
	// long as Limits.Wall.
	AtOnce int
	// Workers is how many processes there are at the same time, of all apps; 32. Each runs one call.
	Workers int
	// Idle is how long a process is kept that nobody needs; 1 minute.
	Idle time.Duration
	// AllowHosts are the hosts that context.http may reach: names, *.name for those below one, or * for all. None by default. Addresses
	// that are not public are never reached.
	AllowHosts []string
	// Log is told of each call that ended. Default: what functions log and throw goes to Logger.
	Log    func(Entry)
	Logger *slog.Logger // default: none
	Now    func() time.Time
}

// Entry is one call that ended.
type Entry struct {
	App, Function, UserID string
	Started               time.Time
	Took                  time.Duration
	Lines                 []script.Line // what it logged
	Err                   error         // nil, or what the caller is told
	Stack                 string        // of what it threw
}

// Service runs the functions of all apps. Its methods may be called concurrently.
type Service struct {
	cfg  Config
	http *http.Client
	pool *worker.Pool

	mu      sync.Mutex
	apps    map[string]*app
	closed  bool
	running sync.WaitGroup
}

// app is what is kept of an app between calls.
type app struct {
	slots   chan struct{} // one for each running call
	waiting atomic.Int32  // calls that wait for a slot, or for a worker

	mu   sync.Mutex
	last *snapshot
}

const (
	defaultAtOnce = 20
	maxGrace      = 2 * time.Second // for what has been told to end
	maxNested     = 8               // calls within calls through rules: functions that rules call, whose rules call functions
)

// New makes a Service. Close it.
func New(cfg Config) (*Service, error) {
	if cfg.Apps == nil {
		return nil, errors.New("functions: Apps is required")
	}
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = defaultAtOnce
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Limits = cfg.Limits.WithDefaults()
	s := &Service{
		cfg: cfg, apps: map[string]*app{}, http: egress.NewPublic(httpTimeout, egress.Public),
		pool: worker.New(worker.Config{Workers: cfg.Workers, Idle: cfg.Idle, Memory: cfg.Limits.Memory, Logger: cfg.Logger}),
	}
	if s.cfg.Log == nil {
		s.cfg.Log = s.log
	}
	return s, nil
}

// Close waits a little for the calls that run, which should have been told to end by their contexts, and then ends them with their
// processes, of which none is left. The error is of an operation on data that does not end.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(maxGrace):
	}
	s.pool.Close()
	select {
	case <-done:
		return nil
	case <-time.After(maxGrace):
		return errors.New("functions: what a function asked for does not end")
	}
}

// Call implements auth.Functions.
func (s *Service) Call(ctx context.Context, appID string, caller *auth.Caller, name string, args bson.A) (any, error) {
	within, _ := ctx.Value(stackKey{}).(stack)
	if within.depth >= maxNested {
		return nil, apierror.New(http.StatusBadRequest, "FunctionExecutionError", "functions call each other through rules more than %d deep", maxNested)
	}
	config, err := s.cfg.Apps.Current(ctx, appID)
	if err != nil {
		return nil, err
	}
	a, err := s.enter(appID)
	if err != nil {
		return nil, err
	}
	defer s.running.Done()
	// A call of a rule has its turn with the call whose data it is about.
	at := within.at
	if at == nil || at.id != appID {
		at = &place{s: s, app: a, id: appID}
		defer at.leave()
	}
	ctx = context.WithValue(ctx, stackKey{}, stack{within.depth + 1, at})
	h := &host{s: s, app: appID, caller: caller, snapshot: a.snapshot(config)}
	f := config.Function(name)
	if f == nil || f.Private && !caller.System {
		return nil, auth.FunctionNotFound(name)
	}
	fn, err := h.Function(ctx, name, args)
	if err != nil {
		return nil, err
	}
	lease, err := at.lease(ctx)
	if err != nil {
		return nil, err
	}
	return s.run(ctx, h, at, lease, fn, args)
}

func (s *Service) run(ctx context.Context, h *host, at *place, lease *worker.Lease, fn *worker.Function, args bson.A) (any, error) {
	config := h.snapshot.config
	entry := Entry{App: h.app, Function: fn.Name, UserID: h.caller.UserID, Started: s.cfg.Now()}
	environment := config.Environment
	if environment == "no-environment" {
		environment = ""
	}
	values := map[string]string{}
	for name, v := range config.EnvironmentValues[environment] {
		values[name] = string(v)
	}
	start := time.Now()
	out := lease.Run(ctx, h, worker.Call{
		Function: fn, Args: args, Caller: h.caller, App: h.app, AppName: config.Name,
		Environment: environment, EnvironmentValues: values, Services: h.snapshot.services, Limits: s.cfg.Limits,
	})
	select {
	case <-out.Settled:
	default:
		s.cfg.Logger.Error("what a function asked for does not end: it holds one of the app's places until it does", "app", h.app, "function", fn.Name)
		at.wait(out.Settled)
	}
	var threw *script.ThrownError
	if errors.As(out.Err, &threw) {
		entry.Stack = threw.Stack
	}
	for _, text := range out.Failed {
		s.cfg.Logger.Error("what a function asked for failed", "app", h.app, "function", fn.Name, "error", text)
	}
	entry.Took, entry.Lines, entry.Err = time.Since(start), out.Log, told(out.Err)
	s.cfg.Log(entry)
	return out.Value, entry.Err
}

// told is what the caller is told of the error of a call.
func told(err error) error {
	var threw *script.ThrownError
	var limit *script.LimitError
	var crash *worker.CrashError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &threw):
		return &auth.FunctionError{Message: threw.Text}
	case errors.As(err, &limit):
		return apierror.New(http.StatusBadRequest, "ExecutionTimeLimitExceeded", "%s", limit.What)
	case errors.As(err, &crash):
		return &auth.FunctionError{Message: "the process that ran the function has ended"}
	}
	return fmt.Errorf("functions: %w", err)
}

// enter finds what is kept of an app, and counts the call. The caller ends it with running.Done.
func (s *Service) enter(appID string) (*app, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("functions: it is closed")
	}
	s.running.Add(1)
	a := s.apps[appID]
	if a == nil {
		a = &app{slots: make(chan struct{}, s.cfg.AtOnce)}
		s.apps[appID] = a
	}
	return a, nil
}

// log is the default of Config.Log.
func (s *Service) log(e Entry) {
	log := s.cfg.Logger.With("app", e.App, "function", e.Function, "user", e.UserID)
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	for _, l := range e.Lines {
		log.Log(context.Background(), levels[l.Level], "function: "+l.Text)
	}
	if e.Err != nil {
		log.Warn("a function failed", "error", e.Err, "stack", e.Stack, "took", e.Took)
	}
}
