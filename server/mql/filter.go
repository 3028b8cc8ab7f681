package mql

import (
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxClauses bounds a filter: each clause is tried on each document.
const maxClauses = 1000

// Filter is a compiled query filter. It is immutable.
type Filter struct {
	root    predicate
	clauses []clause // that are all required: those of the top level and of $and in it
}

// clause is one condition on a field.
type clause struct {
	path  string
	test  any                     // the value to be equal to, or a document of operators
	alone func() (*Filter, error) // the clause as a filter
}

// predicate decides over a document.
type predicate func(d bson.D, m *Meter) (bool, error)

// condition decides over a value that a path leads to; missing{} if it leads nowhere.
type condition func(v any, m *Meter) (bool, error)

// CompileFilter reads a filter. The empty one matches everything.
func CompileFilter(query bson.D) (*Filter, error) { return compileFilter(query, names{}) }

// compileFilter reads a filter whose $expr may use variables.
func compileFilter(query bson.D, in names) (*Filter, error) {
	c := filterCompiler{vars: in.bounded()}
	f := &Filter{}
	root, err := c.document(query, &f.clauses)
	if err != nil {
		return nil, err
	}
	f.root = root
	return f, nil
}

// Match tells whether the filter holds for a document. The error is one of the meter.
func (f *Filter) Match(d bson.D, m *Meter) (bool, error) { return f.root(d, m) }

// Values returns the values of which a field must have one, if the filter says that: it is equal to one, or $in. ok is false if not. A value
// may be of any type; a field that is an array has one of them as an element.
func (f *Filter) Values(field string) (values []any, ok bool) {
	for _, c := range f.clauses {
		if c.path != field {
			continue
		}
		operators, isDocument := c.test.(bson.D)
		if !isDocument || !hasOperators(operators) {
			if _, regex := c.test.(bson.Regex); regex {
				continue
			}
			return []any{c.test}, true
		}
		for _, o := range operators {
			if o.Key == "$eq" {
				return []any{o.Value}, true
			}
			if list, isList := o.Value.(bson.A); o.Key == "$in" && isList && !hasRegex(list) {
				return list, true
			}
		}
	}
	return nil, false
}

// Defaults returns the fields that the filter requires to be equal to something: what an upsert puts into a new document.
func (f *Filter) Defaults() bson.D {
	out := bson.D{}
	for _, c := range f.clauses {
		v := c.test
		if operators, ok := v.(bson.D); ok && hasOperators(operators) {
			var found bool
			if v, found = Get(operators, "$eq"); !found {
				if list, _ := Get(operators, "$all"); !isSingle(list) {
					continue
				} else if v = list.(bson.A)[0]; isOperator(v) {
					continue
				}
			}
		}
		if _, regex := v.(bson.Regex); regex {
			continue
		}
		if steps, err := splitPath(c.path); err == nil {
			if set, err := assign(out, steps, v); err == nil {
				out = set.(bson.D)
			}
		}
	}
	return out
}

func hasOperators(d bson.D) bool {
	return len(d) > 0 && strings.HasPrefix(d[0].Key, "$") && d[0].Key != "$ref" && d[0].Key != "$id"
}

func isSingle(v any) bool {
	list, ok := v.(bson.A)
	return ok && len(list) == 1
}

func isOperator(v any) bool {
	d, ok := v.(bson.D)
	return ok && hasOperators(d)
}

func hasRegex(a bson.A) bool {
	for _, v := range a {
		if _, ok := v.(bson.Regex); ok {
			return true
		}
	}
	return false
}

// instead says what to do without operators that are not there.
var instead = map[string]string{
	"$where": ", it is not supported: use $expr", "$text": ", it is not supported: use $regex", "$jsonSchema": ", it is not supported: schemas are those of classes",
	"$near": " is not supported: use $geoWithin, and sort by what you compute of it", "$nearSphere": " is not supported: use $geoWithin with $centerSphere",
	"$geoIntersects": " is not supported: use $geoWithin", "$sampleRate": ", it is not supported: use the stage $sample",
	"$bitsAllSet": " is not supported", "$bitsAnySet": " is not supported", "$bitsAllClear": " is not supported", "$bitsAnyClear": " is not supported",
}

type filterCompiler struct {
	clauses int
	flat    bool   // the values are elements that $elemMatch chooses
	path    string // for messages: where the condition is
	inner   bool   // the conditions are on elements, not on the document
	vars    names  // that $expr may use, and what may be compiled
}

func (c *filterCompiler) count() error {
	if c.clauses++; c.clauses > maxClauses {
		return fail("the query has more than %d conditions", maxClauses)
	}
	return nil
}

// document compiles conditions that must all hold. Those on fields are noted, if they are required.
func (c *filterCompiler) document(query bson.D, required *[]clause) (predicate, error) {
	parts := make([]predicate, 0, len(query))
	for _, e := range query {
		if err := c.count(); err != nil {
			return nil, err
		}
		var p predicate
		var err error
		switch {
		case e.Key == "$comment":
			continue
		case e.Key == "$expr":
			if c.inner {
				return nil, fail("$expr can only be applied to the top-level document")
			}
			p, err = exprPredicate(e.Value, c.vars)
		case e.Key == "$and" || e.Key == "$or" || e.Key == "$nor":
			p, err = c.logical(e.Key, e.Value, required)
		case strings.HasPrefix(e.Key, "$"):
			return nil, fail("unknown top level operator: %s%s", clip(e.Key), instead[e.Key])
		default:
			if required != nil {
				*required = append(*required, clause{e.Key, e.Value, sync.OnceValues(func() (*Filter, error) { return CompileFilter(bson.D{e}) })})
			}
			p, err = c.field(e.Key, e.Value)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return all(parts), nil
}

func all(parts []predicate) predicate {
	if len(parts) == 1 {
		return parts[0]
	}
	return func(d bson.D, m *Meter) (bool, error) {
		for _, p := range parts {
			if ok, err := p(d, m); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

func (c *filterCompiler) logical(name string, v any, required *[]clause) (predicate, error) {
	list, ok := v.(bson.A)
	if !ok || len(list) == 0 {
		return nil, fail("%s must be a nonempty array", name)
	}
	if name == "$nor" || name == "$or" && len(list) > 1 {
		required = nil
	}
	parts := make([]predicate, 0, len(list))
	for _, e := range list {
		d, ok := e.(bson.D)
		if !ok {
			return nil, fail("%s argument's entries must be objects", name)
		}
		if err := c.count(); err != nil {
			return nil, err
		}
		p, err := c.document(d, required)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if name == "$and" {
		return all(parts), nil
	}
	return func(d bson.D, m *Meter) (bool, error) {
		for _, p := range parts {
			if ok, err := p(d, m); ok || err != nil {
				return name == "$or" && err == nil, err
			}
		}
		return name == "$nor", nil
	}, nil
}

// field compiles a condition on a path.
func (c *filterCompiler) field(path string, v any) (predicate, error) {
	steps, err := splitPath(path)
	if err != nil {
		return nil, err
	}
	outer := c.path
	if c.path = path; outer != "" {
		c.path = outer + "." + path
	}
	defer func() { c.path = outer }()
	operators, ok := v.(bson.D)
	if !ok || !hasOperators(operators) {
		test, err := c.equalTo(v)
		if err != nil {
			return nil, err
		}
		return somewhere(steps, test), nil
	}
	return c.operators(operators, func(test condition) predicate { return somewhere(steps, test) })
}

// somewhere holds if the condition does for one of the values that the path leads to.
func somewhere(steps []string, test condition) predicate {
	return func(d bson.D, m *Meter) (bool, error) {
		return walk(d, steps, m, func(v any) (bool, error) { return test(v, m) })
	}
}

// operators compiles {$gt: ..., $lt: ...}. place makes a predicate of a condition.
func (c *filterCompiler) operators(operators bson.D, place func(condition) predicate) (predicate, error) {
	var parts []predicate
	for _, o := range operators {
		if err := c.count(); err != nil {
			return nil, err
		}
		var p predicate
		switch o.Key {
		case "$options":
			if _, ok := Get(operators, "$regex"); !ok {
				return nil, fail("$options needs a $regex")
			}
			continue
		case "$ne", "$nin":
			if _, regex := o.Value.(bson.Regex); regex {
				return nil, fail("Can't have regex as arg to %s.", o.Key)
			}
			test, err := c.operator(map[string]string{"$ne": "$eq", "$nin": "$in"}[o.Key], o.Value, operators)
			if err != nil {
				return nil, err
			}
			p = negated(place(test))
		case "$not":
			inner, err := c.not(o.Value, place)
			if err != nil {
				return nil, err
			}
			p = negated(inner)
		case "$all":
			list, ok := o.Value.(bson.A)
			if !ok {
				return nil, fail("$all needs an array")
			}
			each := make([]predicate, 0, len(list))
			for _, e := range list {
				if err := c.count(); err != nil {
					return nil, err
				}
				test, err := c.allElement(e)
				if err != nil {
					return nil, err
				}
				each = append(each, place(test))
			}
			if p = all(each); len(each) == 0 {
				p = func(bson.D, *Meter) (bool, error) { return false, nil }
			}
		default:
			test, err := c.operator(o.Key, o.Value, operators)
			if err != nil {
				return nil, err
			}
			p = place(test)
			if o.Key == "$exists" && !truthy(o.Value) {
				exists, err := c.operator("$exists", true, nil)
				if err != nil {
					return nil, err
				}
				p = negated(place(exists))
			}
		}
		parts = append(parts, p)
	}
	return all(parts), nil
}

func (c *filterCompiler) allElement(e any) (condition, error) {
	if d, ok := e.(bson.D); ok && len(d) == 1 && d[0].Key == "$elemMatch" {
		return c.elemMatch(d[0].Value)
	}
	if d, ok := e.(bson.D); ok && hasOperators(d) {
		return nil, fail("no $ expressions in $all")
	}
	return c.equalTo(e)
}

func (c *filterCompiler) not(v any, place func(condition) predicate) (predicate, error) {
	switch v := v.(type) {
	case bson.Regex:
		test, err := c.equalTo(v)
		if err != nil {
			return nil, err
		}
		return place(test), nil
	case bson.D:
		if hasOperators(v) {
			return c.operators(v, place)
		}
	}
	return nil, fail("$not needs a regex or a document of operators")
}

// exprPredicate compiles $expr: an aggregation expression that is true.
func exprPredicate(v any, in names) (predicate, error) {
	e, err := compileExpression(v, in)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (bool, error) {
		v, err := e(d, m)
		return err == nil && truthy(v), err
	}, nil
}

// position returns the index of the first element of the array at a path that the filter's conditions on the path hold for. ok is false if none is
// found: the filter is about something else, or about the array as a whole.
func (f *Filter) position(steps []string, d bson.D, m *Meter) (i int, ok bool, err error) {
	v, _ := lookup(d, steps)
	list, _ := v.(bson.A)
	path := strings.Join(steps, ".")
	var tests []*Filter
	for _, c := range f.clauses {
		if c.path != path && !strings.HasPrefix(c.path, path+".") {
			continue
		}
		test, err := c.alone()
		if err != nil {
			return 0, false, err
		}
		tests = append(tests, test)
	}
	if tests == nil {
		tests = []*Filter{f} // the condition is in an $or
	}
	with := func(test *Filter, elements bson.A) (bool, error) {
		if err := m.Step(1 + spine(d, steps)); err != nil {
			return false, err
		}
		one, err := assign(d, steps, elements)
		if err != nil {
			return false, err
		}
		return test.Match(one.(bson.D), m)
	}
	for _, test := range tests {
		if ok, err := with(test, bson.A{}); err != nil {
			return 0, false, err
		} else if ok {
			continue // no element is the reason
		}
		for i, e := range list {
			if ok, err := with(test, bson.A{e}); ok || err != nil {
				return i, ok, err
			}
		}
	}
	return 0, false, nil
}

func negated(p predicate) predicate {
	return func(d bson.D, m *Meter) (bool, error) {
		ok, err := p(d, m)
		return !ok && err == nil, err
	}
}
