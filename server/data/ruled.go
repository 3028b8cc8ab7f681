package data

import (
	"context"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// Ruled are the permissions that the rules of the apps' configurations give (package rules).
type Ruled struct {
	apps interface {
		Current(ctx context.Context, app string) (*appconfig.Config, error)
	}
	functions auth.Functions

	mu   sync.Mutex
	sets map[string]compiled
}

// compiled is the rules of one configuration.
type compiled struct {
	config  *appconfig.Config
	set     *rules.Set
	filters map[Collection][]filter // of the collections that were asked about
}

// NewRuled makes permissions of the rules in configurations.
func NewRuled(apps interface {
	Current(ctx context.Context, app string) (*appconfig.Config, error)
}) *Ruled {
	return &Ruled{apps: apps, sets: map[string]compiled{}}
}

// SetFunctions sets the functions that expressions call. Without, what calls one is undefined. Call it before the first request.
func (r *Ruled) SetFunctions(f auth.Functions) { r.functions = f }

// maxSets is how many apps' rules are kept.
const maxSets = 1000

func (r *Ruled) set(ctx context.Context, app string, of Collection) (*rules.Set, []filter, error) {
	config, err := r.apps.Current(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.sets[app]
	if !ok || c.config != config { // a configuration is never changed in place
		set, err := rules.Compile(config)
		if err != nil {
			return nil, nil, fmt.Errorf("data: the rules of app %s: %w", app, err)
		}
		if len(r.sets) >= maxSets {
			clear(r.sets)
		}
		c = compiled{config, set, map[Collection][]filter{}}
		r.sets[app] = c
	}
	filters, ok := c.filters[of]
	if !ok {
		if filters, err = filtersOf(config, of); err != nil {
			return nil, nil, err
		}
		if len(c.filters) >= maxSets { // callers choose the names
			clear(c.filters)
		}
		c.filters[of] = filters
	}
	return c.set, filters, nil
}

// Access implements Permissions.
func (r *Ruled) Access(ctx context.Context, app string, caller *auth.Caller, c Collection) (Access, error) {
	if caller == nil {
		return func(bson.D, bson.D) Role { return nil }, nil
	}
	set, filters, err := r.set(ctx, app, c)
	if err != nil {
		return nil, err
	}
	var call func(string, bson.A) (any, error)
	if r.functions != nil {
		call = newRuleCalls(ctx, r.functions, app, caller).call
	}
	if len(filters) > 0 {
		env := set.Env(caller)
		env.Call = call
		if filters = applying(filters, env); len(filters) > 0 {
			return func(doc, before bson.D) Role {
				if role := set.Document(caller, c.Service, c.Database, c.Name, doc, before, call); role != nil {
					return &filtered{role, env, filters}
				}
				return nil
			}, nil
		}
	}
	return func(doc, before bson.D) Role {
		if role := set.Document(caller, c.Service, c.Database, c.Name, doc, before, call); role != nil {
			return role
		}
		return nil
	}, nil
}

// Queryable implements Permissions.
func (r *Ruled) Queryable(ctx context.Context, app string) (func(class, field string) bool, error) {
	set, _, err := r.set(ctx, app, Collection{})
	if err != nil {
		return nil, err
	}
	return set.Queryable, nil
}
