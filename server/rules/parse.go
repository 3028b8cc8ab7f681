package rules

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// maxNodes bounds how many parts an expression may have: it is evaluated for every object that changes.
const maxNodes = 4096

// ParseExpression reads an expression from its JSON. Absent (nil) and null give nil, which is undefined. path is where errors say that it is;
// they are *Error.
func ParseExpression(text json.RawMessage, path string) (*Expression, error) {
	if len(text) == 0 {
		return nil, nil
	}
	v, err := ejson.Parse(text)
	if err != nil {
		return nil, fault(path, "%v", err)
	}
	if v == nil {
		return nil, nil
	}
	p := parser{}
	c, fail := p.expression(v, path)
	if fail != nil {
		return nil, fail
	}
	e := &Expression{root: c}
	c.visit(func(o operand) {
		if _, ok := o.(call); ok {
			e.calls = true
		}
	})
	return e, nil
}

type parser struct{ nodes int }

func (p *parser) count(path string) *Error {
	if p.nodes++; p.nodes > maxNodes {
		return fault(path, "the expression has more than %d parts", maxNodes)
	}
	return nil
}

// expression reads true, false or an object, whose members are joined by AND.
func (p *parser) expression(v any, path string) (condition, *Error) {
	if err := p.count(path); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case bool:
		return constant(truthOf(v)), nil
	case bson.D:
		terms := make(all, 0, len(v))
		for _, e := range v {
			c, err := p.member(e.Key, e.Value, path+"."+clip(e.Key))
			if err != nil {
				return nil, err
			}
			terms = append(terms, c)
		}
		switch len(terms) {
		case 0:
			return constant(True), nil
		case 1:
			return terms[0], nil
		}
		return terms, nil
	default:
		return nil, fault(path, "an expression is true, false or an object, not %s", kindOf(v))
	}
}

func (p *parser) member(key string, v any, path string) (condition, *Error) {
	switch key {
	case "%and", "$and", "%or", "$or", "%nor", "$nor":
		terms, ok := v.(bson.A)
		if !ok {
			return nil, fault(path, "%s takes an array of expressions", key)
		}
		parsed := make([]condition, len(terms))
		for i, t := range terms {
			var err *Error
			if parsed[i], err = p.expression(t, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		switch key[1:] {
		case "and":
			return all(parsed), nil
		case "or":
			return some(parsed), nil
		}
		return negation{some(parsed)}, nil
	case "%not", "$not":
		inner, err := p.expression(v, path)
		return negation{inner}, err
	case "%%true", "%%false":
		want := constant(truthOf(key == "%%true"))
		if d, ok := v.(bson.D); ok && !isOperand(d) {
			inner, err := p.expression(v, path)
			if want == constant(False) {
				inner = negation{inner}
			}
			return inner, err
		}
		return p.condition(literal{want == constant(True)}, v, path)
	}
	left, err := p.left(key, path)
	if err != nil {
		return nil, err
	}
	return p.condition(left, v, path)
}

// left reads the name of a member: a field or an expansion.
func (p *parser) left(key, path string) (operand, *Error) {
	switch {
	case strings.HasPrefix(key, "%%"):
		return p.expansion(key, path)
	case key == "" || key[0] == '$' || key[0] == '%':
		return nil, fault(path, "unknown operator %q", clip(key))
	}
	parts := splitPath(key)
	for _, s := range parts {
		if s == "" {
			return nil, fault(path, "%q is no name of a field", clip(key))
		}
	}
	return field{parts}, nil
}

// condition reads what is said of an operand: a value that it equals, or an object of operators, joined by AND.
func (p *parser) condition(left operand, v any, path string) (condition, *Error) {
	if err := p.count(path); err != nil {
		return nil, err
	}
	d, ok := v.(bson.D)
	if !ok || isOperand(d) || !hasOperator(d) {
		right, err := p.operand(v, path)
		if err != nil {
			return nil, err
		}
		return &comparison{equals, left, right}, nil
	}
	terms := make(all, 0, len(d))
	for _, e := range d {
		at := path + "." + clip(e.Key)
		c, err := p.operator(left, e.Key, e.Value, at)
		if err != nil {
			return nil, err
		}
		terms = append(terms, c)
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return terms, nil
}

func (p *parser) operator(left operand, key string, v any, path string) (condition, *Error) {
	name := key
	if strings.HasPrefix(name, "%") && !strings.HasPrefix(name, "%%") {
		name = "$" + name[1:]
	}
	switch op := operator(name); op {
	case equals, differs, greater, greaterOrEqual, less, lessOrEqual:
		right, err := p.operand(v, path)
		if err != nil {
			return nil, err
		}
		return &comparison{op, left, right}, nil
	case among, notAmong:
		if _, isText := v.(string); !isText {
			if d, isObject := v.(bson.D); !isObject || !isOperand(d) {
				if _, isList := v.(bson.A); !isList {
					return nil, fault(path, "%s takes an array", key)
				}
			}
		}
		right, err := p.operand(v, path)
		if err != nil {
			return nil, err
		}
		return &comparison{op, left, right}, nil
	}
	switch name {
	case "$exists":
		want, ok := v.(bool)
		if !ok {
			return nil, fault(path, "%s takes true or false", key)
		}
		return &existence{left, want}, nil
	case "$not":
		inner, err := p.condition(left, v, path)
		return negation{inner}, err
	}
	return nil, fault(path, "unknown operator %q", clip(key))
}

// hasOperator tells whether an object is one of operators.
func hasOperator(d bson.D) bool {
	for _, e := range d {
		if e.Key != "" && (e.Key[0] == '$' || e.Key[0] == '%') {
			return true
		}
	}
	return false
}

// isOperand tells whether an object stands for a value that is computed.
func isOperand(d bson.D) bool {
	if len(d) != 1 || len(d[0].Key) < 2 || d[0].Key[0] != '%' && d[0].Key[0] != '$' {
		return false
	}
	name := d[0].Key[1:]
	return conversions[name] != nil || name == "function"
}

func (p *parser) operand(v any, path string) (operand, *Error) {
	if err := p.count(path); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "%%") {
			return p.expansion(v, path)
		}
	case bson.A:
		out, fixed := make(list, len(v)), true
		for i, e := range v {
			var err *Error
			if out[i], err = p.operand(e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
			_, ok := out[i].(literal)
			fixed = fixed && ok
		}
		if !fixed {
			return out, nil
		}
	case bson.D:
		if isOperand(v) {
			return p.computed(v[0].Key[1:], v[0].Value, path+"."+v[0].Key)
		}
		out, fixed := document{}, true
		for _, e := range v {
			if e.Key != "" && (e.Key[0] == '$' || e.Key[0] == '%') {
				return nil, fault(path+"."+clip(e.Key), "unknown operator %q", clip(e.Key))
			}
			o, err := p.operand(e.Value, path+"."+clip(e.Key))
			if err != nil {
				return nil, err
			}
			_, ok := o.(literal)
			fixed = fixed && ok
			out.names, out.values = append(out.names, e.Key), append(out.values, o)
		}
		if !fixed {
			return out, nil
		}
	}
	return literal{v}, nil
}

func (p *parser) computed(name string, v any, path string) (operand, *Error) {
	if name != "function" {
		inner, err := p.operand(v, path)
		return conversion{name, inner}, err
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, fault(path, "%%function takes an object of name and arguments")
	}
	out := call{}
	for _, e := range d {
		switch e.Key {
		case "name":
			out.name, _ = e.Value.(string)
		case "arguments":
			args, ok := e.Value.(bson.A)
			if !ok && e.Value != nil {
				return nil, fault(path+".arguments", "the arguments are no array")
			}
			for i, a := range args {
				o, err := p.operand(a, fmt.Sprintf("%s.arguments[%d]", path, i))
				if err != nil {
					return nil, err
				}
				out.args = append(out.args, o)
			}
		default:
			return nil, fault(path+"."+clip(e.Key), "%%function has name and arguments only")
		}
	}
	if out.name == "" {
		return nil, fault(path, "%%function has no name")
	}
	return out, nil
}

// members are the names that may follow those of some expansions.
var members = map[string][]string{
	"user":        {"id", "type", "data", "custom_data", "identities"},
	"environment": {"tag", "values"},
}

func (p *parser) expansion(text, path string) (operand, *Error) {
	parts := splitPath(text[2:])
	name, rest := parts[0], parts[1:]
	unknown := fault(path, "unknown expansion %q", clip(text))
	if _, ok := expansions[name]; !ok {
		return nil, unknown
	}
	for _, s := range rest {
		if s == "" {
			return nil, unknown
		}
	}
	switch name {
	case "true", "false":
		if len(rest) > 0 {
			return nil, unknown
		}
		return literal{name == "true"}, nil
	case "root":
		if len(rest) > 0 {
			return field{rest}, nil
		}
	}
	if allowed := members[name]; allowed != nil && len(rest) > 0 {
		known := false
		for _, m := range allowed {
			known = known || m == rest[0]
		}
		if !known {
			return nil, unknown
		}
	}
	return expansion{name, rest}, nil
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case bson.A:
		return "an array"
	case int32, int64, float64, bson.Decimal128:
		return "a number"
	default:
		return fmt.Sprintf("a %T", v)
	}
}
