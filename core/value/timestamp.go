package value

import (
	"cmp"
	"math"
)

// NewTimestamp returns the instant seconds + nanoseconds*1e-9, whatever the signs and sizes of the two: the result is
// normalised. Beyond the range of 64-bit seconds it is the first or last instant.
func NewTimestamp(seconds, nanoseconds int64) Timestamp {
	carry := nanoseconds / 1e9
	nanoseconds %= 1e9
	switch sum := seconds + carry; {
	case carry > 0 && sum < seconds:
		return Timestamp{math.MaxInt64, 1e9 - 1}
	case carry < 0 && sum > seconds:
		return Timestamp{math.MinInt64, -(1e9 - 1)}
	default:
		seconds = sum
	}
	switch {
	case seconds > 0 && nanoseconds < 0:
		seconds, nanoseconds = seconds-1, nanoseconds+1e9
	case seconds < 0 && nanoseconds > 0:
		seconds, nanoseconds = seconds+1, nanoseconds-1e9
	}
	return Timestamp{seconds, int32(nanoseconds)}
}

// Valid tells whether the pair keeps the rule of the format: both of one sign, |Nanoseconds| < 1e9.
func (t Timestamp) Valid() bool {
	ns := t.Nanoseconds
	return ns > -1e9 && ns < 1e9 && (ns >= 0 || t.Seconds <= 0) && (ns <= 0 || t.Seconds >= 0)
}

// Compare orders valid timestamps by time.
func (t Timestamp) Compare(u Timestamp) int {
	if c := cmp.Compare(t.Seconds, u.Seconds); c != 0 {
		return c
	}
	return cmp.Compare(t.Nanoseconds, u.Nanoseconds)
}

// TimestampFromUnixMilli returns the instant that many milliseconds after 1970.
func TimestampFromUnixMilli(ms int64) Timestamp { return Timestamp{ms / 1000, int32(ms % 1000 * 1e6)} }

// UnixMilli returns the milliseconds since 1970, rounded down, at most the range of int64.
func (t Timestamp) UnixMilli() int64 {
	ms := int64(t.Nanoseconds / 1e6)
	if t.Nanoseconds%1e6 < 0 {
		ms--
	}
	const whole, rest = math.MaxInt64 / 1000, math.MaxInt64 % 1000
	switch s := t.Seconds; {
	case s > whole || s == whole && ms > rest:
		return math.MaxInt64
	case s < -whole || s == -whole && ms < -rest-1:
		return math.MinInt64
	default:
		return s*1000 + ms
	}
}
