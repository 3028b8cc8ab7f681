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

// guardSchemas refuses schemas that an app can't get to from the classes that it has: types, optionality and primary keys stay. When sync is enabled
// that was terminated, types and optionality may change: all devices reset.
func guardSchemas(configs *appconfig.Store, users *auth.Service, endpoint *sync.Server) {
	configs.Guard(func(ctx context.Context, app string, before, after *appconfig.Config) error {
		was, is := before.SyncService(), after.SyncService()
		if reflect.DeepEqual(before.Schemas, after.Schemas) && reflect.DeepEqual(was, is) {
			return nil
		}
		classes, err := jsonschema.Of(after)
		if err != nil {
			return err
		}
		again := terminated(was) && !terminated(is)
		if len(classes.Schema.Classes()) == 0 && !again {
			return nil
		}
		a, err := users.ExistingApp(ctx, app)
		var unknown *auth.ErrUnknownApp
		if errors.As(err, &unknown) {
			return nil // it has nothing yet
		} else if err != nil {
			return err
		}
		if again {
			// Files can say that it was, and a server that was killed may not have done all of it.
			if err := endpoint.Terminate(ctx, a); err != nil {
				return err
			}
		}
		return endpoint.CheckClasses(ctx, app, a.Strict, again, classes)
	})
}

func terminated(s *appconfig.Service) bool {
	return s != nil && s.FlexibleSync.State == appconfig.SyncTerminated
}
