package view

import (
	"log/slog"
	"slices"
	"sync"

	"realmsync/core/changeset"
	"realmsync/server/budget"
	"realmsync/server/history"
)

// What is kept for sessions that keep up; those that lag further behind read the history from the engine.
const (
	keepEntries = 4096     // versions
	keepBytes   = 32 << 20 // of memory for them, about; that of their entries is shared with the engine as long as it keeps them
	keepTouched = 4096     // versions that concern one set
)

// NudgeVersions is after how many versions every watcher is called, whether they concern it or not, so that a session that
// nothing concerns can tell its client the new cursor.
const NudgeVersions = 4096

// Fan distributes one app's new versions among the subscription sets in use. It is safe for concurrent use.
//
// Lock order: fan.mu is innermost but for the locks that a Watcher's function takes; it is called with fan.mu held and must
// only note that there is work.
type Fan struct {
	log    *slog.Logger
	budget *budget.Budget // of all apps

	mu      sync.Mutex
	sets    map[string]*Set // by body
	queries map[queryID]*query
	classes map[string]*classIndex
	version uint64  // everything up to here is distributed
	recent  []*Item // the newest versions, ascending, dense, up to version
	bytes   int     // of recent, see Item.size
	waiting []waiter
}

// Watcher is told that there may be something new for a set.
type Watcher struct{ wake func() }

// NewWatcher returns a watcher. wake is called with locks held: it must not block nor call the Fan.
func NewWatcher(wake func()) *Watcher { return &Watcher{wake: wake} }

type waiter struct {
	version uint64
	wake    func()
}

// NewFan returns the Fan of an app whose history has reached version. What it keeps is of the budget too, which it is for the caller to let it join.
func NewFan(version uint64, b *budget.Budget, log *slog.Logger) *Fan {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Fan{log: log, budget: b, sets: map[string]*Set{}, queries: map[queryID]*query{}, classes: map[string]*classIndex{}, version: version}
}

// Version returns the version up to which everything is distributed. Bounds on what a session may be sent come from here and
// not from the engine, which is ahead by what it has not announced yet.
func (f *Fan) Version() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version
}

// Acquire returns the compiled set of a query body for a session that may see everything, sharing what is in use already. lenient accepts classes
// that don't exist (yet). The error is an *InvalidError. Release the set.
func (f *Fan) Acquire(catalog *history.Catalog, body []byte, lenient bool) (*Set, error) {
	return f.AcquireFor(catalog, body, nil, lenient)
}

// AcquireFor is Acquire for a session with an access.
func (f *Fan) AcquireFor(catalog *history.Catalog, body []byte, access *Access, lenient bool) (*Set, error) {
	stored, err := access.stored(string(body), func(class string) string { return keyOfClass(catalog, class) })
	if err != nil {
		return nil, err
	}
	return f.acquire(catalog, stored, string(body), access, lenient)
}

// Restore returns the set that has a text (Set.Body). Classes that it names need not exist. Release the set.
func (f *Fan) Restore(catalog *history.Catalog, text string) (*Set, error) {
	body, access, err := openStored(text)
	if err != nil {
		return nil, err
	}
	return f.acquire(catalog, text, body, access, true)
}

func (f *Fan) acquire(catalog *history.Catalog, stored, body string, access *Access, lenient bool) (*Set, error) {
	f.mu.Lock()
	if s := f.sets[stored]; s != nil && lenient {
		s.users++
		f.mu.Unlock()
		return s, nil
	}
	f.mu.Unlock()
	p, err := compile(catalog, body, access, lenient)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.sets[stored]; s != nil {
		s.users++
		return s, nil
	}
	s := &Set{fan: f, body: stored, parts: *p, users: 1, floor: f.version, watchers: map[*Watcher]struct{}{}}
	s.queries = make(map[string][]*query, len(p.queries))
	for class, list := range p.queries {
		index := f.classes[class]
		if index == nil {
			index = newClassIndex()
			f.classes[class] = index
		}
		index.sets[s] = struct{}{}
		for _, q := range list {
			if have := f.queries[q.id]; have != nil {
				q = have
			} else {
				f.queries[q.id] = q
				index.add(q)
			}
			q.sets[s] = struct{}{}
			s.queries[class] = append(s.queries[class], q)
		}
	}
	f.sets[s.body] = s
	return s, nil
}

// Release gives a set back. It can still be evaluated, but is not told of new versions any more.
func (s *Set) Release() {
	f := s.fan
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	delete(f.sets, s.body)
	for class, list := range s.queries {
		index := f.classes[class]
		delete(index.sets, s)
		for _, q := range list {
			if delete(q.sets, s); len(q.sets) == 0 {
				delete(f.queries, q.id)
				index.remove(q)
			}
		}
		if len(index.sets) == 0 {
			delete(f.classes, class)
		}
	}
}

// Watch makes the watcher be called after each version that concerns the set, until Unwatch.
func (s *Set) Watch(w *Watcher) {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	s.watchers[w] = struct{}{}
}

// Unwatch ends Watch.
func (s *Set) Unwatch(w *Watcher) {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	delete(s.watchers, w)
}

// Reach calls the watcher once, when everything up to the version is distributed; at once if it is.
func (f *Fan) Reach(version uint64, w *Watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if version <= f.version {
		w.wake()
		return
	}
	f.waiting = append(f.waiting, waiter{version, w.wake})
}

// Committed distributes new versions. It is history.Config.Committed: ascending, by one goroutine at a time.
func (f *Fan) Committed(entries []*history.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	woken := map[*Watcher]struct{}{}
	before := f.version
	for _, e := range entries {
		item := f.distribute(e)
		for s := range item.parts {
			s.touched = append(s.touched, e.Version)
			if len(s.touched) > keepTouched {
				drop := len(s.touched) - keepTouched/2
				s.floor = s.touched[drop-1]
				s.touched = append([]uint64(nil), s.touched[drop:]...)
			}
			for w := range s.watchers {
				woken[w] = struct{}{}
			}
		}
		f.recent = append(f.recent, item)
		f.bytes += item.size()
		item.stamp = f.budget.Put(item.own())
		f.version = e.Version
	}
	f.trim()
	if f.version/NudgeVersions != before/NudgeVersions {
		for _, s := range f.sets {
			for w := range s.watchers {
				woken[w] = struct{}{}
			}
		}
	}
	for w := range woken {
		w.wake()
	}
	f.waiting = slices.DeleteFunc(f.waiting, func(w waiter) bool {
		if w.version <= f.version {
			w.wake()
			return true
		}
		return false
	})
}

func (f *Fan) trim() {
	floor := f.budget.Floor()
	f.drop(func(rest int, oldest *Item) bool {
		return rest > keepEntries || f.bytes > keepBytes || oldest.stamp < floor
	})
}

// Sweep implements budget.Cache.
func (f *Fan) Sweep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trim()
}

// drop gives up the oldest versions as long as a condition holds for how many are left and the oldest of these, but not the newest of all.
func (f *Fan) drop(more func(rest int, oldest *Item) bool) {
	n := 0
	for len(f.recent)-n > 1 && more(len(f.recent)-n, f.recent[n]) {
		f.bytes -= f.recent[n].size()
		f.recent[n] = nil
		n++
	}
	f.recent = f.recent[n:]
	if 4*len(f.recent) < cap(f.recent) {
		f.recent = append(make([]*Item, 0, 2*len(f.recent)), f.recent...)
	}
}

// Forget gives up what is kept of versions up to a floor, because every client has them. Who asks for one of them all the same is sent to the history, as if
// it lagged.
func (f *Fan) Forget(floor uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(func(_ int, oldest *Item) bool { return oldest.Entry.Version <= floor })
	for _, s := range f.sets {
		n, _ := slices.BinarySearch(s.touched, floor+1)
		if n > 0 {
			s.touched = append([]uint64(nil), s.touched[n:]...)
		}
		s.floor = max(s.floor, min(floor, f.version))
	}
}

// distribute evaluates the objects of a version.
func (f *Fan) distribute(e *history.Entry) *Item {
	item := &Item{Entry: e}
	erased := false
	schema := false
	if e.Changeset != nil {
		for i := range e.Changeset.Instructions {
			ins := &e.Changeset.Instructions[i]
			schema = schema || ins.IsSchema()
			erased = erased || ins.Op == changeset.EraseTable || ins.Op == changeset.EraseColumn
		}
	}
	if erased {
		for _, index := range f.classes {
			index.unkey()
		}
	}
	if schema {
		for _, s := range f.sets {
			item.part(s)
		}
	}
	for i := range e.Images {
		if err := f.distributeImage(item, i); err != nil {
			// The sets must not miss a version: let each of them meet the error on its own.
			f.log.Error("a changed object could not be evaluated", "version", e.Version, "error", err)
			for _, s := range f.sets {
				item.part(s).failed = err
			}
		}
	}
	return item
}

// in says where an object is in a view.
type in struct{ before, after bool }

func (f *Fan) distributeImage(item *Item, i int) error {
	m := &item.Entry.Images[i]
	index := f.classes[m.ClassName]
	if index == nil {
		return nil
	}
	if m.Before == nil && m.After == nil {
		for s := range index.sets {
			item.note(s, i, m.Change(false, false))
		}
		return nil
	}
	var found map[*Set]in
	note := func(q *query, before, after bool) {
		for s := range q.sets {
			if found == nil {
				found = map[*Set]in{}
			}
			at := found[s]
			found[s] = in{at.before || before, at.after || after}
		}
	}
	if m.Before != nil {
		if err := index.match(m.Before, func(q *query) { note(q, true, false) }); err != nil {
			return err
		}
	}
	if m.After != nil {
		if err := index.match(m.After, func(q *query) { note(q, false, true) }); err != nil {
			return err
		}
	}
	for s, at := range found {
		item.note(s, i, m.Change(at.before, at.after))
	}
	return nil
}

// Next returns the first version after a version that concerns the set. known is false when the set doesn't know so far back:
// then every version up to Known must be looked at. version is 0 when there is none up to the Fan's version.
func (s *Set) Next(after uint64) (version uint64, known bool) {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	if after < s.floor {
		return 0, false
	}
	i, _ := slices.BinarySearch(s.touched, after+1)
	if i == len(s.touched) {
		return 0, true
	}
	return s.touched[i], true
}

// Known returns the version above which Next knows.
func (s *Set) Known() uint64 {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	return s.floor
}

// Item returns what was distributed of a version, nil when it is not kept any more.
func (f *Fan) Item(version uint64) *Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.recent) == 0 || version < f.recent[0].Entry.Version || version > f.version {
		return nil
	}
	return f.recent[version-f.recent[0].Entry.Version]
}
