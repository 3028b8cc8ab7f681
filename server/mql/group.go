package mql

import (
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// accumulator is one field of $group.
type accumulator struct {
	field string
	op    string
	value expression
}

var accumulators = map[string]bool{
	"$sum": true, "$avg": true, "$min": true, "$max": true, "$count": true, "$push": true, "$addToSet": true, "$first": true, "$last": true,
}

func compileGroup(spec bson.D) (stage, error) {
	idSpec, ok := Get(spec, "_id")
	if !ok {
		return nil, fail("a group specification must include an _id")
	}
	id, err := compileExpression(idSpec)
	if err != nil {
		return nil, err
	}
	var fields []accumulator
	if len(spec) > maxClauses {
		return nil, fail("a group can have at most %d fields", maxClauses)
	}
	for _, e := range spec {
		if e.Key == "_id" {
			continue
		}
		d, ok := e.Value.(bson.D)
		if !ok || len(d) != 1 {
			return nil, fail("The field '%s' must be an accumulator object", clip(e.Key))
		}
		if strings.ContainsAny(e.Key, ".$") || e.Key == "" {
			return nil, fail("The field name '%s' cannot contain '.' or '$'", clip(e.Key))
		}
		op := d[0].Key
		if !accumulators[op] {
			return nil, fail("unknown group operator '%s'", clip(op))
		}
		var value expression
		if op == "$count" {
			if arg, ok := d[0].Value.(bson.D); !ok || len(arg) > 0 {
				return nil, fail("$count takes no arguments, i.e. $count:{}")
			}
		} else if value, err = compileExpression(d[0].Value); err != nil {
			return nil, err
		}
		fields = append(fields, accumulator{e.Key, op, value})
	}
	return func(r *Run, next sink) sink {
		return &groupStage{m: r.m, next: next, id: id, fields: fields, groups: map[string]*group{}}
	}, nil
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

// held is the state of one accumulator.
type held struct {
	any   bool
	value any
	n     int64
	list  bson.A
	seen  map[string]bool // $addToSet
}

func (s *groupStage) add(d bson.D) (bool, error) {
	id, err := s.id(d, s.m)
	if err != nil {
		return false, err
	}
	if _, absent := id.(missing); absent {
		id = nil
	}
	key := string(appendKey(nil, id))
	g := s.groups[key]
	if g == nil {
		g = &group{id: id, held: make([]held, len(s.fields))}
		if err := s.m.Hold(256 + len(key) + Size(id) + 96*len(s.fields)); err != nil {
			return false, err
		}
		s.groups[key] = g
		s.order = append(s.order, g)
	}
	for i := range s.fields {
		if err := s.fields[i].take(&g.held[i], d, s.m); err != nil {
			return false, err
		}
	}
	return true, s.m.Step(len(s.fields) + 1)
}

func (a *accumulator) take(h *held, d bson.D, m *Meter) error {
	var v any
	if a.value != nil {
		var err error
		if v, err = a.value(d, m); err != nil {
			return err
		}
	}
	_, absent := v.(missing)
	switch a.op {
	case "$count":
		h.n++
	case "$sum", "$avg":
		if !isNumber(v) {
			return nil
		}
		if h.n++; h.n == 1 {
			h.value = v
		} else {
			h.value = Add(h.value, v)
		}
	case "$min", "$max":
		if classOf(v) == classNull {
			return nil
		}
		if c := Compare(v, h.value); !h.any || a.op == "$min" && c < 0 || a.op == "$max" && c > 0 {
			h.any, h.value = true, v
		}
		return m.Step(cost(v))
	case "$first", "$last":
		if a.op == "$last" || !h.any {
			if h.any, h.value = true, v; absent {
				h.value = nil
			}
			return m.Hold(Size(h.value))
		}
	case "$push":
		if !absent {
			h.list = append(h.list, v)
			return m.Hold(16 + Size(v))
		}
	case "$addToSet":
		if absent {
			return nil
		}
		key := string(appendKey(nil, v))
		if h.seen[key] {
			return m.Step(1)
		}
		if h.seen == nil {
			h.seen = map[string]bool{}
		}
		h.seen[key] = true
		h.list = append(h.list, v)
		return m.Hold(64 + len(key) + Size(v))
	}
	return nil
}

func (a *accumulator) result(h *held) any {
	switch a.op {
	case "$count":
		return fitted(h.n, int32(0), int32(0))
	case "$sum":
		if h.n == 0 {
			return int32(0)
		}
		return h.value
	case "$avg":
		if h.n == 0 {
			return nil
		}
		return divide(h.value, h.n)
	case "$push", "$addToSet":
		if h.list == nil {
			return bson.A{}
		}
		return h.list
	default:
		return h.value
	}
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

// Key returns bytes that are equal for values that are Equal, and different for others.
func Key(v any) []byte { return appendKey(nil, v) }

// appendKey writes bytes that are equal for values that are Equal.
func appendKey(b []byte, v any) []byte {
	b = append(b, byte(classOf(v)))
	switch v := v.(type) {
	case int32, int64, float64, bson.Decimal128:
		return append(append(b, numberKey(v)...), 0)
	case string:
		return appendBytes(b, []byte(v))
	case bson.D:
		for _, e := range v {
			b = appendKey(appendBytes(append(b, 1), []byte(e.Key)), e.Value)
		}
		return append(b, 0)
	case bson.A:
		for _, e := range v {
			b = appendKey(append(b, 1), e)
		}
		return append(b, 0)
	case bson.Binary:
		return appendBytes(append(b, v.Subtype), v.Data)
	case bson.ObjectID:
		return append(b, v[:]...)
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case bson.DateTime:
		return appendInt(b, int64(v))
	case bson.Timestamp:
		return appendInt(b, int64(v.T)<<32|int64(v.I))
	case bson.Regex:
		return appendBytes(appendBytes(b, []byte(v.Pattern)), []byte(v.Options))
	default:
		return b
	}
}

// numberKey is the text of a number that all types of it share.
func numberKey(v any) []byte {
	n := number(v)
	if n.IsNaN() {
		return []byte("NaN")
	}
	if i, ok := wholeNumber(v); ok && Compare(v, i) == 0 {
		return appendInt([]byte("i"), i)
	}
	if f := float(v); Compare(v, f) == 0 {
		return appendInt([]byte("f"), int64(math.Float64bits(f)))
	}
	// A decimal that is no double: its digits, without trailing zeros.
	text := n.Decimal().String()
	digits, exponent, _ := strings.Cut(text, "E")
	if strings.Contains(digits, ".") {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	return []byte(digits + "E" + exponent)
}

func appendInt(b []byte, n int64) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

func appendBytes(b, data []byte) []byte { return append(appendInt(b, int64(len(data))), data...) }
