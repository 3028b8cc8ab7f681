package mql

import "go.mongodb.org/mongo-driver/v2/bson"

// setOperators see arrays as sets: without order, each value once.
var setOperators = map[string]expressionOperator{
	"$setUnion":        {0, many, union},
	"$setIntersection": {0, many, intersection},
	"$setDifference":   {2, 2, difference},
	"$setEquals":       {2, many, setEquals},
	"$setIsSubset": {2, 2, func(m *Meter, args []any) (any, error) {
		a, b, err := twoSets("$setIsSubset", args, m)
		if err == nil && (a == nil || b == nil) {
			err = fail("both operands of $setIsSubset must be arrays")
		}
		if err != nil {
			return nil, err
		}
		return within(a, b), nil
	}},
	"$anyElementTrue":  {1, 1, someTrue("$anyElementTrue", true)},
	"$allElementsTrue": {1, 1, someTrue("$allElementsTrue", false)},
}

// keySet are the values of an array by their keys, in order.
type keySet struct {
	keys   map[string]bool
	order  []string
	values bson.A
}

// setOf is an argument as a set; nil if it is null or missing.
func setOf(name string, v any, m *Meter) (*keySet, error) {
	list, err := listOf(name, v)
	if err != nil || list == nil {
		return nil, err
	}
	if err := m.Step(len(list) + cost(list)); err != nil {
		return nil, err
	}
	s := &keySet{keys: make(map[string]bool, len(list)), values: bson.A{}}
	s.add(list)
	return s, nil
}

func (s *keySet) add(list bson.A) {
	for _, v := range list {
		if key := string(Key(v)); !s.keys[key] {
			s.keys[key] = true
			s.order, s.values = append(s.order, key), append(s.values, v)
		}
	}
}

// chosen returns the values for whose keys a condition holds.
func (s *keySet) chosen(f func(key string) bool) bson.A {
	out := bson.A{}
	for i, key := range s.order {
		if f(key) {
			out = append(out, s.values[i])
		}
	}
	return out
}

func within(a, b *keySet) bool {
	for key := range a.keys {
		if !b.keys[key] {
			return false
		}
	}
	return true
}

func twoSets(name string, args []any, m *Meter) (a, b *keySet, err error) {
	if a, err = setOf(name, args[0], m); err == nil {
		b, err = setOf(name, args[1], m)
	}
	return a, b, err
}

func union(m *Meter, args []any) (any, error) {
	out := &keySet{keys: map[string]bool{}, values: bson.A{}}
	for _, v := range args {
		s, err := setOf("$setUnion", v, m)
		if err != nil || s == nil {
			return nil, err
		}
		out.add(s.values)
	}
	return out.values, nil
}

func intersection(m *Meter, args []any) (any, error) {
	var out *keySet
	for i, v := range args {
		s, err := setOf("$setIntersection", v, m)
		switch {
		case err != nil || s == nil:
			return nil, err
		case i == 0:
			out = s
		default:
			kept := &keySet{keys: map[string]bool{}, values: bson.A{}}
			kept.add(out.chosen(func(key string) bool { return s.keys[key] }))
			out = kept
		}
	}
	if out == nil {
		return bson.A{}, nil
	}
	return out.values, nil
}

func difference(m *Meter, args []any) (any, error) {
	a, b, err := twoSets("$setDifference", args, m)
	if err != nil || a == nil || b == nil {
		return nil, err
	}
	return a.chosen(func(key string) bool { return !b.keys[key] }), nil
}

func setEquals(m *Meter, args []any) (any, error) {
	first, err := setOf("$setEquals", args[0], m)
	if err != nil {
		return nil, err
	}
	for _, v := range args {
		s, err := setOf("$setEquals", v, m)
		switch {
		case err != nil:
			return nil, err
		case s == nil || first == nil:
			return nil, fail("all operands of $setEquals must be arrays")
		case len(s.keys) != len(first.keys) || !within(s, first):
			return false, nil
		}
	}
	return true, nil
}

// someTrue tells whether any element is what is looked for, or all of them are.
func someTrue(name string, one bool) func(*Meter, []any) (any, error) {
	return func(_ *Meter, args []any) (any, error) {
		list, ok := args[0].(bson.A)
		if !ok {
			return nil, fail("%s's argument must be an array, but is %s", name, typeName(args[0]))
		}
		for _, v := range list {
			if truthy(v) == one {
				return one, nil
			}
		}
		return !one, nil
	}
}
