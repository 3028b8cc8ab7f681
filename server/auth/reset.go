package auth

import (
	"context"
	"database/sql"
	"errors"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// SendReset mails a link to reset a password. The answer does not tell whether the address is known (app-services 13.12).
func (s *Service) SendReset(ctx context.Context, app *App, email string) error {
	e, err := s.userpass(ctx, app)
	if err != nil {
		return err
	}
	if e.RunResetFunction {
		return errBadRequest("the app resets passwords by a function and not by e-mail")
	}
	if err := s.canMail(e.ResetPasswordURL, email); err != nil {
		return err
	}
	if !s.letters.allow(app.ID + "\x00" + email) {
		return ErrTooMany
	}
	a, err := findAccount(ctx, s.db.read, app, email)
	if errors.Is(err, sql.ErrNoRows) {
		return wrap("resetting a password", s.unknownAddress(ctx))
	}
	if err != nil {
		return wrap("looking for an account", err)
	}
	t, err := s.newMailToken(ctx, a.id, forReset)
	if err != nil {
		return err
	}
	return s.quietly(app, s.sendLink(ctx, app, email, e.ResetPasswordURL, e.ResetPasswordSubject, "reset your password", t))
}

// Reset sets a new password by the token of a reset mail, or one that the app's reset function was given. All sessions of the user
// end.
func (s *Service) Reset(ctx context.Context, app *App, token, tokenID, password string) error {
	if _, err := s.userpass(ctx, app); err != nil {
		return err
	}
	t := mailToken{id: tokenID, token: token}
	if err := t.checkForm(); err != nil {
		return err
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	// Looked at before the hash is computed, which is the expensive part, and taken together with the change.
	if _, err := t.account(ctx, s.db.read, app, forReset, s.now()); err != nil {
		return wrap("resetting a password", err)
	}
	hash, err := s.hasher.hash(ctx, asker{app.ID, true}, password) // a token of ours came with it
	if err != nil {
		return wrap("hashing a password", err)
	}
	return s.setHash(ctx, app, hash, func(tx *sql.Tx) (string, error) { return t.take(ctx, tx, app, forReset, s.now()) })
}

// setHash stores the hash of a new password for the account that choose returns, ends all sessions of its user, and tells it.
func (s *Service) setHash(ctx context.Context, app *App, hash string, choose func(*sql.Tx) (account string, err error)) error {
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		account, err := choose(tx)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE accounts SET hash = ? WHERE id = ?", hash, account); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE account = ? AND purpose = ?", account, forReset); err != nil {
			return err
		}
		var user string
		err = tx.QueryRowContext(ctx, "SELECT user_id FROM identities WHERE app_id = ? AND provider = ? AND identity = ?", app.ID, ProviderUserpass, account).Scan(&user)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // never logged in
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ?", user)
		}
		if err == nil {
			err = revoke(ctx, tx, Revocation{app.ID, user, SessionsRevoked})
		}
		return err
	})
	if err != nil {
		return wrap("resetting a password", err)
	}
	s.revoked(ctx)
	return nil
}

// CallReset asks the app's reset function whether a password may be changed (app-services 7.1). args are the caller's, remote is its address.
func (s *Service) CallReset(ctx context.Context, app *App, email, password string, args bson.A, remote string) error {
	e, err := s.userpass(ctx, app)
	if err != nil {
		return err
	}
	a, err := findAccount(ctx, s.db.read, app, email)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrUserNotFound
	case err != nil:
		return wrap("looking for an account", err)
	case !e.RunResetFunction:
		return errBadRequest("the app has no password reset function")
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	// It says whether a password is the current one, so it is held like a login.
	allowed, known := s.guesses.Allow(app.ID+"\x00"+email, remote)
	if !allowed {
		return ErrTooMany
	}
	current, _, err := s.hasher.verify(ctx, asker{app.ID, known}, a.hash, password)
	if err != nil {
		return wrap("checking a password", err)
	}
	t, err := s.newMailToken(ctx, a.id, forReset)
	if err != nil {
		return err
	}
	out, err := s.call(ctx, app, functionName(e.config, e.ResetFunctionName, e.ResetFunctionID), append(bson.A{bson.D{
		{Key: "token", Value: t.token}, {Key: "tokenId", Value: t.id}, {Key: "username", Value: email},
		{Key: "password", Value: password}, {Key: "currentPasswordValid", Value: current},
	}}, args...))
	var thrown *Error
	switch status := functionStatus(out); {
	case errors.As(err, &thrown) && thrown.Code == "FunctionExecutionError":
		return errReset(email).Because(err)
	case err != nil:
		return wrap("resetting a password", err)
	case status == "pending":
		return nil
	case status != "success":
		return errReset(email)
	}
	hash, err := s.hasher.hash(ctx, asker{app.ID, known}, password)
	if err != nil {
		return wrap("hashing a password", err)
	}
	return s.setHash(ctx, app, hash, func(*sql.Tx) (string, error) { return a.id, nil })
}

func errReset(email string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "BadRequest", Text: "failed to reset password for user \"" + email + "\""}
}
