package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/ejson"
	"realmsync/server/jsonschema"
)

// Set is the rules of one app's configuration, compiled. It is immutable and safe for concurrent use.
type Set struct {
	services map[string]*source
	sync     *source // the one that syncs, nil: none

	values      bson.D
	tag         string
	environment bson.D

	classes *jsonschema.Classes

	memo  sync.Mutex
	memos map[any]any // see Memo
}

// source is the rules of one data source.
type source struct {
	name        string
	defaults    []*role
	collections map[collection][]*role
	flexible    *appconfig.FlexibleSync
	class       map[string]string // the collection of a class, where it has another name
}

type collection struct{ database, name string }

// Compile compiles the rules of a configuration. The error is an *Error.
func Compile(c *appconfig.Config) (*Set, error) {
	s := &Set{services: map[string]*source{}, tag: c.Environment}
	var err error
	if s.classes, err = jsonschema.Of(c); err != nil {
		// It was stored before this was checked (Check): the app goes on without its schemas, and says so.
		s.classes = jsonschema.None(err)
	}
	for i := range c.Values {
		v, err := valueOf(c, &c.Values[i])
		if err != nil {
			return nil, fault(fmt.Sprintf("values[%d].value", i), "%v", err)
		}
		s.values = append(s.values, bson.E{Key: c.Values[i].Name, Value: v})
	}
	for name, text := range c.EnvironmentValues[c.Environment] {
		v, err := ejson.Parse(text)
		if err != nil {
			return nil, fault("environment_values."+clip(name), "%v", err)
		}
		s.environment = append(s.environment, bson.E{Key: name, Value: v})
	}
	for i := range c.Services {
		service := &c.Services[i]
		if !service.IsData() {
			continue
		}
		src, err := compileSource(service, fmt.Sprintf("services[%d]", i))
		if err != nil {
			return nil, err
		}
		s.services[service.Name] = src
		if service.FlexibleSync != nil && s.sync == nil {
			s.sync = src
			src.class = s.classes.Collections
		}
	}
	return s, nil
}

func valueOf(c *appconfig.Config, v *appconfig.Value) (any, error) {
	text := v.Value
	if v.FromSecret {
		var name string
		if err := json.Unmarshal(v.Value, &name); err != nil {
			return nil, fmt.Errorf("the name of a secret is no text: %w", err)
		}
		for i := range c.Secrets {
			if c.Secrets[i].Name == name {
				return c.Secrets[i].Value, nil
			}
		}
		return nil, fmt.Errorf("there is no secret %q", clip(name))
	}
	if len(text) == 0 {
		return nil, nil
	}
	return ejson.Parse(text)
}

func compileSource(service *appconfig.Service, path string) (*source, error) {
	src := &source{name: service.Name, collections: map[collection][]*role{}, flexible: service.FlexibleSync}
	var err error
	if service.DefaultRule != nil {
		if src.defaults, err = compileRoles(service.DefaultRule.Roles, path+".default_rule"); err != nil {
			return nil, err
		}
	}
	for i := range service.Rules {
		r := &service.Rules[i]
		roles, err := compileRoles(r.Roles, fmt.Sprintf("%s.rules[%d]", path, i))
		if err != nil {
			return nil, err
		}
		if len(roles) > 0 {
			src.collections[collection{r.Database, r.Collection}] = roles
		}
	}
	if f := service.FlexibleSync; f != nil && len(f.Permissions) > 0 {
		if err := src.legacy(f, path+".flexible_sync.permissions"); err != nil {
			return nil, err
		}
	}
	return src, nil
}

func compileRoles(roles []appconfig.Role, path string) ([]*role, error) {
	out := make([]*role, len(roles))
	for i := range roles {
		var err error
		if out[i], err = compileRole(&roles[i], fmt.Sprintf("%s.roles[%d]", path, i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// roles returns those that are considered for a collection: its own if it has any, else those of the data source.
func (src *source) roles(c collection) []*role {
	if roles := src.collections[c]; len(roles) > 0 {
		return roles
	}
	return src.defaults
}

// collectionOf returns the collection of a class.
func (src *source) collectionOf(class string) collection {
	name := class
	if other, ok := src.class[class]; ok {
		name = other
	}
	return collection{src.flexible.DatabaseName, name}
}

// Classes are the classes that the schemas of the configuration describe.
func (s *Set) Classes() *jsonschema.Classes { return s.classes }

// ClassOf returns the class of a collection of the database that syncs, whether or not it is there.
func (s *Set) ClassOf(collection string) string {
	for class, name := range s.classes.Collections {
		if name == collection {
			return class
		}
	}
	return collection
}

// CollectionOf returns the collection of a class, whether or not it is there.
func (s *Set) CollectionOf(class string) string {
	if name, ok := s.classes.Collections[class]; ok {
		return name
	}
	return class
}

// queryable tells whether queries and filters on a class may name a field. The primary key is not among them, and always may be named.
func (src *source) queryable(class, field string) bool {
	has := func(list []string) bool {
		for _, name := range list {
			if name == field {
				return true
			}
		}
		return false
	}
	if has(src.flexible.QueryableFieldsNames) || has(src.flexible.IndexedQueryableFieldsNames) {
		return true
	}
	c := src.collectionOf(class)
	return has(src.flexible.CollectionQueryableFieldNames[c.name]) || has(src.flexible.CollectionQueryableFieldNames[class])
}

// Queryable tells whether queries of devices on a class may name a field; the primary key always may be named.
func (s *Set) Queryable(class, field string) bool {
	return s.sync != nil && s.sync.queryable(class, field)
}

// env returns what expressions about a user are evaluated in.
func (s *Set) env(caller *Caller) *Env {
	return &Env{Caller: caller, Values: s.values, Tag: s.tag, Environment: s.environment}
}

// Env returns what expressions about a user are evaluated in, for those that are not part of a role (can_evaluate of functions).
func (s *Set) Env(caller *Caller) *Env { return s.env(caller) }

// legacyRole is a role of the permissions that sync configurations had before there were rules (spec/app-services.md section 12.4).
type legacyRole struct {
	Name      string          `json:"name"`
	ApplyWhen json.RawMessage `json:"applyWhen"`
	Read      json.RawMessage `json:"read"`
	Write     json.RawMessage `json:"write"`
}

// legacy adds the permissions of a sync configuration where there are no rules.
func (src *source) legacy(f *appconfig.FlexibleSync, path string) error {
	if strings.TrimSpace(string(f.Permissions)) == "null" {
		return nil
	}
	var p struct {
		Rules        map[string][]legacyRole `json:"rules"`
		DefaultRoles []legacyRole            `json:"defaultRoles"`
	}
	if err := json.Unmarshal(f.Permissions, &p); err != nil {
		return fault(path, "%v", err)
	}
	modern := func(roles []legacyRole) []appconfig.Role {
		yes := json.RawMessage("true")
		out := make([]appconfig.Role, len(roles))
		for i, r := range roles {
			out[i] = appconfig.Role{
				Name: r.Name, ApplyWhen: r.ApplyWhen, DocumentFilters: &appconfig.DocumentFilters{Read: r.Read, Write: r.Write},
				Read: yes, Write: yes, Insert: yes, Delete: yes, Search: yes,
			}
		}
		return out
	}
	if src.defaults == nil {
		roles, err := compileRoles(modern(p.DefaultRoles), path+".defaultRoles")
		if err != nil {
			return err
		}
		src.defaults = roles
	}
	for name, list := range p.Rules {
		c := collection{f.DatabaseName, name}
		if len(src.collections[c]) > 0 {
			continue
		}
		roles, err := compileRoles(modern(list), path+".rules."+clip(name))
		if err != nil {
			return err
		}
		if len(roles) > 0 {
			src.collections[c] = roles
		}
	}
	return nil
}
