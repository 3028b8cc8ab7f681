package wire

import (
	"errors"
	"fmt"
)

// The kinds of *ProtocolError. Compare with errors.Is.
var (
	ErrSyntax         = errors.New("bad syntax")           // a head, a field or a body length is wrong
	ErrUnknownMessage = errors.New("unknown message")      // no message of this direction has the name
	ErrLimit          = errors.New("limit exceeded")       // larger than the Limits given
	ErrDecompression  = errors.New("bad decompression")    // a compressed body isn't what its head says
	ErrEntry          = errors.New("bad changeset header") // an entry of UPLOAD or DOWNLOAD is malformed
	ErrEntrySize      = errors.New("bad changeset size")   // an entry is longer than what is left of the body
	ErrJSON           = errors.New("bad JSON")             // a JSON body is malformed, or a key is missing or has the wrong type
	ErrProgress       = errors.New("bad progress")         // cursors that contradict the state of the receiver (section 6.3)
	ErrErrorCode      = errors.New("bad error code")       // an error whose code doesn't fit its session (sections 9.3, 9.4)
	ErrRefused        = errors.New("refused to send")      // an Append method was given something that must not be sent
)

// ProtocolError says what is wrong with a message. It is what every parser, check and Append method of the package returns.
type ProtocolError struct {
	Kind    error  // one of the Err... variables, never nil
	Message string // name of the message, or of the JSON body; "" if the name itself is the problem
	Field   string // name of the field as in the specification, "" if it isn't about one field
	Offset  int    // byte offset in the message (in the inflated body for entries of compressed ones), -1 if unknown
	Reason  string // what was found, and what would have been right
}

// Error says all of it in one line.
func (e *ProtocolError) Error() string {
	where := "message"
	if e.Message != "" {
		where = e.Message
	}
	if e.Field != "" {
		where += ", field " + e.Field
	}
	if e.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", e.Offset)
	}
	return fmt.Sprintf("wire: %s: %s: %s", e.Kind, where, e.Reason)
}

// Unwrap returns the kind, so that errors.Is(err, wire.ErrLimit) works.
func (e *ProtocolError) Unwrap() error { return e.Kind }

// Code returns the protocol error code that a server answers with. ErrLimit has none: CodeLimitsExceeded kills an original
// client, so close the connection with CloseMessageTooBig instead (section 9.5); Code returns CodeLimitsExceeded to say so.
func (e *ProtocolError) Code() ErrorCode {
	switch e.Kind {
	case ErrUnknownMessage:
		return CodeUnknownMessage
	case ErrLimit:
		return CodeLimitsExceeded
	case ErrDecompression:
		return CodeBadDecompression
	case ErrEntry:
		return CodeBadChangesetHeader
	case ErrEntrySize:
		return CodeBadChangesetSize
	case ErrProgress:
		return CodeBadProgress
	default:
		return CodeBadSyntax
	}
}

func refuse(message, field, format string, args ...any) *ProtocolError {
	return &ProtocolError{Kind: ErrRefused, Message: message, Field: field, Offset: -1, Reason: fmt.Sprintf(format, args...)}
}
