package mql

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// orElement makes a condition hold for an array too if it does for one of its elements. Of what $elemMatch chooses, nothing is gone into.
func (c *filterCompiler) orElement(test condition) condition {
	if c.flat {
		return test
	}
	return func(v any, m *Meter) (bool, error) {
		if ok, err := test(v, m); ok || err != nil {
			return ok, err
		}
		a, ok := v.(bson.A)
		if !ok {
			return false, nil
		}
		for _, e := range a {
			if ok, err := test(e, m); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
}

// cost is what comparing with a value may take.
func cost(v any) int { return 1 + Size(v)/64 }

// equal holds for values that are equal to one.
func equal(want any) condition {
	steps := cost(want)
	return func(v any, m *Meter) (bool, error) { return Equal(v, want), m.Step(steps) }
}

// equalTo compiles {field: value}; a regular expression matches strings.
func (c *filterCompiler) equalTo(want any) (condition, error) {
	if r, ok := want.(bson.Regex); ok {
		test, err := c.regex(r)
		if err != nil {
			return nil, err
		}
		return c.orElement(test), nil
	}
	return c.orElement(equal(want)), nil
}

// regex compiles a regular expression.
func (c *filterCompiler) regex(r bson.Regex) (condition, error) {
	test, size, err := regexTest(r.Pattern, r.Options)
	if err == nil {
		err = c.vars.program(size)
	}
	return test, err
}

// operator compiles one operator on a value. all are those beside it, for $options.
func (c *filterCompiler) operator(name string, arg any, all bson.D) (condition, error) {
	switch name {
	case "$eq":
		return c.orElement(equal(arg)), nil // a regular expression is a value like others
	case "$gt", "$gte", "$lt", "$lte":
		if _, regex := arg.(bson.Regex); regex {
			return nil, fail("Can't have RegEx as arg to predicate over field '%s': %s", clip(c.path), name)
		}
		return c.orElement(ordered(name, arg)), nil
	case "$in":
		return c.in(arg)
	case "$exists":
		return func(v any, m *Meter) (bool, error) {
			_, absent := v.(missing)
			return !absent, nil
		}, nil
	case "$type":
		test, err := typeTest(arg)
		if err != nil {
			return nil, err
		}
		return c.orElement(test), nil
	case "$size":
		n, ok := wholeNumber(arg)
		if !ok || n < 0 {
			return nil, fail("$size needs a non-negative whole number")
		}
		return func(v any, m *Meter) (bool, error) {
			a, ok := v.(bson.A)
			return ok && int64(len(a)) == n, nil
		}, nil
	case "$mod":
		test, err := modTest(arg)
		if err != nil {
			return nil, err
		}
		return c.orElement(test), nil
	case "$elemMatch":
		return c.elemMatch(arg)
	case "$regex":
		options, _ := Get(all, "$options")
		switch r := arg.(type) {
		case bson.Regex:
			if text, ok := options.(string); ok {
				r.Options = text
			}
			return c.equalTo(r)
		case string:
			text, ok := options.(string)
			if options != nil && !ok {
				return nil, fail("$options has to be a string")
			}
			return c.equalTo(bson.Regex{Pattern: r, Options: text})
		}
		return nil, fail("$regex has to be a string")
	case "$geoWithin":
		return geoWithin(arg)
	default:
		return nil, fail("unknown operator: %s, at '%s'%s", clip(name), clip(c.path), instead[name])
	}
}

// ordered compiles comparisons, which hold between values of one class only; but all are between MinKey and MaxKey.
func ordered(name string, want any) condition {
	kind, steps := classOf(want), cost(want)
	all := kind == classMin || kind == classMax
	return func(v any, m *Meter) (bool, error) {
		if err := m.Step(steps); err != nil || classOf(v) != kind && !all {
			return false, err
		}
		if kind == classNumber && (number(v).IsNaN() || number(want).IsNaN()) && !(number(v).IsNaN() && number(want).IsNaN()) {
			return false, nil
		}
		switch c := Compare(v, want); name {
		case "$gt":
			return c > 0, nil
		case "$gte":
			return c >= 0, nil
		case "$lt":
			return c < 0, nil
		default:
			return c <= 0, nil
		}
	}
}

func (c *filterCompiler) in(arg any) (condition, error) {
	list, ok := arg.(bson.A)
	if !ok {
		return nil, fail("$in needs an array")
	}
	var plain bson.A
	var patterns []condition
	for _, v := range list {
		if d, ok := v.(bson.D); ok && hasOperators(d) {
			return nil, fail("cannot nest $ under $in")
		}
		r, ok := v.(bson.Regex)
		if !ok {
			plain = append(plain, v)
			continue
		}
		if err := c.count(); err != nil {
			return nil, err
		}
		test, err := c.regex(r)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, test)
	}
	slices.SortFunc(plain, Compare)
	return c.orElement(func(v any, m *Meter) (bool, error) {
		if err := m.Step(cost(v)); err != nil {
			return false, err
		}
		if _, ok := slices.BinarySearchFunc(plain, v, Compare); ok {
			return true, nil
		}
		for _, p := range patterns {
			if ok, err := p(v, m); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}), nil
}

func (c *filterCompiler) elemMatch(arg any) (condition, error) {
	query, ok := arg.(bson.D)
	if !ok {
		return nil, fail("$elemMatch needs an Object")
	}
	if err := c.count(); err != nil {
		return nil, err
	}
	var test condition
	if hasOperators(query) && query[0].Key != "$and" && query[0].Key != "$or" && query[0].Key != "$nor" {
		// On the element itself, which is put into a document to have a path.
		steps, outer := []string{"e"}, c.flat
		c.flat = true
		p, err := c.operators(query, func(test condition) predicate { return somewhere(steps, test) })
		if c.flat = outer; err != nil {
			return nil, err
		}
		test = func(v any, m *Meter) (bool, error) { return p(bson.D{{Key: "e", Value: v}}, m) }
	} else {
		flat, inner := c.flat, c.inner
		c.flat, c.inner = false, true
		p, err := c.document(query, nil)
		if c.flat, c.inner = flat, inner; err != nil {
			return nil, err
		}
		test = func(v any, m *Meter) (bool, error) {
			d, ok := v.(bson.D)
			if !ok {
				return false, nil
			}
			return p(d, m)
		}
	}
	return func(v any, m *Meter) (bool, error) {
		a, ok := v.(bson.A)
		if !ok {
			return false, nil
		}
		for _, e := range a {
			if err := m.Step(1); err != nil {
				return false, err
			}
			if ok, err := test(e, m); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}, nil
}

func modTest(arg any) (condition, error) {
	list, ok := arg.(bson.A)
	if !ok || len(list) != 2 {
		return nil, fail("malformed mod, needs to be an array of two numbers")
	}
	by, ok1 := truncated(list[0])
	rest, ok2 := truncated(list[1])
	if !ok1 || !ok2 || by == 0 {
		return nil, fail("malformed mod, the divisor must be a number other than 0")
	}
	return func(v any, m *Meter) (bool, error) {
		n, ok := wholeNumber(v)
		if !ok && isNumber(v) {
			if f := float(v); f > -1<<63 && f < 1<<63 {
				n, ok = int64(f), true
			}
		}
		return ok && (by == -1 && rest == 0 || by != -1 && n%by == rest), m.Step(1)
	}, nil
}

// typeNames are those of $type, with the numbers.
var typeNames = map[string]int64{
	"double": 1, "string": 2, "object": 3, "array": 4, "binData": 5, "undefined": 6, "objectId": 7, "bool": 8, "date": 9, "null": 10, "regex": 11,
	"dbPointer": 12, "javascript": 13, "symbol": 14, "javascriptWithScope": 15, "int": 16, "timestamp": 17, "long": 18, "decimal": 19, "minKey": -1, "maxKey": 127,
}

// knownTypes are the numbers of all types of BSON, those included that this server has no values of.
var knownTypes = func() map[int64]bool {
	out := map[int64]bool{}
	for _, n := range typeNames {
		out[n] = true
	}
	return out
}()

func typeNumber(v any) int64 {
	switch v.(type) {
	case float64:
		return 1
	case string:
		return 2
	case bson.D:
		return 3
	case bson.A:
		return 4
	case bson.Binary:
		return 5
	case bson.ObjectID:
		return 7
	case bool:
		return 8
	case bson.DateTime:
		return 9
	case nil:
		return 10
	case bson.Regex:
		return 11
	case int32:
		return 16
	case bson.Timestamp:
		return 17
	case int64:
		return 18
	case bson.Decimal128:
		return 19
	case bson.MinKey:
		return -1
	case bson.MaxKey:
		return 127
	default:
		return 0
	}
}

func typeTest(arg any) (condition, error) {
	list, ok := arg.(bson.A)
	if !ok {
		list = bson.A{arg}
	}
	if len(list) == 0 {
		return nil, fail("$type must match at least one type")
	}
	wanted := map[int64]bool{}
	for _, t := range list {
		switch t := t.(type) {
		case string:
			if t == "number" {
				for _, name := range []string{"int", "long", "double", "decimal"} {
					wanted[typeNames[name]] = true
				}
				continue
			}
			n, ok := typeNames[t]
			if !ok {
				return nil, fail("unknown type name alias: %s", clip(t))
			}
			wanted[n] = true
		default:
			n, ok := wholeNumber(t)
			if !ok {
				return nil, fail("type must be represented as a number or a string")
			}
			if !knownTypes[n] {
				return nil, fail("Invalid numerical type code: %d", n)
			}
			wanted[n] = true
		}
	}
	return func(v any, m *Meter) (bool, error) {
		_, absent := v.(missing)
		return !absent && wanted[typeNumber(v)], m.Step(1)
	}, nil
}
