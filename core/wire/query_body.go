package wire

import (
	"slices"
	"strings"
)

// Subscription is one query of a subscription set, as far as the wire is concerned.
type Subscription struct {
	Class string // without "class_"
	Query string // in the canonical text of rql
	Name  string // not transmitted; of several subscriptions with one name that isn't empty only the last counts
}

// ClassQuery is the query of one class: what a server reads from a query body.
type ClassQuery struct {
	Class string
	Query string // "(a) OR (b)"
}

// AppendQueryBody writes the body of IDENT and QUERY for a subscription set to the end of dst (section 3.3): the classes in
// alphabetical order, of each the distinct queries, sorted by bytes, each in parentheses, joined by " OR "; "{}" for none.
func AppendQueryBody(dst []byte, subscriptions []Subscription) []byte {
	named := make(map[string]int, len(subscriptions))
	for i, s := range subscriptions {
		if s.Name != "" {
			named[s.Name] = i
		}
	}
	sorted := make([]Subscription, 0, len(subscriptions))
	for i, s := range subscriptions {
		if last, ok := named[s.Name]; !ok || last == i {
			sorted = append(sorted, s)
		}
	}
	slices.SortFunc(sorted, func(a, b Subscription) int {
		if c := strings.Compare(a.Class, b.Class); c != 0 {
			return c
		}
		return strings.Compare(a.Query, b.Query)
	})
	b := jsonBuilder{dst: dst}
	var text []byte
	for i := 0; i < len(sorted); {
		class := sorted[i].Class
		text = text[:0]
		for start := i; i < len(sorted) && sorted[i].Class == class; i++ {
			if i > start && sorted[i].Query == sorted[i-1].Query {
				continue
			}
			if len(text) > 0 {
				text = append(text, " OR "...)
			}
			text = append(append(append(text, '('), sorted[i].Query...), ')')
		}
		b.string(class, string(text))
	}
	return b.end()
}

// ParseQueryBody reads the body of IDENT and QUERY. The classes come in alphabetical order. The body must be an object whose
// values are strings and whose keys differ, else it is a *ProtocolError of kind ErrJSON. It doesn't look into the queries.
func ParseQueryBody(body []byte) ([]ClassQuery, error) {
	object, err := parseObject(body)
	if err != nil {
		return nil, jsonProblem("query", "query", "%v", err)
	}
	queries := make([]ClassQuery, 0, len(object))
	for _, member := range object {
		text, ok := member.value.asString()
		if !ok {
			return nil, jsonProblem("query", "query", "the query of class %s is not a string", quote([]byte(member.key)))
		}
		queries = append(queries, ClassQuery{Class: member.key, Query: text})
	}
	slices.SortFunc(queries, func(a, b ClassQuery) int { return strings.Compare(a.Class, b.Class) })
	for i := 1; i < len(queries); i++ {
		if queries[i].Class == queries[i-1].Class {
			return nil, jsonProblem("query", "query", "class %s occurs twice", quote([]byte(queries[i].Class)))
		}
	}
	return queries, nil
}
