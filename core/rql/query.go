package rql

import (
	"slices"
	"strings"

	"realmsync/core/value"
)

// Query is a parsed query. It knows no schema: Bind gives it one. It is immutable.
type Query struct {
	text    string
	root    predicate
	clauses []clause
	args    []Arg
	sync    bool // with the forms that clients print beyond the grammar
}

// Arg is a positional argument: a scalar (null included) or a list of scalars. The zero Arg is null.
type Arg struct {
	scalar value.Value
	list   []value.Value
	isList bool
}

// Scalar is an argument that holds one value. Links name an object: value.FromLink(class, key).
func Scalar(v value.Value) Arg { return Arg{scalar: v} }

// List is an argument that holds a list of values. The slice is kept: don't change it.
func List(values ...value.Value) Arg { return Arg{list: values, isList: true} }

// Value returns the value of a scalar argument; null for a list.
func (a Arg) Value() value.Value { return a.scalar }

// Parse reads query text. The arguments are what $0, $1, ... stand for; whether they fit is seen by Bind.
// Errors are *Error of class ErrSyntax or ErrLimit, with the place and what was expected there.
func Parse(text string, args ...Arg) (*Query, error) {
	return newQuery(text, args, false)
}

// ParseSync reads query text that a client sent in a subscription set: Parse without arguments, with the size limit of
// flexible sync, and with the forms that clients print beyond the grammar (spec/query-language.md section 11). SORT, DISTINCT
// and LIMIT within the parentheses that clients add are ErrNotSyncable.
func ParseSync(text string) (*Query, error) {
	return newQuery(text, nil, true)
}

func newQuery(text string, args []Arg, sync bool) (*Query, error) {
	if len(args) > MaxArgs {
		return nil, fail(ErrLimit, -1, "the query has %d arguments, more than the %d that are accepted", len(args), MaxArgs)
	}
	root, clauses, err := parse(text, sync)
	if err != nil {
		return nil, err
	}
	return &Query{text: text, root: root, clauses: clauses, args: slices.Clone(args), sync: sync}, nil
}

// With returns the same query with other arguments, without parsing again. Errors: ErrLimit.
func (q *Query) With(args ...Arg) (*Query, error) {
	if len(args) > MaxArgs {
		return nil, fail(ErrLimit, -1, "the query has %d arguments, more than the %d that are accepted", len(args), MaxArgs)
	}
	return &Query{text: q.text, root: q.root, clauses: q.clauses, args: slices.Clone(args), sync: q.sync}, nil
}

// Text returns the text that was parsed.
func (q *Query) Text() string { return q.text }

// HasDescriptors tells whether the query has SORT, DISTINCT or LIMIT.
func (q *Query) HasDescriptors() bool { return len(q.clauses) > 0 }

// Alternatives returns the operands of a top-level OR as queries of their own, or the query itself. The subscriptions of
// one class travel as (query) OR (query) ...; this takes them apart again, so that a server can share views among clients.
// An OR inside one of the alternatives is not taken apart.
func (q *Query) Alternatives() []*Query {
	or, ok := q.root.(*logical)
	if !ok || !or.or || len(q.clauses) > 0 {
		return []*Query{q}
	}
	out := make([]*Query, len(or.terms))
	for i, term := range or.terms {
		part := &Query{root: term, args: q.args, sync: q.sync}
		part.text = part.String()
		out[i] = part
	}
	return out
}

// Combine joins the canonical texts of the subscriptions of one class to the text that goes on the wire: distinct, sorted
// by bytes, each in parentheses, joined by OR (spec/query-language.md section 11).
func Combine(texts ...string) string {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if len(sorted) == 0 {
		return ""
	}
	return "(" + strings.Join(sorted, ") OR (") + ")"
}
