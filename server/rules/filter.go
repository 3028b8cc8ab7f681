package rules

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// Filter is an expression about the fields of one document and nothing else: what is left of an expression when everything else is frozen. It is
// immutable, and has a canonical text.
type Filter struct {
	kind  filterKind
	truth Truth     // of a fixed one
	terms []*Filter // of and, or, not
	field string    // of a test
	op    operator
	value any
	want  bool // of exists
}

type filterKind uint8

const (
	fixedFilter filterKind = iota
	andFilter
	orFilter
	notFilter
	testFilter
	existsFilter
)

func fixed(t Truth) *Filter { return &Filter{kind: fixedFilter, truth: t} }

// The filters that hold for everything and for nothing.
var (
	Everything = fixed(True)
	Nothing    = fixed(False)
)

// Match tells whether the filter is true for a document.
func (f *Filter) Match(doc Document) bool { return f.eval(doc) == True }

// IsEverything tells whether the filter is true for every document.
func (f *Filter) IsEverything() bool { return f.kind == fixedFilter && f.truth == True }

// IsNothing tells whether the filter is true for no document, as far as its form tells.
func (f *Filter) IsNothing() bool { return f.kind == fixedFilter && f.truth != True }

func (f *Filter) eval(doc Document) Truth {
	switch f.kind {
	case andFilter:
		out := True
		for _, t := range f.terms {
			if out = out.and(t.eval(doc)); out == False {
				break
			}
		}
		return out
	case orFilter:
		out := False
		for _, t := range f.terms {
			if out = out.or(t.eval(doc)); out == True {
				break
			}
		}
		return out
	case notFilter:
		return f.terms[0].eval(doc).not()
	case testFilter:
		v := doc.Field(f.field)
		if _, ok := v.(*unreadable); ok {
			return Undefined
		}
		return truthOf(f.op.holds(v, f.value))
	case existsFilter:
		return truthOf((doc.Field(f.field) != nil) == f.want)
	default:
		return f.truth
	}
}

// And returns the filter that is true where all are. It is simplified where their forms allow it.
func And(terms ...*Filter) *Filter { return join(andFilter, terms) }

// Or returns the filter that is true where one is.
func Or(terms ...*Filter) *Filter { return join(orFilter, terms) }

func join(kind filterKind, terms []*Filter) *Filter {
	// and: False decides, True adds nothing; or: the other way round.
	decides, neutral := False, True
	if kind == orFilter {
		decides, neutral = True, False
	}
	var out []*Filter
	seen := map[string]bool{}
	for _, t := range terms {
		inner := []*Filter{t}
		if t.kind == kind {
			inner = t.terms
		}
		for _, t := range inner {
			if t.kind == fixedFilter {
				if t.truth == decides {
					return fixed(decides)
				}
				if t.truth == neutral {
					continue
				}
			}
			if text := t.String(); !seen[text] {
				seen[text] = true
				out = append(out, t)
			}
		}
	}
	switch len(out) {
	case 0:
		return fixed(neutral)
	case 1:
		return out[0]
	}
	return &Filter{kind: kind, terms: out}
}

func not(f *Filter) *Filter {
	switch f.kind {
	case fixedFilter:
		return fixed(f.truth.not())
	case notFilter:
		return f.terms[0]
	}
	return &Filter{kind: notFilter, terms: []*Filter{f}}
}

// Alternatives returns the operands of a top-level OR, or the filter itself.
func (f *Filter) Alternatives() []*Filter {
	if f.kind == orFilter {
		return f.terms
	}
	return []*Filter{f}
}

// Equalities returns, by field, values one of which the field must have, or contain, where the filter is true. They are for an index.
func (f *Filter) Equalities() map[string][]any {
	out := map[string][]any{}
	terms := []*Filter{f}
	if f.kind == andFilter {
		terms = f.terms
	}
	for _, t := range terms {
		if t.kind != testFilter {
			continue
		}
		switch t.op {
		case equals:
			if _, isList := t.value.(bson.A); !isList {
				out[t.field] = []any{t.value}
			}
		case among:
			if l, ok := t.value.(bson.A); ok && len(l) > 0 {
				if have, ok := out[t.field]; !ok || len(l) < len(have) {
					out[t.field] = l
				}
			}
		}
	}
	return out
}

// Fields returns the names of the fields that the filter is about, each once.
func (f *Filter) Fields() []string {
	var out []string
	seen := map[string]bool{}
	var visit func(*Filter)
	visit = func(f *Filter) {
		if f.field != "" && !seen[f.field] {
			seen[f.field] = true
			out = append(out, f.field)
		}
		for _, t := range f.terms {
			visit(t)
		}
	}
	visit(f)
	return out
}

// String returns the canonical text of the filter.
func (f *Filter) String() string {
	text, err := ejson.Marshal(f.bson())
	if err != nil {
		// A value that has no text: it can't have come out of a configuration.
		return "null"
	}
	return string(text)
}

// names of the filters that join others, in the text.
var joints = map[filterKind]string{andFilter: "and", orFilter: "or", notFilter: "not"}

func (f *Filter) bson() any {
	switch f.kind {
	case andFilter, orFilter, notFilter:
		terms := make(bson.A, len(f.terms))
		for i, t := range f.terms {
			terms[i] = t.bson()
		}
		return bson.A{joints[f.kind], terms}
	case testFilter:
		return bson.A{string(f.op), f.field, f.value}
	case existsFilter:
		return bson.A{"$exists", f.field, f.want}
	}
	switch f.truth {
	case True:
		return true
	case False:
		return false
	}
	return nil
}

// filterOf reads what bson has made of a filter.
func filterOf(v any) (*Filter, error) {
	switch v := v.(type) {
	case nil:
		return fixed(Undefined), nil
	case bool:
		return fixed(truthOf(v)), nil
	case bson.A:
		if f := joinedOf(v); f != nil || len(v) == 2 {
			if f == nil {
				break
			}
			return f, nil
		}
		if len(v) != 3 {
			break
		}
		op, _ := v[0].(string)
		name, ok := v[1].(string)
		if !ok || op == "" || name == "" {
			break
		}
		if op == "$exists" {
			want, _ := v[2].(bool)
			return &Filter{kind: existsFilter, field: name, want: want}, nil
		}
		return &Filter{kind: testFilter, op: operator(op), field: name, value: v[2]}, nil
	}
	return nil, fmt.Errorf("rules: a stored filter is damaged")
}

// joinedOf reads and, or and not; nil if it is none of them.
func joinedOf(v bson.A) *Filter {
	if len(v) != 2 {
		return nil
	}
	terms, ok := v[1].(bson.A)
	if !ok {
		return nil
	}
	out := &Filter{}
	for kind, name := range joints {
		if v[0] == name {
			out.kind = kind
		}
	}
	if out.kind == fixedFilter || out.kind == notFilter && len(terms) != 1 {
		return nil
	}
	for _, t := range terms {
		f, err := filterOf(t)
		if err != nil {
			return nil
		}
		out.terms = append(out.terms, f)
	}
	return out
}

// Freeze returns the expression as a filter, with everything but the document's fields replaced by what it is worth now. What the filter can't
// hold is undefined in it: paths into fields, and comparisons between fields.
func (e *Expression) Freeze(env *Env) *Filter {
	if e == nil {
		return fixed(Undefined)
	}
	return e.root.freeze(env)
}

func (c constant) freeze(*Env) *Filter { return fixed(Truth(c)) }

func (c all) freeze(env *Env) *Filter  { return And(freezeAll(c, env)...) }
func (c some) freeze(env *Env) *Filter { return Or(freezeAll(c, env)...) }

func freezeAll(c []condition, env *Env) []*Filter {
	out := make([]*Filter, len(c))
	for i, t := range c {
		out[i] = t.freeze(env)
	}
	return out
}

func (c negation) freeze(env *Env) *Filter { return not(c.inner.freeze(env)) }

func (c *comparison) freeze(env *Env) *Filter {
	right, ok := c.right.value(env)
	if !ok {
		return fixed(Undefined)
	}
	if f, isField := c.left.(field); isField {
		if len(f.path) != 1 {
			return fixed(Undefined)
		}
		return &Filter{kind: testFilter, op: c.op, field: f.path[0], value: right}
	}
	left, ok := c.left.value(env)
	if !ok {
		return fixed(Undefined)
	}
	return fixed(truthOf(c.op.holds(left, right)))
}

func (c *existence) freeze(env *Env) *Filter {
	f, isField := c.operand.(field)
	if !isField {
		return fixed(c.eval(env))
	}
	if len(f.path) != 1 {
		return fixed(Undefined)
	}
	return &Filter{kind: existsFilter, field: f.path[0], want: c.want}
}
