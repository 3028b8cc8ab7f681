package mql

import (
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// accumulation is an accumulator of $group. What it has taken so far is in a held.
type accumulation struct {
	take   func(h *held, v any, m *Meter) error
	result func(h *held) any
}

// held is the state of an accumulator.
type held struct {
	any    bool
	value  any
	n      int64
	list   bson.A
	seen   map[string]bool // $addToSet
	fields fields          // $mergeObjects
	mean   float64         // of a deviation
	square float64
	sum    float64 // of numbers as doubles, and what rounding has taken off it
	error  float64
}

// accumulators are those of $group.
var accumulators = merged(accumulations, map[string]accumulation{
	"$count": {
		func(h *held, _ any, _ *Meter) error {
			h.n++
			return nil
		},
		func(h *held) any { return fitted(h.n, int32(0), int32(0)) },
	},
	"$first": {
		func(h *held, v any, m *Meter) error {
			if h.any {
				return nil
			}
			return h.keep(orNull(v), m)
		}, valueOf,
	},
	"$last": {func(h *held, v any, m *Meter) error { return h.keep(orNull(v), m) }, valueOf},
	"$push": {
		func(h *held, v any, m *Meter) error {
			if isMissing(v) {
				return nil
			}
			h.list = append(h.list, v)
			return m.Hold(16 + Size(v))
		}, listIn,
	},
	"$addToSet": {addToSet, listIn},
	"$mergeObjects": {
		func(h *held, v any, m *Meter) error {
			if absent(v) {
				return nil
			}
			d, ok := v.(bson.D)
			if !ok {
				return fail("$mergeObjects requires object inputs, but an input is of type %s", typeName(v))
			}
			for _, e := range d {
				h.fields.set(e.Key, e.Value)
			}
			return m.Hold(64 + Size(d))
		},
		func(h *held) any { return h.fields.document() },
	},
})

// accumulations are those that are expressions, too: over an array, or over several arguments.
var accumulations = map[string]accumulation{
	"$sum": {sum, func(h *held) any {
		if h.n == 0 {
			return int32(0)
		}
		return h.total()
	}},
	"$avg": {sum, func(h *held) any {
		if h.n == 0 {
			return nil
		}
		return divide(h.total(), h.n)
	}},
	"$min":       {least(-1), valueOf},
	"$max":       {least(1), valueOf},
	"$stdDevPop": {deviate, func(h *held) any { return h.deviation(h.n) }},
	"$stdDevSamp": {deviate, func(h *held) any {
		return h.deviation(h.n - 1)
	}},
}

func valueOf(h *held) any { return h.value }

func listIn(h *held) any {
	if h.list == nil {
		return bson.A{}
	}
	return h.list
}

// keep holds a value instead of the one before.
func (h *held) keep(v any, m *Meter) error {
	if h.any {
		m.Free(Size(h.value))
	}
	h.any, h.value = true, v
	return m.Hold(Size(v))
}

func sum(h *held, v any, _ *Meter) error {
	if !isNumber(v) {
		return nil
	}
	if h.n++; h.n == 1 {
		h.value = v
	} else {
		h.value = Add(h.value, v)
	}
	// Knuth's sum of two doubles, with its error: 0.1, 0.2 and 0.3 are 0.6.
	x := float(v)
	next := h.sum + x
	part := next - h.sum
	h.error += (h.sum - (next - part)) + (x - part)
	h.sum = next
	return nil
}

// total is the sum of what was taken. Only doubles are rounded on the way.
func (h *held) total() any {
	exact := h.sum + h.error
	if _, double := h.value.(float64); double && finite(exact) && !math.IsNaN(exact) {
		return exact
	}
	return h.value
}

// least keeps the least value, or the greatest with the sign 1; what is null or missing doesn't count.
func least(sign int) func(h *held, v any, m *Meter) error {
	return func(h *held, v any, m *Meter) error {
		if absent(v) {
			return nil
		}
		if err := m.Step(cost(v)); err != nil {
			return err
		}
		if !h.any || sign*Compare(v, h.value) > 0 {
			return h.keep(v, m)
		}
		return nil
	}
}

func addToSet(h *held, v any, m *Meter) error {
	if isMissing(v) {
		return nil
	}
	key := string(Key(v))
	if h.seen[key] {
		return m.Step(cost(v))
	}
	if h.seen == nil {
		h.seen = map[string]bool{}
	}
	h.seen[key] = true
	h.list = append(h.list, v)
	return m.Hold(64 + len(key) + Size(v))
}

// deviate adds a number to a standard deviation, by Welford's method.
func deviate(h *held, v any, _ *Meter) error {
	if !isNumber(v) {
		return nil
	}
	h.n++
	x := float(v)
	delta := x - h.mean
	h.mean += delta / float64(h.n)
	h.square += delta * (x - h.mean)
	return nil
}

func (h *held) deviation(by int64) any {
	if by <= 0 {
		return nil
	}
	return math.Sqrt(h.square / float64(by))
}

// compileAccumulation makes an expression of an accumulator: over the elements of one argument that is an array, or over the arguments.
func compileAccumulation(name string, arg any, in names) (expression, error) {
	parts, err := compileList(arg, in)
	if err != nil {
		return nil, err
	}
	a := accumulations[name]
	return applied(parts, func(m *Meter, args []any) (any, error) {
		if len(args) == 1 {
			if list, ok := args[0].(bson.A); ok {
				args = list
			}
		}
		var h held
		for _, v := range args {
			if err := a.take(&h, v, m); err != nil {
				return nil, err
			}
		}
		if h.any {
			m.Free(Size(h.value))
		}
		return a.result(&h), m.Step(len(args))
	}), nil
}
