package auth

import (
	"fmt"
	"net/http"
	"time"

	"realmsync/server/apierror"
	"realmsync/server/excerpt"
)

// Error is a refusal that the client is told.
type Error = apierror.Error

// The refusals whose text is fixed (app-services 2.4).
var (
	// ErrInvalidSession: the token is missing, malformed, forged, expired, of the wrong type, or its session or user is
	// gone. The client refreshes its access token, or logs its user out if it was the refresh token.
	ErrInvalidSession = &Error{Status: http.StatusUnauthorized, Code: "InvalidSession", Text: "invalid session"}
	// ErrMissingAuth: an API key route was called without a token.
	ErrMissingAuth = &Error{Status: http.StatusUnauthorized, Code: "MissingAuthReq", Text: "must authenticate first"}
	// ErrInvalidPassword covers a wrong password and an unknown, or deleted, account alike.
	ErrInvalidPassword = &Error{Status: http.StatusUnauthorized, Code: "InvalidPassword", Text: "invalid username/password"}
	// ErrUserDisabled: the credentials are right and the user is disabled.
	ErrUserDisabled = &Error{Status: http.StatusUnauthorized, Code: "UserDisabled", Text: "user disabled"}
	// ErrUnconfirmed: the account waits for its confirmation.
	ErrUnconfirmed = &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: "confirmation required"}
	// ErrNameInUse: the e-mail is registered.
	ErrNameInUse = &Error{Status: http.StatusConflict, Code: "AccountNameInUse", Text: "name already in use"}
	// ErrUserNotFound: no account has this e-mail.
	ErrUserNotFound = &Error{Status: http.StatusNotFound, Code: "UserNotFound", Text: "user not found"}
	// ErrAlreadyConfirmed: there is nothing to confirm.
	ErrAlreadyConfirmed = &Error{Status: http.StatusBadRequest, Code: "UserAlreadyConfirmed", Text: "already confirmed"}
	// ErrTokenData: a confirm or reset token that this server cannot have made.
	ErrTokenData = &Error{Status: http.StatusBadRequest, Code: "BadRequest", Text: "invalid token data"}
	// ErrTokenExpired: a confirm or reset token that is not, or no longer, good.
	ErrTokenExpired = &Error{Status: http.StatusBadRequest, Code: "UserpassTokenInvalid", Text: "userpass token is expired or invalid"}
	// ErrKeyNotFound: there is no such API key, or it is another user's.
	ErrKeyNotFound = &Error{Status: http.StatusNotFound, Code: "APIKeyNotFound", Text: "API key not found"}
	// ErrIdentityTaken: the credentials to link belong to another user.
	ErrIdentityTaken = &Error{Status: http.StatusConflict, Code: "AuthError", Text: "a user already exists with the specified provider"}
	// ErrTooMany: wait before the next attempt. Never 401 or 403: they would log the user out (app-services 13.5).
	ErrTooMany = &Error{Status: http.StatusTooManyRequests, Text: "too many attempts, try again later", Retry: 10 * time.Second}
	// ErrBusy: as many passwords wait to be hashed as may.
	ErrBusy = &Error{Status: http.StatusTooManyRequests, Text: "too many others are logging in, try again in some seconds", Retry: 10 * time.Second}
	// ErrForbidden: the token is good, and not for this app; or its user is removed. The client logs its user out.
	ErrForbidden = &Error{Status: http.StatusForbidden, Code: "UserAppDomainMismatch", Text: "the user does not belong to this app"}
)

// ErrUnknownApp is matched, by errors.As, by the error for an app id that does not exist: its ID is in the text.
type ErrUnknownApp struct{ ID string }

// Error implements error with the text that clients expect (app-services 2.4).
func (e *ErrUnknownApp) Error() string {
	return fmt.Sprintf("cannot find app using Client App ID '%s'", clip(e.ID, 64))
}

// errBadRequest is a 400 with a text of its own.
func errBadRequest(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "BadRequest", Text: fmt.Sprintf(format, args...)}
}

// errProvider says that there is no such provider, or that it is disabled.
func errProvider(name string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "AuthProviderNotFound", Text: fmt.Sprintf("authentication provider not found: '%s'", clip(name, 64))}
}

// clip bounds what is repeated of a client's text, in bytes; it cuts between characters.
func clip(s string, most int) string { return excerpt.Of(s, most) }
