package session

import (
	"realmsync/core/wire"
)

// ResetMode says what becomes of a file when the server wants it reset (sync-semantics 7.1). The numbers are API.
type ResetMode uint8

// The modes of a client reset.
const (
	ResetManual           ResetMode = 0 // the error handler is told; the file is backed up and deleted at the next start
	ResetDiscard          ResetMode = 1 // what the server has replaces the local state
	ResetRecover          ResetMode = 2 // the same, and on top of it what was not uploaded
	ResetRecoverOrDiscard ResetMode = 3 // ResetRecover where it is possible and allowed
)

// String names the mode as the original does.
func (m ResetMode) String() string {
	switch m {
	case ResetDiscard:
		return "DiscardLocal"
	case ResetRecover:
		return "Recover"
	case ResetRecoverOrDiscard:
		return "RecoverOrDiscard"
	default:
		return "Manual"
	}
}

// ResetOrder is what File.Reset is to do, and why.
type ResetOrder struct {
	Mode   ResetMode   // not ResetManual
	Action wire.Action // of the error: wire.ClientReset or wire.ClientResetNoRecovery
	Code   int         // of the error
	Text   string      // of the error
	Again  bool        // the same attempt once more: the disk was full, for example
}

// Resettable is the part of File that a client reset needs (sync-semantics 7.3 and 7.4).
type Resettable interface {
	// FreshCopy makes the file "<path>.fresh", encrypted as this one, in place of a former one. It has no ident yet, and its subscription set 1 is this
	// file's active one: a session of its own downloads into it what the server has. The caller closes it.
	FreshCopy() (File, error)
	// DropFresh deletes that file, which must be closed; without one it does nothing. Any goroutine may call it.
	DropFresh() error
	// Reset makes this file what the fresh copy is, which has been closed, with its ident and progress, in one transaction; in the modes that
	// recover, with the changes on top that were not acknowledged, which are to be uploaded again. It notes the reset, so that the next one knows of it
	// until ResetConfirmed, and deletes the copy. recovered tells whether changes were recovered. Errors: *ResetError, after which nothing has
	// changed but that note; others are the file's, and the same order, Again, may succeed.
	Reset(o ResetOrder) (recovered bool, err error)
	// ResetConfirmed says that the file and the server have told each other everything since the reset (Status.Reset).
	ResetConfirmed() error
}

// ResetError says why a file can't be reset automatically. Its text is told to the application.
type ResetError struct{ Text string }

// Error implements error.
func (e *ResetError) Error() string { return e.Text }

// NoRecoveryText is why a reset that was to recover fails when the server permits none. Its text is API.
const NoRecoveryText = "A client reset is required but the server does not permit recovery for this client"
