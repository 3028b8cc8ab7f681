package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/rules"
)

// liveRules are the rules of all apps.
func liveRules(configs *appconfig.Store, users *auth.Service) *rules.Live {
	return rules.NewLive(rules.LiveConfig{Configs: configs, Caller: func(ctx context.Context, app, user string) (*auth.Caller, error) {
		a, err := users.App(ctx, app)
		if err != nil {
			return nil, err
		}
		return users.Caller(ctx, a, user)
	}})
}

// programRules are the rules for programs: data.Permissions.
type programRules struct{ live *rules.Live }

var _ data.Permissions = programRules{}

// Access implements data.Permissions.
func (p programRules) Access(ctx context.Context, app string, caller *auth.Caller, c data.Collection) (data.Access, error) {
	if caller != nil && caller.System {
		return nil, nil
	}
	set, _, err := p.live.Set(ctx, app)
	if err != nil {
		return nil, err
	}
	call := p.live.Call(ctx, app, caller)
	return func(doc, before bson.D) data.Role {
		if r := set.Document(caller, c.Service, c.Database, c.Name, doc, before, call); r != nil {
			return r
		}
		return nil
	}, nil
}
