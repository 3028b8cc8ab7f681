package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// Host is what a function can reach. Its methods may be called concurrently, and keep to their context.
type Host interface {
	// Function returns another function of the app that is about to be called with args, or nil; an error means that this caller may not
	// call it.
	Function(ctx context.Context, name string, args bson.A) (*Function, error)
	// Module returns another function of the app, whose source is about to be a part of the one that requires it, or nil.
	Module(ctx context.Context, name string) (*Function, error)
	// Data runs an operation on a collection (app-services 7.4); system says that rules don't apply.
	Data(ctx context.Context, system bool, service, method string, arg bson.D) (any, error)
	// Value returns a value of the app, and whether there is one.
	Value(ctx context.Context, name string) (any, bool, error)
	// IsService says whether there is a data source of this name.
	IsService(name string) bool
	// HTTP makes a request.
	HTTP(ctx context.Context, r HTTPRequest) (HTTPResponse, error)
	// Log is told of each line that the function logs, up to Limits.Log.
	Log(l Line)
}

// Function is one function of an app.
type Function struct {
	Name    string
	System  bool // it runs as the server itself
	Program *Program
}

// HTTPRequest is one request of context.http.
type HTTPRequest struct {
	Method, URL string
	Header      map[string][]string
	Body        []byte
}

// HTTPResponse is what came back.
type HTTPResponse struct {
	Status     int
	StatusText string
	Header     map[string][]string
	Body       []byte
}

// Call is what is run, and for whom.
type Call struct {
	Function *Function
	Args     bson.A
	Caller   *auth.Caller
	// App is the client app id, AppName its name. Environment is the tag of the environment, with its values as extended JSON.
	App, AppName      string
	Environment       string
	EnvironmentValues map[string]json.RawMessage
	Limits            Limits
	Now               func() time.Time // nil: the clock
}

// Limits bound one call. Zero fields are the defaults.
type Limits struct {
	Wall    time.Duration // in all; 150 s, as the hosted service
	CPU     time.Duration // running JavaScript; 30 s, at most 60 s
	Result  int           // bytes of the result, about; 16 MiB
	Asks    int           // what a function asks of the server, data and HTTP requests among it; 100,000. The Host holds it
	Frames  int           // calls within calls; 600
	Pending int           // operations and timers that wait; 10,000
	Log     int           // bytes that console keeps; 64 KiB
	Memory  int64         // bytes that the process may grow; 256 MiB
}

// WithDefaults fills in what is not set.
func (l Limits) WithDefaults() Limits {
	set(&l.Wall, 150*time.Second)
	set(&l.CPU, 30*time.Second)
	l.CPU = min(l.CPU, maxCPU)
	set(&l.Result, 16<<20)
	set(&l.Asks, 100_000)
	set(&l.Frames, 600)
	set(&l.Pending, 10_000)
	set(&l.Log, 64<<10)
	set(&l.Memory, 256<<20)
	return l
}

func set[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// Line is one line that a function logged.
type Line struct {
	Level string // debug, info, warn or error
	Text  string
}

// Outcome is what a call came to.
type Outcome struct {
	Value any // BSON; nil for none
	// Failed is what went wrong in the server, of which the function was told no more than that.
	Failed []error
	Err    error // *ThrownError, *LimitError, or another for what went wrong in the server
}

// ThrownError is what a function threw.
type ThrownError struct {
	Text  string
	Stack string // for logs
}

// Error implements error.
func (e *ThrownError) Error() string { return e.Text }

// LimitError says which limit a function exceeded.
type LimitError struct{ What string }

// Error implements error.
func (e *LimitError) Error() string { return e.What }

// ErrHTTPForbidden is why context.http does not reach a host.
var ErrHTTPForbidden = errors.New("the operator of this server does not allow functions to make requests to this host")

func thrown(format string, args ...any) *ThrownError {
	return &ThrownError{Text: fmt.Sprintf(format, args...)}
}
