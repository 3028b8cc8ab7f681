package mql

import (
	"math/bits"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const maxSortFields = 32

// Sort is an order of documents. It is immutable.
type Sort []sortField

type sortField struct {
	steps []string
	sign  int
}

// CompileSort reads {field: 1, other: -1}.
func CompileSort(order bson.D) (Sort, error) {
	if len(order) > maxSortFields {
		return nil, fail("too many compound keys: a sort can have at most %d", maxSortFields)
	}
	out := make(Sort, 0, len(order))
	for _, e := range order {
		n, ok := wholeNumber(e.Value)
		if !ok || n != 1 && n != -1 {
			return nil, fail("$sort key ordering must be 1 (for ascending) or -1 (for descending)")
		}
		steps, err := splitPath(e.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, sortField{steps, int(n)})
	}
	return out, nil
}

// keyed is something to be sorted, with what it is sorted by.
type keyed[T any] struct {
	what T
	keys []any
}

// keysOf returns what a document is ordered by.
func (s Sort) keysOf(d bson.D, m *Meter) ([]any, error) {
	keys := make([]any, len(s))
	for i, f := range s {
		best := &extreme{sign: f.sign}
		if err := best.take(d, f.steps, m); err != nil {
			return nil, err
		}
		keys[i] = best.value
	}
	return keys, nil
}

// extreme is the least of the values that a path leads to when ascending, the greatest when descending. A path that leads nowhere gives null.
type extreme struct {
	sign  int
	found bool
	value any
}

// take goes along a path, into arrays: by index, and through all elements, of which those that have no field count as null.
func (x *extreme) take(v any, steps []string, m *Meter) error {
	if err := m.Step(1); err != nil {
		return err
	}
	list, isArray := v.(bson.A)
	switch {
	case isArray && len(list) == 0 && len(steps) == 0:
		x.offer(undefined{}) // before null
		return nil
	case isArray && len(steps) == 0:
		for _, e := range list {
			x.offer(e)
		}
		return m.Step(cost(v))
	case len(steps) == 0:
		x.offer(v)
		return m.Step(cost(v))
	case isArray:
		if i, ok := index(steps[0], len(list)); ok {
			return x.take(list[i], steps[1:], m)
		}
		for _, e := range list {
			if _, nested := e.(bson.A); nested {
				e = nil
			}
			if err := x.take(e, steps, m); err != nil {
				return err
			}
		}
		return nil
	}
	d, _ := v.(bson.D)
	next, ok := Get(d, steps[0])
	if !ok {
		x.offer(nil)
		return nil
	}
	return x.take(next, steps[1:], m)
}

func (x *extreme) offer(v any) {
	if !x.found || x.sign*Compare(v, x.value) < 0 {
		x.value, x.found = v, true
	}
}

// Sorted sorts documents, stably. The meter is charged for the comparisons.
func (s Sort) Sorted(docs []bson.D, m *Meter) error {
	if len(s) == 0 || len(docs) < 2 {
		return nil
	}
	return sortBy(docs, m, func(d bson.D) ([]any, error) { return s.keysOf(d, m) }, s.compare)
}

func (s Sort) compare(a, b []any) int {
	for i, f := range s {
		if c := Compare(a[i], b[i]); c != 0 {
			return f.sign * c
		}
	}
	return 0
}

// sortBy sorts anything by keys, which are computed once. What they may cost to compare is counted before.
func sortBy[T any](list []T, m *Meter, keys func(T) ([]any, error), compare func(a, b []any) int) error {
	all := make([]keyed[T], len(list))
	most := 1
	for i, v := range list {
		k, err := keys(v)
		if err != nil {
			return err
		}
		n := 0
		for _, v := range k {
			n += cost(v)
		}
		all[i], most = keyed[T]{v, k}, max(most, n)
	}
	if err := m.Step(len(list) * bits.Len(uint(len(list))) * most); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b keyed[T]) int { return compare(a.keys, b.keys) })
	for i := range all {
		list[i] = all[i].what
	}
	return nil
}

// elementOrder is an order of the elements of an array: by fields of them, or by themselves.
type elementOrder struct {
	fields Sort
	sign   int // of the elements themselves; 0: by fields
}

// compileElementOrder reads {field: 1, ...}, or 1 or -1.
func compileElementOrder(name string, by any) (*elementOrder, error) {
	if d, ok := by.(bson.D); ok {
		fields, err := CompileSort(d)
		return &elementOrder{fields: fields}, err
	}
	n, ok := wholeNumber(by)
	if !ok || n != 1 && n != -1 {
		return nil, fail("what %s sorts by must be 1, -1 or a document", name)
	}
	return &elementOrder{sign: int(n)}, nil
}

func (o *elementOrder) sort(list bson.A, m *Meter) error {
	if o.sign != 0 {
		return sortBy(list, m, func(v any) ([]any, error) { return []any{v}, nil }, func(a, b []any) int { return o.sign * Compare(a[0], b[0]) })
	}
	return sortBy(list, m, func(v any) ([]any, error) {
		d, _ := v.(bson.D)
		return o.fields.keysOf(d, m)
	}, o.fields.compare)
}
