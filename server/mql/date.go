package mql

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // names of time zones mean the same on every machine

	"go.mongodb.org/mongo-driver/v2/bson"
)

// dateParts are the operators that take a part of a date.
var dateParts = map[string]func(t time.Time) any{
	"$year":         func(t time.Time) any { return int32(t.Year()) },
	"$month":        func(t time.Time) any { return int32(t.Month()) },
	"$dayOfMonth":   func(t time.Time) any { return int32(t.Day()) },
	"$hour":         func(t time.Time) any { return int32(t.Hour()) },
	"$minute":       func(t time.Time) any { return int32(t.Minute()) },
	"$second":       func(t time.Time) any { return int32(t.Second()) },
	"$millisecond":  func(t time.Time) any { return int32(t.Nanosecond() / 1e6) },
	"$dayOfYear":    func(t time.Time) any { return int32(t.YearDay()) },
	"$dayOfWeek":    func(t time.Time) any { return int32(t.Weekday()) + 1 },     // Sunday is 1
	"$isoDayOfWeek": func(t time.Time) any { return int32(t.Weekday()+6)%7 + 1 }, // Monday is 1
	"$week":         func(t time.Time) any { return int32(week(t)) },
	"$isoWeek": func(t time.Time) any {
		_, n := t.ISOWeek()
		return int32(n)
	},
	"$isoWeekYear": func(t time.Time) any {
		y, _ := t.ISOWeek()
		return int64(y)
	},
}

// week counts from 0; a week begins on Sunday, and those days are of week 0 that are before the first one.
func week(t time.Time) int { return (t.YearDay() + 6 - int(t.Weekday())) / 7 }

// compileDatePart reads a date, or {date, timezone}.
func compileDatePart(name string, arg any, in names) (expression, error) {
	if list, ok := arg.(bson.A); ok {
		if len(list) != 1 {
			return nil, fail("%s takes one argument", name)
		}
		arg = list[0]
	}
	date, zone := arg, any(missing{})
	if d, ok := arg.(bson.D); ok && !hasOperators(d) {
		parts, err := arguments(name, d, "date timezone?")
		if err != nil {
			return nil, err
		}
		date, zone = parts[0], parts[1]
	}
	f := dateParts[name]
	return compileDate(name, date, zone, nil, in, func(t time.Time) any { return f(t) })
}

// compileDate computes a date, and f of it; what onNull is, or null, if there is none.
func compileDate(name string, date, zone any, onNull expression, in names, f func(time.Time) any) (expression, error) {
	e, err := compileExpression(date, in)
	if err != nil {
		return nil, err
	}
	at, err := compileZone(name, zone, in)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		v, err := e(d, m)
		if err != nil {
			return nil, err
		}
		if absent(v) {
			if onNull == nil {
				return nil, m.Step(1)
			}
			return onNull(d, m)
		}
		zone, err := at(d, m)
		if err != nil || zone == nil {
			return nil, err
		}
		t, err := timeOf(name, v)
		if err != nil {
			return nil, err
		}
		return f(t.In(zone)), m.Step(1)
	}, nil
}

// timeOf is an argument that must be a date, or has one in it.
func timeOf(name string, v any) (time.Time, error) {
	switch v := v.(type) {
	case bson.DateTime:
		return v.Time().UTC(), nil
	case bson.Timestamp:
		return time.Unix(int64(v.T), 0).UTC(), nil
	case bson.ObjectID:
		return v.Timestamp().UTC(), nil
	}
	return time.Time{}, fail("%s needs a date: can't convert from type %s", name, typeName(v))
}

// zoneCost is what finding a time zone costs in steps: its file is read.
const zoneCost = 500

// compileZone computes a time zone; nil if it is null. One that is constant is looked for once.
func compileZone(name string, zone any, in names) (func(d bson.D, m *Meter) (*time.Location, error), error) {
	if isMissing(zone) {
		return func(bson.D, *Meter) (*time.Location, error) { return time.UTC, nil }, nil
	}
	if text, ok := zone.(string); ok && !strings.HasPrefix(text, "$") {
		at, err := location(text)
		return func(bson.D, *Meter) (*time.Location, error) { return at, nil }, err
	}
	e, err := compileExpression(zone, in)
	return func(d bson.D, m *Meter) (*time.Location, error) {
		v, err := e(d, m)
		if err != nil {
			return nil, err
		}
		return zoneOf(name, v, m)
	}, err
}

// zoneOf is the time zone that an argument names; nil if it is null, UTC if it isn't given.
func zoneOf(name string, v any, m *Meter) (*time.Location, error) {
	text, ok := v.(string)
	switch {
	case v == nil:
		return nil, nil
	case absent(v):
		return time.UTC, nil
	case !ok:
		return nil, fail("the timezone of %s must be a string, found: %s", name, typeName(v))
	}
	if err := m.Step(zoneCost); err != nil {
		return nil, err
	}
	return location(text)
}

// location reads a time zone: the name of one of the Olson database, or an offset like +05:30, +0530 or +05.
func location(text string) (*time.Location, error) {
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, text); err == nil {
			_, offset := t.Zone()
			return time.FixedZone("", offset), nil
		}
	}
	at, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, fail("unrecognized time zone identifier: \"%s\"", clip(text))
	}
	return at, nil
}

// compileDateToString reads {date, format, timezone, onNull}. The format must be a constant.
func compileDateToString(name string, arg any, in names) (expression, error) {
	parts, err := arguments(name, arg, "date format? timezone? onNull?")
	if err != nil {
		return nil, err
	}
	format, ok := parts[1].(string)
	if isMissing(parts[1]) {
		format, ok = "%Y-%m-%dT%H:%M:%S.%L", true
		if isMissing(parts[2]) || parts[2] == "UTC" || parts[2] == "GMT" {
			format += "Z"
		}
	}
	if !ok || strings.HasPrefix(format, "$") {
		return nil, fail("the format of $dateToString must be a constant string")
	}
	if len(format) > maxPattern {
		return nil, fail("the format of $dateToString can have at most %d bytes", maxPattern)
	}
	if _, err := formatDate(time.Time{}, format); err != nil {
		return nil, err
	}
	var onNull expression
	if !isMissing(parts[3]) {
		if onNull, err = compileExpression(parts[3], in); err != nil {
			return nil, err
		}
	}
	return compileDate(name, parts[0], parts[2], onNull, in, func(t time.Time) any {
		text, _ := formatDate(t, format) // it was tried
		return text
	})
}

func formatDate(t time.Time, format string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) {
			return "", fail("Unmatched '%%' at end of format string")
		}
		year, isoWeek := t.ISOWeek()
		_, offset := t.Zone()
		switch format[i] {
		case 'Y':
			fmt.Fprintf(&out, "%04d", t.Year())
		case 'm':
			fmt.Fprintf(&out, "%02d", int(t.Month()))
		case 'd':
			fmt.Fprintf(&out, "%02d", t.Day())
		case 'H':
			fmt.Fprintf(&out, "%02d", t.Hour())
		case 'M':
			fmt.Fprintf(&out, "%02d", t.Minute())
		case 'S':
			fmt.Fprintf(&out, "%02d", t.Second())
		case 'L':
			fmt.Fprintf(&out, "%03d", t.Nanosecond()/1e6)
		case 'j':
			fmt.Fprintf(&out, "%03d", t.YearDay())
		case 'w':
			fmt.Fprintf(&out, "%d", int(t.Weekday())+1)
		case 'u':
			fmt.Fprintf(&out, "%d", (int(t.Weekday())+6)%7+1)
		case 'U':
			fmt.Fprintf(&out, "%02d", week(t))
		case 'V':
			fmt.Fprintf(&out, "%02d", isoWeek)
		case 'G':
			fmt.Fprintf(&out, "%04d", year)
		case 'b':
			out.WriteString(t.Month().String()[:3])
		case 'B':
			out.WriteString(t.Month().String())
		case 'z':
			out.WriteString(t.Format("-0700"))
		case 'Z':
			fmt.Fprintf(&out, "%+d", offset/60)
		case '%':
			out.WriteByte('%')
		default:
			return "", fail("Invalid format character '%%%c' in format string", format[i])
		}
	}
	return out.String(), nil
}

// addAll is $add: numbers, of which one may be added to a date as milliseconds.
func addAll(args []any) (any, error) {
	var date *bson.DateTime
	numbers := make([]any, 0, len(args))
	for _, v := range args {
		if classOf(v) == classNull {
			return nil, nil
		}
		t, ok := v.(bson.DateTime)
		switch {
		case !ok:
			numbers = append(numbers, v)
		case date != nil:
			return nil, fail("only one date allowed in an $add expression")
		default:
			date = &t
		}
	}
	if date == nil {
		return fold(numbers, int32(0), Add)
	}
	if len(numbers) == 0 {
		return *date, nil
	}
	sum, err := fold(numbers, int32(0), Add)
	if err != nil {
		return nil, err
	}
	return shifted(*date, sum, 1)
}

// shifted is a date and so many milliseconds.
func shifted(t bson.DateTime, by any, sign int64) (any, error) {
	n := float(by)
	if !(n > -1<<62 && n < 1<<62) {
		return nil, fail("date overflow")
	}
	whole, ok := integer(by)
	if !ok {
		whole = int64(n + 0.5)
		if n < 0 {
			whole = int64(n - 0.5)
		}
	}
	sum := int64(t) + sign*whole
	if (sum > int64(t)) != (sign*whole > 0) && whole != 0 {
		return nil, fail("date overflow")
	}
	return bson.DateTime(sum), nil
}

// subtractDates is $subtract: of numbers, of two dates in milliseconds, and of milliseconds from a date.
func subtractDates(args []any) (any, error) {
	t, ok := args[0].(bson.DateTime)
	if !ok || classOf(args[1]) == classNull {
		return fold(args, nil, subtract)
	}
	if other, ok := args[1].(bson.DateTime); ok {
		return subtract(int64(t), int64(other)), nil
	}
	if !isNumber(args[1]) {
		return nil, fail("can't $subtract what is neither a number nor a date from a date")
	}
	return shifted(t, args[1], -1)
}
