package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"realmsync/server/auth"
	"realmsync/server/functions/script"
	"realmsync/tests/logs"
)

func TestMain(m *testing.M) {
	Hook()
	if os.Getenv(asServer) != "" {
		serverThatIsKilled()
	}
	goleak.VerifyTestMain(m)
}

// patience is for one thing that must come.
const patience = time.Minute

// app is a Host with functions, whose data are answered by data.
type app struct {
	functions map[string]*Function
	data      func(ctx context.Context, system bool, method string, arg bson.D) (any, error)
	http      func(ctx context.Context, r script.HTTPRequest) (script.HTTPResponse, error)
	values    map[string]any
	may       func(ctx context.Context, name string, args bson.A) error
}

func (a *app) Function(ctx context.Context, name string, args bson.A) (*Function, error) {
	if a.may != nil {
		if err := a.may(ctx, name, args); err != nil {
			return nil, err
		}
	}
	return a.functions[name], nil
}

func (a *app) Module(ctx context.Context, name string) (*Function, error) {
	return a.Function(ctx, name, nil)
}

func (a *app) Value(name string) (any, bool) { v, ok := a.values[name]; return v, ok }

func (a *app) Data(ctx context.Context, system bool, _, method string, arg bson.D) (any, error) {
	if a.data == nil {
		return nil, nil
	}
	return a.data(ctx, system, method, arg)
}

func (a *app) HTTP(ctx context.Context, r script.HTTPRequest) (script.HTTPResponse, error) {
	if a.http == nil {
		return script.HTTPResponse{}, script.ErrHTTPForbidden
	}
	return a.http(ctx, r)
}

// pool makes one whose workers have all the time to say that they passed a limit, and closes it.
func pool(t testing.TB, cfg Config) (*Pool, *logs.Buffer) {
	t.Helper()
	log := &logs.Buffer{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	if cfg.Grace == 0 {
		cfg.Grace = patience
	}
	p := New(cfg)
	t.Cleanup(p.Close)
	return p, log
}

func (p *Pool) must(t testing.TB, app string) *Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := p.Lease(ctx, app)
	require.NoError(t, err)
	return l
}

var user = &auth.Caller{UserID: "5e43ddcc636ee106eaa12bda", Type: auth.TypeNormal}

// ample are limits of time that no call of a test reaches, on a busy machine neither.
var ample = script.Limits{Wall: 5 * time.Minute, CPU: time.Minute}

func call(source string, args ...any) Call {
	return Call{Function: &Function{Name: "f", Source: source}, Args: args, Caller: user, App: "app", Services: []string{"mongodb-atlas"}, Limits: ample}
}

// run runs a source in a worker of its own turn.
func (p *Pool) run(t testing.TB, host Host, c Call) Outcome {
	t.Helper()
	l := p.must(t, c.App)
	defer l.Release()
	return l.Run(t.Context(), host, c)
}

func (p *Pool) value(t testing.TB, source string, args ...any) any {
	t.Helper()
	out := p.run(t, &app{}, call(source, args...))
	require.NoError(t, out.Err)
	return out.Value
}

// gone says whether a process is not there, or is only waited for by whoever has adopted it.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return len(state) > 0 && (state[0] == 'Z' || state[0] == 'X')
}

const count = "context.services.get('mongodb-atlas').db('d').collection('c').count()"
