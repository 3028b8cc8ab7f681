package realm

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clean checks that a test leaves nothing behind. It must be called before everything that cleans up by t.Cleanup. The test's goroutine
// stays on its thread, as an instance demands.
func clean(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	objects, open := LiveObjects(), LiveInstances()
	t.Cleanup(func() {
		require.Equal(t, objects, LiveObjects(), "objects are left")
		require.Equal(t, open, LiveInstances(), "instances are left")
		runtime.UnlockOSThread()
	})
}

func prop(name string, kind value.Kind) schema.Property {
	return schema.Property{Name: name, Type: kind}
}

func optional(name string, kind value.Kind) schema.Property {
	return schema.Property{Name: name, Type: kind, Nullable: true}
}

func link(name, target string) schema.Property {
	return schema.Property{Name: name, Type: value.KindLink, Nullable: true, LinkTarget: target}
}

func class(name, key string, properties ...schema.Property) schema.Class {
	return schema.Class{Name: name, PrimaryKey: key, Properties: properties}
}

var dogs = schema.New(
	class("Dog", "_id", prop("_id", value.KindInt), prop("name", value.KindString), prop("age", value.KindInt), link("owner", "Person"), link("friend", "Dog")),
	class("Person", "_id", prop("_id", value.KindString), optional("nick", value.KindString), link("dog", "Dog")),
)

func tempPath(t testing.TB) string { return filepath.Join(t.TempDir(), "test.realm") }

// open opens a realm that is released with the test.
func open(t testing.TB, config Config) *Realm {
	t.Helper()
	r, err := Open(config)
	require.NoError(t, err)
	t.Cleanup(r.Release)
	return r
}

// openDogs opens a new local realm.
func openDogs(t testing.TB) *Realm {
	t.Helper()
	return open(t, Config{Path: tempPath(t), Schema: dogs})
}

func classOf(t testing.TB, r *Realm, name string) *store.Class {
	t.Helper()
	cl, err := r.Class(name)
	require.NoError(t, err)
	return cl
}

// write runs fn in a write transaction.
func write(t testing.TB, r *Realm, fn func()) {
	t.Helper()
	require.NoError(t, r.BeginWrite())
	fn()
	require.NoError(t, r.Commit())
}

// block is memory outside of Go's heap, laid out as a C caller would: the tests know the layout from realm_sync.h, not from the package.
type block struct {
	memory []byte
	used   int
}

func newBlock(t testing.TB) *block {
	t.Helper()
	m, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	return &block{memory: m}
}

func (b *block) free() { _ = syscall.Munmap(b.memory) }

// take returns n bytes, aligned.
func (b *block) take(n int) []byte {
	b.used = (b.used + 7) &^ 7
	out := b.memory[b.used : b.used+n : b.used+n]
	b.used += n
	return out
}

const typeAbsent = 255

// cells lays values out as realm_value_t; nil is absent. Links are linkTo.
func (b *block) cells(values []any) unsafe.Pointer {
	out := b.take(max(24, 24*len(values)))
	for i, v := range values {
		b.put(out[24*i:24*i+24], v)
	}
	return unsafe.Pointer(&out[0])
}

// linkTo is a link by object key.
type linkTo struct {
	class uint32
	key   int64
}

func (b *block) put(c []byte, v any) {
	le := binary.LittleEndian
	switch v := v.(type) {
	case nil:
		c[0] = typeAbsent
	case linkTo:
		c[0] = byte(value.KindLink)
		le.PutUint32(c[4:], v.class)
		le.PutUint64(c[8:], uint64(v.key))
	case Object:
		o := fields(v)
		b.put(c, linkTo{o.class, o.key})
	case value.Value:
		c[0] = byte(v.Kind())
		switch v.Kind() {
		case value.KindInt:
			le.PutUint64(c[8:], uint64(v.Int()))
		case value.KindBool:
			if v.Bool() {
				c[8] = 1
			}
		case value.KindString, value.KindBinary:
			data := b.take(max(1, len(v.Str())))
			copy(data, v.Str())
			le.PutUint32(c[4:], uint32(len(v.Str())))
			le.PutUint64(c[8:], uint64(uintptr(unsafe.Pointer(&data[0]))))
		case value.KindTimestamp:
			le.PutUint64(c[8:], uint64(v.Timestamp().Seconds))
			le.PutUint32(c[16:], uint32(v.Timestamp().Nanoseconds))
		case value.KindFloat:
			le.PutUint32(c[8:], uint32(v.Bits()))
		case value.KindDouble:
			le.PutUint64(c[8:], v.Bits())
		case value.KindDecimal:
			le.PutUint64(c[8:], v.Decimal().Lo)
			le.PutUint64(c[16:], v.Decimal().Hi)
		case value.KindObjectID:
			id := v.ObjectID()
			copy(c[8:], id[:])
		case value.KindUUID:
			id := v.UUID()
			copy(c[8:], id[:])
		}
	}
}

// objectFields is realm_object_t.
type objectFields struct {
	magic, class uint32
	key          int64
	stamp        uint64
	current      *uint64
	values       unsafe.Pointer
	n            uint32
}

func fields(o Object) *objectFields { return (*objectFields)(o) }

func (o *objectFields) isCurrent() bool { return o.values != nil && o.stamp == *o.current }

// cellOf returns a property of an object as C reads it: without a call if it is current.
func cellOf(t testing.TB, o Object, property string) *store.Cell {
	t.Helper()
	r, err := InstanceOf(o)
	require.NoError(t, err)
	defer r.Release()
	cl, err := r.ClassByID(fields(o).class)
	require.NoError(t, err)
	if !fields(o).isCurrent() {
		require.NoError(t, LoadObject(o))
	}
	i := cl.Property(property)
	require.GreaterOrEqual(t, i, 0, "no property %s", property)
	require.Less(t, i, int(fields(o).n))
	return &unsafe.Slice((*store.Cell)(fields(o).values), fields(o).n)[i]
}

// get returns a property; links as linkTo.
func get(t testing.TB, o Object, property string) any {
	t.Helper()
	c := cellOf(t, o, property)
	if c.Kind() == value.KindLink {
		class, key := c.Link()
		return linkTo{class, key}
	}
	return c.Value()
}

type values map[string]any

// create makes an object; its handle is released with the test.
func create(t testing.TB, r *Realm, name string, v values) Object {
	t.Helper()
	o, _, err := tryCreate(t, r, name, v, false)
	require.NoError(t, err)
	t.Cleanup(func() { ReleaseObject(o) })
	return o
}

// add makes an object without keeping a handle.
func add(t testing.TB, r *Realm, name string, v values) {
	t.Helper()
	o, _, err := tryCreate(t, r, name, v, false)
	require.NoError(t, err)
	ReleaseObject(o)
}

func tryCreate(t testing.TB, r *Realm, name string, v values, upsert bool) (Object, bool, error) {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	cl := classOf(t, r, name)
	row := make([]any, len(cl.Def.Properties))
	for i := range row {
		row[i] = v[cl.Def.Properties[i].Name]
	}
	return r.Create(cl.ID, b.cells(row), len(row), upsert)
}

func trySet(t testing.TB, o Object, property string, v any) error {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	r, err := InstanceOf(o)
	require.NoError(t, err)
	defer r.Release()
	cl, err := r.ClassByID(fields(o).class)
	require.NoError(t, err)
	return SetProperty(o, cl.Property(property), b.cells([]any{v}))
}

func set1(t testing.TB, o Object, property string, v any) {
	t.Helper()
	require.NoError(t, trySet(t, o, property, v))
}

// find looks an object up; nil if there is none. The handle is released with the test.
func find(t testing.TB, r *Realm, name string, key value.Value) Object {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	o, err := r.Find(classOf(t, r, name).ID, b.cells([]any{key}))
	require.NoError(t, err)
	t.Cleanup(func() { ReleaseObject(o) })
	return o
}

// query runs a query text with arguments; the results are released with the test.
func query(t testing.TB, r *Realm, name, text string, args ...any) *Results {
	t.Helper()
	rs, err := tryQuery(t, r, name, text, args...)
	require.NoError(t, err)
	t.Cleanup(rs.Release)
	return rs
}

func tryQuery(t testing.TB, r *Realm, name, text string, args ...any) (*Results, error) {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	return r.Query(classOf(t, r, name).ID, text, b.cells(args), len(args))
}

func all(t testing.TB, r *Realm, name string) *Results {
	t.Helper()
	rs, err := r.All(classOf(t, r, name).ID)
	require.NoError(t, err)
	t.Cleanup(rs.Release)
	return rs
}

// load returns objects of results; the caller releases them.
func load(t testing.TB, rs *Results, first, count int) []Object {
	t.Helper()
	out := make([]Object, max(1, count))
	n, err := rs.Load(first, count, unsafe.Pointer(&out[0]))
	require.NoError(t, err)
	return out[:n]
}

// ints returns an integer property of all objects, in order.
func ints(t testing.TB, rs *Results, property string) []int64 {
	t.Helper()
	out := []int64{}
	for {
		page := load(t, rs, len(out), 256)
		for _, o := range page {
			out = append(out, cellOf(t, o, property).Int())
			ReleaseObject(o)
		}
		if len(page) == 0 {
			return out
		}
	}
}

func count(t testing.TB, rs *Results) int {
	t.Helper()
	n, err := rs.Count()
	require.NoError(t, err)
	return n
}

func i64(v int64) value.Value  { return value.Int(v) }
func str(s string) value.Value { return value.String(s) }

// threads pretends to be several threads: what a test does between two calls of switchTo happens on one.
type threads struct{ now int }

func (th *threads) id() int             { return th.now + 1 }
func (th *threads) switchTo(thread int) { th.now = thread - 1 }

// onThread runs fn on another thread of the operating system, to its end.
func onThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		fn()
	}()
	<-done
}

func unsafePointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func unsafeCell(c *store.Cell) unsafe.Pointer { return unsafe.Pointer(c) }

var schemaEmbedded = schema.Class{Name: "Tag", Kind: schema.Embedded, Properties: []schema.Property{prop("text", value.KindString)}}

// rowsOf runs SQL on the instance's connection; %s is the table of class Dog.
func rowsOf(t testing.TB, r *Realm, sql string) []int64 {
	t.Helper()
	out := []int64{}
	require.NoError(t, r.enter())
	defer r.leave()
	table := fmt.Sprintf("c%d_Dog", r.conn.Class("Dog").ID)
	require.NoError(t, r.conn.Query(fmt.Sprintf(sql, table), nil, func(row *store.Row) error {
		out = append(out, row.Int(0))
		return nil
	}))
	return out
}
