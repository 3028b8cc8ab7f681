package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// binder turns the syntax tree into the bound tree. Its methods panic with *Error (and only that); Bind recovers. The first
// problem that the original would see is the one that is reported.
type binder struct {
	query  *Query
	schema *schema.Schema
	class  *schema.Class
	exists func(class string, key value.Key) bool

	navigation bool // objects are Navigable
	aliases    Aliases
	variables  map[Alias]bool // of the subqueries that are being bound

	storageKeys StorageKeys
	budget      int    // of values that one Match may read
	linkClass   string // of the links that a constant is compared with, "" if it isn't compared with links

	late *Error // an error of a sort descriptor, which the original raises on execution, after all others
}

// BindOption changes how Bind resolves.
type BindOption func(*binder)

// WithObjects tells Bind which objects exist. obj("Class", key) for one that doesn't is a null link (spec section 5.3);
// without this option every object is taken to exist. The function is called during Bind only.
func WithObjects(exists func(class string, key value.Key) bool) BindOption {
	return func(b *binder) { b.exists = exists }
}

// WithBudget bounds how many values from collections Match may read for one object before it fails with ErrLimit; the default
// is 2,097,152, some tenth of a second.
func WithBudget(values int) BindOption {
	return func(b *binder) { b.budget = values }
}

// Bind resolves the names of the query in the class, converts its constants and checks its types.
//
// The bound query refers to properties by their index in the class, so it holds for every later schema that only appends
// properties. Errors are *Error: ErrInvalidQuery, ErrInvalidQueryArg, ErrInvalidArgument, ErrIllegalOperation, ErrLogic,
// ErrMapping, or ErrUnsupported for queries that need WithNavigation and for O1/L1:1 literals.
func (q *Query) Bind(s *schema.Schema, class string, options ...BindOption) (*Bound, error) {
	b := &binder{query: q, schema: s, class: s.Class(class), exists: func(string, value.Key) bool { return true }, budget: maxReached}
	for _, option := range options {
		option(b)
	}
	if b.class == nil {
		return nil, fail(ErrInvalidQuery, -1, "Unknown object type '%s'", clip(class))
	}
	if b.class.Kind == schema.Asymmetric {
		return nil, fail(ErrIllegalOperation, -1, "Query on ephemeral objects not allowed: objects of the asymmetric class '%s' are never stored", class)
	}
	out := &Bound{Schema: s, Class: b.class, budget: b.budget}
	err := b.catch(func() {
		out.Root = b.predicate(q.root)
		out.Descriptors = b.descriptors(q.clauses)
	})
	switch {
	case err != nil:
		return nil, err
	case b.late != nil:
		return nil, b.late
	}
	c := &compiler{schema: s}
	out.matcher, out.navigates = c.compile(out.Root), c.navigates
	return out, nil
}

// catch runs f and returns the *Error that it panics with.
func (b *binder) catch(f func()) (err *Error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	f()
	return nil
}

// predicate binds a predicate. Recursion is bounded by MaxNesting, which the parser holds.
func (b *binder) predicate(p predicate) Node {
	switch p := p.(type) {
	case *logical:
		return b.logical(p)
	case *negation:
		return &Not{b.predicate(p.term)}
	case *truth:
		return &Truth{Value: p.value}
	}
	switch p := p.(type) {
	case *comparison:
		return b.comparison(p)
	case *between:
		return b.between(p)
	default:
		return b.geoWithin(p.(*geoWithin))
	}
}

// logical binds AND and OR. Nested conjunctions become one, as their canonical text has no parentheses.
func (b *binder) logical(l *logical) Node {
	bound := make([]Node, len(l.terms))
	for _, at := range l.order() {
		bound[at] = b.predicate(l.terms[at])
	}
	nodes := make([]Node, 0, len(bound))
	for _, n := range bound {
		if and, ok := n.(*And); ok && !l.or {
			nodes = append(nodes, and.Nodes...)
			continue
		}
		nodes = append(nodes, n)
	}
	if l.or {
		return &Or{nodes}
	}
	return &And{nodes}
}

// order is that in which the original looks at the operands: of a chain of three or more the last first, down to the first
// two, which come in their order. Which error is reported depends on it. A chain in parentheses that begins another one of
// its kind is part of it.
func (l *logical) order() []int {
	first, isChain := l.terms[0].(*logical)
	ahead := 2 // operands that are not reversed
	if isChain && first.or == l.or {
		ahead = 1
	}
	out := make([]int, 0, len(l.terms))
	for i := len(l.terms) - 1; i >= ahead; i-- {
		out = append(out, i)
	}
	for i := range ahead {
		out = append(out, i)
	}
	return out
}

// arg returns an argument of the query.
func (b *binder) arg(index, pos int) Arg {
	args := b.query.args
	if index < len(args) {
		return args[index]
	}
	switch len(args) {
	case 0:
		panic(fail(ErrInvalidQueryArg, pos, "Request for argument at index %d but no arguments are provided", index))
	case 1:
		panic(fail(ErrInvalidQueryArg, pos, "Request for argument at index %d but only 1 argument is provided", index))
	default:
		panic(fail(ErrInvalidQueryArg, pos, "Request for argument at index %d but only %d arguments are provided", index, len(args)))
	}
}

// scalarArg returns an argument that must not be a list.
func (b *binder) scalarArg(index, pos int) value.Value {
	arg := b.arg(index, pos)
	if arg.isList {
		panic(fail(ErrInvalidQueryArg, pos, "Request for scalar argument at index %d but a list was provided", index))
	}
	return arg.scalar
}
