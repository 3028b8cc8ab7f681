package script

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what this process has computed so far, all its threads together.
func processorTime() (used time.Duration, ok bool) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
