package main

import (
	"context"
	"fmt"
	"io"
	"runtime/pprof"
	"time"
)

// lastResortGrace is how long the end may take beyond what clients are given.
const lastResortGrace = 90 * time.Second

// lastResort ends the process, with a list of what still runs, if it has not ended so long after the context has: what a client has been told is
// durable, and a process that hangs serves nobody and keeps the next one from starting. Call disarm at the end.
func lastResort(ctx context.Context, after time.Duration, out io.Writer, exit func(code int)) (disarm func()) {
	ended := make(chan struct{})
	unlink := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			_, _ = fmt.Fprintf(out, "the server does not end within %v after it was told to; what still runs:\n", after)
			_ = pprof.Lookup("goroutine").WriteTo(out, 1)
			exit(1)
		}
	})
	return func() {
		unlink()
		close(ended)
	}
}
