package history

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/store"
)

// counter is an Observer that counts.
type counter struct{ uploads, groups, largest atomic.Int64 }

func (c *counter) Merged(int, int, time.Duration) { c.uploads.Add(1) }

func (c *counter) Grouped(n int, _ time.Duration) {
	c.groups.Add(1)
	c.largest.Store(max(c.largest.Load(), int64(n)))
}

// hold stops the writer at the beginning of its next group. It returns when the writer stands; release lets it go.
func (s *faulty) hold() (held <-chan struct{}, release func()) {
	at, gate := make(chan struct{}), make(chan struct{})
	first := true
	s.set(func(what string) error {
		if what == "begin" && first {
			first = false
			close(at)
			<-gate
		}
		return nil
	})
	return at, func() { close(gate) }
}

// requireDense tests that what was announced is the history, each version once, in order.
func requireDense(t *testing.T, f *fixture) {
	t.Helper()
	require.Eventually(t, func() bool {
		n := len(f.announced())
		return n > 0 && f.announced()[n-1].Version == f.Version()
	}, patience, time.Millisecond)
	for i, e := range f.announced() {
		require.EqualValues(t, i+2, e.Version)
	}
}

// One group with good and bad uploads: whoever is at fault hears of it, nobody else does.
func TestGroupWithFailures(t *testing.T) {
	gate, count := &faulty{}, &counter{}
	f, first := withT(t, func(c *Config) { c.Store, c.Observe = gate, count })
	first.write(create(1))
	first.sync()
	var devices []*device
	for range 9 {
		devices = append(devices, f.device().sync())
	}
	base := f.Version()

	held, release := gate.hold()
	opener := f.submit(first.message(first.entry(add(1, "n", 1000))))
	<-held
	var waiting []<-chan outcome
	for i, d := range devices {
		ins := []changeset.Instruction{add(1, "n", 1), create(int64(10 + i))}
		if i%3 == 1 {
			ins = append(ins, set(99, "n", value.Int(1)))
		}
		waiting = append(waiting, f.submit(d.message(d.entry(ins...))))
		waiting = append(waiting, f.submit(d.message(d.entry(add(1, "n", 100))))) // more of the same stream
	}
	release()
	require.NoError(t, f.wait(opener).err)
	for i := range devices {
		one, two := f.wait(waiting[2*i]), f.wait(waiting[2*i+1])
		if i%3 == 1 {
			requireCode(t, BadChangeset, one.err)
			require.ErrorIs(t, two.err, ErrSkipped)
			require.Nil(t, f.row(int64(10+i)))
			continue
		}
		require.NoError(t, one.err)
		require.NoError(t, two.err)
		require.NotNil(t, f.row(int64(10+i)))
	}
	require.EqualValues(t, 1000+6*101, f.n(1))
	require.Equal(t, base+1+6*2, f.Version())
	require.EqualValues(t, 18, count.largest.Load(), "they were committed together")
	requireDense(t, f)

	// Those at fault go on in new sessions.
	d := devices[1]
	d.stream, d.version = &Stream{}, 1
	d.write(add(1, "n", 1))
	require.EqualValues(t, 1000+6*101+1, f.n(1))
}

// A group is bounded by the size of what is in it.
func TestGroupsAreBounded(t *testing.T) {
	gate, count := &faulty{}, &counter{}
	f, first := withT(t, func(c *Config) { c.Store, c.Observe, c.GroupBytes = gate, count, 1000 })
	d := f.device().sync()
	held, release := gate.hold()
	opener := f.submit(first.message(first.entry(create(1))))
	<-held
	var waiting []<-chan outcome
	for i := range 20 {
		u := d.message(d.entry(create(int64(i))))
		u.Bytes = 300
		waiting = append(waiting, f.submit(u))
	}
	before := count.groups.Load()
	release()
	require.NoError(t, f.wait(opener).err)
	for _, w := range waiting {
		require.NoError(t, f.wait(w).err)
	}
	require.EqualValues(t, 3, count.largest.Load())
	require.EqualValues(t, 1+7, count.groups.Load()-before)
}

// Whatever the store refuses, nobody is told that something was kept that wasn't, and the engine goes on.
func TestStoreFails(t *testing.T) {
	gate := &faulty{}
	f, a := withT(t, func(c *Config) { c.Store, c.RecentBytes = gate, 1 })
	a.write(create(1), set(1, "n", value.Int(1)))
	b := f.device().sync()
	a.sync().write(add(1, "n", 10)) // so that b has something to merge with
	b.write(add(1, "n", 100))
	a.write(add(1, "n", 1000))
	version := f.Version()
	for _, what := range []string{"begin", "file", "objects", "resets", "reciprocals", "entry", "commit"} {
		t.Run(what, func(t *testing.T) {
			asked := 0
			b.forget()
			gate.set(func(w string) error {
				if w == what {
					asked++
					return errFault
				}
				return nil
			})
			lost := b.entry(add(1, "n", 1))
			o := f.wait(f.submit(b.message(lost)))
			require.ErrorIs(t, o.err, errFault)
			require.Empty(t, o.Result)
			require.NotZero(t, asked)
			require.Equal(t, version, f.Version())
			gate.set(nil)
			b.version--
			require.EqualValues(t, 1111, f.n(1))
			o = f.wait(f.submit(b.message(b.entry(add(1, "n", 1)))))
			require.ErrorIs(t, o.err, ErrSkipped, "what follows on what was lost is not integrated")
			b.version--
			b.stream = &Stream{}
			requireDense(t, f)
		})
	}
	r, err := b.upload(b.entry(add(1, "n", 1)))
	require.NoError(t, err)
	require.Equal(t, version+1, r.Own[0].Version)
	require.EqualValues(t, 1112, f.n(1))
	f.restart()
	require.EqualValues(t, 1112, f.n(1))
	require.Equal(t, version+1, f.Version())
}

// forget makes the engine read the file anew, as if it had not been at work for long.
func (d *device) forget() {
	_, err := do(d.t.Context(), d.f.Engine, true, func(g *group) (struct{}, error) {
		g.engine.clients.forget()
		return struct{}{}, nil
	})
	require.NoError(d.t, err)
}

// When a commit fails, what waits behind in the same stream must not be integrated, whichever group it is in.
func TestStreamEndsWithAFailedCommit(t *testing.T) {
	gate := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store, c.GroupBytes = gate, 1 })
	held := make(chan struct{})
	release := make(chan struct{})
	first := true
	gate.set(func(what string) error {
		if what == "commit" && first {
			first = false
			close(held)
			<-release
			return errFault
		}
		return nil
	})
	one := f.submit(d.message(d.entry(create(1))))
	<-held
	two := f.submit(d.message(d.entry(create(2))))
	three := f.submit(d.message(d.entry(create(3))))
	close(release)
	require.ErrorIs(t, f.wait(one).err, errFault)
	require.ErrorIs(t, f.wait(two).err, ErrSkipped)
	require.ErrorIs(t, f.wait(three).err, ErrSkipped)
	require.EqualValues(t, 2, f.Version())
	d.stream, d.version = &Stream{}, 2
	d.write(create(1))
	require.NotNil(t, f.row(1))
}

// A commit that seemed to fail, but happened: the history goes on behind it, and all of it is announced.
func TestCommitInDoubt(t *testing.T) {
	gate := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store = gate })
	file := f.device().file
	once := func(what string) error {
		if what == "commit" {
			gate.fails = nil // the lock is held
			return errFault
		}
		return nil
	}
	gate.after = true
	gate.set(once)
	lost := d.entry(create(1), addTable("N"))
	o := f.wait(f.submit(d.message(lost)))
	require.ErrorIs(t, o.err, errFault)
	gate.set(once)
	_, err := f.NewFile(t.Context(), "user", 0)
	require.ErrorIs(t, err, errFault)

	next, err := f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	require.Equal(t, file.Ident+2, next.Ident, "an ident is never given out twice")
	require.EqualValues(t, 3, f.Version())
	require.NotNil(t, f.Catalog().Class("N"))
	d.stream = &Stream{}
	r, err := d.upload(lost, d.entry(create(2)))
	require.NoError(t, err)
	require.Equal(t, []store.Own{{Version: 4, ClientVersion: 4}}, r.Own, "the first one is there already")
	requireDense(t, f)
}

func TestEndedStreamIsSkipped(t *testing.T) {
	f, d := withT(t, nil)
	d.stream.End()
	_, err := d.upload(d.entry(create(1)))
	require.ErrorIs(t, err, ErrSkipped)
	require.EqualValues(t, 2, f.Version())
}

func TestClosedEngine(t *testing.T) {
	f, d := withT(t, nil)
	done := f.submit(d.message(d.entry(create(1))))
	require.NoError(t, f.Close())
	require.NoError(t, f.wait(done).err, "what was submitted before is finished")
	require.ErrorIs(t, f.Submit(d.message(d.entry(create(2)))), ErrClosed)
	_, err := f.NewFile(t.Context(), "user", 0)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, f.Close(), "twice")
	f.start()
	require.NotNil(t, f.row(1))
}

// A caller that doesn't wait any longer gets its context's error; the engine goes on.
func TestCallerGivesUp(t *testing.T) {
	gate := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store = gate })
	held, release := gate.hold()
	opener := f.submit(d.message(d.entry(create(1))))
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.NewFile(ctx, "user", 0)
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.Identify(ctx, d.claim())
	require.ErrorIs(t, err, context.Canceled)
	release()
	require.NoError(t, f.wait(opener).err)
	_, err = f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
}

// A defect inside of the engine costs the client that meets it its upload, and nobody else anything.
func TestPanicIsOneClientsError(t *testing.T) {
	f, d := withT(t, nil)
	bad := f.device(panicking{}).sync()
	_, err := bad.upload(bad.entry(create(1), set(1, "n", value.Int(4))))
	require.ErrorContains(t, err, "internal error")
	require.Nil(t, f.row(1))
	d.write(create(1))
	require.EqualValues(t, 0, f.n(1))
}

type panicking struct{ all }

func (panicking) Sees(*Row) (bool, error) { panic("a defect") }
