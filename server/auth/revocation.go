package auth

import (
	"context"
	"database/sql"
)

// Reason says what happened to a user. It is stored: the numbers stay.
type Reason int

// The reasons of a revocation.
const (
	SessionsRevoked Reason = iota + 1 // close with 4001: the refresh that follows fails, and the client logs out
	UserDisabled                      // as above
	UserDeleted                       // close with 4002
)

// Revocation is an event for those who hold connections of a user.
type Revocation struct {
	AppID  string
	UserID string // "" for all users of the app
	Reason Reason
}

// maxRevocations is how many are kept for those who have not looked yet. Each is a transaction of its own, so nobody makes as many within the
// second in which a server looks.
const maxRevocations = 10_000

// revoke writes down what a transaction revokes. Call TellRevoked after it.
func revoke(ctx context.Context, tx *sql.Tx, r Revocation) error {
	made, err := tx.ExecContext(ctx, "INSERT INTO revocations (app_id, user_id, reason) VALUES (?,?,?)", r.AppID, r.UserID, r.Reason)
	if err != nil {
		return err
	}
	seq, err := made.LastInsertId()
	if err != nil {
		return err
	}
	// Never the newest one: the next number is above it.
	_, err = tx.ExecContext(ctx, "DELETE FROM revocations WHERE seq <= ?", seq-maxRevocations)
	return err
}

// TellRevoked calls Config.OnRevoke with what was revoked since the last call, in this process or in another one that has the data directory open,
// such as the command line. It is called after each revocation of this process; whoever serves connections calls it from time to time for those
// of others. What could not be read is told by the next call.
func (s *Service) TellRevoked(ctx context.Context) error {
	if s.cfg.OnRevoke == nil {
		return nil
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	rows, err := s.db.read.QueryContext(ctx, "SELECT seq, app_id, user_id, reason FROM revocations WHERE seq > ? ORDER BY seq", s.told)
	if err != nil {
		return wrap("looking for what was revoked", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var r Revocation
		if err := rows.Scan(&seq, &r.AppID, &r.UserID, &r.Reason); err != nil {
			return wrap("looking for what was revoked", err)
		}
		s.cfg.OnRevoke(r)
		s.told = seq
	}
	return wrap("looking for what was revoked", rows.Err())
}

// revoked is TellRevoked behind a change that is done, whatever becomes of the request that made it.
func (s *Service) revoked(ctx context.Context) {
	if err := s.TellRevoked(context.WithoutCancel(ctx)); err != nil {
		s.log.Error("open connections were not told of a revocation yet", "error", err)
	}
}
