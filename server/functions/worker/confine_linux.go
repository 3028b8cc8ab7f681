package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is this program, also when its file has been replaced since it was started.
func program() (string, error) { return "/proc/self/exe", nil }

// attributes: a group of its own, so that what a terminal sends to the server does not reach it; and it ends with the thread that started it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// keepDescriptors keeps from what is started all that this program has open: what Go opens is closed there anyway, but not what who started this
// program left open, a lock or a socket. Kernels before 5.11 don't know how.
func keepDescriptors() {
	const all = 1<<32 - 1
	_ = unix.CloseRange(3, all, unix.CLOSE_RANGE_CLOEXEC)
}

// niceness is how much a worker goes behind the server: with as many of them as there are processors, the server has three quarters.
const niceness = 5

// confine takes from this process what a worker does not need, for good. The data of a process are bounded, and not its addresses: the Go
// runtime reserves a great many of those, of which it uses few. memory is in bytes.
func confine(memory int64) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmData:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	now, err := strconv.ParseUint(kib, 10, 40)
	if err != nil {
		return fmt.Errorf("worker: VmData: %w", err)
	}
	// When the machine has no memory left, the kernel is to end this and not the server; and the server goes first when there is too much to
	// compute. Where it may not be said, it is as it was.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
	_ = unix.Setpriority(unix.PRIO_PGRP, 0, niceness)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	limits := map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0,
		unix.RLIMIT_NOFILE: 0, // what is open stays open, and nothing else ever is
	}
	if !raced { // the race detector maps a multiple of what the program uses
		limits[unix.RLIMIT_DATA] = now<<10 + uint64(memory) //nolint:gosec // not negative
	}
	for which, most := range limits {
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("worker: limit %d: %w", which, err)
		}
	}
	return nil
}

// processorTime is what a process has used, as the kernel counts it, in nanoseconds. ok: it is known.
func processorTime(pid int) (ns int64, ok bool) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil { //nolint:gosec // as clock_getcpuclockid does
		return 0, false
	}
	return t.Nano(), true
}
