package mql

import (
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// arrayOperators are those on arrays as a whole, and on their elements by place.
var arrayOperators = map[string]expressionOperator{
	"$size":         {1, 1, arraySize},
	"$isArray":      {1, 1, func(_ *Meter, args []any) (any, error) { return classOf(args[0]) == classArray, nil }},
	"$arrayElemAt":  {2, 2, elementAt},
	"$first":        {1, 1, func(m *Meter, args []any) (any, error) { return elementAt(m, []any{args[0], int32(0)}) }},
	"$last":         {1, 1, func(m *Meter, args []any) (any, error) { return elementAt(m, []any{args[0], int32(-1)}) }},
	"$slice":        {2, 3, sliceOf},
	"$concatArrays": {0, many, concatArrays},
	"$reverseArray": {1, 1, func(m *Meter, args []any) (any, error) {
		list, err := listOf("$reverseArray", args[0])
		if err != nil || list == nil {
			return nil, err
		}
		list = slices.Clone(list)
		slices.Reverse(list)
		return list, nil
	}},
	"$in":           {2, 2, isIn},
	"$indexOfArray": {2, 4, indexOfArray},
	"$range":        {2, 3, numbersOf},
}

var namedArrayOperators = map[string]namedOperator{
	"$zip":    {"inputs useLongestLength? defaults?", zip},
	"$firstN": {"n input", func(m *Meter, args []any) (any, error) { return someOf("$firstN", args, false) }},
	"$lastN":  {"n input", func(m *Meter, args []any) (any, error) { return someOf("$lastN", args, true) }},
}

// listOf is an argument that must be an array; nil if it is null or missing.
func listOf(name string, v any) (bson.A, error) {
	list, ok := v.(bson.A)
	switch {
	case ok:
		return list, nil
	case absent(v):
		return nil, nil
	}
	return nil, fail("%s needs an array, found: %s", name, typeName(v))
}

func arraySize(_ *Meter, args []any) (any, error) {
	a, ok := args[0].(bson.A)
	if !ok {
		return nil, fail("The argument to $size must be an array, but was of type: %s", typeName(args[0]))
	}
	return int32(len(a)), nil
}

func elementAt(_ *Meter, args []any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	a, ok := args[0].(bson.A)
	i, whole := wholeNumber(args[1])
	if !ok || !whole {
		return nil, fail("an element is taken from an array, by a whole number: found %s and %s", typeName(args[0]), typeName(args[1]))
	}
	if i < 0 {
		i += int64(len(a))
	}
	if i < 0 || i >= int64(len(a)) {
		return missing{}, nil
	}
	return a[i], nil
}

// sliceOf is $slice: [array, n] or [array, position, n].
func sliceOf(_ *Meter, args []any) (any, error) {
	if anyAbsent(args...) {
		return nil, nil
	}
	list, err := listOf("$slice", args[0])
	if err != nil {
		return nil, err
	}
	n, ok := wholeNumber(args[len(args)-1])
	length := int64(len(list))
	from := int64(0)
	switch {
	case !ok:
		return nil, fail("$slice needs whole numbers")
	case len(args) == 3:
		if from, ok = wholeNumber(args[1]); !ok || n <= 0 {
			return nil, fail("$slice needs a position that is a whole number, and a positive number of elements behind it")
		}
		if from < 0 {
			from = max(length+max(from, -length), 0)
		}
	case n < 0:
		from, n = max(length+max(n, -length), 0), length
	}
	from = min(from, length)
	return list[from : from+min(n, length-from)], nil
}

func concatArrays(m *Meter, args []any) (any, error) {
	n := 0
	for _, v := range args {
		list, err := listOf("$concatArrays", v)
		if err != nil || list == nil {
			return nil, err
		}
		n += len(list)
	}
	if n > maxElements {
		return nil, ErrMemory
	}
	out := make(bson.A, 0, n)
	for _, v := range args {
		out = append(out, v.(bson.A)...)
	}
	return out, m.Step(n / 8)
}

func isIn(m *Meter, args []any) (any, error) {
	list, ok := args[1].(bson.A)
	if !ok {
		return nil, fail("$in requires an array as a second argument, found: %s", typeName(args[1]))
	}
	i, err := search(m, list, args[0])
	return i >= 0, err
}

// search returns the place of a value in an array; -1 if it isn't there.
func search(m *Meter, list bson.A, v any) (int, error) {
	v = orNull(v)
	if err := m.Step(len(list)); err != nil {
		return 0, err
	}
	return slices.IndexFunc(list, func(e any) bool { return Equal(e, v) }), nil
}

func indexOfArray(m *Meter, args []any) (any, error) {
	list, err := listOf("$indexOfArray", args[0])
	if err != nil || list == nil {
		return nil, err
	}
	bounds := [2]int64{0, int64(len(list))}
	for i, v := range args[2:] {
		n, ok := wholeNumber(v)
		if !ok || n < 0 {
			return nil, fail("$indexOfArray requires places that are whole numbers and not negative")
		}
		bounds[i] = n
	}
	from, to := bounds[0], min(bounds[1], int64(len(list)))
	if from >= to {
		return int32(-1), nil
	}
	i, err := search(m, list[from:to], args[1])
	if i >= 0 {
		i += int(from)
	}
	return int32(i), err
}

// numbersOf is $range: from a number to another one, which is not in it, by a step.
func numbersOf(m *Meter, args []any) (any, error) {
	bounds := [3]int64{2: 1}
	for i, v := range args {
		n, ok := wholeNumber(v)
		if !ok || n < math.MinInt32 || n > math.MaxInt32 || i == 2 && n == 0 {
			return nil, fail("$range needs whole numbers of 32 bits, and a step that is not 0")
		}
		bounds[i] = n
	}
	from, to, by := bounds[0], bounds[1], bounds[2]
	n := int64(0)
	if by > 0 && to > from {
		n = (to - from + by - 1) / by
	} else if by < 0 && to < from {
		n = (from - to - by - 1) / -by
	}
	if n > maxElements {
		return nil, ErrMemory
	}
	if err := m.Step(int(n)); err != nil {
		return nil, err
	}
	out := make(bson.A, 0, n)
	for i := range n {
		out = append(out, int32(from+i*by))
	}
	return out, nil
}

// zip makes an array of the first elements of several, one of the second ones, and so on.
func zip(m *Meter, args []any) (any, error) {
	inputs, err := listOf("$zip", args[0])
	if err != nil || inputs == nil {
		return nil, err
	}
	longest, isBool := args[1].(bool)
	if !isBool && !isMissing(args[1]) {
		return nil, fail("useLongestLength of $zip must be a bool, found: %s", typeName(args[1]))
	}
	defaults, err := listOf("$zip", args[2])
	switch {
	case err != nil:
		return nil, err
	case defaults != nil && !longest:
		return nil, fail("cannot specify defaults of $zip unless useLongestLength is true")
	case defaults != nil && len(defaults) != len(inputs) || len(inputs) == 0:
		return nil, fail("$zip needs at least one input, and as many defaults as inputs if there are any")
	}
	lists := make([]bson.A, len(inputs))
	n := 0
	for i, v := range inputs {
		if lists[i], err = listOf("$zip", v); err != nil || lists[i] == nil {
			return nil, err
		}
		if i == 0 || longest && len(lists[i]) > n || !longest && len(lists[i]) < n {
			n = len(lists[i])
		}
	}
	if n*len(lists) > maxElements {
		return nil, ErrMemory
	}
	if err := m.Step(n * len(lists)); err != nil {
		return nil, err
	}
	out := make(bson.A, n)
	for k := range n {
		row := make(bson.A, len(lists))
		for i, list := range lists {
			if k < len(list) {
				row[i] = list[k]
			} else if defaults != nil {
				row[i] = defaults[i]
			}
		}
		out[k] = row
	}
	return out, nil
}

func someOf(name string, args []any, last bool) (any, error) {
	n, ok := wholeNumber(args[0])
	list, isArray := args[1].(bson.A)
	if !ok || n <= 0 || !isArray {
		return nil, fail("%s needs a positive whole number 'n', and an array as 'input'", name)
	}
	n = min(n, int64(len(list)))
	if last {
		return list[int64(len(list))-n:], nil
	}
	return list[:n], nil
}
