package processes

import (
	"fmt"
	"time"
	"unsafe"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// items is the schema of most tests. _id is writer*span + the number of the write.
var items = schema.New(schema.Class{Name: "Item", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt}, {Name: "writer", Type: value.KindInt}}})

const span = 1_000_000_000

// loop is the event loop of a thread: what an application has.
type loop struct{ wakes chan uint64 }

func newLoop() *loop { return &loop{wakes: make(chan uint64, 1)} }

// Wake implements realm.Scheduler. A wake that waits already stands for all later ones, as there is one instance.
func (l *loop) Wake(instance uint64) {
	select {
	case l.wakes <- instance:
	default:
	}
}

// OnThread implements realm.Scheduler: a loop is used by one goroutine.
func (l *loop) OnThread() bool { return true }

// until runs the loop until a condition holds.
func (l *loop) until(what string, condition func() bool) error {
	timeout := time.After(patient)
	for !condition() {
		select {
		case instance := <-l.wakes:
			if err := realm.Process(instance); err != nil {
				return err
			}
		case <-timeout:
			return fmt.Errorf("%s: not within %v", what, patient)
		}
	}
	return nil
}

// watcher is a realm whose items are observed.
type watcher struct {
	*realm.Realm
	loop    *loop
	results *realm.Results
	token   *realm.Token
	calls   int
	seen    int // items that the observer was told of
	changed int // and those that it was told to have been modified: nobody does that
}

// wrong is the error when the observer has been told what isn't so.
func (w *watcher) wrong() error {
	if w.changed > 0 {
		return fmt.Errorf("the observer was told of %d modifications", w.changed)
	}
	return nil
}

// watch opens the realm and observes the items.
func watch(path string) (*watcher, error) { return watchWith(path, nil) }

func watchWith(path string, key *store.Key) (*watcher, error) {
	w := &watcher{loop: newLoop()}
	var err error
	if w.Realm, err = realm.Open(realm.Config{Path: path, Schema: items, Scheduler: w.loop, Key: key}); err != nil {
		return nil, err
	}
	class, err := w.Class("Item")
	if err == nil {
		w.results, err = w.All(class.ID)
	}
	if err == nil {
		w.token, err = realm.ObserveResults(w.results, func(c realm.CollectionChanges) {
			w.calls++
			if c.Initial {
				n, err := w.results.Count()
				if err != nil {
					panic(err)
				}
				w.seen = n
				return
			}
			w.seen += len(c.Insertions) - len(c.Deletions)
			w.changed += len(c.Modifications)
		})
	}
	return w, err
}

func (w *watcher) close() {
	if w.token != nil {
		w.token.Release()
	}
	if w.results != nil {
		w.results.Release()
	}
	w.Release()
}

// add creates an item, in a write transaction that is open.
func add(r *realm.Realm, writer, number int64) error {
	class, err := r.Class("Item")
	if err != nil {
		return err
	}
	cells := []store.Cell{store.IntCell(writer*span + number), store.IntCell(writer)}
	o, _, err := r.Create(class.ID, unsafe.Pointer(&cells[0]), len(cells), false)
	if err == nil {
		realm.ReleaseObject(o)
	}
	return err
}

// write commits one item.
func write(r *realm.Realm, writer, number int64) error {
	if err := r.BeginWrite(); err != nil {
		return err
	}
	if err := add(r, writer, number); err != nil {
		return err
	}
	return r.Commit()
}

// count counts the items that the instance sees.
func count(r *realm.Realm) (int, error) {
	class, err := r.Class("Item")
	if err != nil {
		return 0, err
	}
	results, err := r.All(class.ID)
	if err != nil {
		return 0, err
	}
	defer results.Release()
	return results.Count()
}
