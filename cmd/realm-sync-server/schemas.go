package main

import (
	"context"
	"errors"
	"reflect"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/jsonschema"
	"realmsync/server/sync"
)

// guardSchemas refuses schemas that an app can't get to from the classes that it has: types, optionality and primary keys stay.
func guardSchemas(configs *appconfig.Store, users *auth.Service, endpoint *sync.Server) {
	configs.Guard(func(ctx context.Context, app string, before, after *appconfig.Config) error {
		if reflect.DeepEqual(before.Schemas, after.Schemas) && reflect.DeepEqual(before.SyncService(), after.SyncService()) {
			return nil
		}
		classes, err := jsonschema.Of(after)
		if err != nil || len(classes.Schema.Classes()) == 0 {
			return err
		}
		a, err := users.App(ctx, app)
		var unknown *auth.ErrUnknownApp
		if errors.As(err, &unknown) {
			return nil // it has nothing yet
		} else if err != nil {
			return err
		}
		return endpoint.CheckClasses(ctx, app, a.Strict, classes)
	})
}
