package auth

import (
	"context"
	"errors"

	"realmsync/server/appconfig"
)

// takeOverProviders moves what the table providers of earlier versions has (migration 3 renamed it) into the apps' configurations,
// where providers are now, and drops it. It may be cut off at any point: what was moved is moved again.
func (s *Service) takeOverProviders(ctx context.Context) error {
	var n int
	if err := s.db.read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'old_providers'").Scan(&n); err != nil || n == 0 {
		return err
	}
	rows, err := s.db.read.QueryContext(ctx, "SELECT app_id, type, id, disabled FROM old_providers ORDER BY app_id, type")
	if err != nil {
		return err
	}
	defer rows.Close()
	type old struct {
		kind, id string
		disabled bool
	}
	apps := map[string][]old{}
	for rows.Next() {
		var app string
		var o old
		if err := rows.Scan(&app, &o.kind, &o.id, &o.disabled); err != nil {
			return err
		}
		apps[app] = append(apps[app], o)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for app, olds := range apps {
		// An app that was left as it was made needs no configuration of its own.
		set := false
		config := appconfig.Default(app)
		for _, o := range olds {
			p := config.Provider(o.kind)
			set = set || p != nil && p.Disabled != o.disabled
		}
		if !set {
			continue
		}
		if _, err := s.cfg.Configs.Update(ctx, app, func(c *appconfig.Config) error {
			for _, o := range olds {
				if p := c.Provider(o.kind); p != nil { // custom-token had nothing that could be set
					p.ID, p.Disabled = o.id, o.disabled
				}
			}
			return nil
		}); err != nil {
			return err
		}
		s.log.Info("login providers moved into the app's configuration", "app", app)
	}
	_, err = s.db.write.ExecContext(ctx, "DROP TABLE old_providers")
	return err
}
