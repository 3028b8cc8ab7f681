package store

import (
	"sync"
	"time"
)

// othersPoll is how often who listens looks where it can't be told.
const othersPoll = 500 * time.Millisecond

// others are the listeners of what other processes do with a file. The zero value has none.
type others struct {
	mu       sync.Mutex
	next     int
	all      map[int]func()
	note     *noteFile
	attached bool // this process has the file open
	stop     func()
	last     noteNumbers // what the listeners know

	followers int  // who wants a trail (trail.go)
	following bool // the other processes know that
}

// WatchOthers has f called after another process has committed to the file, or has ended, or anything else has changed that Asked and
// Lead tell; now and then also for nothing. What happens after WatchOthers returns, is told. f is called on a goroutine of this package, one
// call at a time, also a moment after cancel, and must not block. While no Conn of this process has the file open nothing is told.
//
// Whoever is told must look by itself, and must have looked once after WatchOthers returned.
func WatchOthers(path string, f func()) (cancel func()) {
	file := canonical(path)
	l := retainFileLock(file)
	o := &l.others
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[int]func(){}
	}
	o.next++
	id := o.next
	o.all[id] = f
	o.settle()
	return sync.OnceFunc(func() {
		o.mu.Lock()
		delete(o.all, id)
		o.settle()
		o.mu.Unlock()
		releaseFileLock(file)
	})
}

// attach is called when the process has opened the file; without a note file n is nil.
func (o *others) attach(n *noteFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note, o.attached = n, true
	o.settle()
}

func (o *others) detach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attached = false
	o.following = false // closing the note file ends it
	o.settle()
	o.note = nil
}

// follow counts who wants a trail.
func (o *others) follow(by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.followers += by
	o.settle()
}

// settle begins to listen, or stops. o.mu is held.
func (o *others) settle() {
	if follow := o.followers > 0; follow != o.following && o.attached && o.note != nil {
		o.note.follow(follow)
		o.following = follow
	}
	want := o.attached && len(o.all) > 0
	switch {
	case want && o.stop == nil:
		if o.note != nil {
			if stop, err := watchNote(o.note, o.look); err == nil {
				o.stop, o.last = stop, o.note.state()
				return
			}
		}
		o.stop = poll(func() { o.look(true) })
	case !want && o.stop != nil:
		o.stop()
		o.stop = nil
	}
}

// look calls the listeners if something has changed; always: also if that can't be seen, as when a process ended between a commit and
// telling of it.
func (o *others) look(always bool) {
	o.mu.Lock()
	if o.note != nil {
		now := o.note.state()
		always = always || now != o.last
		o.last = now
	}
	var all []func()
	if always {
		for _, f := range o.all {
			all = append(all, f)
		}
	}
	o.mu.Unlock()
	for _, f := range all {
		f()
	}
}

// poll calls f from time to time.
func poll(f func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(othersPoll)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
