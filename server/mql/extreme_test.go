package mql

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// No operator panics, or goes on for longer than its meter, whatever its arguments are: each pair of values, and many of three and more.
func TestOperatorsOnExtremes(t *testing.T) {
	decimal := func(s string) bson.Decimal128 {
		d, err := bson.ParseDecimal128(s)
		require.NoError(t, err)
		return d
	}
	values := []any{
		nil, "$none", int32(0), int32(-1), int32(2), int32(math.MaxInt32), int32(math.MinInt32), int64(math.MaxInt64), int64(math.MinInt64), 0.5, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e308, 5e-324,
		decimal("NaN"), decimal("-Infinity"), decimal("9E+6111"), decimal("1E-6176"), decimal("-0"), decimal("12345678901234567890.5"), true, "", "a", "%Y%", "day", "week", "year", "Europe/Berlin", "+99:99", "ü\xff\x00", strings.Repeat("ab", 500),
		bson.DateTime(0), bson.DateTime(math.MaxInt64), bson.DateTime(math.MinInt64), bson.Timestamp{T: math.MaxUint32}, bson.ObjectID{}, bson.Binary{}, bson.Regex{Pattern: "a"}, bson.MinKey{}, bson.MaxKey{},
		bson.A{}, bson.A{int32(1), nil, "x"}, bson.A{bson.A{"k", int32(1)}}, bson.D{{Key: "$literal", Value: bson.D{{Key: "k", Value: "n"}}}}, bson.A{bson.D{{Key: "k", Value: "n"}, {Key: "v", Value: nil}}},
	}
	try := func(name string, arg any) {
		e, err := compileExpression(bson.D{{Key: name, Value: arg}}, names{}.bounded())
		if err != nil {
			return
		}
		m := NewMeter(t.Context(), 100_000, 1<<20)
		v, err := e(bson.D{{Key: "a", Value: int32(1)}}, m)
		require.Empty(t, m.vars)
		if err == nil {
			require.LessOrEqual(t, Size(v), maxSize)
			_ = typeName(v)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	some := func() any { return values[random.IntN(len(values))] }
	for name := range merged(expressionOperators, map[string]expressionOperator{"$and": {}, "$or": {}, "$ifNull": {}, "$cond": {}}) {
		for _, a := range values {
			try(name, a)
			try(name, bson.A{a})
			for _, b := range values {
				try(name, bson.A{a, b})
			}
		}
		for range 2000 {
			try(name, bson.A{some(), some(), some()})
			try(name, bson.A{some(), some(), some(), some()})
		}
	}
	fields := map[string]string{
		"$map": "input as? in", "$filter": "input as? cond limit?", "$reduce": "input initialValue in", "$sortArray": "input sortBy", "$convert": "input to onError? onNull?", "$getField": "field input?", "$dateToString": "date format? timezone? onNull?",
		"$regexFindAll": "input regex options?", "$year": "date timezone?", "$isoWeek": "date timezone?", "$let": "vars in", "$switch": "branches default?",
	}
	for name, op := range namedOperators {
		fields[name] = op.names
	}
	for name, list := range fields {
		for range 4000 {
			arg := bson.D{}
			for field := range strings.FieldsSeq(list) {
				if key, optional := strings.CutSuffix(field, "?"); !optional || random.IntN(2) == 0 {
					arg = append(arg, bson.E{Key: key, Value: some()})
				}
			}
			try(name, arg)
		}
	}
	for name := range compiled {
		for _, a := range values {
			try(name, a)
		}
	}
}
