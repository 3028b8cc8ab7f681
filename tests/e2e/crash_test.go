package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/session"
)

var (
	crashRounds = flag.Int("crash.rounds", 50, "how many times TestCrash kills somebody")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of TestCrash's moments and choices; 0 draws one")
)

const (
	writers = 2
	// ahead is how many writes a writer makes that the server has not acknowledged, so that a killed server finds work when it
	// comes back, and a killed client has unsent changes.
	ahead = 200
	// span separates the keys of the writers.
	span = 1_000_000_000
)

// The writer's n-th transaction creates Item(writer*span+n) and adds 1 to Tally(writer): if a transaction is lost the items have a gap or
// the sum is too small, and if one is applied twice the sum is too large.
var crashSchema = schema.New(integers("Item", "_id", "writer"), integers("Tally", "_id", "sum"))

// TestCrash kills, with kill -9, the server and its clients in turn while all of them are writing. Afterwards every device, and one that comes
// new, holds each write that was acknowledged, exactly once.
func TestCrash(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed %d -crash.rounds %d", seed, *crashRounds)
	random := rand.New(rand.NewPCG(seed, 1))

	srv := startServer(t)
	dir := t.TempDir()
	var crew [writers]*worker
	for i := range crew {
		crew[i] = &worker{t: t, number: int64(i + 1), dir: filepath.Join(dir, strconv.Itoa(i+1)), url: srv.url()}
		crew[i].start()
		t.Cleanup(crew[i].kill)
	}
	kills := map[string]int{}
	for round := range *crashRounds {
		// Everybody must have got somewhere since the last time, else the rounds test nothing.
		for _, w := range crew {
			w.progress(1 + random.IntN(60))
		}
		if round%2 == 0 {
			srv.kill()
			kills["server"]++
			srv.start()
		} else {
			w := crew[round/2%writers]
			w.kill()
			kills["client"]++
			w.start()
		}
	}
	for _, w := range crew {
		w.tell("stop")
	}
	for _, w := range crew {
		require.NoError(t, w.await("uploading the rest", func() bool { return w.stopped }))
	}
	states := make([]string, writers)
	for i, w := range crew {
		w.tell("finish")
		require.NoError(t, w.await("finishing", func() bool { return w.final != "" }))
		states[i] = w.final
		require.NoError(t, w.wait(), w.errs)
	}

	d, err := openDevice(deviceOptions{url: srv.url(), dir: filepath.Join(dir, "new"), schema: crashSchema, timings: hasty,
		failed: func(e *session.Error) { t.Errorf("the new device: %v", e) }})
	require.NoError(t, err)
	require.NoError(t, subscribeAll(d))
	require.NoError(t, d.settle())
	state, err := digest(d)
	d.close()
	require.NoError(t, err)
	for i, w := range crew {
		require.Equal(t, state, states[i], "writer %d and a new device differ", w.number)
		count := counts(t, state)[w.number]
		require.GreaterOrEqual(t, count, w.committed, "writer %d lost writes: %s", w.number, state)
		t.Logf("writer %d: %d transactions, %d reported as committed, %d as uploaded when they were asked to stop", w.number, count, w.committed, w.uploaded)
	}
	t.Logf("killed: %v", kills)
}

// hasty shortens what a client waits for after a connection breaks.
var hasty = session.Timings{BackoffInitial: 20 * time.Millisecond, BackoffMax: 200 * time.Millisecond}

// subscribeAll subscribes to both classes, unless the file has that from before.
func subscribeAll(d *device) error {
	set, err := d.client.LatestSubscriptions(d.realm)
	if err != nil {
		return err
	}
	defer set.Release()
	have := 0
	set.View(func(s *subscriptionSet, _ int) { have = len(s.Subscriptions) })
	if have > 0 {
		return nil
	}
	mutable, err := set.MakeMutable()
	if err != nil {
		return err
	}
	defer mutable.Release()
	for _, class := range []string{"Item", "Tally"} {
		if err := mutable.Add(true, class, class, "", nil, 0); err != nil {
			return err
		}
	}
	if err := mutable.Commit(); err != nil {
		return err
	}
	_, err = mutable.WaitFor(patient)
	return err
}

// digest describes the data of a device: per writer how many items there are, without gaps, and what the tally says.
func digest(d *device) (string, error) {
	items, err := d.rows("Item")
	if err != nil {
		return "", err
	}
	tallies, err := d.rows("Tally")
	if err != nil {
		return "", err
	}
	keys := map[int64][]int64{}
	for _, row := range items {
		if row[0]/span != row[1] {
			return "", fmt.Errorf("item %d says that writer %d made it", row[0], row[1])
		}
		keys[row[1]] = append(keys[row[1]], row[0]%span)
	}
	sums := map[int64]int64{}
	for _, row := range tallies {
		sums[row[0]] = row[1]
	}
	var out []string
	for w := int64(1); w <= writers; w++ {
		slices.Sort(keys[w])
		for i, n := range keys[w] {
			if n != int64(i) {
				return "", fmt.Errorf("writer %d: the write after %d is %d", w, i-1, n)
			}
		}
		if sums[w] != int64(len(keys[w])) {
			return "", fmt.Errorf("writer %d: %d writes are here, but their sum is %d", w, len(keys[w]), sums[w])
		}
		out = append(out, fmt.Sprintf("%d:%d", w, sums[w]))
	}
	return strings.Join(out, " "), nil
}

// counts reads a digest.
func counts(t *testing.T, digest string) map[int64]int64 {
	out := map[int64]int64{}
	for _, part := range strings.Fields(digest) {
		var w, n int64
		_, err := fmt.Sscanf(part, "%d:%d", &w, &n)
		require.NoError(t, err)
		out[w] = n
	}
	return out
}

// worker is a client in a process of its own: this test program, started with workerEnv.
type worker struct {
	t      *testing.T
	number int64
	dir    string
	url    string
	role   string // "": writes on by itself
	cmd    *exec.Cmd
	input  io.WriteCloser
	errs   *tail
	read   chan struct{} // closed when everything that the process wrote has been read

	mu        sync.Mutex
	cond      *sync.Cond
	committed int64 // as far as reported
	uploaded  int64
	stopped   bool // it writes no more, and the server has everything
	final     string
	said      []string // everything else
	ended     bool
}

const workerEnv = "REALM_E2E_WORKER"

func (w *worker) start() {
	w.t.Helper()
	if w.cond == nil {
		w.cond = sync.NewCond(&w.mu)
	}
	w.cmd = exec.Command(os.Args[0])
	w.cmd.Env = append(os.Environ(), workerEnv+"="+strings.Join([]string{strconv.FormatInt(w.number, 10), w.dir, w.url, w.role}, "\n"))
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	w.errs = &tail{}
	w.cmd.Stderr = w.errs
	out, err := w.cmd.StdoutPipe()
	require.NoError(w.t, err)
	w.input, err = w.cmd.StdinPipe()
	require.NoError(w.t, err)
	w.mu.Lock()
	w.ended = false
	w.mu.Unlock()
	w.read = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(w.read)
		runtime.LockOSThread() // see program.Start
		defer runtime.UnlockOSThread()
		err := w.cmd.Start()
		started <- err
		if err == nil {
			w.listen(out)
		}
	}()
	require.NoError(w.t, <-started)
}

func (w *worker) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		w.mu.Lock()
		switch word {
		case "committed":
			w.committed, _ = strconv.ParseInt(rest, 10, 64)
		case "uploaded":
			w.uploaded, _ = strconv.ParseInt(rest, 10, 64)
		case "stopped":
			w.stopped = true
		case "final":
			w.final = rest
		default:
			w.said = append(w.said, lines.Text())
		}
		w.cond.Broadcast()
		w.mu.Unlock()
	}
	w.mu.Lock()
	w.ended = true
	w.cond.Broadcast()
	w.mu.Unlock()
}

// await waits until a condition holds; the lock is held while it is asked.
func (w *worker) await(what string, condition func() bool) error {
	timer := time.AfterFunc(patient, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cond.Broadcast()
	})
	defer timer.Stop()
	deadline := time.Now().Add(patient)
	w.mu.Lock()
	defer w.mu.Unlock()
	for !condition() {
		if w.ended {
			return fmt.Errorf("writer %d ended by itself: %s", w.number, w.errs.String())
		}
		if !time.Now().Before(deadline) {
			return fmt.Errorf("writer %d: %s: not within %v (committed %d, uploaded %d)\n%s", w.number, what, patient, w.committed, w.uploaded, w.errs.String())
		}
		w.cond.Wait()
	}
	return nil
}

// progress waits until the worker has made n more transactions, and the server has acknowledged something new.
func (w *worker) progress(n int) {
	w.t.Helper()
	w.mu.Lock()
	committed, uploaded := w.committed+int64(n), w.uploaded
	w.mu.Unlock()
	require.NoError(w.t, w.await("writing on", func() bool { return w.committed >= committed && w.uploaded > uploaded }))
}

func (w *worker) kill() {
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Kill() // it may have ended
	_ = w.wait()             // killed, it says
}

// wait waits for the end of the process.
func (w *worker) wait() error {
	<-w.read
	err := w.cmd.Wait()
	w.cmd = nil
	return err
}

// tell sends the worker a line: "stop" ends its writing, "finish" the program.
func (w *worker) tell(line string) {
	_, err := io.WriteString(w.input, line+"\n")
	require.NoError(w.t, err, w.errs)
}

// runWorker is the program of a worker.
func runWorker(arguments string) error {
	parts := strings.Split(arguments, "\n")
	number, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return err
	}
	var mu sync.Mutex // lines are whole
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	failed := make(chan error, 1)
	d, err := openDevice(deviceOptions{url: parts[2], dir: parts[1], schema: crashSchema, timings: hasty, failed: func(e *session.Error) {
		if unreachable(e) {
			return
		}
		select {
		case failed <- e:
		default:
		}
	}})
	if err != nil {
		return err
	}
	defer d.close()
	if err := subscribeAll(d); err != nil {
		return err
	}
	told := make(chan string)
	go func() { // ends with the program
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			told <- lines.Text()
		}
		close(told)
	}()
	if parts[3] != "" {
		return obey(d, number, say, told, failed)
	}
	if err := writeOn(d, number, say, told, failed); err != nil {
		return err
	}
	if err := d.session.WaitForUploadFor(patient); err != nil {
		return err
	}
	say("stopped")
	<-told
	if err := d.settle(); err != nil {
		return err
	}
	state, err := digest(d)
	if err != nil {
		return err
	}
	say("final %s", state)
	return nil
}

// unreachable tells whether an error only says that the server can't be reached now.
func unreachable(e *session.Error) bool {
	return !e.Fatal && slices.Contains([]string{"SyncConnectFailed", "SyncConnectTimeout", "ConnectionClosed"}, e.Name)
}

// writeOn makes one transaction after the other, at most ahead of what the server has.
func writeOn(d *device, number int64, say func(string, ...any), stop <-chan string, failed <-chan error) error {
	tally, err := d.find("Tally", number)
	if err != nil {
		return err
	}
	if tally == nil {
		if err := d.write(func() error { return d.create("Tally", number, 0) }); err != nil {
			return err
		}
		if tally, err = d.find("Tally", number); err != nil {
			return err
		}
	}
	defer realm.ReleaseObject(tally)
	items, err := d.rows("Item")
	if err != nil {
		return err
	}
	next := int64(0)
	for _, row := range items {
		if row[1] == number {
			next++
		}
	}
	acknowledged := make(chan int64, 1024)
	open := 0
	for {
		select {
		case <-stop:
			return nil
		case err := <-failed:
			return fmt.Errorf("sync error: %w", err)
		case n := <-acknowledged:
			open--
			say("uploaded %d", n)
			continue
		default:
		}
		if open*10 >= ahead {
			select {
			case <-stop:
				return nil
			case err := <-failed:
				return fmt.Errorf("sync error: %w", err)
			case n := <-acknowledged:
				open--
				say("uploaded %d", n)
			}
			continue
		}
		err := d.write(func() error {
			if err := d.create("Item", number*span+next, number); err != nil {
				return err
			}
			return realm.AddInt(tally, 1, 1)
		})
		if err != nil {
			return err
		}
		next++
		say("committed %d", next)
		if next%10 == 0 {
			done := next
			open++
			if err := d.session.WaitForUpload(func(err error) {
				if err == nil {
					acknowledged <- done
				}
			}); err != nil {
				return err
			}
		}
	}
}
