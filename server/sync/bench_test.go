package sync

import (
	"testing"

	"realmsync/core/changeset"
	"realmsync/core/wire"
)

// BenchmarkWriteReachesOther is the way of one write from one device's socket to another's, durable.
func BenchmarkWriteReachesOther(b *testing.B) {
	f := open(b, nil)
	writer := f.device("anna").subscribed(allDogs)
	reader := f.device("berta").subscribed(allDogs)
	writer.write(create(1, "Rex", 1)...)
	writer.upload()
	reader.sync()
	for i := 0; b.Loop(); i++ {
		writer.write(grow(1, int64(i))...)
		writer.uploadOnly()
		reader.step()
		writer.acknowledged()
	}
}

// BenchmarkUpload is the upload of objects, a hundred in each transaction, 128 KiB in each message, until they are acknowledged.
func BenchmarkUpload(b *testing.B) {
	f := open(b, nil)
	d := f.device("anna").subscribed(allDogs)
	next := int64(0)
	objects := 0
	for b.Loop() {
		for range 100 {
			var ins []changeset.Instruction
			for range 100 {
				next++
				ins = append(ins, create(next, "a name of some length", next)...)
			}
			d.version++
			d.local = append(d.local, &change{d.version, d.progress.Download.ServerVersion, d.clock, &changeset.Changeset{Instructions: ins}})
		}
		all := d.message()
		for len(all.Entries) > 0 {
			m := *all
			size := 0
			m.Entries = nil
			for len(all.Entries) > 0 && size < wire.UploadBatchSize {
				size += len(all.Entries[0].Changeset)
				m.Entries, all.Entries = append(m.Entries, all.Entries[0]), all.Entries[1:]
			}
			m.Progress.ClientVersion = m.Entries[len(m.Entries)-1].ClientVersion
			d.send(&m)
		}
		d.sent = d.version
		d.acknowledged()
		d.local = nil
		objects += 10_000
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkBootstrap is the download of 20,000 objects by a new device.
func BenchmarkBootstrap(b *testing.B) {
	f := open(b, nil)
	d := f.device("anna").subscribed(allDogs)
	next := int64(0)
	for range 20 {
		var ins []changeset.Instruction
		for range 1000 {
			next++
			ins = append(ins, create(next, "a name of some length", next)...)
		}
		d.write(ins...)
		d.upload()
	}
	objects := 0
	for b.Loop() {
		b.StopTimer()
		e := f.device("berta").fresh()
		b.StartTimer()
		e.send(&wire.Query{Session: e.sid, Version: 1, Body: []byte(allDogs)})
		for {
			if m, ok := e.next().(*wire.Download); ok && m.BatchState == wire.LastInBatch {
				break
			}
		}
		objects += 20_000
		b.StopTimer()
		e.drop()
		b.StartTimer()
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
}
