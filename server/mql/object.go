package mql

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// objectOperators are those on documents.
var objectOperators = map[string]expressionOperator{
	"$mergeObjects":  {0, many, mergeObjects},
	"$objectToArray": {1, 1, objectToArray},
	"$arrayToObject": {1, 1, arrayToObject},
}

var namedObjectOperators = map[string]namedOperator{
	"$setField":   {"field input value", setField},
	"$unsetField": {"field input", func(m *Meter, args []any) (any, error) { return setField(m, append(args, missing{})) }},
}

// fields adds members to a document, each name once: later values take the place of earlier ones.
type fields struct {
	d  bson.D
	at map[string]int
}

func (f *fields) set(name string, v any) {
	if f.at == nil {
		f.at = map[string]int{}
		f.d = bson.D{}
	}
	i, ok := f.at[name]
	if !ok {
		f.at[name] = len(f.d)
		f.d = append(f.d, bson.E{Key: name, Value: v})
		return
	}
	f.d[i].Value = v
}

func (f *fields) document() bson.D {
	if f.d == nil {
		return bson.D{}
	}
	return f.d
}

// mergeObjects is of one array of documents, too. What is null is left out.
func mergeObjects(m *Meter, args []any) (any, error) {
	if len(args) == 1 {
		if inner, isArray := args[0].(bson.A); isArray {
			args = inner
		}
	}
	var out fields
	for _, v := range args {
		if absent(v) {
			continue
		}
		d, ok := v.(bson.D)
		if !ok {
			return nil, fail("$mergeObjects requires object inputs, but an input is of type %s", typeName(v))
		}
		if err := m.Step(len(d)); err != nil {
			return nil, err
		}
		for _, e := range d {
			out.set(e.Key, e.Value)
		}
	}
	return out.document(), nil
}

func objectToArray(_ *Meter, args []any) (any, error) {
	if absent(args[0]) {
		return nil, nil
	}
	d, ok := args[0].(bson.D)
	if !ok {
		return nil, fail("$objectToArray requires a document input, found: %s", typeName(args[0]))
	}
	out := make(bson.A, len(d))
	for i, e := range d {
		out[i] = bson.D{{Key: "k", Value: e.Key}, {Key: "v", Value: e.Value}}
	}
	return out, nil
}

// arrayToObject takes [[name, value], ...] or [{k: name, v: value}, ...].
func arrayToObject(_ *Meter, args []any) (any, error) {
	list, err := listOf("$arrayToObject", args[0])
	if err != nil || list == nil {
		return nil, err
	}
	var out fields
	for _, e := range list {
		var k, v any
		switch e := e.(type) {
		case bson.A:
			if len(e) != 2 {
				return nil, fail("$arrayToObject requires an array of size 2 arrays, found array of size: %d", len(e))
			}
			k, v = e[0], e[1]
		case bson.D:
			var ok1, ok2 bool
			k, ok1 = Get(e, "k")
			v, ok2 = Get(e, "v")
			if !ok1 || !ok2 || len(e) != 2 {
				return nil, fail("$arrayToObject requires documents with the fields 'k' and 'v', and no others")
			}
		default:
			return nil, fail("$arrayToObject requires arrays or documents as elements, found: %s", typeName(e))
		}
		name, ok := k.(string)
		if !ok || strings.Contains(name, "\x00") {
			return nil, fail("$arrayToObject requires names that are strings without zero bytes, found: %s", typeName(k))
		}
		out.set(name, v)
	}
	return out.document(), nil
}

// compileGetField reads {field, input}, or the name of a field of the document. Its name may begin with '$' and contain '.'.
func compileGetField(name string, arg any, in names) (expression, error) {
	input, field := any("$$CURRENT"), arg
	if d, ok := arg.(bson.D); ok && !hasOperators(d) {
		parts, err := arguments(name, d, "field input?")
		if err != nil {
			return nil, err
		}
		field = parts[0]
		if !isMissing(parts[1]) {
			input = parts[1]
		}
	}
	parts, err := compileAll(bson.A{field, input}, in)
	if err != nil {
		return nil, err
	}
	return applied(parts, func(_ *Meter, args []any) (any, error) {
		key, ok := args[0].(string)
		if !ok {
			return nil, fail("$getField requires 'field' to be a string, but got: %s", typeName(args[0]))
		}
		d, ok := args[1].(bson.D)
		if !ok {
			if args[1] == nil {
				return nil, nil
			}
			return missing{}, nil
		}
		v, ok := Get(d, key)
		if !ok {
			return missing{}, nil
		}
		return v, nil
	}), nil
}

// setField sets a field, or takes it away if the value is missing.
func setField(_ *Meter, args []any) (any, error) {
	key, ok := args[0].(string)
	if !ok {
		return nil, fail("$setField requires 'field' to be a string, but got: %s", typeName(args[0]))
	}
	if absent(args[1]) {
		return nil, nil
	}
	d, ok := args[1].(bson.D)
	if !ok {
		return nil, fail("$setField requires 'input' to be an object, but got: %s", typeName(args[1]))
	}
	if isMissing(args[2]) {
		return remove(d, []string{key}), nil
	}
	return withMember(d, key, args[2]), nil
}
