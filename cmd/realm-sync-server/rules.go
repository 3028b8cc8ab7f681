package main

import (
	"context"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// liveRules are the rules of all apps.
func liveRules(configs *appconfig.Store, sets *rules.Sets, users *auth.Service) *rules.Live {
	return rules.NewLive(rules.LiveConfig{Configs: configs, Sets: sets, Exists: exists(users), Caller: func(ctx context.Context, app, user string) (*auth.Caller, error) {
		a, err := users.ExistingApp(ctx, app)
		if err != nil {
			return nil, err
		}
		return users.Caller(ctx, a, user)
	}})
}
