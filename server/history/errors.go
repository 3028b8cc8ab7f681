package history

import "fmt"

// Code is a session-level error code of the protocol (spec/wire-protocol.md section 9.5).
type Code int

// The codes that the engine raises.
const (
	BadClientFileIdent  Code = 208
	BadServerVersion    Code = 209
	BadClientVersion    Code = 210
	DivergingHistories  Code = 211
	BadChangeset        Code = 212
	BadOriginFileIdent  Code = 216
	ClientFileExpired   Code = 222
	UserMismatch        Code = 223
	InvalidSchemaChange Code = 225
)

// Error is a refusal of something that a client sent: the client's fault, unlike other errors, which are the server's.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, if another package found it: for example one that is changeset.ErrUnsupported
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// blame makes the refusal of which err is the cause.
func blame(code Code, err error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...) + ": " + err.Error(), Err: err}
}
