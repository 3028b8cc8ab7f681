package rules

import (
	"cmp"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Expression is a parsed expression (spec/app-services.md section 12.4). It is immutable. A nil Expression is one that is not given: undefined.
type Expression struct {
	root  condition
	calls bool // functions
}

// Evaluate returns what the expression is worth.
func (e *Expression) Evaluate(env *Env) Truth {
	if e == nil {
		return Undefined
	}
	return e.root.eval(env)
}

// Decide is Evaluate for what decides over which role or filter applies. The error is that of a function that was asked, if the expression isn't true all
// the same: what comes behind may allow more, and who can make a function fail must not get it.
func (e *Expression) Decide(env *Env) (Truth, error) {
	var failed error
	if call := env.Call; call != nil && e != nil && e.calls {
		noting := *env
		noting.Call = func(name string, args bson.A) (any, error) {
			v, err := call(name, args)
			failed = cmp.Or(failed, err)
			return v, err
		}
		env = &noting
	}
	t := e.Evaluate(env)
	if t == True {
		return t, nil
	}
	return t, failed
}

// Holds tells whether the expression is true. If it isn't, Env.Failed is told of the function that Decide says failed.
func (e *Expression) Holds(env *Env) bool { return holds(env, e) }

// holds tells whether one of the expressions is true.
func holds(env *Env, either ...*Expression) bool {
	var failed error
	for _, e := range either {
		t, err := e.Decide(env)
		if t == True {
			return true
		}
		failed = cmp.Or(failed, err)
	}
	env.fail(failed)
	return false
}

// literal tells whether the expression is true or false as it is written.
func (e *Expression) literal() (is, value bool) {
	if e == nil {
		return false, false
	}
	c, ok := e.root.(constant)
	return ok, ok && Truth(c) == True
}

// condition is a part of an expression that is true, false or undefined.
type condition interface {
	eval(env *Env) Truth
	// freeze replaces everything but the fields of the document by what it is worth.
	freeze(env *Env) *Filter
	// visit calls f for every operand.
	visit(f func(operand))
}

type (
	constant Truth
	all      []condition
	some     []condition
	negation struct{ inner condition }
	// comparison is left op right.
	comparison struct {
		op          operator
		left, right operand
	}
	// existence tells whether the operand has a value other than null.
	existence struct {
		operand operand
		want    bool
	}
)

// operator is how a comparison compares.
type operator string

const (
	equals         operator = "$eq"
	differs        operator = "$ne"
	greater        operator = "$gt"
	greaterOrEqual operator = "$gte"
	less           operator = "$lt"
	lessOrEqual    operator = "$lte"
	among          operator = "$in"
	notAmong       operator = "$nin"
)

func (c constant) eval(*Env) Truth { return Truth(c) }

func (c all) eval(env *Env) Truth {
	out := True
	for _, t := range c {
		if out = out.and(t.eval(env)); out == False {
			return False
		}
	}
	return out
}

func (c some) eval(env *Env) Truth {
	out := False
	for _, t := range c {
		if out = out.or(t.eval(env)); out == True {
			return True
		}
	}
	return out
}

func (c negation) eval(env *Env) Truth { return c.inner.eval(env).not() }

func (c *comparison) eval(env *Env) Truth {
	left, ok := c.left.value(env)
	if !ok {
		return Undefined
	}
	right, ok := c.right.value(env)
	if !ok {
		return Undefined
	}
	return truthOf(c.op.holds(left, right))
}

func (c *existence) eval(env *Env) Truth {
	v, ok := c.operand.value(env)
	return truthOf((ok && v != nil) == c.want)
}

// holds tells whether the comparison holds for two values. A field that isn't there is null.
func (op operator) holds(left, right any) bool {
	switch op {
	case equals:
		return equal(left, right)
	case differs:
		return !equal(left, right)
	case among, notAmong:
		list, ok := right.(bson.A)
		found := false
		for i := 0; ok && i < len(list) && !found; i++ {
			found = equal(left, list[i])
		}
		return ok && found == (op == among)
	}
	if list, ok := left.(bson.A); ok {
		for _, e := range list {
			if op.ordered(e, right) {
				return true
			}
		}
		return false
	}
	return op.ordered(left, right)
}

func (op operator) ordered(left, right any) bool {
	c, ok := order(left, right)
	if !ok {
		return false
	}
	switch op {
	case greater:
		return c > 0
	case greaterOrEqual:
		return c >= 0
	case less:
		return c < 0
	default:
		return c <= 0
	}
}

func (c constant) visit(func(operand)) {}
func (c all) visit(f func(operand)) {
	for _, t := range c {
		t.visit(f)
	}
}
func (c some) visit(f func(operand)) { all(c).visit(f) }
func (c negation) visit(f func(operand)) {
	c.inner.visit(f)
}
func (c *comparison) visit(f func(operand)) {
	c.left.visit(f)
	c.right.visit(f)
}
func (c *existence) visit(f func(operand)) { c.operand.visit(f) }
