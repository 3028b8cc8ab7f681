package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
)

// crowd is many clients of one app, each with a thread and files of its own.
type crowd struct {
	arrived sync.WaitGroup // until the server has all that they have written
	ended   sync.WaitGroup
	over    chan struct{} // closed: they may go
	members []*member
	states  chan int // whoever has come to rest
}

// member is one of a crowd.
type member struct {
	*device

	number int64
	fatal  chan error // a sync error that ends the client
	arrive func()
	crowd  *crowd
	state  string
	err    error
	writes int // transactions
}

// gather starts n clients, whose files are in folders below dir: those that were there before go on with theirs. Each opens its realm, does what visit says,
// comes to rest, and stays connected until the crowd is dispersed.
func gather(n int, url, dir string, visit func(m *member) error) *crowd {
	c := &crowd{over: make(chan struct{}), states: make(chan int, n), members: make([]*member, n)}
	c.arrived.Add(n)
	for i := range n {
		m := &member{number: int64(i), fatal: make(chan error, 1), arrive: sync.OnceFunc(c.arrived.Done), crowd: c}
		c.members[i] = m
		c.ended.Go(func() {
			defer runtime.UnlockOSThread()
			o := deviceOptions{url: url, dir: filepath.Join(dir, strconv.Itoa(i)), schema: soakSchema, failed: m.failed}
			if m.device, m.err = openDevice(o); m.err == nil {
				if m.err = visit(m); m.err == nil {
					m.err = m.rest()
				}
				defer m.close()
			}
			m.arrive() // what has failed is not waited for
			c.states <- i
			<-c.over
		})
	}
	return c
}

// failed notes an error that is no lost connection and no write outside of the view.
func (m *member) failed(e *session.Error) {
	if !e.Fatal {
		return
	}
	select {
	case m.fatal <- fmt.Errorf("sync error: %w", e):
	default:
	}
}

// rest waits until the server has all that everybody has written, and takes it in.
func (m *member) rest() error {
	err := errors.Join(m.subscribe("Item", "TRUEPREDICATE OR n == 7"), m.settle())
	m.arrive()
	if err != nil {
		return err
	}
	m.crowd.arrived.Wait()
	if err := m.settle(); err != nil {
		return err
	}
	rows, err := m.rows("Item")
	slices.SortFunc(rows, func(a, b []int64) int { return slices.Compare(a, b) })
	m.state = fmt.Sprint(rows)
	return err
}

// settled waits until all have come to rest, and requires that all have the same, which it returns.
func (c *crowd) settled(t *testing.T) string {
	t.Helper()
	for range c.members {
		i := <-c.states
		if err := c.members[i].err; err != nil {
			c.disperse()
			require.NoError(t, err, "client %d", i)
		}
	}
	for i, m := range c.members {
		if m.state != c.members[0].state {
			c.disperse()
			require.Equal(t, c.members[0].state, m.state, "client %d", i)
		}
	}
	return c.members[0].state
}

// disperse lets everybody go, and waits for it.
func (c *crowd) disperse() {
	close(c.over)
	c.ended.Wait()
}
