package auth

import (
	"context"
	"database/sql"
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

// Register makes an e-mail account, and has it confirmed in the way that the app is configured for (app-services 7.1): at once, by
// the app's function, or by a mail. The user itself is made at the first login, so that the account can be linked to another one
// instead.
func (s *Service) Register(ctx context.Context, app *App, email, password, remote string) error {
	if err := s.Attempt(remote); err != nil {
		return err
	}
	e, err := s.userpass(ctx, app)
	if err != nil {
		return err
	}
	if err := checkEmail(email); err != nil {
		return err
	}
	if err := checkNewPassword(password); err != nil {
		return err
	}
	if !e.AutoConfirm && !e.RunConfirmationFunction {
		if err := s.canMail(e.EmailConfirmationURL, email); err != nil {
			return err
		}
	}
	// Before the hash is computed: it is the expensive part.
	if _, err := findAccount(ctx, s.db.read, app, email); !errors.Is(err, sql.ErrNoRows) {
		if err == nil {
			err = ErrNameInUse
		}
		return wrap("registering", err)
	}
	a, err := s.addAccount(ctx, app, email, password, e.AutoConfirm)
	if err != nil || e.AutoConfirm {
		return err
	}
	err = s.startConfirmation(ctx, app, e, a)
	if err != nil { // the address is free again
		s.dropAccount(ctx, app, a)
	}
	return err
}

// dropAccount removes an account whose making failed, unless something has confirmed it since, or it has a user.
func (s *Service) dropAccount(ctx context.Context, app *App, a accountRow) {
	if _, err := s.db.write.ExecContext(context.WithoutCancel(ctx), `DELETE FROM accounts WHERE id = ? AND confirmed = ? AND NOT EXISTS
		(SELECT 1 FROM identities i WHERE i.app_id = ? AND i.provider = ? AND i.identity = accounts.id)`, a.id, a.confirmed, app.ID, ProviderUserpass); err != nil {
		s.log.Error("an account that was refused was not removed", "app", app.ID, "error", err)
	}
}

// addAccount stores an account, or returns ErrNameInUse.
func (s *Service) addAccount(ctx context.Context, app *App, email, password string, confirmed bool) (accountRow, error) {
	a := accountRow{email: email, confirmed: confirmed}
	var err error
	if a.hash, err = s.hasher.hash(ctx, asker{app: app.ID}, password); err != nil {
		return a, wrap("hashing a password", err)
	}
	now := s.now()
	a.id = NewObjectID(now)
	err = s.db.update(ctx, func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, "INSERT INTO accounts (app_id, email, id, hash, confirmed, created, dropped) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
			app.ID, email, a.id, a.hash, confirmed, now.Unix(), now.Add(unconfirmedLife).Unix()))
		if err == nil && n == 0 {
			err = ErrNameInUse
		}
		return err
	})
	return a, wrap("registering", err)
}

// accountRow is an e-mail account.
type accountRow struct {
	id        string
	email     string
	hash      string
	confirmed bool
}

// findAccount looks an account up; sql.ErrNoRows if there is none.
func findAccount(ctx context.Context, q querier, app *App, email string) (a accountRow, err error) {
	a.email = email
	err = q.QueryRowContext(ctx, "SELECT id, hash, confirmed FROM accounts WHERE app_id = ? AND email = ?", app.ID, email).Scan(&a.id, &a.hash, &a.confirmed)
	return a, err
}

// checkPassword returns the id of the account that the e-mail and the password are right for.
func (s *Service) checkPassword(ctx context.Context, app *App, email, password, remote string) (string, error) {
	if email == "" || password == "" || utf8.RuneCountInString(email) > maxEmail || utf8.RuneCountInString(password) > maxPassword {
		return "", ErrInvalidPassword
	}
	name := app.ID + "\x00" + email
	allowed, known := s.guesses.Allow(name, remote)
	if !allowed {
		return "", ErrTooMany
	}
	a, err := findAccount(ctx, s.db.read, app, email)
	if errors.Is(err, sql.ErrNoRows) {
		a.hash, err = s.hasher.dummy, nil
	}
	if err != nil {
		return "", wrap("looking for an account", err)
	}
	ok, stale, err := s.hasher.verify(ctx, asker{app.ID, known}, a.hash, password)
	switch {
	case err != nil:
		return "", wrap("checking a password", err)
	case !ok || a.id == "":
		return "", ErrInvalidPassword
	case !a.confirmed:
		return "", ErrUnconfirmed
	}
	s.guesses.Right(name, remote)
	if stale {
		s.renewHash(ctx, app, a, password)
	}
	return a.id, nil
}

// renewHash stores a hash of today's cost. The login does not depend on it.
func (s *Service) renewHash(ctx context.Context, app *App, a accountRow, password string) {
	hash, err := s.hasher.hash(ctx, asker{app.ID, true}, password)
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
