package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// bag has a collection of each kind.
var bag = schema.Class{Name: "Bag", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt},
	{Name: "ints", Type: value.KindInt, Collection: schema.List},
	{Name: "texts", Type: value.KindString, Collection: schema.List, Nullable: true},
	{Name: "set", Type: value.KindInt, Collection: schema.Set},
	{Name: "dict", Type: value.KindInt, Collection: schema.Dictionary},
	{Name: "links", Type: value.KindLink, Collection: schema.List, LinkTarget: "Bag"},
}}

const benchElements = 100_000

func benchList(b *testing.B, property int, each func(l *Collection, n int)) {
	c := openTemp(b)
	cl := addClass(b, c, bag)
	require.NoError(b, c.BeginWrite())
	row, err := c.InsertValues(cl, []value.Value{value.Int(1)})
	require.NoError(b, err)
	l, err := c.Collection(cl, row, property)
	require.NoError(b, err)
	for b.Loop() {
		each(l, benchElements)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchElements), "ns/element")
}

func appendInts(b testing.TB, l *Collection, n int) {
	for i := range n {
		cell := IntCell(int64(i))
		at, err := l.Len()
		if err == nil {
			err = l.Insert(at, &cell)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkListAppend(b *testing.B) {
	benchList(b, 1, func(l *Collection, n int) {
		appendInts(b, l, n)
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}

func BenchmarkListAppendLinks(b *testing.B) {
	benchList(b, 5, func(l *Collection, n int) {
		cell := LinkCell(l.class.ID, 1)
		for range n {
			at, err := l.Len()
			if err == nil {
				err = l.Insert(at, &cell)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}

func BenchmarkListIterate(b *testing.B) {
	full := false
	benchList(b, 1, func(l *Collection, n int) {
		if !full {
			b.StopTimer()
			appendInts(b, l, n)
			full = true
			b.StartTimer()
		}
		sum := int64(0)
		for first := 0; first < n; first += MaxBatch {
			batch, err := l.Load(first, MaxBatch)
			require.NoError(b, err)
			for i := range batch.Len() {
				sum += batch.Row(i)[0].Int()
			}
			batch.Release()
		}
		require.Equal(b, int64(n)*int64(n-1)/2, sum)
	})
}

// Half of the elements are put in front of the middle, one by one.
func BenchmarkListInsertMiddle(b *testing.B) {
	benchList(b, 1, func(l *Collection, n int) {
		b.StopTimer()
		appendInts(b, l, n)
		b.StartTimer()
		for i := range n {
			cell := IntCell(int64(i))
			if err := l.Insert(n/2, &cell); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}

func BenchmarkListEraseMiddle(b *testing.B) {
	benchList(b, 1, func(l *Collection, n int) {
		b.StopTimer()
		appendInts(b, l, n)
		b.StartTimer()
		for i := n; i > 0; i-- {
			if err := l.Erase(i / 2); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkListSet(b *testing.B) {
	full := false
	benchList(b, 1, func(l *Collection, n int) {
		if !full {
			b.StopTimer()
			appendInts(b, l, n)
			full = true
			b.StartTimer()
		}
		for i := range n {
			cell := IntCell(int64(-i))
			if err := l.Set(i*7919%n, &cell); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSetAdd(b *testing.B) {
	benchList(b, 3, func(l *Collection, n int) {
		for i := range n {
			cell := IntCell(int64(i * 7919 % n))
			if _, err := l.Add(&cell); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}

func BenchmarkDictionaryPut(b *testing.B) {
	keys := make([]string, benchElements)
	for i := range keys {
		keys[i] = value.Int(int64(i * 7919 % benchElements)).String()
	}
	benchList(b, 4, func(l *Collection, n int) {
		for i := range n {
			cell := IntCell(int64(i))
			if err := l.Put(keys[i], &cell); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}

func BenchmarkApplyArrayInsert(b *testing.B) {
	benchList(b, 1, func(l *Collection, n int) {
		cs := &changeset.Changeset{Instructions: make([]changeset.Instruction, n)}
		for i := range n {
			cs.Instructions[i] = changeset.Instruction{Op: changeset.ArrayInsert, Table: "Bag", Key: value.IntKey(1), Field: "ints",
				Path: []changeset.Step{{Pos: uint32(i), IsPos: true}}, Value: value.Int(int64(i)), PriorSize: uint32(i)}
		}
		require.NoError(b, changeset.Apply(l.conn.State(), cs))
		b.StopTimer()
		require.NoError(b, l.Clear())
		b.StartTimer()
	})
}
