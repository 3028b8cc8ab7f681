package rules

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// operand is a part of an expression that has a value.
type operand interface {
	// value returns what the operand is worth; ok is false if that is undefined.
	value(env *Env) (v any, ok bool)
	visit(f func(operand))
}

type (
	literal struct{ v any }
	// field is a field of the document, %%root; missing ones are null.
	field struct{ path []string }
	// expansion is what %%name.path stands for.
	expansion struct {
		name string
		path []string
	}
	list     []operand
	document struct {
		names  []string
		values []operand
	}
	// conversion is %stringToOid and its like.
	conversion struct {
		name  string
		inner operand
	}
	// call is %function.
	call struct {
		name string
		args []operand
	}
)

func (o literal) value(*Env) (any, bool) { return o.v, true }

func (o field) value(env *Env) (any, bool) {
	if env.Root == nil {
		return nil, false
	}
	v := env.Root.Field(o.path[0])
	if _, ok := v.(*unreadable); ok {
		return nil, false
	}
	if len(o.path) > 1 {
		v, _ = walk(v, o.path[1:])
	}
	return v, true
}

func (o expansion) value(env *Env) (any, bool) {
	v, ok := env.expand(o.name)
	if !ok {
		return nil, false
	}
	return walk(v, o.path)
}

func (o list) value(env *Env) (any, bool) {
	out := make(bson.A, len(o))
	for i, e := range o {
		v, ok := e.value(env)
		if !ok {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (o document) value(env *Env) (any, bool) {
	out := make(bson.D, len(o.names))
	for i, e := range o.values {
		v, ok := e.value(env)
		if !ok {
			return nil, false
		}
		out[i] = bson.E{Key: o.names[i], Value: v}
	}
	return out, true
}

// conversions by name; ok is false if the value can't be converted.
var conversions = map[string]func(v any) (any, bool){
	"stringToOid": func(v any) (any, bool) {
		s, _ := v.(string)
		id, err := bson.ObjectIDFromHex(s)
		return id, err == nil
	},
	"oidToString": func(v any) (any, bool) {
		id, ok := v.(bson.ObjectID)
		return id.Hex(), ok
	},
	"stringToUuid": func(v any) (any, bool) {
		s, _ := v.(string)
		return parseUUID(s)
	},
	"uuidToString": func(v any) (any, bool) {
		b, ok := v.(bson.Binary)
		if !ok || b.Subtype != bson.TypeBinaryUUID || len(b.Data) != 16 {
			return nil, false
		}
		return formatUUID(b.Data), true
	},
}

func (o conversion) value(env *Env) (any, bool) {
	v, ok := o.inner.value(env)
	if !ok {
		return nil, false
	}
	return conversions[o.name](v)
}

func (o call) value(env *Env) (any, bool) {
	if env.Call == nil {
		return nil, false
	}
	args := make(bson.A, len(o.args))
	for i, a := range o.args {
		args[i], _ = a.value(env) // undefined is null to a function
	}
	v, err := env.Call(o.name, args)
	return v, err == nil
}

func (o literal) visit(f func(operand))   { f(o) }
func (o field) visit(f func(operand))     { f(o) }
func (o expansion) visit(f func(operand)) { f(o) }
func (o list) visit(f func(operand)) {
	f(o)
	for _, e := range o {
		e.visit(f)
	}
}
func (o document) visit(f func(operand)) {
	f(o)
	for _, e := range o.values {
		e.visit(f)
	}
}
func (o conversion) visit(f func(operand)) {
	f(o)
	o.inner.visit(f)
}
func (o call) visit(f func(operand)) {
	f(o)
	for _, a := range o.args {
		a.visit(f)
	}
}

// walk follows a path into documents. Through an array it leads to an array of what the elements have there. ok is false if there is nothing.
func walk(v any, path []string) (any, bool) {
	for i, name := range path {
		switch x := v.(type) {
		case bson.D:
			found := false
			for k := range x {
				if x[k].Key == name {
					v, found = x[k].Value, true
					break
				}
			}
			if !found {
				return nil, false
			}
		case bson.A:
			var out bson.A
			for _, e := range x {
				if inner, ok := walk(e, path[i:]); ok {
					out = append(out, inner)
				}
			}
			return out, out != nil
		default:
			return nil, false
		}
	}
	return v, true
}

func splitPath(s string) []string { return strings.Split(s, ".") }
