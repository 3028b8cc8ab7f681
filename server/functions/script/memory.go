package script

import (
	"runtime"
	"runtime/metrics"
	"time"
)

const (
	memoryEvery  = 5 * time.Millisecond
	collectEvery = 100 * time.Millisecond // a collection that is asked for, at most this often
)

// watchMemory interrupts a call when the process's heap has grown by more than its limit from the least that it was during the call. The Go runtime does not say who
// allocated: a process runs one call and those within it (package worker), which share the limit. What one built-in function allocates at once is seen only
// afterwards: the kernel holds that. It returns what ends the watch.
func watchMemory(c *call) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	base := heapBytes()
	go func() {
		defer close(ended)
		ticker := time.NewTicker(memoryEvery)
		defer ticker.Stop()
		var collected time.Time
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				if base = min(base, heapBytes()); grown(base) <= c.Limits.Memory || now.Sub(collected) < collectEvery {
					continue
				}
				runtime.GC() // what is over may be garbage
				collected = time.Now()
				if base = min(base, heapBytes()); grown(base) > c.Limits.Memory {
					c.vm.Interrupt(&LimitError{"memory limit exceeded"})
					return
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func grown(base uint64) int64 { return int64(heapBytes()) - int64(base) }

// heapBytes is what objects and stacks take, garbage that was not collected included, in bytes.
func heapBytes() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}
