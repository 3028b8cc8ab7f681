// Package rql owns the Realm Query Language (spec/query-language.md): scanning, parsing, binding against a schema,
// the canonical text, and evaluation on values.
//
// The way of a query:
//
//	q, err := rql.Parse("age >= $0 AND name BEGINSWITH 'A'", rql.Scalar(value.Int(18))) // no schema needed
//	b, err := q.Bind(schema, "Person")                                                   // names, types, constants
//	b.String()                                                                           // age > 17 and name BEGINSWITH "A"
//	ok, err := b.Match(object)
//
// Parse accepts the whole grammar. Bind refuses, with ErrUnsupported and never silently, what this version can't
// evaluate: collections, backlinks, aggregates, counts, arithmetic, SUBQUERY, @type, TEXT, GEOWITHIN, steps into mixed
// values, dictionary keys in SORT, and O1/L1:1 literals (which name storage keys).
//
// The bound tree (Node, Operand, Descriptor) is exported so that core/store can compile it to SQL. Its semantics are
// those of Match; the types say which section of the specification each follows.
//
// The package is pure. A *Query and a *Bound are immutable and may be used by several goroutines at once.
package rql
