package session

import (
	"context"
	"time"

	"realmsync/core/merge"
)

// Config describes the session of a file to Manager.Open.
type Config struct {
	Path string // canonical: it identifies the session
	// Open opens the file. It is called once, on the goroutine of Manager.Open, when there is no session of the path; the session
	// closes the file when it ends.
	Open          func() (File, error)
	User          User
	StopPolicy    StopPolicy
	SchemaVersion uint64 // the application's, 0 if it has none
	// MergeRules are those that the File merges by. The server is told others than those of the original, which says nothing of rules.
	MergeRules merge.Rules

	// Dialer opens the connection; nil is Options.Dialer. Sessions that share a connection, those of one user and route, use the Dialer of one
	// of them.
	Dialer Dialer

	// Reset returns what becomes of the file when the server wants it reset, at that moment. nil, also as the result: the same as ResetManual.
	Reset func() Reset

	// OnError is called for every error that the application is to know of (sync-semantics 6), on the callback goroutine. It may be nil,
	// and replaced with Session.SetErrorHandler.
	OnError func(*Session, *Error)
	// ScheduleReset is called before the error handler when the server wants the file gone: the file is to be deleted when nobody has it
	// open, at the next start of the application; if backup is set, a copy is to be kept. It returns where that will be. nil: the application
	// does it by itself, Error.RecoveryPath stays empty.
	ScheduleReset func(path string, backup bool) (recoveryPath string, err error)

	// downloaded makes it the session of the fresh copy for a client reset: it says so to the server, and uploads nothing. It is called once, with
	// what set 1 has come to, on the callback goroutine or by who has stopped the session, also before Open returns.
	downloaded func(SetState, error)
}

// User is whose data is synced. Any goroutine may call it; except for Refresh nothing waits for the network. Its methods must not call a
// Session.
type User interface {
	// ID tells users apart.
	ID() string
	// LoggedIn tells whether the user has tokens.
	LoggedIn() bool
	// Removed tells whether the user is gone for good.
	Removed() bool
	// Route returns the WebSocket URL of the app's sync endpoint, without token, and whether a server has confirmed it.
	Route() (url string, verified bool)
	// ConfirmRoute says that a WebSocket was opened there.
	ConfirmRoute(url string)
	// AccessToken returns the present access token, "" without one.
	AccessToken() string
	// TokenExpired tells whether the access token expired more than 5 seconds ago.
	TokenExpired(now time.Time) bool
	// Refresh gets a new access token; with location also where the server is, first.
	Refresh(ctx context.Context, location bool) error
	// Fatal tells whether an error of Refresh ends the login (sync-semantics 1.7).
	Fatal(err error) bool
	// LogOut logs the user out here, without a request: the server has ended the login.
	LogOut(cause error)
	// Observe has f called after the state or the access token of the user has changed, on whatever goroutine, one call at a time.
	Observe(f func()) (stop func())
}
