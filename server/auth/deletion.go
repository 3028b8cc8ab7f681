package auth

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
)

// An app is in more than one file, and the process may be killed between any two of them. So its deletion is written down here, in the transaction
// that takes the app away, until the rest is gone too. Until then there is no app of its id, and none can be made: it would find what the first has left.

// DeleteApp removes an app with its users and all that they have here, and writes down that the rest, which is not kept here, is to be removed: what
// it syncs and how it is configured. Call FinishDeletion when that is done. Open connections of its users are to be closed by those who have them.
// An app that is gone already, even if another one has its id, changes nothing.
func (s *Service) DeleteApp(ctx context.Context, app *App) error {
	gone := int64(0)
	err := s.db.update(ctx, func(tx *sql.Tx) (err error) {
		gone, err = changed(tx.ExecContext(ctx, "DELETE FROM apps WHERE id = ? AND internal_id = ?", app.ID, app.InternalID))
		if err != nil || gone == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO deletions (app_id, begun) VALUES (?,?)", app.ID, s.now().Unix())
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: deleting app %s: %w", app.ID, err)
	}
	s.mu.Lock()
	s.deleted++
	if s.byDomain[app.DomainID] != nil {
		delete(s.byID, app.ID)
		delete(s.byDomain, app.DomainID)
	}
	s.mu.Unlock()
	if gone > 0 {
		s.log.Info("app deleted", "app", app.ID)
	}
	return nil
}

// Deletions returns the ids of the apps that were deleted and of which something may be left, in their order.
func (s *Service) Deletions(ctx context.Context) (ids []string, err error) {
	rows, err := s.db.read.QueryContext(ctx, "SELECT app_id FROM deletions ORDER BY app_id")
	if err != nil {
		return nil, wrap("looking for deletions", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, wrap("looking for deletions", err)
		}
		ids = append(ids, id)
	}
	return ids, wrap("looking for deletions", rows.Err())
}

// CanCreate says whether an app can have an id, as far as deletions are concerned: nil, or an *Error with status 503 while one that had it is being deleted.
func (s *Service) CanCreate(ctx context.Context, id string) error {
	return canCreate(ctx, s.db.read, id)
}

func canCreate(ctx context.Context, q querier, id string) error {
	var n int
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM deletions WHERE app_id = ?", id).Scan(&n); err != nil {
		return wrap("looking for deletions", err)
	}
	if n == 0 {
		return nil
	}
	return &Error{Status: http.StatusServiceUnavailable, Text: fmt.Sprintf(
		"an app %s was deleted, and not all of its data is removed yet; a server does that when it starts, and every minute while it runs (its log says what is in the way): try again then", clip(id, 64))}
}

// FinishDeletion says that nothing is left of an app that was deleted: its id is free.
func (s *Service) FinishDeletion(ctx context.Context, id string) error {
	return wrap("finishing a deletion", s.db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM deletions WHERE app_id = ?", id)
		return err
	}))
}
