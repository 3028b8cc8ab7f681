package auth

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of e-mail accounts (app-services 7.1), in characters.
const (
	minPassword = 6
	maxPassword = 128
	maxEmail    = 128
)

// The length of what hosted servers put into mails (app-services 7.1), in hexadecimal digits.
const confirmTokenDigits = 128

// errNoMail is the answer to all that would need a mail, whether the address is known or not.
var errNoMail = errBadRequest("this server sends no e-mail: the app has no confirmation and no password reset by mail")

// errNoFunction is the answer to all that would need a function of the app.
var errNoFunction = errBadRequest("the app has no confirmation function and no password reset function")

// Register makes an e-mail account and confirms it: there is nothing yet that could send a mail. The user itself is made
// at the first login, so that the account can be linked to another one instead.
func (s *Service) Register(ctx context.Context, app *App, email, password, remote string) error {
	if err := s.Attempt(remote); err != nil {
		return err
	}
	if _, err := s.provider(ctx, app, ProviderUserpass); err != nil {
		return err
	}
	if err := checkEmail(email); err != nil {
		return err
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	// Before the hash is computed: it is the expensive part.
	if _, err := findAccount(ctx, s.db.read, app, email); !errors.Is(err, sql.ErrNoRows) {
		if err == nil {
			err = ErrNameInUse
		}
		return wrap("registering", err)
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return wrap("hashing a password", err)
	}
	now := s.now()
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, "INSERT INTO accounts (app_id, email, id, hash, confirmed, created) VALUES (?,?,?,?,1,?) ON CONFLICT DO NOTHING",
			app.ID, email, NewObjectID(now), hash, now.Unix()))
		if err == nil && n == 0 {
			err = ErrNameInUse
		}
		return err
	})
	return wrap("registering", err)
}

// Confirm takes the token of a confirmation mail. No such mail was ever sent, so no token is good.
func (s *Service) Confirm(ctx context.Context, app *App, token, tokenID string) error {
	return s.mailToken(ctx, app, token, tokenID)
}

// ResendConfirmation would mail a new token; accounts are confirmed when they are made.
func (s *Service) ResendConfirmation(ctx context.Context, app *App, email string) error {
	return s.onAccount(ctx, app, email, ErrAlreadyConfirmed)
}

// SendReset would mail a password reset; nothing sends mail, and the answer does not depend on the address.
func (s *Service) SendReset(ctx context.Context, app *App, _ string) error {
	if _, err := s.provider(ctx, app, ProviderUserpass); err != nil {
		return err
	}
	return errNoMail
}

// Reset takes the token of a password reset mail. No such mail was ever sent, so no token is good.
func (s *Service) Reset(ctx context.Context, app *App, token, tokenID, password string) error {
	if err := s.mailToken(ctx, app, token, tokenID); !errors.Is(err, ErrTokenExpired) {
		return err
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	return ErrTokenExpired
}

// CallReset would call the app's reset function; apps have none.
func (s *Service) CallReset(ctx context.Context, app *App, email string) error {
	return s.onAccount(ctx, app, email, errNoFunction)
}

// onAccount returns an error for an account that exists, or ErrUserNotFound.
func (s *Service) onAccount(ctx context.Context, app *App, email string, answer error) error {
	if _, err := s.provider(ctx, app, ProviderUserpass); err != nil {
		return err
	}
	_, err := findAccount(ctx, s.db.read, app, email)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUserNotFound
	}
	if err != nil {
		return wrap("looking for an account", err)
	}
	return answer
}

func (s *Service) mailToken(ctx context.Context, app *App, token, tokenID string) error {
	if _, err := s.provider(ctx, app, ProviderUserpass); err != nil {
		return err
	}
	if b, err := hex.DecodeString(token); err != nil || len(b) != confirmTokenDigits/2 || !isObjectID(tokenID) {
		return ErrTokenData
	}
	return ErrTokenExpired
}

// accountRow is an e-mail account.
type accountRow struct {
	id        string
	hash      string
	confirmed bool
}

// findAccount looks an account up; sql.ErrNoRows if there is none.
func findAccount(ctx context.Context, q querier, app *App, email string) (a accountRow, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, hash, confirmed FROM accounts WHERE app_id = ? AND email = ?", app.ID, email).Scan(&a.id, &a.hash, &a.confirmed)
	return a, err
}

// checkPassword returns the id of the account that the e-mail and the password are right for.
func (s *Service) checkPassword(ctx context.Context, app *App, email, password string) (string, error) {
	if email == "" || password == "" || utf8.RuneCountInString(email) > maxEmail || utf8.RuneCountInString(password) > maxPassword {
		return "", ErrInvalidPassword
	}
	name := app.ID + "\x00" + email
	if !s.accounts.allow(name) {
		return "", ErrTooMany
	}
	a, err := findAccount(ctx, s.db.read, app, email)
	if errors.Is(err, sql.ErrNoRows) {
		a.hash, err = s.hasher.dummy, nil
	}
	if err != nil {
		return "", wrap("looking for an account", err)
	}
	ok, stale, err := s.hasher.verify(ctx, a.hash, password)
	switch {
	case err != nil:
		return "", wrap("checking a password", err)
	case !ok || a.id == "":
		return "", ErrInvalidPassword
	case !a.confirmed:
		return "", ErrUnconfirmed
	}
	s.accounts.forget(name)
	if stale {
		s.renewHash(ctx, a, password)
	}
	return a.id, nil
}

// renewHash stores a hash of today's cost. The login does not depend on it.
func (s *Service) renewHash(ctx context.Context, a accountRow, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.db.update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE accounts SET hash = ? WHERE id = ? AND hash = ?", hash, a.id, a.hash)
			return err
		})
	}
	if err != nil {
		s.log.Warn("a password's hash was not renewed", "error", err)
	}
}

func checkEmail(email string) error {
	n := utf8.RuneCountInString(email)
	if n == 0 || n > maxEmail || strings.ContainsFunc(email, unicode.IsControl) {
		return errBadRequest("email must be between 1 and %d characters", maxEmail)
	}
	return nil
}

func checkNewPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return errBadRequest("password must be between %d and %d characters", minPassword, maxPassword)
	}
	return nil
}
