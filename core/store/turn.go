package store

import "sync"

// turnWait is this process's wait for its turn among all processes. The system's wait for a lock can't be ended, so it is left to
// a goroutine of its own, which gives back what it gets when nobody wants it any more.
type turnWait struct {
	mu      sync.Mutex
	dropped bool          // nobody waits at present
	over    bool          // the goroutine is done
	got     chan struct{} // closed when the turn has come
}

// takeAmongAll waits for the turn among all processes, of which it takes at most one from each. It returns false when stop was closed
// before it came.
//
// Where the locks fail, SQLite's own has to do, and for those who come while this process is alone: to it a transaction costs two
// questions of the system.
func (l *fileLock) takeAmongAll(stop <-chan struct{}) bool {
	n := l.note
	if n == nil || l.wait == nil && n.alone() {
		return true
	}
	if l.wait == nil || !l.wait.resume() {
		next, err := tryLock(n.file, lockQueue, true)
		if next {
			now, _ := tryLock(n.file, lockWrite, true)
			if now {
				_ = unlock(n.file, lockQueue)
				l.queued = true
				return true
			}
		}
		if err != nil {
			return true
		}
		l.wait = &turnWait{got: make(chan struct{})}
		n.use()
		go l.wait.run(n)
	}
	select {
	case <-l.wait.got:
		l.wait, l.queued = nil, true
		return true
	case <-stop:
		l.wait.drop(n)
		return false
	}
}

// run waits for both locks, of which the process may have the first.
func (w *turnWait) run(n *noteFile) {
	defer n.done()
	if waitLock(n.file, lockQueue) == nil {
		_ = waitLock(n.file, lockWrite)
		_ = unlock(n.file, lockQueue)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.dropped {
		_ = unlock(n.file, lockWrite)
		return
	}
	close(w.got)
}

// resume takes a wait up again that was dropped. It returns false when that is over.
func (w *turnWait) resume() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = w.dropped && w.over
	return !w.over
}

// drop leaves the wait alone.
func (w *turnWait) drop(n *noteFile) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = true
	if w.over { // it has come just now
		_ = unlock(n.file, lockWrite)
	}
}
