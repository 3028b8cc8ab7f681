package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/functions/script"
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
	// grace is how much longer than its limit a call is waited for.
	grace time.Duration

	mu      sync.Mutex
	apps    map[string]*app
	closed  bool
	running sync.WaitGroup
}

// app is what is kept of an app between calls.
type app struct {
	slots chan struct{} // one for each running call

	mu   sync.Mutex
	last *snapshot
}

const (
	defaultAtOnce = 20
	maxGrace      = 2 * time.Second
	maxNested     = 8 // calls within calls through rules: functions that rules call, whose rules call functions
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
	s := &Service{cfg: cfg, grace: maxGrace, apps: map[string]*app{}, http: newHTTPClient(publicOnly)}
	if s.cfg.Log == nil {
		s.cfg.Log = s.log
	}
	return s, nil
}

// Close waits for the calls that run, which should have been told to end by their contexts. One that does not end is left.
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
		return nil
	case <-time.After(s.grace + maxGrace):
		return errors.New("functions: a function does not end")
	}
}

// Call implements auth.Functions.
func (s *Service) Call(ctx context.Context, appID string, caller *auth.Caller, name string, args bson.A) (any, error) {
	ctx, depth := deeper(ctx)
	if depth > maxNested {
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
	h := &host{s: s, app: appID, caller: caller, snapshot: a.snapshot(config)}
	f := config.Function(name)
	if f == nil || f.Private && !caller.System {
		return nil, auth.FunctionNotFound(name)
	}
	fn, err := h.Function(ctx, name, args)
	if err != nil {
		return nil, err
	}
	// A call of a rule has its turn with the call whose data it is about.
	release := func() {}
	if depth == 1 {
		if release, err = a.turn(ctx, s.cfg.Limits.Wall); err != nil {
			return nil, err
		}
	}
	return s.run(ctx, h, fn, args, release)
}

// run runs a call on a goroutine of its own, so that one that is stuck within a step that cannot be interrupted does not hold its caller.
func (s *Service) run(ctx context.Context, h *host, fn *script.Function, args bson.A, release func()) (any, error) {
	config := h.snapshot.config
	entry := Entry{App: h.app, Function: fn.Name, UserID: h.caller.UserID, Started: s.cfg.Now()}
	environment := config.Environment
	if environment == "no-environment" {
		environment = ""
	}
	ended := make(chan script.Outcome, 1)
	start := time.Now()
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer release()
		ended <- script.Run(ctx, h, script.Call{
			Function: fn, Args: args, Caller: h.caller, App: h.app, AppName: config.Name,
			Environment: environment, EnvironmentValues: config.EnvironmentValues[environment],
			Limits: s.cfg.Limits, Now: s.cfg.Now,
		})
	}()
	stuck := time.NewTimer(s.cfg.Limits.Wall + s.grace)
	defer stuck.Stop()
	var out script.Outcome
	select {
	case out = <-ended:
	case <-stuck.C:
		out.Err = &script.LimitError{What: "execution time limit exceeded"}
		s.cfg.Logger.Error("a function does not end: it holds one of the app's places until it does", "app", h.app, "function", fn.Name)
	}
	var threw *script.ThrownError
	if errors.As(out.Err, &threw) {
		entry.Stack = threw.Stack
	}
	for _, err := range out.Failed {
		s.cfg.Logger.Error("what a function asked for failed", "app", h.app, "function", fn.Name, "error", err)
	}
	entry.Took, entry.Lines, entry.Err = time.Since(start), out.Log, told(out.Err)
	s.cfg.Log(entry)
	return out.Value, entry.Err
}

// told is what the caller is told of the error of a call.
func told(err error) error {
	var threw *script.ThrownError
	var limit *script.LimitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &threw):
		return &auth.FunctionError{Message: threw.Text}
	case errors.As(err, &limit):
		return apierror.New(http.StatusBadRequest, "ExecutionTimeLimitExceeded", "%s", limit.What)
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

// turn waits until another call of the app may run.
func (a *app) turn(ctx context.Context, most time.Duration) (release func(), err error) {
	patience := time.NewTimer(most)
	defer patience.Stop()
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-patience.C:
		return nil, apierror.New(http.StatusTooManyRequests, "", "too many functions of the app are running, try again later")
	}
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

type depthKey struct{}

// deeper counts how many calls a context is within.
func deeper(ctx context.Context) (context.Context, int) {
	n, _ := ctx.Value(depthKey{}).(int)
	return context.WithValue(ctx, depthKey{}, n+1), n + 1
}
