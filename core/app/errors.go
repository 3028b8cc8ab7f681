package app

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of failure for errors.Is, beside the codes of Error.
var (
	// ErrNetwork: the server gave no complete answer: unreachable, connection lost, timeout, answer too large. An *Error of this
	// kind has CodeCustomError as the original's (app-services 1.3, H12), and wraps the cause, for example
	// context.DeadlineExceeded.
	ErrNetwork = errors.New("the server cannot be reached")
	// ErrClosed: the App has been closed.
	ErrClosed = errors.New("the app has been closed")
	// ErrConfig: a field of Config is outside of its documented range.
	ErrConfig = errors.New("invalid app configuration")
	// ErrCorruptFile: the user file isn't one, is damaged, or was written by a newer version. It has not been touched.
	ErrCorruptFile = errors.New("not a usable user file")
)

// Error is a failed call to the server, or one that was refused before it was made. Get it with errors.As; compare codes with
// IsCode.
type Error struct {
	Code       Code   // what happened, never 0
	Message    string // human-readable, in the server's words where it has some; what the original's message() returns
	Status     int    // HTTP status of the answer; 0 when there was none
	ServerCode string // error_code of the server's JSON as sent, also when Code doesn't know it; "" when there was none
	LogsURL    string // link to the server's logs; "" when there was none
	Op         string // what was attempted, such as "log in"
	Err        error  // the cause, or nil
}

// Error names the operation, the code, the status, the message and the link.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("app: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.IsNetwork() {
		b.WriteString("network")
	} else {
		b.WriteString(e.Code.String())
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	b.WriteString(": " + e.Message)
	if e.LogsURL != "" {
		b.WriteString(", logs: " + e.LogsURL)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Category says which of the original's predicates holds (is_service_error and so on). Network failures are CategoryCustom.
func (e *Error) Category() Category { return e.Code.Category() }

// IsNetwork reports whether the server gave no complete answer.
func (e *Error) IsNetwork() bool { return errors.Is(e.Err, ErrNetwork) }

// IsCode reports whether err is an *Error of that code.
func IsCode(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// EndsSession reports whether err, the result of User.RefreshAccessToken, means that the user cannot be synced any more and is
// to be logged out (app-services 8.2, sync-semantics 1.7): client-category errors and HTTP 401, 403, 301, 308. After any other
// error the session goes on with the old token. A call that ended because the App was closed doesn't end a session.
func EndsSession(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case 401, 403, 301, 308:
		return true
	}
	return e.Category() == CategoryClient
}

// networkError says that no complete answer came. The cause's text may contain the request's URL but no header and no body;
// none of the package's URLs carries a secret.
func networkError(op string, status int, cause error) *Error {
	return &Error{Code: CodeCustomError, Message: cause.Error(), Status: status, Op: op, Err: fmt.Errorf("%w: %w", ErrNetwork, cause)}
}

func refusal(op string, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Op: op}
}

// FileError is a file of the App that cannot be read or written.
type FileError struct {
	Op   string // "read", "write", "lock", "delete", ...
	Path string
	Err  error // the cause; wraps ErrCorruptFile, or one of the system's
	Hint string
}

// Error names the file, the cause and what to do.
func (e *FileError) Error() string {
	text := fmt.Sprintf("app: cannot %s %q: %v", e.Op, e.Path, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }
