package worker

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/functions/script"
)

// The bodies of frames. Their members' names in BSON are those of the fields in small letters.

// programBody is a source; its number is that of the frame.
type programBody struct {
	Name, Source string
}

// functionBody names a function by the number of its program.
type functionBody struct {
	Name    string
	System  bool
	Program uint32
}

type callBody struct {
	Function          functionBody
	Args              bson.A
	Caller            *auth.Caller
	App, AppName      string
	Environment       string
	EnvironmentValues map[string]string // extended JSON
	Services          []string
	Limits            script.Limits
}

// What can be asked for.
const (
	askFunction = "function" // Name, Args: to execute it
	askModule   = "module"   // Name: to require it
	askValue    = "value"    // Name
	askData     = "data"     // System, Service, Method, Args
	askHTTP     = "http"     // HTTP
)

type askBody struct {
	Call            uint32
	What            string
	Name            string
	System          bool
	Service, Method string
	Args            any
	HTTP            *script.HTTPRequest
}

type replyBody struct {
	Found    bool // there is such a function or value
	Value    any
	Function *functionBody
	HTTP     *script.HTTPResponse
	Error    *errorBody
}

type doneBody struct {
	Value  any
	Failed []string // what went wrong in the worker that is none of the function's business
	Error  *errorBody
}

type logBody struct {
	Level, Text string
}

// The kinds of errors that cross the pipe.
const (
	errorThrown    = "thrown"    // *script.ThrownError
	errorLimit     = "limit"     // *script.LimitError
	errorRefused   = "refused"   // *apierror.Error
	errorForbidden = "forbidden" // script.ErrHTTPForbidden
	errorSyntax    = "syntax"    // *script.SyntaxError
	errorInternal  = "internal"  // any other
)

type errorBody struct {
	Kind         string
	Text         string
	Code, Stack  string
	Line, Column int
}

// bodyOf is how an error crosses the pipe. secret: other errors are not for functions, and cross without their text.
func bodyOf(err error, secret bool) *errorBody {
	var thrown *script.ThrownError
	var limit *script.LimitError
	var refused *apierror.Error
	var syntax *script.SyntaxError
	var failed *auth.FunctionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &thrown):
		return &errorBody{Kind: errorThrown, Text: thrown.Text, Stack: thrown.Stack}
	case errors.As(err, &failed):
		return &errorBody{Kind: errorThrown, Text: failed.Message}
	case errors.As(err, &limit):
		return &errorBody{Kind: errorLimit, Text: limit.What}
	case errors.As(err, &refused):
		return &errorBody{Kind: errorRefused, Text: refused.Text, Code: refused.Code}
	case errors.Is(err, script.ErrHTTPForbidden):
		return &errorBody{Kind: errorForbidden}
	case errors.As(err, &syntax):
		return &errorBody{Kind: errorSyntax, Text: syntax.Text, Line: syntax.Line, Column: syntax.Column}
	case secret:
		return &errorBody{Kind: errorInternal, Text: "internal error"}
	}
	return &errorBody{Kind: errorInternal, Text: err.Error()}
}

// maxText is what is kept of a text and of a stack that a worker sends with an error, in bytes.
const maxText = 8 << 10

func (e *errorBody) err() error {
	if e == nil {
		return nil
	}
	text := clip(e.Text)
	switch e.Kind {
	case errorThrown:
		return &script.ThrownError{Text: text, Stack: clip(e.Stack)}
	case errorLimit:
		return &script.LimitError{What: text}
	case errorRefused:
		return &apierror.Error{Code: clip(e.Code), Text: text}
	case errorForbidden:
		return script.ErrHTTPForbidden
	case errorSyntax:
		return &script.SyntaxError{Line: e.Line, Column: e.Column, Text: text}
	}
	return errors.New(text)
}

func clip(s string) string { return s[:min(len(s), maxText)] }
