package view

import (
	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/rules"
)

// classIndex finds the queries of one class that an object can match. It is guarded by the Fan.
type classIndex struct {
	sets map[*Set]struct{} // that are subscribed to the class

	scan  map[*query]struct{}                            // to be tried on every object
	keyed map[string]map[value.Value]map[*query]struct{} // by property and value: to be tried on objects with that value
}

func newClassIndex() *classIndex {
	return &classIndex{sets: map[*Set]struct{}{}, scan: map[*query]struct{}{}, keyed: map[string]map[value.Value]map[*query]struct{}{}}
}

// keyOf chooses the equality condition by which a query is found, nil if there is none: of the query itself, or of the role's filter.
func keyOf(q *query) *rql.EqualityKey {
	b := q.bound.Load()
	if b == nil {
		return nil
	}
	keys := rql.EqualityKeys(b.query)
	if q.filter != nil {
		keys = append(keys, filterKeys(q.filter, b.class)...)
	}
	var best *rql.EqualityKey
	for i := range keys {
		if best == nil || weight(&keys[i]) < weight(best) {
			best = &keys[i]
		}
	}
	return best
}

// weight tells how many objects a key lets through, compared with others: half of all have the same bool.
func weight(k *rql.EqualityKey) int {
	if k.Values[0].Kind() == value.KindBool {
		return 1000
	}
	return len(k.Values)
}

// filterKeys returns the equality conditions of a role's filter that an index of a class's properties can use.
func filterKeys(f *rules.Filter, class *history.Class) (out []rql.EqualityKey) {
	for name, constants := range f.Equalities() {
		for i := range class.Properties {
			p := &class.Properties[i]
			if p.Name != name || p.Collection != schema.Single {
				continue
			}
			key := rql.EqualityKey{Property: i, Name: name}
			for _, c := range constants {
				v, ok := indexValue(c, p.Type)
				if !ok {
					break
				}
				key.Values = append(key.Values, v)
			}
			if len(key.Values) == len(constants) {
				out = append(out, key)
			}
		}
	}
	return out
}

func (c *classIndex) add(q *query) {
	key := keyOf(q)
	if q.key = key; key == nil {
		c.scan[q] = struct{}{}
		return
	}
	values := c.keyed[key.Name]
	if values == nil {
		values = map[value.Value]map[*query]struct{}{}
		c.keyed[key.Name] = values
	}
	for _, v := range key.Values {
		if values[v] == nil {
			values[v] = map[*query]struct{}{}
		}
		values[v][q] = struct{}{}
	}
}

func (c *classIndex) remove(q *query) {
	delete(c.scan, q)
	key := q.key
	if key == nil {
		return
	}
	values := c.keyed[key.Name]
	for _, v := range key.Values {
		delete(values[v], q)
		if len(values[v]) == 0 {
			delete(values, v)
		}
	}
	if len(values) == 0 {
		delete(c.keyed, key.Name)
	}
}

// unkey makes all queries be tried on every object. After a class or a property was removed, the values by which its queries
// are found may mean something else.
func (c *classIndex) unkey() {
	for _, values := range c.keyed {
		for _, queries := range values {
			for q := range queries {
				q.key = nil
				c.scan[q] = struct{}{}
			}
		}
	}
	clear(c.keyed)
}

// match calls f for each query that holds for the object.
func (c *classIndex) match(row *history.Row, f func(*query)) error {
	try := func(q *query) error {
		ok, err := q.match(row)
		if ok && err == nil {
			f(q)
		}
		return err
	}
	for q := range c.scan {
		if err := try(q); err != nil {
			return err
		}
	}
	for name, values := range c.keyed {
		for q := range values[valueOf(row, name)] {
			if err := try(q); err != nil {
				return err
			}
		}
	}
	return nil
}

// valueOf returns the value of a property, null if the class has none of that name.
func valueOf(row *history.Row, property string) value.Value {
	for i := range row.Class.Properties {
		if row.Class.Properties[i].Name == property {
			return row.Value(i)
		}
	}
	return value.Null()
}
