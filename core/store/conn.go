package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"database/sql/driver"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"realmsync/core/schema"
)

// txState is what kind of transaction is open.
type txState uint8

const (
	txNone   txState = iota
	txBroken         // SQLite has rolled the write transaction back by itself; what was to follow fails, until Commit or Rollback
	txRead
	txWrite
)

// Conn is one connection to a realm file. It is used by one goroutine at a time, in or outside of transactions; different
// Conns are independent, also on one file.
type Conn struct {
	path     string
	file     string // canonical path, the key of the file lock
	owner    driver.Conn
	db       *C.sqlite3
	readOnly bool
	crypt    *encryption // nil: the file is not encrypted
	lock     *fileLock
	waiting  waiting
	tx       txState
	broken   error // why tx is txBroken

	arena       arena
	stmts       stmtCache
	catalog     catalog
	changes     changeLog
	plans       planCache
	state       State
	collections collectionStates
	appends     appends
	counts      countChanges
	version     versionCache
	moved       struct { // what tells whether somebody else changed the file
		data   int64 // PRAGMA data_version
		schema int64 // PRAGMA schema_version
	}
	revived []Reference
	epoch   uint64 // moves when anything but this connection's own row changes may have happened
	stamp   uint64 // moves whenever the visible data may have changed
	learn   func(after, upTo uint64) []*Changes
}

// Options say how Open opens a file.
type Options struct {
	// ReadOnly forbids changes. A file that can't be written, or in a directory that can't, is opened so in any case.
	ReadOnly bool
	// Key encrypts the file; nil: it isn't encrypted. A file is opened with the key it was made with, or not at all: ErrKey.
	Key *Key
}

// Path returns the path that was given to Open.
func (c *Conn) Path() string { return c.path }

// IsReadOnly tells whether BeginWrite would fail with ErrReadOnly.
func (c *Conn) IsReadOnly() bool { return c.readOnly }

// InWrite tells whether a write transaction is open.
func (c *Conn) InWrite() bool { return c.tx == txWrite || c.tx == txBroken }

// InRead tells whether a snapshot or a write transaction is open.
func (c *Conn) InRead() bool { return c.tx != txNone }

// Stamp is a number that moves whenever the data that this connection sees may have changed: with each own change of a row
// or the schema, and with each snapshot that differs from the one before. Equal stamps mean equal data.
func (c *Conn) Stamp() uint64 { return c.stamp }

// Schema returns the schema of the current snapshot.
func (c *Conn) Schema() *schema.Schema { return c.catalog.schema }

// BeginRead opens a snapshot of the newest version.
func (c *Conn) BeginRead() error {
	if c.tx != txNone {
		return c.errorf(ErrTransaction, "opening a snapshot while a transaction is open")
	}
	if err := c.control("BEGIN"); err != nil {
		return err
	}
	c.tx = txRead
	if err := c.arrive(); err != nil {
		c.tx = txNone
		c.rollbackQuietly()
		return err
	}
	return nil
}

// EndRead gives the snapshot up. Without one it does nothing.
func (c *Conn) EndRead() error {
	if c.tx != txRead {
		if c.InWrite() {
			return c.errorf(ErrTransaction, "giving up the snapshot of a write transaction")
		}
		return nil
	}
	c.tx = txNone
	return c.control("COMMIT")
}

// BeginWrite opens a write transaction on the newest version; an open snapshot is given up for it. It waits for other
// writers, in this process and in others, as long as it takes, or until Interrupt: then the error is ErrInterrupted.
func (c *Conn) BeginWrite() error {
	if c.InWrite() {
		return c.errorf(ErrTransaction, "a write transaction is open already")
	}
	if c.readOnly {
		return c.errorf(ErrReadOnly, "the realm can't be changed: the file or its directory is not writable")
	}
	if err := c.EndRead(); err != nil {
		return err
	}
	if err := c.takeTurn(); err != nil {
		return err
	}
	if err := c.beginImmediate(); err != nil {
		c.lock.release(false)
		return err
	}
	c.tx = txWrite
	if err := c.arrive(); err != nil {
		c.tx = txNone
		c.rollbackQuietly()
		c.lock.release(false)
		return err
	}
	c.state.forget() // another connection may have changed or erased the object named last
	c.version.moved = false
	c.changes.begin()
	c.counts.forget()
	c.appends.forget()
	return nil
}

// takeTurn waits until no other connection of this library writes.
func (c *Conn) takeTurn() error {
	if !c.lock.take(c.waiting.stop) {
		return c.interrupted()
	}
	return nil
}

// beginImmediate repeats what the busy handler gave up on: another program may write for as long as it likes.
func (c *Conn) beginImmediate() error {
	for {
		err := c.control("BEGIN IMMEDIATE")
		if e, ok := err.(*Error); !ok || e.Code&0xff != sqliteBusy {
			return err
		}
		select {
		case <-c.waiting.stop:
			return c.interrupted()
		case <-time.After(time.Millisecond):
		}
	}
}

// waiting is how waits for other writers are ended.
type waiting struct {
	once sync.Once
	stop chan struct{}
	flag *C.int // the same for SQLite's busy handler
}

func newWaiting() waiting { return waiting{stop: make(chan struct{}), flag: C.rlm_flag_new()} }

// Interrupt ends a wait of BeginWrite for other writers, now and in the future: the Conn is to be closed. Any goroutine may call
// it, but not while the Conn closes.
func (c *Conn) Interrupt() {
	c.waiting.once.Do(func() {
		close(c.waiting.stop)
		C.rlm_flag_raise(c.waiting.flag)
	})
}

func (c *Conn) interrupted() error {
	return c.errorf(ErrInterrupted, "the wait for other writers was ended")
}

// Commit makes the changes durable and visible and closes the transaction. When it fails, everything is rolled back, and
// the transaction is closed too.
func (c *Conn) Commit() error {
	if !c.InWrite() {
		return c.errorf(ErrTransaction, "committing without a write transaction")
	}
	err := c.needWrite("committing")
	if err == nil {
		err = c.settle()
	}
	changes := sync.OnceValue(c.changes.net)
	if err == nil && c.version.moved {
		err = c.leaveTrail(changes)
	}
	if err == nil {
		c.announce(changes)
		if err = c.control("COMMIT"); err != nil {
			c.retract()
		}
	}
	if err != nil {
		if e := c.Rollback(); e != nil {
			return fmt.Errorf("%w; rolling back: %w", err, e)
		}
		return err
	}
	c.tx = txNone
	c.lock.release(true)
	return nil
}

// settle writes everything that was put off until the commit.
func (c *Conn) settle() error {
	if err := c.flush(); err != nil {
		return err
	}
	if err := c.settleCatalog(); err != nil {
		return err
	}
	return c.settleCounts()
}

// Rollback undoes the transaction and closes it.
func (c *Conn) Rollback() error {
	if !c.InWrite() {
		return c.errorf(ErrTransaction, "rolling back without a write transaction")
	}
	c.tx = txNone
	defer c.lock.release(false)
	c.state.forget()
	c.changes.rolledBack()
	c.counts.forget()
	c.appends.forget()
	c.moved.data, c.moved.schema = -1, -1 // the next transaction reads everything anew
	reshaped := c.rolledBackCatalog()
	if C.sqlite3_get_autocommit(c.db) == 0 { // SQLite may have rolled back itself, as it does when the disk is full
		if err := c.control("ROLLBACK"); err != nil {
			return err
		}
	}
	if !reshaped {
		return nil
	}
	if err := c.BeginRead(); err != nil { // for Schema and Class
		return err
	}
	return c.EndRead()
}

func (c *Conn) rollbackQuietly() {
	if C.sqlite3_get_autocommit(c.db) == 0 {
		_ = c.control("ROLLBACK") // the error that led here is the one that counts
	}
}

// arrive learns whether the snapshot just opened differs from the last one, and drops what was remembered if so. The results of plans stay
// where it can be learned how it differs.
func (c *Conn) arrive() error {
	data, err := c.controlInt("PRAGMA data_version")
	if err != nil || data == c.moved.data {
		return err
	}
	layout, err := c.controlInt("PRAGMA schema_version")
	if err != nil {
		return err
	}
	was := c.version
	c.stamp++
	c.version.known = false
	c.dataMoved()
	if layout != c.moved.schema || !was.known || !c.learned(was.value) {
		c.epoch++
		c.changes.forget()
		c.plans.forget()
	}
	if layout != c.moved.schema {
		if err := c.loadCatalog(); err != nil {
			return err
		}
	}
	c.moved.data, c.moved.schema = data, layout
	return nil
}

// Learn sets what tells the connection how the commits of others after one version and up to another have changed rows, so that it need not
// find all results anew; nil when it isn't known. f runs while a snapshot or a write transaction begins, and may use Trail, nothing else.
// Every commit that changes rows must move the version.
func (c *Conn) Learn(f func(after, upTo uint64) []*Changes) { c.learn = f }

// learned takes the changes of others since a version into the log, if that can be.
func (c *Conn) learned(since uint64) bool {
	if c.learn == nil || len(c.plans.results) == 0 {
		return false
	}
	now, err := c.Version()
	if err != nil || now <= since {
		return false
	}
	changes := c.learn(since, now)
	if changes == nil {
		return false
	}
	return c.changes.replay(changes)
}

type versionCache struct {
	known bool
	moved bool // by the open write transaction
	value uint64
}

// Version returns the version counter of the current snapshot or transaction; 0 in a new file.
func (c *Conn) Version() (uint64, error) {
	if c.version.known {
		return c.version.value, nil
	}
	if err := c.needRead("reading the version"); err != nil {
		return 0, err
	}
	v, err := c.controlInt("SELECT value FROM store_meta WHERE id=1")
	if err != nil {
		return 0, err
	}
	c.version = versionCache{known: true, value: uint64(v)}
	return uint64(v), nil
}

// SetVersion sets the version counter, in a write transaction.
func (c *Conn) SetVersion(v uint64) error {
	if err := c.needWrite("setting the version"); err != nil {
		return err
	}
	was, err := c.Version()
	if err != nil {
		return err
	}
	// The counts of objects stay right (counts.go), if they are.
	if err := c.Exec("UPDATE store_meta SET value=?1 WHERE id IN (1, 3) AND (id=1 OR value=?2)", v, was); err != nil {
		return err
	}
	c.version = versionCache{known: true, moved: true, value: v}
	return nil
}

// SchemaVersion returns the version that the application gave its schema; false when it never did.
func (c *Conn) SchemaVersion() (uint64, bool, error) {
	if err := c.needRead("reading the schema version"); err != nil {
		return 0, false, err
	}
	v, ok, err := c.queryInt("SELECT value FROM store_meta WHERE id=2")
	return uint64(v), ok, err
}

// SetSchemaVersion sets the version of the application's schema, in a write transaction.
func (c *Conn) SetSchemaVersion(v uint64) error {
	return c.Exec("INSERT OR REPLACE INTO store_meta VALUES(2, ?)", v)
}

func (c *Conn) needRead(what string) error {
	switch c.tx {
	case txBroken:
		return c.broken
	case txNone:
		return c.errorf(ErrTransaction, "%s needs a snapshot or a write transaction", what)
	}
	return nil
}

func (c *Conn) needWrite(what string) error {
	switch c.tx {
	case txWrite:
		return nil
	case txBroken:
		return c.broken
	default:
		return c.errorf(ErrTransaction, "%s needs a write transaction", what)
	}
}

// Close gives up an open transaction and closes the connection. Closing twice is allowed.
func (c *Conn) Close() error {
	if c.owner == nil {
		return nil
	}
	if c.InWrite() {
		_ = c.Rollback() // closing rolls back in any case
	}
	_ = c.EndRead() // as does this
	c.tx = txNone
	c.catalog.free()
	c.stmts.free()
	c.arena.free()
	c.state.arena.free()
	var err error
	if c.park() {
		for oldest := surplus(); oldest != nil; oldest = surplus() {
			closeParked("", oldest)
		}
	} else {
		err = c.owner.Close()
		c.crypt.close()
	}
	c.owner, c.db = nil, nil
	C.free(unsafe.Pointer(c.waiting.flag))
	if c.lock != nil {
		c.lock.dropConn(c)
		releaseFileLock(c.file)
		c.lock = nil
	}
	if err != nil {
		return &Error{Kind: ErrAccess, Path: c.path, Text: fmt.Sprintf("closing '%s' failed: %v", c.path, err)}
	}
	return nil
}
