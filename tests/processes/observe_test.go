package processes

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

var soak = flag.Duration("soak", 0, "how long TestSoak runs; 0: not at all")

func init() {
	roles["answer"] = answer
	roles["write and observe"] = writeAndObserve
	roles["come and go"] = comeAndGo
}

// answer writes an item whenever its observer has heard of another one, so that the two processes take turns: a notification that is lost
// stops both for good.
func answer(c *control, arguments []string) error {
	rounds, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	w, err := watch(arguments[0])
	if err != nil {
		return err
	}
	defer w.close()
	c.say("ready")
	for i := range rounds {
		if err := w.loop.until(fmt.Sprintf("item %d", 2*i+1), func() bool { return w.seen == 2*i+1 }); err != nil {
			return err
		}
		if err := write(w.Realm, 2, int64(i)); err != nil {
			return err
		}
	}
	c.say("done")
	return nil
}

func TestTurns(t *testing.T) {
	runtime.LockOSThread()
	const rounds = 200
	path := filepath.Join(t.TempDir(), "turns.realm")
	w, err := watch(path)
	require.NoError(t, err)
	defer w.close()
	other := start(t, "answer", path, strconv.Itoa(rounds))
	other.hear("ready")
	for i := range rounds {
		require.NoError(t, write(w.Realm, 1, int64(i)))
		require.NoError(t, w.loop.until("the answer", func() bool { return w.seen == 2*i+2 }))
	}
	other.hear("done")
	other.finish()
}

// stint is what a process is to write: at least so many items, for at least so long. Its number is in what it writes.
type stint struct {
	path          string
	writer, items int64
	seconds       time.Duration
	key           *store.Key
}

// readStint reads a stint from the arguments of a role.
func readStint(arguments []string) (s stint, err error) {
	var errs [3]error
	s.path, s.key = arguments[0], keyNamed(arguments[4])
	s.writer, errs[0] = strconv.ParseInt(arguments[1], 10, 64)
	s.items, errs[1] = strconv.ParseInt(arguments[2], 10, 64)
	s.seconds, errs[2] = time.ParseDuration(arguments[3])
	return s, errors.Join(errs[:]...)
}

// writeAndObserve writes as fast as it can, for a number of items or of seconds, and then waits until its observer has heard of all that
// both have written.
func writeAndObserve(c *control, arguments []string) error {
	s, err := readStint(arguments)
	if err != nil {
		return err
	}
	w, err := watchWith(s.path, s.key)
	if err != nil {
		return err
	}
	defer w.close()
	c.say("ready")
	c.hear()
	written := int64(0)
	for end := time.Now().Add(s.seconds); written < s.items || time.Now().Before(end); written++ {
		if err := write(w.Realm, s.writer, written); err != nil {
			return fmt.Errorf("write %d: %w", written, err)
		}
	}
	c.say("wrote %d", written)
	total, err := strconv.Atoi(c.hear())
	if err != nil {
		return err
	}
	if err := w.loop.until("all items", func() bool { return w.seen == total }); err != nil {
		return fmt.Errorf("%w: %d of %d", err, w.seen, total)
	}
	c.say("told %d times", w.calls)
	return w.wrong()
}

// comeAndGo opens the file, observes it, writes an item and closes it, again and again, so that it is nobody's at times: then the connection of
// the last one is parked, and taken up, or the other process opens the file meanwhile. In the end it opens it once more and waits until its
// observer has heard of all that both have written.
func comeAndGo(c *control, arguments []string) error {
	s, err := readStint(arguments)
	if err != nil {
		return err
	}
	visit := func(number int64) error {
		w, err := watchWith(s.path, s.key)
		if err != nil {
			return fmt.Errorf("visit %d: %w", number, err)
		}
		defer w.close()
		if err := w.loop.until("the first call", func() bool { return w.calls > 0 }); err != nil {
			return err
		}
		mine := w.seen
		if err := write(w.Realm, s.writer, number); err != nil {
			return fmt.Errorf("visit %d: %w", number, err)
		}
		// What a commit changed that was on its way when the observer began isn't known: w.changed may be anything.
		return w.loop.until("its own item", func() bool { return w.seen > mine })
	}
	c.say("ready")
	c.hear()
	written := int64(0)
	for end := time.Now().Add(s.seconds); written < s.items || time.Now().Before(end); written++ {
		if err := visit(written); err != nil {
			return err
		}
	}
	c.say("wrote %d", written)
	total, err := strconv.Atoi(c.hear())
	if err != nil {
		return err
	}
	w, err := watchWith(s.path, s.key)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.loop.until("all items", func() bool { return w.seen == total }); err != nil {
		return fmt.Errorf("%w: %d of %d", err, w.seen, total)
	}
	c.say("told %d times", w.calls)
	return nil
}

// both runs two processes in a role that writes and observes, and returns what they say.
func both(t *testing.T, role string, items int, seconds time.Duration, key string) (wrote, told [2]string) {
	path := filepath.Join(t.TempDir(), "both.realm")
	var two [2]*process
	for i := range two {
		two[i] = start(t, role, path, strconv.Itoa(i+1), strconv.Itoa(items), seconds.String(), key)
	}
	for _, p := range two {
		p.hear("ready")
	}
	for _, p := range two {
		p.tell("go")
	}
	total := 0
	for i, p := range two {
		p.deadline(seconds)
		wrote[i] = p.hear("wrote")
		n, err := strconv.Atoi(wrote[i])
		require.NoError(t, err)
		total += n
	}
	for _, p := range two {
		p.tell(strconv.Itoa(total))
	}
	for i, p := range two {
		told[i] = p.hear("told")
		p.finish()
	}
	return wrote, told
}

func TestBothObserveAll(t *testing.T) { both(t, "write and observe", 150, 0, "") }

func TestBothComeAndGo(t *testing.T) {
	both(t, "come and go", 40, 0, "")
	both(t, "come and go", 40, 0, "k")
}

// TestSoak is run by soak.sh.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("-soak says for how long")
	}
	for _, role := range []string{"write and observe", "come and go"} {
		for _, key := range []string{"", "k"} {
			name := role
			if key != "" {
				name += ", encrypted"
			}
			t.Run(name, func(t *testing.T) {
				wrote, told := both(t, role, 0, *soak, key)
				t.Logf("in %v the processes have committed %s and %s transactions; their last observers were called %s and %s", *soak, wrote[0], wrote[1], told[0], told[1])
			})
		}
	}
}
