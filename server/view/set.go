package view

import (
	"fmt"

	"realmsync/core/rql"
	"realmsync/core/wire"
	"realmsync/server/history"
)

// Set is a compiled subscription set. It is shared by all sessions that subscribe to the same, and implements
// history.Viewer; it is safe for concurrent use. Whoever acquired it releases it.
type Set struct {
	fan  *Fan
	body string

	texts   map[string]string   // the query text of each class, as the client wrote it
	queries map[string][]*query // of each class: an object is in the view if one of them holds

	// The rest is guarded by fan.mu.
	users    int
	touched  []uint64 // the newest versions that concern the set, ascending: all that are above floor
	floor    uint64
	watchers map[*Watcher]struct{}
}

var _ history.Viewer = (*Set)(nil)

// Body returns the query body that the set was made from.
func (s *Set) Body() string { return s.body }

// Subscribed implements history.Viewer.
func (s *Set) Subscribed(class string) bool { return len(s.queries[class]) > 0 }

// Sees implements history.Viewer.
func (s *Set) Sees(row *history.Row) (bool, error) {
	for _, q := range s.queries[row.Class.Name] {
		if ok, err := q.match(row); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// sameOn tells whether two sets select the same objects of a class, as far as their texts tell.
func (s *Set) sameOn(other *Set, class string) bool { return s.texts[class] == other.texts[class] }

// parts is a set before it is entered into the Fan: its queries, parsed, and bound where the class exists.
type parts struct {
	texts   map[string]string
	queries map[string][]*query
}

// compile parses a query body. Unless lenient, every class must exist.
func compile(catalog *history.Catalog, body []byte, lenient bool) (*parts, error) {
	classes, err := wire.ParseQueryBody(body)
	if err != nil {
		return nil, &InvalidError{Text: "Client provided query with bad syntax: " + err.Error(), Err: err}
	}
	out := &parts{texts: make(map[string]string, len(classes)), queries: make(map[string][]*query, len(classes))}
	for _, c := range classes {
		parsed, err := rql.ParseSync(c.Query)
		if err != nil {
			return nil, invalid(c.Class, err)
		}
		class := catalog.Class(c.Class)
		if class == nil && !lenient {
			return nil, invalid(c.Class, fmt.Errorf("there is no such class on the server; "+
				"upload its schema first, by opening a realm whose schema has the class"))
		}
		var list []*query
		seen := map[string]bool{}
		for _, alternative := range parsed.Alternatives() {
			q := &query{id: queryID{c.Class, alternative.String()}, parsed: alternative, sets: map[*Set]struct{}{}}
			if seen[q.id.text] {
				continue
			}
			seen[q.id.text] = true
			if class != nil {
				b, err := bind(alternative, catalog.Schema, class)
				if err != nil {
					return nil, invalid(c.Class, err)
				}
				q.bound.Store(b)
			}
			list = append(list, q)
		}
		out.texts[c.Class], out.queries[c.Class] = c.Query, list
	}
	return out, nil
}
