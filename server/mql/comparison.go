package mql

// comparisonOperators compare two values, by the order of all types.
var comparisonOperators = map[string]expressionOperator{
	"$eq":  comparing(func(c int) any { return c == 0 }),
	"$ne":  comparing(func(c int) any { return c != 0 }),
	"$gt":  comparing(func(c int) any { return c > 0 }),
	"$gte": comparing(func(c int) any { return c >= 0 }),
	"$lt":  comparing(func(c int) any { return c < 0 }),
	"$lte": comparing(func(c int) any { return c <= 0 }),
	"$cmp": comparing(func(c int) any { return int32(c) }),
	"$not": {1, 1, func(_ *Meter, args []any) (any, error) { return !truthy(args[0]), nil }},
}

func comparing(f func(c int) any) expressionOperator {
	return expressionOperator{2, 2, func(_ *Meter, args []any) (any, error) { return f(compareArguments(args)), nil }}
}

// compareArguments compares two arguments. In an expression what is missing comes before null.
func compareArguments(args []any) int {
	a, b := args[0], args[1]
	if isMissing(a) {
		a = undefined{}
	}
	if isMissing(b) {
		b = undefined{}
	}
	return Compare(a, b)
}
