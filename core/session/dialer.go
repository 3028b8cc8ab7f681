package session

import (
	"context"
	"fmt"

	"realmsync/core/wire"
)

// Dialer opens WebSockets.
type Dialer interface {
	// Dial opens a WebSocket and agrees on the sub-protocol (wire.OfferedSubprotocols, wire.AcceptSubprotocol). The URL contains a token:
	// it must not get into a log or an error text. The socket lives until ctx ends: a Dial that is under way, and Read and Write, then
	// return an error soon.
	//
	// Errors: *DialError; *CloseError when all that is known is a close code; any other is taken for a DialError of kind Connect.
	Dial(ctx context.Context, url string) (Socket, error)
}

// Socket is an open WebSocket. One goroutine calls Read, one Write.
type Socket interface {
	// Read returns the next binary message. The bytes belong to the caller. Errors: *CloseError if the server said why; any other is a
	// lost connection.
	Read() ([]byte, error)
	// Write sends one binary message and doesn't keep it.
	Write(msg []byte) error
}

// DialErrorKind is how far an attempt to connect came.
type DialErrorKind uint8

// The kinds of DialError.
const (
	FailedConnect     DialErrorKind = iota // no TCP connection
	FailedResolve                          // no address for the host
	FailedTLS                              // no trust
	FailedUpgrade                          // the server answered with another HTTP status than 101, or not with HTTP
	FailedNegotiation                      // the server chose no sub-protocol, or one that was not offered
)

// DialError is a WebSocket that could not be opened.
type DialError struct {
	Kind   DialErrorKind
	Status int    // FailedUpgrade: the HTTP status, 0 if there was none
	Body   []byte // FailedUpgrade: the beginning of the answer's body
	Reason string // without the token
}

// Error returns the reason.
func (e *DialError) Error() string { return e.Reason }

// CloseError is a connection that the server closed with a close frame.
type CloseError struct {
	Code   wire.CloseCode
	Reason string
}

// Error names code and reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("the server closed the connection with code %d: %s", e.Code, e.Reason)
}
