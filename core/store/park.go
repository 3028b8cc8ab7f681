package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"database/sql/driver"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// Opening a realm is dear because SQLite makes and maps the -wal and -shm files, and closing the last connection removes them. Programs open
// and close the same realm again and again, so the last connection of a file that this process closes is parked for a moment: the next Open
// takes it up. Parked, it holds no transaction, no page in memory and nothing that isn't in the file; other processes see the realm as
// closed. If the files were touched meanwhile it is given up without touching them. Encrypted files are not parked: closing one is to forget
// its key.
const (
	parkTime = 500 * time.Millisecond
	maxPark  = 16 // connections; for one more the oldest is closed
)

// parking has what Go knows of the parked connections; which there are is decided in C, where the end of the process finds them.
var parking struct {
	sync.Mutex
	all   map[*C.sqlite3]parkedConn
	order []*C.sqlite3 // oldest first
}

type parkedConn struct {
	owner driver.Conn
	end   *time.Timer // closes it
}

// park parks the connection instead of closing it, if that is possible: it is the last one of the file, of all processes.
func (c *Conn) park() bool {
	if c.readOnly || c.crypt != nil || c.lock == nil || !c.lock.isLast() {
		return false
	}
	file := C.CString(c.file)
	defer C.free(unsafe.Pointer(file))
	parking.Lock()
	defer parking.Unlock()
	if C.rlm_park(c.db, file) == 0 {
		return false
	}
	if parking.all == nil {
		parking.all = map[*C.sqlite3]parkedConn{}
	}
	db := c.db
	parking.all[db] = parkedConn{c.owner, time.AfterFunc(parkTime, func() { closeParked("", db) })}
	parking.order = append(parking.order, db)
	if len(parking.order) > maxPark {
		oldest := parking.order[0]
		go closeParked("", oldest) // not under the lock
	}
	return true
}

// unpark takes a parked connection out, that of a file or db. usable: it can be used; otherwise it is to be closed. owner is nil when there is
// none.
func unpark(file string, db *C.sqlite3) (owner driver.Conn, taken *C.sqlite3, usable bool) {
	parking.Lock()
	defer parking.Unlock()
	if len(parking.all) == 0 {
		return nil, nil, false
	}
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	var fits C.int
	taken = C.rlm_unpark(name, db, &fits)
	if taken == nil {
		return nil, nil, false
	}
	p := parking.all[taken]
	p.end.Stop() // if it is too late for that, the connection is closed a little sooner when it is parked again
	delete(parking.all, taken)
	parking.order = slices.DeleteFunc(parking.order, func(db *C.sqlite3) bool { return db == taken })
	return p.owner, taken, fits != 0
}

// closeParked closes the parked connection of a file, or db, if it is there.
func closeParked(file string, db *C.sqlite3) {
	if owner, _, _ := unpark(file, db); owner != nil {
		_ = owner.Close() // nothing was left to be written
	}
}

// resume takes up the parked connection of the file, if there is one that can be used. It is set up but for what belongs to the Conn.
func (c *Conn) resume() bool {
	owner, db, usable := unpark(c.file, nil)
	if owner == nil {
		return false
	}
	if !usable || C.rlm_wait_with(db, c.waiting.flag) != 0 {
		_ = owner.Close()
		return false
	}
	c.owner, c.db = owner, db
	return true
}
