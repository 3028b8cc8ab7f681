package mql

import (
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

// Compare compares two documents in the order; 0 without fields.
func (s Sort) Compare(a, b bson.D) int {
	for _, f := range s {
		if c := Compare(sortValue(a, f), sortValue(b, f)); c != 0 {
			return f.sign * c
		}
	}
	return 0
}

// sortValue is what a document is ordered by: of several values the least when ascending, the greatest when descending.
func sortValue(d bson.D, f sortField) any {
	var best any
	found := false
	take := func(v any) {
		if !found || f.sign*Compare(v, best) < 0 {
			best, found = v, true
		}
	}
	free := &Meter{steps: 1 << 30, next: -1}
	_, _ = walk(d, f.steps, free, func(v any) (bool, error) {
		if a, ok := v.(bson.A); ok {
			if len(a) == 0 {
				take(undefined{}) // before null
			}
			for _, e := range a {
				take(e)
			}
			return false, nil
		}
		take(v)
		return false, nil
	})
	return best
}

// Sorted sorts documents, stably. The meter is charged for the comparisons.
func (s Sort) Sorted(docs []bson.D, m *Meter) error {
	if len(s) == 0 {
		return nil
	}
	bits := 1
	for n := len(docs); n > 1; n /= 2 {
		bits++
	}
	if err := m.Step(len(docs) * bits * len(s)); err != nil {
		return err
	}
	slices.SortStableFunc(docs, s.Compare)
	return nil
}
