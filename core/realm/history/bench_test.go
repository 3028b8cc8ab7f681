package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// history makes n local changesets in one transaction, each on an object of its own from first on.
func (d *device) history(b *testing.B, n int, first int64) {
	require.NoError(b, d.conn.BeginWrite())
	for i := range int64(n) {
		k := first + i
		c := &changeset.Changeset{Instructions: instructionsOf(create(k), set(k, "i", value.Int(i)), set(k, "s", value.String("a local text")))}
		require.NoError(b, changeset.Apply(d.conn.State(), c))
		data, err := changeset.Encode(c)
		require.NoError(b, err)
		_, err = AppendLocal(d.conn, data, d.clock())
		require.NoError(b, err)
	}
	require.NoError(b, d.conn.Commit())
}

// remote makes a DOWNLOAD of n changesets, each on an object of its own from first on. bases is how many different ones they have.
func remote(b *testing.B, n int, first int64, bases uint64) *wire.Download {
	m := steady(progress(uint64(n), bases, bases, 0))
	for i := range int64(n) {
		base, k := bases*uint64(i)/uint64(n), first+i
		m.Entries = append(m.Entries, entry(b, uint64(i+1), base, 2000,
			create(k), set(k, "i", value.Int(-i)), set(k, "s", value.String("a remote text"))))
	}
	return m
}

// BenchmarkIntegrate is a DOWNLOAD of n changesets, each of one object, into a file without, with disjoint, and with conflicting
// local changes, as many as there are remote ones: all of them have not been acknowledged. Twice the size must take twice the time.
func BenchmarkIntegrate(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		for _, c := range []struct {
			name  string
			local int
			first int64
			bases uint64
		}{
			{"no local changes", 0, 0, 0},
			{"disjoint", n, int64(n), 0},
			{"disjoint, 1000 bases", n, int64(n), 1000},
			{"conflicting", n, 0, 0},
		} {
			b.Run(fmt.Sprint(c.name, "/", n), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					d := newDevice(b, ownIdent)
					d.history(b, c.local, c.first)
					m := remote(b, n, 0, c.bases)
					if c.bases > 0 { // the bases are versions that exist
						d.integrate(steady(wire.Progress{Upload: wire.UploadCursor{ClientVersion: c.bases}}))
					}
					b.StartTimer()
					require.NoError(b, d.file.Integrate(m))
					b.StopTimer()
					require.NoError(b, d.file.Close())
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/changeset")
			})
		}
	}
}

// BenchmarkBootstrap is a bootstrap of n objects in changesets of 100.
func BenchmarkBootstrap(b *testing.B) {
	for _, n := range []int{50_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				d := newDevice(b, ownIdent)
				m := bootstrap(0, wire.LastInBatch, progress(1, 0, 0, 0))
				for i := 0; i < n; i += 100 {
					var instructions []changeset.Instruction
					for k := int64(i); k < int64(i)+100; k++ {
						instructions = append(instructions,
							create(k), set(k, "i", value.Int(k)), set(k, "s", value.String("a remote text")))
					}
					m.Entries = append(m.Entries, entry(b, 1, 0, 2000, instructions...))
				}
				b.StartTimer()
				require.NoError(b, d.file.AddBootstrap(m))
				_, err := d.file.ApplyBootstrap()
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, d.file.Close())
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/object")
		})
	}
}

// BenchmarkNextUpload is the upload of n changesets, message by message.
func BenchmarkNextUpload(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newDevice(b, ownIdent)
			d.history(b, n, 0)
			end := d.version()
			b.ResetTimer()
			for range b.N {
				for cursor := (wire.UploadCursor{}); cursor.ClientVersion < end; {
					_, cursor = d.nextUpload(cursor, end)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/changeset")
		})
	}
}
