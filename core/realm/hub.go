package realm

import (
	"maps"
	"slices"
	"sync"

	"realmsync/core/realm/history"
	"realmsync/core/store"
)

// hub is what the instances of one file in this process share: who they are, and what recent commits changed, for their
// notifications. It lives while an instance is open.
type hub struct {
	file   string // canonical path
	cancel []func()
	config hubConfig

	others       sync.Once // begins to listen to other processes, with the first observer: it costs an open file and a goroutine
	cancelOthers func()    // set by that

	mu        sync.Mutex
	noTrail   func() // ends that other processes leave a trail; nil while there are no observers
	instances map[*Realm]struct{}
	observing map[*Realm]uint64 // instances with observers, and the version that these have been told
	// log says what each version changed. Commits of other processes come into it when they are read from the file's trail, for the next
	// instance; those made while nobody observed are not in it.
	log    map[uint64]*store.Changes
	weight int // rows that the log names
}

// hubConfig is what all instances of a file have in common.
type hubConfig struct {
	synced bool
	userID string
	key    *store.Key
}

// Bounds of the log, for observers that don't come to be told. Those that lag behind it compare what they see.
const (
	maxLog       = 4096
	maxLogWeight = 4 << 20
)

var hubs = struct {
	sync.Mutex
	byFile map[string]*hub
}{byFile: map[string]*hub{}}

// joinHub enters an instance into the hub of its file. Errors: ErrMismatchedConfig.
func joinHub(r *Realm) (*hub, error) {
	hubs.Lock()
	defer hubs.Unlock()
	h := hubs.byFile[r.file]
	if h == nil {
		h = &hub{file: r.file, config: r.config.shared(), instances: map[*Realm]struct{}{}, observing: map[*Realm]uint64{}}
		h.cancel = []func(){store.Watch(r.file, h.committing), history.Listen(r.file, h.committed)}
		hubs.byFile[r.file] = h
	} else if err := h.config.check(&r.config); err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.instances[r] = struct{}{}
	h.mu.Unlock()
	return h, nil
}

func (c *Config) shared() hubConfig { return hubConfig{c.Synced, c.UserID, c.Key} }

// check refuses to open a file in two ways at once (cpp-surface.md section 4).
func (h hubConfig) check(c *Config) error {
	switch {
	case !c.Key.Equal(h.key):
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened with a different encryption key.", c.Path)
	case c.Synced != h.synced:
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened with different sync configurations.", c.Path)
	case c.Synced && c.UserID != h.userID:
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened with different sync user.", c.Path)
	default:
		return nil
	}
}

// checkShared refuses a configuration that differs from that of the file's open instances, before anything is done to the file.
func checkShared(file string, c *Config) error {
	hubs.Lock()
	defer hubs.Unlock()
	if h := hubs.byFile[file]; h != nil {
		return h.config.check(c)
	}
	return nil
}

// leave takes an instance out; the last one closes the hub.
func (h *hub) leave(r *Realm) {
	hubs.Lock()
	defer hubs.Unlock()
	h.mu.Lock()
	delete(h.instances, r)
	h.observes(r, false, 0)
	empty := len(h.instances) == 0
	h.mu.Unlock()
	if empty {
		h.others.Do(func() {}) // from now on it is too late
		if h.cancelOthers != nil {
			h.cancelOthers()
		}
		for _, cancel := range h.cancel {
			cancel()
		}
		delete(hubs.byFile, h.file)
	}
}

// openIn finds an open instance of the file, and adds a handle.
func openIn(file string, usable func(*Realm) bool) *Realm {
	hubs.Lock()
	h := hubs.byFile[file]
	hubs.Unlock()
	if h == nil {
		return nil
	}
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.instances))
	h.mu.Unlock()
	for _, r := range all {
		if usable(r) && r.retainIfOpen() {
			return r
		}
	}
	return nil
}

// isOpen tells whether any instance of the file is open in this process.
func isOpen(file string) bool {
	hubs.Lock()
	defer hubs.Unlock()
	return hubs.byFile[file] != nil
}

// committing runs in every commit to the file in this process, before the version can be seen: it notes what changed. Without changes the
// commit has failed.
func (h *hub) committing(version uint64, changes func() *store.Changes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if changes == nil {
		h.forget(version)
		return
	}
	if len(h.observing) == 0 {
		h.log, h.weight = nil, 0
		return
	}
	h.note(version, changes())
}

// committed runs after every commit in this process.
func (h *hub) committed(history.Commit) { h.wake() }

// wake wakes the event loops of observing instances: there may be a new version, by this process or by another. One that begins to observe
// is woken once in any case, so it doesn't matter if that is while a version is being told of.
func (h *hub) wake() {
	h.mu.Lock()
	var wake []*Realm
	for r := range h.observing {
		if r.scheduler != nil {
			wake = append(wake, r)
		}
	}
	h.mu.Unlock()
	for _, r := range wake {
		r.scheduler.Wake(r.id)
	}
}

func (h *hub) note(version uint64, changes *store.Changes) {
	if h.log == nil {
		h.log = map[uint64]*store.Changes{}
	}
	h.log[version] = changes
	h.weight += changes.Rows()
	if len(h.log) > maxLog || h.weight > maxLogWeight {
		for _, v := range slices.Sorted(maps.Keys(h.log))[:len(h.log)/2+1] {
			h.forget(v)
		}
	}
}

func (h *hub) forget(version uint64) {
	if changes, ok := h.log[version]; ok {
		h.weight -= changes.Rows()
		delete(h.log, version)
	}
}

// observe notes that an instance has observers, or has none any more.
func (h *hub) observe(r *Realm, observing bool, version uint64) {
	if observing {
		h.others.Do(func() { h.cancelOthers = store.WatchOthers(h.file, h.wake) }) // it looks once after this, as every new observer does
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.observes(r, observing, version)
}

// observes is observe with h.mu held. Other processes leave a trail for as long as there are observers.
func (h *hub) observes(r *Realm, observing bool, version uint64) {
	if observing {
		h.observing[r] = version
	} else {
		delete(h.observing, r)
	}
	switch some := len(h.observing) > 0; {
	case some && h.noTrail == nil:
		h.noTrail = store.FollowTrail(h.file)
	case !some && h.noTrail != nil:
		h.noTrail()
		h.noTrail = nil
	}
}

// told notes that the observers of an instance know everything up to a version, and forgets what nobody needs any more.
func (h *hub) told(r *Realm, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.observing[r] == version {
		return
	}
	h.observing[r] = version
	least := version
	for _, v := range h.observing {
		least = min(least, v)
	}
	for v := range h.log {
		if v <= least {
			h.forget(v)
		}
	}
}

// since returns what the commits after one version and up to another changed. What isn't known here is read from the trail of the file, by an
// instance that has a snapshot of that version.
func (h *hub) since(r *Realm, after, upTo uint64) *changesSince {
	known := h.known(after, upTo)
	if upTo <= after || uint64(len(known)) == upTo-after || upTo-after > store.MaxTrail {
		return inOrder(known, after, upTo)
	}
	trail, err := r.conn.Trail(after, upTo)
	if err != nil {
		r.logger.Warn("what other processes changed can't be read", "path", r.path, "version", upTo, "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for v, changes := range trail {
		if known[v] == nil {
			known[v] = changes
			h.note(v, changes)
		}
	}
	return inOrder(known, after, upTo)
}

// learn tells the connection of an instance with observers what others changed, so that their results are brought up to date and not found anew.
func (r *Realm) learn(after, upTo uint64) []*store.Changes {
	if !r.observing.Load() || r.hub == nil {
		return nil
	}
	if changes := r.hub.since(r, after, upTo); changes.complete {
		return changes.list
	}
	return nil
}

// known returns what the log says of the versions after one and up to another.
func (h *hub) known(after, upTo uint64) map[uint64]*store.Changes {
	out := map[uint64]*store.Changes{}
	h.mu.Lock()
	defer h.mu.Unlock()
	if upTo <= after {
		return out
	}
	if upTo-after > uint64(len(h.log)) { // some are missing: don't count through what may be a wide gap
		for v, changes := range h.log {
			if v > after && v <= upTo {
				out[v] = changes
			}
		}
		return out
	}
	for v := after + 1; v <= upTo; v++ {
		if changes, ok := h.log[v]; ok {
			out[v] = changes
		}
	}
	return out
}

func inOrder(known map[uint64]*store.Changes, after, upTo uint64) *changesSince {
	out := &changesSince{complete: upTo <= after || uint64(len(known)) == upTo-after}
	for _, v := range slices.Sorted(maps.Keys(known)) {
		out.list = append(out.list, known[v])
	}
	return out
}
