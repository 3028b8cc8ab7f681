//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package app

import (
	"errors"
	"os"
	"syscall"
)

// The locks are flock's: they belong to the open file, so two Apps of one process exclude each other too, and the system frees
// them when the process dies.

func lockExclusive(f *os.File) error { return flock(f, syscall.LOCK_EX) }
func lockShared(f *os.File) error    { return flock(f, syscall.LOCK_SH) }
func unlock(f *os.File) error        { return flock(f, syscall.LOCK_UN) }

// tryLock takes the lock exclusively if nobody has it.
func tryLock(f *os.File) (bool, error) {
	err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
