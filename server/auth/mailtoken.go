package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

const (
	// mailTokenDigits is the length of what hosted servers put into mails (app-services 7.1), in hexadecimal digits.
	mailTokenDigits = 128
	// mailTokenLife is how long such a token is good (app-services 7.1).
	mailTokenLife = 30 * time.Minute
	// maxMailTokens is how many of an account are good at the same time; the oldest goes.
	maxMailTokens = 5
)

// What a mail token is for.
const (
	forConfirmation = "confirm"
	forReset        = "reset"
)

// mailToken proves that somebody reads the mail of an account, or was told by the app's own function: it is good once.
type mailToken struct {
	id, token string
}

// newMailToken makes a token of an account; its digest is all that is kept.
func (s *Service) newMailToken(ctx context.Context, account, purpose string) (mailToken, error) {
	var secret [mailTokenDigits / 2]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	now := s.now()
	t := mailToken{id: NewObjectID(now), token: hex.EncodeToString(secret[:])}
	err := s.db.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE id IN (SELECT id FROM mail_tokens WHERE expires <= ? LIMIT 64)", now.Unix()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE id IN (SELECT id FROM mail_tokens WHERE account = ? ORDER BY expires DESC LIMIT -1 OFFSET ?)", account, maxMailTokens-1); err != nil {
			return err
		}
		if purpose == forConfirmation { // it is waited for anew
			if _, err := tx.ExecContext(ctx, "UPDATE accounts SET dropped = ? WHERE id = ? AND confirmed = 0", now.Add(unconfirmedLife).Unix(), account); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO mail_tokens (id, account, purpose, digest, expires) VALUES (?,?,?,?,?)",
			t.id, account, purpose, digestOf(t.token), now.Add(mailTokenLife).Unix())
		return err
	})
	return t, wrap("making a mail token", err)
}

// checkForm refuses what this server cannot have made.
func (t mailToken) checkForm() error {
	if b, err := hex.DecodeString(t.token); err != nil || len(b) != mailTokenDigits/2 || !isObjectID(t.id) {
		return ErrTokenData
	}
	return nil
}

// account returns whose a token is; ErrTokenExpired if it is not good.
func (t mailToken) account(ctx context.Context, q querier, app *App, purpose string, now time.Time) (account string, err error) {
	var digest []byte
	var expires int64
	err = q.QueryRowContext(ctx, `SELECT t.account, t.digest, t.expires FROM mail_tokens t JOIN accounts a ON a.id = t.account
		WHERE t.id = ? AND t.purpose = ? AND a.app_id = ?`, t.id, purpose, app.ID).Scan(&account, &digest, &expires)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if subtle.ConstantTimeCompare(digest, digestOf(t.token)) != 1 || expires <= now.Unix() {
		return "", ErrTokenExpired
	}
	return account, nil
}

// take is account, and removes all tokens of the purpose that the account has.
func (t mailToken) take(ctx context.Context, tx *sql.Tx, app *App, purpose string, now time.Time) (string, error) {
	account, err := t.account(ctx, tx, app, purpose, now)
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE account = ? AND purpose = ?", account, purpose)
	return account, err
}

// digestOf is what is kept of a secret that has at least 256 random bits.
func digestOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
