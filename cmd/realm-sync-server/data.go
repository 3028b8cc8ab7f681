package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"runtime"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/fairqueue"
	"realmsync/server/history"
	"realmsync/server/rules"
	"realmsync/server/sync"
)

// Of the long operations of programs, as many may wait: those of one app, and all together. What they hold of results meanwhile is bounded for each of them.
const (
	waitOfApp = 32
	waitOfAll = 128
)

// longWork is where whatever reads much of an app's data waits for its turn: as much goes on at the same time as there are cores, however many apps and callers there
// are, so that short work, as the sync of devices that keep up, always comes to its own.
func longWork() *fairqueue.Queue { return fairqueue.New(runtime.GOMAXPROCS(0), waitOfApp, waitOfAll) }

// openData makes what programs read and write of the apps, under the apps' rules. The custom data of users comes from there. endpoint returns the
// endpoint, which is made after it: it tells of asymmetric objects.
func (c *serveCommand) openData(users *auth.Service, configs *appconfig.Store, sets *rules.Sets, turns *fairqueue.Queue, endpoint func() *sync.Server, log *slog.Logger) (*data.Data, *data.Ruled, error) {
	ruled := data.NewRuled(sets)
	d, err := data.Open(data.Config{
		Apps: configs, Permissions: ruled, Rules: sets, Turns: turns, Logger: log,
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
