package realm

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

// benchList makes a synced realm with an owner whose list of integers has n elements; a write transaction is open.
func benchList(b *testing.B, property string, n int) (*Realm, *Collection, unsafe.Pointer) {
	b.Helper()
	clean(b)
	r := open(b, Config{Path: tempPath(b), Schema: owners, Synced: true, UserID: "u"})
	subscribeAll(b, r, "Owner", "Pet")
	require.NoError(b, r.BeginWrite())
	b.Cleanup(func() { _ = r.Cancel() })
	o := create(b, r, "Owner", values{"_id": i64(1)})
	c := listOf(b, o, property)
	memory := newBlock(b)
	b.Cleanup(memory.free)
	cell := i64(7)
	p := memory.cells([]any{cell})
	if property == "pets" {
		p = memory.cells([]any{create(b, r, "Pet", values{"_id": i64(1)})})
	}
	for i := range n {
		require.NoError(b, c.Insert(i, p))
	}
	return r, c, p
}

// What one element costs must not depend on how many there are.
func BenchmarkCollection(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		for _, property := range []string{"ints", "pets"} {
			name := fmt.Sprintf("%s/%d", property, n)
			b.Run("append/"+name, func(b *testing.B) {
				_, c, p := benchList(b, property, n)
				for i := 0; b.Loop(); i++ {
					if err := c.Insert(n+i, p); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("set/"+name, func(b *testing.B) {
				_, c, p := benchList(b, property, n)
				for i := 0; b.Loop(); i++ {
					if err := c.Set(i*7919%n, p); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("insert in the middle/"+name, func(b *testing.B) {
				_, c, p := benchList(b, property, n)
				for i := 0; b.Loop(); i++ {
					if err := c.Insert(n/2, p); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("load 256/"+name, func(b *testing.B) {
				_, c, _ := benchList(b, property, n)
				for i := 0; b.Loop(); i++ {
					batch, err := c.Load(i*256%(n-256), store.MaxBatch)
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
			})
		}
	}
}
