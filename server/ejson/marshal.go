package ejson

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxWritten is how deep a value may be nested that is written: more than can be read, because extended JSON's own objects count there.
const maxWritten = 256

// Marshal returns the canonical text of a value (app-services 10.1). Regular expressions are escaped, which the original's client forgets.
// It fails on types that the package documentation doesn't list, on text that isn't UTF-8 and on values that are nested too deeply.
func Marshal(v any) ([]byte, error) { return Append(nil, v) }

// Append is Marshal onto dst. After an error it returns dst as it was.
func Append(dst []byte, v any) ([]byte, error) {
	out, err := write(dst, v, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func write(b []byte, v any, depth int) (_ []byte, err error) {
	if depth > maxWritten {
		return nil, fmt.Errorf("ejson: the value is nested more than %d deep", maxWritten)
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return quote(b, v)
	case int32:
		return append(strconv.AppendInt(append(b, `{"$numberInt":"`...), int64(v), 10), `"}`...), nil
	case int64:
		return append(strconv.AppendInt(append(b, `{"$numberLong":"`...), v, 10), `"}`...), nil
	case float64:
		return append(double(append(b, `{"$numberDouble":"`...), v), `"}`...), nil
	case bson.D:
		b = append(b, '{')
		for i := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = quote(b, v[i].Key); err != nil {
				return nil, err
			}
			if b, err = write(append(b, ':'), v[i].Value, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	case bson.A:
		b = append(b, '[')
		for i := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = write(b, v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case bson.ObjectID:
		return append(append(append(b, `{"$oid":"`...), v.Hex()...), `"}`...), nil
	case bson.DateTime:
		return append(strconv.AppendInt(append(b, `{"$date":{"$numberLong":"`...), int64(v), 10), `"}}`...), nil
	case bson.Binary:
		b = base64.StdEncoding.AppendEncode(append(b, `{"$binary":{"base64":"`...), v.Data)
		return fmt.Appendf(b, `","subType":"%02x"}}`, v.Subtype), nil
	case bson.Decimal128:
		return append(append(append(b, `{"$numberDecimal":"`...), v.String()...), `"}`...), nil
	case bson.Timestamp:
		return fmt.Appendf(b, `{"$timestamp":{"t":%d,"i":%d}}`, v.T, v.I), nil
	case bson.Regex:
		if b, err = quote(append(b, `{"$regularExpression":{"pattern":`...), v.Pattern); err != nil {
			return nil, err
		}
		if b, err = quote(append(b, `,"options":`...), v.Options); err != nil {
			return nil, err
		}
		return append(b, "}}"...), nil
	case bson.MinKey:
		return append(b, `{"$minKey":1}`...), nil
	case bson.MaxKey:
		return append(b, `{"$maxKey":1}`...), nil
	default:
		return nil, fmt.Errorf("ejson: a value of type %T has no extended JSON", v)
	}
}

// double writes up to 17 digits, as C's %.17g.
func double(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// quote writes a JSON string in which only that is escaped which must be.
func quote(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("ejson: the string %q is not UTF-8", short(s))
	}
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(append(b, s[start:]...), '"'), nil
}
