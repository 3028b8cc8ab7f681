package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"realmsync/server/backup"
)

// makeDataDir makes the data directory, for its owner only, if it doesn't exist. A backup is none: it would not be that backup any more.
func makeDataDir(dir string) error {
	if backup.IsBackup(dir) {
		return fmt.Errorf("%s is a backup, which a server would change; make a data directory of it with restore, or remove its manifest.json if it is no backup any more", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return nil
}

// lockDataDir keeps a second server out of a data directory: what one has in memory, the other would not know of. The lock
// is the kernel's and ends with the process, however it ends.
func lockDataDir(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, fmt.Errorf("another realm-sync-server is using %s; stop it, or choose another directory with --data", dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
