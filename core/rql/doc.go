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
// Parse accepts the whole grammar. Bind without options accepts what can be evaluated on any Object: scalar properties,
// behind single links too. Everything else needs objects that are Navigable, and the option WithNavigation: collections,
// backlinks, aggregates, counts, arithmetic, SUBQUERY, @type, TEXT, GEOWITHIN, steps into mixed values, dictionary keys in
// SORT. The literals O1 and L1:1, which name storage keys, need WithStorageKeys. What isn't accepted is refused with
// ErrUnsupported, never silently.
//
// The bound tree (Node, Operand, Descriptor) is exported so that core/store can compile it to SQL. Its semantics are
// those of Match; the types say which section of the specification each follows.
//
// The package is pure. A *Query and a *Bound are immutable and may be used by several goroutines at once.
package rql
