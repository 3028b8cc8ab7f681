// Package realm owns realms as an application sees them: instances that belong to a thread, their snapshots and write
// transactions, live objects and results, notifications, and what a local write records for sync.
//
// An instance (Realm) has one connection with an open snapshot (core/store). Instances of one file in one process share a
// hub, which knows their versions and what each commit changed. The sync side of a file is in the package history below this
// one; a session never goes through an instance.
//
// # Objects in C memory
//
// Reading a property of a live object must not enter Go, so objects are C structs (object.h) whose first part is
// realm_object_t of include/realm_sync.h: a row of cells, and the stamp at which it was read. Each instance has a stamp in C
// memory that moves whenever the visible data may have changed; while both agree, the caller reads the cells by itself.
//
// # Threads
//
// A live instance is used by one thread; Open, Release and Close of different instances, and everything on a frozen
// instance, may happen on any. Lock order: Realm.mu, hub.mu, registry.
package realm
