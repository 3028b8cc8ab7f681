package script

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"realmsync/server/apierror"
	"realmsync/server/auth"
)

func TestMain(m *testing.M) {
	regexp2.DefaultMatchTimeout = 300 * time.Millisecond
	// The clock of regular expressions goes on for a second after the last of them.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// fake is a Host: data are recorded and answered by answer.
type fake struct {
	t         testing.TB
	functions map[string]*Function
	values    map[string]any
	answer    func(method string, arg bson.D) (any, error)
	http      func(ctx context.Context, r HTTPRequest) (HTTPResponse, error)

	lines []Line // of the call that ran last
	mu    sync.Mutex
	calls []dataCall
}

type dataCall struct {
	System          bool
	Service, Method string
	Arg             bson.D
}

func (f *fake) Function(_ context.Context, name string, _ bson.A) (*Function, error) {
	if name == "forbidden" {
		return nil, apierror.New(403, "NoMatchingRuleFound", "not for you")
	}
	return f.functions[name], nil
}

func (f *fake) Data(ctx context.Context, system bool, service, method string, arg bson.D) (any, error) {
	f.mu.Lock()
	f.calls = append(f.calls, dataCall{system, service, method, arg})
	f.mu.Unlock()
	if method == "hang" || len(arg) > 1 && arg[1].Value == "hang" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.answer == nil {
		return nil, nil
	}
	return f.answer(method, arg)
}

func (f *fake) Module(ctx context.Context, name string) (*Function, error) {
	return f.Function(ctx, name, nil)
}

func (f *fake) Value(_ context.Context, name string) (any, bool, error) {
	v, ok := f.values[name]
	return v, ok, nil
}
func (f *fake) Log(l Line)                 { f.lines = append(f.lines, l) }
func (f *fake) IsService(name string) bool { return name == "mongodb-atlas" }
func (f *fake) HTTP(ctx context.Context, r HTTPRequest) (HTTPResponse, error) {
	if f.http == nil {
		return HTTPResponse{}, ErrHTTPForbidden
	}
	return f.http(ctx, r)
}

func newFake(t testing.TB) *fake { return &fake{t: t, functions: map[string]*Function{}} }

func (f *fake) add(name, source string) *Function {
	f.t.Helper()
	p, err := Compile(name, source)
	require.NoError(f.t, err)
	f.functions[name] = &Function{Name: name, Program: p}
	return f.functions[name]
}

// run runs a source with limits that it does not reach.
func (f *fake) run(source string, args ...any) Outcome {
	f.t.Helper()
	return f.runAs(Call{}, source, args...)
}

func (f *fake) runAs(c Call, source string, args ...any) Outcome {
	f.t.Helper()
	c.Function, c.Args, f.lines = f.add("f", source), args, nil
	if c.Caller == nil {
		c.Caller = &auth.Caller{UserID: "5e43ddcc636ee106eaa12bda", Type: auth.TypeNormal, Data: bson.D{{Key: "email", Value: "a@b.c"}}}
	}
	if c.Limits.Wall == 0 {
		c.Limits.Wall = 5 * time.Minute // nothing that a busy machine should reach
	}
	if c.Limits.CPU == 0 {
		c.Limits.CPU = maxCPU
	}
	return Run(context.Background(), f, c)
}

// value is what an expression is.
func (f *fake) value(expression string, args ...any) any {
	f.t.Helper()
	out := f.run("exports = async function(a, b, c) { return "+expression+" }", args...)
	require.NoError(f.t, out.Err, expression)
	return out.Value
}

// throws is the text that an expression throws.
func (f *fake) throws(expression string, args ...any) string {
	f.t.Helper()
	out := f.run("exports = async function(a, b, c) { return "+expression+" }", args...)
	var e *ThrownError
	require.ErrorAs(f.t, out.Err, &e, "%s gave %v", expression, out.Value)
	require.NotEmpty(f.t, e.Text)
	return e.Text
}

func d(members ...any) bson.D {
	out := bson.D{}
	for i := 0; i+1 < len(members); i += 2 {
		out = append(out, bson.E{Key: fmt.Sprint(members[i]), Value: members[i+1]})
	}
	return out
}

func (f *fake) runProgram(p *Function, args ...any) Outcome {
	f.t.Helper()
	return Run(context.Background(), f, Call{Function: p, Args: args, Caller: &auth.Caller{}})
}
