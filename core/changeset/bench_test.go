package changeset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// insert is what a local insert of an object with five properties records.
func insert(id int64) []changeset.Instruction {
	key := value.IntKey(id)
	set := func(field string, v value.Value) changeset.Instruction {
		return changeset.Instruction{Op: changeset.Update, Table: "Item", Key: key, Field: field, Value: v}
	}
	return []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "Item", Key: key},
		set("name", value.String("a name of usual length")), set("count", value.Int(id*7)), set("price", value.Double(9.5)),
		set("done", value.Bool(true)), set("made", value.FromTimestamp(value.Timestamp{Seconds: 1700000000, Nanoseconds: 5})),
	}
}

func BenchmarkRecordInsertOf5(b *testing.B) {
	var r changeset.Recorder
	ins := insert(123456)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%1000 == 0 {
			r.Reset()
		}
		for i := range ins {
			if err := r.Record(&ins[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func bootstrap(objects int) []byte {
	var r changeset.Recorder
	for id := range objects {
		ins := insert(int64(id))
		for i := range ins {
			if err := r.Record(&ins[i]); err != nil {
				panic(err)
			}
		}
	}
	return r.Clone()
}

func BenchmarkDecode20000Objects(b *testing.B) {
	data := bootstrap(20000)
	var c changeset.Changeset
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := changeset.DecodeInto(&c, data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20000, "ns/object")
}

func BenchmarkDecodeOneObject(b *testing.B) {
	data := bootstrap(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := changeset.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	c, err := changeset.Decode(bootstrap(1000))
	if err != nil {
		b.Fatal(err)
	}
	base := memstate.New(itemSchema())
	b.ReportAllocs()
	for b.Loop() {
		if err := changeset.Apply(base.Clone(), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/object")
}

func itemSchema() *schema.Schema {
	return schema.New(schema.Class{Name: "Item", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "name", Type: value.KindString}, {Name: "count", Type: value.KindInt},
		{Name: "price", Type: value.KindDouble}, {Name: "done", Type: value.KindBool}, {Name: "made", Type: value.KindTimestamp}}})
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	var r changeset.Recorder
	ins := insert(1)
	link := changeset.Instruction{Op: changeset.Update, Table: "Item", Key: value.StringKey("k"), Field: "next", Value: value.FromLink("Item", value.StringKey("other"))}
	round := func() {
		r.Reset()
		for range 50 {
			for i := range ins {
				require.NoError(t, r.Record(&ins[i]))
			}
			require.NoError(t, r.Record(&link))
		}
	}
	round()
	require.Zero(t, testing.AllocsPerRun(20, func() {
		r.Reset()
		for range 50 {
			for i := range ins {
				_ = r.Record(&ins[i])
			}
			_ = r.Record(&link)
		}
	}))
	// Decoding: the copy of the bytes and the instructions, however many there are.
	data := bootstrap(300)
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() { _, _ = changeset.Decode(data) }), 8.0)
	var c changeset.Changeset
	require.NoError(t, changeset.DecodeInto(&c, data))
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() { _ = changeset.DecodeInto(&c, data) }), 1.0)
}
