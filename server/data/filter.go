package data

import (
	"encoding/json"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/ejson"
	"realmsync/server/mql"
	"realmsync/server/rules"
)

// filter is one of the filters of a rule (spec/app-services.md section 12.1): for callers that apply_when is true for, documents that the query isn't
// true for are not there, and of the others fields are left out. Filters are for programs; sync knows none.
type filter struct {
	when, query *rules.Expression // nil: always, every document
	projection  *mql.Projection
}

// filtersOf compiles the filters of a collection: those of its own rule, or of the data source's default rule if it has none, or one that says nothing, as
// for roles.
func filtersOf(config *appconfig.Config, c Collection) ([]filter, error) {
	s := config.Service(c.Service)
	if s == nil {
		return nil, nil
	}
	rule := s.DefaultRule
	for i := range s.Rules {
		if r := &s.Rules[i]; r.Database == c.Database && r.Collection == c.Name && (len(r.Roles) > 0 || hasFilters(r.Filters)) {
			rule = &r.Rule
		}
	}
	if rule == nil || !hasFilters(rule.Filters) {
		return nil, nil
	}
	var list []struct {
		Name       string          `json:"name"`
		ApplyWhen  json.RawMessage `json:"apply_when"`
		Query      json.RawMessage `json:"query"`
		Projection json.RawMessage `json:"projection"`
	}
	if err := json.Unmarshal(rule.Filters, &list); err != nil {
		return nil, fmt.Errorf("data: the filters of %s.%s: %w", c.Database, c.Name, err)
	}
	out := make([]filter, len(list))
	for i, f := range list {
		path := fmt.Sprintf("filters[%d]", i)
		var err error
		if out[i].when, err = rules.ParseExpression(f.ApplyWhen, path+".apply_when"); err != nil {
			return nil, fmt.Errorf("data: %s.%s: %w", c.Database, c.Name, err)
		}
		if out[i].query, err = rules.ParseExpression(f.Query, path+".query"); err != nil {
			return nil, fmt.Errorf("data: %s.%s: %w", c.Database, c.Name, err)
		}
		if len(f.Projection) == 0 || string(f.Projection) == "null" {
			continue
		}
		fields, err := ejson.ParseDocument(f.Projection)
		if err == nil {
			out[i].projection, err = mql.CompileFields(fields)
		}
		if err != nil {
			return nil, fmt.Errorf("data: %s.%s: %s.projection: %w", c.Database, c.Name, path, err)
		}
	}
	return out, nil
}

// hasFilters tells whether a rule says anything of filters.
func hasFilters(raw json.RawMessage) bool {
	var list []json.RawMessage
	return len(raw) > 0 && (json.Unmarshal(raw, &list) != nil || len(list) > 0)
}

// filtered is a role under the filters that apply to a caller.
type filtered struct {
	Role

	env     *rules.Env
	filters []filter
}

// Readable implements Role.
func (f *filtered) Readable(doc bson.D) (bson.D, bool) {
	env := *f.env
	env.Root, env.RootBSON = rules.BSON(doc), doc
	for _, one := range f.filters {
		if one.query != nil && !one.query.Holds(&env) {
			return nil, false
		}
	}
	part, ok := f.Role.Readable(doc)
	for _, one := range f.filters {
		part = one.projection.Keep(part)
	}
	return part, ok
}

// hides tells whether the filters leave out what is at a path, whatever it is.
func (f *filtered) hides(path []string) bool {
	var probe any = true
	for i := len(path) - 1; i >= 0; i-- {
		probe = bson.D{{Key: path[i], Value: probe}}
	}
	return slices.ContainsFunc(f.filters, func(one filter) bool { return !mql.Identical(one.projection.Keep(probe.(bson.D)), probe) })
}

// applying returns those of the filters that apply to the caller of an environment. err: a function that decides over it failed.
func applying(filters []filter, env *rules.Env) (out []filter, err error) {
	for _, f := range filters {
		applies := rules.True
		if f.when != nil {
			if applies, err = f.when.Decide(env); err != nil {
				return nil, err
			}
		}
		if applies == rules.True {
			out = append(out, f)
		}
	}
	return out, nil
}
