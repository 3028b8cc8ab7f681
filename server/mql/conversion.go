package mql

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// conversionOperators make a value one of another type, and tell its type.
var conversionOperators = func() map[string]expressionOperator {
	out := map[string]expressionOperator{
		"$type":     {1, 1, func(_ *Meter, args []any) (any, error) { return typeName(args[0]), nil }},
		"$isNumber": {1, 1, func(_ *Meter, args []any) (any, error) { return isNumber(args[0]), nil }},
		"$binarySize": {1, 1, func(_ *Meter, args []any) (any, error) {
			switch v := args[0].(type) {
			case string:
				return int32(len(v)), nil
			case bson.Binary:
				return int32(len(v.Data)), nil
			}
			if absent(args[0]) {
				return nil, nil
			}
			return nil, fail("$binarySize requires a string or binary data, found: %s", typeName(args[0]))
		}},
	}
	for name, to := range map[string]string{
		"$toString": "string", "$toInt": "int", "$toLong": "long", "$toDouble": "double", "$toDecimal": "decimal", "$toBool": "bool", "$toDate": "date", "$toObjectId": "objectId",
	} {
		out[name] = expressionOperator{1, 1, func(m *Meter, args []any) (any, error) {
			if absent(args[0]) {
				return nil, nil
			}
			return converted(args[0], to, m)
		}}
	}
	return out
}()

// typeNamesByNumber is typeNames the other way round.
var typeNamesByNumber = func() map[int64]string {
	out := map[int64]string{}
	for name, n := range typeNames {
		out[n] = name
	}
	return out
}()

// typeName is the name of a value's type; "missing" of none.
func typeName(v any) string {
	if name, ok := typeNamesByNumber[typeNumber(v)]; ok {
		return name
	}
	return "missing"
}

// compileConvert reads {input, to, onError, onNull}.
func compileConvert(name string, arg any, in names) (expression, error) {
	parts, err := compileNamed(name, arg, "input to onError? onNull?", in)
	if err != nil {
		return nil, err
	}
	_, handles := Get(arg.(bson.D), "onError")
	return func(d bson.D, m *Meter) (any, error) {
		v, err := parts[0](d, m)
		if err != nil {
			return nil, err
		}
		if err := m.made(v); err != nil {
			return nil, err
		}
		if absent(v) {
			v, err := parts[3](d, m)
			return orNull(v), err
		}
		to, err := parts[1](d, m)
		if err != nil {
			return nil, err
		}
		kind, ok := to.(string)
		if n, isNumber := wholeNumber(to); isNumber {
			kind, ok = typeNamesByNumber[n]
		}
		if absent(to) {
			return nil, nil
		}
		if !ok {
			return nil, fail("$convert's 'to' argument must be a type, as a string or a number, found: %s", typeName(to))
		}
		out, err := converted(v, kind, m)
		if err != nil && handles && isConvertible[kind] {
			return parts[2](d, m)
		}
		return out, err
	}, nil
}

// isConvertible are the types that $convert makes.
var isConvertible = map[string]bool{"string": true, "int": true, "long": true, "double": true, "decimal": true, "bool": true, "date": true, "objectId": true}

// textOf is the text of what has one: numbers, dates, ids, booleans.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int32:
		return strconv.Itoa(int(v)), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", true
		case math.IsInf(v, 0):
			return strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+") + "inity", true
		case v != 0 && (math.Abs(v) < 1e-6 || math.Abs(v) >= 1e21):
			return strconv.FormatFloat(v, 'e', -1, 64), true
		}
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bson.Decimal128:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case bson.DateTime:
		return v.Time().UTC().Format("2006-01-02T15:04:05.000Z"), true
	case bson.ObjectID:
		return v.Hex(), true
	}
	return "", false
}

// converted makes a value, which is not null, one of another type. A number that doesn't fit, or a text that is none, is an error.
func converted(v any, to string, m *Meter) (any, error) {
	if _, text := v.(string); text && to == "date" {
		if err := m.Step(parseCost); err != nil {
			return nil, err
		}
	}
	out, ok := any(nil), false
	switch to {
	case "string":
		out, ok = textOf(v)
	case "bool":
		out, ok = truthy(v), true
	case "int":
		if n, fits := wholeOf(v); fits && n >= math.MinInt32 && n <= math.MaxInt32 && !isDate(v) {
			out, ok = int32(n), true
		}
	case "long":
		out, ok = wholeOf(v)
	case "double":
		out, ok = doubleOf(v)
	case "decimal":
		out, ok = decimalOf(v)
	case "date":
		out, ok = dateOf(v)
	case "objectId":
		switch v := v.(type) {
		case bson.ObjectID:
			return v, nil
		case string:
			id, err := bson.ObjectIDFromHex(v)
			out, ok = id, err == nil
		}
	default:
		return nil, fail("a conversion to '%s' is not supported", clip(to))
	}
	if !ok {
		text, _ := textOf(v)
		return nil, fail("Failed to convert '%s' of type %s to %s in $convert", clip(text), typeName(v), to)
	}
	return out, nil
}

func isDate(v any) bool { return classOf(v) == classDate }

// wholeOf is a value as an integer: a number without its fraction, a boolean, a text, the milliseconds of a date.
func wholeOf(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	case bson.DateTime:
		return int64(v), true
	case float64:
		return int64(v), v > -1<<63 && v < 1<<63
	case bson.Decimal128:
		d := quantized(number(v).Decimal(), 0, towardsZero)
		n, err := strconv.ParseInt(plainDigits(d), 10, 64)
		return n, err == nil
	}
	return integer(v)
}

// plainDigits is a whole decimal as digits; the empty string if it has more than an integer may have.
func plainDigits(d value.Decimal) string {
	negative, hi, lo, exponent := d.Parts()
	if d.IsNaN() || d.IsInf() || hi != 0 || exponent < 0 || exponent > 19 && lo != 0 {
		if !d.IsZero() {
			return ""
		}
		return "0"
	}
	text := strconv.FormatUint(lo, 10)
	if lo != 0 {
		text += strings.Repeat("0", int(exponent))
	}
	if negative {
		return "-" + text
	}
	return text
}

func doubleOf(v any) (float64, bool) {
	switch v := v.(type) {
	case bool, bson.DateTime:
		n, _ := wholeOf(v)
		return float64(n), true
	case string:
		if v == "" || strings.ContainsAny(v, "xXpP_") {
			return 0, false
		}
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil
	}
	return float(v), isNumber(v)
}

func decimalOf(v any) (bson.Decimal128, bool) {
	switch v := v.(type) {
	case bool, bson.DateTime:
		n, _ := wholeOf(v)
		d := value.DecimalFromInt64(n)
		return bson.NewDecimal128(d.Hi, d.Lo), true
	case string:
		d, err := bson.ParseDecimal128(v)
		return d, err == nil
	}
	if !isNumber(v) {
		return bson.Decimal128{}, false
	}
	d := asDecimal(v)
	return bson.NewDecimal128(d.Hi, d.Lo), true
}

// dateOf is a value as a date: milliseconds that are no int32, a text, an id's time.
func dateOf(v any) (bson.DateTime, bool) {
	switch v := v.(type) {
	case bson.DateTime:
		return v, true
	case bson.Timestamp:
		return bson.DateTime(int64(v.T) * 1000), true
	case bson.ObjectID:
		return bson.NewDateTimeFromTime(v.Timestamp()), true
	case string:
		t, err := parseDate(v, time.UTC)
		return bson.NewDateTimeFromTime(t), err == nil
	case int64, float64, bson.Decimal128:
		n, ok := wholeOf(v)
		return bson.DateTime(n), ok
	}
	return 0, false
}
