package processes

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func init() { roles["change at random"] = changeAtRandom }

// things link to each other, one and many.
var things = schema.New(schema.Class{Name: "Thing", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt},
	{Name: "n", Type: value.KindInt},
	{Name: "to", Type: value.KindLink, LinkTarget: "Thing", Nullable: true},
	{Name: "ints", Type: value.KindInt, Collection: schema.List},
	{Name: "links", Type: value.KindLink, LinkTarget: "Thing", Collection: schema.List},
}})

const (
	thingN = 1 + iota
	thingTo
	thingInts
	thingLinks
)

// keyNamed is no key for the empty name.
func keyNamed(name string) *store.Key {
	if name == "" {
		return nil
	}
	var b [store.KeySize]byte
	copy(b[:], strings.Repeat(name, store.KeySize))
	return store.NewKey(&b)
}

// randomWriter writes transactions that its seed and what is there decide.
type randomWriter struct {
	*realm.Realm
	*rand.Rand
	class uint32
	err   error
}

func newRandomWriter(config realm.Config, seed uint64) (*randomWriter, error) {
	r, err := realm.Open(config)
	if err != nil {
		return nil, err
	}
	w := &randomWriter{Realm: r, Rand: rand.New(rand.NewPCG(seed, 1))}
	class, err := r.Class("Thing")
	if err == nil {
		w.class = class.ID
	}
	return w, err
}

func (w *randomWriter) try(err error) {
	if w.err == nil {
		w.err = err
	}
}

// thing finds one of the few things; nil when it isn't there.
func (w *randomWriter) thing() realm.Object {
	key := store.IntCell(w.Int64N(12))
	o, err := w.Find(w.class, unsafe.Pointer(&key))
	w.try(err)
	return o
}

// link is a link to one of the few things, which it makes if need be.
func (w *randomWriter) link() store.Cell {
	key := w.Int64N(12)
	cells := []store.Cell{store.IntCell(key)}
	o, _, err := w.Create(w.class, unsafe.Pointer(&cells[0]), len(cells), true)
	w.try(err)
	if err != nil {
		return store.Cell{}
	}
	realm.ReleaseObject(o)
	return store.LinkCell(w.class, key) // an integer key is the row's number
}

func (w *randomWriter) inList(o realm.Object, property int, element func() store.Cell) {
	c, err := realm.OpenCollection(o, property)
	w.try(err)
	if err != nil {
		return
	}
	defer c.Release()
	n, err := c.Len()
	w.try(err)
	switch {
	case n > 0 && w.IntN(4) == 0:
		w.try(c.Erase(w.IntN(n)))
	case n > 5:
		w.try(c.Clear())
	default:
		cell := element()
		w.try(c.Insert(w.IntN(n+1), unsafe.Pointer(&cell)))
	}
}

func (w *randomWriter) change() {
	if w.IntN(60) == 0 { // everything
		all, err := w.All(w.class)
		w.try(err)
		if err == nil {
			w.try(all.DeleteAll())
			all.Release()
		}
		return
	}
	o := w.thing()
	if o == nil || w.IntN(6) == 0 {
		w.link()
	}
	if o == nil {
		return
	}
	defer realm.ReleaseObject(o)
	switch w.IntN(8) {
	case 0:
		w.try(realm.DeleteObject(o))
	case 1:
		cell := w.link()
		w.try(realm.SetProperty(o, thingTo, unsafe.Pointer(&cell)))
	case 2:
		w.inList(o, thingLinks, w.link)
	case 3:
		w.inList(o, thingInts, func() store.Cell { return store.IntCell(w.Int64N(4)) })
	default:
		cell := store.IntCell(w.Int64N(6))
		w.try(realm.SetProperty(o, thingN, unsafe.Pointer(&cell)))
	}
}

// step commits some transactions, and tells the version that they end with.
func (w *randomWriter) step() (uint64, error) {
	for range 1 + w.IntN(3) {
		w.try(w.BeginWrite())
		for range w.IntN(5) {
			w.change()
		}
		if w.err == nil {
			w.try(w.Commit())
		}
		if w.err != nil {
			return 0, w.err
		}
	}
	return w.Version(), nil
}

// changeAtRandom takes a step whenever it is told to.
func changeAtRandom(c *control, arguments []string) error {
	seed, err := strconv.ParseUint(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	w, err := newRandomWriter(realm.Config{Path: arguments[0], Schema: things, Key: keyNamed(arguments[2])}, seed)
	if err != nil {
		return err
	}
	defer w.Release()
	c.say("ready")
	for c.hear() == "step" {
		version, err := w.step()
		if err != nil {
			return err
		}
		c.say("at %d", version)
	}
	return nil
}

// audience is observers of all kinds, and what they have been told since it was asked for.
type audience struct {
	t       *testing.T
	r       *realm.Realm
	class   uint32
	told    []string
	release []func()
	objects map[int64]bool // that have observers
}

func newAudience(t *testing.T, config realm.Config) *audience {
	r, err := realm.Open(config)
	require.NoError(t, err)
	class, err := r.Class("Thing")
	require.NoError(t, err)
	a := &audience{t: t, r: r, class: class.ID, objects: map[int64]bool{}}
	for _, text := range []string{"TRUEPREDICATE", "n > 2", "TRUEPREDICATE SORT(n DESC)", "to.n > 2", "ANY links.n < 2", "ints.@count > 1 SORT(_id DESC)", "n > 1 DISTINCT(n) SORT(n ASC) LIMIT(3)"} {
		rs, err := r.Query(a.class, text, nil, 0)
		require.NoError(t, err)
		a.keep(realm.ObserveResults(rs, func(c realm.CollectionChanges) { a.hear(text, c) }))
		rs.Release()
	}
	return a
}

func (a *audience) hear(who string, what any) {
	a.told = append(a.told, fmt.Sprintf("%s: %+v", who, what))
}

func (a *audience) keep(token *realm.Token, err error) {
	require.NoError(a.t, err)
	a.release = append(a.release, token.Release)
}

// observeObjects observes the first few objects and their lists, those that aren't yet.
func (a *audience) observeObjects() {
	for key := range int64(4) {
		cell := store.IntCell(key)
		o, err := a.r.Find(a.class, unsafe.Pointer(&cell))
		require.NoError(a.t, err)
		if o == nil || a.objects[key] {
			if o != nil {
				realm.ReleaseObject(o)
			}
			continue
		}
		a.objects[key] = true
		name := fmt.Sprint("object ", key)
		a.keep(realm.ObserveObject(o, func(c realm.ObjectChanges) {
			if c.Deleted {
				delete(a.objects, key)
			}
			old := ""
			for _, p := range c.Old {
				if cell := (*store.Cell)(p); cell.Kind() == value.KindInt || cell.Kind() == value.KindLink || cell.Kind() == value.KindNull {
					old += fmt.Sprint(" ", cell.Value())
				}
			}
			a.hear(name, fmt.Sprint(c.Deleted, c.Properties, old))
		}))
		for _, property := range []int{thingInts, thingLinks} {
			list, err := realm.OpenCollection(o, property)
			require.NoError(a.t, err)
			a.keep(realm.ObserveCollection(list, func(c realm.CollectionChanges) { a.hear(fmt.Sprint(name, " list ", property), c) }))
			list.Release()
		}
		realm.ReleaseObject(o)
	}
}

// at moves to a version and returns what was told.
func (a *audience) at(version uint64) []string {
	_, err := a.r.Refresh()
	require.NoError(a.t, err)
	require.Equal(a.t, version, a.r.Version())
	told := a.told
	a.observeObjects()
	_, err = a.r.Refresh() // their first calls
	require.NoError(a.t, err)
	a.told = nil
	return told
}

func (a *audience) close() {
	for _, release := range a.release {
		release()
	}
	a.r.Release()
}

// What another process writes is told exactly as what another instance of this process writes: the same transactions, the same calls.
func TestOtherProcessesAreToldExactly(t *testing.T) {
	for seed := range uint64(4) {
		key := ""
		if seed == 3 {
			key = "k"
		}
		t.Run(fmt.Sprint("seed ", seed, key), func(t *testing.T) { compareWithThisProcess(t, seed, key, 60) })
	}
}

func compareWithThisProcess(t *testing.T, seed uint64, key string, steps int) {
	runtime.LockOSThread()
	dir := t.TempDir()
	config := realm.Config{Path: filepath.Join(dir, "here.realm"), Schema: things, Key: keyNamed(key)}
	thread := 1
	config.ThreadID = func() int { return thread }
	here := newAudience(t, config)
	defer func() { thread = 1; here.close() }()
	thread = 2
	writer, err := newRandomWriter(config, seed)
	require.NoError(t, err)
	defer func() { thread = 2; writer.Release() }()

	config.Path = filepath.Join(dir, "there.realm")
	thread = 1
	there := newAudience(t, config)
	defer func() { thread = 1; there.close() }()
	other := start(t, "change at random", config.Path, strconv.FormatUint(seed, 10), key)
	other.hear("ready")
	here.at(here.r.Version())
	there.at(there.r.Version())
	calls := 0
	for step := range steps {
		thread = 2
		version, err := writer.step()
		require.NoError(t, err)
		thread = 1
		expected := here.at(version)
		other.tell("step")
		require.Equal(t, strconv.FormatUint(version, 10), other.hear("at"))
		require.Equal(t, expected, there.at(version), "step %d", step)
		calls += len(expected)
	}
	require.Greater(t, calls, steps, "there was something to be told")
	other.tell("end")
	other.finish()
}
