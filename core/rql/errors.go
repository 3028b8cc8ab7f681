package rql

import (
	"errors"
	"fmt"
)

// Class is a class of query errors (spec/query-language.md section 8). The classes are the Err... variables; compare with
// errors.Is, which also knows that every syntax, query and argument error is an ErrInvalidArgument.
type Class struct {
	name   string
	parent error
}

// Error returns the name of the class as in spec/query-language.md section 8.
func (c *Class) Error() string { return c.name }

// Unwrap returns the class that this one is a special case of, nil if there is none.
func (c *Class) Unwrap() error { return c.parent }

// The classes of query errors.
var (
	ErrInvalidArgument  = &Class{name: "InvalidArgument"}                                   // code 3015, sort descriptors 3013
	ErrSyntax           = &Class{name: "SyntaxError", parent: ErrInvalidArgument}           // code 3008
	ErrInvalidQuery     = &Class{name: "InvalidQueryError", parent: ErrInvalidArgument}     // code 1009
	ErrInvalidQueryArg  = &Class{name: "InvalidQueryArgError", parent: ErrInvalidArgument}  // code 3015
	ErrIllegalOperation = &Class{name: "IllegalOperation"}                                  // missing index, asymmetric class
	ErrLogic            = &Class{name: "LogicError"}                                        // two-list arithmetic
	ErrRuntime          = &Class{name: "std", parent: ErrInvalidArgument}                   // GEOWITHIN on other data: std::runtime_error there
	ErrMapping          = &Class{name: "MappingError"}                                      // aliases that go round in circles
	ErrUnsupported      = &Class{name: "UnsupportedQuery"}                                  // valid, but not evaluated by this version
	ErrLimit            = &Class{name: "QueryLimitExceeded", parent: ErrInvalidArgument}    // see MaxText and its neighbours
	ErrNotSyncable      = &Class{name: "QueryNotAllowedInSync", parent: ErrInvalidArgument} // see FlexibleSyncCheck
)

// Error is what Parse, Bind and FlexibleSyncCheck return.
type Error struct {
	Class    *Class // one of the Err... variables
	Message  string // the text of the original where it has one
	Offset   int    // byte offset in the query text where the problem was seen, -1 if it has no place
	Expected string // syntax errors: what would have been accepted there, "" if unknown
}

// Error returns the message. It is the original's, word by word, except for what follows the quoted query in a syntax error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the class, so that errors.Is(err, ErrSyntax) works.
func (e *Error) Unwrap() error { return e.Class }

// ClassOf returns the class of a query error, nil if err isn't one.
func ClassOf(err error) *Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return nil
}

func fail(class *Class, offset int, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...), Offset: offset}
}

func unsupported(offset int, what string) *Error {
	return fail(ErrUnsupported, offset, "this version does not evaluate %s", what)
}

// quoted limits how much of a query appears in an error text: a hostile client must not make us echo 256 kB.
const quoted = 4096

func clip(text string) string {
	if len(text) > quoted {
		return text[:quoted] + "..."
	}
	return text
}
