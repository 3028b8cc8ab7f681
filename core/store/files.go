package store

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// canonical returns one name for a file, however it is spelled: absolute, without symbolic links. The file need not exist.
func canonical(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// Delete removes the files of a realm. Missing files are no error. While a Conn has the file open, in this process or in another, nothing
// is removed and the error is ErrOpen.
func Delete(path string) error {
	file := canonical(path)
	fileLocks.Lock() // keeps this process's openers out
	defer fileLocks.Unlock()
	unused := !isOpen(file)
	if unused {
		closeParked(file, nil)
		var err error
		if unused, err = deleting(file, func() error { return remove(path) }); err != nil {
			return err
		}
	}
	if !unused {
		return &Error{Kind: ErrOpen, Path: path, Text: fmt.Sprintf("Cannot delete files of an open Realm: '%s' is still in use.", path)}
	}
	return nil
}

func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &Error{Kind: ErrAccess, Path: path, Text: fmt.Sprintf("deleting '%s' failed: %v", path+suffix, err)}
		}
	}
	return nil
}

// IsOpenElsewhere tells whether another process has the file open.
func (c *Conn) IsOpenElsewhere() bool {
	n := c.lock.note
	return n != nil && !n.alone()
}

// Size returns the size of the file and how much of it is in use, in bytes. The difference is what Compact would free.
func (c *Conn) Size() (total, used uint64, err error) {
	var pages, free, size int64
	for sql, out := range map[string]*int64{"PRAGMA page_count": &pages, "PRAGMA freelist_count": &free, "PRAGMA page_size": &size} {
		if *out, err = c.controlInt(sql); err != nil {
			return 0, 0, err
		}
	}
	total = uint64(pages * size)
	if info, err := os.Stat(c.file); err == nil { // what is in the -wal file only, comes on top
		total = max(total, uint64(info.Size()))
	}
	return total, uint64((pages - free) * size), nil
}

// Compact writes the file anew without unused space, outside of transactions. Row ids stay. While another connection holds
// a snapshot the space is freed later.
func (c *Conn) Compact() error {
	if c.tx != txNone {
		return c.errorf(ErrTransaction, "compacting while a transaction is open")
	}
	if c.readOnly {
		return c.errorf(ErrReadOnly, "a read-only realm can't be compacted")
	}
	if err := c.takeTurn(); err != nil {
		return err
	}
	defer c.lock.release(false)
	C.rlm_chunk_size(c.db, 0)
	defer C.rlm_chunk_size(c.db, chunkSize)
	if err := c.control("VACUUM"); err != nil {
		return err
	}
	_, err := c.controlInt("PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
