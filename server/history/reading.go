package history

import "sync"

// reading counts the open snapshots by the version that each shows, so that nothing is removed that one of them may still read. It is
// safe for concurrent use.
type reading struct {
	mu   sync.Mutex
	open map[uint64]int
}

// enter counts a snapshot in; done counts it out, once.
func (r *reading) enter(version uint64) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[uint64]int{}
	}
	r.open[version]++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.open[version]--; r.open[version] == 0 {
			delete(r.open, version)
		}
	})
}

// below tells whether a snapshot of a version below is open.
func (r *reading) below(version uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for v := range r.open {
		if v < version {
			return true
		}
	}
	return false
}
