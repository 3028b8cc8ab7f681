package session

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// fakeGroup is the processes that have one file open. Here each has a fakeFile; the test makes them say the same where it matters.
type fakeGroup struct {
	mu              sync.Mutex
	leader          *fakePeers
	asked, answered uint64
	listeners       map[*fakePeers]func()
	mute            bool // nobody is told anything
}

// fakePeers is the group as one process sees it.
type fakePeers struct{ g *fakeGroup }

func newFakeGroup() *fakeGroup { return &fakeGroup{listeners: map[*fakePeers]func(){}} }

// file is the file in another process.
func (g *fakeGroup) file() *fakeFile {
	f := newFakeFile()
	f.peers = &fakePeers{g}
	return f
}

// tell tells everybody that something has happened.
func (g *fakeGroup) tell() {
	g.mu.Lock()
	var all []func()
	for _, f := range g.listeners {
		if !g.mute {
			all = append(all, f)
		}
	}
	g.mu.Unlock()
	for _, f := range all {
		f()
	}
}

func (p *fakePeers) Lead() bool {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	if p.g.leader == nil {
		p.g.leader = p
	}
	return p.g.leader == p
}

func (p *fakePeers) Resign() {
	p.g.mu.Lock()
	if p.g.leader == p {
		p.g.leader = nil
	}
	p.g.mu.Unlock()
	p.g.tell()
}

func (p *fakePeers) Ask() (uint64, error) {
	p.g.mu.Lock()
	p.g.asked++
	number := p.g.asked
	p.g.mu.Unlock()
	p.g.tell()
	return number, nil
}

func (p *fakePeers) Asked() (asked, answered uint64) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	return p.g.asked, p.g.answered
}

func (p *fakePeers) Answer(number uint64) error {
	p.g.mu.Lock()
	if p.g.leader != p {
		panic("somebody answers who doesn't lead")
	}
	p.g.answered = number
	p.g.mu.Unlock()
	p.g.tell()
	return nil
}

func (p *fakePeers) Notify(f func()) (cancel func()) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.g.listeners[p] = f
	return func() {
		p.g.mu.Lock()
		defer p.g.mu.Unlock()
		delete(p.g.listeners, p)
	}
}

// Of two processes one has a protocol session; the other takes over when it stops, in whatever way.
func TestOneLeads(t *testing.T) {
	for _, mute := range []bool{false, true} { // an end that nobody is told of is noticed all the same
		inWorld(t, func(w *world) {
			g := newFakeGroup()
			first, second := w.open(g.file(), "a", Immediately), w.open(g.file(), "b", Immediately)
			p := w.accept()
			p.greet(1)
			w.noDial(time.Minute)
			p.silent()
			require.Equal(t, Active, second.State())
			require.Equal(t, Disconnected, second.ConnectionState())
			g.mute = mute
			first.Pause()
			p.skipTo("unbind 1↵")
			p.expect(bindMsg(2, 1))
			require.Equal(t, Paused, first.State())

			first.Resume()
			require.Equal(t, Active, first.State())
			w.noDial(time.Minute)
			p.silent()
			second.Release()
			p.skipTo("unbind 2↵")
			p.expect(bindMsg(3, 0))
		})
	}
}

// A session that can't begin leaves the file to others.
func TestWithoutUserNobodyLeads(t *testing.T) {
	inWorld(t, func(w *world) {
		g := newFakeGroup()
		w.user.loggedIn, w.user.token = false, ""
		s := w.open(g.file(), "a", Immediately)
		synctest.Wait()
		require.Equal(t, Inactive, s.State())
		require.Nil(t, g.leader)
		other := w.open(g.file(), "b", Immediately)
		w.user.change(func() { w.user.loggedIn, w.user.token = true, "t" })
		synctest.Wait()
		require.Equal(t, Active, s.State())
		require.Equal(t, Active, other.State())
		p := w.accept()
		p.expect("bind…")
		p.silent()
	})
}

// What a follower waits for is done by the leader: uploads and sets can be seen in the file, downloads are asked for.
func TestFollowerWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		g := newFakeGroup()
		w.open(g.file(), "a", Immediately)
		p := w.accept()
		p.greet(1)
		f := g.file()
		s := w.open(f, "b", Immediately)
		s.WaitForUpload(func(err error) { w.note("nothing to upload: %v", err) })
		require.Equal(t, []string{"nothing to upload: <nil>"}, w.notes())

		version := f.commit("x")
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		set := f.subscribe("{1}")
		s.WaitForSet(set, func(state SetState, err error) { w.note("set %d %v", state, err) })
		g.tell()
		require.Empty(t, w.notes())
		f.mu.Lock()
		f.status.Progress.Upload = wire.UploadCursor{ClientVersion: version}
		f.sets[set].state = Complete
		f.mu.Unlock()
		require.Empty(t, w.notes())
		g.tell()
		require.ElementsMatch(t, []string{"upload <nil>", "set 3 <nil>"}, w.notes())

		s.WaitForDownload(func(err error) { w.note("download %v", err) })
		p.expect("mark 1 2↵")
		s.WaitForDownload(func(err error) { w.note("later download %v", err) })
		p.expect("mark 1 3↵")
		require.Empty(t, w.notes())
		p.send("mark 1 2↵")
		require.Equal(t, []string{"download <nil>"}, w.notes())
		p.send("mark 1 3↵")
		require.Equal(t, []string{"later download <nil>"}, w.notes())
	})
}

// Waits of a follower survive the end of the leader: who leads next makes them true.
func TestFollowerWaitsOn(t *testing.T) {
	inWorld(t, func(w *world) {
		g := newFakeGroup()
		first := w.open(g.file(), "a", Immediately)
		p := w.accept()
		p.greet(1)
		second, third := w.open(g.file(), "b", Immediately), w.open(g.file(), "c", Immediately)
		second.WaitForDownload(func(err error) { w.note("second %v", err) })
		third.WaitForDownload(func(err error) { w.note("third %v", err) })
		synctest.Wait()
		third.Pause()
		require.Equal(t, []string{"third " + ErrAborted.Error()}, w.notes())
		third.Resume()
		third.WaitForDownload(func(err error) { w.note("third again %v", err) })
		synctest.Wait()
		require.Empty(t, w.notes())
		first.Release()
		p.skipTo("unbind 1↵")
		p.expect("bind 2…")
		p.send("ident 2 7 4242↵")
		p.expect("ident 2…", "mark 2 1↵")
		p.silent()
		p.send("mark 2 1↵")
		require.ElementsMatch(t, []string{"second <nil>", "third again <nil>"}, w.notes())
	})
}

// A follower that nobody refers to any more ends when the leader has uploaded its changes.
func TestFollowerDies(t *testing.T) {
	inWorld(t, func(w *world) {
		g := newFakeGroup()
		w.open(g.file(), "a", Immediately)
		w.accept().greet(1)
		f := g.file()
		version := f.commit("x")
		s := w.open(f, "b", AfterChangesUploaded)
		s.Release()
		synctest.Wait()
		require.Equal(t, Dying, s.State())
		f.mu.Lock()
		f.status.Progress.Upload = wire.UploadCursor{ClientVersion: version}
		f.mu.Unlock()
		g.tell()
		synctest.Wait()
		require.Equal(t, Inactive, s.State())
		require.True(t, f.closed)
	})
}
