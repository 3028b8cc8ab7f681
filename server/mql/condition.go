package mql

import "go.mongodb.org/mongo-driver/v2/bson"

// Conditions compute no more of their arguments than they need: $cond guards a $divide from a zero.

func compileList(arg any, in names) ([]expression, error) {
	list, isArray := arg.(bson.A)
	if !isArray {
		list = bson.A{arg}
	}
	return compileAll(list, in)
}

func compileAndOr(name string, arg any, in names) (expression, error) {
	parts, err := compileList(arg, in)
	if err != nil {
		return nil, err
	}
	ends := name == "$or" // what decides
	return func(d bson.D, m *Meter) (any, error) {
		for _, p := range parts {
			v, err := p(d, m)
			if err != nil {
				return nil, err
			}
			if truthy(v) == ends {
				return ends, nil
			}
		}
		return !ends, nil
	}, nil
}

func compileIfNull(_ string, arg any, in names) (expression, error) {
	parts, err := compileList(arg, in)
	if err != nil {
		return nil, err
	}
	if len(parts) < 2 {
		return nil, fail("$ifNull needs at least two arguments, had: %d", len(parts))
	}
	return func(d bson.D, m *Meter) (v any, err error) {
		for _, p := range parts {
			if v, err = p(d, m); err != nil || classOf(v) != classNull {
				return v, err
			}
		}
		return v, nil
	}, nil
}

func compileCond(name string, arg any, in names) (expression, error) {
	list, _ := arg.(bson.A)
	if d, ok := arg.(bson.D); ok {
		var err error
		if list, err = arguments(name, d, "if then else"); err != nil {
			return nil, err
		}
	}
	if len(list) != 3 {
		return nil, fail("Expression $cond takes exactly 3 arguments. %d were passed in.", len(list))
	}
	parts, err := compileAll(list, in)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		v, err := parts[0](d, m)
		if err != nil {
			return nil, err
		}
		if truthy(v) {
			return parts[1](d, m)
		}
		return parts[2](d, m)
	}, nil
}

// compileSwitch reads {branches: [{case, then}], default}.
func compileSwitch(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "branches default?")
	if err != nil {
		return nil, err
	}
	branches, ok := parts[0].(bson.A)
	if !ok || len(branches) == 0 {
		return nil, fail("$switch requires an array of branches, and at least one branch")
	}
	var cases, thens bson.A
	for _, b := range branches {
		branch, err := arguments("a branch of $switch", b, "case then")
		if err != nil {
			return nil, err
		}
		cases, thens = append(cases, branch[0]), append(thens, branch[1])
	}
	otherwise, err := compileExpression(parts[1], in)
	if err != nil {
		return nil, err
	}
	when, err := compileAll(cases, in)
	if err != nil {
		return nil, err
	}
	then, err := compileAll(thens, in)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		for i := range when {
			v, err := when[i](d, m)
			if err != nil {
				return nil, err
			}
			if truthy(v) {
				return then[i](d, m)
			}
		}
		if isMissing(parts[1]) {
			return nil, fail("$switch could not find a matching branch for an input, and no default was specified")
		}
		return otherwise(d, m)
	}, nil
}
