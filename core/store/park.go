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
// closed. If the files were touched meanwhile it is given up without touching them. Of an encrypted file the key stays in memory as long.
const (
	parkTime = 500 * time.Millisecond
	maxPark  = 16 // connections; for one more the oldest is closed
)

// parking has what Go knows of the parked connections; which there are is decided in C, where the end of the process finds them.
var parking struct {
	sync.Mutex
	all   map[*C.sqlite3]*parkedConn
	order []*C.sqlite3 // oldest first
}

type parkedConn struct {
	owner driver.Conn
	db    *C.sqlite3
	crypt *encryption
	end   *time.Timer // closes it
}

// close closes the connection. Nothing was left to be written.
func (p *parkedConn) close() {
	_ = p.owner.Close()
	p.crypt.close()
}

// park parks the connection instead of closing it, if that is possible: it is the last one of the file, of all processes.
func (c *Conn) park() bool {
	if c.readOnly || c.crypt.failed() || c.lock == nil || !c.lock.isLast() {
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
		parking.all = map[*C.sqlite3]*parkedConn{}
	}
	db := c.db
	parking.all[db] = &parkedConn{c.owner, db, c.crypt, time.AfterFunc(parkTime, func() { closeParked("", db) })}
	parking.order = append(parking.order, db)
	return true
}

// surplus returns the oldest parked connection if there are more than maxPark.
func surplus() *C.sqlite3 {
	parking.Lock()
	defer parking.Unlock()
	if len(parking.order) <= maxPark {
		return nil
	}
	return parking.order[0]
}

// unpark takes a parked connection out, that of a file or db; nil when there is none. usable: it can be used; otherwise it is to be closed.
func unpark(file string, db *C.sqlite3) (p *parkedConn, usable bool) {
	parking.Lock()
	defer parking.Unlock()
	if len(parking.all) == 0 {
		return nil, false
	}
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	var fits C.int
	if db = C.rlm_unpark(name, db, &fits); db == nil {
		return nil, false
	}
	p = parking.all[db]
	p.end.Stop() // if it is too late for that, the connection is closed a little sooner when it is parked again
	delete(parking.all, db)
	parking.order = slices.DeleteFunc(parking.order, func(other *C.sqlite3) bool { return db == other })
	return p, fits != 0
}

// closeParked closes the parked connection of a file, or db, if it is there.
func closeParked(file string, db *C.sqlite3) {
	if p, _ := unpark(file, db); p != nil {
		p.close()
	}
}

// resume takes up the parked connection of the file, if there is one that can be used: with this key. It is set up but for what belongs to the
// Conn.
func (c *Conn) resume(key *Key) bool {
	p, usable := unpark(c.file, nil)
	if p == nil {
		return false
	}
	if !usable || (p.crypt == nil) != (key == nil) || key != nil && !p.crypt.key.Equal(key) || C.rlm_wait_with(p.db, c.waiting.flag) != 0 {
		p.close()
		return false
	}
	c.owner, c.db, c.crypt = p.owner, p.db, p.crypt
	return true
}
