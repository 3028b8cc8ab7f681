package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/schema"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/jsonschema"
)

// Live is the rules of all apps as they are now. It is safe for concurrent use.
type Live struct {
	cfg       LiveConfig
	functions auth.Functions
}

// LiveConfig says where rules come from. Configs and Caller are required.
type LiveConfig struct {
	Configs *appconfig.Store
	// Sets are the compiled rules, to share them; nil: its own.
	Sets *Sets
	// Exists returns an error for an app that was deleted: what devices bring late must not give it a configuration again. nil: there are all.
	Exists func(ctx context.Context, app string) error
	// Caller tells what is known of a user.
	Caller func(ctx context.Context, app, user string) (*auth.Caller, error)
}

// NewLive returns the rules of the apps of a store.
func NewLive(cfg LiveConfig) *Live {
	if cfg.Sets == nil {
		cfg.Sets = NewSets(cfg.Configs)
	}
	return &Live{cfg: cfg}
}

// SetFunctions sets the functions that roles call; without them, what calls one is undefined. Call it before the first session.
func (l *Live) SetFunctions(f auth.Functions) { l.functions = f }

// callLimit bounds a function that decides over a role.
const callLimit = 10 * time.Second

// Policy is what an app's configuration says about the sync of one user.
type Policy struct {
	*Session
	// State is appconfig.SyncEnabled, SyncDisabled (paused) or SyncTerminated.
	State string
	// Development makes fields that queries name queryable.
	Development bool
	// Classes are those of the app's configuration; always the same for the same configuration.
	Classes *jsonschema.Classes
	// SchemaVersion is the newest version of the app's schema: there are all from 0.
	SchemaVersion uint64
	// NoRecovery says that clients that are reset may not recover what they had not uploaded.
	NoRecovery bool

	source *source
}

// Queryable tells whether queries on a class may name a field. The primary key always may be named.
func (p *Policy) Queryable(class, field string) bool {
	return p.source != nil && p.source.queryable(class, field)
}

// Policy returns what holds for a session of a user that starts now.
func (l *Live) Policy(ctx context.Context, app, user string) (*Policy, error) {
	set, config, err := l.cfg.Sets.Get(ctx, app)
	if err != nil {
		return nil, err
	}
	caller, err := l.cfg.Caller(ctx, app, user)
	if err != nil {
		return nil, fmt.Errorf("rules: who user %s of app %s is: %w", user, app, err)
	}
	p := &Policy{Session: set.Sync(caller, l.call(context.WithoutCancel(ctx), app, caller)), Development: config.Sync.DevelopmentMode, source: set.sync,
		Classes: set.classes, SchemaVersion: uint64(max(config.Sync.SchemaVersion, 0))}
	if set.sync != nil {
		p.State, p.NoRecovery = set.sync.flexible.State, set.sync.flexible.IsRecoveryModeDisabled
	}
	return p, nil
}

// call returns what calls functions for a user's roles, nil if there are no functions.
func (l *Live) call(ctx context.Context, app string, caller *Caller) func(name string, args bson.A) (any, error) {
	if l.functions == nil {
		return nil
	}
	return func(name string, args bson.A) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		// Roles may call private functions: nobody sees more of them than whether the role applies.
		system := *caller
		system.System = true
		return l.functions.Call(ctx, app, &system, name, args)
	}
}

// Watch calls f after each change of an app's configuration. f must not block.
func (l *Live) Watch(f func(app string)) (cancel func()) {
	return l.cfg.Configs.Watch(func(app string, _, after *appconfig.Config) {
		if after == nil {
			l.cfg.Sets.forget(app)
		}
		f(app)
	})
}

// Classes returns the classes of an app's configuration; always the same for the same configuration.
func (l *Live) Classes(ctx context.Context, app string) (*jsonschema.Classes, error) {
	set, _, err := l.cfg.Sets.Get(ctx, app)
	if err != nil {
		return nil, err
	}
	return set.classes, nil
}

// AddClasses writes the classes of a schema into the configuration of an app, if it is in development mode.
func (l *Live) AddClasses(ctx context.Context, app string, s *schema.Schema) error {
	_, err := l.cfg.Configs.Update(ctx, app, func(c *appconfig.Config) error {
		if err := l.exists(ctx, app); err != nil {
			return err
		}
		if !c.Sync.DevelopmentMode {
			return errNothing
		}
		added, err := jsonschema.Add(app, c, s)
		if err == nil && !added {
			return errNothing
		}
		return err
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

var errNothing = errors.New("rules: there is nothing to change")

func (l *Live) exists(ctx context.Context, app string) error {
	if l.cfg.Exists == nil {
		return nil
	}
	return l.cfg.Exists(ctx, app)
}

// AddQueryable makes fields of classes queryable, as development mode does for those that queries name.
func (l *Live) AddQueryable(ctx context.Context, app string, fields map[string][]string) error {
	_, err := l.cfg.Configs.Update(ctx, app, func(c *appconfig.Config) error {
		if err := l.exists(ctx, app); err != nil {
			return err
		}
		s := c.SyncService()
		if s == nil {
			return fmt.Errorf("rules: app %s has no data source that syncs", app)
		}
		for _, names := range fields {
			for _, name := range names {
				if !slices.Contains(s.FlexibleSync.QueryableFieldsNames, name) {
					s.FlexibleSync.QueryableFieldsNames = append(s.FlexibleSync.QueryableFieldsNames, name)
				}
			}
		}
		slices.Sort(s.FlexibleSync.QueryableFieldsNames)
		return nil
	})
	return err
}
