package script

import (
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // there are no files where functions run

	"github.com/dop251/goja"
)

// dateFormat is how a date is written, as in en-US. A part that is empty is left out.
type dateFormat struct {
	zone                 *time.Location
	weekday              string // long, short, narrow
	year, month, day     string // numeric, 2-digit; the month as a weekday, too
	hour, minute, second string // numeric, 2-digit
	half                 bool   // twelve hours and AM or PM
	midnight             int    // the hour of midnight, if there are 24
	joint                string // between the date and the time
}

// styles are what dateStyle and timeStyle stand for.
var styles = map[string]dateFormat{
	"full": {weekday: "long", year: "numeric", month: "long", day: "numeric"}, "long": {year: "numeric", month: "long", day: "numeric"},
	"medium": {year: "numeric", month: "short", day: "numeric"}, "short": {year: "2-digit", month: "numeric", day: "numeric"},
}

// dateFormat reads options. If none of the parts is there that it needs ("any", "date" or "time"), those are that it fills in ("all", "date", "time").
func (c *call) dateFormat(locales, options goja.Value, needs, fills string) *dateFormat {
	c.english(locales)
	o := c.optionsOf(options, "timeZone weekday year month day hour minute second hour12 hourCycle dateStyle timeStyle localeMatcher formatMatcher")
	f := &dateFormat{zone: time.UTC, joint: ", ", half: true, midnight: 24}
	if v := valueOr(o.Get("timeZone")); !goja.IsUndefined(v) {
		var err error
		name := v.String()
		if f.zone, err = time.LoadLocation(name); err != nil || name == "" || name == "Local" {
			panic(c.rangeError("Invalid time zone specified: " + clip(name, 64)))
		}
	}
	words, digits := "long short narrow", "numeric 2-digit"
	f.weekday = c.choice(o, "weekday", "", words)
	f.year, f.month, f.day = c.choice(o, "year", "", digits), c.choice(o, "month", "", digits+" "+words), c.choice(o, "day", "", digits)
	f.hour, f.minute, f.second = c.choice(o, "hour", "", digits), c.choice(o, "minute", "", digits), c.choice(o, "second", "", digits)
	switch c.choice(o, "hourCycle", "", "h12 h23 h24") {
	case "h23":
		f.half, f.midnight = false, 0
	case "h24":
		f.half = false
	}
	if v := valueOr(o.Get("hour12")); !goja.IsUndefined(v) {
		f.half = v.ToBoolean()
	}
	date, clock := c.choice(o, "dateStyle", "", "full long medium short"), c.choice(o, "timeStyle", "", "medium short")
	hasDate, hasTime := f.weekday+f.year+f.month+f.day != "", f.hour+f.minute+f.second != ""
	switch {
	case date+clock != "":
		if hasDate || hasTime {
			panic(c.vm.NewTypeError("dateStyle and timeStyle can't be used with parts of dates"))
		}
		s := styles[date]
		f.weekday, f.year, f.month, f.day = s.weekday, s.year, s.month, s.day
		if clock != "" {
			f.hour, f.minute = "numeric", "2-digit"
		}
		if clock == "medium" {
			f.second = "2-digit"
		}
	case needs == "date" && !hasDate || needs == "time" && !hasTime || needs == "any" && !hasDate && !hasTime:
		if fills != "time" {
			f.year, f.month, f.day = "numeric", "numeric", "numeric"
		}
		if fills != "date" {
			f.hour, f.minute, f.second = "numeric", "2-digit", "2-digit"
		}
	}
	if f.month == "long" {
		f.joint = " at "
	}
	return f
}

// timeOf is the time of a Date, or of milliseconds.
func (c *call) timeOf(v goja.Value) (time.Time, bool) {
	ms := math.NaN()
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Date" {
		n, err := c.dateValue(o)
		c.must(err)
		ms = n.ToFloat()
	} else if _, ok := v.(*goja.Object); !ok {
		ms = v.ToFloat()
	} else {
		panic(c.vm.NewTypeError("this is no Date"))
	}
	if math.IsNaN(ms) || math.Abs(ms) > 8.64e15 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

func (f *dateFormat) text(t time.Time) string {
	t = t.In(f.zone)
	date, clock := f.date(t), f.clock(t)
	if date != "" && clock != "" {
		return date + f.joint + clock
	}
	return date + clock
}

func digitsOf(n int, how string) string {
	text := strconv.Itoa(n)
	if how == "2-digit" {
		text = "0" + text
		text = text[len(text)-2:]
	}
	return text
}

// word is a name as it is, in three letters, or one.
func word(name, how string) string {
	switch how {
	case "short":
		return name[:3]
	case "narrow":
		return name[:1]
	}
	return name
}

func (f *dateFormat) date(t time.Time) string {
	var year, month, day string
	if f.year != "" {
		year = digitsOf(t.Year(), f.year)
	}
	if f.day != "" {
		day = digitsOf(t.Day(), f.day)
	}
	weekday := ""
	if f.weekday != "" {
		weekday = word(t.Weekday().String(), f.weekday)
	}
	var parts []string
	separator := "/"
	switch f.month {
	case "":
		if weekday != "" && day != "" && year == "" {
			return day + " " + weekday
		}
	case "numeric", "2-digit":
		month = digitsOf(int(t.Month()), f.month)
	default:
		month, separator = word(t.Month().String(), f.month), " "
		if day != "" && year != "" {
			day += ","
		}
	}
	for _, p := range []string{month, day, year} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	text := strings.Join(parts, separator)
	if weekday != "" && text != "" {
		return weekday + ", " + text
	}
	return weekday + text
}

func (f *dateFormat) clock(t time.Time) string {
	var parts []string
	half := ""
	if f.hour != "" {
		h := t.Hour()
		if f.half {
			half = " AM"
			if h >= 12 {
				half = " PM"
			}
			h = (h+11)%12 + 1
		} else if h == 0 {
			h = f.midnight
		}
		how := f.hour
		if !f.half {
			how = "2-digit"
		}
		parts = append(parts, digitsOf(h, how))
	}
	if f.minute != "" {
		how := f.minute
		if f.hour != "" || f.second != "" {
			how = "2-digit"
		}
		parts = append(parts, digitsOf(t.Minute(), how))
	}
	if f.second != "" {
		how := f.second
		if len(parts) > 0 {
			how = "2-digit"
		}
		parts = append(parts, digitsOf(t.Second(), how))
	}
	return strings.Join(parts, ":") + half
}
