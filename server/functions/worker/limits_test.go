package worker

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/functions/script"
)

const stuck = "exports = () => /(?=a)(a+)+$/.test('a'.repeat(60) + 'b')" // one step of the runtime, which nothing interrupts

// What takes too long is ended: by the worker itself where it can, with the worker where it can't. The next call finds one.
func TestTime(t *testing.T) {
	for _, c := range []struct {
		name, source string
		limits       script.Limits
		text         string
		killed       bool
	}{
		{"endless", "exports = () => { console.log('before'); for (;;); }", script.Limits{Wall: 500 * time.Millisecond}, "execution time limit exceeded", false},
		{"waits", "exports = () => new Promise(r => setTimeout(r, 1e6))", script.Limits{Wall: 100 * time.Millisecond}, "execution time limit exceeded", false},
		{"computes", "exports = () => { console.log('before'); for (;;); }", script.Limits{CPU: 300 * time.Millisecond}, "too much processor time", false},
		{"stuck", "exports = () => { console.log('before'); return (" + strings.TrimPrefix(stuck, "exports = ") + ")() }", script.Limits{Wall: 500 * time.Millisecond}, "execution time limit exceeded", true},
		{"stuck computing", stuck, script.Limits{CPU: 50 * time.Millisecond}, "too much processor time", true},
	} {
		cfg := Config{}
		if c.killed {
			cfg.Grace = time.Millisecond
		}
		p, log := pool(t, cfg)
		l := p.must(t, "app")
		require.NoError(t, l.Run(t.Context(), &app{}, call("exports = () => 1")).Err) // the time that a process takes to start is not in the way
		what := call(c.source)
		what.Limits = c.limits
		out := l.Run(t.Context(), &app{}, what)
		var limit *script.LimitError
		require.ErrorAs(t, out.Err, &limit, c.name)
		require.Contains(t, limit.What, c.text, c.name)
		require.Equal(t, !c.killed, l.w.alive(), c.name)
		if strings.Contains(c.source, "before") { // what was logged is there, also of a worker that was killed
			require.Equal(t, []script.Line{{Level: "info", Text: "before"}}, out.Log, c.name)
		}
		l.Release()
		<-l.w.end // nobody gets it again
		if c.killed {
			require.Contains(t, log.String(), "a worker of functions has ended", c.name)
		}
		require.Equal(t, int64(1), p.value(t, "exports = () => 1"), c.name)
	}
}

func TestMemory(t *testing.T) {
	p, _ := pool(t, Config{Memory: 32 << 20})
	for name, source := range map[string]string{
		"grows":    "exports = () => { const a = []; for (;;) a.push({a: [1, 2, 3]}) }",
		"at once":  "exports = () => { const s = 'x'.repeat(2**25); return Array(30).fill(s).join('').length }",
		"promises": "exports = async () => { const all = []; for (;;) { all.push(new Uint8Array(1 << 20)); await null } }",
	} {
		if raced && name == "at once" {
			continue // there is no hard limit: see confine
		}
		c := call(source)
		c.Limits.Memory = 32 << 20
		out := p.run(t, &app{}, c)
		require.EqualError(t, out.Err, "memory limit exceeded", name)
		require.Equal(t, int64(1), p.value(t, "exports = () => 1"), name)
	}
}

// Recursion of the source is the source's error; that of the runtime ends the worker, and is told as the same.
func TestRecursion(t *testing.T) {
	p, log := pool(t, Config{})
	for name, source := range map[string]string{
		"function": "exports = function f() { return f() }",
		"natively": "exports = () => { let a = []; for (let i = 0; i < 2e5; i++) a = [a, 1, 1, 1, 1]; return a.flat(Infinity).length }",
		"compiled": "exports = () => " + strings.Repeat("!", 200_000) + "1",
	} {
		c := call(source)
		var thrown *script.ThrownError
		out := p.run(t, &app{}, c)
		require.ErrorAs(t, out.Err, &thrown, name)
		require.Contains(t, thrown.Text, "Maximum call stack size exceeded", name)
		require.Equal(t, int64(1), p.value(t, "exports = () => 1"), name)
	}
	p.Close()
	require.Contains(t, log.String(), "stack exceeds") // what the process said
}

func TestOutput(t *testing.T) {
	p, _ := pool(t, Config{})
	c := call("exports = () => 'x'.repeat(2000)")
	c.Limits.Result = 1000
	require.ErrorContains(t, p.run(t, &app{}, c).Err, "too large")
	// What package script takes, and is too much for the pipe.
	c = call("exports = () => 'x'.repeat(2**25)")
	c.Limits.Result, c.Limits.Memory = 64<<20, 2<<30
	require.ErrorContains(t, p.run(t, &app{}, c).Err, "the result cannot be sent")
	require.Equal(t, 1<<20, len(p.value(t, "exports = () => 'x'.repeat(1 << 20)").(string)))
	require.ErrorContains(t, p.run(t, &app{}, call("exports = () => ({'a\\0b': 1})")).Err, "cannot be sent")
	c = call("exports = () => { for (let i = 0; i < 1e4; i++) console.log('x'.repeat(90)) }")
	c.Limits.Log = 1000
	out := p.run(t, &app{}, c)
	require.NoError(t, out.Err)
	require.Len(t, out.Log, 9)
	require.Contains(t, out.Log[8].Text, "dropped")
	// What is too much for the worker is refused to the function, and not to the server.
	large := &app{data: func(context.Context, bool, string, bson.D) (any, error) { return make([]byte, maxToWorker), nil }}
	require.ErrorContains(t, p.run(t, large, call("exports = async () => { try { return await "+count+" } catch (e) { throw e.code + ': ' + e.message } }")).Err, "ReadSizeLimitExceeded: the answer cannot be given")
	require.ErrorContains(t, p.run(t, &app{}, call("exports = () => 1", make([]byte, maxToWorker))).Err, "arguments cannot be given")
}

// So much is asked of the server for one call, and no more; the function cannot go on after it.
func TestAsks(t *testing.T) {
	p, _ := pool(t, Config{})
	var asked atomic.Int32
	h := &app{data: func(context.Context, bool, string, bson.D) (any, error) { asked.Add(1); return int64(1), nil }}
	for _, source := range []string{
		"exports = async () => { for (;;) { try { await " + count + " } catch (e) {} } }",
		"exports = async () => { for (;;) { try { context.functions.execute('x') } catch (e) {} } }",
		"exports = async () => { for (;;) context.values.get('x') }",
	} {
		c := call(source)
		c.Limits.Asks = 5
		out := p.run(t, h, c)
		var limit *script.LimitError
		require.ErrorAs(t, out.Err, &limit)
		require.Contains(t, limit.What, "more than 5 things")
	}
	require.Equal(t, int32(5), asked.Load())
}

// A call ends with its context; what it asked for is told to end.
func TestCancelled(t *testing.T) {
	p, _ := pool(t, Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := context.DeadlineExceeded
	h := &app{data: func(ctx context.Context, _ bool, _ string, _ bson.D) (any, error) {
		cancel(why)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	l := p.must(t, "app")
	out := l.Run(ctx, h, call("exports = () => "+count))
	require.ErrorIs(t, out.Err, why)
	<-out.Settled
	require.True(t, l.w.alive())
	l.Release()
	// One that does not end is not waited for, but known.
	end := make(chan struct{})
	ctx, cancel = context.WithCancelCause(t.Context())
	h.data = func(context.Context, bool, string, bson.D) (any, error) { cancel(why); <-end; return nil, nil }
	impatient, _ := pool(t, Config{Grace: time.Millisecond})
	l = impatient.must(t, "app")
	out = l.Run(ctx, h, call("exports = () => "+count))
	l.Release()
	require.ErrorIs(t, out.Err, why)
	select {
	case <-out.Settled:
		t.Error("an operation goes on, and nobody knows")
	default:
	}
	close(end)
	<-out.Settled
}
