package sync

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// BenchmarkSessions is one write that 20 of many sessions with distinct subscriptions are told of: from the upload until the last of them has its
// DOWNLOAD. The memory of a session is that of both its ends, which are in one process here. Run it with -benchtime 50x.
func BenchmarkSessions(b *testing.B) {
	for _, sessions := range []int{2000, 4000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			const told = 20
			f := open(b, nil)
			writer := f.device("writer").subscribed(`{"Dog":"(TRUEPREDICATE)"}`)
			memory := func() float64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc + m.StackInuse)
			}
			before := memory()
			devices := make([]*device, sessions)
			for i := range devices {
				// Each has a text of its own; those of a group match the same objects.
				devices[i] = f.device(fmt.Sprint("user", i)).subscribed(fmt.Sprintf(`{"Dog":"(age == %d AND _id > %d)"}`, 1000+i/told, -1-i))
			}
			each := (memory() - before) / float64(sessions)
			writer.sync()
			b.ResetTimer()
			for n := range b.N {
				group := n % (sessions / told)
				writer.write(create(int64(n+1), "Rex", int64(1000+group))...)
				writer.uploadOnly()
				for _, d := range devices[group*told : (group+1)*told] {
					for {
						if m := expect[*wire.Download](d.link); len(m.Entries) > 0 {
							break
						}
					}
				}
			}
			b.StopTimer()
			b.ReportMetric(each, "B/session")
			require.GreaterOrEqual(b, f.Server.connections.Load(), uint64(sessions))
		})
	}
}
