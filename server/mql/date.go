package mql

import (
	"fmt"
	"strings"
	"time"

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

// dateOperator returns the compiler of an operator on dates, nil if it is none.
func dateOperator(name string) func(arg any) (expression, error) {
	if f := dateParts[name]; f != nil {
		return func(arg any) (expression, error) { return compileDatePart(name, arg, f) }
	}
	if name == "$dateToString" {
		return compileDateToString
	}
	return nil
}

// compileDatePart reads a date, or {date, timezone}.
func compileDatePart(name string, arg any, f func(time.Time) any) (expression, error) {
	if list, ok := arg.(bson.A); ok {
		if len(list) != 1 {
			return nil, fail("%s takes one argument", name)
		}
		arg = list[0]
	}
	date, zone := arg, any(nil)
	if d, ok := arg.(bson.D); ok && !hasOperators(d) {
		if date, ok = Get(d, "date"); !ok {
			return nil, fail("missing 'date' argument to %s", name)
		}
		for _, e := range d {
			if e.Key == "timezone" {
				zone = e.Value
			} else if e.Key != "date" {
				return nil, fail("unrecognized option to %s: '%s'", name, clip(e.Key))
			}
		}
	}
	return compileDate(name, date, zone, nil, f)
}

// compileDate computes a date, and f of it; what onNull is, or null, if there is none.
func compileDate(name string, date, zone any, onNull expression, f func(time.Time) any) (expression, error) {
	e, err := compileExpression(date)
	if err != nil {
		return nil, err
	}
	at, err := location(name, zone)
	if err != nil {
		return nil, err
	}
	return func(d bson.D, m *Meter) (any, error) {
		v, err := e(d, m)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case bson.DateTime:
			return f(v.Time().In(at)), m.Step(1)
		case bson.Timestamp:
			return f(time.Unix(int64(v.T), 0).In(at)), m.Step(1)
		case bson.ObjectID:
			return f(v.Timestamp().In(at)), m.Step(1)
		}
		if classOf(v) != classNull {
			return nil, fail("%s needs a date: can't convert from another type", name)
		}
		if onNull == nil {
			return nil, m.Step(1)
		}
		return onNull(d, m)
	}, nil
}

// location reads a time zone: the name of one of the Olson database, or an offset like +05:30, +0530 or +05.
func location(name string, zone any) (*time.Location, error) {
	if zone == nil {
		return time.UTC, nil
	}
	text, ok := zone.(string)
	if !ok || strings.HasPrefix(text, "$") {
		return nil, fail("the timezone of %s must be a constant string", name)
	}
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Location(), nil
		}
	}
	at, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, fail("unrecognized time zone identifier: \"%s\"", clip(text))
	}
	return at, nil
}

// compileDateToString reads {date, format, timezone, onNull}.
func compileDateToString(arg any) (expression, error) {
	d, ok := arg.(bson.D)
	if !ok {
		return nil, fail("$dateToString only supports an object as its argument")
	}
	date, ok := Get(d, "date")
	if !ok {
		return nil, fail("Missing 'date' parameter to $dateToString")
	}
	zone, _ := Get(d, "timezone")
	format := "%Y-%m-%dT%H:%M:%S.%L"
	if zone == nil || zone == "UTC" || zone == "GMT" {
		format += "Z"
	}
	var onNull expression
	for _, e := range d {
		switch e.Key {
		case "date", "timezone":
		case "format":
			if format, ok = e.Value.(string); !ok || strings.HasPrefix(format, "$") {
				return nil, fail("the format of $dateToString must be a constant string")
			}
			if len(format) > maxPattern {
				return nil, fail("the format of $dateToString can have at most %d bytes", maxPattern)
			}
			if _, err := formatDate(time.Time{}, format); err != nil {
				return nil, err
			}
		case "onNull":
			var err error
			if onNull, err = compileExpression(e.Value); err != nil {
				return nil, err
			}
		default:
			return nil, fail("Unrecognized argument to $dateToString: %s", clip(e.Key))
		}
	}
	return compileDate("$dateToString", date, zone, onNull, func(t time.Time) any {
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
		return fold(Add)(numbers)
	}
	if len(numbers) == 0 {
		return *date, nil
	}
	sum, err := fold(Add)(numbers)
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
		return fold(subtract)(args)
	}
	if other, ok := args[1].(bson.DateTime); ok {
		return subtract(int64(t), int64(other)), nil
	}
	if !isNumber(args[1]) {
		return nil, fail("can't $subtract what is neither a number nor a date from a date")
	}
	return shifted(t, args[1], -1)
}
