package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

// Live is the rules of all apps as they are now. It is safe for concurrent use.
type Live struct {
	cfg       LiveConfig
	functions auth.Functions

	mu   sync.Mutex
	sets map[string]known // by app
}

// LiveConfig says where rules come from. Configs and Caller are required.
type LiveConfig struct {
	Configs *appconfig.Store
	// Caller tells what is known of a user.
	Caller func(ctx context.Context, app, user string) (*auth.Caller, error)
}

// known is a configuration with its rules.
type known struct {
	config *appconfig.Config
	set    *Set
}

// NewLive returns the rules of the apps of a store.
func NewLive(cfg LiveConfig) *Live { return &Live{cfg: cfg, sets: map[string]known{}} }

// SetFunctions sets the functions that roles call; without them, what calls one is undefined. Call it before the first session.
func (l *Live) SetFunctions(f auth.Functions) { l.functions = f }

// maxSets is how many apps' rules are kept.
const maxSets = 1000

// callLimit bounds a function that decides over a role.
const callLimit = 10 * time.Second

// Check is appconfig.StoreConfig.Check: it reports what is wrong with the rules of a configuration.
func Check(c *appconfig.Config) error {
	_, err := Compile(c)
	var e *Error
	if errors.As(err, &e) {
		return &appconfig.ValidationError{Path: e.Path, Reason: e.Reason}
	}
	return err
}

// Set returns the rules of an app, with the configuration that they are from.
func (l *Live) Set(ctx context.Context, app string) (*Set, *appconfig.Config, error) {
	config, err := l.cfg.Configs.Current(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if have := l.sets[app]; have.config == config {
		return have.set, config, nil
	}
	set, err := Compile(config)
	if err != nil {
		return nil, nil, fmt.Errorf("rules: the rules of app %s: %w", app, err)
	}
	if len(l.sets) >= maxSets {
		clear(l.sets)
	}
	l.sets[app] = known{config, set}
	return set, config, nil
}

// Policy is what an app's configuration says about the sync of one user.
type Policy struct {
	*Session
	// State is appconfig.SyncEnabled, SyncDisabled (paused) or SyncTerminated.
	State string
	// Development makes fields that queries name queryable.
	Development bool
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
	set, config, err := l.Set(ctx, app)
	if err != nil {
		return nil, err
	}
	caller, err := l.cfg.Caller(ctx, app, user)
	if err != nil {
		return nil, fmt.Errorf("rules: who user %s of app %s is: %w", user, app, err)
	}
	p := &Policy{Session: set.Sync(caller, l.call(context.WithoutCancel(ctx), app, caller)), Development: config.Sync.DevelopmentMode, source: set.sync}
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
			l.mu.Lock()
			delete(l.sets, app)
			l.mu.Unlock()
		}
		f(app)
	})
}

// AddQueryable makes fields of classes queryable, as development mode does for those that queries name.
func (l *Live) AddQueryable(ctx context.Context, app string, fields map[string][]string) error {
	_, err := l.cfg.Configs.Update(ctx, app, func(c *appconfig.Config) error {
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
