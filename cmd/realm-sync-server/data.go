package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/history"
	"realmsync/server/rules"
	"realmsync/server/sync"
)

// openData makes what programs read and write of the apps, under the apps' rules. The custom data of users comes from there. endpoint returns the
// endpoint, which is made after it: it tells of asymmetric objects.
func (c *serveCommand) openData(users *auth.Service, configs *appconfig.Store, sets *rules.Sets, endpoint func() *sync.Server, log *slog.Logger) (*data.Data, *data.Ruled, error) {
	ruled := data.NewRuled(sets)
	d, err := data.Open(data.Config{
		Apps: configs, Permissions: ruled, Rules: sets, Logger: log,
		Path:   func(app string) string { return filepath.Join(c.Data, "apps", app, "documents.db") },
		Exists: exists(users),
		Engine: func(ctx context.Context, id string) (*history.Engine, func(), error) {
			app, err := users.ExistingApp(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			return endpoint().Engine(ctx, id, app.Strict)
		},
	})
	if err != nil {
		return nil, nil, err
	}
	users.SetCustomData(d)
	return d, ruled, nil
}
