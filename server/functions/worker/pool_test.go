package worker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/sync/errgroup"

	"realmsync/server/functions/script"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (l *Lease) pid() int { return l.w.cmd.Process.Pid }

// Code of two apps is never in one process; that of one app is, and sees nothing of the call before.
func TestIsolation(t *testing.T) {
	p, _ := pool(t, Config{Workers: 2})
	const source = "n = typeof n == 'undefined' ? 1 : n + 1; Object.prototype.leak = 1; exports = () => [n, typeof leaked, (leaked = 1)]"
	pids := map[int]string{}
	for _, id := range []string{"a", "b", "a", "c", "b", "a"} {
		l := p.must(t, id)
		if owner := pids[l.pid()]; owner != "" {
			require.Equal(t, owner, id)
		}
		pids[l.pid()] = id
		out := l.Run(t.Context(), &app{}, call(source))
		require.NoError(t, out.Err)
		require.Equal(t, bson.A{int64(1), "undefined", int64(1)}, out.Value)
		l.Release()
	}
	require.Greater(t, len(pids), 3) // c took the place of one, which then took that of another
	first := p.must(t, "a")
	pid := first.pid()
	first.Release()
	again := p.must(t, "a")
	require.Equal(t, pid, again.pid())
	again.Release()
}

// So many processes and no more; who waits gets one when it is free, and is not in the way of others when it gives up.
func TestBound(t *testing.T) {
	p, _ := pool(t, Config{Workers: 2})
	one, two := p.must(t, "a"), p.must(t, "a")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, os.ErrDeadlineExceeded)
	defer cancel()
	_, err := p.Lease(ctx, "b")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	// a waits longer, b has fewer.
	got := make(chan string, 2)
	var group errgroup.Group
	wait := func(id string, n int) {
		group.Go(func() error {
			l, err := p.Lease(t.Context(), id)
			if err == nil {
				got <- id
				l.Release()
			}
			return err
		})
		require.Eventually(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.waiting) == n }, patience, time.Millisecond)
	}
	wait("a", 1)
	wait("b", 2)
	one.Release()
	require.Equal(t, "b", <-got)
	require.Equal(t, "a", <-got)
	two.Release()
	require.NoError(t, group.Wait())
	p.mu.Lock()
	defer p.mu.Unlock()
	require.LessOrEqual(t, p.places, 2)
	require.Empty(t, p.busy)
}

// Calls of many apps at once, in few places.
func TestCrowd(t *testing.T) {
	p, _ := pool(t, Config{Workers: 3})
	h := &app{data: func(_ context.Context, _ bool, _ string, arg bson.D) (any, error) { return arg[2].Value, nil }}
	const source = "exports = async n => { id = n; const d = await context.services.get('mongodb-atlas').db('d').collection('c').insertOne({id}); return [id, d.id, context.app.id] }"
	var group errgroup.Group
	group.SetLimit(12)
	for i := range 60 {
		group.Go(func() error {
			id := fmt.Sprint("app", i%4)
			l, err := p.Lease(t.Context(), id)
			if err != nil {
				return err
			}
			defer l.Release()
			c := call(source, int64(i))
			c.App = id
			out := l.Run(t.Context(), h, c)
			if out.Err != nil {
				return out.Err
			}
			if got, want := fmt.Sprint(out.Value), fmt.Sprint(bson.A{int64(i), int64(i), id}); got != want {
				return fmt.Errorf("%s instead of %s", got, want)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
}

// A worker that nobody needs ends by itself.
func TestIdle(t *testing.T) {
	p, log := pool(t, Config{Idle: time.Millisecond})
	l := p.must(t, "app")
	l.Release()
	<-l.w.end
	require.True(t, gone(l.pid()))
	require.Empty(t, log.String()) // which is nothing to speak of
	require.Equal(t, int64(1), p.value(t, "exports = () => 1"))
}

// One that was given many sources is replaced.
func TestWorn(t *testing.T) {
	p, _ := pool(t, Config{})
	l := p.must(t, "app")
	for i := range maxSources/script.MaxSource + 1 {
		out := l.Run(t.Context(), &app{}, call(fmt.Sprintf("exports = () => %d //%s", i, strings.Repeat("x", script.MaxSource-100))))
		require.NoError(t, out.Err)
		require.Equal(t, int64(i), out.Value)
	}
	l.Release()
	<-l.w.end
}

// A worker that breaks is an error of its call, and of no other.
func TestCrash(t *testing.T) {
	p, log := pool(t, Config{})
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	h := &app{data: func(ctx context.Context, _ bool, _ string, _ bson.D) (any, error) {
		asked <- struct{}{}
		select {
		case <-answer:
			return int64(7), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	broken, whole := p.must(t, "app"), p.must(t, "other")
	outcomes := make(chan Outcome, 2)
	var calls sync.WaitGroup
	for _, l := range []*Lease{broken, whole} {
		calls.Go(func() { outcomes <- l.Run(t.Context(), h, call("exports = () => "+count)) })
		<-asked
	}
	require.NoError(t, broken.w.cmd.Process.Kill())
	out := <-outcomes
	var crash *CrashError
	require.ErrorAs(t, out.Err, &crash)
	require.Contains(t, crash.State, "killed")
	close(answer)
	out = <-outcomes
	require.NoError(t, out.Err)
	require.Equal(t, int64(7), out.Value)
	calls.Wait()
	out = broken.Run(t.Context(), h, call("exports = () => 1"))
	require.ErrorAs(t, out.Err, &crash)
	broken.Release()
	whole.Release()
	<-broken.w.end
	require.Contains(t, log.String(), "a worker of functions has ended")
	require.Contains(t, log.String(), "app=app")
	require.Equal(t, int64(1), p.value(t, "exports = () => 1"))
}

// Close ends what runs, and nothing is left of it; who waits is told.
func TestClose(t *testing.T) {
	p, log := pool(t, Config{Workers: 2})
	l, idle := p.must(t, "app"), p.must(t, "app")
	idle.Release()
	asked := make(chan struct{})
	h := &app{data: func(ctx context.Context, _ bool, _ string, _ bson.D) (any, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	out := make(chan Outcome, 1)
	var calls sync.WaitGroup
	calls.Go(func() { out <- l.Run(t.Context(), h, call("exports = () => "+count)) })
	<-asked
	waits := make(chan error, 1)
	taken := p.must(t, "app")
	calls.Go(func() { _, err := p.Lease(t.Context(), "more"); waits <- err })
	require.Eventually(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.waiting) == 1 }, patience, time.Millisecond)
	p.Close()
	require.True(t, gone(l.pid()))
	require.True(t, gone(idle.pid()))
	require.ErrorIs(t, (<-out).Err, ErrClosed)
	require.ErrorIs(t, <-waits, ErrClosed)
	calls.Wait()
	l.Release()
	taken.Release()
	_, err := p.Lease(t.Context(), "app")
	require.ErrorIs(t, err, ErrClosed)
	require.Empty(t, log.String())
	p.Close()
}

// The source of a function is changed while it runs: the call goes on as it began, and the next is of the new one.
func TestUpgrade(t *testing.T) {
	p, _ := pool(t, Config{})
	asked, answer := make(chan struct{}), make(chan struct{})
	h := &app{data: func(context.Context, bool, string, bson.D) (any, error) { close(asked); <-answer; return int64(1), nil }}
	l := p.must(t, "app")
	out := make(chan Outcome, 1)
	var calls sync.WaitGroup
	calls.Go(func() { out <- l.Run(t.Context(), h, call("exports = async () => { await "+count+"; return 'old' }")) })
	<-asked
	within := l.Run(t.Context(), h, call("exports = () => 'new'")) // in the same process
	require.NoError(t, within.Err)
	require.Equal(t, "new", within.Value)
	require.Equal(t, "new", p.value(t, "exports = () => 'new'"))
	close(answer)
	old := <-out
	require.NoError(t, old.Err)
	require.Equal(t, "old", old.Value)
	calls.Wait()
	l.Release()
}

// A call within a call has the worker of the call that it is within: one place is enough.
func TestWithin(t *testing.T) {
	p, _ := pool(t, Config{Workers: 1})
	l := p.must(t, "app")
	defer l.Release()
	h := &app{functions: map[string]*Function{"g": {Name: "g", Source: "exports = n => n + 1"}}}
	h.may = func(ctx context.Context, name string, args bson.A) error {
		out := l.Run(ctx, &app{}, call("exports = (name, n) => name == 'g' && n == 2", name, args[0]))
		if out.Err == nil && out.Value != true {
			return &script.ThrownError{Text: "no"}
		}
		return out.Err
	}
	out := l.Run(t.Context(), h, call("exports = () => context.functions.execute('g', 2)"))
	require.NoError(t, out.Err)
	require.Equal(t, int64(3), out.Value)
	require.EqualError(t, l.Run(t.Context(), h, call("exports = () => context.functions.execute('g', 3)")).Err, "no")
}

// A worker has no environment, no files and no sockets, and can get none.
func TestConfined(t *testing.T) {
	file, err := os.Open("/proc/self/status")
	require.NoError(t, err)
	defer file.Close()
	inherited, err := syscall.Dup(int(file.Fd())) // as who started this program may have left it open: programs that are started have it
	require.NoError(t, err)
	defer syscall.Close(inherited)
	p, _ := pool(t, Config{})
	require.Equal(t, int64(1), p.value(t, "exports = () => 1")) // by now it is confined
	l := p.must(t, "app")
	defer l.Release()
	of := "/proc/" + itoa(l.pid()) + "/"
	environment, err := os.ReadFile(of + "environ")
	require.NoError(t, err)
	require.Empty(t, environment)
	limits, err := os.ReadFile(of + "limits")
	require.NoError(t, err)
	fields := map[string][]string{}
	for line := range strings.Lines(string(limits)) {
		if len(line) > 26 {
			fields[strings.TrimSpace(line[:26])] = strings.Fields(line[26:])
		}
	}
	for _, name := range []string{"Max open files", "Max file size", "Max core file size"} {
		require.Equal(t, []string{"0", "0"}, fields[name][:2], name)
	}
	if !raced {
		most, err := strconv.Atoi(fields["Max data size"][1])
		require.NoError(t, err)
		require.Less(t, most, 704<<20) // the limit of 256 MiB, 256 MiB more, and what a process has when it starts
	}
	files, err := filepath.Glob(of + "fd/*")
	require.NoError(t, err)
	for _, f := range files {
		to, err := os.Readlink(f)
		require.NoError(t, err)
		// The Go runtime looks at the quota of the processors before anything else is run.
		require.Regexp(t, `^(/dev/null|pipe:\[|anon_inode:\[event|/sys/fs/cgroup/.*cpu)`, to)
	}
	require.Equal(t, "UTC", p.value(t, "exports = () => new Date().getTimezoneOffset() === 0 ? 'UTC' : 'other'"))
}

// asServer makes the test binary start a worker, say which, and wait.
const asServer = "REALM_SYNC_TEST_SERVER_OF_WORKERS"

func serverThatIsKilled() {
	p := New(Config{})
	l, err := p.Lease(context.Background(), "app")
	if err != nil {
		panic(err)
	}
	asked := make(chan struct{})
	h := &app{data: func(context.Context, bool, string, bson.D) (any, error) { close(asked); return nil, nil }}
	var calls sync.WaitGroup
	calls.Go(func() { l.Run(context.Background(), h, call("exports = async () => { await "+count+"; for (;;); }")) })
	<-asked
	fmt.Println(l.pid())
	calls.Wait()
}

// A worker dies with its server, in the middle of whatever it does.
func TestServerDies(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server := exec.CommandContext(ctx, os.Args[0])
	server.Env = append(os.Environ(), asServer+"=1")
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.False(t, gone(pid))
	require.NoError(t, server.Process.Kill())
	require.Error(t, server.Wait())
	require.Eventually(t, func() bool { return gone(pid) }, patience, time.Millisecond)
}

// A program that does not know how to be a worker starts none.
func TestHooked(t *testing.T) {
	hooked.Store(false)
	defer hooked.Store(true)
	p, _ := pool(t, Config{})
	_, err := p.Lease(t.Context(), "app")
	require.ErrorContains(t, err, "Hook")
	require.Zero(t, p.places)
	_, err = Check(t.Context(), []Function{{Name: "f", Source: "exports = 1"}})
	require.ErrorContains(t, err, "Hook")
	// And one that was started by hand is none.
	out, err := exec.CommandContext(t.Context(), os.Args[0], Command, "1000000").CombinedOutput() //nolint:gosec // this program
	require.Error(t, err)
	require.Contains(t, string(out), "is for the server itself")
}

func BenchmarkStart(b *testing.B) {
	p, _ := pool(b, Config{Idle: time.Hour})
	for b.Loop() {
		l := p.must(b, "app")
		require.NoError(b, l.Run(b.Context(), &app{}, call("exports = () => 1")).Err)
		l.w.kill(errRetired)
		l.Release()
		<-l.w.end
	}
}
