package store

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// The locks of a note file are those of an open file description: unlike the older kind they aren't lost when another descriptor of the
// file is closed, and two copies of this library in one process exclude each other.
const (
	haveLocks  = true
	ofdGetLock = 36
	ofdSetLock = 37
	ofdWait    = 38
)

func lockRange(kind int16, at int64) *syscall.Flock_t {
	return &syscall.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: 1}
}

func lockKind(exclusive bool) int16 {
	if exclusive {
		return syscall.F_WRLCK
	}
	return syscall.F_RDLCK
}

func control(f *os.File, command int, lock *syscall.Flock_t) error {
	for {
		if err := syscall.FcntlFlock(f.Fd(), command, lock); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// tryLock takes a lock unless another process has it. A lock that this process has is changed to the other kind.
func tryLock(f *os.File, at int64, exclusive bool) (bool, error) {
	err := control(f, ofdSetLock, lockRange(lockKind(exclusive), at))
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// waitLock takes a lock exclusively, when its turn comes.
func waitLock(f *os.File, at int64) error { return control(f, ofdWait, lockRange(syscall.F_WRLCK, at)) }

func unlock(f *os.File, at int64) error {
	return control(f, ofdSetLock, lockRange(syscall.F_UNLCK, at))
}

// lockedByOther tells whether another process has the lock, of whatever kind.
func lockedByOther(f *os.File, at int64) (bool, error) {
	lock := lockRange(syscall.F_WRLCK, at)
	err := control(f, ofdGetLock, lock)
	return lock.Type != syscall.F_UNLCK, err
}
