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

// What evaluating may end with before it is done.
var (
	ErrBudget = errors.New("mql: the operation takes more time than it may")
	ErrMemory = errors.New("mql: the operation holds more in memory than it may")
)
