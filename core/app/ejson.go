package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxJSONDepth bounds how deep extended JSON of the program may nest.
const maxJSONDepth = 100

// canonicalJSON writes extended JSON as the original puts it on the wire (app-services 10): without white space, order kept,
// plain integers as $numberLong (as $numberDouble beyond 64 bits), plain fractions as $numberDouble. Everything else, the typed
// objects included, stays as it is. A $date that isn't a number is refused: the original's behaviour with it is undefined.
func canonicalJSON(text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	out, err := canonicalValue(make([]byte, 0, len(text)), dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value at byte %d", dec.InputOffset())
	}
	return out, nil
}

func canonicalValue(b []byte, dec *json.Decoder, depth int) ([]byte, error) {
	tok, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return jsonString(b, v), nil
	case json.Number:
		return canonicalNumber(b, v)
	}
	if depth == maxJSONDepth {
		return nil, fmt.Errorf("it nests deeper than %d at byte %d", maxJSONDepth, dec.InputOffset())
	}
	if tok == json.Delim('[') {
		b = append(b, '[')
		for first := true; dec.More(); first = false {
			if !first {
				b = append(b, ',')
			}
			if b, err = canonicalValue(b, dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return append(b, ']'), err
	}
	return canonicalObject(b, dec, depth)
}

func canonicalObject(b []byte, dec *json.Decoder, depth int) ([]byte, error) {
	b = append(b, '{')
	for first := true; dec.More(); first = false {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name := tok.(string)
		if !first {
			b = append(b, ',')
		}
		b = append(jsonString(b, name), ':')
		at := len(b)
		if first && typedObject(name) {
			// Its contents are the type's own: numbers in there are not values.
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				return nil, err
			}
			b = append(b, compactJSON(raw)...)
			if name == "$date" {
				if b, err = canonicalDate(b[:at], b[at:]); err != nil {
					return nil, err
				}
			}
			continue
		}
		if b, err = canonicalValue(b, dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return append(b, '}'), err
}

func typedObject(name string) bool {
	switch name {
	case "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$oid", "$uuid", "$date", "$binary", "$timestamp",
		"$regularExpression", "$minKey", "$maxKey":
		return true
	}
	return false
}

// canonicalDate takes an integer or {"$numberLong": "..."}, milliseconds since 1970.
func canonicalDate(b, raw []byte) ([]byte, error) {
	ms, err := jsonInt64(raw)
	if err != nil {
		return nil, fmt.Errorf("a $date is not an integer or $numberLong of milliseconds since 1970; ISO dates are not supported")
	}
	return append(b, `{"$numberLong":"`+strconv.FormatInt(ms, 10)+`"}`...), nil
}

func canonicalNumber(b []byte, n json.Number) ([]byte, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return append(b, `{"$numberLong":"`+strconv.FormatInt(i, 10)+`"}`...), nil
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("the number %.40q is out of range", string(n))
	}
	return append(b, `{"$numberDouble":"`+formatDouble(f)+`"}`...), nil
}

// formatDouble is C++'s default notation with 17 significant digits.
func formatDouble(f float64) string {
	s := strconv.FormatFloat(f, 'g', 17, 64)
	mantissa, exponent, scientific := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if !scientific {
		return mantissa
	}
	return mantissa + "e" + exponent
}
