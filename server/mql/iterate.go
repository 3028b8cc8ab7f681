package mql

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// $map, $filter and $reduce compute an expression for each element of an array, which is a variable in it.

// over reads the input of such an operator, and the name that its elements have.
func over(arg any, name, allowed string, in names) (parts []any, input expression, as string, err error) {
	if parts, err = arguments(name, arg, allowed); err != nil {
		return nil, nil, "", err
	}
	if input, err = compileExpression(parts[0], in); err != nil {
		return nil, nil, "", err
	}
	as = "this"
	if !isMissing(parts[1]) {
		var ok bool
		if as, ok = parts[1].(string); !ok {
			return nil, nil, "", fail("the 'as' of %s must be a name", name)
		}
		err = checkVariable(as)
	}
	return parts, input, as, err
}

// onElements computes f of the input, which is an array; null if that is null or missing.
func onElements(name string, input expression, f func(list bson.A, d bson.D, m *Meter) (any, error)) expression {
	return func(d bson.D, m *Meter) (any, error) {
		v, err := input(d, m)
		if err != nil {
			return nil, err
		}
		list, err := listOf(name, v)
		if err != nil || list == nil {
			return nil, err
		}
		if err := m.made(list); err != nil {
			return nil, err
		}
		return f(list, d, m)
	}
}

func compileMap(name string, arg any, in names) (expression, error) {
	parts, input, as, err := over(arg, name, "input as? in", in)
	if err != nil {
		return nil, err
	}
	body, err := compileExpression(parts[2], in.with(as))
	if err != nil {
		return nil, err
	}
	return onElements(name, input, func(list bson.A, d bson.D, m *Meter) (any, error) {
		out := make(bson.A, len(list))
		held := 0
		defer func() { m.Free(held) }()
		for i, e := range list {
			v, err := m.push(e, func() (any, error) { return body(d, m) })
			if err != nil {
				return nil, err
			}
			n := Size(v)
			if err := m.Hold(n); err != nil {
				return nil, err
			}
			held += n
			out[i] = orNull(v)
		}
		return out, nil
	}), nil
}

func compileFilterArray(name string, arg any, in names) (expression, error) {
	parts, input, as, err := over(arg, name, "input as? cond limit?", in)
	if err != nil {
		return nil, err
	}
	cond, err := compileExpression(parts[2], in.with(as))
	if err != nil {
		return nil, err
	}
	limit, err := compileExpression(parts[3], in)
	if err != nil {
		return nil, err
	}
	return onElements(name, input, func(list bson.A, d bson.D, m *Meter) (any, error) {
		most := int64(len(list))
		v, err := limit(d, m)
		if err != nil {
			return nil, err
		}
		if !absent(v) {
			n, ok := wholeNumber(v)
			if !ok || n <= 0 {
				return nil, fail("the 'limit' of $filter must be a positive whole number")
			}
			most = min(n, most)
		}
		out := bson.A{}
		for _, e := range list {
			if int64(len(out)) >= most {
				break
			}
			v, err := m.push(e, func() (any, error) { return cond(d, m) })
			if err != nil {
				return nil, err
			}
			if truthy(v) {
				out = append(out, e)
			}
		}
		return out, nil
	}), nil
}

// compileReduce reads {input, initialValue, in}: what has come so far is $$value, the element $$this.
func compileReduce(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "input initialValue in")
	if err != nil {
		return nil, err
	}
	outer, err := compileAll(parts[:2], in)
	if err != nil {
		return nil, err
	}
	body, err := compileExpression(parts[2], in.with("value", "this"))
	if err != nil {
		return nil, err
	}
	return onElements(name, outer[0], func(list bson.A, d bson.D, m *Meter) (any, error) {
		value, err := outer[1](d, m)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			value, err = m.push(value, func() (any, error) {
				return m.push(e, func() (any, error) { return body(d, m) })
			})
			if err != nil {
				return nil, err
			}
		}
		return value, nil
	}), nil
}

// compileSortArray reads {input, sortBy}: an order of documents, or 1 or -1.
func compileSortArray(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "input sortBy")
	if err != nil {
		return nil, err
	}
	input, err := compileExpression(parts[0], in)
	if err != nil {
		return nil, err
	}
	by, err := compileElementOrder(name, parts[1])
	if err != nil {
		return nil, err
	}
	return onElements(name, input, func(list bson.A, _ bson.D, m *Meter) (any, error) {
		list = slices.Clone(list)
		return list, by.sort(list, m)
	}), nil
}
