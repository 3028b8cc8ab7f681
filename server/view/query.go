package view

import (
	"fmt"
	"strings"
	"sync/atomic"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/server/history"
	"realmsync/server/rules"
)

// maxValues is how many values from collections a query may read of one object: every write of an object pays for every query
// that may match it.
const maxValues = 1 << 18

// queryID names a query: its class, its canonical text, that of the role's filter, "" if there is none, and that of the properties that the role shows
// (rules.Access.Fields).
type queryID struct{ class, text, filter, fields string }

// query is one distinct query on one class. It is safe for concurrent use; what the Fan adds is guarded by the Fan.
type query struct {
	id     queryID
	parsed *rql.Query
	filter *rules.Filter           // that must hold as well, because of a role; nil: none
	role   *rules.Access           // that hides properties; nil: none are hidden
	bound  atomic.Pointer[binding] // nil: the class did not exist when it was compiled

	sets map[*Set]struct{} // that contain it
	key  *rql.EqualityKey  // by which the index finds it, nil: it is tried on every object
}

// binding is a query bound to a class. It holds for all later forms of the class, since properties are only added or, when
// one is removed, read as their default.
type binding struct {
	class  *history.Class
	query  *rql.Bound
	points map[string]*history.Class // classes of embedded objects that it reads as points
	blind  bool                      // it asks for what the role hides
}

// bind binds the query to the class of a catalog and checks that it may be a subscription. catalog may be nil: then there are no classes of embedded
// objects. role may be nil: then it hides nothing.
func bind(parsed *rql.Query, s *schema.Schema, class *history.Class, catalog *history.Catalog, role *rules.Access) (*binding, error) {
	bound, err := parsed.Bind(s, class.Name, rql.WithNavigation(), rql.WithBudget(maxValues))
	if err != nil {
		return nil, err
	}
	if err := rql.FlexibleSyncCheck(bound); err != nil {
		return nil, err
	}
	for _, i := range bound.PropertiesButPoints() {
		p := &class.Properties[i]
		if target := s.Class(p.LinkTarget); target != nil && target.Kind == schema.Embedded {
			return nil, &rql.Error{Class: rql.ErrNotSyncable, Offset: -1, Message: fmt.Sprintf("Invalid query: the property '%s' holds embedded objects: "+
				"a subscription may not depend on them", p.Name)}
		}
	}
	out := &binding{class: class, query: bound}
	for _, i := range bound.Properties() {
		if name := class.Properties[i].Name; role != nil && name != class.PrimaryKey && !role.Reads(name) {
			out.blind = true
		}
		target := s.Class(class.Properties[i].LinkTarget)
		if target == nil || target.Kind != schema.Embedded || catalog == nil {
			continue
		}
		if out.points == nil {
			out.points = map[string]*history.Class{}
		}
		out.points[target.Name] = catalog.Class(target.Name)
	}
	return out, nil
}

// match tells whether the query holds for an object. One that asks for what the role hides holds for nothing: what comes into a view, or leaves it,
// would tell what is hidden.
func (q *query) match(row *history.Row) (bool, error) {
	b := q.bound.Load()
	if b == nil || b.class.ID != row.Class.ID {
		// The class has come up since, or was removed and added again. A query that doesn't fit the new class matches nothing.
		var err error
		if b, err = bind(q.parsed, schema.New(row.Class.Class), row.Class, nil, q.role); err != nil {
			return false, nil //nolint:nilerr // a subscription that was valid once is not an error of whoever writes an object
		}
		q.bound.Store(b)
	}
	if b.blind {
		return false, nil
	}
	ok, err := b.query.Match(&object{row: row, class: b.class, points: b.points})
	if rql.ClassOf(err) == rql.ErrLimit {
		// Whoever subscribes to something that costs too much to decide doesn't get it. An error would be one of the writer, and of
		// all others who are told of the write.
		return false, nil
	}
	if !ok || err != nil || q.filter == nil {
		return ok, err
	}
	return holds(q.filter, row)
}

// InvalidError says why a subscription set is refused. Its text is for the user; clients look for the words of the original
// (spec/sync-semantics.md section 2.8).
type InvalidError struct {
	Class string // "" if it is not about one class
	Text  string
	Err   error
}

// Error implements error.
func (e *InvalidError) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// noBody words the error of a query body.
func noBody(err error) *InvalidError {
	return &InvalidError{Text: "Client provided query with bad syntax: " + err.Error(), Err: err}
}

// invalid words the error of a query.
func invalid(class string, err error) *InvalidError {
	out := &InvalidError{Class: class, Err: err}
	text := strings.TrimPrefix(err.Error(), "Invalid query: ")
	if rql.ClassOf(err) == rql.ErrSyntax {
		out.Text = fmt.Sprintf("Client provided query with bad syntax: %q: %s", class, text)
	} else {
		out.Text = fmt.Sprintf("Invalid query: %q: %s", class, text)
	}
	return out
}
