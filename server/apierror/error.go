// Package apierror is the form of every refusal that a client of an HTTP route is told (spec/app-services.md section 2.1).
package apierror

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Error is a refusal that the client is told. Its fields are those of the wire.
type Error struct {
	Status int           // HTTP status
	Code   string        // error_code, one of app-services 2.3; empty: the member is omitted
	Text   string        // error
	Cause  error         // why, for the log only
	Index  *int          // the document of a request with several that it is about; nil: none
	Retry  time.Duration // when to come again (Retry-After), whole seconds; 0: nothing is said
}

// New makes an Error; the text is formatted.
func New(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Error implements error. Without the cause it is the text that the client is told.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Text + ": " + e.Cause.Error()
	}
	return e.Text
}

// Unwrap returns the cause, which is for logs and not for clients.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare status and code: texts carry names.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error) //nolint:errorlint // Is is called for each error of the chain
	return ok && t.Status == e.Status && t.Code == e.Code && (t.Code != "" || t.Text == e.Text)
}

// Because returns a copy with a cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Cause = err
	return &c
}

// Head sets the header that goes with the error.
func (e *Error) Head(h http.Header) {
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.Retry/time.Second)))
	}
}
