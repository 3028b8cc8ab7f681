package mql

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// expression computes a value from a document; missing{} if there is none. Variables are in the meter.
type expression func(d bson.D, m *Meter) (any, error)

// compileExpression reads an aggregation expression: "$field", "$$variable", constants, documents and arrays of expressions, and operators. in
// are the variables that it may use.
func compileExpression(v any, in names) (expression, error) {
	if err := in.part(); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		if !strings.HasPrefix(v, "$") {
			break
		}
		path := v[1:]
		if text, ok := strings.CutPrefix(path, "$"); ok {
			return compileVariable(text, in)
		}
		if in.place("CURRENT") >= 0 {
			return compileVariable("CURRENT."+path, in)
		}
		steps, err := splitPath(path)
		if err != nil {
			return nil, err
		}
		return func(d bson.D, m *Meter) (any, error) { return resolve(d, steps, m) }, nil
	case bson.A:
		return compileArray(v, in)
	case bson.D:
		if hasOperators(v) {
			return compileOperator(v, in)
		}
		return compileObject(v, in)
	}
	return func(_ bson.D, m *Meter) (any, error) { return v, m.Step(1) }, nil
}

func compileArray(list bson.A, in names) (expression, error) {
	parts, err := compileAll(list, in)
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
			out = append(out, orNull(e))
		}
		return out, nil
	}, nil
}

// orNull is null instead of what is missing.
func orNull(v any) any {
	if isMissing(v) {
		return nil
	}
	return v
}

func compileObject(object bson.D, in names) (expression, error) {
	keys, values := make([]string, 0, len(object)), make(bson.A, 0, len(object))
	for _, e := range object {
		if strings.HasPrefix(e.Key, "$") || strings.Contains(e.Key, ".") {
			return nil, fail("the field '%s' of an expression that is an object must not begin with '$' or contain '.'", clip(e.Key))
		}
		keys, values = append(keys, e.Key), append(values, e.Value)
	}
	parts, err := compileAll(values, in)
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
			if !isMissing(e) {
				out = append(out, bson.E{Key: keys[i], Value: e})
			}
		}
		return out, nil
	}, nil
}

func compileAll(values bson.A, in names) ([]expression, error) {
	if len(values) > maxClauses {
		return nil, fail("an expression can have at most %d parts", maxClauses)
	}
	out := make([]expression, 0, len(values))
	for _, v := range values {
		e, err := compileExpression(v, in)
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
			if _, isDocument := e.(bson.D); !isDocument {
				continue // not into arrays in arrays
			}
			next, err := resolve(e, steps, m)
			if err != nil {
				return nil, err
			}
			if !isMissing(next) {
				out = append(out, next)
			}
		}
		return out, nil
	}
	return missing{}, nil
}

// expressionOperator takes a list of arguments: how many, and what it makes of them.
type expressionOperator struct {
	least, most int
	apply       func(m *Meter, args []any) (any, error)
}

// many is the largest number of arguments.
const many = maxClauses

// namedOperator takes arguments by name: {input: ..., as: ...}. Of one that is not given, and whose name ends with '?', missing{} is applied.
type namedOperator struct {
	names string // with spaces between
	apply func(m *Meter, args []any) (any, error)
}

// The operators, by the file that owns them. Those of compiled read their argument themselves: they compute parts of it more than once, or not
// at all, or names of them must be constants. They are set when the package starts, for they call the compiler of expressions in their turn.
var (
	expressionOperators = merged(arithmeticOperators, arrayOperators, comparisonOperators, conversionOperators, objectOperators, setOperators, textOperators)
	namedOperators      = merged(namedArrayOperators, namedDateOperators, namedObjectOperators, namedTextOperators)
	compiled            map[string]func(name string, arg any, in names) (expression, error)
)

func init() {
	compiled = map[string]func(name string, arg any, in names) (expression, error){
		"$literal": compileLiteral, "$let": compileLet,
		"$and": compileAndOr, "$or": compileAndOr, "$ifNull": compileIfNull, "$cond": compileCond, "$switch": compileSwitch,
		"$map": compileMap, "$filter": compileFilterArray, "$reduce": compileReduce, "$sortArray": compileSortArray,
		"$convert": compileConvert, "$getField": compileGetField, "$dateToString": compileDateToString,
		"$regexMatch": compileRegexOperator, "$regexFind": compileRegexOperator, "$regexFindAll": compileRegexOperator,
	}
	for name := range dateParts {
		compiled[name] = compileDatePart
	}
	for name := range accumulations {
		compiled[name] = compileAccumulation
	}
}

func merged[T any](tables ...map[string]T) map[string]T {
	out := map[string]T{}
	for _, t := range tables {
		for name, op := range t {
			out[name] = op
		}
	}
	return out
}

func compileLiteral(_ string, arg any, _ names) (expression, error) {
	return func(_ bson.D, m *Meter) (any, error) { return arg, m.Step(1) }, nil
}

func compileOperator(v bson.D, in names) (expression, error) {
	name, arg := v[0].Key, v[0].Value
	if len(v) != 1 {
		return nil, fail("an object representing an expression must have exactly one field: %s", clip(name))
	}
	if compile := compiled[name]; compile != nil {
		return compile(name, arg, in)
	}
	if op, ok := namedOperators[name]; ok {
		parts, err := compileNamed(name, arg, op.names, in)
		if err != nil {
			return nil, err
		}
		return applied(parts, op.apply), nil
	}
	op, ok := expressionOperators[name]
	if !ok {
		return nil, fail("Unrecognized expression '%s': this server doesn't have it", clip(name))
	}
	list, isArray := arg.(bson.A)
	if !isArray {
		list = bson.A{arg}
	}
	if len(list) < op.least || len(list) > op.most {
		return nil, fail("Expression %s takes another number of arguments than %d", name, len(list))
	}
	parts, err := compileAll(list, in)
	if err != nil {
		return nil, err
	}
	return applied(parts, op.apply), nil
}

// applied computes the arguments of an operator, and what it makes of them.
func applied(parts []expression, apply func(m *Meter, args []any) (any, error)) expression {
	return func(d bson.D, m *Meter) (any, error) {
		args := make([]any, len(parts))
		for i, p := range parts {
			var err error
			if args[i], err = p(d, m); err != nil {
				return nil, err
			}
			if err := m.made(args[i]); err != nil {
				return nil, err
			}
		}
		return apply(m, args)
	}
}

// compileNamed reads arguments that have names, in the order in which allowed has them.
func compileNamed(name string, arg any, allowed string, in names) ([]expression, error) {
	parts, err := arguments(name, arg, allowed)
	if err != nil {
		return nil, err
	}
	return compileAll(parts, in)
}

// arguments takes an object of arguments apart: those that are allowed, in that order. allowed has their names with spaces between; one whose name
// ends with '?' may be left out, and is missing{} then. Any other is an error, as is one that is there twice.
func arguments(name string, arg any, allowed string) ([]any, error) {
	d, ok := arg.(bson.D)
	if !ok || hasOperators(d) {
		return nil, fail("%s only supports an object as its argument, with %s", name, strings.ReplaceAll(allowed, "?", ""))
	}
	fields := strings.Fields(allowed)
	out := make([]any, len(fields))
	found := 0
	for i, f := range fields {
		key, optional := strings.CutSuffix(f, "?")
		v, ok := Get(d, key)
		switch {
		case ok:
			out[i] = v
			found++
		case !optional:
			return nil, fail("Missing '%s' parameter to %s", key, name)
		default:
			out[i] = missing{}
		}
	}
	if found != len(d) {
		for _, e := range d {
			if !strings.Contains(" "+strings.ReplaceAll(allowed, "?", "")+" ", " "+e.Key+" ") || e.Key == "" || strings.Contains(e.Key, " ") {
				return nil, fail("Unrecognized argument to %s: '%s'", name, clip(e.Key))
			}
		}
		return nil, fail("%s has an argument twice", name)
	}
	return out, nil
}

// absent tells whether an argument of an operator is not there, or null.
func absent(v any) bool { return classOf(v) == classNull }

// anyAbsent tells it of several.
func anyAbsent(args ...any) bool {
	for _, v := range args {
		if absent(v) {
			return true
		}
	}
	return false
}
