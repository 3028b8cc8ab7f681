package realm

/*
#include "object.h"
*/
import "C"

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/store"
)

// Realm is one instance of a realm file: live, bound to a thread, or frozen, usable on all.
//
// It is referred to by handles (Retain, Release) and by objects in C memory; the last reference closes it.
type Realm struct {
	id        uint64
	path      string
	file      string // canonical path
	hub       *hub
	config    Config
	clock     func() time.Time
	threadID  func() int
	scheduler Scheduler
	logger    *slog.Logger
	thread    int // the thread of a live instance without scheduler
	frozen    bool
	observing atomic.Bool

	// mu guards everything below. A live instance is used by one thread, so it is uncontended there; a frozen one is shared.
	mu        sync.Mutex
	conn      *store.Conn
	shared    *sharedConn // when the connection also serves a frozen instance
	c         *C.rlm_instance
	handles   int
	kept      bool // handles or tokens hold a reference of c
	closed    bool
	version   uint64
	seen      uint64 // the connection's stamp that c.stamp stands for
	drifted   bool   // the snapshot was given up (Invalidate): the next use moves to the newest version
	recorder  recorder
	observers observers
	queries   queryCache
	begun     uint64 // the connection's stamp when the write transaction began
	// delivering: callbacks are running, or about to.
	delivering bool
	mutableSet int    // thread that has a MutableSet of this instance open, 0: none
	detach     func() // what Config.Attach returned
	detaching  func() // detach of an instance that has closed, to be called when mu is free
}

// sharedConn is a connection whose snapshot several instances read: frozen ones, and the live one they were made from until
// it moves on.
type sharedConn struct {
	mu   sync.Mutex
	refs int
}

var instances = struct {
	sync.Mutex
	next uint64
	byID map[uint64]*Realm
}{byID: map[uint64]*Realm{}}

// register gives the instance its number and its part in C memory.
func (r *Realm) register() {
	instances.Lock()
	defer instances.Unlock()
	instances.next++
	r.id = instances.next
	r.c = C.rlm_instance_new(C.uint64_t(r.id))
	if r.c == nil {
		panic("realm: out of memory") // as cgo does
	}
	r.keep() // of the first handle
	instances.byID[r.id] = r
}

// Process delivers notifications to the instance with that number, if it is open: what a Scheduler's Wake leads to.
func Process(instance uint64) error {
	instances.Lock()
	r := instances.byID[instance]
	instances.Unlock()
	if r == nil || !r.retainIfOpen() {
		return nil
	}
	defer r.Release()
	if r.InWrite() {
		return nil
	}
	_, err := r.Refresh()
	return err
}

//export realmInstanceUnused
func realmInstanceUnused(id C.uint64_t) {
	instances.Lock()
	r := instances.byID[uint64(id)]
	instances.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.unlockAndDetach()
	r.closeIfUnused()
}

// LiveInstances counts the instances that are referred to by a handle, an object, results or a token.
func LiveInstances() int {
	instances.Lock()
	defer instances.Unlock()
	return len(instances.byID)
}

// ID is the number of the instance, by which Scheduler.Wake and Process know it.
func (r *Realm) ID() uint64 { return r.id }

// Path returns the path that the instance was opened with.
func (r *Realm) Path() string { return r.path }

// File returns the canonical path of the file.
func (r *Realm) File() string { return r.file }

// EncryptionKey returns the key of the file, nil when it isn't encrypted.
func (r *Realm) EncryptionKey() *store.Key { return r.config.Key }

// Frozen tells whether the instance is frozen.
func (r *Realm) Frozen() bool { return r.frozen }

// Synced tells whether the instance records changes for upload.
func (r *Realm) Synced() bool { return r.config.Synced }

// ForcedHistory tells whether the instance records changes although it has no user, and so no session.
func (r *Realm) ForcedHistory() bool { return r.config.ForcedHistory }

// Stamp returns the address of the number that moves whenever the visible data may have changed. It is C memory that lives as long
// as a handle or an object does.
func (r *Realm) Stamp() unsafe.Pointer { return unsafe.Pointer(&r.c.stamp) }

// Retain adds a handle.
func (r *Realm) Retain() *Realm {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handles++
	r.keep()
	return r
}

func (r *Realm) retainIfOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.handles++
	r.keep()
	return true
}

// Release gives up a handle. The instance closes with the last handle, object and token. Any thread.
func (r *Realm) Release() {
	r.mu.Lock()
	defer r.unlockAndDetach()
	r.handles--
	r.closeIfUnused()
}

// keep makes the Go side hold a second reference of the instance in C memory while there are handles or tokens, so that the last object
// to go enters Go only when nothing else is left. r.mu is held.
func (r *Realm) keep() {
	if want := r.handles > 0 || r.observers.len() > 0; r.c == nil || want == r.kept {
		return
	}
	if r.kept = !r.kept; r.kept {
		C.rlm_instance_retain(r.c)
	} else {
		C.rlm_instance_release(r.c) // the first reference is still there
	}
}

// closeIfUnused closes when nothing refers to the instance. r.mu is held.
func (r *Realm) closeIfUnused() {
	r.keep()
	if r.c == nil || r.kept || C.rlm_instance_refs(r.c) > 1 {
		return
	}
	if err := r.close(); err != nil { // nobody is left to be told
		r.logger.Warn("closing a realm failed", "path", r.path, "error", err)
	}
	instances.Lock()
	delete(instances.byID, r.id)
	instances.Unlock()
	C.rlm_instance_release(r.c)
	r.c = nil
}

// Close closes the instance for all its handles and objects. Closing twice is allowed. Errors: ErrWrongThread.
func (r *Realm) Close() error {
	r.mu.Lock()
	defer r.unlockAndDetach()
	if r.closed {
		return nil
	}
	if err := r.checkThread(); err != nil {
		return err
	}
	err := r.close()
	r.closeIfUnused()
	return err
}

// close gives up the connection. r.mu is held.
func (r *Realm) close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.detaching, r.detach = r.detach, nil
	r.c.closed = 1
	r.c.stamp++
	r.dropTokens()
	if r.hub != nil {
		r.hub.leave(r)
	}
	return r.releaseConn()
}

func (r *Realm) releaseConn() error {
	conn, shared := r.conn, r.shared
	r.conn, r.shared = nil, nil
	if shared != nil {
		shared.mu.Lock()
		shared.refs--
		last := shared.refs == 0
		shared.mu.Unlock()
		if !last {
			return nil
		}
	}
	if conn == nil {
		return nil
	}
	return conn.Close()
}

// IsClosed tells whether the instance has been closed.
func (r *Realm) IsClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *Realm) onThread() bool {
	switch {
	case r.frozen:
		return true
	case r.scheduler != nil:
		return r.scheduler.OnThread()
	default:
		return r.threadID() == r.thread
	}
}

func (r *Realm) checkThread() error {
	if !r.onThread() {
		return ErrWrongThread
	}
	return nil
}

// enter is how every call begins: it takes the lock, and the connection's when that is shared. The caller calls leave.
func (r *Realm) enter() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return ErrClosed
	}
	if r.shared != nil {
		r.shared.mu.Lock()
	}
	if r.drifted {
		if err := r.arrive(); err != nil {
			r.leave()
			return err
		}
	}
	return nil
}

func (r *Realm) leave() {
	if r.shared != nil {
		r.shared.mu.Unlock()
	}
	r.mu.Unlock()
}

// enterOnThread is enter for calls that belong to the thread of a live instance.
func (r *Realm) enterOnThread() error {
	if err := r.checkThread(); err != nil {
		if r.IsClosed() {
			return ErrClosed
		}
		return err
	}
	return r.enter()
}

// arrive opens the newest snapshot after the old one was given up.
func (r *Realm) arrive() error {
	if err := r.conn.BeginRead(); err != nil {
		return err
	}
	r.drifted = false
	return r.arrived()
}

// arrived notes what the connection sees now.
func (r *Realm) arrived() error {
	version, err := r.conn.Version()
	if err != nil {
		return err
	}
	r.version = version
	r.moved()
	return nil
}

// moved moves the stamp if the connection's has moved. It is a count of its own, because an instance changes connections.
func (r *Realm) moved() {
	if stamp := r.conn.Stamp(); stamp != r.seen {
		r.seen = stamp
		r.c.stamp++
	}
}

// Version returns the version of the snapshot; 0 when the instance is closed.
func (r *Realm) Version() uint64 {
	if r.enter() != nil {
		return 0
	}
	defer r.leave()
	return r.version
}

// Schema returns the schema of the snapshot, nil when the instance is closed.
func (r *Realm) Schema() *schema.Schema {
	if r.enter() != nil {
		return nil
	}
	defer r.leave()
	return r.conn.Schema()
}

// InWrite tells whether a write transaction is open.
func (r *Realm) InWrite() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.closed && r.conn.InWrite()
}

// Class returns the class of that name.
func (r *Realm) Class(name string) (*store.Class, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	cl := r.conn.Class(name)
	if cl == nil {
		return nil, errorf(store.ErrSchema, "'%s' is not a class of the realm '%s'", name, r.path)
	}
	return cl, nil
}

// ClassByID returns the class with that number.
func (r *Realm) ClassByID(id uint32) (*store.Class, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.classByID(id)
}

func (r *Realm) classByID(id uint32) (*store.Class, error) {
	cl := r.conn.ClassByID(id)
	if cl == nil {
		return nil, errorf(store.ErrSchema, "the realm '%s' has no class number %d", r.path, id)
	}
	return cl, nil
}

// Classes returns all classes by name.
func (r *Realm) Classes() ([]*store.Class, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.conn.Classes(), nil
}

// IsSame tells whether both are one instance.
func IsSame(a, b *Realm) bool { return a == b }
