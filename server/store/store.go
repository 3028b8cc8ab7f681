package store

import (
	"context"
	"errors"
)

// ErrNotFound is returned by reads of one record that does not exist.
var ErrNotFound = errors.New("store: no such record")

// ErrNewer is returned by drivers when the data was written by a newer version of this program. Nothing was changed.
var ErrNewer = errors.New("store: the data was written by a newer version of realm-sync-server; run that version, nothing was changed")

// ErrForeign is returned by drivers when the data is not that of a sync server. Nothing was changed.
var ErrForeign = errors.New("store: this is not the data of a realm-sync-server; choose another data directory, nothing was changed")

// MaxTexts bounds what Reader.ScanHolding looks for at once: each takes as long as the first.
const MaxTexts = 8

// Reader reads one consistent state. It belongs to one goroutine. Byte slices that it returns are the caller's, except
// where a callback is given them: those hold until the callback returns.
type Reader interface {
	// Version returns the newest server version, 0 in a store without history.
	Version() (uint64, error)
	// Salts returns all salts, ascending by From.
	Salts() ([]Salt, error)
	// Classes returns the definitions of all classes, by id.
	Classes() ([]Class, error)
	// Entries calls f for each entry with from < version <= to, ascending. Images are nil unless asked for. f returns
	// false to stop.
	Entries(from, to uint64, images bool, f func(*Entry) (bool, error)) error
	// Entry returns one entry, or ErrNotFound.
	Entry(version uint64, images bool) (Entry, error)
	// Floor returns the version up to which the history may have been given up, 0 if none was: entries at or below it exist only
	// if they have flags, or are still to be reclaimed, and have no images that may be asked for. It is below Version.
	Floor() (uint64, error)
	// Reclaimable tells whether there is anything that Changes.Reclaim would remove.
	Reclaimable() (bool, error)
	// FlaggedVersions returns the versions with from < version <= to whose flags have one of the bits, ascending.
	FlaggedVersions(from, to uint64, bits uint32) ([]uint64, error)
	// OwnVersions returns the versions > from that the file made, ascending.
	OwnVersions(file, from uint64) ([]Own, error)
	// Objects calls f for each of the objects that exist or left a tombstone, in any order.
	Objects(refs []ObjectRef, f func(Object) error) error
	// Scan calls f for the live objects of a class, ordered by their encoded keys. f returns false to stop. The slices
	// hold until f returns.
	Scan(class uint32, f func(key, doc []byte) (bool, error)) error
	// ScanAfter is Scan of the objects whose encoded keys are greater than one.
	ScanAfter(class uint32, after string, f func(key, doc []byte) (bool, error)) error
	// ScanHolding is Scan of the objects whose documents contain one of some texts, at most MaxTexts and none of them empty, or begin with
	// another, unless that is empty.
	ScanHolding(class uint32, texts []string, beginning string, f func(key, doc []byte) (bool, error)) error
	// Pieces calls f for those of the pieces that exist, in any order.
	Pieces(ids []uint64, f func(Piece) error) error
	// PieceIDs returns the lowest ids above a number, ascending, at most limit of them.
	PieceIDs(above uint64, limit int) ([]uint64, error)
	// MaxPiece returns the highest piece id, 0 if there is none.
	MaxPiece() (uint64, error)
	// File returns one client file, or ErrNotFound.
	File(ident uint64) (File, error)
	// Files returns the client files with the lowest idents above a number, ascending, at most limit of them.
	Files(above uint64, limit int) ([]File, error)
	// MaxFile returns the highest file ident that was given out, 0 if none was.
	MaxFile() (uint64, error)
	// LastSeen returns the newest File.LastSeen, 0 if there is none.
	LastSeen() (uint64, error)
	// Views returns the views of a file, ascending by query version.
	Views(file uint64) ([]View, error)
	// Resets returns the resets of a file with version > from, ascending by version.
	Resets(file, from uint64) ([]Reset, error)
	// Reciprocals calls f for the reciprocals of a file with version > from, ascending.
	Reciprocals(file, from uint64, f func(version uint64, changeset []byte) error) error
}

// Snapshot is a Reader of the state at the time of its making. Close it soon: as long as it is open, a driver can't
// reclaim what was replaced since.
type Snapshot interface {
	Reader
	Close() error
}

// Tx is the writer's transaction. It reads the state before it.
type Tx interface {
	Reader
	// Commit writes the changes and makes them durable, or returns an error and changes nothing. Either way the
	// transaction is over.
	Commit(*Changes) error
	// Rollback ends the transaction without a change. It does nothing after Commit.
	Rollback() error
}

// Store is the memory of one app. Its methods may be called by several goroutines at once.
type Store interface {
	// Begin waits for the writer's place.
	Begin(ctx context.Context) (Tx, error)
	// Snapshot opens the newest state for reading.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Close waits for transactions and snapshots to end, then releases the store. Calls after it fail.
	Close() error
}

// Shrinker is a Store that has memory it can do without, at the price of reading more when it is used again.
type Shrinker interface {
	// Shrink gives the memory back. It waits for the transaction under way, and may be called at any time.
	Shrink(ctx context.Context) error
}
