package realm

import (
	"log/slog"
	"time"

	"realmsync/core/schema"
	"realmsync/core/store"
)

// SchemaMode says what Open does when the file's schema differs from the program's (cpp-surface.md section 2).
type SchemaMode int

// The schema modes; the numbers are those of the API.
const (
	Automatic          SchemaMode = 0 // new classes are added; new properties need a higher schema version; else an error
	Immutable          SchemaMode = 1 // nothing may differ
	ReadOnlyMode       SchemaMode = 2 // nothing may differ, nothing may be written
	SoftResetFile      SchemaMode = 3 // a difference deletes the file
	HardResetFile      SchemaMode = 4 // as SoftResetFile
	AdditiveDiscovered SchemaMode = 5 // new classes and properties are added
	AdditiveExplicit   SchemaMode = 6 // as AdditiveDiscovered; unreachable embedded classes are refused
	Manual             SchemaMode = 7 // as Immutable
)

// Scheduler ties a live instance to a thread's event loop.
type Scheduler interface {
	// Wake asks that Realm.Process is called for the instance with this number on the scheduler's thread. Any goroutine; must not block.
	Wake(instance uint64)
	// OnThread tells whether the caller is on the scheduler's thread.
	OnThread() bool
}

// Config says which file to open, and how.
type Config struct {
	Path          string
	Schema        *schema.Schema // nil: whatever the file holds
	SchemaVersion uint64
	SchemaMode    SchemaMode
	// Key encrypts the file; nil: it isn't encrypted. Every opener needs the key that the file was made with.
	Key *store.Key
	// Synced makes the file record its changes for upload.
	Synced bool
	// UserID is the user whose data a synced file holds; opening one file for two users at once is refused.
	UserID string
	// ForcedHistory allows, in a file that is Synced without a user, new objects of classes that no subscription covers: the server will take
	// back what it doesn't want.
	ForcedHistory bool
	// Scheduler, when there is one, delivers notifications; without one Refresh and BeginWrite do.
	Scheduler Scheduler
	// ShouldCompact is asked when no other instance of the file is open in this process: file size and bytes in use.
	ShouldCompact func(total, used uint64) bool
	// Clock gives the time of commits; nil is time.Now.
	Clock func() time.Time
	// ThreadID identifies the calling thread; nil is the operating system's. Tests that move between threads set it.
	ThreadID func() int
	// Logger receives what no caller can be told; nil: nobody.
	Logger *slog.Logger
	// Attach is called for each new instance, live or frozen, once it is open, on the thread that opens it; its error fails the open.
	// What it returns (may be nil) is called once when that instance has closed. Neither runs under a lock.
	Attach func(r *Realm) (detach func(), err error)
}
