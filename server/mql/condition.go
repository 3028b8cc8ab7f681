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

func compileCond(_ string, arg any, in names) (expression, error) {
	list, _ := arg.(bson.A)
	if d, ok := arg.(bson.D); ok {
		for _, part := range []string{"if", "then", "else"} {
			e, ok := Get(d, part)
			if !ok {
				return nil, fail("Missing '%s' parameter to $cond", part)
			}
			list = append(list, e)
		}
		if len(d) > 3 {
			return nil, fail("Unrecognized parameter to $cond")
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
func compileSwitch(_ string, arg any, in names) (expression, error) {
	d, _ := arg.(bson.D)
	var cases, thens bson.A
	var otherwise expression
	for _, e := range d {
		var err error
		switch e.Key {
		case "branches":
			list, _ := e.Value.(bson.A)
			for _, b := range list {
				branch, _ := b.(bson.D)
				when, ok1 := Get(branch, "case")
				then, ok2 := Get(branch, "then")
				if !ok1 || !ok2 || len(branch) != 2 {
					return nil, fail("$switch requires each branch to have 'case' and 'then', and nothing else")
				}
				cases, thens = append(cases, when), append(thens, then)
			}
		case "default":
			if otherwise, err = compileExpression(e.Value, in); err != nil {
				return nil, err
			}
		default:
			return nil, fail("$switch found an unknown argument: %s", clip(e.Key))
		}
	}
	if len(cases) == 0 {
		return nil, fail("$switch requires at least one branch")
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
		if otherwise == nil {
			return nil, fail("$switch could not find a matching branch for an input, and no default was specified")
		}
		return otherwise(d, m)
	}, nil
}
