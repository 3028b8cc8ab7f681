package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"realmsync/server/appconfig"
)

// role is a role of the configuration, compiled.
type role struct {
	name        string
	applyWhen   *Expression // nil: always
	filtered    bool        // document filters are given
	filterRead  *Expression
	filterWrite *Expression
	read, write *Expression
	insert, del *Expression
	search      *Expression
	fields      map[string]*fieldRule
	additional  *fieldRule
}

// fieldRule is the permission of one field.
type fieldRule struct {
	read, write *Expression
	fields      map[string]*fieldRule // of the documents in it; nil: none
}

func compileRole(r *appconfig.Role, path string) (*role, error) {
	out := &role{name: r.Name, filtered: r.DocumentFilters != nil}
	if r.Name == "" {
		return nil, fault(path, "the role has no name")
	}
	var err error
	parse := func(text json.RawMessage, member string) *Expression {
		if err != nil {
			return nil
		}
		var e *Expression
		e, err = ParseExpression(text, path+"."+member)
		return e
	}
	out.applyWhen = parse(r.ApplyWhen, "apply_when")
	if d := r.DocumentFilters; d != nil {
		out.filterRead, out.filterWrite = parse(d.Read, "document_filters.read"), parse(d.Write, "document_filters.write")
		out.filtered = out.filterRead != nil || out.filterWrite != nil
	}
	out.read, out.write = parse(r.Read, "read"), parse(r.Write, "write")
	out.insert, out.del, out.search = parse(r.Insert, "insert"), parse(r.Delete, "delete"), parse(r.Search, "search")
	var parseFields func(rules map[string]appconfig.FieldRule, at string) map[string]*fieldRule
	parseFields = func(rules map[string]appconfig.FieldRule, at string) map[string]*fieldRule {
		if len(rules) == 0 {
			return nil
		}
		out := map[string]*fieldRule{}
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			f, at := rules[name], at+"."+clip(name)
			out[name] = &fieldRule{parse(f.Read, at+".read"), parse(f.Write, at+".write"), parseFields(f.Fields, at+".fields")}
		}
		return out
	}
	out.fields = parseFields(r.Fields, "fields")
	if f := r.AdditionalFields; f != nil {
		out.additional = &fieldRule{read: parse(f.Read, "additional_fields.read"), write: parse(f.Write, "additional_fields.write")}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// applies tells whether the role applies. err: a function that decides over it failed.
func (r *role) applies(env *Env) (ok bool, err error) {
	if r.applyWhen == nil {
		return true, nil
	}
	t, err := r.applyWhen.Decide(env)
	return t == True, err
}

// field returns the rule of a field, nil if there is none.
func (r *role) field(name string) *fieldRule {
	if f := r.fields[name]; f != nil {
		return f
	}
	return r.additional
}

// incompatible says why the role gives no access to sync, "" if it does (spec/app-services.md section 12.2, rule 4). key is the name of the primary
// key, queryable tells which other fields queries may name.
func (r *role) incompatible(key string, queryable func(string) bool) string {
	if r.filterRead == nil || r.filterWrite == nil {
		return "it has no document filters for both reading and writing"
	}
	if why := documentUse(r.applyWhen); why != "" {
		return "its apply_when " + why
	}
	for _, f := range []struct {
		name string
		e    *Expression
	}{{"document_filters.read", r.filterRead}, {"document_filters.write", r.filterWrite}, {"insert", r.insert}, {"delete", r.del}} {
		if why := filterProblem(f.e, key, queryable); why != "" {
			return "its " + f.name + " " + why
		}
	}
	if is, _ := r.read.literal(); r.read != nil && !is {
		return "its read is not true or false"
	}
	if is, _ := r.write.literal(); r.write != nil && !is {
		return "its write is not true or false"
	}
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		f := r.fields[name]
		if name == key || name == "_id" {
			return "it has a permission for the field " + name
		}
		if why := f.incompatible(); why != "" {
			return fmt.Sprintf("its permission of the field %q %s", clip(name), why)
		}
	}
	if r.additional != nil {
		if why := r.additional.incompatible(); why != "" {
			return "its permission of additional fields " + why
		}
	}
	return ""
}

func (f *fieldRule) incompatible() string {
	for _, e := range []*Expression{f.read, f.write} {
		if is, _ := e.literal(); e != nil && !is {
			return "is not true or false"
		}
	}
	if f.fields != nil {
		return "has rules for the fields of a field"
	}
	return ""
}

// documentUse says how an expression depends on a document, "" if it doesn't.
func documentUse(e *Expression) (why string) {
	if e == nil {
		return ""
	}
	e.root.visit(func(o operand) {
		switch o := o.(type) {
		case field:
			why = fmt.Sprintf("names the field %q", clip(o.path[0]))
		case expansion:
			if !expansions[o.name] {
				why = "expands %%" + o.name
			}
		}
	})
	return why
}

// filterProblem says why an expression is none that sync can hold against every object, "" if it is one.
func filterProblem(e *Expression, key string, queryable func(string) bool) (why string) {
	if e == nil {
		return ""
	}
	e.root.visit(func(o operand) {
		switch o := o.(type) {
		case field:
			if len(o.path) > 1 {
				why = fmt.Sprintf("looks into the field %q", clip(o.path[0]))
			} else if o.path[0] != key && o.path[0] != "_id" && !queryable(o.path[0]) {
				why = fmt.Sprintf("names the field %q, which is not queryable", clip(o.path[0]))
			}
		case expansion:
			if !expansions[o.name] {
				why = "expands %%" + o.name
			}
		case call:
			why = "calls a function"
		}
	})
	return why
}
