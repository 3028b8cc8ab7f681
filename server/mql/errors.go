package mql

import (
	"errors"
	"fmt"
)

// Error says what is wrong with a query, an update or a pipeline, or why it can't be done to a document. The text is for the user.
type Error struct{ Text string }

// Error implements error.
func (e *Error) Error() string { return e.Text }

func fail(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// ErrBudget is returned when evaluating has cost more than the Meter allows.
var ErrBudget = errors.New("mql: the operation takes more time or memory than it may")
