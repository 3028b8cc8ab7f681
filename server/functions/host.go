package functions

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/ejson"
	"realmsync/server/functions/worker"
	"realmsync/server/rules"
)

// snapshot is a configuration with what is worked out of it once. It is immutable but for rules, which wait until they are asked for.
type snapshot struct {
	config   *appconfig.Config
	set      *rules.Set // nil: the rules of the app don't compile
	values   map[string]any
	services []string // that have data
}

// snapshot returns that of a configuration, which is the last one's as long as it is the same.
func (a *app) snapshot(config *appconfig.Config) *snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil || a.last.config != config {
		set, err := rules.Compile(config)
		if err != nil {
			set = nil // what is not true under no rules is refused
		}
		a.last = &snapshot{config, set, valuesOf(config), nil}
		for _, s := range config.Services {
			if s.IsData() {
				a.last.services = append(a.last.services, s.Name)
			}
		}
	}
	return a.last
}

// valuesOf reads the values of an app. One that is not extended JSON, or whose secret is not there, is not there.
func valuesOf(c *appconfig.Config) map[string]any {
	out := map[string]any{}
	for _, v := range c.Values {
		if v.FromSecret {
			var name string
			if json.Unmarshal(v.Value, &name) != nil {
				continue
			}
			if secret := c.Secret(name); secret != nil {
				out[v.Name] = secret.Value
			}
			continue
		}
		if value, err := ejson.Parse(v.Value); err == nil {
			out[v.Name] = value
		}
	}
	return out
}

// host is what one call can reach: worker.Host.
type host struct {
	s        *Service
	app      string
	caller   *auth.Caller
	snapshot *snapshot
}

// Function implements worker.Host. Private functions are there: functions may call them.
func (h *host) Function(ctx context.Context, name string, args bson.A) (*worker.Function, error) {
	f := h.snapshot.config.Function(name)
	if f == nil {
		return nil, nil
	}
	if !h.mayCall(ctx, f, args) {
		return nil, apierror.New(http.StatusForbidden, "NoMatchingRuleFound", "no rule lets the user call function '%s'", f.Name)
	}
	return &worker.Function{Name: f.Name, Source: f.Source, System: f.RunAsSystem}, nil
}

// Module implements worker.Host.
func (h *host) Module(ctx context.Context, name string) (*worker.Function, error) {
	return h.Function(ctx, name, nil)
}

// mayCall evaluates can_evaluate (app-services 12.4). What cannot be evaluated is not true.
func (h *host) mayCall(ctx context.Context, f *appconfig.Function, args bson.A) bool {
	if h.caller.System || len(f.CanEvaluate) == 0 {
		return true
	}
	e, err := rules.ParseExpression(f.CanEvaluate, "can_evaluate")
	if err != nil || h.snapshot.set == nil {
		return false
	}
	env := h.snapshot.set.Env(h.caller)
	env.Args = args
	env.Call = func(name string, args bson.A) (any, error) { return h.s.Call(ctx, h.app, h.caller, name, args) }
	return e.Evaluate(env) == rules.True
}

// Data implements worker.Host.
func (h *host) Data(ctx context.Context, system bool, service, method string, arg bson.D) (any, error) {
	if h.s.cfg.Data == nil {
		return nil, errors.New("there is no data")
	}
	caller := *h.caller
	caller.System = caller.System || system
	return h.s.cfg.Data.Call(ctx, h.app, &caller, service, method, arg)
}

// Value implements worker.Host.
func (h *host) Value(name string) (any, bool) {
	v, ok := h.snapshot.values[name]
	return v, ok
}
