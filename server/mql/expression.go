package mql

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// expression computes a value from a document; missing{} if there is none.
type expression func(d bson.D, m *Meter) (any, error)

// compileExpression reads an aggregation expression: "$field", "$$ROOT", constants, documents and arrays of expressions, and the operators of
// expressionOperators.
func compileExpression(v any) (expression, error) {
	switch v := v.(type) {
	case string:
		if !strings.HasPrefix(v, "$") {
			break
		}
		path := v[1:]
		if name, ok := strings.CutPrefix(path, "$"); ok {
			variable, rest, _ := strings.Cut(name, ".")
			if name == "REMOVE" {
				return func(_ bson.D, m *Meter) (any, error) { return missing{}, m.Step(1) }, nil
			}
			if variable != "ROOT" && variable != "CURRENT" {
				return nil, fail("Use of undefined variable: %s", clip(variable))
			}
			if path = rest; rest == "" {
				return func(d bson.D, m *Meter) (any, error) { return d, m.Step(1) }, nil
			}
		}
		steps, err := splitPath(path)
		if err != nil {
			return nil, err
		}
		return func(d bson.D, m *Meter) (any, error) { return resolve(d, steps, m) }, nil
	case bson.A:
		parts, err := compileAll(v)
		if err != nil {
			return nil, err
		}
		return func(d bson.D, m *Meter) (any, error) {
			out := make(bson.A, 0, len(parts))
			for _, p := range parts {
				e, err := p(d, m)
				if err != nil {
					return nil, err
				}
				if _, absent := e.(missing); absent {
					e = nil
				}
				out = append(out, e)
			}
			return out, nil
		}, nil
	case bson.D:
		if hasOperators(v) {
			return compileOperator(v)
		}
		names, values := make([]string, 0, len(v)), make(bson.A, 0, len(v))
		for _, e := range v {
			names, values = append(names, e.Key), append(values, e.Value)
		}
		parts, err := compileAll(values)
		if err != nil {
			return nil, err
		}
		return func(d bson.D, m *Meter) (any, error) {
			out := make(bson.D, 0, len(parts))
			for i, p := range parts {
				e, err := p(d, m)
				if err != nil {
					return nil, err
				}
				if _, absent := e.(missing); !absent {
					out = append(out, bson.E{Key: names[i], Value: e})
				}
			}
			return out, nil
		}, nil
	}
	return func(_ bson.D, m *Meter) (any, error) { return v, m.Step(1) }, nil
}

func compileAll(values bson.A) ([]expression, error) {
	if len(values) > maxClauses {
		return nil, fail("an expression can have at most %d parts", maxClauses)
	}
	out := make([]expression, 0, len(values))
	for _, v := range values {
		e, err := compileExpression(v)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// resolve follows a field path; of an array it takes the field of each document in it.
func resolve(v any, steps []string, m *Meter) (any, error) {
	if err := m.Step(1); err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return v, nil
	}
	switch at := v.(type) {
	case bson.D:
		if next, ok := Get(at, steps[0]); ok {
			return resolve(next, steps[1:], m)
		}
	case bson.A:
		out := bson.A{}
		for _, e := range at {
			next, err := resolve(e, steps, m)
			if err != nil {
				return nil, err
			}
			if _, absent := next.(missing); !absent {
				out = append(out, next)
			}
		}
		return out, nil
	}
	return missing{}, nil
}

// expressionOperator says how many arguments it takes, and what it makes of them.
type expressionOperator struct {
	least, most int
	apply       func(args []any) (any, error)
}

const any1000 = maxClauses

var expressionOperators = map[string]expressionOperator{
	"$add":      {1, any1000, addAll},
	"$multiply": {1, any1000, fold(Multiply)},
	"$subtract": {2, 2, subtractDates},
	"$divide": {2, 2, func(args []any) (any, error) {
		if isNumber(args[1]) && !truthy(args[1]) {
			return nil, fail("can't $divide by zero")
		}
		return fold(divide)(args)
	}},
	"$eq":  {2, 2, func(args []any) (any, error) { return compareArguments(args) == 0, nil }},
	"$ne":  {2, 2, func(args []any) (any, error) { return compareArguments(args) != 0, nil }},
	"$gt":  {2, 2, func(args []any) (any, error) { return compareArguments(args) > 0, nil }},
	"$gte": {2, 2, func(args []any) (any, error) { return compareArguments(args) >= 0, nil }},
	"$lt":  {2, 2, func(args []any) (any, error) { return compareArguments(args) < 0, nil }},
	"$lte": {2, 2, func(args []any) (any, error) { return compareArguments(args) <= 0, nil }},
	"$cmp": {2, 2, func(args []any) (any, error) { return int32(compareArguments(args)), nil }},
	"$not": {1, 1, func(args []any) (any, error) { return !truthy(args[0]), nil }},
	"$concat": {0, any1000, func(args []any) (any, error) {
		var out strings.Builder
		for _, v := range args {
			s, ok := v.(string)
			if !ok {
				if classOf(v) == classNull {
					return nil, nil
				}
				return nil, fail("$concat only supports strings")
			}
			if out.WriteString(s); out.Len() > maxElements {
				return nil, ErrBudget
			}
		}
		return out.String(), nil
	}},
	"$toUpper": {1, 1, onString(strings.ToUpper)},
	"$toLower": {1, 1, onString(strings.ToLower)},
	"$size": {1, 1, func(args []any) (any, error) {
		a, ok := args[0].(bson.A)
		if !ok {
			return nil, fail("The argument to $size must be an array")
		}
		return int32(len(a)), nil
	}},
	"$arrayElemAt": {2, 2, func(args []any) (any, error) {
		a, ok := args[0].(bson.A)
		i, whole := wholeNumber(args[1])
		if classOf(args[0]) == classNull {
			return nil, nil
		}
		if !ok || !whole {
			return nil, fail("$arrayElemAt needs an array and an index")
		}
		if i < 0 {
			i += int64(len(a))
		}
		if i < 0 || i >= int64(len(a)) {
			return missing{}, nil
		}
		return a[i], nil
	}},
}

// compareArguments compares two arguments. In an expression what is missing comes before null.
func compareArguments(args []any) int {
	a, b := args[0], args[1]
	if _, absent := a.(missing); absent {
		a = undefined{}
	}
	if _, absent := b.(missing); absent {
		b = undefined{}
	}
	return Compare(a, b)
}

// fold applies an operation from left to right; null stays null.
func fold(f func(a, b any) any) func([]any) (any, error) {
	return func(args []any) (any, error) {
		out := args[0]
		for _, v := range args {
			if classOf(v) == classNull {
				return nil, nil
			}
		}
		for i, v := range args {
			if !isNumber(v) {
				return nil, fail("only numbers can be calculated with")
			}
			if i > 0 {
				out = f(out, v)
			}
		}
		return out, nil
	}
}

func onString(f func(string) string) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if classOf(args[0]) == classNull {
			return "", nil
		}
		s, ok := args[0].(string)
		if !ok {
			return nil, fail("a string is needed")
		}
		return f(s), nil
	}
}

func compileOperator(v bson.D) (expression, error) {
	name, arg := v[0].Key, v[0].Value
	if len(v) != 1 {
		return nil, fail("an object representing an expression must have exactly one field: %s", clip(name))
	}
	if name == "$literal" {
		return func(_ bson.D, m *Meter) (any, error) { return arg, m.Step(1) }, nil
	}
	if compile := lazyOperators[name]; compile != nil {
		return compile(name, arg)
	}
	if compile := dateOperator(name); compile != nil {
		return compile(arg)
	}
	op, ok := expressionOperators[name]
	if !ok {
		return nil, fail("Unrecognized expression '%s'", clip(name))
	}
	list, isArray := arg.(bson.A)
	if !isArray {
		list = bson.A{arg}
	}
	if len(list) < op.least || len(list) > op.most {
		return nil, fail("Expression %s takes another number of arguments than %d", name, len(list))
	}
	parts, err := compileAll(list)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		args := make([]any, len(parts))
		for i, p := range parts {
			var err error
			if args[i], err = p(d, m); err != nil {
				return nil, err
			}
			if err := m.Step(cost(args[i])); err != nil {
				return nil, err
			}
		}
		return op.apply(args)
	}, nil
}
