package client

import "errors"

// Kinds of failure, for errors.Is, beside those of the packages below.
var (
	// ErrSessionGone: every realm of the session's file has been closed. Its text is API.
	ErrSessionGone = errors.New("Realm: Error accessing sync_session which has been destroyed.") //nolint:staticcheck,revive // the text is API
	// ErrTimeout: a wait did not end in time. What was waited for goes on.
	ErrTimeout = errors.New("the time to wait has passed")
	// ErrClosed: the Client has been closed.
	ErrClosed = errors.New("the sync client has been closed")
	// ErrIllegalCombination: settings of a configuration that exclude each other.
	ErrIllegalCombination = errors.New("settings that exclude each other")
	// ErrUnchangeable: a change of a subscription set that isn't a mutable copy.
	ErrUnchangeable = errors.New("the subscription set cannot be changed: make a mutable copy of it")
	// ErrUncommitted: a wait for a subscription set that isn't committed.
	ErrUncommitted = errors.New("the subscription set has not been committed")
)
