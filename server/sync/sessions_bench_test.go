package sync

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkSessions is one write that 20 of many sessions with distinct subscriptions are told of, from the upload until the last of them has its DOWNLOAD: with 2,000
// sessions, and with 4,000 on the same server. It reports the time of the fastest write of each (others use the machine), their ratio, which must stay far below 2, and the
// memory of a session in the server, with its connection. Run it with -benchtime 50x.
func BenchmarkSessions(b *testing.B) {
	const sessions = 2000
	c := gather(b)
	fastest := func() time.Duration {
		least := time.Duration(1 << 62)
		for range b.N {
			begin := time.Now()
			c.tell()
			least = min(least, time.Since(begin))
		}
		return least
	}
	b.ResetTimer()
	b.StopTimer()
	before := held()
	c.grow(sessions)
	b.ReportMetric((held()-before)/sessions, "B/session")
	b.StartTimer()
	single := fastest()
	b.StopTimer()
	before = held()
	c.grow(2 * sessions)
	b.ReportMetric((held()-before)/sessions, "B/session-of-4000")
	b.StartTimer()
	double := fastest()
	b.StopTimer()
	b.ReportMetric(float64(single.Microseconds()), "µs-of-2000")
	b.ReportMetric(float64(double.Microseconds()), "µs-of-4000")
	b.ReportMetric(float64(double)/float64(single), "ratio")
	require.GreaterOrEqual(b, c.Server.connections.Load(), uint64(2*sessions))
}
