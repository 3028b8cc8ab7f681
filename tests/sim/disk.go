package main

// #include <stdlib.h>
// #include "vfs.h"
import "C"

import (
	"fmt"
	"os"
	"sync"
	"unsafe"
)

// install puts the simulation's disks in front of SQLite's files, once for the process.
var install = sync.OnceValue(func() error {
	if rc := C.sim_vfs_install(); rc != 0 {
		return fmt.Errorf("sim: SQLite refuses the simulated disks: code %d", rc)
	}
	return nil
})

// disk is the disk of one machine: a directory (vfs.h). Any goroutine may use it.
type disk struct {
	dir string
	c   *C.sim_disk
}

func newDisk(dir string) (*disk, error) {
	if err := install(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := C.CString(dir)
	defer C.free(unsafe.Pointer(name))
	return &disk{dir, C.sim_disk_new(name)}, nil
}

// free forgets the disk. Nothing of it may be open.
func (d *disk) free() { C.sim_disk_free(d.c) }

// arm makes the machine stop at that storage operation from now, having written part of 256 of it; 0 disarms.
func (d *disk) arm(operations, part uint64) { C.sim_disk_arm(d.c, C.int64_t(operations), C.int(part)) }

// armSync makes the machine stop at its next sync: a commit is written then, but has not returned.
func (d *disk) armSync(on bool) {
	o := C.int(0)
	if on {
		o = 1
	}
	C.sim_disk_arm_sync(d.c, o)
}

// kill stops the machine now.
func (d *disk) kill() { C.sim_disk_kill(d.c) }

// dead tells whether the machine has stopped.
func (d *disk) dead() bool { return C.sim_disk_dead(d.c) != 0 }

// torn tells whether it has stopped in the middle of a storage operation.
func (d *disk) torn() bool { return C.sim_disk_torn(d.c) != 0 }

// revive starts the machine again, when nothing is open. With lose, unsynced writes from a place on are gone; it returns how many.
func (d *disk) revive(lose bool, keep uint64) (undone int) {
	l := C.int(0)
	if lose {
		l = 1
	}
	return int(C.sim_disk_revive(d.c, l, C.int(keep%1000)))
}

// setFull says whether anything can grow.
func (d *disk) setFull(full bool) {
	f := C.int(0)
	if full {
		f = 1
	}
	C.sim_disk_full(d.c, f)
}

func (d *disk) refused() int    { return int(C.sim_disk_refused(d.c)) }
func (d *disk) operations() int { return int(C.sim_disk_operations(d.c)) }
