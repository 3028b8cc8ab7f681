package processes

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

var kills = flag.Int("kills", 12, "how many writers TestTrailOfKilledWriters kills")

func init() {
	roles["follow"] = follow
	roles["change on"] = changeOn
}

// notes are objects that writers make, change and delete. n is another number after each change.
var notes = schema.New(schema.Class{Name: "Note", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt}, {Name: "n", Type: value.KindInt}}})

const noteN = 1

func openNotes(path string, scheduler realm.Scheduler) (*realm.Realm, *realm.Results, error) {
	r, err := realm.Open(realm.Config{Path: path, Schema: notes, Scheduler: scheduler})
	if err != nil {
		return nil, nil, err
	}
	class, err := r.Class("Note")
	if err != nil {
		return nil, nil, err
	}
	all, err := r.All(class.ID)
	return r, all, err
}

// note is what a note has.
type note struct{ id, n int64 }

// load reads all notes, of which there are a few dozen.
func load(all *realm.Results) ([]note, error) {
	var objects [256]realm.Object
	n, err := all.Load(0, len(objects), unsafe.Pointer(&objects[0]))
	if err != nil {
		return nil, err
	}
	var out []note
	for _, o := range objects[:n] {
		object := (*struct { // realm_object_t (include/realm_sync.h); it was loaded with its values
			magic, class uint32
			key          int64
			stamp        uint64
			current      *uint64
			values       *store.Cell
			n            uint32
		})(o)
		values := unsafe.Slice(object.values, object.n)
		out = append(out, note{values[0].Int(), values[noteN].Int()})
		realm.ReleaseObject(o)
	}
	return out, nil
}

func spell(list []note) string {
	var b strings.Builder
	for _, n := range list {
		fmt.Fprintf(&b, "%d=%d ", n.id, n.n)
	}
	return strings.TrimSpace(b.String())
}

// changeOn commits transactions that make, change and delete notes, without end, and says when it has. No number comes twice.
func changeOn(c *control, arguments []string) error {
	writer, err := strconv.ParseInt(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	r, all, err := openNotes(arguments[0], nil)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(writer), 1))
	next := writer * span
	for {
		if err := r.BeginWrite(); err != nil {
			return err
		}
		for range 1 + random.IntN(6) {
			next++
			if err := changeNote(r, all, random, next); err != nil {
				return err
			}
		}
		if err := r.Commit(); err != nil {
			return err
		}
		c.say("committed")
	}
}

func changeNote(r *realm.Realm, all *realm.Results, random *rand.Rand, n int64) error {
	count, err := all.Count()
	if err != nil {
		return err
	}
	if count < 5 || count < 60 && random.IntN(3) == 0 {
		cells := []store.Cell{store.IntCell(n), store.IntCell(n)}
		o, _, err := r.Create(all.Class(), unsafe.Pointer(&cells[0]), len(cells), false)
		if err == nil {
			realm.ReleaseObject(o)
		}
		return err
	}
	var o realm.Object
	if _, err := all.Load(random.IntN(count), 1, unsafe.Pointer(&o)); err != nil {
		return err
	}
	defer realm.ReleaseObject(o)
	if random.IntN(3) == 0 {
		return realm.DeleteObject(o)
	}
	cell := store.IntCell(n)
	return realm.SetProperty(o, noteN, unsafe.Pointer(&cell))
}

// follow keeps a copy of the notes by what its observer is told, and nothing else: it reads what it is told to have come or changed. Told a
// version, it says its copy as soon as it is there.
func follow(c *control, arguments []string) error {
	l := newLoop()
	r, all, err := openNotes(arguments[0], l)
	if err != nil {
		return err
	}
	defer r.Release()
	var told []note
	var wrong error
	begun := false
	token, err := realm.ObserveResults(all, func(changes realm.CollectionChanges) {
		begun = true
		if wrong == nil {
			told, wrong = applyTold(told, all, changes)
		}
	})
	if err != nil {
		return err
	}
	defer token.Release()
	if err := l.until("the first call", func() bool { return begun }); err != nil {
		return err
	}
	c.say("following")
	asked := make(chan uint64)
	go func() {
		defer close(asked)
		for c.lines.Scan() {
			version, _ := strconv.ParseUint(c.lines.Text(), 10, 64)
			asked <- version
		}
	}()
	for {
		select {
		case instance := <-l.wakes:
			if err := realm.Process(instance); err != nil {
				return err
			}
		case version, more := <-asked:
			if !more {
				return nil
			}
			if err := l.until(fmt.Sprint("version ", version), func() bool { return r.Version() >= version }); err != nil {
				return err
			}
			if wrong != nil {
				return wrong
			}
			c.say("told %s", spell(told))
		}
	}
}

// applyTold makes what an observer was told to have changed. It is wrong to be told of a note that has not changed.
func applyTold(old []note, all *realm.Results, changes realm.CollectionChanges) ([]note, error) {
	now, err := load(all)
	if changes.Initial || err != nil {
		return now, err
	}
	out := slices.Clone(old)
	for _, at := range slices.Backward(changes.Deletions) {
		out = slices.Delete(out, at, at+1)
	}
	for _, at := range changes.Insertions {
		out = slices.Insert(out, at, now[at])
	}
	for i, at := range changes.ModificationsAfter {
		if now[at] == old[changes.Modifications[i]] {
			return nil, fmt.Errorf("told that note %d has changed, which it has not", now[at].id)
		}
		out[at] = now[at]
	}
	return out, nil
}

// What a killed writer has committed its followers in other processes are told exactly, whenever it dies: the trail of a version is
// committed with it. So are those that begin to follow a file in which killed writers and followers have left a trail, or a trail that ended.
func TestTrailOfKilledWriters(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "trail.realm")
	newFollower := func() *process {
		f := start(t, "follow", path)
		f.hear("following")
		return f
	}
	followers := []*process{newFollower(), newFollower()}
	for round := range *kills {
		killed := followers[:round%3] // 0: all live on; 1: one dies with the writer; 2: nobody follows this writer
		if len(killed) == len(followers) {
			for _, f := range killed {
				f.kill()
			}
		}
		writer := start(t, "change on", path, strconv.Itoa(round+1))
		for range 1 + rand.IntN(20) {
			writer.hear("committed")
		}
		time.Sleep(rand.N(2 * time.Millisecond)) // anywhere in a transaction
		for _, f := range killed {
			f.kill()
		}
		writer.kill()
		for i := range killed {
			followers[i] = newFollower()
		}
		r, all, err := openNotes(path, nil)
		require.NoError(t, err)
		_, err = r.Refresh()
		require.NoError(t, err)
		there, err := load(all)
		require.NoError(t, err)
		version := r.Version()
		all.Release()
		require.NoError(t, r.Close())
		require.NotEmpty(t, there)
		for _, f := range followers {
			f.tell(strconv.FormatUint(version, 10))
			require.Equal(t, spell(there), f.hear("told"), "round %d", round)
		}
	}
}
