package rql

import "strings"

// The functions below return the length of the token at the start of s, 0 if there is none.

// digits returns how many decimal digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// signedDigits is digits with an optional sign.
func signedDigits(s string) int {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if n := digits(s[1:]); n > 0 {
			return n + 1
		}
		return 0
	}
	return digits(s)
}

// scanDigits scans what begins with a digit: a calendar timestamp, a float, a hexadecimal number, a natural number.
func scanDigits(s string) (tokenKind, int) {
	n := digits(s)
	if m := scanCalendar(s); m > 0 {
		return tTimestamp, m
	}
	if m := scanFloat(s); m > n {
		return tFloat, m
	}
	if n == 1 && s[0] == '0' && len(s) > 2 && (s[1] == 'x' || s[1] == 'X') && isHex(s[2]) {
		n = 3
		for n < len(s) && isHex(s[n]) {
			n++
		}
		return tNumber, n
	}
	return tNatural, n
}

// scanSigned scans what begins with a sign or a point: a float, a number, an infinity, a nan.
func scanSigned(s string) (tokenKind, int) {
	if m := scanFloat(s); m > 0 {
		return tFloat, m
	}
	if s[0] == '.' {
		return tEnd, 0
	}
	if n := digits(s[1:]); n > 0 {
		return tNumber, n + 1
	}
	rest := lower(s[1:min(len(s), 1+len("infinity"))])
	switch {
	case rest == "infinity":
		return tInfinity, 1 + len("infinity")
	case strings.HasPrefix(rest, "inf"):
		return tInfinity, 1 + len("inf")
	case strings.HasPrefix(rest, "nan"):
		return tNaN, 1 + len("nan")
	}
	return tEnd, 0
}

// scanFloat scans digits with an exponent or an f, or digits around a point with either.
func scanFloat(s string) int {
	n := 0
	if s[0] == '+' || s[0] == '-' {
		n = 1
	}
	whole := digits(s[n:])
	n += whole
	isFloat := false
	if n < len(s) && s[n] == '.' {
		fraction := digits(s[n+1:])
		if whole == 0 && fraction == 0 {
			return 0
		}
		n += 1 + fraction
		isFloat = true
	} else if whole == 0 {
		return 0
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		if e := signedDigits(s[n+1:]); e > 0 {
			n += 1 + e
			isFloat = true
		}
	}
	if n < len(s) && s[n] == 'f' {
		n++
		isFloat = true
	}
	if !isFloat {
		return 0
	}
	return n
}

// scanCalendar scans 2021-1-31@10:00:00 and 2021-1-31T10:00:00:5.
func scanCalendar(s string) int {
	n := 0
	for _, separators := range [...]string{"-", "-", "@T", ":", ":", ""} {
		d := digits(s[n:])
		if d == 0 {
			return 0
		}
		n += d
		if separators != "" {
			if n == len(s) || strings.IndexByte(separators, s[n]) < 0 {
				return 0
			}
			n++
		}
	}
	if n < len(s) && s[n] == ':' {
		if d := digits(s[n+1:]); d > 0 {
			n += 1 + d
		}
	}
	return n
}

// scanEpoch scans T-5:-10.
func scanEpoch(s string) int {
	seconds := signedDigits(s[1:])
	if seconds == 0 || 1+seconds >= len(s) || s[1+seconds] != ':' {
		return 0
	}
	nanoseconds := signedDigits(s[2+seconds:])
	if nanoseconds == 0 {
		return 0
	}
	return 2 + seconds + nanoseconds
}

// scanString scans a string literal, whose escapes are checked but not decoded.
func scanString(s string) int {
	for n := 1; n < len(s); n++ {
		switch s[n] {
		case s[0]:
			return n + 1
		case '\\':
			n++
			if n == len(s) {
				return 0
			}
			if s[n] == 'u' {
				if len(s) < n+5 || !isHex(s[n+1]) || !isHex(s[n+2]) || !isHex(s[n+3]) || !isHex(s[n+4]) {
					return 0
				}
				n += 4
			} else if strings.IndexByte(`"'/bfnrt0\`, s[n]) < 0 {
				return 0
			}
		}
	}
	return 0
}

// scanBase64 scans B64"...".
func scanBase64(s string) int {
	if !strings.HasPrefix(s, `B64"`) {
		return 0
	}
	for n := 4; n < len(s); n++ {
		switch c := s[n]; {
		case c == '"':
			return n + 1
		case !isLetter(c) && !isDigit(c) && c != '+' && c != '/' && c != '=':
			return 0
		}
	}
	return 0
}

// scanUUID scans uuid(8-4-4-4-12 digits).
func scanUUID(s string) int {
	const layout = "uuid(xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)"
	if len(s) < len(layout) {
		return 0
	}
	for i := len("uuid"); i < len(layout); i++ {
		if layout[i] == 'x' && !isHex(s[i]) || layout[i] != 'x' && s[i] != layout[i] {
			return 0
		}
	}
	return len(layout)
}

// scanOID scans oid(24 digits).
func scanOID(s string) int {
	const length = len("oid()") + 24
	if len(s) < length || s[3] != '(' || s[length-1] != ')' {
		return 0
	}
	for i := 4; i < length-1; i++ {
		if !isHex(s[i]) {
			return 0
		}
	}
	return length
}
