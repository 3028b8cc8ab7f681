package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/tests/logs"
)

// workers are the processes that run functions for this one.
func workers(t *testing.T) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	var pids []int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// A process that ends in the middle of a call is the error of that call, as app-services 2.4 has it, and a line of the log. Calls of other apps go on,
// and so does the app.
func TestProcessEnds(t *testing.T) {
	var log logs.Buffer
	w := newWorld(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))},
		function("f", "exports = (...a) => context.services.get('mongodb-atlas').db('d').collection('c').count()"), function("g", "exports = () => 1"))
	w.cfg.Log = w.log
	asked, killed := make(chan int, 2), make(chan struct{})
	w.answer = func(*auth.Caller, string, bson.D) (any, error) {
		asked <- len(workers(t))
		<-killed
		return int64(7), nil
	}
	type result struct {
		out any
		err error
	}
	results := map[string]chan result{"app": make(chan result, 1), "other": make(chan result, 1)}
	var calls sync.WaitGroup
	var first []int
	for i, app := range []string{"app", "other"} {
		calls.Go(func() {
			out, err := w.Call(t.Context(), app, user, "f", nil)
			results[app] <- result{out, err}
		})
		require.Equal(t, i+1, <-asked)
		if i == 0 {
			first = workers(t)
		}
	}
	require.NoError(t, syscall.Kill(first[0], syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(workers(t)) == 1 }, time.Minute, time.Millisecond)
	close(killed)
	failed := <-results["app"]
	requireRefused(t, auth.FunctionFailed(failed.err), 400, "FunctionExecutionError", "the process that ran the function has ended")
	require.Equal(t, result{int64(7), nil}, <-results["other"])
	out, err := w.call("g")
	require.NoError(t, err)
	require.Equal(t, int64(1), out)
	calls.Wait()
	require.NoError(t, w.Close())
	require.Empty(t, workers(t))
	require.Contains(t, log.String(), "a function failed")
	require.Contains(t, log.String(), "signal: killed")
}

// What functions log is in the log with the app's id, where the admin API finds it, also when the call is ended.
func TestLog(t *testing.T) {
	var log logs.Buffer // a worker that is slow to end is killed, which is logged whenever that is
	w := newWorld(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, function("f", `exports = async () => {
		console.log('one', {a: 1}); console.error('two'); console.debug('three');
		await context.services.get('mongodb-atlas').db('d').collection('c').count(); for (;;);
	}`))
	w.cfg.Log = w.log
	ctx, cancel := context.WithCancel(t.Context())
	w.answer = func(*auth.Caller, string, bson.D) (any, error) { cancel(); return int64(1), nil }
	_, err := w.Call(ctx, "app", user, "f", nil)
	require.ErrorIs(t, err, context.Canceled)
	var lines []string
	for line := range strings.Lines(log.String()) {
		if _, line, _ = strings.Cut(line, " level="); !strings.Contains(line, "a worker of functions has ended") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	const of = " app=app function=f user=5e43ddcc636ee106eaa12bda"
	require.Len(t, lines, 3) // debug is not on
	require.Equal(t, `INFO msg="function: one {\"a\":1}"`+of, lines[0])
	require.Equal(t, `ERROR msg="function: two"`+of, lines[1])
	require.Contains(t, lines[2], `WARN msg="a function failed"`+of+` error="functions: context canceled"`)
}

// A source that would end the server is refused when it is saved, and is an error of its calls where it was saved before.
func TestSourceThatOverflows(t *testing.T) {
	source := "exports = () => " + strings.Repeat("!", 300_000) + "1"
	requireRefused(t, Check("f", source), 400, "FunctionSyntaxError", "it takes too much to compile")
	w := newWorld(t, Config{}, function("g", "exports = () => 1"))
	w.config.Functions = append(w.config.Functions, function("f", source))
	_, err := w.call("f")
	requireRefused(t, auth.FunctionFailed(err), 400, "FunctionExecutionError", "Maximum call stack size exceeded")
	out, err := w.call("g")
	require.NoError(t, err)
	require.Equal(t, int64(1), out)
}

// More calls than processes, of apps of which one has many: each has its turn.
func TestFew(t *testing.T) {
	w := newWorld(t, Config{Workers: 2}, function("f", "exports = async n => { id = n; await new Promise(r => setTimeout(r, 1)); return context.app.id + id }"))
	var calls sync.WaitGroup
	failed := make(chan error, 40)
	for i := range 40 {
		calls.Go(func() {
			app := "busy"
			if i%10 == 0 {
				app = fmt.Sprint("app", i)
			}
			out, err := w.Call(t.Context(), app, user, "f", bson.A{int64(i)})
			if want := fmt.Sprint(app, i); err == nil && out != want {
				err = fmt.Errorf("%v instead of %s", out, want)
			}
			failed <- err
		})
	}
	calls.Wait()
	for range 40 {
		require.NoError(t, <-failed)
	}
	require.LessOrEqual(t, len(workers(t)), 2)
}
