package session

import (
	"errors"
	"fmt"

	"realmsync/core/wire"
)

// Domain says whose number Error.Code is.
type Domain uint8

// The domains of error codes.
const (
	DomainLibrary   Domain = iota // one of this library's: Code is a status of sync-semantics 6.5
	DomainSync                    // the server's, in the sync protocol: Code is a wire.ErrorCode
	DomainWebSocket               // the connection's: Code is a close code, or one of 4400 to 4405 that stand for failures to connect
	DomainApp                     // App Services: Code is a status of sync-semantics 6.5
)

// String names the domain.
func (d Domain) String() string {
	switch d {
	case DomainLibrary:
		return "library"
	case DomainSync:
		return "sync"
	case DomainWebSocket:
		return "websocket"
	case DomainApp:
		return "app"
	default:
		return fmt.Sprintf("domain %d", uint8(d))
	}
}

// Error is what went wrong with a session, or made a wait fail.
type Error struct {
	Domain Domain
	Code   int    // in the domain
	Name   string // of the status, such as "SyncCompensatingWrite"; Status has its number
	// Message is the server's text, or one that says what happened. LogURL leads to the server's log, "" if it gave none.
	Message string
	LogURL  string

	Fatal                bool // the server, or the protocol, says that trying again is useless
	Action               wire.Action
	ClientResetRequested bool
	// For ClientResetRequested and DeleteRealm: the realm file, and where Config.ScheduleReset said that its copy will be.
	OriginalPath, RecoveryPath string
	CompensatingWrites         []CompensatingWrite

	Err error // the cause, or nil
}

// CompensatingWrite is a change of this client that the server has taken back.
type CompensatingWrite struct {
	Class      string
	PrimaryKey []byte // changeset.md section 2.12: a type code and a value
	Reason     string
}

// ownError is an error that this library gives by itself.
func ownError(name, message string, action wire.Action) *Error {
	return &Error{Domain: DomainLibrary, Code: statusNumber(name), Name: name, Message: message, Action: action}
}

// Error names the status and the reason.
func (e *Error) Error() string { return e.Name + ": " + e.Reason() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason is the message with the address of the server's log, as the original words it.
func (e *Error) Reason() string {
	if e.LogURL == "" {
		return e.Message
	}
	return e.Message + " Logs: " + e.LogURL
}

// Status is the number of Name (sync-semantics 6.5).
func (e *Error) Status() int { return statusNumber(e.Name) }

// Unrecognized tells that the error came without an action for the client.
func (e *Error) Unrecognized() bool { return e.Action == wire.NoAction }

// ErrAborted is what waits fail with when their session stops without an error: it was paused, its user logged out, its last reference
// was released.
var ErrAborted error = ownError(statusAborted, "Sync session became inactive", wire.NoAction)

// ErrEnded is what waits fail with that are asked of, or stored in, a session that is gone.
var ErrEnded error = ownError(statusBrokenPromise, "the sync session has been destroyed", wire.NoAction)

func unknownCodeText(code wire.ErrorCode) string {
	return fmt.Sprintf("Unknown sync protocol error code %d: ", int32(code))
}

func isIntegration(err error) bool {
	var e *IntegrationError
	return errors.As(err, &e)
}
