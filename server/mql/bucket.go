package mql

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// counting is what the stages of buckets give if they aren't told.
var counting = bson.D{{Key: "count", Value: bson.D{{Key: "$sum", Value: int32(1)}}}}

// output reads the accumulators of buckets.
func output(v any) (bson.D, error) {
	if isMissing(v) {
		return counting, nil
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, fail("the 'output' of buckets must be an object of accumulators")
	}
	return d, nil
}

// compileBucket reads {groupBy, boundaries, default, output}: a $group by the boundary that a value follows, in order.
func compileBucket(arg any, in names) (stage, error) {
	parts, err := arguments("$bucket", arg, "groupBy boundaries default? output?")
	if err != nil {
		return nil, err
	}
	by, err := compileExpression(parts[0], in)
	if err != nil {
		return nil, err
	}
	boundaries, _ := parts[1].(bson.A)
	if len(boundaries) < 2 {
		return nil, fail("the $bucket 'boundaries' field must be an array of at least two constants")
	}
	for i := 1; i < len(boundaries); i++ {
		if a, b := boundaries[i-1], boundaries[i]; classOf(a) != classOf(b) || Compare(a, b) >= 0 {
			return nil, fail("the $bucket 'boundaries' must be constants of the same type, in ascending order")
		}
	}
	fields, err := output(parts[3])
	if err != nil {
		return nil, err
	}
	low, high := boundaries[0], boundaries[len(boundaries)-1]
	otherwise, none := parts[2], isMissing(parts[2])
	if !none && classOf(otherwise) == classOf(low) && Compare(otherwise, low) >= 0 && Compare(otherwise, high) < 0 {
		return nil, fail("the $bucket 'default' must be less than the lowest boundary, or not less than the highest")
	}
	group, err := groupBy(func(d bson.D, m *Meter) (any, error) {
		v, err := by(d, m)
		if err != nil {
			return nil, err
		}
		if err := m.made(v); err != nil {
			return nil, err
		}
		if i, exact := slices.BinarySearchFunc(boundaries, v, Compare); exact && i < len(boundaries)-1 {
			return boundaries[i], nil
		} else if !exact && i > 0 && i < len(boundaries) {
			return boundaries[i-1], nil
		}
		if none {
			return nil, fail("$bucket: a value falls in none of the ranges, and there is no 'default'")
		}
		return otherwise, nil
	}, fields, in)
	if err != nil {
		return nil, err
	}
	order := Sort{{[]string{"_id"}, 1}}
	return func(r *Run, next sink) sink { return group(r, &sortStage{m: r.m, next: next, order: order}) }, nil
}

// autoStage makes buckets of about the same number of documents. It waits for all of them.
type autoStage struct {
	m      *Meter
	next   sink
	by     expression
	count  int
	fields []accumulator
	docs   []valued
	held   int
}

// valued is a document with what it is grouped by.
type valued struct {
	d bson.D
	v any
}

func compileBucketAuto(arg any, in names) (stage, error) {
	parts, err := arguments("$bucketAuto", arg, "groupBy buckets output? granularity?")
	if err != nil {
		return nil, err
	}
	if !isMissing(parts[3]) {
		return nil, fail("the 'granularity' of $bucketAuto is not supported: leave it out, or use $bucket")
	}
	by, err := compileExpression(parts[0], in)
	if err != nil {
		return nil, err
	}
	n, ok := wholeNumber(parts[1])
	if !ok || n <= 0 || n > maxElements {
		return nil, fail("the $bucketAuto 'buckets' must be a positive whole number")
	}
	spec, err := output(parts[2])
	if err != nil {
		return nil, err
	}
	fields, err := compileAccumulators(spec, in)
	if err != nil {
		return nil, err
	}
	return func(r *Run, next sink) sink {
		return &autoStage{m: r.m, next: next, by: by, count: int(n), fields: fields}
	}, nil
}

func (s *autoStage) add(d bson.D) (bool, error) {
	v, err := s.by(d, s.m)
	if err != nil {
		return false, err
	}
	if err := s.m.made(v); err != nil {
		return false, err
	}
	s.docs = append(s.docs, valued{d, orNull(v)})
	n := Size(d) + Size(v)
	s.held += n
	return true, s.m.Hold(n)
}

func (s *autoStage) end() error {
	defer func() { s.m.Free(s.held) }()
	err := sortBy(s.docs, s.m, func(x valued) ([]any, error) { return []any{x.v}, nil }, func(a, b []any) int { return Compare(a[0], b[0]) })
	if err != nil {
		return err
	}
	size := max((2*len(s.docs)+s.count)/(2*s.count), 1) // rounded
	for i, left := 0, s.docs; i < s.count && len(left) > 0; i++ {
		n := min(size, len(left))
		if i == s.count-1 {
			n = len(left)
		}
		for n < len(left) && Equal(left[n].v, left[n-1].v) {
			n++
		}
		end := left[n-1].v
		if n < len(left) {
			end = left[n].v
		}
		out := bson.D{{Key: "_id", Value: bson.D{{Key: "min", Value: left[0].v}, {Key: "max", Value: end}}}}
		state := make([]held, len(s.fields))
		for _, x := range left[:n] {
			for k := range s.fields {
				if err := s.fields[k].add(&state[k], x.d, s.m); err != nil {
					return err
				}
			}
		}
		for k := range s.fields {
			out = append(out, bson.E{Key: s.fields[k].field, Value: s.fields[k].result(&state[k])})
		}
		left = left[n:]
		if more, err := s.next.add(out); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return s.next.end()
}
