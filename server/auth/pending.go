package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// maxPage bounds a page of accounts.
const maxPage = 1000

// CreateEmailUser makes a confirmed e-mail account and its user, as who looks after an app may. ErrNameInUse if there is one.
func (s *Service) CreateEmailUser(ctx context.Context, app *App, email, password string) (UserInfo, error) {
	if err := checkEmail(email); err != nil {
		return UserInfo{}, err
	}
	if err := checkNewPassword(password); err != nil {
		return UserInfo{}, err
	}
	p, err := s.provider(ctx, app, ProviderUserpass)
	if err != nil {
		return UserInfo{}, err
	}
	a, err := s.addAccount(ctx, app, email, password, true)
	if err != nil {
		return UserInfo{}, err
	}
	who := resolved{provider: p, identity: a.id, data: Details{}, account: true}
	who.data.set("email", email)
	user, err := s.userOf(ctx, app, who, s.now())
	if err != nil {
		s.dropAccount(ctx, app, a) // what was not made can be made again
		return UserInfo{}, wrap("making a user", err)
	}
	return s.User(ctx, app, user)
}

// PendingUser is an e-mail account that nobody has logged in with.
type PendingUser struct {
	ID        string
	Email     string
	Confirmed bool
	Created   time.Time
}

// PendingUsers returns a page of the accounts of an app that nobody has logged in with, ordered by their addresses: those behind the
// address after, at most limit, which is 1 to 1000.
func (s *Service) PendingUsers(ctx context.Context, app *App, after string, limit int) ([]PendingUser, error) {
	rows, err := s.db.read.QueryContext(ctx, `SELECT a.id, a.email, a.confirmed, a.created FROM accounts a WHERE a.app_id = ?1 AND a.email > ?2 AND NOT EXISTS
		(SELECT 1 FROM identities i WHERE i.app_id = ?1 AND i.provider = ?3 AND i.identity = a.id) ORDER BY a.email LIMIT ?4`,
		app.ID, after, ProviderUserpass, min(max(limit, 1), maxPage))
	if err != nil {
		return nil, wrap("reading accounts", err)
	}
	defer rows.Close()
	out := []PendingUser{}
	for rows.Next() {
		var p PendingUser
		var created int64
		if err := rows.Scan(&p.ID, &p.Email, &p.Confirmed, &created); err != nil {
			return nil, wrap("reading accounts", err)
		}
		p.Created = time.Unix(created, 0)
		out = append(out, p)
	}
	return out, wrap("reading accounts", rows.Err())
}

// ConfirmPending confirms the account of an e-mail address, as who looks after an app may. ErrUserNotFound if there is none.
func (s *Service) ConfirmPending(ctx context.Context, app *App, email string) error {
	a, err := findAccount(ctx, s.db.read, app, email)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUserNotFound
	}
	if err != nil {
		return wrap("looking for an account", err)
	}
	return s.confirmAccount(ctx, a.id)
}

// DeletePending removes an account that nobody has logged in with. ErrUserNotFound if there is none.
func (s *Service) DeletePending(ctx context.Context, app *App, email string) error {
	return wrap("removing an account", s.db.update(ctx, func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, `DELETE FROM accounts WHERE app_id = ?1 AND email = ?2 AND NOT EXISTS
			(SELECT 1 FROM identities i WHERE i.app_id = ?1 AND i.provider = ?3 AND i.identity = accounts.id)`, app.ID, email, ProviderUserpass))
		if err == nil && n == 0 {
			err = ErrUserNotFound
		}
		return err
	}))
}

const (
	// unconfirmedLife is how long an account waits for its confirmation, from its registration or the last letter (or call of the app's function) on.
	unconfirmedLife = 30 * 24 * time.Hour
	// dropAtOnce is how many accounts are dropped in one transaction: logins wait for it.
	dropAtOnce = 1000
)

// DropUnconfirmed removes the accounts of all apps that were registered and not confirmed in time: their addresses are free again. It is called from
// time to time.
func (s *Service) DropUnconfirmed(ctx context.Context) error {
	for total := int64(0); ; {
		var n int64
		err := s.db.update(ctx, func(tx *sql.Tx) (err error) {
			n, err = changed(tx.ExecContext(ctx, `DELETE FROM accounts WHERE id IN (SELECT a.id FROM accounts a WHERE a.confirmed = 0 AND a.dropped <= ?1 AND NOT EXISTS
				(SELECT 1 FROM identities i WHERE i.app_id = a.app_id AND i.provider = ?2 AND i.identity = a.id) LIMIT ?3)`, s.now().Unix(), ProviderUserpass, dropAtOnce))
			return err
		})
		total += n
		if err == nil && n == dropAtOnce {
			continue
		}
		if total > 0 {
			s.log.Info("accounts dropped, which nobody has confirmed in 30 days", "accounts", total)
		}
		return wrap("dropping accounts", err)
	}
}
