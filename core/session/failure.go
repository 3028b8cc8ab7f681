package session

import (
	"cmp"
	"errors"
	"fmt"

	"realmsync/core/wire"
)

// ending is the kind of end that a connection came to, or that an attempt to connect did: what its backoff goes by (wire-protocol 10.2).
type ending int

// The endings.
const (
	endedByUs      ending = iota // nobody needed it any more: no delay
	endedForGood                 // the server said not to come back: no attempt until somebody asks for one
	endedTryLater                // the server said when to come back
	endedConnect                 // no connection
	endedTimeout                 // no connection in time
	endedTLS                     // no trust
	endedHTTPRetry               // the upgrade was refused for now
	endedHTTPFatal               // the upgrade was refused
	endedWebSocket               // the WebSocket protocol was violated
	endedLoss                    // read or write error
	endedPong                    // no answer to a ping
	endedViolation               // the sync protocol was violated
)

// Codes that stand for failures without a close frame (sync-semantics 1.8).
const (
	closeResolveFailed wire.CloseCode = 4400
	closeConnectFailed wire.CloseCode = 4401
	closeReadError     wire.CloseCode = 4402
	closeWriteError    wire.CloseCode = 4403
	closeRetry         wire.CloseCode = 4404
	closeRefused       wire.CloseCode = 4405
	closeTLS           wire.CloseCode = 1015
	closeAbnormal      wire.CloseCode = 1006
)

// fromClose says what a close code means (wire-protocol 1.7).
func fromClose(code wire.CloseCode, reason string) (ending, *Error) {
	e := &Error{Domain: DomainWebSocket, Code: int(code), Message: reason}
	set := func(end ending, name string, fatal bool, action wire.Action) (ending, *Error) {
		e.Name, e.Fatal, e.Action = name, fatal, action
		if e.Message == "" {
			e.Message = "the server closed the connection"
		}
		return end, e
	}
	switch code {
	case wire.CloseNormal, closeReadError, closeWriteError:
		return set(endedLoss, statusClosed, false, wire.Transient)
	case closeAbnormal:
		return set(endedHTTPRetry, statusClosed, false, wire.RefreshUser)
	case wire.CloseMessageTooBig:
		e.Message = fmt.Sprintf("a message was too large for the server (%s); a transaction is uploaded in one: write less in each", cmp.Or(reason, "it doesn't say how large one may be"))
		return set(endedWebSocket, statusLimit, false, wire.ClientReset)
	case wire.CloseInternalError, closeRetry:
		return set(endedHTTPRetry, statusClosed, false, wire.NoAction)
	case closeTLS:
		return set(endedTLS, statusTLS, false, wire.NoAction)
	case wire.CloseUnauthorized:
		return set(endedHTTPRetry, statusAuth, false, wire.RefreshUser)
	case wire.CloseForbidden:
		return set(endedHTTPFatal, statusAuth, true, wire.LogOutUser)
	case wire.CloseMoved:
		return set(endedHTTPRetry, statusClosed, false, wire.RefreshLocation)
	case wire.CloseClientTooOld, wire.CloseClientTooNew, wire.CloseVersionMismatch:
		return set(endedHTTPFatal, statusNegotiation, true, wire.NoAction)
	default:
		return set(endedWebSocket, statusInvariant, false, wire.NoAction)
	}
}

// CloseOf returns the close code that a failed Dial or Read of the built-in WebSockets stands for, and why, without the token.
func CloseOf(err error) (code wire.CloseCode, reason string) {
	var d *DialError
	var c *CloseError
	switch {
	case errors.As(err, &c):
		return c.Code, c.Reason
	case !errors.As(err, &d):
		return closeReadError, err.Error()
	case d.Kind == FailedResolve:
		return closeResolveFailed, d.Reason
	case d.Kind == FailedConnect:
		return closeConnectFailed, d.Reason
	}
	_, e := fromDial(d, true)
	return wire.CloseCode(e.Code), d.Reason
}

// fromRead says what a failed Socket.Read means.
func fromRead(err error) (ending, *Error) {
	var c *CloseError
	if errors.As(err, &c) {
		return fromClose(c.Code, c.Reason)
	}
	return fromClose(closeReadError, "the connection was lost: "+err.Error())
}

// fromDial says what a failed Dialer.Dial means (wire-protocol 1.5). verified: a server has confirmed the route.
func fromDial(err error, verified bool) (ending, *Error) {
	if c := new(CloseError); errors.As(err, &c) {
		return fromClose(c.Code, c.Reason)
	}
	var d *DialError
	if !errors.As(err, &d) {
		d = &DialError{Kind: FailedConnect, Reason: err.Error()}
	}
	// Where the route was only guessed, the server may be elsewhere: ask.
	elsewhere := wire.NoAction
	if !verified {
		elsewhere = wire.RefreshLocation
	}
	switch d.Kind {
	case FailedTLS:
		return fromClose(closeTLS, d.Reason+": does the server speak TLS at this address, with a certificate that this machine trusts?")
	case FailedNegotiation:
		return fromClose(wire.CloseVersionMismatch, d.Reason)
	case FailedUpgrade:
		return fromStatus(d, verified, elsewhere)
	default:
		code := closeConnectFailed
		if d.Kind == FailedResolve {
			code = closeResolveFailed
		}
		return endedConnect, &Error{Domain: DomainWebSocket, Code: int(code), Name: statusConnectFailed, Action: elsewhere, Err: err,
			Message: "failed to connect to sync: " + d.Reason + ": is the server running, and is this its address?"}
	}
}

// fromStatus says what an HTTP status other than 101 means.
func fromStatus(d *DialError, verified bool, elsewhere wire.Action) (ending, *Error) {
	switch s := d.Status; {
	case s == 301 || s == 308:
		return fromClose(wire.CloseMoved, d.Reason)
	case s == 401:
		return fromClose(wire.CloseUnauthorized, d.Reason)
	case s == 403:
		return fromClose(wire.CloseForbidden, d.Reason)
	case s >= 500 && s <= 599:
		return fromClose(wire.CloseInternalError, d.Reason)
	case s >= 300 && s <= 399:
		return fromClose(closeRetry, d.Reason)
	}
	if code, ok := wire.Mismatch(d.Body); ok {
		return fromClose(code, d.Reason)
	}
	return endedHTTPFatal, &Error{Domain: DomainWebSocket, Code: int(closeRefused), Name: statusConnectFailed, Fatal: verified, Action: elsewhere,
		Message: d.Reason + ": is this a sync server, and is the app id right?"}
}

// fromServer turns an error of the server into ours.
func fromServer(code wire.ErrorCode, text, log string, tryAgain bool, action wire.Action) *Error {
	e := &Error{Domain: DomainSync, Code: int(code), Name: statusOf(code), Message: text, LogURL: log, Fatal: !tryAgain, Action: action}
	if !code.Known() {
		e.Message = unknownCodeText(code) + text
	}
	return e
}

// violation is what a server did against the protocol.
func violation(cause error) *Error {
	e := ownError(statusInvariant, cause.Error(), wire.ProtocolViolation)
	e.Fatal, e.Err = true, cause
	return e
}

// integrationName is the status by which a failed integration is reported (wire-protocol 3.7).
func integrationName(code wire.ErrorCode) string {
	switch code {
	case wire.CodeBadChangeset:
		return statusBadChangeset
	case wire.CodeBadProgress:
		return statusInvariant
	case wire.CodeBadChangesetSize:
		return statusLimit
	default:
		return statusRuntime
	}
}
