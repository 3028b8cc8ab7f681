package view

import (
	"fmt"
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/rql"
	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/rules"
)

// Set is a compiled subscription set. It is shared by all sessions that subscribe to the same, and implements
// history.Viewer; it is safe for concurrent use. Whoever acquired it releases it.
type Set struct {
	fan  *Fan
	body string // as stored: see Access.stored
	parts

	// The rest is guarded by fan.mu.
	users    int
	touched  []uint64 // the newest versions that concern the set, ascending: all that are above floor
	floor    uint64
	watchers map[*Watcher]struct{}
}

var _ history.FieldViewer = (*Set)(nil)

// Body returns a text from which Fan.Restore makes the set again: the query body, and what the access of the session was as far as it confined the
// view. Sets with the same text are the same.
func (s *Set) Body() string { return s.body }

// FieldsOf implements history.FieldViewer.
func (s *Set) FieldsOf(class string) string {
	if a := s.hidden[class]; a != nil {
		return a.Fields()
	}
	return ""
}

// hides tells whether the set shows nothing of an instruction on an object that it shows.
func (s *Set) hides(in *changeset.Instruction) bool {
	if len(s.hidden) == 0 || in.Field == "" || in.IsSchema() {
		return false
	}
	a := s.hidden[in.Table]
	return a != nil && !a.Reads(in.Field)
}

// Scans returns how many of the set's queries are tried on every object of their class that changes, because no value leads to them.
func (s *Set) Scans() (n int) {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	for _, list := range s.queries {
		for _, q := range list {
			if q.key == nil {
				n++
			}
		}
	}
	return n
}

// Asks returns the classes that the set has queries on, with the properties that they name, apart from primary keys: what must be queryable. Classes
// that don't exist are left out.
func (s *Set) Asks(catalog *history.Catalog) map[string][]string {
	out := map[string][]string{}
	for class, list := range s.asked {
		for _, q := range list {
			b := q.bound.Load()
			if b == nil {
				continue
			}
			for _, i := range b.query.Properties() {
				if name := b.class.Properties[i].Name; name != b.class.PrimaryKey && !slices.Contains(out[class], name) {
					out[class] = append(out[class], name)
				}
			}
		}
	}
	return out
}

// Classes returns the classes that the client has asked for, whether it may see them or not.
func (s *Set) Classes() []string { return slices.Sorted(maps.Keys(s.texts)) }

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

// sameOn tells whether two sets show the same of a class, as far as their texts tell.
func (s *Set) sameOn(other *Set, class string) bool {
	return s.texts[class] == other.texts[class] && s.filters[class] == other.filters[class] && s.FieldsOf(class) == other.FieldsOf(class)
}

// parts is what a set is made of: its queries, parsed, and bound where the class exists.
type parts struct {
	texts   map[string]string        // the query text of each class, as the client wrote it
	filters map[string]string        // the role's filter of each class that is confined
	hidden  map[string]*rules.Access // of each class of which not all properties are shown
	asked   map[string][]*query      // of each class: the queries without the role's filter; only for Asks
	queries map[string][]*query      // of each class: an object is in the view if one of them holds
}

// maxQueries is how many conditions, joined by OR and taken apart by the role's, a set may have: each is tried on objects that change.
const maxQueries = 4096

// compile parses a query body. Unless lenient, every class must exist.
func compile(catalog *history.Catalog, body string, access *Access, lenient bool) (*parts, error) {
	classes, err := wire.ParseQueryBody([]byte(body))
	if err != nil {
		return nil, noBody(err)
	}
	out := &parts{
		texts: make(map[string]string, len(classes)), filters: map[string]string{}, hidden: map[string]*rules.Access{},
		asked: make(map[string][]*query, len(classes)), queries: make(map[string][]*query, len(classes)),
	}
	total := 0
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
		may := access.Class(c.Class, keyOfClass(catalog, c.Class))
		filters := may.Readable.Alternatives()
		switch {
		case may.Readable.IsEverything():
			filters = []*rules.Filter{nil}
		case may.Readable.IsNothing():
			filters = nil
			fallthrough
		default:
			out.filters[c.Class] = may.Readable.String()
		}
		var role *rules.Access
		if !may.ReadsAll() {
			role, out.hidden[c.Class] = may, may
		}
		var asked, list []*query
		seen := map[string]bool{}
		for _, alternative := range parsed.Alternatives() {
			text := alternative.String()
			if seen[text] {
				continue
			}
			seen[text] = true
			var b *binding
			if class != nil {
				if b, err = bind(alternative, catalog.Schema, class, catalog, role); err != nil {
					return nil, invalid(c.Class, err)
				}
			}
			query := func(filter *rules.Filter) *query {
				q := &query{id: queryID{class: c.Class, text: text, fields: may.Fields()}, parsed: alternative, filter: filter, role: role, sets: map[*Set]struct{}{}}
				if filter != nil {
					q.id.filter = filter.String()
				}
				if b != nil {
					q.bound.Store(b)
				}
				return q
			}
			asked = append(asked, query(nil))
			for _, f := range filters {
				list = append(list, query(f))
			}
			if total++; total > maxQueries || len(list) > maxQueries {
				return nil, invalid(c.Class, fmt.Errorf("the subscription set has more than %d conditions; combine them, with IN for example", maxQueries))
			}
		}
		out.texts[c.Class], out.asked[c.Class] = c.Query, asked
		if len(list) > 0 {
			out.queries[c.Class] = list
		}
	}
	return out, nil
}

// keyOfClass returns the name of a class's primary key.
func keyOfClass(catalog *history.Catalog, name string) string {
	if class := catalog.Class(name); class != nil && class.PrimaryKey != "" {
		return class.PrimaryKey
	}
	return "_id" // that of every synced class
}
