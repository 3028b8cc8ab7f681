package app

import (
	"context"
	"fmt"
	"net/http"
)

// RegisterEmail makes an e-mail user (app-services 7.1). Log in with EmailPassword, after the confirmation if the app demands one.
//
// Errors of all calls of this group: service codes such as CodeAccountNameInUse, CodeUserNotFound, CodeUserAlreadyConfirmed,
// CodeUserpassTokenInvalid, CodeBadRequest; ErrNetwork.
func (a *App) RegisterEmail(ctx context.Context, email, password string) error {
	return a.emailCall(ctx, "register a user", "/register", member("email", email), member("password", password))
}

// ConfirmEmail confirms a user with the token and token id of the link that was mailed.
func (a *App) ConfirmEmail(ctx context.Context, token, tokenID string) error {
	return a.emailCall(ctx, "confirm a user", "/confirm", member("token", token), member("tokenId", tokenID))
}

// ResendConfirmation has the link mailed again.
func (a *App) ResendConfirmation(ctx context.Context, email string) error {
	return a.emailCall(ctx, "send the confirmation again", "/confirm/send", member("email", email))
}

// RetryCustomConfirmation runs the app's confirmation function again.
func (a *App) RetryCustomConfirmation(ctx context.Context, email string) error {
	return a.emailCall(ctx, "retry the confirmation", "/confirm/call", member("email", email))
}

// SendPasswordReset has a link mailed with which the password can be reset.
func (a *App) SendPasswordReset(ctx context.Context, email string) error {
	return a.emailCall(ctx, "send a password reset", "/reset/send", member("email", email))
}

// ResetPassword sets a new password with the token and token id of the link that was mailed.
func (a *App) ResetPassword(ctx context.Context, password, token, tokenID string) error {
	return a.emailCall(ctx, "reset a password", "/reset", member("password", password), member("token", token), member("tokenId", tokenID))
}

// CallResetPassword runs the app's reset function with arguments, a JSON array in extended JSON.
func (a *App) CallResetPassword(ctx context.Context, email, password string, arguments []byte) error {
	const op = "reset a password by function"
	args, err := canonicalJSON(arguments)
	if err == nil && args[0] != '[' {
		err = fmt.Errorf("it is not an array")
	}
	if err != nil {
		return &Error{Code: CodeBadBSONParse, Op: op, Err: err, Message: fmt.Sprintf("the arguments are not extended JSON: %v", err)}
	}
	return a.emailCall(ctx, op, "/reset/call", member("email", email), member("password", password), jsonMember{"arguments", args})
}

func (a *App) emailCall(ctx context.Context, op, route string, members ...jsonMember) error {
	_, err := a.send(ctx, call{op: op, method: http.MethodPost,
		path: appPath(a.cfg.AppID) + "/auth/providers/" + providerEmail + route, body: jsonBody(members...)})
	return err
}
