package mql

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// namedDateOperators calculate with dates, in a time zone: a day there may have 23 hours.
var namedDateOperators = map[string]namedOperator{
	"$dateAdd":        {"startDate unit amount timezone?", dateAdd("$dateAdd", 1)},
	"$dateSubtract":   {"startDate unit amount timezone?", dateAdd("$dateSubtract", -1)},
	"$dateDiff":       {"startDate endDate unit timezone? startOfWeek?", dateDiff},
	"$dateTrunc":      {"date unit binSize? timezone? startOfWeek?", dateTrunc},
	"$dateToParts":    {"date timezone? iso8601?", dateToParts},
	"$dateFromParts":  {"year? month? day? isoWeekYear? isoWeek? isoDayOfWeek? hour? minute? second? millisecond? timezone?", dateFromParts},
	"$dateFromString": {"dateString format? timezone? onError? onNull?", dateFromString},
}

// units are those of dates. Those that are months have how many; the others their milliseconds.
var units = map[string]struct{ months, millis int64 }{
	"year": {12, 0}, "quarter": {3, 0}, "month": {1, 0}, "week": {0, 7 * 86400000}, "day": {0, 86400000},
	"hour": {0, 3600000}, "minute": {0, 60000}, "second": {0, 1000}, "millisecond": {0, 1},
}

// calendar reads the arguments that they share. ok is false if one is null.
func calendar(name string, m *Meter, date, unit, zone any) (t time.Time, of string, ok bool, err error) {
	if anyAbsent(date, unit) {
		return t, "", false, nil
	}
	of, _ = unit.(string)
	if _, known := units[of]; !known {
		return t, "", false, fail("%s: the unit must be one of year, quarter, month, week, day, hour, minute, second and millisecond", name)
	}
	at, err := zoneOf(name, zone, m)
	if err != nil || at == nil {
		return t, "", false, err
	}
	t, err = timeOf(name, date)
	return t.In(at), of, err == nil, err
}

// maxAmount bounds what is added to dates, in any unit: it is far more than there are years of dates.
const maxAmount = 1 << 40

func dateAdd(name string, sign int64) func(*Meter, []any) (any, error) {
	return func(m *Meter, args []any) (any, error) {
		t, unit, ok, err := calendar(name, m, args[0], args[1], args[3])
		if err != nil || !ok || absent(args[2]) {
			return nil, err
		}
		n, isWhole := wholeNumber(args[2])
		if !isWhole {
			return nil, fail("%s expects an integer amount of time units", name)
		}
		return inRange(shift(t, unit, sign*max(min(n, maxAmount), -maxAmount)))
	}
}

// shift moves a time by so many units. The day of a month is its last if it has fewer; of days and longer units the clock stays as it is.
func shift(t time.Time, unit string, n int64) time.Time {
	u := units[unit]
	switch {
	case u.months > 0:
		if n = n * u.months; n > 1<<20 || n < -1<<20 {
			return t.AddDate(1<<19, 0, 0) // out of range
		}
		first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		return local(time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), t.Location())
	case unit == "day" || unit == "week":
		days := n * (u.millis / 86400000)
		if days > 1<<27 || days < -1<<27 {
			return t.AddDate(1<<19, 0, 0)
		}
		return local(clock(t).AddDate(0, 0, int(days)), t.Location())
	}
	return time.UnixMilli(saturated(t.UnixMilli(), n, u.millis)).In(t.Location())
}

// clock is what the calendar and the clock of a time's zone show, as a time of UTC.
func clock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// local is the time at which a time zone's clock shows that. One that is skipped, when summer begins, is as much later as the clock is put on: the
// time package may take it for one before, of another day.
func local(shown time.Time, at *time.Location) time.Time {
	t := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), shown.Nanosecond(), at)
	return t.Add(max(shown.Sub(clock(t)), 0))
}

// saturated is a + n * by, or the end of the range.
func saturated(a, n, by int64) int64 {
	f := float64(a) + float64(n)*float64(by)
	if math.Abs(f) > 1<<62 {
		return int64(math.Copysign(1<<62, f))
	}
	return a + n*by
}

// inRange refuses dates beyond the years that calendars here are right for.
func inRange(t time.Time) (any, error) {
	if y := t.UTC().Year(); y < -290000 || y > 290000 {
		return nil, fail("date overflow: the result is out of range")
	}
	return bson.NewDateTimeFromTime(t), nil
}

// days counts days since 1970 of the calendar, whatever the time zone.
func days(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// weekStart reads a day of the week: 0 is Sunday, which is what it is if it isn't given.
func weekStart(name string, v any) (int64, error) {
	if absent(v) {
		return 0, nil
	}
	text, ok := v.(string)
	for i := range 7 {
		if day := time.Weekday(i).String(); ok && (strings.EqualFold(text, day) || strings.EqualFold(text, day[:3])) {
			return int64(i), nil
		}
	}
	return 0, fail("%s: the startOfWeek must be the name of a day", name)
}

// dateDiff counts how often a unit begins between two dates.
func dateDiff(m *Meter, args []any) (any, error) {
	from, unit, ok1, err := calendar("$dateDiff", m, args[0], args[2], args[3])
	if err != nil {
		return nil, err
	}
	to, _, ok2, err := calendar("$dateDiff", m, args[1], args[2], args[3])
	if err != nil || !ok1 || !ok2 {
		return nil, err
	}
	start, err := weekStart("$dateDiff", args[4])
	if err != nil {
		return nil, err
	}
	count := func(t time.Time) int64 {
		u := units[unit]
		switch {
		case u.months > 0:
			return floorDiv(int64(t.Year())*12+int64(t.Month())-1, u.months)
		case unit == "week":
			return floorDiv(days(t)+4-start, 7) // 1970 began on a Thursday
		case unit == "day":
			return days(t)
		}
		_, offset := t.Zone()
		if unit != "hour" {
			offset = 0
		}
		return floorDiv(t.UnixMilli()+int64(offset)*1000, u.millis)
	}
	if unit == "hour" { // by the clock of the first date: an hour that is there twice counts twice
		_, offset := from.Zone()
		zone := time.FixedZone("", offset)
		from, to = from.In(zone), to.In(zone)
	}
	return count(to) - count(from), nil
}

// dateTrunc is where the bin begins that a date is in. Bins are counted from the year 2000, those of weeks from the first day of a week in it.
func dateTrunc(m *Meter, args []any) (any, error) {
	t, unit, ok, err := calendar("$dateTrunc", m, args[0], args[1], args[3])
	if err != nil || !ok {
		return nil, err
	}
	size := int64(1)
	if !isMissing(args[2]) {
		if args[2] == nil {
			return nil, nil
		}
		if size, ok = wholeNumber(args[2]); !ok || size <= 0 || size > maxAmount {
			return nil, fail("$dateTrunc requires 'binSize' to be a positive whole number")
		}
	}
	start, err := weekStart("$dateTrunc", args[4])
	if err != nil {
		return nil, err
	}
	u := units[unit]
	switch {
	case u.months > 0:
		size *= u.months
		months := floorDiv((int64(t.Year())-2000)*12+int64(t.Month())-1, size) * size
		return inRange(shift(time.Date(2000, 1, 1, 0, 0, 0, 0, t.Location()), "month", months))
	case unit == "week" || unit == "day":
		reference := days(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
		if unit == "week" {
			reference += (start - 6 + 7) % 7 // 2000 began on a Saturday
			size *= 7
		}
		n := floorDiv(days(t)-reference, size)*size + reference
		return inRange(local(time.Date(1970, 1, 1+int(n), 0, 0, 0, 0, time.UTC), t.Location()))
	}
	reference := time.Date(2000, 1, 1, 0, 0, 0, 0, t.Location()).UnixMilli()
	size *= u.millis
	if size <= 0 || size > 1<<50 {
		return nil, fail("$dateTrunc: the bins are too large")
	}
	return inRange(time.UnixMilli(reference + floorDiv(t.UnixMilli()-reference, size)*size))
}

func dateToParts(m *Meter, args []any) (any, error) {
	t, _, ok, err := calendar("$dateToParts", m, args[0], "day", args[1])
	if err != nil || !ok {
		return nil, err
	}
	iso, isBool := args[2].(bool)
	if !isBool && !absent(args[2]) {
		return nil, fail("$dateToParts requires 'iso8601' to be a bool, found: %s", typeName(args[2]))
	}
	out := bson.D{}
	add := func(name string, n int) { out = append(out, bson.E{Key: name, Value: int32(n)}) }
	if iso {
		year, week := t.ISOWeek()
		add("isoWeekYear", year)
		add("isoWeek", week)
		add("isoDayOfWeek", (int(t.Weekday())+6)%7+1)
	} else {
		add("year", t.Year())
		add("month", int(t.Month()))
		add("day", t.Day())
	}
	add("hour", t.Hour())
	add("minute", t.Minute())
	add("second", t.Second())
	add("millisecond", t.Nanosecond()/1e6)
	return out, nil
}

// dateFromParts takes parts that are out of their range as so many more: month 14 is February of the next year.
func dateFromParts(m *Meter, args []any) (any, error) {
	at, err := zoneOf("$dateFromParts", args[10], m)
	if err != nil || at == nil {
		return nil, err
	}
	given := func(i int) bool { return !isMissing(args[i]) }
	iso := given(3)
	if iso == given(0) || iso && (given(1) || given(2)) || !iso && (given(4) || given(5)) {
		return nil, fail("$dateFromParts requires either 'year' with 'month' and 'day', or 'isoWeekYear' with 'isoWeek' and 'isoDayOfWeek'")
	}
	n := [10]int{1: 1, 2: 1, 4: 1, 5: 1}
	for i := range n {
		if !given(i) {
			continue
		}
		if args[i] == nil {
			return nil, nil
		}
		v, ok := wholeNumber(args[i])
		if !ok || (i == 0 || i == 3) && (v < 1 || v > 9999) || v < math.MinInt32 || v > math.MaxInt32 {
			return nil, fail("$dateFromParts requires whole numbers of 32 bits, and a year from 1 to 9999")
		}
		n[i] = int(v)
	}
	day := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	if iso {
		fourth := time.Date(n[3], 1, 4, 0, 0, 0, 0, time.UTC) // it is always in the first week
		day = time.Date(n[3], 1, 4-(int(fourth.Weekday())+6)%7+(n[4]-1)*7+n[5]-1, 0, 0, 0, 0, time.UTC)
	}
	t := local(time.Date(day.Year(), day.Month(), day.Day(), n[6], n[7], n[8], 0, time.UTC), at)
	return inRange(t.Add(time.Duration(n[9]) * time.Millisecond))
}

func dateFromString(m *Meter, args []any) (any, error) {
	given := func(i int) bool { return !isMissing(args[i]) }
	if absent(args[0]) {
		return orNull(args[4]), nil
	}
	at, err := zoneOf("$dateFromString", args[2], m)
	if err != nil || at == nil || args[1] == nil {
		return nil, err
	}
	if err := m.Step(parseCost); err != nil {
		return nil, err
	}
	text, ok := args[0].(string)
	var t time.Time
	switch {
	case !ok:
		err = fail("$dateFromString requires that 'dateString' be a string, found: %s", typeName(args[0]))
	case given(1):
		format, ok := args[1].(string)
		if !ok {
			return nil, fail("$dateFromString requires that 'format' be a string, found: %s", typeName(args[1]))
		}
		t, err = parseFormat(text, format, at)
	default:
		t, err = parseDate(text, at)
	}
	if err != nil && given(3) {
		return args[3], nil
	}
	if err != nil {
		return nil, err
	}
	return inRange(t)
}

// parseCost is what reading a date costs in steps: it may be written in many ways, which are tried.
const parseCost = 50

// parseDate reads a date of ISO 8601: a day, with or without a time and an offset. Without an offset it is of the time zone.
func parseDate(text string, at *time.Location) (time.Time, error) {
	if len(text) <= 64 {
		for _, day := range []string{"2006-01-02", "20060102", "2006-01"} {
			for _, clock := range []string{"", "T15:04:05", " 15:04:05", "T15:04", " 15:04"} {
				for _, zone := range []string{"", "Z07:00", "-0700", " Z07:00", " -0700", "-07", " -07"} {
					if t, err := time.ParseInLocation(day+clock+zone, text, at); err == nil && (clock != "" || zone == "") {
						return t, nil
					}
				}
			}
		}
	}
	return time.Time{}, fail("Error parsing date string '%s': it is no date of ISO 8601", clip(text))
}

// layouts are the parts of a format by which texts are read, as the time package has them.
var layouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002", 'b': "Jan", 'B': "January", 'z': "-0700", '%': "%",
}

// parseFormat reads a date by a format of $dateToString. Milliseconds must follow the seconds, behind a point.
func parseFormat(text, format string, at *time.Location) (time.Time, error) {
	if len(text) > 256 || len(format) > 256 {
		return time.Time{}, fail("$dateFromString takes texts and formats of at most 256 bytes")
	}
	var layout strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if c := format[i]; c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' && c != 'T' || c >= 'a' && c <= 'z' || c == '_' {
				return time.Time{}, fail("the format of $dateFromString has '%s', which can't be read here: only the letter T is", strconv.QuoteRune(rune(c)))
			}
			layout.WriteByte(format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == 'L' && strings.HasSuffix(layout.String(), "05.") {
			layout.WriteString("000")
			continue
		}
		part := ""
		if i < len(format) {
			part = layouts[format[i]]
		}
		if part == "" {
			return time.Time{}, fail("the format '%s' of $dateFromString has a part that can't be read: Y m d H M S j b B z and %%, and L behind S and a point can", clip(format))
		}
		layout.WriteString(part)
	}
	t, err := time.ParseInLocation(layout.String(), text, at)
	if err != nil {
		return t, fail("Error parsing date string '%s': it doesn't have the format '%s'", clip(text), clip(format))
	}
	return t, nil
}
