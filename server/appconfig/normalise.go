package appconfig

import "encoding/json"

// normalise gives each meaning one form: null is absent, lists that JSON shows are never nil.
func (c *Config) normalise() {
	list(&c.Providers)
	list(&c.Secrets)
	list(&c.Functions)
	list(&c.Values)
	list(&c.Services)
	list(&c.Schemas)
	absent(&c.Settings)
	for i := range c.Providers {
		absent(&c.Providers[i].Config)
		absent(&c.Providers[i].SecretConfig)
	}
	for i := range c.Functions {
		absent(&c.Functions[i].CanEvaluate)
	}
	for i := range c.Values {
		if c.Values[i].Value == nil {
			c.Values[i].Value = json.RawMessage("null")
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		list(&s.Rules)
		absent(&s.Config)
		absent(&s.SecretConfig)
		absent(&s.PartitionSync)
		if s.FlexibleSync != nil {
			list(&s.FlexibleSync.QueryableFieldsNames)
			absent(&s.FlexibleSync.Permissions)
		}
		if s.DefaultRule != nil {
			s.DefaultRule.normalise()
		}
		for j := range s.Rules {
			s.Rules[j].normalise()
		}
	}
	for i := range c.Schemas {
		absent(&c.Schemas[i].Relationships)
	}
}

func (r *Rule) normalise() {
	list(&r.Roles)
	absent(&r.Filters)
	for i := range r.Roles {
		role := &r.Roles[i]
		for _, e := range []*json.RawMessage{&role.ApplyWhen, &role.Read, &role.Write, &role.Insert, &role.Delete, &role.Search} {
			absent(e)
		}
		if f := role.DocumentFilters; f != nil {
			absent(&f.Read)
			absent(&f.Write)
		}
		for name, f := range role.Fields {
			f.normalise()
			role.Fields[name] = f
		}
		if role.AdditionalFields != nil {
			role.AdditionalFields.normalise()
		}
	}
}

func (f *FieldRule) normalise() {
	absent(&f.Read)
	absent(&f.Write)
	for name, inner := range f.Fields {
		inner.normalise()
		f.Fields[name] = inner
	}
}

func absent(raw *json.RawMessage) {
	if isNull(*raw) {
		*raw = nil
	}
}

func list[T any](l *[]T) {
	if *l == nil {
		*l = []T{}
	}
}
