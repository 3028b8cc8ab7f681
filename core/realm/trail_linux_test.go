package realm

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
	"realmsync/core/value"
)

// follow makes this process believe that another one follows the trail of a file that is open: a lock of another open file excludes it like one
// of another process (core/store/notefile.go).
func follow(t *testing.T, path string) (stop func()) {
	t.Helper()
	f, err := os.OpenFile(path+"-note", os.O_RDWR, 0)
	require.NoError(t, err)
	const setOpenFileLock, lockPresence, lockTrail = 37, 1 << 30, 1<<30 + 5
	for _, at := range []int64{lockPresence, lockTrail} {
		lock := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart, Start: at, Len: 1}
		require.NoError(t, syscall.FcntlFlock(f.Fd(), setOpenFileLock, &lock))
	}
	return func() { require.NoError(t, f.Close()) }
}

// unlog makes the hub of an instance forget what it has been told of commits, as if other processes had made them.
func unlog(r *Realm) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for v := range r.hub.log {
		r.hub.forget(v)
	}
}

// What other processes commit is told as exactly as what this one does.
func TestObserversAreToldExactlyFromTheTrail(t *testing.T) {
	for _, seed := range []uint64{3, 4} {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			stop := func() {}
			defer func() { stop() }()
			followed := false
			observeRandomly(t, seed, 50, func(own *Realm) {
				if !followed { // the changes before are known
					stop, followed = follow(t, own.path), true
					return
				}
				unlog(own)
			}, false)
		}) {
			return
		}
	}
}

// Without a trail they are told of every change all the same; only what has not changed may be among it.
func TestObserversWithoutTrail(t *testing.T) {
	observeRandomly(t, 9, 50, unlog, true)
}

// trailWorld is a realm with two dogs, whose observers know of other writers by the trail alone.
type trailWorld struct {
	t      *testing.T
	on     *threads
	own    *Realm
	writer *Realm
	object *[]seenObject
	rows   *[]CollectionChanges
}

func newTrailWorld(t *testing.T) *trailWorld {
	clean(t)
	w := &trailWorld{t: t, on: &threads{}}
	config := Config{Path: tempPath(t), Schema: dogs, ThreadID: w.on.id}
	w.on.switchTo(2)
	w.writer = open(t, config)
	write(t, w.writer, func() {
		add(t, w.writer, "Dog", values{"_id": i64(1), "age": i64(1)})
		add(t, w.writer, "Dog", values{"_id": i64(2)})
	})
	w.on.switchTo(1)
	w.own = open(t, config)
	w.object, w.rows = observeObject(t, find(t, w.own, "Dog", i64(1))), observeResults(t, all(t, w.own, "Dog"))
	refresh(t, w.own)
	require.Equal(t, []CollectionChanges{{Initial: true}}, take(w.rows))
	t.Cleanup(follow(t, config.Path))
	t.Cleanup(func() { w.on.switchTo(1) })
	return w
}

func (w *trailWorld) age(years ...int64) {
	w.on.switchTo(2)
	for _, age := range years {
		write(w.t, w.writer, func() { set1(w.t, find(w.t, w.writer, "Dog", i64(1)), "age", i64(age)) })
	}
	w.on.switchTo(1)
	unlog(w.own)
}

// sql runs a statement as if it were a writer's.
func (w *trailWorld) sql(statement string) {
	conn, err := store.Open(w.own.path, store.Options{})
	require.NoError(w.t, err)
	defer conn.Close()
	require.NoError(w.t, conn.BeginWrite())
	require.NoError(w.t, conn.Exec(statement))
	require.NoError(w.t, conn.Commit())
}

func modified(rows ...int) []CollectionChanges {
	return []CollectionChanges{{Modifications: rows, ModificationsAfter: rows}}
}

// Where the trail ends before what an observer knows, it compares, and is told exactly again afterwards.
func TestObserversBehindTheTrail(t *testing.T) {
	w := newTrailWorld(t)
	require.Equal(t, store.MaxTrail, maxLog, "what is read in one go is remembered for the other instances")
	aged := func(from int64) []seenObject {
		return []seenObject{{properties: []int{2}, old: []value.Value{i64(from)}}}
	}
	for range 2 {
		w.age(2, 3, 4)
		refresh(t, w.own)
		require.Equal(t, modified(0), take(w.rows))
		take(w.object)
		w.age(5, 6, 7)
		w.sql("DELETE FROM store_trail WHERE version=(SELECT min(version) FROM store_trail WHERE version>(SELECT max(version)-3 FROM store_trail))")
		refresh(t, w.own)
		require.Equal(t, modified(0, 1), take(w.rows), "one of three is missing")
		require.Equal(t, aged(4), take(w.object))
	}
	w.sql("UPDATE store_meta SET value=value+1000000 WHERE id=1")
	w.age(8)
	refresh(t, w.own)
	require.Equal(t, modified(0, 1), take(w.rows), "far behind")
	require.Equal(t, aged(7), take(w.object))
	w.age(9)
	w.sql("UPDATE store_trail SET changes=x'00'")
	refresh(t, w.own)
	require.Equal(t, modified(0, 1), take(w.rows), "it can't be read")
	require.Equal(t, aged(8), take(w.object))
}

// What one instance has read the others of its process need not read again.
func TestInstancesShareTheTrail(t *testing.T) {
	w := newTrailWorld(t)
	w.on.switchTo(3)
	third := open(t, Config{Path: w.own.path, Schema: dogs, ThreadID: w.on.id})
	rows := observeResults(t, all(t, third, "Dog"))
	refresh(t, third)
	take(rows)
	w.age(2, 3)
	refresh(t, w.own)
	require.Equal(t, modified(0), take(w.rows))
	w.sql("DELETE FROM store_trail")
	w.on.switchTo(3)
	refresh(t, third)
	require.Equal(t, modified(0), take(rows))
	require.Empty(t, w.own.hub.log, "everybody knows")
}

// Other processes leave a trail while there is an observer.
func TestTrailIsWantedByObservers(t *testing.T) {
	clean(t)
	r := openDogs(t)
	wanted := func() bool { return r.hub.noTrail != nil }
	require.False(t, wanted())
	token, err := ObserveResults(all(t, r, "Dog"), func(CollectionChanges) {})
	require.NoError(t, err)
	require.True(t, wanted())
	token.Release()
	require.False(t, wanted())
	token, err = ObserveResults(all(t, r, "Dog"), func(CollectionChanges) {})
	require.NoError(t, err)
	h := r.hub
	require.NoError(t, r.Close())
	require.Nil(t, h.noTrail)
	token.Release()
}
