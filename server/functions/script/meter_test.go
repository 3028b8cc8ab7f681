package script

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A function that gets no processor for long, on a busy machine, has not computed for long. Where the processor isn't asked, the clock counts.
func TestWaitingForAProcessorIsNotComputing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = time.Second
		var used, over atomic.Int64
		m := meter{processor: func() (time.Duration, bool) { return time.Duration(used.Load()), true }}
		m.init(most, func() { over.Add(1) })
		after := func(pass, compute time.Duration) int64 {
			used.Add(int64(compute))
			time.Sleep(pass) // virtual
			synctest.Wait()
			return over.Load()
		}
		m.start()
		require.Zero(t, after(5*most, most/2), "it has half of its time left")
		m.pause()
		require.Zero(t, after(5*most, 5*most), "nothing of it runs")
		m.start()
		require.Zero(t, after(5*most, most/4))
		require.EqualValues(t, 1, after(most, most/4), "now it has used all")
		m.pause()
		m.stop()

		unknown := meter{processor: func() (time.Duration, bool) { return 0, false }}
		unknown.init(most, func() { over.Add(1) })
		unknown.start()
		require.EqualValues(t, 1, after(most-1, 0))
		require.EqualValues(t, 2, after(1, 0))
		unknown.pause()
		unknown.stop()
	})
}
