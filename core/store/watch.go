package store

import "sync"

// watchers are told of versions that are about to be committed, per file.
type watchers struct {
	mu   sync.Mutex
	next int
	all  map[int]func(version uint64, changes func() *Changes)
}

// Watch has f called by every commit in this process that gives the file a new version, right before the version becomes visible: whoever
// sees a version can rely on f having run for it. A commit may still fail after f; then f is called once more, with changes nil: another
// process may make the same version with other changes. changes returns the row changes and may be called only while f runs. f must not
// use connections of the file, nor block.
func Watch(path string, f func(version uint64, changes func() *Changes)) (cancel func()) {
	file := canonical(path)
	l := retainFileLock(file)
	w := &l.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[int]func(uint64, func() *Changes){}
	}
	w.next++
	id := w.next
	w.all[id] = f
	return sync.OnceFunc(func() {
		w.mu.Lock()
		delete(w.all, id)
		w.mu.Unlock()
		releaseFileLock(file)
	})
}

// announce tells the watchers. The transaction is settled and about to be committed.
func (c *Conn) announce(changes func() *Changes) {
	if !c.version.moved {
		return
	}
	w := &c.lock.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.all {
		f(c.version.value, changes)
	}
}

// retract takes back what announce has told: the commit has failed.
func (c *Conn) retract() {
	if !c.version.moved {
		return
	}
	w := &c.lock.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.all {
		f(c.version.value, nil)
	}
}
