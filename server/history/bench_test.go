package history

import (
	"fmt"
	"sync"
	"testing"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// The benchmarks measure whole uploads: decoded on one goroutine, merged, applied and made durable (synchronous=FULL) by the writer.
// objects/s is what spec and issue speak of.

// bulk makes the bytes of a changeset that creates count objects with three properties.
func bulk(b *testing.B, from, count int64) []byte {
	b.Helper()
	var c changeset.Changeset
	for k := from; k < from+count; k++ {
		c.Instructions = append(c.Instructions, create(k), set(k, "n", value.Int(k)), set(k, "zone", value.String("zone a")), set(k, "m", value.Double(0.5)))
	}
	data, err := changeset.Encode(&c)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// send uploads encoded changesets one after the other in one session, at most ahead of them unanswered.
func send(b *testing.B, f *fixture, d *device, ahead int, uploads [][]byte) {
	room := make(chan struct{}, ahead)
	var all sync.WaitGroup
	for _, data := range uploads {
		c, err := DecodeUploaded(data)
		if err != nil {
			b.Fatal(err)
		}
		d.version++
		u := d.message(Uploaded{ClientVersion: d.version, ServerVersion: d.base, Timestamp: d.timestamp, Changeset: c, Data: data})
		all.Add(1)
		room <- struct{}{}
		u.Done = func(_ Result, err error) {
			if err != nil {
				b.Error(err)
			}
			<-room
			all.Done()
		}
		if err := f.Submit(u); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
}

func BenchmarkBulk(b *testing.B) {
	for _, size := range []int64{100, 1000, 10000} {
		b.Run(fmt.Sprintf("%d objects per changeset", size), func(b *testing.B) {
			f, d := withT(b, nil)
			var uploads [][]byte
			for i := range int64(b.N) {
				uploads = append(uploads, bulk(b, i*size, size))
			}
			b.ResetTimer()
			send(b, f, d, 8, uploads)
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// BenchmarkFloor is what the store alone costs: the records of BenchmarkBulk, made beforehand and written in transactions of the
// same size. The rest is the engine's.
func BenchmarkFloor(b *testing.B) {
	const size = 1000
	f, d := withT(b, nil)
	send(b, f, d, 1, [][]byte{bulk(b, 0, size)})
	e := f.entry(f.Version())
	s := f.Engine.cfg.Store
	b.ResetTimer()
	for i := range b.N {
		tx, err := s.Begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		c := store.Changes{Entries: []store.Entry{e.record(new(encoder))}}
		c.Entries[0].Version += uint64(i) + 1
		for k := range e.Images {
			m := &e.Images[k]
			c.Objects = append(c.Objects, store.Object{
				ObjectRef: store.ObjectRef{Class: m.Ref.Class, Key: EncodeKey(key(int64(i+1)*size + int64(k)))}, Doc: appendDocument(nil, m.After), Version: c.Entries[0].Version,
			})
		}
		if err := tx.Commit(&c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkUpdates changes objects that exist, in bulk.
func BenchmarkUpdates(b *testing.B) {
	const size = 1000
	f, d := withT(b, nil)
	send(b, f, d, 1, [][]byte{bulk(b, 0, 10*size)})
	var uploads [][]byte
	for i := range int64(b.N) {
		var c changeset.Changeset
		for k := range int64(size) {
			c.Instructions = append(c.Instructions, set((i*size+k)%(10*size), "n", value.Int(i)))
		}
		data, err := changeset.Encode(&c)
		if err != nil {
			b.Fatal(err)
		}
		uploads = append(uploads, data)
	}
	b.ResetTimer()
	send(b, f, d, 8, uploads)
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkSmall uploads changesets of one object: one client that waits for each answer, one that doesn't.
func BenchmarkSmall(b *testing.B) {
	for _, ahead := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d unanswered", ahead), func(b *testing.B) {
			f, d := withT(b, nil)
			var uploads [][]byte
			for i := range int64(b.N) {
				uploads = append(uploads, bulk(b, i, 1))
			}
			b.ResetTimer()
			send(b, f, d, ahead, uploads)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// BenchmarkClients is 100 clients that each wait for the answer to their upload of one object: group commit.
func BenchmarkClients(b *testing.B) {
	const clients = 100
	count := &counter{}
	f, _ := withT(b, func(c *Config) { c.Observe = count })
	var devices []*device
	for range clients {
		devices = append(devices, f.device().sync())
	}
	groups := count.groups.Load()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, d := range devices {
		var uploads [][]byte
		for k := i; k < b.N; k += clients {
			uploads = append(uploads, bulk(b, int64(k), 1))
		}
		all.Go(func() { send(b, f, d, 1, uploads) })
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
	b.ReportMetric(float64(b.N)/float64(count.groups.Load()-groups), "uploads/group")
}

// BenchmarkContention is 10 clients that change the same object at the same time, so that every upload meets those of the others.
func BenchmarkContention(b *testing.B) {
	const clients = 10
	f, d := withT(b, nil)
	d.write(create(1))
	var devices []*device
	for range clients {
		devices = append(devices, f.device().sync())
	}
	data, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{add(1, "n", 1)}})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	var all sync.WaitGroup
	for i, d := range devices {
		all.Go(func() {
			for k := i; k < b.N; k += clients {
				send(b, f, d, 1, [][]byte{data})
				d.sync() // it has integrated what there is
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
}

// BenchmarkAppend is one upload that appends an integer to a list of so many elements, and waits until that is durable.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d elements", size), func(b *testing.B) {
			f, d := withT(b, nil)
			column := addColumn("T", "l", value.KindInt, false)
			column.Collection = schema.List
			appendAt := func(i int) changeset.Instruction {
				in := changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(1), Field: "l", Value: value.Int(int64(i)), PriorSize: uint32(i)}
				in.Path = []changeset.Step{{IsPos: true, Pos: uint32(i)}}
				return in
			}
			ins := []changeset.Instruction{column, create(1)}
			for i := range size {
				ins = append(ins, appendAt(i))
			}
			d.write(ins...)
			d.sync()
			f.restart() // what is in memory is what uploads need
			var uploads [][]byte
			for i := range b.N {
				data, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{appendAt(size + i)}})
				if err != nil {
					b.Fatal(err)
				}
				uploads = append(uploads, data)
			}
			written := func() (n int) {
				s, err := f.Snapshot(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				for _, e := range [1]uint64{f.Version()} {
					r, err := s.Entry(e, true)
					if err != nil {
						b.Fatal(err)
					}
					n += len(r.Changeset) + len(r.Images)
				}
				_ = s.Objects([]store.ObjectRef{f.ref(1)}, func(o store.Object) error {
					n += len(o.Doc)
					return nil
				})
				last, _ := s.MaxPiece()
				_ = s.Pieces([]uint64{last}, func(p store.Piece) error {
					n += len(p.Body)
					return nil
				})
				return n
			}
			b.ReportAllocs()
			b.ResetTimer()
			send(b, f, d, 1, uploads)
			b.StopTimer()
			b.ReportMetric(float64(written()), "stored-B/op")
		})
	}
}
