package auth

import (
	"context"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Caller is a user as rules and functions see it (app-services 12.4). It is a copy: nobody else changes it.
type Caller struct {
	UserID     string // "" for the server itself
	Type       string // TypeNormal or TypeServer
	Data       bson.D // of the profile
	CustomData bson.D // nil: none, or none is configured
	Identities []LinkedIdentity
	// Request is what came in, as functions and rules see it: remoteIPAddress, httpMethod, httpUserAgent, httpReferer, rawQueryString, requestHeaders.
	// nil: nothing did.
	Request bson.D
	// System is the server itself, or a function that is configured to run as it: rules don't apply.
	System bool
}

// The types of users.
const (
	TypeNormal = "normal"
	TypeServer = "server" // one that server API keys belong to
)

// SystemCaller is who confirmation, reset and login functions run as: there is no user yet.
func SystemCaller() *Caller { return &Caller{Type: TypeServer, System: true} }

// Functions calls the functions of apps. Package server/functions implements it.
type Functions interface {
	// Call runs a function of an app (its client app id) and returns its result as BSON values, nil for none. Private functions
	// are there for a System caller only. What the function throws is *FunctionError; a function that is not there is
	// FunctionNotFound, one that took too long or too much is *Error with the code ExecutionTimeLimitExceeded.
	Call(ctx context.Context, app string, caller *Caller, name string, args bson.A) (any, error)
}

// CustomData finds the custom user data of an app (app-services 9). Package server/data implements it.
type CustomData interface {
	// Lookup returns the user's document, or nil when there is none or none is configured.
	Lookup(ctx context.Context, app string, userID string) (bson.D, error)
}

// FunctionError is what a function threw.
type FunctionError struct {
	Message string
}

// Error implements error.
func (e *FunctionError) Error() string { return e.Message }

// FunctionNotFound is the refusal of a function that is not there, or that is private (app-services 2.4).
func FunctionNotFound(name string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "FunctionNotFound", Text: "function not found: '" + clip(name, 256) + "'"}
}
