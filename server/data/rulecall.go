package data

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/fairqueue"
)

// Bounds on the functions that roles and filters call.
const (
	callLimit     = 10 * time.Second // one call; as for the roles of sessions
	maxRemembered = 10_000           // answers, of one operation
	maxAnswer     = 4 << 10          // bytes of arguments whose answer is kept
)

// ruleCalls makes those calls for one operation. Documents are looked at while they are searched, and once more in the writer's turn, when nobody
// else of the app can write. So a function that a rule calls can read but not write, which would wait for the turn that waits for it, and what
// it answered outside of the turn is not asked again inside. It is used by one goroutine.
type ruleCalls struct {
	ctx       context.Context
	functions auth.Functions
	app       string
	as        auth.Caller
	answers   map[string]answer
}

type answer struct {
	value any
	err   error
}

func newRuleCalls(ctx context.Context, functions auth.Functions, app string, caller *auth.Caller) *ruleCalls {
	c := &ruleCalls{ctx: context.WithValue(ctx, readOnlyKey{}, true), functions: functions, app: app, as: *caller, answers: map[string]answer{}}
	c.as.System = true // functions that rules name may be private
	return c
}

// call is rules.Env's Call.
func (c *ruleCalls) call(name string, args bson.A) (any, error) {
	key, err := bson.Marshal(bson.D{{Key: name, Value: args}})
	keep := err == nil && len(key) <= maxAnswer
	if keep {
		if a, ok := c.answers[string(key)]; ok {
			return a.value, a.err
		}
	}
	fairqueue.RestIn(c.ctx) // what the function asks for may need the slot
	ctx, cancel := context.WithTimeout(c.ctx, callLimit)
	defer cancel()
	var a answer
	a.value, a.err = c.functions.Call(ctx, c.app, &c.as, name, args)
	a.err = c.told(name, a.err)
	if keep && c.ctx.Err() == nil {
		if len(c.answers) >= maxRemembered {
			clear(c.answers)
		}
		c.answers[string(key)] = a
	}
	return a.value, a.err
}

// errRule is what the operation fails with.
var errRule = apierror.New(http.StatusBadRequest, "FunctionExecutionError", "a function that the rules of the collection call failed")

// told is what the caller is told of the error of a call. The function may be private, so what it said is for the log only: the cause is a text, for
// who looks for the error of a function would find it.
func (c *ruleCalls) told(name string, err error) error {
	var busy *apierror.Error
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case errors.As(err, &busy) && busy.Status == http.StatusTooManyRequests:
		return busy
	}
	return errRule.Because(fmt.Errorf("function '%s': %s", clip(name), err.Error()))
}

// failures keeps what the first function failed with that decided over an operation, which then fails with that. A nil one keeps nothing.
type failures struct{ first atomic.Pointer[error] }

type failuresKey struct{}

// noting returns a context for one operation, in which failuresOf finds where to keep it.
func noting(ctx context.Context) context.Context {
	return context.WithValue(ctx, failuresKey{}, new(failures))
}

func failuresOf(ctx context.Context) *failures {
	f, _ := ctx.Value(failuresKey{}).(*failures)
	return f
}

func (f *failures) note(err error) {
	if f != nil {
		f.first.CompareAndSwap(nil, &err)
	}
}

// err returns it, nil if none failed.
func (f *failures) err() error {
	if f == nil {
		return nil
	}
	if first := f.first.Load(); first != nil {
		return *first
	}
	return nil
}

// readOnlyKey marks the contexts of functions that rules call.
type readOnlyKey struct{}

// readers are the methods that such functions have.
var readers = map[string]bool{"find": true, "findOne": true, "aggregate": true, "count": true, "distinct": true}

var errReadOnly = apierror.New(http.StatusForbidden, "FunctionExecutionError", "a function that is called by a rule can't write: it is called while documents are being written")

// mayCall refuses methods that write where they would wait for themselves.
func mayCall(ctx context.Context, method string) error {
	if ctx.Value(readOnlyKey{}) != nil && !readers[method] {
		return errReadOnly
	}
	return nil
}
