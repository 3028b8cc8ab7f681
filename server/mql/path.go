package mql

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/excerpt"
)

const maxPath = 64 // steps of a dotted path

// splitPath takes a dotted path apart.
func splitPath(path string) ([]string, error) {
	steps := strings.Split(path, ".")
	if len(steps) > maxPath {
		return nil, fail("the path '%s...' has more than %d parts", clip(path), maxPath)
	}
	for _, s := range steps {
		if s == "" && len(steps) > 1 || path == "" {
			return nil, fail("the path '%s' contains an empty field name", clip(path))
		}
	}
	return steps, nil
}

func clip(s string) string { return excerpt.Of(s, 128) }

// Get returns a member of a document; false if there is none.
func Get(d bson.D, name string) (any, bool) {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value, true
		}
	}
	return nil, false
}

// Lookup follows a dotted path without going into arrays but by index; false if it leads nowhere.
func Lookup(v any, path string) (any, bool) { return lookup(v, strings.Split(path, ".")) }

func lookup(v any, steps []string) (any, bool) {
	for _, step := range steps {
		switch at := v.(type) {
		case bson.D:
			next, ok := Get(at, step)
			if !ok {
				return nil, false
			}
			v = next
		case bson.A:
			i, ok := index(step, len(at))
			if !ok {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// index reads an array index below n.
func index(step string, n int) (int, bool) {
	if step == "" || len(step) > 9 || step != "0" && step[0] == '0' {
		return 0, false
	}
	i, err := strconv.ParseUint(step, 10, 31)
	return int(i), err == nil && int(i) < n
}

// Distinct collects the values that a field has in documents, each once; of arrays those of their elements.
type Distinct struct {
	steps []string
	seen  map[string]bool
	list  bson.A
}

// NewDistinct returns an empty collection of the values at a path.
func NewDistinct(path string) (*Distinct, error) {
	steps, err := splitPath(path)
	return &Distinct{steps: steps, seen: map[string]bool{}, list: bson.A{}}, err
}

// Values returns what was collected, in the order in which it came.
func (c *Distinct) Values() bson.A { return c.list }

// Add takes the values of a document. The error is one of the meter.
func (c *Distinct) Add(d bson.D, m *Meter) error {
	_, err := walk(d, c.steps, m, func(v any) (bool, error) {
		list, isArray := v.(bson.A)
		if !isArray && !isMissing(v) {
			list = bson.A{v}
		}
		for _, e := range list {
			if err := m.Step(cost(e)); err != nil {
				return false, err
			}
			if key := string(Key(e)); !c.seen[key] {
				c.seen[key] = true
				c.list = append(c.list, e)
				if err := m.Hold(64 + len(key) + Size(e)); err != nil {
					return false, err
				}
			}
		}
		return false, nil
	})
	return err
}

// walk calls f for each value that a path leads to, until f returns true; missing{} where it ends early. Arrays on the way are gone into, by index
// and by the documents in them; one that has neither leads nowhere, and f isn't called. It returns whether f has.
func walk(v any, steps []string, m *Meter, f func(any) (bool, error)) (bool, error) {
	if err := m.Step(1); err != nil {
		return false, err
	}
	if len(steps) == 0 {
		return f(v)
	}
	switch at := v.(type) {
	case bson.D:
		if next, ok := Get(at, steps[0]); ok {
			return walk(next, steps[1:], m, f)
		}
		return f(missing{})
	case bson.A:
		if i, ok := index(steps[0], len(at)); ok {
			if done, err := walk(at[i], steps[1:], m, f); done || err != nil {
				return done, err
			}
		}
		for _, e := range at {
			if d, ok := e.(bson.D); ok {
				if done, err := walk(d, steps, m, f); done || err != nil {
					return done, err
				}
			}
		}
		return false, nil
	default:
		return f(missing{})
	}
}
