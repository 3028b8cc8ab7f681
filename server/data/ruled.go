package data

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/rules"
)

// Ruled are the permissions that the rules of the apps' configurations give (package rules).
type Ruled struct {
	sets      *rules.Sets
	functions auth.Functions
}

// NewRuled makes permissions of rules.
func NewRuled(sets *rules.Sets) *Ruled { return &Ruled{sets: sets} }

// SetFunctions sets the functions that expressions call. Without, what calls one is undefined. Call it before the first request.
func (r *Ruled) SetFunctions(f auth.Functions) { r.functions = f }

// set returns the rules of an app, and the filters of a collection.
func (r *Ruled) set(ctx context.Context, app string, of Collection) (*rules.Set, []filter, error) {
	set, config, err := r.sets.Get(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	filters, err := set.Memo(of, func() (any, error) { return filtersOf(config, of) })
	if err != nil {
		return nil, nil, err
	}
	return set, filters.([]filter), nil
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
	failed := failuresOf(ctx).note
	if len(filters) > 0 {
		env := set.Env(caller)
		env.Call, env.Failed = call, failed
		if filters, err = applying(filters, env); err != nil {
			return nil, err
		}
		if len(filters) > 0 {
			return func(doc, before bson.D) Role {
				if role := set.Document(caller, c.Service, c.Database, c.Name, doc, before, call, failed); role != nil {
					return &filtered{role, env, filters}
				}
				return nil
			}, nil
		}
	}
	return func(doc, before bson.D) Role {
		if role := set.Document(caller, c.Service, c.Database, c.Name, doc, before, call, failed); role != nil {
			return role
		}
		return nil
	}, nil
}

// Queryable implements Permissions.
func (r *Ruled) Queryable(ctx context.Context, app string) (func(class, field string) bool, error) {
	set, _, err := r.sets.Get(ctx, app)
	if err != nil {
		return nil, err
	}
	return set.Queryable, nil
}
