package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// names are the variables that an expression may use, outermost first: the place of a name here is that of its value in the meter.
type names struct {
	list []string
	left *budget // of what is compiled together; nil: it has just begun
}

// budget is what may still be compiled of a filter, an update, a projection or a pipeline: nothing of that is counted by a meter.
type budget struct {
	parts        int // of expressions
	instructions int // of regular expressions
}

// Bounds on what is compiled together.
const (
	maxParts        = 50_000
	maxInstructions = 1 << 16
)

// bounded returns the names with a budget.
func (n names) bounded() names {
	if n.left == nil {
		n.left = &budget{maxParts, maxInstructions}
	}
	return n
}

// part counts a part of an expression.
func (n names) part() error {
	if n.left.parts--; n.left.parts < 0 {
		return fail("the expressions have more than %d parts", maxParts)
	}
	return nil
}

// program counts a regular expression.
func (n names) program(instructions int) error {
	if n.left.instructions -= instructions; n.left.instructions < 0 {
		return fail("the regular expressions are too large together: use fewer, or one with alternatives")
	}
	return nil
}

// with returns the names and more, which hide those of the same name.
func (n names) with(more ...string) names {
	n.list = append(slices.Clip(n.list), more...)
	return n
}

// place returns the place of a variable; -1: there is none.
func (n names) place(name string) int {
	for i := len(n.list) - 1; i >= 0; i-- {
		if n.list[i] == name {
			return i
		}
	}
	return -1
}

// checkVariable refuses what can't be the name of a variable of a user.
func checkVariable(name string) error {
	if name == "" || name[0] < 'a' && name != "CURRENT" || name[0] > 'z' && name[0] < 0x80 {
		return fail("'%s' starts with an invalid character for a user variable name: it must be a lowercase letter", clip(name))
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < 0x80 && r != '_' && isNoAlphanumeric(r) }) {
		return fail("'%s' contains an invalid character for a variable name: letters, digits and '_' are allowed", clip(name))
	}
	return nil
}

// push makes the value of another variable known, for as long as f runs.
func (m *Meter) push(v any, f func() (any, error)) (any, error) {
	if err := m.made(v); err != nil {
		return nil, err
	}
	m.vars = append(m.vars, v)
	out, err := f()
	m.vars = m.vars[:len(m.vars)-1]
	return out, err
}

// compileVariable reads what follows "$$": a variable, and a path in it.
func compileVariable(text string, in names) (expression, error) {
	name, rest, dotted := strings.Cut(text, ".")
	var steps []string
	if dotted {
		var err error
		if steps, err = splitPath(rest); err != nil {
			return nil, err
		}
	}
	if place := in.place(name); place >= 0 {
		return func(_ bson.D, m *Meter) (any, error) { return resolve(m.vars[place], steps, m) }, nil
	}
	switch name {
	case "ROOT", "CURRENT":
		return func(d bson.D, m *Meter) (any, error) { return resolve(d, steps, m) }, nil
	case "REMOVE":
		return func(_ bson.D, m *Meter) (any, error) { return missing{}, m.Step(1) }, nil
	case "NOW":
		return func(_ bson.D, m *Meter) (any, error) {
			if m.now == nil {
				return nil, fail("$$NOW is not known here")
			}
			return resolve(m.now, steps, m)
		}, nil
	}
	return nil, fail("Use of undefined variable: %s", clip(name))
}

// compileLet reads {vars: {name: expression}, in: expression}. The variables don't see each other.
func compileLet(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "vars in")
	if err != nil {
		return nil, err
	}
	vars, ok := parts[0].(bson.D)
	if !ok {
		return nil, fail("$let needs {vars: {name: expression, ...}, in: expression}")
	}
	known, values, err := compileVariables(vars, in)
	if err != nil {
		return nil, err
	}
	out, err := compileExpression(parts[1], known)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		height := len(m.vars)
		defer func() { m.vars = m.vars[:height] }()
		if err := bind(values, d, m); err != nil {
			return nil, err
		}
		return out(d, m)
	}, nil
}

// compileVariables reads {name: expression}: the names with those, and their values.
func compileVariables(vars bson.D, in names) (names, []expression, error) {
	if len(vars) > maxClauses {
		return in, nil, fail("at most %d variables can be defined at once", maxClauses)
	}
	values := make([]expression, 0, len(vars))
	known := in
	for _, v := range vars {
		if err := checkVariable(v.Key); err != nil {
			return in, nil, err
		}
		e, err := compileExpression(v.Value, in)
		if err != nil {
			return in, nil, err
		}
		known, values = known.with(v.Key), append(values, e)
	}
	return known, values, nil
}

// bind computes variables and makes them known. Whoever calls takes them away again.
func bind(values []expression, d bson.D, m *Meter) error {
	list := make([]any, 0, len(values))
	for _, e := range values {
		v, err := e(d, m)
		if err != nil {
			return err
		}
		if err := m.made(v); err != nil {
			return err
		}
		list = append(list, v)
	}
	m.vars = append(m.vars, list...)
	return nil
}
