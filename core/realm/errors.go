package realm

import (
	"errors"
	"fmt"
)

// Kinds of failure, for errors.Is, beside those of core/store, core/rql and core/schema, which are passed on. The texts are the
// original's where programs may know them (cpp-surface-types.md section 15).
var (
	// ErrClosed: the instance has been closed.
	ErrClosed = errors.New("Cannot access realm that has been closed.") //nolint:staticcheck,revive // the text is API
	// ErrWrongThread: a live instance on another thread than its own.
	ErrWrongThread = errors.New("Realm accessed from incorrect thread.") //nolint:staticcheck,revive // the text is API
	// ErrNotInTransaction: a change outside of a write transaction.
	ErrNotInTransaction = errors.New("Trying to modify database while in read transaction") //nolint:staticcheck,revive // the text is API
	// ErrInTransaction: a call that a write transaction forbids.
	ErrInTransaction = errors.New("The Realm is already in a write transaction") //nolint:staticcheck,revive // the text is API
	// ErrNoTransaction: ending a write transaction that was not begun.
	ErrNoTransaction = errors.New("Can't commit a non-existing write transaction") //nolint:staticcheck,revive // the text is API
	// ErrFrozenWrite: a write transaction on a frozen instance.
	ErrFrozenWrite = errors.New("Can't perform transactions on a frozen Realm") //nolint:staticcheck,revive // the text is API
	// ErrFrozenObserve: a notification of something frozen.
	ErrFrozenObserve = errors.New("Notifications are not available on frozen collections since they do not change.") //nolint:staticcheck,revive // the text is API
	// ErrObserveAfterChange: a registration after changes in the same write transaction.
	ErrObserveAfterChange = errors.New("Cannot create asynchronous query after making changes in a write transaction.") //nolint:staticcheck,revive // the text is API
	// ErrInvalidHandle: the object was released, or never was one.
	ErrInvalidHandle = errors.New("this is not a live object handle: it was released")
	// ErrSchemaMismatch: the file's schema and the program's don't fit.
	ErrSchemaMismatch = errors.New("schema mismatch")
	// ErrMismatchedConfig: the file is open in this process with another configuration.
	ErrMismatchedConfig = errors.New("mismatched configuration")
	// ErrNotSynced: a sync call on a realm that isn't synced.
	ErrNotSynced = errors.New("Flexible sync is not enabled") //nolint:staticcheck,revive // the text is API
	// ErrNoSubscription: creating an object that no subscription covers (NoSubscriptionForWrite, 1026).
	ErrNoSubscription = errors.New("no subscription for write")
	// ErrNull: arithmetic on null.
	ErrNull = errors.New("Cannot perform arithmetic on null value.") //nolint:staticcheck,revive // the text is API
)

// kindError has its own text and wraps a kind.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

func errorf(kind error, format string, args ...any) error {
	return &kindError{kind, fmt.Sprintf(format, args...)}
}
