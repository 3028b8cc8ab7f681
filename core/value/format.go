package value

import (
	"encoding/hex"
	"strconv"
)

// String formats the value for error texts and logs: like a literal of the query language, long texts clipped.
func (v Value) String() string {
	switch v.kind {
	case KindInt:
		return strconv.FormatInt(v.Int(), 10)
	case KindBool:
		return strconv.FormatBool(v.Bool())
	case KindString:
		return strconv.Quote(clip(v.str))
	case KindBinary:
		if len(v.str) > 32 {
			return "binary(" + hex.EncodeToString([]byte(v.str[:32])) + "...)"
		}
		return "binary(" + hex.EncodeToString([]byte(v.str)) + ")"
	case KindTimestamp:
		t := v.Timestamp()
		return "T" + strconv.FormatInt(t.Seconds, 10) + ":" + strconv.Itoa(int(t.Nanoseconds))
	case KindFloat:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	case KindDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case KindDecimal:
		return v.Decimal().String()
	case KindLink:
		l := v.Link()
		return "obj(" + strconv.Quote(clip(l.Class)) + ", " + l.Key.String() + ")"
	case KindObjectID:
		return "oid(" + v.ObjectID().String() + ")"
	case KindUUID:
		return "uuid(" + v.UUID().String() + ")"
	default:
		return v.kind.String()
	}
}
