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
// # Collections
//
// A Collection names a list, set or dictionary (store.Collection) and holds nothing of it; elements are read in batches of cells. Positions
// leave links out whose objects don't exist (hidden.go), which the store and instructions count. Embedded objects are objects like others,
// made in their place. What is recorded of a change has the path from the top-level object (address.go), looked up for each change, since
// others move it.
//
// # Results and notifications
//
// Results hold a query, not rows: the connection keeps what its plans found and follows its own changes (store.Plan), and those of others while
// there are observers, because then they are known (store.Conn.Learn). Observers are told
// when their instance advances, and only then: Refresh, BeginWrite, or the Scheduler by way of Process. What changed comes from the hub,
// which every commit in this process tells before its version can be seen (store.Watch), so that no observer sees a version whose
// changes aren't known. Commits of other processes leave a trail in the file (store.FollowTrail) while there are observers here; when the store
// tells that there are some (store.WatchOthers), it is read. Where it doesn't reach back to what an observer knows, objects are compared, and
// results take all their objects as modified. Of collections the store tells that they have changed, not how: their observers keep a number
// per element and compare (diff_elements.go). Results over a collection, and those of objects that link to one, have a source of rows
// (source.go) in place of a plan.
//
// # Threads
//
// A live instance is used by one thread; Open, Release and Close of different instances, and everything on a frozen
// instance, may happen on any. Callbacks (Scheduler, Config.Attach, observers) run without locks. Lock order: Realm.mu, sharedConn.mu,
// the registry of hubs, hub.mu; during a commit also the store's list of watchers before hub.mu.
package realm
