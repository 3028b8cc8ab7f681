package session

import (
	"errors"

	"realmsync/core/wire"
)

// File is the sync side of a realm file as a session needs it. core/realm/history implements it; so does the fake of this
// package's tests. Every change is durable when the method returns, in one transaction with what belongs to it.
//
// One goroutine at a time calls the methods, but for Notify, Interrupt and Close, which any may call.
type File interface {
	// Path is the canonical path of the file.
	Path() string
	// Status returns what the protocol session starts from.
	Status() (Status, error)
	// SetIdent stores the ident that the server gave the file (IDENT).
	SetIdent(ident uint64, salt int64) error

	// Version returns the newest local version.
	Version() (uint64, error)
	// NewestChangeset returns the version of the newest local changeset that is not empty and not acknowledged: what an upload wait
	// waits for. 0 if there is none.
	NewestChangeset() (uint64, error)
	// NextUpload returns the changesets to send after the cursor, up to local version end, as many as fit into one message, and
	// the cursor for the header and for the next call (merge.UploadScan).
	NextUpload(cursor wire.UploadCursor, end uint64) (entries []wire.UploadEntry, next wire.UploadCursor, err error)

	// Integrate takes in a DOWNLOAD in steady state: merges it with the changes that are not acknowledged, applies it, and stores the
	// progress. Errors: *IntegrationError; others are the file's (disk full, ...), after which nothing has changed and the same
	// message may be tried again.
	Integrate(d *wire.Download) error
	// AddBootstrap stores a DOWNLOAD of a bootstrap (MoreToCome, LastInBatch) without applying it; a stored one of another query
	// version is dropped. The set of the version becomes Bootstrapping if it is Pending. It returns the states that changed.
	// Errors: as Integrate; a query version below the active one, in Error or never committed is an *IntegrationError.
	AddBootstrap(d *wire.Download) error
	// ApplyBootstrap applies the stored bootstrap if it is whole, and drops it if it is not: what a session does before it contacts the
	// server, and after LastInBatch. applied tells whether there was one. Version 0 becomes Complete, another new version
	// AwaitingMark, the active one stays as it is. Errors: as Integrate; then the stored bootstrap is dropped.
	ApplyBootstrap() (applied bool, err error)

	// NextQuery returns the lowest subscription set above the version that the server has not completed (Pending or Bootstrapping).
	NextQuery(above int64) (q Query, ok bool, err error)
	// Marked makes the sets in AwaitingMark up to the query version Complete, and drops those below a complete one.
	Marked(queryVersion int64) error
	// FailSet puts a set into Error with the server's text. A set that is gone or Complete is left alone and false is returned.
	FailSet(version int64, text string) (bool, error)
	// SetState returns the state of a subscription set, and in state Error the server's text. Versions that a later set has replaced are
	// Superseded; one never committed is ErrNoSuchSet.
	SetState(version int64) (state SetState, text string, err error)

	Resettable
	// Peers returns the sessions of the file in other processes, always the same; nil if these don't count.
	Peers() Peers
	// Interrupt ends waits for others who write to the file. What has not begun to write then fails, now and later: Close comes next.
	Interrupt()
	// Notify has f called after every commit to the file in this process, by whomever, until cancel. f must not block nor call the File.
	Notify(f func()) (cancel func())
	// Close releases the file.
	Close() error
}

// Status is what a file knows of its synchronization.
type Status struct {
	Ident     uint64 // 0: the server has not given one yet
	Salt      int64
	Progress  wire.Progress
	Version   uint64 // newest local version
	ActiveSet int64  // version of the active subscription set
	Active    []byte // its body (wire.AppendQueryBody)
	Reset     bool   // the file was reset, and File.ResetConfirmed has not been called since
}

// Query is a subscription set to be announced.
type Query struct {
	Version  int64
	Snapshot uint64 // changes up to this local version go before it, later ones after it
	Body     []byte
}

// SetState is the state of a subscription set (sync-semantics.md 2.1). The numbers are stored, and are those of the API.
type SetState uint8

// The states of a subscription set.
const (
	Uncommitted   SetState = 0
	Pending       SetState = 1
	Bootstrapping SetState = 2
	Complete      SetState = 3
	Failed        SetState = 4 // "Error" in the specification
	Superseded    SetState = 5 // never stored
	AwaitingMark  SetState = 6
)

// ErrNoSuchSet is returned for versions of subscription sets that were never committed. Its text is API.
var ErrNoSuchSet = errors.New("no subscription set has this version")

// IntegrationError says that a DOWNLOAD can't be integrated (sync-semantics.md 3.5). Violation: its cursors break the protocol, which ends
// the connection; otherwise the session reports Code to the server.
type IntegrationError struct {
	Code      wire.ErrorCode
	Violation bool
	Text      string
}

// Error implements error.
func (e *IntegrationError) Error() string { return e.Text }
