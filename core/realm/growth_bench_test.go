package realm

import (
	"fmt"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// growing has the collections whose cost per element is measured.
var growing = schema.New(class("Owner", "_id", prop("_id", value.KindInt), collection(schema.List, "ints", value.KindInt),
	links(schema.List, "links", "Owner"), collection(schema.Set, "intset", value.KindInt), collection(schema.Set, "textset", value.KindString),
	links(schema.Set, "linkset", "Owner"), collection(schema.Dictionary, "dict", value.KindString)))

// cpu is the processor time that the process has used: on a busy machine it says more than the clock.
func cpu(b testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// growth is an empty collection, and the elements that it is to get, in no order.
type growth struct {
	*Collection
	cells []byte
}

func newGrowth(b *testing.B, property string, n int) *growth {
	b.Helper()
	clean(b)
	r := open(b, Config{Path: tempPath(b), Schema: growing})
	require.NoError(b, r.BeginWrite())
	b.Cleanup(func() { _ = r.Cancel() })
	o := create(b, r, "Owner", values{"_id": i64(-1)})
	g := &growth{Collection: listOf(b, o, property)}
	memory, err := syscall.Mmap(-1, 0, 64*n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(b, err)
	b.Cleanup(func() { _ = syscall.Munmap(memory) })
	block := &block{memory: memory}
	g.cells = block.take(24 * n)
	key := newBlock(b)
	b.Cleanup(key.free)
	for i := range n {
		spread := int64(uint32(i) * 2654435761)
		var v any = i64(spread)
		switch {
		case property == "links" || property == "linkset":
			linked, _, err := r.Create(fields(o).class, key.cells([]any{v}), 1, false)
			require.NoError(b, err)
			f := fields(linked)
			v = linkTo{f.class, f.key}
			ReleaseObject(linked)
			key.used = 0
		case property == "textset" || property == "dict":
			v = str(fmt.Sprintf("element %d", spread))
		}
		block.put(g.cells[24*i:24*i+24], v)
	}
	return g
}

func (g *growth) cell(i int) unsafe.Pointer { return unsafe.Pointer(&g.cells[24*i]) }

func (g *growth) put(i int) error {
	switch g.kind {
	case schema.Set:
		_, added, err := g.Add(g.cell(i))
		if err == nil && !added {
			err = fmt.Errorf("element %d was there", i)
		}
		return err
	case schema.Dictionary:
		return g.Put(string((*store.Cell)(g.cell(i)).Bytes()), g.cell(i))
	default:
		return g.Insert(i, g.cell(i))
	}
}

// What one element costs must not depend on how many there are, or on their logarithm: putting elements in, in no order, going through all,
// changing one, erasing one. Look at the cpu-ns/element.
func BenchmarkGrowth(b *testing.B) {
	for _, property := range []string{"ints", "links", "intset", "textset", "linkset", "dict"} {
		for _, n := range []int{1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", property, n), func(b *testing.B) {
				g := newGrowth(b, property, n)
				spent := map[string]time.Duration{}
				measure := func(name string, f func(i int) error) {
					start := cpu(b)
					for i := range n {
						if err := f(i); err != nil {
							b.Fatal(name, i, err)
						}
					}
					spent[name] += cpu(b) - start
				}
				for b.Loop() {
					measure("put", g.put)
					measure("walk", func(i int) error {
						if i%store.MaxBatch > 0 {
							return nil
						}
						batch, err := g.Load(i, store.MaxBatch)
						if err == nil {
							batch.Release()
						}
						return err
					})
					if g.kind == schema.List {
						measure("set", func(i int) error { return g.Set(i*7919%n, g.cell(i)) })
					}
					measure("erase", func(i int) error { return g.Erase(i * 7919 % (n - i)) })
				}
				for name, d := range spent {
					b.ReportMetric(float64(d)/float64(b.N*n), name+"-cpu-ns/element")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
