package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/session"
)

// Clients write at random, change their subscriptions, go offline and come back, while the server is stopped and killed and trims its history.
// Then everybody has the same, nobody was reset, and fsck finds nothing. REALM_SOAK is for how long ("10m"), REALM_SOAK_CLIENTS how many (50):
//
//	REALM_SOAK=10m REALM_SOAK_CLIENTS=50 go test -tags sqlite_omit_load_extension -timeout 20m -run TestSoak -v ./tests/e2e
func TestSoak(t *testing.T) {
	length, clients := 6*time.Second, 8
	if text := os.Getenv("REALM_SOAK"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	if text := os.Getenv("REALM_SOAK_CLIENTS"); text != "" {
		var err error
		clients, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	s := startServer(t, "--trim-every", "1s")
	s.log = &tail{}
	stop := make(chan struct{})
	var all, everybody sync.WaitGroup
	everybody.Add(clients)
	finals := make([]string, clients)
	errs := make([]error, clients)
	writes := make([]int, clients)
	for i := range clients {
		dir, url := t.TempDir(), s.url()
		all.Go(func() {
			finals[i], writes[i], errs[i] = soak(url, dir, int64(i), stop, &everybody)
		})
	}
	deadline := time.After(length)
	r := rand.New(rand.NewPCG(uint64(clients), 3))
	restarts := 0
	for running := true; running; {
		select {
		case <-deadline:
			running = false
		case <-time.After(length / 4):
			if r.IntN(2) == 0 {
				s.kill()
			} else {
				s.stop()
			}
			restarts++
			s.start()
		}
	}
	close(stop)
	all.Wait()
	sum := 0
	for i := range clients {
		require.NoError(t, errs[i], "client %d", i)
		require.Equal(t, finals[0], finals[i], "client %d", i)
		sum += writes[i]
	}
	memory, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err == nil {
		for line := range strings.Lines(string(memory)) {
			if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
				t.Log("server: ", strings.TrimSpace(line))
			}
		}
	}
	t.Logf("%d clients, %d transactions, %d restarts, %d objects", clients, sum, restarts, strings.Count(finals[0], "["))
	s.stop()
	binary, err := serverBinary()
	require.NoError(t, err)
	out, err := exec.Command(binary, "fsck", "--data", s.data).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "clean")
	require.NotEmpty(t, finals[0])
}

// soak is one client until stop; then it takes everything in and says what it has.
func soak(url, dir string, number int64, stop <-chan struct{}, everybody *sync.WaitGroup) (final string, writes int, err error) {
	defer runtime.UnlockOSThread()
	arrived := sync.OnceFunc(everybody.Done)
	defer arrived()
	fatal := make(chan error, 1)
	o := deviceOptions{url: url, dir: dir, schema: schema.New(integers("Item", "_id", "owner", "n")), failed: func(e *session.Error) {
		if !e.Fatal {
			return // lost connections, and writes outside of the view
		}
		select {
		case fatal <- fmt.Errorf("sync error: %w", e):
		default:
		}
	}}
	d, err := openDevice(o)
	if err != nil {
		return "", 0, err
	}
	defer d.close()
	r := rand.New(rand.NewPCG(uint64(number), 5))
	if err := d.subscribe("Item", "TRUEPREDICATE"); err != nil {
		return "", 0, err
	}
	next, paused := number*1_000_000, false
	for {
		select {
		case <-stop:
			if paused {
				if err := d.session.Resume(); err != nil {
					return "", writes, err
				}
			}
			err := errors.Join(d.subscribe("Item", "TRUEPREDICATE OR n == 7"), d.settle())
			arrived() // everybody's writes are on the server when all have arrived
			if err != nil {
				return "", writes, err
			}
			everybody.Wait()
			if err := d.settle(); err != nil {
				return "", writes, err
			}
			rows, err := d.rows("Item")
			slices.SortFunc(rows, func(a, b []int64) int { return slices.Compare(a, b) })
			return fmt.Sprint(rows), writes, err
		case err := <-fatal:
			return "", writes, err
		case <-time.After(time.Duration(5+r.IntN(20)) * time.Millisecond):
		}
		switch p := r.IntN(100); {
		case p < 3:
			if paused = !paused; paused {
				err = d.session.Pause()
			} else {
				err = d.session.Resume()
			}
		case p < 5:
			query := []string{"TRUEPREDICATE", "n < 3", "n >= 1 OR owner == " + strconv.FormatInt(number, 10)}[r.IntN(3)]
			set, e := d.announce("Item", query)
			if err = e; err == nil {
				set.Release()
			}
		default:
			writes++
			err = d.soakWrite(r, number, &next)
		}
		if err != nil {
			return "", writes, err
		}
	}
}

func (d *device) soakWrite(r *rand.Rand, number int64, next *int64) error {
	if _, err := d.realm.Refresh(); err != nil {
		return err
	}
	rows, err := d.rows("Item")
	if err != nil {
		return err
	}
	return d.write(func() error {
		if len(rows) == 0 || r.IntN(5) == 0 && len(rows) < 500 {
			*next++
			return d.create("Item", *next, number, 0)
		}
		o, err := d.find("Item", rows[r.IntN(len(rows))][0])
		if err != nil || o == nil {
			return err
		}
		defer realm.ReleaseObject(o)
		if r.IntN(12) == 0 {
			return realm.DeleteObject(o)
		}
		return realm.AddInt(o, 2, int64(r.IntN(3)))
	})
}
