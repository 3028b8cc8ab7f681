package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// accumulator is one field of $group.
type accumulator struct {
	field string
	accumulation

	value expression // nil: $count
}

func compileGroup(spec bson.D, in names) (stage, error) {
	idSpec, ok := Get(spec, "_id")
	if !ok {
		return nil, fail("a group specification must include an _id")
	}
	id, err := compileExpression(idSpec, in)
	if err != nil {
		return nil, err
	}
	return groupBy(id, slices.DeleteFunc(slices.Clone(spec), func(e bson.E) bool { return e.Key == "_id" }), in)
}

// groupBy groups by an expression. spec are the accumulators.
func groupBy(id expression, spec bson.D, in names) (stage, error) {
	fields, err := compileAccumulators(spec, in)
	if err != nil {
		return nil, err
	}
	return func(r *Run, next sink) sink {
		return &groupStage{m: r.m, next: next, id: id, fields: fields, groups: map[string]*group{}}
	}, nil
}

// compileAccumulators reads {field: {accumulator: expression}}.
func compileAccumulators(spec bson.D, in names) ([]accumulator, error) {
	var fields []accumulator
	if len(spec) > maxClauses {
		return nil, fail("a group can have at most %d fields", maxClauses)
	}
	for _, e := range spec {
		d, ok := e.Value.(bson.D)
		if !ok || len(d) != 1 {
			return nil, fail("The field '%s' must be an accumulator object", clip(e.Key))
		}
		if strings.ContainsAny(e.Key, ".$") || e.Key == "" {
			return nil, fail("The field name '%s' cannot contain '.' or '$'", clip(e.Key))
		}
		op := d[0].Key
		accumulation, known := accumulators[op]
		if !known {
			return nil, fail("unknown group operator '%s': this server doesn't have it", clip(op))
		}
		var value expression
		var err error
		if op == "$count" {
			if arg, ok := d[0].Value.(bson.D); !ok || len(arg) > 0 {
				return nil, fail("$count takes no arguments, i.e. $count:{}")
			}
		} else if _, several := d[0].Value.(bson.A); several {
			return nil, fail("The %s accumulator is a unary operator: its argument can't be an array, but {$concatArrays: [...]} can", op)
		} else if value, err = compileExpression(d[0].Value, in); err != nil {
			return nil, err
		}
		fields = append(fields, accumulator{e.Key, accumulation, value})
	}
	return fields, nil
}

type groupStage struct {
	m      *Meter
	next   sink
	id     expression
	fields []accumulator
	groups map[string]*group
	order  []*group
}

type group struct {
	id   any
	held []held // by field
}

func (s *groupStage) add(d bson.D) (bool, error) {
	id, err := s.id(d, s.m)
	if err != nil {
		return false, err
	}
	id = orNull(id)
	if err := s.m.made(id); err != nil {
		return false, err
	}
	key := string(Key(id))
	g := s.groups[key]
	if g == nil {
		g = &group{id: id, held: make([]held, len(s.fields))}
		if err := s.m.Hold(256 + len(key) + Size(id) + 192*len(s.fields)); err != nil {
			return false, err
		}
		s.groups[key] = g
		s.order = append(s.order, g)
	}
	for i := range s.fields {
		if err := s.fields[i].add(&g.held[i], d, s.m); err != nil {
			return false, err
		}
	}
	return true, s.m.Step(len(s.fields) + 1)
}

func (a *accumulator) add(h *held, d bson.D, m *Meter) error {
	if a.value == nil {
		return a.take(h, nil, m)
	}
	v, err := a.value(d, m)
	if err != nil {
		return err
	}
	if err := m.made(v); err != nil {
		return err
	}
	return a.take(h, v, m)
}

func (s *groupStage) end() error {
	for _, g := range s.order {
		d := make(bson.D, 0, 1+len(s.fields))
		d = append(d, bson.E{Key: "_id", Value: g.id})
		for i := range s.fields {
			d = append(d, bson.E{Key: s.fields[i].field, Value: s.fields[i].result(&g.held[i])})
		}
		if more, err := s.next.add(d); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return s.next.end()
}
