package auth

import (
	"context"
	"database/sql"
	"errors"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
)

// userpassConfig is the local-userpass provider of an app.
type userpassConfig struct {
	appconfig.UserpassConfig

	config *appconfig.Config
}

// userpass returns the local-userpass provider, or an error when it is disabled.
func (s *Service) userpass(ctx context.Context, app *App) (e userpassConfig, err error) {
	p, err := s.provider(ctx, app, ProviderUserpass)
	if err != nil {
		return e, err
	}
	e.config = p.config
	return e, p.Decode(&e.UserpassConfig, nil)
}

// startConfirmation does what follows a registration: it asks the app's function, or mails a link.
func (s *Service) startConfirmation(ctx context.Context, app *App, e userpassConfig, a accountRow) error {
	t, err := s.newMailToken(ctx, a.id, forConfirmation)
	if err != nil {
		return err
	}
	if !e.RunConfirmationFunction {
		return s.sendLink(ctx, app, a.email, e.EmailConfirmationURL, e.ConfirmEmailSubject, "confirm your e-mail address", t)
	}
	name := functionName(e.config, e.ConfirmationFunctionName, e.ConfirmationFunctionID)
	out, err := s.call(ctx, app, name, bson.A{bson.D{{Key: "token", Value: t.token}, {Key: "tokenId", Value: t.id}, {Key: "username", Value: a.email}}})
	var thrown *Error
	switch status := functionStatus(out); {
	case errors.As(err, &thrown) && thrown.Code == "FunctionExecutionError":
		return errConfirm(a.email).Because(err)
	case err != nil:
		return wrap("confirming a user", err)
	case status == "success":
		return s.confirmAccount(ctx, a.id)
	case status == "pending":
		return nil
	}
	return errConfirm(a.email)
}

func errConfirm(email string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "BadRequest", Text: "failed to confirm user \"" + email + "\""}
}

func (s *Service) confirmAccount(ctx context.Context, account string) error {
	return wrap("confirming a user", s.db.update(ctx, func(tx *sql.Tx) error { return confirmAccount(ctx, tx, account) }))
}

func confirmAccount(ctx context.Context, tx *sql.Tx, account string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE accounts SET confirmed = 1 WHERE id = ?", account); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE account = ? AND purpose = ?", account, forConfirmation)
	return err
}

// Confirm takes the token of a confirmation mail, or one that the app's confirmation function was given.
func (s *Service) Confirm(ctx context.Context, app *App, token, tokenID string) error {
	if _, err := s.userpass(ctx, app); err != nil {
		return err
	}
	t := mailToken{id: tokenID, token: token}
	if err := t.checkForm(); err != nil {
		return err
	}
	return wrap("confirming a user", s.db.update(ctx, func(tx *sql.Tx) error {
		account, err := t.take(ctx, tx, app, forConfirmation, s.now())
		if err != nil {
			return err
		}
		return confirmAccount(ctx, tx, account)
	}))
}

// ResendConfirmation mails a new token to an account that waits for its confirmation. The answer does not tell whether an account waits or there is
// none; that it is confirmed, it does (app-services 2.4).
func (s *Service) ResendConfirmation(ctx context.Context, app *App, email string) error {
	e, err := s.userpass(ctx, app)
	if err != nil {
		return err
	}
	a, err := s.unconfirmed(ctx, app, email)
	unknown := errors.Is(err, ErrUserNotFound)
	switch {
	case err != nil && !unknown:
		return err
	case e.RunConfirmationFunction && !e.AutoConfirm:
		return errBadRequest("the app confirms users by a function and not by e-mail")
	case !e.AutoConfirm:
		if err := s.canMail(e.EmailConfirmationURL, email); err != nil {
			return err
		}
	}
	switch {
	case unknown:
		return wrap("confirming a user", s.unknownAddress(ctx))
	case e.AutoConfirm: // registered before the app did
		return s.confirmAccount(ctx, a.id)
	}
	return s.quietly(app, s.startConfirmation(ctx, app, e, a))
}

// CallConfirmation asks the app's confirmation function about an account once more.
func (s *Service) CallConfirmation(ctx context.Context, app *App, email string) error {
	e, err := s.userpass(ctx, app)
	if err != nil {
		return err
	}
	a, err := s.unconfirmed(ctx, app, email)
	switch {
	case err != nil:
		return err
	case !e.RunConfirmationFunction:
		return errBadRequest("the app has no confirmation function")
	}
	return s.startConfirmation(ctx, app, e, a)
}

// unconfirmed returns an account that waits, and counts the request as one about its address, whether there is one or not: each can send a mail or run
// a function.
func (s *Service) unconfirmed(ctx context.Context, app *App, email string) (accountRow, error) {
	if !s.letters.allow(app.ID + "\x00" + email) {
		return accountRow{}, ErrTooMany
	}
	a, err := findAccount(ctx, s.db.read, app, email)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, ErrUserNotFound
	case err != nil:
		return a, wrap("looking for an account", err)
	case a.confirmed:
		return a, ErrAlreadyConfirmed
	}
	return a, nil
}
