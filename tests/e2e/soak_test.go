package e2e

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/tests/program"
)

var soakSchema = schema.New(integers("Item", "_id", "owner", "n"))

// Clients write at random, change their subscriptions, go offline and come back, while the server is stopped and killed and trims its history.
// Then everybody has the same, nobody was reset, fsck finds nothing, and memory is back to the start: the server holds no more than one that was just started
// on the same data with the same clients connected, and when they have gone, no more than that one when they have left it (memory.back); and its process is
// no larger than at the start, after a quarter of the time without a restart (memory.steady). REALM_SOAK is for how long ("10m"), REALM_SOAK_CLIENTS how many (50):
//
//	REALM_SOAK=10m REALM_SOAK_CLIENTS=50 go test -tags sqlite_omit_load_extension -timeout 25m -run 'TestSoak$' -v ./tests/e2e
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
	s := serverOf(t, "--trim-every", "1s", "--app-idle", "1s")
	s.debugging = true
	s.start()
	dir := t.TempDir()

	// The start.
	stop := make(chan struct{})
	soaking := gather(clients, s.url(), dir, func(m *member) error { return m.soak(stop, 0) })
	time.Sleep(length / 4)
	close(stop)
	soaking.settled(t)
	startCrowded := s.atRest("the start, all connected", true)
	soaking.disperse()
	startEmpty := s.atRest("the start, all gone", false)

	stop = make(chan struct{})
	soaking = gather(clients, s.url(), dir, func(m *member) error { return m.soak(stop, 1) })
	r := rand.New(rand.NewPCG(uint64(clients), 3))
	const restarts = 3
	for range restarts {
		time.Sleep(length / (restarts + 1))
		if r.IntN(2) == 0 {
			s.kill()
		} else {
			s.stop()
		}
		s.start()
	}
	time.Sleep(length / (restarts + 1))
	close(stop)
	state := soaking.settled(t)
	sum := 0
	for _, m := range soaking.members {
		sum += m.writes
	}
	t.Logf("%d clients, %d transactions, %d restarts, %d objects", clients, sum, restarts, strings.Count(state, "["))
	crowded := s.atRest("after the soak, all connected", true)
	soaking.disperse()
	empty := s.atRest("after the soak, all gone", false)

	s.stop()
	s.start()
	again := gather(clients, s.url(), dir, func(*member) error { return nil })
	require.Equal(t, state, again.settled(t))
	freshCrowded := s.atRest("another server, the same clients connected", true)
	again.disperse()
	freshEmpty := s.atRest("another server, all gone", false)
	s.stop()

	crowded.back(t, freshCrowded)
	empty.back(t, freshEmpty)
	crowded.steady(t, startCrowded)
	empty.steady(t, startEmpty)

	binary, err := program.Binary()
	require.NoError(t, err)
	out, err := exec.Command(binary, "fsck", "--data", s.data).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "clean")
}

// soak writes and changes its mind until stop. It may be called again with a larger round.
func (m *member) soak(stop <-chan struct{}, round int64) error {
	r := rand.New(rand.NewPCG(uint64(m.number), uint64(5+round)))
	if err := m.subscribe("Item", "TRUEPREDICATE"); err != nil {
		return err
	}
	next, paused := m.number*1_000_000+round*500_000, false
	for {
		select {
		case <-stop:
			if paused {
				return m.session.Resume()
			}
			return nil
		case err := <-m.fatal:
			return err
		case <-time.After(time.Duration(5+r.IntN(20)) * time.Millisecond):
		}
		var err error
		switch p := r.IntN(100); {
		case p < 3:
			if paused = !paused; paused {
				err = m.session.Pause()
			} else {
				err = m.session.Resume()
			}
		case p < 5:
			query := []string{"TRUEPREDICATE", "n < 3", "n >= 1 OR owner == " + strconv.FormatInt(m.number, 10)}[r.IntN(3)]
			set, e := m.announce("Item", query)
			if err = e; err == nil {
				set.Release()
			}
		default:
			m.writes++
			err = m.soakWrite(r, m.number, &next)
		}
		if err != nil {
			return err
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
